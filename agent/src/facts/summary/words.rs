// SPDX-License-Identifier: MIT OR Apache-2.0
//! Words in a row. Pure.

use crate::facts::placeholder::is_placeholder;

/// Words with spaces between them; what is absent is left out.
#[derive(Default)]
pub(super) struct Words(pub(super) String);

impl Words {
    pub(super) fn add(mut self, word: &str) -> Self {
        if !word.is_empty() {
            let gap = if self.0.is_empty() { "" } else { " " };
            self.0 += gap;
            self.0 += word;
        }
        self
    }

    pub(super) fn any(self, word: &Option<String>) -> Self {
        self.add(word.as_deref().unwrap_or_default())
    }

    /// The text, unless it is a placeholder.
    pub(super) fn real(self, text: &Option<String>) -> Self {
        self.add(text.as_deref().filter(|text| !is_placeholder(text)).unwrap_or_default())
    }

    pub(super) fn labelled(self, label: &str, text: &Option<String>) -> Self {
        match text.as_deref().filter(|text| !is_placeholder(text)) {
            Some(text) => self.add(label).add(text),
            None => self,
        }
    }
}

pub(super) fn words() -> Words {
    Words::default()
}
