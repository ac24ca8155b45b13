// SPDX-License-Identifier: MIT OR Apache-2.0
//! The server's HTTP side: the agents' API, the operator's API, and files.

mod agent;
mod files;
mod names;
mod operator;
mod request;
mod response;
mod serve;
mod state;
mod tls;

pub(crate) use serve::{Options, serve};
