// SPDX-License-Identifier: MIT OR Apache-2.0
//! IPMI requests and responses, for logs and tests. Passwords are left out.

use std::fmt::{self, Display};

use super::codec::Message;

/// A request and its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The request's network function.
    pub net_fn: u8,
    /// The request's command.
    pub code: u8,
    /// The request's data, without a password.
    pub data: Vec<u8>,
    /// The number of bytes of the password after that.
    pub secret: usize,
    /// The first response that the host received: completion code and data.
    pub response: Option<Vec<u8>>,
}

/// Set User Password (IPMI 2.0, section 22.30).
pub const SET_USER_PASSWORD: (u8, u8) = (0x06, 0x47);

/// Commands that change something, as (network function, command): user access, name and password, payload access, channel
/// access and security keys, system information, LAN and SOL parameters, boot options, power and power policy, identify
/// LED, watchdog, resets, SEL, SEL time and DCMI parameters.
const WRITES: [(u8, u8); 25] = [
    (0x06, 0x02),
    (0x06, 0x03),
    (0x06, 0x22),
    (0x06, 0x24),
    (0x06, 0x40),
    (0x06, 0x43),
    (0x06, 0x45),
    SET_USER_PASSWORD,
    (0x06, 0x4c),
    (0x06, 0x56),
    (0x06, 0x58),
    (0x0c, 0x01),
    (0x0c, 0x21),
    (0x00, 0x02),
    (0x00, 0x04),
    (0x00, 0x06),
    (0x00, 0x08),
    (0x0a, 0x44),
    (0x0a, 0x46),
    (0x0a, 0x47),
    (0x0a, 0x49),
    (0x2c, 0x04),
    (0x2c, 0x08),
    (0x2c, 0x0a),
    (0x2c, 0x12),
];

impl Exchange {
    /// A request without a response yet.
    pub fn begin(request: &Message) -> Exchange {
        let Message { net_fn, code, .. } = *request;
        let open = if (net_fn, code) == SET_USER_PASSWORD { 2 } else { usize::MAX };
        let (data, secret) = request.data.split_at(open.min(request.data.len()));
        Exchange { net_fn, code, data: data.to_vec(), secret: secret.len(), response: None }
    }

    /// Network function and command.
    pub fn command(&self) -> (u8, u8) {
        (self.net_fn, self.code)
    }

    /// Whether the request changes the BMC's state. Testing a password does not.
    pub fn is_write(&self) -> bool {
        let tests = self.command() == SET_USER_PASSWORD && self.data.get(1).is_some_and(|byte| byte & 3 == 3);
        WRITES.contains(&self.command()) && !tests
    }
}

/// `06 47 02 02 (16 secret bytes) -> 00`
impl Display for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02x} {:02x}", self.net_fn, self.code)?;
        show(formatter, &self.data)?;
        if self.secret > 0 {
            write!(formatter, " ({} secret bytes)", self.secret)?;
        }
        match &self.response {
            Some(response) => formatter.write_str(" ->").and_then(|()| show(formatter, response)),
            None => formatter.write_str(" -> nothing"),
        }
    }
}

fn show(formatter: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(formatter, " {byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(code: u8, data: &[u8]) -> Exchange {
        Exchange::begin(&Message { sequence: 1, net_fn: 6, lun: 0, code, data: data.to_vec() })
    }

    #[test]
    fn hides_passwords_only() {
        let mut set = exchange(0x47, b"\x02\x02secret");
        set.response = Some(vec![0]);
        assert_eq!(set.to_string(), "06 47 02 02 (6 secret bytes) -> 00");
        assert!(!format!("{set:?}").contains("115"), "{set:?}");
        assert_eq!(exchange(0x45, &[2, 0x61]).to_string(), "06 45 02 61 -> nothing");
        assert_eq!(exchange(0x47, &[2]).to_string(), "06 47 02 -> nothing");
    }

    #[test]
    fn distinguishes_writes_from_reads() {
        assert!(exchange(0x47, &[2, 2]).is_write() && exchange(0x45, &[]).is_write());
        assert!(!exchange(0x47, &[2, 3]).is_write() && !exchange(0x46, &[2]).is_write());
    }
}
