// SPDX-License-Identifier: MIT OR Apache-2.0
//! A BMC with arbitrary answers: reading it never panics, and always ends.
#![no_main]

use std::time::{Duration, Instant};

use ipmi::NetFn;
use libfuzzer_sys::fuzz_target;
use stage1::bmc::session::{
    BmcSession, RetryPolicy, Transport, TransportError, erase_sel, read_fru, read_sdrs, read_sel,
    read_sensors,
};

fuzz_target!(|input: &[u8]| {
    session(input);
});

/// Reads everything of a BMC whose answers are in `input`: a length byte, then as many bytes, and so on.
fn session(input: &[u8]) {
    let transport = Box::new(Answers(input.to_vec()));
    let policy = RetryPolicy { attempts: 1, pause: Duration::ZERO, ..RetryPolicy::default() };
    let mut bmc = BmcSession::new(transport, policy, Instant::now() + Duration::from_secs(5));
    let _ = read_sel(&mut bmc, 10);
    let records = read_sdrs(&mut bmc).records;
    let _ = read_sensors(&mut bmc, &records);
    let _ = read_fru(&mut bmc, 0);
    let _ = erase_sel(&mut bmc, || ());
    assert!(Instant::now() < bmc.deadline(), "still reading at the deadline: {:?}", bmc.counters());
}

struct Answers(Vec<u8>);

impl Transport for Answers {
    fn exchange(&mut self, _: NetFn, _: u8, _: &[u8], _: Duration) -> Result<Vec<u8>, TransportError> {
        let Some(length) = self.0.first().copied() else {
            return Err(TransportError::Gone("the input has ended".to_string()));
        };
        let end = self.0.len().min(1 + usize::from(length));
        Ok(self.0.drain(..end).skip(1).collect())
    }
}
