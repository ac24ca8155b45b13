// SPDX-License-Identifier: MIT OR Apache-2.0
//! A BMC that returns any bytes: no panic, and every session with it ends before its deadline.
#![no_main]

use std::time::{Duration, Instant};

use ipmi::NetFn;
use libfuzzer_sys::fuzz_target;
use stage1::bmc::session::{
    BmcSession, RetryPolicy, Transport, TransportError, erase_sel, read_fru, read_sdrs, read_sel,
    read_sensors,
};

fuzz_target!(|input: &[u8]| {
    let transport = Box::new(Responses(input.to_vec()));
    let policy = RetryPolicy { attempts: 1, pause: Duration::ZERO, ..RetryPolicy::default() };
    let mut bmc = BmcSession::new(transport, policy, Instant::now() + Duration::from_secs(5));
    let _ = read_sel(&mut bmc, 10);
    let records = read_sdrs(&mut bmc).records;
    let _ = read_sensors(&mut bmc, &records);
    let _ = read_fru(&mut bmc, 0);
    let _ = erase_sel(&mut bmc, || ());
    assert!(Instant::now() < bmc.deadline(), "the session did not end: {:?}", bmc.counters());
});

/// The input as responses: a length, as many bytes, and so on.
struct Responses(Vec<u8>);

impl Transport for Responses {
    fn exchange(&mut self, _: NetFn, _: u8, _: &[u8], _: Duration) -> Result<Vec<u8>, TransportError> {
        let Some(length) = self.0.first().copied() else {
            return Err(TransportError::Closed("the input has ended".to_string()));
        };
        let end = self.0.len().min(1 + usize::from(length));
        Ok(self.0.drain(..end).skip(1).collect())
    }
}
