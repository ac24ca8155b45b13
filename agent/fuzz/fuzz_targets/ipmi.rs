// SPDX-License-Identifier: MIT OR Apache-2.0
//! A BMC that answers anything: no panic, and no conversation without an end.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use ipmi::sensor::read_sensors;
use ipmi::storage::{erase_sel, read_fru, read_sdrs, read_sel};
use ipmi::{BmcSession, NetFn, RetryPolicy, Transport, TransportError};

fuzz_target!(|input: &[u8]| {
    conversation(input);
});

/// All that is read of a BMC, whose answers are the input's: a length, so many bytes, and so on.
fn conversation(input: &[u8]) {
    let wire = Box::new(Answers(input.to_vec()));
    let patience = RetryPolicy { attempts: 1, pause: Duration::ZERO, ..RetryPolicy::default() };
    let mut bmc = BmcSession::new(wire, patience, Instant::now() + Duration::from_secs(5));
    let _ = read_sel(&mut bmc, 10);
    let records = read_sdrs(&mut bmc).records;
    let _ = read_sensors(&mut bmc, &records);
    let _ = read_fru(&mut bmc, 0);
    let _ = erase_sel(&mut bmc, || ());
    assert!(Instant::now() < bmc.deadline(), "it was still asked: {:?}", bmc.counters());
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
