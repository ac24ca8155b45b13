// SPDX-License-Identifier: MIT OR Apache-2.0
//! Values that decisions depend on: enums, each of them one word on the wire.

/// Defines an enum whose values are words on the wire. Any other word, a code without a name or one of a later version
/// of the contract, is kept in `Unlisted`.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $value:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])* $value,)+
            /// Any other word, as it came.
            Unlisted(String),
        }

        impl $name {
            /// The word on the wire, which is the name in the specification.
            pub fn word(&self) -> &str {
                match self {
                    $(Self::$value => $word,)+
                    Self::Unlisted(word) => word,
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($word => Self::$value,)+
                    _ => Self::Unlisted(word),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer).map(Self::from)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        /// As a plain string: readers must accept words that are not listed.
        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                String::json_schema(generator)
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use crate::facts::PowerSupplyStatus;

    #[test]
    fn a_word_is_one_string_on_the_wire_and_an_unlisted_one_is_kept() {
        for (word, value) in [
            ("OK", PowerSupplyStatus::Ok),
            ("Non-critical", PowerSupplyStatus::NonCritical),
            ("0x06", PowerSupplyStatus::Unlisted("0x06".to_string())),
        ] {
            let json = format!("{word:?}");
            assert_eq!(serde_json::from_str::<PowerSupplyStatus>(&json).unwrap(), value);
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
            assert_eq!(value.to_string(), word);
        }
    }
}
