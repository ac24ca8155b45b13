// SPDX-License-Identifier: MIT OR Apache-2.0
//! URL references (RFC 3986 5.2), as far as a profile uses them. Pure.

/// Resolves `reference` against `base`: an absolute URL, an `/absolute/path`, or relative to the base's directory.
pub(crate) fn resolve(base: &str, reference: &str) -> String {
    if reference.contains("://") {
        return reference.to_string();
    }
    let origin = base.find("://").map_or(0, |at| at + 3);
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
        assert_eq!(resolve(base, "/images/k"), "https://i.example:8443/images/k");
        assert_eq!(resolve(base, "kernel"), "https://i.example:8443/ipxe/4c4c/kernel");
        assert_eq!(resolve("https://i", "/k"), "https://i/k");
    }
}
