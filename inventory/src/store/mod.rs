// SPDX-License-Identifier: MIT OR Apache-2.0
//! The inventory's database: one type, [`Store`], whose methods are grouped by subject.

pub(crate) mod bmc;
pub(crate) mod conflicts;
mod database;
mod firmware;
pub(crate) mod hosts;
mod profiles;
pub(crate) mod reports;

pub(crate) use database::Store;
