// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that should be PEM and are something else. Pure.

/// What a file is that has no usable PEM in it.
pub(super) fn form(bytes: &[u8]) -> Option<&'static str> {
    let has = |label: &str| count(bytes, &format!("-----BEGIN {label}-----")) > 0;
    if bytes.is_empty() {
        Some("the file is empty")
    } else if bytes.starts_with(&[0x30, 0x82]) || bytes.starts_with(&[0x30, 0x81]) {
        Some("it is DER; 'openssl x509 -inform der' or 'openssl pkey -inform der' makes PEM of it")
    } else if has("TRUSTED CERTIFICATE") {
        Some("it is a TRUSTED CERTIFICATE; 'openssl x509 -in FILE -out FILE' makes a CERTIFICATE of it")
    } else if has("ENCRYPTED PRIVATE KEY") || count(bytes, "Proc-Type: 4,ENCRYPTED") > 0 {
        Some("the key is encrypted, and nobody can be asked for its password; 'openssl pkey' decrypts it")
    } else if has("CERTIFICATE") {
        Some("it has a certificate only")
    } else if has("PRIVATE KEY") || has("EC PRIVATE KEY") || has("RSA PRIVATE KEY") {
        Some("it has a private key only")
    } else if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        Some("it is UTF-16; PEM is ASCII")
    } else {
        None
    }
}

/// Whether the end of the last section is missing.
pub(super) fn is_cut(bytes: &[u8]) -> bool {
    count(bytes, "-----BEGIN ") > count(bytes, "-----END ")
}

fn count(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_has_its_words() {
        let words = |bytes: &[u8]| form(bytes).unwrap_or("unknown");
        assert!(words(b"").contains("empty"));
        assert!(words(&[0x30, 0x82, 1, 2]).contains("DER"));
        assert!(words(b"-----BEGIN TRUSTED CERTIFICATE-----").contains("TRUSTED"));
        assert!(words(b"-----BEGIN ENCRYPTED PRIVATE KEY-----").contains("encrypted"));
        assert!(words(b"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED").contains("encrypted"));
        assert!(words(b"-----BEGIN EC PRIVATE KEY-----").contains("private key only"));
        assert_eq!(form(b"hello"), None);
        assert!(
            is_cut(b"-----BEGIN CERTIFICATE-----\nAAAA") && !is_cut(b"-----BEGIN A-----\n-----END A-----")
        );
    }
}
