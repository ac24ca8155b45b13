// SPDX-License-Identifier: MIT OR Apache-2.0
//! Set Channel Security Keys (IPMI 2.0, section 22.25), of which only the key K_G is used.

use std::fmt;

use crate::{Command, Malformed, NetFn, Reader};

/// Key ID of K_G (table 22-29).
const K_G: u8 = 0x01;

/// The second key of two-key logins, K_G: 20 bytes, all zero if it is not used. Its `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChannelKey(pub [u8; 20]);

/// Reads K_G of a channel.
#[derive(Clone, Copy, Debug)]
pub struct GetChannelKey {
    /// Channel number, 0 to 15.
    pub channel: u8,
}

/// Sets K_G of a channel.
#[derive(Clone, Copy, Debug)]
pub struct SetChannelKey {
    /// Channel number, 0 to 15.
    pub channel: u8,
    /// The new key.
    pub key: ChannelKey,
}

impl fmt::Debug for ChannelKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ChannelKey(…)")
    }
}

impl Command for GetChannelKey {
    const NAME: &'static str = "Set Channel Security Keys, read";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x56;
    const ABSENT: Option<u8> = Some(0x80);
    type Answer = ChannelKey;

    fn data(&self) -> Vec<u8> {
        vec![self.channel & 0x0f, 0, K_G]
    }

    fn answer(&self, data: &[u8]) -> Result<ChannelKey, Malformed> {
        let mut reader = Reader::new(data);
        reader.byte("lock status")?;
        reader.array("key K_G").map(ChannelKey)
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        own_completion(code)
    }
}

impl Command for SetChannelKey {
    const NAME: &'static str = "Set Channel Security Keys";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x56;
    const CHANGES: bool = true;
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        [&[self.channel & 0x0f, 1, K_G], self.key.0.as_slice()].concat()
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        own_completion(code)
    }
}

fn own_completion(code: u8) -> Option<&'static str> {
    match code {
        0x80 => Some("the key is locked"),
        0x81 => Some("too few key bytes"),
        0x82 => Some("too many key bytes"),
        0x83 => Some("the key does not meet the BMC's rules"),
        0x84 => Some("this key is not used"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn a_key_is_read_and_set() {
        let key = ChannelKey(*b"twenty bytes of a ke");
        let get = GetChannelKey { channel: 1 };
        assert_eq!(get.data(), [1, 0, 1]);
        assert_eq!(get.answer(b"\x02twenty bytes of a ke").unwrap(), key);
        assert!(get.answer(&[0x00]).is_err());
        let set = SetChannelKey { channel: 8, key };
        assert_eq!(set.data(), b"\x08\x01\x01twenty bytes of a ke");
        assert!(!format!("{set:?}").contains("116"), "it does not show the key");
    }

    proptest! {
        #[test]
        fn a_key_comes_back(key in any::<[u8; 20]>(), status in any::<u8>()) {
            let set = SetChannelKey { channel: 1, key: ChannelKey(key) }.data();
            let answer = [&[status], &set[3..]].concat();
            prop_assert_eq!(GetChannelKey { channel: 1 }.answer(&answer).unwrap(), ChannelKey(key));
        }
    }
}
