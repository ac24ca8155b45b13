// SPDX-License-Identifier: MIT OR Apache-2.0
//! The flashing of firmware, model-checked: planning, the journal and the state machine against simulated hosts whose
//! power is cut anywhere, whose flashes lie and fail, and whose inventory is often away.
//!
//! In 10,000 runs with manifests of every kind: never two plans for one component, never a downgrade where only upgrades
//! are allowed, never a write that the journal does not know of, never more attempts than the manifest allows, nothing
//! confirmed but by a later boot that runs it; and once the faults end, everything comes to rest.

mod firmware_model {
    pub mod host;
    pub mod manifests;
}

use firmware_model::host::Host;
use firmware_model::manifests::Random;

const RUNS: u64 = 10_000;

#[test]
fn ten_thousand_hosts() {
    let mut writes = 0;
    let mut confirmed = 0;
    let mut cuts = 0;
    for seed in 0..RUNS {
        let mut host = Host::new(Random(seed));
        host.live();
        writes += host.writes;
        confirmed += host.confirmed;
        cuts += host.cuts;
    }
    // The runs are worth something only where things happen in them.
    assert!(
        writes > RUNS && confirmed > RUNS / 4 && cuts > RUNS,
        "{writes} writes, {confirmed} confirmed, {cuts} cuts"
    );
}
