// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference inventory server.
fn main() {}
