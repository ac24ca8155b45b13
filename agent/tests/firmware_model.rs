// SPDX-License-Identifier: MIT OR Apache-2.0
//! A model of flashing: planning, the journal and the state machine run against simulated hosts, with power cuts at any
//! point, flashes that fail or report a false success, and an inventory that is often unreachable.
//!
//! Checked in 10,000 runs with random manifests: a component has one plan; no downgrade where only upgrades are
//! allowed; no write without a record in the journal; no more attempts than the manifest allows; an attempt is
//! confirmed only by a later boot that runs the version; and once the faults end, there is no reboot loop.

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
    // Runs in which nothing happens prove nothing.
    assert!(
        writes > RUNS && confirmed > RUNS / 4 && cuts > RUNS,
        "{writes} writes, {confirmed} confirmed, {cuts} cuts"
    );
}
