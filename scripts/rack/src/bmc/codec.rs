// SPDX-License-Identifier: MIT OR Apache-2.0
//! What goes between a virtual machine and its BMC: OpenIPMI's "VM" codec (OpenIPMI, `lanserv/serial_ipmi.c`; QEMU,
//! `hw/ipmi/ipmi_bmc_extern.c`).

/// Ends a message.
const MESSAGE: u8 = 0xa0;
/// Ends a control command.
const CONTROL: u8 = 0xa1;
/// The next byte has [`ESCAPED`] set that it does not have.
const ESCAPE: u8 = 0xaa;
/// See [`ESCAPE`].
const ESCAPED: u8 = 0x10;
/// More than any message has; what is longer is not of this protocol.
const LONGEST: usize = 512;

/// What comes as one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A request or an answer.
    Message(Message),
    /// A control command: what the hardware is to do, or can do.
    Control(Vec<u8>),
    /// What is neither: it is too short, or its checksum is wrong.
    Broken(Vec<u8>),
}

/// A request or an answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The same in a request and its answer.
    pub sequence: u8,
    /// Even in a request; one more in its answer.
    pub net_fn: u8,
    /// The logical unit within the BMC.
    pub lun: u8,
    /// The command.
    pub code: u8,
    /// What follows; in an answer, first the completion code.
    pub data: Vec<u8>,
}

impl Message {
    /// The answer to this request.
    pub fn answer(&self, data: Vec<u8>) -> Message {
        Message { net_fn: self.net_fn | 1, data, ..*self }
    }

    /// Its bytes as they are sent.
    pub fn encode(&self) -> Vec<u8> {
        end(&self.bytes(), MESSAGE)
    }

    /// The same with a wrong checksum.
    pub fn encode_spoilt(&self) -> Vec<u8> {
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

/// It may carry a password.
impl std::fmt::Debug for Message {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Message { sequence, net_fn, lun, code, data } = self;
        let length = data.len();
        write!(formatter, "Message({net_fn:02x} {code:02x}, lun {lun}, sequence {sequence}, {length} bytes)")
    }
}

impl Frame {
    /// Its bytes as they are sent.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Frame::Message(message) => message.encode(),
            Frame::Control(bytes) => end(bytes, CONTROL),
            Frame::Broken(bytes) => end(bytes, MESSAGE),
        }
    }
}

/// Finds the frames in what is received.
#[derive(Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    escaped: bool,
}

impl Decoder {
    /// Takes in what was received, and hands out the frames that end in it.
    pub fn feed(&mut self, received: &[u8]) -> Vec<Frame> {
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
    fn reports_what_is_broken() {
        let mut decoder = Decoder::default();
        let spoilt = decoder.feed(&message(&[5]).encode_spoilt());
        assert!(matches!(spoilt.as_slice(), [Frame::Broken(_)]), "{spoilt:?}");
        assert_eq!(decoder.feed(&[0xa0, 1, 2, 3, 0xa0]), [Frame::Broken(vec![1, 2, 3])]);
    }

    #[test]
    fn shows_no_data() {
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
