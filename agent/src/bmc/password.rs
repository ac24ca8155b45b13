// SPDX-License-Identifier: MIT OR Apache-2.0
//! Passwords that every BMC accepts.

use stage1_contract::Secret;

/// Bytes that every BMC stores: IPMI 1.5 has 16, IPMI 2.0 may have 20 (IPMI 2.0, section 22.30).
pub(crate) const SHORT: usize = 16;

/// Bytes that a BMC stores at most.
pub(crate) const LONG: usize = 20;

/// The characters of a generated password. Without letters and digits that look alike, and only with special characters
/// that need no quoting in a shell, a URL or JSON.
const ALPHABET: &[u8; 64] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789-_+.@:=";

/// Generates a password for `user`, of 16 characters, that conforms to the strictest known policy: a letter first; upper and lower case,
/// digit and special character (Huawei, Supermicro, OpenBMC's pwquality); no character twice in a row (Lenovo); not the
/// user's name in either direction (Supermicro, Lenovo). `random` returns cryptographically secure random
/// bytes.
///
/// # Errors
/// Those of `random`.
pub(crate) fn generate<E>(
    user: &str,
    mut random: impl FnMut() -> Result<[u8; SHORT], E>,
) -> Result<Secret, E> {
    loop {
        let candidate: String = random()?.iter().map(|byte| character(*byte)).collect();
        if is_good(&candidate, user) {
            return Ok(Secret::new(candidate));
        }
    }
}

/// A password that is certainly wrong and conforms to the same rules, to find out whether a BMC's test can reject one.
pub(crate) fn wrong(right: &Secret) -> Secret {
    let changed = |c: char| if c == 'x' { 'y' } else { 'x' };
    let rest = right.reveal().chars().skip(1);
    Secret::new(right.reveal().chars().take(1).map(changed).chain(rest).collect::<String>())
}

fn character(byte: u8) -> char {
    // 256 is a multiple of 64: all characters are equally likely.
    ALPHABET.get(usize::from(byte % 64)).map_or('x', |byte| char::from(*byte))
}

fn is_good(candidate: &str, user: &str) -> bool {
    let has = |kind: fn(char) -> bool| candidate.chars().any(kind);
    let lower = candidate.to_ascii_lowercase();
    let user = user.to_ascii_lowercase();
    let reversed: String = user.chars().rev().collect();
    candidate.starts_with(|c: char| c.is_ascii_alphabetic())
        && has(|c| c.is_ascii_uppercase())
        && has(|c| c.is_ascii_lowercase())
        && has(|c| c.is_ascii_digit())
        && has(|c| c.is_ascii_punctuation())
        && candidate.chars().zip(candidate.chars().skip(1)).all(|(one, next)| one != next)
        && (user.len() < 3 || !lower.contains(&user) && !lower.contains(&reversed))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn a_password_conforms_to_the_strictest_policy() {
        assert!(is_good("Ab3-Ab3-Ab3-Ab3-", "admin"));
        for bad in
            ["1b3-Ab3-Ab3-Ab3-", "ab3-ab3-", "AB3-AB3-", "Abc-Abc-", "Ab3xAb3x", "Abb3-Ab3-", "Xadmin-3"]
        {
            assert!(!is_good(bad, "admin"), "{bad}");
        }
        assert!(!is_good("Xnimda-3", "ADMIN"));
    }

    proptest! {
        #[test]
        fn every_generated_password_conforms(seed in any::<u64>()) {
            let mut state = seed;
            let random = || Ok::<_, Infallible>(std::array::from_fn(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as u8
            }));
            let Ok(password) = generate("admin", random);
            assert!(is_good(password.reveal(), "admin"));
            assert_eq!(password.reveal().len(), SHORT);
            assert_ne!(wrong(&password).reveal(), password.reveal());
            assert_eq!(wrong(&password).reveal().len(), SHORT);
        }
    }
}
