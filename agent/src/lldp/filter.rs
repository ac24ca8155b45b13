// SPDX-License-Identifier: MIT OR Apache-2.0
//! The classic BPF program on a port's socket (Documentation/networking/filter.rst). Pure.
//!
//! It accepts LLDP, by EtherType or in SNAP, and CDP, with up to two VLAN tags, of which the kernel has removed the outer
//! one. An LLDPDU begins with a chassis ID TLV (802.1AB-2016 8.2): most noise does not, and is dropped here.

/// An instruction: `struct sock_filter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// Operation.
    pub(crate) code: u16,
    /// Instructions to skip if the comparison is true.
    pub(crate) jt: u8,
    /// Instructions to skip if it is false.
    pub(crate) jf: u8,
    /// Operand.
    pub(crate) k: u32,
}

/// `BPF_LDX | BPF_IMM`: X = k.
const X: u16 = 0x01;
/// `BPF_LD | BPF_H | BPF_ABS`: A = two bytes at k.
const HALF: u16 = 0x28;
/// `BPF_LD | BPF_W | BPF_IND`: A = four bytes at X + k.
const WORD_X: u16 = 0x40;
/// `BPF_LD | BPF_B | BPF_IND`: A = the byte at X + k.
const BYTE_X: u16 = 0x50;
/// `BPF_ALU | BPF_AND | BPF_K`: A = A & k.
const AND: u16 = 0x54;
/// `BPF_JMP | BPF_JEQ | BPF_K`: A = k?
const EQUAL: u16 = 0x15;
/// `BPF_JMP | BPF_JGT | BPF_K`: A > k?
const GREATER: u16 = 0x25;
/// `BPF_JMP | BPF_JA`: skip k instructions.
const JUMP: u16 = 0x05;
/// `BPF_RET | BPF_K`: accept k bytes of the frame; 0 drops it.
const ACCEPT: u16 = 0x06;

/// X holds the length of the inner tag. A load beyond the end of the frame drops the frame.
pub(crate) const PROGRAM: [Instruction; 21] = [
    plain(X, 0),
    plain(HALF, 12),
    jump(EQUAL, 0x8100, 2, 0),
    jump(EQUAL, 0x88a8, 1, 0),
    // Before 802.1ad, for the outer tag. The kernel does not remove it.
    jump(EQUAL, 0x9100, 0, 2),
    plain(X, 4),
    plain(HALF, 16),
    jump(EQUAL, 0x88cc, 8, 0),
    // More than that is an EtherType, not the length of what begins with LLC (802.3-2018 3.2.6).
    jump(GREATER, 1500, 10, 0),
    plain(WORD_X, 14),
    jump(EQUAL, 0xaaaa_0300, 0, 8),
    plain(WORD_X, 18),
    jump(EQUAL, 0x000c_2000, 7, 0),
    jump(EQUAL, 0x0000_88cc, 0, 5),
    plain(BYTE_X, 22),
    plain(JUMP, 1),
    plain(BYTE_X, 14),
    // The TLV type has seven bits, the eighth belongs to the length.
    plain(AND, 0xfe),
    jump(EQUAL, 1 << 1, 1, 0),
    plain(ACCEPT, 0),
    plain(ACCEPT, 0xffff),
];

const fn plain(code: u16, k: u32) -> Instruction {
    Instruction { code, jt: 0, jf: 0, k }
}

const fn jump(code: u16, k: u32, jt: u8, jf: u8) -> Instruction {
    Instruction { code, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lldp_rs::{ChassisId, Lldpdu, MacAddress, Text, ethernet};
    use proptest::prelude::{any, prop, prop_assert, proptest};

    /// Runs the program as the kernel does.
    fn accepts(frame: &[u8]) -> bool {
        let (mut a, mut x, mut at) = (0_u32, 0_u32, 0);
        loop {
            let Instruction { code, jt, jf, k } = PROGRAM[at];
            let load = |from: u32, length: usize| {
                let bytes = frame.get(from as usize..from as usize + length)?;
                Some(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
            };
            let loaded = match code {
                HALF => load(k, 2),
                WORD_X => load(x + k, 4),
                BYTE_X => load(x + k, 1),
                _ => Some(a),
            };
            let Some(loaded) = loaded else { return false };
            a = loaded;
            at += 1;
            match code {
                X => x = k,
                AND => a &= k,
                EQUAL => at += usize::from(if a == k { jt } else { jf }),
                GREATER => at += usize::from(if a > k { jt } else { jf }),
                JUMP => at += k as usize,
                ACCEPT => return k > 0,
                _ => {}
            }
        }
    }

    fn lldp() -> Vec<u8> {
        let port = MacAddress([2, 0, 0, 0, 0, 1]);
        let lldpdu = Lldpdu::solicit(ChassisId::Local(Text::from("a")), port, 20, "b").unwrap();
        ethernet::lldp_frame(ethernet::NEAREST_BRIDGE, port, &lldpdu)
    }

    fn with(at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut frame = lldp();
        frame.splice(at..at, bytes.iter().copied());
        frame
    }

    #[test]
    fn lldp_and_cdp_pass_with_and_without_a_tag() {
        assert!(accepts(&lldp()));
        assert!(accepts(&with(12, &[0x81, 0, 0, 7])));
        assert!(accepts(&with(12, &[0x88, 0xa8, 0, 7])));
        assert!(accepts(&with(12, &[0x91, 0, 0, 7])));
        assert!(accepts(&with(12, &[0, 60, 0xaa, 0xaa, 3, 0, 0, 0])));
        assert!(accepts(&with(12, &[0x81, 0, 0, 7, 0, 60, 0xaa, 0xaa, 3, 0, 0, 0])));
        let cdp = [&[0; 12][..], &[0, 60, 0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 2, 180]].concat();
        assert!(accepts(&cdp));
    }

    #[test]
    fn other_frames_do_not() {
        assert!(!accepts(&[]));
        assert!(!accepts(&lldp()[..14]));
        let ipv4 = [&[0; 12][..], &[8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
        assert!(!accepts(&ipv4));
        let stp = [&[0; 12][..], &[0, 38, 0x42, 0x42, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
        assert!(!accepts(&stp));
        let no_chassis_id = [&[0; 12][..], &[0x88, 0xcc, 4, 7, 4, 1, 2, 3, 4, 5, 6]].concat();
        assert!(!accepts(&no_chassis_id));
    }

    #[test]
    fn every_jump_stays_in_the_program() {
        for (index, instruction) in PROGRAM.iter().enumerate() {
            let furthest = match instruction.code {
                EQUAL | GREATER => usize::from(instruction.jt.max(instruction.jf)),
                JUMP => instruction.k as usize,
                _ => 0,
            };
            assert!(index + furthest + 1 < PROGRAM.len() || instruction.code == ACCEPT);
        }
    }

    proptest! {
        #[test]
        fn whatever_decodes_passes(tail in prop::collection::vec(any::<u8>(), 0..100), snap in any::<bool>(), tag in any::<bool>()) {
            let mut frame = vec![2; 12];
            if tag {
                frame.extend(if snap { [0x81, 0, 0, 7] } else { [0x91, 0, 0, 7] });
            }
            if snap {
                frame.extend([0, tail.len() as u8 + 8, 0xaa, 0xaa, 3, 0, 0, 0]);
            }
            frame.extend([0x88, 0xcc]);
            frame.extend(tail);
            if let Ok(ethernet::Frame { payload: ethernet::Payload::Lldp(payload), .. }) = ethernet::Frame::decode(&frame) {
                prop_assert!(accepts(&frame) || Lldpdu::decode(payload).is_err());
            }
        }
    }
}
