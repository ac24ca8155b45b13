// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network function Storage (IPMI 2.0, sections 31 to 34), and what is stored there.

mod clear_sel;
mod fru;
mod fru_area;
mod fru_data;
mod piece;
mod reserve_sdr;
mod reserve_sel;
mod sdr;
mod sdr_info;
mod sdr_record;
mod sel_entry;
mod sel_info;
mod sel_record;
mod sel_time;
mod sensor_record;
mod set_sel_time;
mod text;
mod timestamp;

pub use clear_sel::{ClearSel, ClearSelStatus, Erasure};
pub use fru::{Board, Chassis, Fru, FruDoubt, PowerSupply, Product, extent};
pub use fru_area::{FruArea, GetFruInventoryAreaInfo};
pub use fru_data::ReadFruData;
pub use piece::{Piece, PieceOf};
pub use reserve_sdr::ReserveSdrRepository;
pub use reserve_sel::ReserveSel;
pub use sdr::GetSdr;
pub use sdr_info::{GetSdrRepositoryInfo, SdrRepositoryInfo};
pub use sdr_record::{ControllerLocator, Entity, FruLocator, Sdr, SdrContent};
pub use sel_entry::GetSelEntry;
pub use sel_info::{GetSelInfo, SelInfo};
pub use sel_record::{Generator, SelContent, SelRecord};
pub use sel_time::GetSelTime;
pub use sensor_record::{Form, SensorRecord};
pub use set_sel_time::SetSelTime;
pub use timestamp::Timestamp;
