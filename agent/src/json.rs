// SPDX-License-Identifier: MIT OR Apache-2.0
//! The JSON of the wire types. Everything is serialized to a [`Value`] first: a second serializer would add the code of all
//! wire types to the program once more.

use serde::Serialize;
use serde_json::Value;

/// `body` as a JSON value. Wire types are plain data, which can always be serialized; `Null` would stand for a type that cannot.
pub fn value(body: &impl Serialize) -> Value {
    serde_json::to_value(body).unwrap_or_default()
}

/// The word that the wire has for an enum value; empty for values that are no string.
pub fn word(body: &impl Serialize) -> String {
    value(body).as_str().unwrap_or_default().to_string()
}

/// `body` as JSON without white space, for the wire.
pub fn compact(body: &impl Serialize) -> Vec<u8> {
    value(body).to_string().into_bytes()
}

/// `body` as indented JSON with a newline at the end, for people.
pub fn pretty(body: &impl Serialize) -> String {
    format!("{:#}\n", value(body))
}
