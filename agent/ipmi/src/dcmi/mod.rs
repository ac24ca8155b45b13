// SPDX-License-Identifier: MIT OR Apache-2.0
//! The group extension DCMI (*Data Center Manageability Interface Specification, version 1.5, revision 1.0*: "DCMI").

mod asset_tag;
mod capabilities;
mod controller_id;
mod piece;
mod power_reading;

pub use asset_tag::{GetAssetTag, SetAssetTag};
pub use capabilities::{DcmiCapabilities, GetDcmiCapabilities};
pub use controller_id::{GetControllerId, SetControllerId};
pub use piece::Piece;
pub use power_reading::{GetPowerReading, PowerReading};

use super::{Malformed, Reader};

/// The group extension: the first byte of each request and of each response.
const GROUP: u8 = 0xdc;

/// Reads the group's number.
fn group(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    match reader.byte("group extension")? {
        GROUP => Ok(()),
        other => Err(Malformed::Impossible {
            field: "group extension",
            value: other.into(),
            why: "DCMI is group dch",
        }),
    }
}
