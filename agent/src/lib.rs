// SPDX-License-Identifier: MIT OR Apache-2.0
//! stage1, the first-stage OS agent for bare-metal servers.
//!
//! [`pipeline`] is the whole of it, top to bottom; [`steps`] is what each of its lines does. The rest
//! is one folder or file per subject. These modules are pure, they take bytes and text and return
//! values: [`cmdline`], [`config`], `facts::identity`, `facts::placeholder`,
//! `facts::summary`, `inventory::error`,
//! `inventory::url`, `net::dhcp`, `net::netlink`, `report`, `target::plan`, `target::segment`.

pub mod cmdline;
pub mod config;
pub mod facts;
pub mod image;
pub mod init;
pub mod inventory;
pub mod logger;
pub mod machine;
pub mod net;
pub mod pipeline;
pub mod power;
pub mod random;
pub mod report;
pub mod run;
pub mod status;
pub mod steps;
pub mod target;
pub mod verbs;
