// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signatures of manifest sets: Ed25519 (RFC 8032) of the bytes, in base64. Keys are in PEM (RFC 8410). Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};
use thiserror::Error;

/// The bytes of an Ed25519 SubjectPublicKeyInfo before the 32 bytes of the key (RFC 8410, 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// The public keys of an image; several, so that one can be replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<[u8; 32]>);

/// A file without a usable public key.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("no Ed25519 public key in PEM: create one with stage1-inventory firmware keygen or openssl")]
pub struct NoKey;

impl Keys {
    /// Reads one key or more from PEM.
    ///
    /// # Errors
    /// If there is none, or one of them is not an Ed25519 key.
    pub fn parse(pem: &str) -> Result<Self, NoKey> {
        let blocks = pem.split(BEGIN).skip(1);
        let keys: Option<Vec<[u8; 32]>> = blocks
            .map(|block| {
                let body: String = block.split_once(END)?.0.split_whitespace().collect();
                STANDARD.decode(body).ok()?.strip_prefix(&SPKI)?.try_into().ok()
            })
            .collect();
        keys.filter(|keys| !keys.is_empty()).map(Self).ok_or(NoKey)
    }

    /// Whether there is no key.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether the signature of the bytes is valid for one of the keys.
pub(crate) fn verify(keys: &Keys, bytes: &[u8], signature: &str) -> bool {
    let Ok(signature) = STANDARD.decode(signature.trim()) else { return false };
    keys.0.iter().any(|key| UnparsedPublicKey::new(&ED25519, key).verify(bytes, &signature).is_ok())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    fn pair(seed: u8) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
    }

    pub fn pem(seed: u8) -> String {
        let der = [&SPKI, pair(seed).public_key().as_ref()].concat();
        format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der))
    }

    pub fn keys() -> Keys {
        Keys::parse(&pem(1)).unwrap()
    }

    pub fn sign(text: &str) -> String {
        STANDARD.encode(pair(1).sign(text.as_bytes()))
    }

    #[test]
    fn a_signature_is_valid_for_its_bytes_and_its_key_only() {
        let signature = sign("set");
        assert!(verify(&keys(), b"set", &signature));
        assert!(verify(&keys(), b"set", &format!("{signature}\n")));
        assert!(!verify(&keys(), b"sett", &signature));
        assert!(!verify(&Keys::parse(&pem(2)).unwrap(), b"set", &signature));
        assert!(!verify(&Keys::default(), b"set", &signature));
        for bad in ["", "AAAA", "not base64", &signature[..84], &"A".repeat(88)] {
            assert!(!verify(&keys(), b"set", bad), "{bad}");
        }
    }

    #[test]
    fn one_of_several_keys_is_enough() {
        let both = Keys::parse(&format!("# the old one\n{}# the new one\n{}", pem(2), pem(1))).unwrap();
        assert!(verify(&both, b"set", &sign("set")));
    }

    /// RFC 8410, 10.1.
    #[test]
    fn keys_of_openssl_are_read() {
        let example =
            format!("{BEGIN}\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n{END}\n");
        assert!(!Keys::parse(&example).unwrap().is_empty());
        for bad in [
            String::new(),
            example.replace("MCow", "MCox"),
            example.replace(END, ""),
            example.replace("uE=", ""),
        ] {
            assert_eq!(Keys::parse(&bad), Err(NoKey), "{bad}");
        }
    }
}
