// SPDX-License-Identifier: MIT OR Apache-2.0
//! stage1, the first-stage OS agent for bare-metal servers.
//!
//! [`pipeline`] is the whole of it, top to bottom; [`stages`] has what each of its lines does, [`run`] executes and records
//! them. [`cli`] is the command line, which calls one of `commands`; [`pid1`] is what the kernel starts as init. The rest is
//! one folder per subject, on top of [`host`], the machine itself.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod bmc;
pub mod cli;
pub(crate) mod cmdline;
pub(crate) mod commands;
pub mod config;
pub(crate) mod display;
pub mod facts;
pub mod firmware;
pub mod host;
pub mod inventory;
pub(crate) mod json;
pub mod lldp;
pub mod net;
pub mod pid1;
pub mod pipeline;
pub mod run;
pub mod stages;
pub mod target;
