// SPDX-License-Identifier: MIT OR Apache-2.0
//! URLs: references (RFC 3986 5.2), and what of a URL may be shown. Pure.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use ureq::http::Uri;

/// An absolute http or https URL. Whoever has a presigned one may read the file, so that its query, and a user and
/// password before the host, appear in no message: [`fmt::Display`] and [`fmt::Debug`] leave them out.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(String);

/// Why a text is no URL of a file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BadUrl {
    /// The text is empty.
    #[error("the URL is empty")]
    Empty,
    /// Another scheme than http and https.
    #[error("{0}: its scheme is neither https nor http")]
    Scheme(Url),
    /// The name of the host is not ASCII.
    #[error("{0}: write the name of the host in ASCII (xn--…, RFC 5891)")]
    Host(Url),
    /// The address is one of a port of this host.
    #[error("{0}: an address with a zone (after %) is not supported: use a global address, or a name")]
    Zone(Url),
    /// It has no host, a port that is no number, or characters that must be percent-encoded.
    #[error("{0}: {1}; other characters than those of RFC 3986 must be percent-encoded")]
    Invalid(Url, String),
}

impl Url {
    /// `reference`, which is absolute or relative to `base`.
    ///
    /// # Errors
    /// [`BadUrl`].
    pub fn new(base: &str, reference: &str) -> Result<Self, BadUrl> {
        if reference.is_empty() {
            return Err(BadUrl::Empty);
        }
        let url = Self(resolve(base, reference));
        let invalid = |cause: &str| BadUrl::Invalid(url.clone(), cause.to_string());
        if split(&url.0).1.is_some_and(|authority| !authority.is_ascii()) {
            return Err(BadUrl::Host(url));
        }
        if !url.0.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid("it has a space, a control character, or one outside ASCII"));
        }
        let scheme = split(&url.0).0.unwrap_or_default().to_ascii_lowercase();
        if !["http", "https"].contains(&scheme.as_str()) {
            return Err(BadUrl::Scheme(url));
        }
        let uri: Uri =
            url.0.parse().map_err(|error: ureq::http::uri::InvalidUri| invalid(&error.to_string()))?;
        if uri.host().is_none_or(str::is_empty) {
            return Err(invalid("it has no host"));
        }
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        // RFC 6874: the zone is a port's name on this host, which no inventory knows.
        if host.starts_with('[') && host.contains('%') {
            return Err(BadUrl::Zone(url));
        }
        let port = host.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.contains(']'));
        if port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err(invalid("its port is no number from 0 to 65535"));
        }
        Ok(url)
    }

    /// The whole URL, for the request itself.
    pub(crate) fn with_secrets(&self) -> &str {
        &self.0
    }

    /// Whether there is something that must not be shown.
    pub(crate) fn has_secrets(&self) -> bool {
        redacted(&self.0) != self.0
    }

    /// The value of the `Authorization` header (RFC 7617) for a URL with user and password.
    pub(crate) fn basic_authorization(&self) -> Option<String> {
        let userinfo = split(&self.0).1?.rsplit_once('@')?.0;
        Some(format!("Basic {}", STANDARD.encode(percent_decoded(userinfo))))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.0))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A URL without what must not be shown: user and password, query and fragment.
pub(crate) fn redacted(url: &str) -> String {
    let (scheme, authority, path, _) = split(url);
    let host = authority.map(|authority| authority.rsplit_once('@').map_or(authority, |(_, host)| host));
    let scheme = scheme.map(|scheme| format!("{scheme}:")).unwrap_or_default();
    let host = host.map(|host| format!("//{host}")).unwrap_or_default();
    format!("{scheme}{host}{path}")
}

/// Whether a reference is a URL of its own.
pub(crate) fn is_absolute(reference: &str) -> bool {
    split(reference).0.is_some()
}

/// Resolves `reference` against `base`, which is absolute.
fn resolve(base: &str, reference: &str) -> String {
    if is_absolute(reference) {
        return reference.to_string();
    }
    let (scheme, authority, base_path, _) = split(base);
    let scheme = scheme.map(|scheme| format!("{scheme}:")).unwrap_or_default();
    if reference.starts_with("//") {
        return format!("{scheme}{reference}");
    }
    let origin = format!("{scheme}//{}", authority.unwrap_or_default());
    let (_, _, path, rest) = split(reference);
    if path.is_empty() {
        return format!("{origin}{base_path}{rest}");
    }
    if path.starts_with('/') {
        return format!("{origin}{}{rest}", without_dots(path));
    }
    let folder = base_path.rfind('/').map_or("/", |at| &base_path[..=at]);
    format!("{origin}{}{rest}", without_dots(&format!("{folder}{path}")))
}

