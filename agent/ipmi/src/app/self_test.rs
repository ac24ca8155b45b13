// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get Self Test Results (IPMI 2.0, section 20.4).

use crate::{Command, Malformed, NetFn, Reader};

/// Get Self Test Results: the result of the self test at the BMC's last start.
#[derive(Clone, Copy, Debug)]
pub struct GetSelfTestResults;

/// What a self test found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfTest {
    /// No error.
    Passed,
    /// The BMC has none.
    NotImplemented,
    /// Data or devices cannot be reached or are corrupt; the bits are those of [`SelfTest::faults`].
    Corrupted(u8),
    /// The hardware is broken, with a detail in the manufacturer's own format.
    Fatal(u8),
    /// An OEM result, with its detail.
    Other(u8, u8),
}

/// The bits of the second byte, from bit 0 on.
const FAULTS: [&str; 8] = [
    "the operational firmware is corrupt",
    "the boot block of the firmware is corrupt",
    "the internal use area of the FRU is corrupt",
    "the SDR repository is empty",
    "the IPMB does not answer",
    "the FRU device cannot be reached",
    "the SDR repository cannot be reached",
    "the SEL cannot be reached",
];

impl SelfTest {
    /// What is corrupt or cannot be reached, in words.
    pub fn faults(self) -> impl Iterator<Item = &'static str> {
        let bits = match self {
            Self::Corrupted(bits) => bits,
            _ => 0,
        };
        FAULTS.into_iter().zip(0..).filter(move |(_, bit)| bits & (1 << bit) != 0).map(|(fault, _)| fault)
    }
}

impl Command for GetSelfTestResults {
    const NAME: &'static str = "Get Self Test Results";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x04;
    type Answer = SelfTest;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<SelfTest, Malformed> {
        let [result, detail] = Reader::new(data).array("self test result")?;
        Ok(match result {
            0x55 => SelfTest::Passed,
            0x56 => SelfTest::NotImplemented,
            0x57 => SelfTest::Corrupted(detail),
            0x58 => SelfTest::Fatal(detail),
            result => SelfTest::Other(result, detail),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_distinguished() {
        let result = |data: &[u8]| GetSelfTestResults.answer(data).unwrap();
        assert_eq!(result(&[0x55, 0]), SelfTest::Passed);
        assert_eq!(result(&[0x58, 7]), SelfTest::Fatal(7));
        assert_eq!(result(&[0x59, 7]), SelfTest::Other(0x59, 7));
        let corrupted = result(&[0x57, 0b1000_1000]);
        assert_eq!(corrupted, SelfTest::Corrupted(0x88));
        let faults: Vec<_> = corrupted.faults().collect();
        assert_eq!(faults, ["the SDR repository is empty", "the SEL cannot be reached"]);
        assert_eq!(SelfTest::Fatal(0xff).faults().count(), 0);
        assert!(GetSelfTestResults.answer(&[0x55]).is_err());
    }
}
