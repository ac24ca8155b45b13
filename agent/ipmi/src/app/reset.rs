// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cold Reset and Warm Reset (IPMI 2.0, sections 20.2 and 20.3).

use crate::{Command, Malformed, NetFn};

/// Restarts the BMC; volatile settings return to their defaults. It may take minutes, and the response may be lost.
#[derive(Clone, Copy, Debug)]
pub struct ColdReset;

/// Restarts the BMC's sessions and keeps its settings; many BMCs do not support it.
#[derive(Clone, Copy, Debug)]
pub struct WarmReset;

impl Command for ColdReset {
    const NAME: &'static str = "Cold Reset";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x02;
    const CHANGES: bool = true;
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

impl Command for WarmReset {
    const NAME: &'static str = "Warm Reset";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x03;
    const CHANGES: bool = true;
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}
