// SPDX-License-Identifier: MIT OR Apache-2.0
//! Netlink messages and attributes of any family (netlink(7), include/uapi/linux/netlink.h).

/// Message type: an acknowledgement (0) or an error (a negative errno).
pub const ERROR: u16 = 2;
/// Message type: the end of a dump.
pub const DONE: u16 = 3;

/// A flag: requests an acknowledgement, [`ERROR`].
pub const ACK: u16 = 0x4;
/// A flag: requests all objects, up to [`DONE`].
pub const DUMP: u16 = 0x300;

const REQUEST: u16 = 0x1;
const HEADER: usize = 16;
/// Without `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`.
const TYPE_MASK: u16 = 0x3fff;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Message type (`nlmsg_type`), whose meaning depends on the family.
    pub kind: u16,
    /// What follows the header.
    pub body: &'a [u8],
}

/// An attribute of an [`ERROR`]: why, in the driver's words.
const NLMSGERR_ATTR_MSG: u16 = 1;
/// Offset of the attributes of an [`ERROR`] if the request's body is not echoed (`NETLINK_CAP_ACK`): after the errno
/// and the request's header.
const EXTENDED: usize = 4 + HEADER;

impl Message<'_> {
    /// The code of an [`ERROR`]: 0 or a negative errno; `None` for other messages.
    pub fn code(&self) -> Option<i32> {
        (self.kind == ERROR).then(|| u32_at(self.body, 0)).flatten().map(u32::cast_signed)
    }

    /// The driver's message in an [`ERROR`], where it has one (`NETLINK_EXT_ACK`).
    pub fn words(&self) -> Option<String> {
        let attributes = self.body.get(EXTENDED..).filter(|_| self.kind == ERROR)?;
        find(attributes, NLMSGERR_ATTR_MSG).map(text)
    }
}

/// The messages of a datagram from the kernel, up to a damaged one.
pub fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = u32_at(datagram, 0)? as usize;
        let message = Message { kind: u16_at(datagram, 4)?, body: datagram.get(HEADER..length)? };
        datagram = datagram.get(aligned(length)..).unwrap_or_default();
        Some(message)
    })
}

/// The attributes in `bytes`, up to a damaged one.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(bytes, 0)?);
        let attribute = (u16_at(bytes, 2)? & TYPE_MASK, bytes.get(4..length)?);
        bytes = bytes.get(aligned(length)..).unwrap_or_default();
        Some(attribute)
    })
}

/// The value of the first attribute of a type.
pub fn find(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(found, _)| *found == kind).map(|(_, value)| value)
}

/// A text attribute's value, which ends with a NUL.
pub fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_end_matches('\0').to_string()
}

/// Encodes a request: header, family header (`body`) and attributes. Sequence number and port are 0.
pub fn request(kind: u16, flags: u16, body: &[u8], attributes: &[u8]) -> Vec<u8> {
    let length = (HEADER + body.len() + attributes.len()) as u32;
    let mut message = length.to_ne_bytes().to_vec();
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(&(REQUEST | flags).to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(body);
    message.extend_from_slice(attributes);
    message
}

/// Encodes an attribute, padded to 4 bytes.
pub fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = ((4 + value.len()) as u16).to_ne_bytes().to_vec();
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(aligned(bytes.len()), 0);
    bytes
}

/// The number at an offset, in the byte order of the machine; `None` beyond the end.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

/// The number at an offset, in the byte order of the machine; `None` beyond the end.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_ne_bytes)
}

/// The number at an offset, in the byte order of the machine; `None` beyond the end.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    #[test]
    fn an_error_may_have_words() {
        let header = request(0x17, ACK, &[], &[]);
        let body = [&(-22_i32).to_ne_bytes(), &header[..]].concat();
        let words = attribute(NLMSGERR_ATTR_MSG, b"nicsim: image checksum invalid\0");
        let error = Message { kind: ERROR, body: &[&body[..], &words].concat() };
        assert_eq!(
            (error.code(), error.words().as_deref()),
            (Some(-22), Some("nicsim: image checksum invalid"))
        );
        assert_eq!(Message { kind: ERROR, body: &body }.words(), None);
        assert_eq!(Message { kind: DONE, ..error }.words(), None);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(values in prop::collection::vec((1..TYPE_MASK, prop::collection::vec(any::<u8>(), 0..9)), 0..5)) {
            let written: Vec<u8> = values.iter().flat_map(|(kind, value)| attribute(*kind, value)).collect();
            let datagram = [request(20, ACK, &[7; 4], &written), request(DONE, 0, &[0; 4], &[])].concat();
            let read: Vec<Message> = messages(&datagram).collect();
            prop_assert_eq!(read.len(), 2);
            prop_assert_eq!(read[0].kind, 20);
            let read: Vec<(u16, Vec<u8>)> = attributes(&read[0].body[4..]).map(|(kind, value)| (kind, value.to_vec())).collect();
            prop_assert_eq!(read, values);
        }

        #[test]
        fn no_bytes_bring_it_down(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for message in messages(&bytes) {
                let _ = (message.code(), message.words(), attributes(message.body).count());
            }
            for (_, value) in attributes(&bytes) {
                let _ = text(value);
            }
        }
    }
}
