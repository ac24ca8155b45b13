// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network function Storage (IPMI 2.0, sections 31 to 34), and what is stored there.

mod clear_sel;
mod erase_sel;
mod fru;
mod fru_area;
mod fru_data;
mod piece;
mod read_fru;
mod read_sdr;
mod read_sel;
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
mod walk;

pub use clear_sel::{ClearSel, ClearSelStatus, Erasure};
pub use erase_sel::erase_sel;
pub use fru::{Board, Chassis, Fru, FruDoubt, PowerSupply, Product, extent};
pub use fru_area::{FruArea, GetFruInventoryAreaInfo};
pub use fru_data::ReadFruData;
pub use piece::{Piece, PieceOf};
pub use read_fru::read_fru;
pub use read_sdr::{Sdrs, read_sdrs};
pub use read_sel::{Sel, read_sel};
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
pub use walk::Doubt;
#[cfg(test)]
pub(in crate::ipmi) use walk::model::Model;
