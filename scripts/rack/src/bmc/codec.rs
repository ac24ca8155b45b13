// SPDX-License-Identifier: MIT OR Apache-2.0
//! The protocol between a virtual machine and its BMC: OpenIPMI's "VM" codec (OpenIPMI, `lanserv/serial_ipmi.c`; QEMU,
//! `hw/ipmi/ipmi_bmc_extern.c`).

/// Ends a message.
const MESSAGE: u8 = 0xa0;
/// Ends a control command.
const CONTROL: u8 = 0xa1;
/// Escapes the next byte, which has [`ESCAPED`] set.
const ESCAPE: u8 = 0xaa;
/// See [`ESCAPE`].
const ESCAPED: u8 = 0x10;
/// More bytes than any message has.
const LONGEST: usize = 512;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A request or a response.
    Message(Message),
    /// A control command: actions and capabilities of the hardware.
    Control(Vec<u8>),
    /// Neither: too short, or a wrong checksum.
    Broken(Vec<u8>),
}

/// A request or a response.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Sequence number; a response has that of its request.
    pub sequence: u8,
    /// Network function: even in a request, one more in its response.
    pub net_fn: u8,
    /// Logical unit number in the BMC.
    pub lun: u8,
    /// Command code.
    pub code: u8,
    /// Data; in a response, the first byte is the completion code.
    pub data: Vec<u8>,
}

impl Message {
    /// The response to this request.
    pub fn response(&self, data: Vec<u8>) -> Message {
        Message { net_fn: self.net_fn | 1, data, ..*self }
    }

    /// The bytes on the wire.
    pub(crate) fn encode(&self) -> Vec<u8> {
        end(&self.bytes(), MESSAGE)
    }

    /// The bytes on the wire, with a wrong checksum.
    pub(crate) fn encode_corrupted(&self) -> Vec<u8> {
        let mut bytes = self.bytes();
        if let Some(checksum) = bytes.last_mut() {
            *checksum ^= 1;
        }
        end(&bytes, MESSAGE)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.sequence, self.net_fn << 2 | self.lun, self.code];
        bytes.extend(&self.data);
        bytes.push(sum(&bytes).wrapping_neg());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Message> {
        let (&[sequence, net_fn_lun, code], rest) = bytes.split_first_chunk::<3>()?;
        let (_, data) = rest.split_last()?;
        let (net_fn, lun) = (net_fn_lun >> 2, net_fn_lun & 3);
        (sum(bytes) == 0).then(|| Message { sequence, net_fn, lun, code, data: data.to_vec() })
    }
}

/// Without the data, which may have a password.
impl std::fmt::Debug for Message {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Message { sequence, net_fn, lun, code, data } = self;
        let length = data.len();
        write!(formatter, "Message({net_fn:02x} {code:02x}, lun {lun}, sequence {sequence}, {length} bytes)")
    }
}

impl Frame {
    /// The bytes on the wire.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Frame::Message(message) => message.encode(),
            Frame::Control(bytes) => end(bytes, CONTROL),
            Frame::Broken(bytes) => end(bytes, MESSAGE),
        }
    }
}

/// Splits received bytes into frames.
#[derive(Default)]
pub(crate) struct Decoder {
    bytes: Vec<u8>,
    escaped: bool,
}

impl Decoder {
    /// Adds received bytes, and returns the frames that end in them.
    pub(crate) fn feed(&mut self, received: &[u8]) -> Vec<Frame> {
        received.iter().filter_map(|&byte| self.take(byte)).collect()
    }

    fn take(&mut self, byte: u8) -> Option<Frame> {
        match byte {
            MESSAGE | CONTROL => {
                self.escaped = false;
                let bytes = std::mem::take(&mut self.bytes);
                return match byte {
                    _ if bytes.is_empty() => None,
                    MESSAGE => Some(Message::read(&bytes).map_or(Frame::Broken(bytes), Frame::Message)),
                    _ => Some(Frame::Control(bytes)),
                };
            }
            ESCAPE => self.escaped = true,
            _ if self.bytes.len() < LONGEST => {
                self.bytes.push(if self.escaped { byte & !ESCAPED } else { byte });
                self.escaped = false;
            }
            _ => {}
        }
        None
    }
}

fn end(bytes: &[u8], mark: u8) -> Vec<u8> {
    let mut sent = Vec::with_capacity(bytes.len() + 8);
    for &byte in bytes {
        match byte {
            MESSAGE | CONTROL | ESCAPE => sent.extend([ESCAPE, byte | ESCAPED]),
            _ => sent.push(byte),
        }
    }
    sent.push(mark);
    sent
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    fn message(data: &[u8]) -> Message {
        Message { sequence: 1, net_fn: 6, lun: 0, code: 1, data: data.to_vec() }
    }

    #[test]
    fn encodes_as_openipmi_does() {
        assert_eq!(message(&[]).encode(), [0x01, 0x18, 0x01, 0xe6, 0xa0]);
        assert_eq!(
            message(&[0xa0, 0xa1, 0xaa]).encode(),
            [0x01, 0x18, 0x01, 0xaa, 0xb0, 0xaa, 0xb1, 0xaa, 0xba, 0xfb, 0xa0]
        );
        assert_eq!(Frame::Control(vec![0xff, 1]).encode(), [0xff, 0x01, 0xa1]);
    }

    #[test]
    fn recognizes_broken_frames() {
        let mut decoder = Decoder::default();
        let corrupted = decoder.feed(&message(&[5]).encode_corrupted());
        assert!(matches!(corrupted.as_slice(), [Frame::Broken(_)]), "{corrupted:?}");
        assert_eq!(decoder.feed(&[0xa0, 1, 2, 3, 0xa0]), [Frame::Broken(vec![1, 2, 3])]);
    }

    #[test]
    fn debug_output_has_no_data() {
        assert!(!format!("{:?}", message(b"secret")).contains("115"));
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(
            sequence in any::<u8>(),
            (net_fn, lun) in (0u8..64, 0u8..4),
            code in any::<u8>(),
            data in proptest::collection::vec(any::<u8>(), 0..80),
            control in proptest::collection::vec(any::<u8>(), 1..4),
            piece in 1usize..20,
        ) {
            let frames =
                [Frame::Message(Message { sequence, net_fn, lun, code, data }), Frame::Control(control)];
            let sent: Vec<u8> = frames.iter().flat_map(Frame::encode).collect();
            let mut decoder = Decoder::default();
            let read: Vec<Frame> = sent.chunks(piece).flat_map(|piece| decoder.feed(piece)).collect();
            prop_assert_eq!(read, frames);
        }

        #[test]
        fn survives_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            Decoder::default().feed(&bytes);
        }
    }
}
