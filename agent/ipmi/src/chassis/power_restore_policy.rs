// SPDX-License-Identifier: MIT OR Apache-2.0
//! Set Power Restore Policy (IPMI 2.0, section 28.8).

use super::RestorePolicy;
use crate::{Command, Malformed, NetFn, Reader};

/// Sets what the chassis does when AC power returns.
#[derive(Clone, Copy, Debug)]
pub struct SetPowerRestorePolicy {
    /// What it does; [`RestorePolicy::Unknown`] changes nothing.
    pub policy: RestorePolicy,
}

/// The policies that a chassis supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestorePolicies {
    /// It can stay off.
    pub off: bool,
    /// It can do what it did before.
    pub previous: bool,
    /// It can power on.
    pub on: bool,
}

impl Command for SetPowerRestorePolicy {
    const NAME: &'static str = "Set Power Restore Policy";
    const NET_FN: NetFn = NetFn::Chassis;
    const CODE: u8 = 0x06;
    const CHANGES: bool = true;
    type Answer = RestorePolicies;

    fn data(&self) -> Vec<u8> {
        vec![u8::from(self.policy) & 0x07]
    }

    fn answer(&self, data: &[u8]) -> Result<RestorePolicies, Malformed> {
        let support = Reader::new(data).byte("power restore policy support")?;
        Ok(RestorePolicies {
            off: support & 0x01 != 0,
            previous: support & 0x02 != 0,
            on: support & 0x04 != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_written() {
        let command = SetPowerRestorePolicy { policy: RestorePolicy::On };
        assert_eq!(command.data(), [2]);
        assert_eq!(
            command.answer(&[0x05]).unwrap(),
            RestorePolicies { off: true, previous: false, on: true }
        );
    }
}