/// Scheme, authority, path, and query with fragment (RFC 3986, appendix B).
fn split(url: &str) -> (Option<&str>, Option<&str>, &str, &str) {
    let (scheme, rest) = match url.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
        _ => (None, url),
    };
    let (authority, rest) = match rest.strip_prefix("//") {
        Some(rest) => {
            let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            (Some(authority), rest)
        }
        None => (None, rest),
    };
    let (path, rest) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    (scheme, authority, path, rest)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// A path without its segments `.` and `..` (RFC 3986 5.2.4).
fn without_dots(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut rest = path.split('/').skip(1).peekable();
    while let Some(segment) = rest.next() {
        let last = rest.peek().is_none();
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
        if last && matches!(segment, "." | "..") {
            segments.push("");
        }
    }
    format!("/{}", segments.join("/"))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_relative_to_the_profile() {
        let base = "https://i.example:8443/ipxe/4c4c/profile";
        for (reference, expected) in [
            ("http://mirror/k", "http://mirror/k"),
            ("HTTP://mirror/k", "HTTP://mirror/k"),
            ("/images/k", "https://i.example:8443/images/k"),
            ("kernel", "https://i.example:8443/ipxe/4c4c/kernel"),
            ("../../images/./k", "https://i.example:8443/images/k"),
            ("../../../../k", "https://i.example:8443/k"),
            ("/k?from=http://x/y", "https://i.example:8443/k?from=http://x/y"),
            ("k?from=../y", "https://i.example:8443/ipxe/4c4c/k?from=../y"),
            ("//mirror/k", "https://mirror/k"),
            ("?k=1", "https://i.example:8443/ipxe/4c4c/profile?k=1"),
        ] {
            assert_eq!(resolve(base, reference), expected, "{reference}");
        }
        assert_eq!(resolve("https://i", "/k"), "https://i/k");
        assert_eq!(resolve("https://i", "k"), "https://i/k");
    }

    #[test]
    fn what_gives_access_to_a_file_is_never_shown() {
        for (url, shown) in [
            ("https://s3/b/k?X-Amz-Signature=S3CRET&a=%2F", "https://s3/b/k"),
            ("https://user:S3CRET@h:8443/k", "https://h:8443/k"),
            ("https://user:S3CRET@@h/k", "https://h/k"),
            ("https://h?S3CRET", "https://h"),
            ("https://h/k#S3CRET", "https://h/k"),
            ("/k?sig=S3CRET", "/k"),
            ("//S3CRET@h/k", "//h/k"),
            ("https://h/a@b", "https://h/a@b"),
        ] {
            assert_eq!(redacted(url), shown, "{url}");
        }
        let url = Url::new("https://i/", "https://h/k?S3CRET").unwrap();
        assert_eq!(
            (format!("{url}"), format!("{url:?}")),
            ("https://h/k".to_string(), "https://h/k".to_string())
        );
        assert!(url.has_secrets() && !Url::new("https://i/", "k").unwrap().has_secrets());
        assert_eq!(url.with_secrets(), "https://h/k?S3CRET");
    }

    #[test]
    fn user_and_password_become_a_header() {
        let url = |text| Url::new("https://i/", text).unwrap().basic_authorization();
        // RFC 7617 2.
        assert_eq!(
            url("https://Aladdin:open%20sesame@h/k").as_deref(),
            Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        );
        assert_eq!(url("https://h/k?a@b"), None);
    }

    #[test]
    fn what_no_server_can_be_asked_for_is_refused_without_its_secrets() {
        let error = |text: &str| Url::new("https://i/ipxe/x/profile", text).unwrap_err().to_string();
        assert_eq!(error(""), "the URL is empty");
        assert_eq!(error("ftp://h/k?S3CRET"), "ftp://h/k: its scheme is neither https nor http");
        assert_eq!(error("file:///etc/passwd"), "file:///etc/passwd: its scheme is neither https nor http");
        assert!(error("https://bücher.test/k?S3CRET").ends_with("in ASCII (xn--…, RFC 5891)"));
        assert!(
            error("https://[fe80::1%25eth0]:80/k?S3CRET")
                .starts_with("https://[fe80::1%25eth0]:80/k: an address with a zone")
        );
        for bad in [
            "https://h/my k?S3CRET",
            "https://h/kärnel?S3CRET",
            "https://h/k\nX: y?S3CRET",
            "https://h:99999/k?S3CRET",
            "https://h:/k?S3CRET",
            "http:///k?S3CRET",
        ] {
            let error = error(bad);
            assert!(error.contains("percent-encoded") && !error.contains("S3CRET"), "{error}");
        }
        for good in [
            "https://h/k?a=b|c&d={e}",
            "https://h/k?x[]=1",
            "http://[::1]:80/k",
            "https://u:p@[::1]/k",
            "https://xn--bcher-kva.test/k",
        ] {
            assert!(Url::new("https://i/", good).is_ok(), "{good}: {:?}", Url::new("https://i/", good));
        }
    }
}
