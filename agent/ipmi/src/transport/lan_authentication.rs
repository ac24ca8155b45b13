// SPDX-License-Identifier: MIT OR Apache-2.0
//! LAN parameters 1 and 2: the authentication types of IPMI 1.5 sessions (IPMI 2.0, table 23-4).

use super::LanParameter;
use crate::{Malformed, Parameter, Reader, Writable};

/// A set of authentication types of IPMI 1.5 (IPMI 2.0, section 13.6): a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuthenticationTypes(pub u8);

impl AuthenticationTypes {
    /// No authentication.
    pub const NONE: Self = Self(0x01);
    /// MD2.
    pub const MD2: Self = Self(0x02);
    /// MD5.
    pub const MD5: Self = Self(0x04);
    /// A straight password or key: it is sent in the clear.
    pub const PASSWORD: Self = Self(0x10);
    /// OEM.
    pub const OEM: Self = Self(0x20);

    /// Whether it has one of `types`.
    pub fn has(self, types: Self) -> bool {
        self.0 & types.0 != 0
    }

    /// Those of either.
    pub fn and(self, types: Self) -> Self {
        Self(self.0 | types.0)
    }

    /// Those that are not in `types`.
    pub fn without(self, types: Self) -> Self {
        Self(self.0 & !types.0)
    }
}

/// Parameter 1: the types that the BMC has; read-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthenticationSupport(pub AuthenticationTypes);

/// Parameter 2: the types that are enabled for the privilege levels Callback, User, Operator, Administrator and OEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthenticationEnables(pub [AuthenticationTypes; 5]);

impl LanParameter for AuthenticationSupport {}

impl Parameter for AuthenticationSupport {
    const NAME: &'static str = "LAN parameter 1, authentication type support";
    const NUMBER: u8 = 1;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.byte("authentication type support").map(|byte| Self(types(byte)))
    }
}

impl LanParameter for AuthenticationEnables {}

impl Parameter for AuthenticationEnables {
    const NAME: &'static str = "LAN parameter 2, authentication type enables";
    const NUMBER: u8 = 2;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.array::<5>("authentication type enables").map(|bytes| Self(bytes.map(types)))
    }
}

impl Writable for AuthenticationEnables {
    fn encode(&self) -> Vec<u8> {
        self.0.iter().map(|types| types.0).collect()
    }
}

fn types(byte: u8) -> AuthenticationTypes {
    AuthenticationTypes(byte & 0x3f)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;
    use crate::Command;
    use crate::transport::{GetLanParameter, SetLanParameter};

    #[test]
    fn types_are_read_and_written_as_ipmitool_does() {
        let get = GetLanParameter::<AuthenticationEnables>::new(1);
        assert_eq!(get.data(), [1, 2, 0, 0]);
        let AuthenticationEnables(mut levels) = get.answer(&[0x11, 0x17, 0x17, 0x17, 0x17, 0x00]).unwrap();
        assert!(levels[0].has(AuthenticationTypes::NONE) && !levels[4].has(AuthenticationTypes::MD5));
        // `ipmitool lan set 1 auth admin md5`
        levels[3] = AuthenticationTypes::MD5;
        let set = SetLanParameter { channel: 1, value: AuthenticationEnables(levels) };
        assert_eq!(set.data(), [1, 2, 0x17, 0x17, 0x17, 0x04, 0x00]);
        let weak = AuthenticationTypes::NONE.and(AuthenticationTypes::MD2).and(AuthenticationTypes::PASSWORD);
        assert_eq!(levels[0].without(weak), AuthenticationTypes::MD5);
        assert!(get.answer(&[0x11, 0, 0, 0, 0]).is_err());
        let support = GetLanParameter::<AuthenticationSupport>::new(1).answer(&[0x11, 0xd7]).unwrap();
        assert_eq!(support, AuthenticationSupport(AuthenticationTypes(0x17)));
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_is_written(bytes in any::<[u8; 5]>()) {
            let enables = AuthenticationEnables::decode(&mut Reader::new(&bytes)).unwrap();
            prop_assert_eq!(enables.encode(), bytes.map(|byte| byte & 0x3f));
        }
    }
}
