// SPDX-License-Identifier: MIT OR Apache-2.0
//! JSON documents of the contract, from the network or from a file.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use stage1_contract::VERSION;

/// Why a text is not the expected document.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocumentError {
    /// The text is not JSON at all.
    #[error("not JSON: {0}")]
    Syntax(serde_json::Error),
    /// JSON with a missing field, or a field of another type.
    #[error("unexpected content: {0}")]
    Content(serde_json::Error),
    /// The document's `version` is another one, or absent.
    #[error("version is {0}, this inventory supports version {VERSION} only")]
    Version(serde_json::Value),
}

/// Reads a document of the contract's version.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, DocumentError> {
    #[derive(Deserialize)]
    struct Versioned {
        #[serde(default)]
        version: serde_json::Value,
    }
    let Versioned { version } = json(text)?;
    if version != VERSION {
        return Err(DocumentError::Version(version));
    }
    json(text)
}

/// Reads JSON that has no version of its own.
pub(crate) fn json<T: DeserializeOwned>(text: &str) -> Result<T, DocumentError> {
    serde_json::from_str(text).map_err(|error| {
        if error.is_data() { DocumentError::Content(error) } else { DocumentError::Syntax(error) }
    })
}
