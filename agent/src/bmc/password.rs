// SPDX-License-Identifier: MIT OR Apache-2.0
//! Passwords that BMCs accept, and those of their makers.

use stage1_contract::Secret;

/// Bytes that every BMC stores: IPMI 1.5 has 16, IPMI 2.0 may have 20 (IPMI 2.0, section 22.30).
pub(crate) const SHORT: usize = 16;

/// Bytes that a BMC stores at most.
pub(crate) const LONG: usize = 20;

/// Letters and digits without those that look alike.
const PLAIN: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/// The same, and special characters that need no quoting in a shell, a URL or JSON, and that no known BMC refuses: `:`, `=`, `@`
/// and `+` are refused by some.
const SPECIAL: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789-_.";

/// What a generated password is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    length: usize,
    alphabet: &'static [u8],
}

/// The shapes that are tried one after another while the BMC refuses the password, or does not keep it: with special characters,
/// which the strictest policies require; without, which some BMCs require; of 20 bytes, the minimum of some (Seagate/cortx-prvsnr
/// issue 4793); and of 12, for BMCs that keep fewer than 16.
pub(crate) const SHAPES: [Shape; 5] = [
    Shape { length: SHORT, alphabet: SPECIAL },
    Shape { length: SHORT, alphabet: PLAIN },
    Shape { length: LONG, alphabet: SPECIAL },
    Shape { length: LONG, alphabet: PLAIN },
    Shape { length: 12, alphabet: SPECIAL },
];

/// Users and passwords that makers of BMCs have set in all their products: Supermicro (before 2020), Dell iDRAC, IBM and Lenovo,
/// Intel and Tyan, OpenBMC, AMI and its licensees (ASRock Rack, Inspur, Quanta, NVIDIA), Gigabyte and Cisco, Oracle ILOM, Huawei
/// iBMC, Quanta.
const FACTORY: [(&str, &str); 13] = [
    ("ADMIN", "ADMIN"),
    ("root", "calvin"),
    ("USERID", "PASSW0RD"),
    ("root", "superuser"),
    ("root", "0penBmc"),
    ("admin", "0penBmc"),
    ("admin", "admin"),
    ("admin", "password"),
    ("root", "changeme"),
    ("root", "root"),
    ("Administrator", "Admin@9000"),
    ("root", "Huawei12#$"),
    ("admin", "cmb9.admin"),
];

/// Generates a password of this shape for `user` that conforms to the strictest known policy: a letter first; upper and lower
/// case, digit and special character (Huawei, Supermicro, OpenBMC's pwquality); no character twice in a row (Lenovo); not the
/// user's name in either direction (Supermicro, Lenovo). `random` returns cryptographically secure random bytes.
///
/// # Errors
/// Those of `random`.
pub(crate) fn generate<E>(
    user: &str,
    shape: Shape,
    mut random: impl FnMut() -> Result<[u8; SHORT], E>,
) -> Result<Secret, E> {
    // All characters are equally likely: bytes above the last multiple of their number are not used.
    let count = shape.alphabet.len().max(1);
    let limit = 256 / count * count;
    loop {
        let mut candidate = String::new();
        while candidate.len() < shape.length {
            let usable = random()?.into_iter().map(usize::from).filter(|byte| *byte < limit);
            let characters = usable.filter_map(|byte| shape.alphabet.get(byte % count));
            let missing = shape.length - candidate.len();
            candidate.extend(characters.take(missing).map(|byte| char::from(*byte)));
        }
        if is_good(&candidate, user, shape) {
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

/// The passwords that a maker may have given this user.
pub(crate) fn of_factory(user: &str) -> impl Iterator<Item = Secret> {
    FACTORY.iter().filter(move |(name, _)| *name == user).map(|(_, password)| Secret::new(*password))
}

/// Whether makers give this name to users.
pub(crate) fn is_of_factory(name: &str) -> bool {
    FACTORY.iter().any(|(user, _)| *user == name)
}

fn is_good(candidate: &str, user: &str, shape: Shape) -> bool {
    let has = |kind: fn(char) -> bool| candidate.chars().any(kind);
    let lower = candidate.to_ascii_lowercase();
    let user = user.to_ascii_lowercase();
    let reversed: String = user.chars().rev().collect();
    candidate.starts_with(|c: char| c.is_ascii_alphabetic())
        && has(|c| c.is_ascii_uppercase())
        && has(|c| c.is_ascii_lowercase())
        && has(|c| c.is_ascii_digit())
        && (shape.alphabet == PLAIN || has(|c| c.is_ascii_punctuation()))
        && candidate.chars().zip(candidate.chars().skip(1)).all(|(one, next)| one != next)
        && (user.len() < 3 || !lower.contains(&user) && !lower.contains(&reversed))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn a_password_conforms_to_the_strictest_policy() {
        let is_good = |candidate, user| is_good(candidate, user, SHAPES[0]);
        assert!(is_good("Ab3-Ab3-Ab3-Ab3-", "admin"));
        for bad in
            ["1b3-Ab3-Ab3-Ab3-", "ab3-ab3-", "AB3-AB3-", "Abc-Abc-", "Ab3xAb3x", "Abb3-Ab3-", "Xadmin-3"]
        {
            assert!(!is_good(bad, "admin"), "{bad}");
        }
        assert!(!is_good("Xnimda-3", "ADMIN"));
    }

    #[test]
    fn shapes_differ_in_alphabet_or_length() {
        let distinct: BTreeSet<(usize, &[u8])> =
            SHAPES.iter().map(|shape| (shape.length, shape.alphabet)).collect();
        assert_eq!(distinct.len(), SHAPES.len());
        assert_ne!(SHAPES[0].alphabet, SHAPES[1].alphabet);
        for refused in b":=@+" {
            assert!(SHAPES.iter().all(|shape| !shape.alphabet.contains(refused)));
        }
        let letters = |alphabet: &[u8]| alphabet.iter().copied().collect::<BTreeSet<u8>>().len();
        assert!(SHAPES.iter().all(|shape| letters(shape.alphabet) == shape.alphabet.len()));
    }

    #[test]
    fn a_maker_may_have_given_several_passwords() {
        assert!(of_factory("root").any(|password| password.reveal() == "calvin"));
        assert!(of_factory("root").count() > 1);
        assert_eq!(of_factory("stage1").count(), 0);
        assert!(FACTORY.iter().all(|(_, password)| password.len() <= SHORT));
    }

    proptest! {
        #[test]
        fn every_generated_password_conforms(seed in any::<u64>(), number in 0..SHAPES.len()) {
            let mut state = seed;
            let random = || Ok::<_, Infallible>(std::array::from_fn(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as u8
            }));
            let shape = SHAPES[number];
            let Ok(password) = generate("admin", shape, random);
            assert!(is_good(password.reveal(), "admin", shape));
            assert_eq!(password.reveal().len(), shape.length);
            assert!(password.reveal().bytes().all(|byte| shape.alphabet.contains(&byte)));
            assert_ne!(wrong(&password).reveal(), password.reveal());
            assert_eq!(wrong(&password).reveal().len(), shape.length);
        }
    }
}
