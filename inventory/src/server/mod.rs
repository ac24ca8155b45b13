// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference server: its folder, its database, the APIs, and the operator's verbs.

mod agent;
mod answer;
mod bmc;
mod files;
mod firmware;
mod folder;
mod hosts;
mod operator;
mod output;
mod profiles;
mod serve;
mod show;
mod store;
mod tls;
mod verbs;
mod wanted;

pub use firmware::{FirmwareVerb, firmware};
pub use folder::Folder;
pub use serve::{Options, serve};
pub use verbs::{HostVerb, ProfileVerb, host, profile};
