// SPDX-License-Identifier: MIT OR Apache-2.0
//! BMCs of vendors as data: `bmcs/*.toml`, with the keys of `[host.bmc]`.

use anyhow::{Context, Result};
use toml::{Table, Value};

/// The name of each, for the key `vendor`, and its keys.
pub const VENDORS: [(&str, &str); 9] = [
    ("idrac", include_str!("../../bmcs/idrac.toml")),
    ("ilo4", include_str!("../../bmcs/ilo4.toml")),
    ("ilo5", include_str!("../../bmcs/ilo5.toml")),
    ("ilo6", include_str!("../../bmcs/ilo6.toml")),
    ("ilom", include_str!("../../bmcs/ilom.toml")),
    ("openbmc", include_str!("../../bmcs/openbmc.toml")),
    ("supermicro", include_str!("../../bmcs/supermicro.toml")),
    ("supermicro-old", include_str!("../../bmcs/supermicro-old.toml")),
    ("xcc", include_str!("../../bmcs/xcc.toml")),
];

/// Adds the keys of the vendor, if one is declared. A declared key replaces the vendor's; of a table, key by key.
pub(crate) fn complete(mut declared: Table) -> Result<Table> {
    let Some(vendor) = declared.remove("vendor") else { return Ok(declared) };
    let known = || VENDORS.map(|(name, _)| name).join(", ");
    let keys = VENDORS
        .iter()
        .find(|(name, _)| vendor.as_str() == Some(name))
        .with_context(|| format!("vendor: unknown vendor {vendor}; vendors: {}", known()))?
        .1;
    let mut table: Table = keys.parse().with_context(|| format!("vendor {vendor}"))?;
    merge(&mut table, declared);
    Ok(table)
}

fn merge(table: &mut Table, declared: Table) {
    for (key, value) in declared {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(table)), Value::Table(declared)) => merge(table, declared),
            (_, value) => drop(table.insert(key, value)),
        }
    }
}
