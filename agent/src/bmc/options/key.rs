// SPDX-License-Identifier: MIT OR Apache-2.0
//! The key K_G as text.

use ipmi::app::ChannelKey;

/// Reads a key: 40 hexadecimal digits, or up to 20 printable ASCII characters, as ipmitool's `-y` and `-k` take it. The first
/// line counts.
///
/// # Errors
/// What is allowed. It does not quote the text.
pub(crate) fn channel_key(text: &str) -> Result<ChannelKey, &'static str> {
    const ALLOWED: &str =
        "must have 40 hexadecimal digits, or 1 to 20 printable ASCII characters, in its first line";
    let text = text.lines().next().unwrap_or_default().trim();
    let mut key = [0; 20];
    if let Some(digits) = hex_digits(text) {
        key = digits;
    } else if (1..=key.len()).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
    {
        key[..text.len()].copy_from_slice(text.as_bytes());
    } else {
        return Err(ALLOWED);
    }
    Ok(ChannelKey(key))
}

fn hex_digits(text: &str) -> Option<[u8; 20]> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    if text.len() != 40 || !text.is_ascii() {
        return None;
    }
    let mut key = [0; 20];
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn a_key_is_hexadecimal_or_text() {
        let mut text = [0; 20];
        text[..6].copy_from_slice(b"secret");
        assert_eq!(channel_key("secret\n"), Ok(ChannelKey(text)));
        assert_eq!(channel_key("0102030405060708090A0b0c0d0e0f1011121314").unwrap().0[9..11], [0x0a, 0x0b]);
        assert!(channel_key("0x0102030405060708090a0b0c0d0e0f1011121314\n").is_ok());
        for wrong in
            ["", "\n", "21 characters, really", "schlüssel", "0102030405060708090a0b0c0d0e0f10111213zz"]
        {
            assert!(channel_key(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn digits_are_the_key(key in any::<[u8; 20]>()) {
            let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(channel_key(&text), Ok(ChannelKey(key)));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = channel_key(&text);
        }
    }
}
