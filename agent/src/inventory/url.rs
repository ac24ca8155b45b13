// SPDX-License-Identifier: MIT OR Apache-2.0
//! URLs and references to them (RFC 3986), as far as settings and profiles use them. Pure.

/// The URL with its scheme in lower case, and what follows `://`; `None` if it has no scheme (RFC 3986 3.1).
fn split_scheme(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(allowed);
    is_scheme.then(|| (scheme.to_ascii_lowercase(), rest))
}

/// Resolves `reference` against `base`: an absolute URL, `//host/path`, an `/absolute/path`, or relative to the base's
/// directory.
pub(crate) fn resolve(base: &str, reference: &str) -> String {
    if let Some((scheme, rest)) = split_scheme(reference) {
        return format!("{scheme}://{rest}");
    }
    let base = base.split(['?', '#']).next().unwrap_or_default();
    let origin = base.find("://").map_or(0, |at| at + 3);
    if reference.starts_with("//") {
        return format!("{}{reference}", &base[..origin.saturating_sub(2)]);
    }
    let path = base[origin..].find('/').map_or(base.len(), |at| origin + at);
    if reference.starts_with('/') {
        return format!("{}{reference}", &base[..path]);
    }
    let folder = base.rfind('/').filter(|at| *at >= path).map_or(base.len(), |at| at);
    format!("{}/{reference}", &base[..folder])
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn references_are_relative_to_the_profile() {
        let base = "https://i.example:8443/ipxe/4c4c/profile";
        assert_eq!(resolve(base, "http://mirror/k"), "http://mirror/k");
        assert_eq!(resolve(base, "HTTPS://mirror/K"), "https://mirror/K");
        assert_eq!(resolve(base, "//mirror/k"), "https://mirror/k");
        assert_eq!(resolve(base, "/images/k"), "https://i.example:8443/images/k");
        assert_eq!(resolve(base, "kernel"), "https://i.example:8443/ipxe/4c4c/kernel");
        assert_eq!(resolve("https://i", "/k"), "https://i/k");
    }

    #[test]
    fn what_is_in_a_query_is_not_part_of_the_path() {
        let base = "https://i/ipxe/4c4c/profile?next=/a/b";
        assert_eq!(resolve(base, "k"), "https://i/ipxe/4c4c/k");
        assert_eq!(resolve(base, "/k?from=http://x/y"), "https://i/k?from=http://x/y");
        assert_eq!(resolve(base, "k?from=http://x/y"), "https://i/ipxe/4c4c/k?from=http://x/y");
        assert_eq!(resolve("https://i?a=/b", "/k"), "https://i/k");
    }
}
