// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text that is never printed.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// A password. Only its JSON contains it: `Debug` does not, and there is no `Display`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The error of a derived implementation would quote a value that is not a string.
        String::deserialize(deserializer)
            .map(Self)
            .map_err(|_| D::Error::custom("a password must be a string"))
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
        assert_eq!(error, "a password must be a string");
    }
}
