// SPDX-License-Identifier: MIT OR Apache-2.0
//! The JSON of the wire types. All of it goes by way of a value: a serializer of its own for each output would have the code
//! for all facts once more.

use serde::Serialize;
use serde_json::Value;

/// The value that stands for `body`; the wire types are plain data, which always have one.
pub fn value(body: &impl Serialize) -> Value {
    serde_json::to_value(body).unwrap_or_default()
}

/// A value that the wire has as a word, as that word.
pub fn word(body: &impl Serialize) -> String {
    value(body).as_str().unwrap_or_default().to_string()
}

/// For the wire.
pub fn compact(body: &impl Serialize) -> Vec<u8> {
    value(body).to_string().into_bytes()
}

/// For people, with a line's end.
pub fn pretty(body: &impl Serialize) -> String {
    format!("{:#}\n", value(body))
}
