// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any text as a body of every kind: `cargo +nightly fuzz run decode`. What was read is written and read back the same.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use stage1_contract::firmware::manifest::ManifestSet;
use stage1_contract::firmware::{Journal, SignedManifests};
use stage1_contract::{
    BmcCredentials, DesiredBmcConfig, Detail, Event, Facts, Installed, ProblemDocument, Profile, Registration,
    Report, waterfall,
};

fuzz_target!(|text: &str| {
    if let Some(report) = body::<Report>(text) {
        let drawn = waterfall(&report.timeline, 80);
        assert!(!drawn.contains(|character: char| character.is_control() && character != '\n'), "{drawn:?}");
    }
    body::<Facts>(text);
    body::<Registration>(text);
    body::<Profile>(text);
    if let Some(detail) = body::<Detail>(text) {
        detail.check();
    }
    body::<Installed>(text);
    body::<Event>(text);
    body::<BmcCredentials>(text);
    body::<DesiredBmcConfig>(text);
    body::<ProblemDocument>(text);
    body::<Journal>(text);
    body::<SignedManifests>(text);
    body::<ManifestSet>(text);
});

fn body<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str) -> Option<T> {
    let value: T = serde_json::from_str(text).ok()?;
    let written = serde_json::to_string(&value).unwrap();
    assert_eq!(serde_json::from_str::<T>(&written).unwrap(), value);
    Some(value)
}
