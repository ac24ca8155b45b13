// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text that must not be seen.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// A password. It goes over the wire and nowhere else: its `Debug` does not show it, and it has no `Display`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Text that is to be kept secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The error of a derived implementation would quote what is not text.
        String::deserialize(deserializer).map(Self).map_err(|_| D::Error::custom("a password is text"))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debugging_does_not_show_it() {
        assert_eq!(format!("{:?}", Secret::new("calvin")), "Secret(…)");
    }

    #[test]
    fn an_error_does_not_show_it() {
        let error = serde_json::from_str::<Secret>("12345").unwrap_err().to_string();
        assert_eq!(error, "a password is text");
    }
}
