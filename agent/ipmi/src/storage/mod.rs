// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network function Storage (IPMI 2.0, sections 31 to 34), and what is stored there.

mod fru;
mod fru_area;
mod fru_data;
mod locator;
mod sdr_record;
mod sdr_repository;
mod sel;
mod sel_record;
mod sel_time;
mod sensor_record;
mod text;

pub use crate::piece::{Piece, PieceOf};
pub use fru::{Board, Chassis, Fru, FruWarning, Manufactured, PowerSupply, Product, extent};
pub use fru_area::{FruArea, GetFruInventoryAreaInfo};
pub use fru_data::ReadFruData;
pub use locator::{ControllerLocator, Entity, FruLocator};
pub use sdr_record::{Sdr, SdrContent};
pub use sdr_repository::{GetSdr, GetSdrRepositoryInfo, ReserveSdrRepository, SdrRepositoryInfo};
pub use sel::{ClearSel, ClearSelStatus, Erasure, GetSelEntry, GetSelInfo, ReserveSel, SelInfo};
pub use sel_record::{Generator, SelContent, SelRecord};
pub use sel_time::{GetSelTime, SetSelTime, Timestamp};
pub use sensor_record::{Form, SensorRecord};
