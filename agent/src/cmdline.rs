// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parses the kernel command line (Documentation/admin-guide/kernel-parameters.rst). No IO.

/// The parameters whose names start with `prefix`, in their order: the name without the prefix, and the value, if any.
///
/// Spaces between double quotes do not separate, as in the kernel's `next_arg`. Parameters after ` -- `, which are for
/// init, are read too: boot loaders append on either side of it.
pub fn parameters<'a>(line: &'a str, prefix: &str) -> Vec<(&'a str, Option<String>)> {
    words(line)
        .into_iter()
        .filter_map(|word| {
            let word = word.strip_prefix('"').unwrap_or(word).strip_prefix(prefix)?;
            let (name, value) = word.split_once('=').map_or((word, None), |(n, v)| (n, Some(v)));
            Some((name.trim_end_matches('"'), value.map(|v| v.replace('"', ""))))
        })
        .collect()
}

fn words(line: &str) -> Vec<&str> {
    let mut quoted = false;
    line.split(move |c: char| {
        if c == '"' {
            quoted = !quoted;
        }
        c.is_whitespace() && !quoted
    })
    .filter(|word| !word.is_empty())
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::proptest;

    #[test]
    fn only_parameters_with_the_prefix_are_returned_in_their_order() {
        let line = "quiet stage1.a=1 console=ttyS0 stage1.b stage1.a=2\n";
        let found = parameters(line, "stage1.");
        assert_eq!(found, [("a", Some("1".to_string())), ("b", None), ("a", Some("2".to_string()))]);
    }

    #[test]
    fn quotes_keep_spaces_and_are_dropped() {
        let found = parameters(r#"x "stage1.a=one two" stage1.b="three four" y"#, "stage1.");
        assert_eq!(found, [("a", Some("one two".to_string())), ("b", Some("three four".to_string()))]);
    }

    #[test]
    fn a_value_may_hold_equal_signs() {
        let found = parameters("stage1.inventory=https://x/?a=b", "stage1.");
        assert_eq!(found, [("inventory", Some("https://x/?a=b".to_string()))]);
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "\\PC*") {
            let _ = parameters(&line, "stage1.");
        }
    }
}
