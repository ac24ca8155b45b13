// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a response states about the part of the file that it has. Pure.

use ureq::http::HeaderMap;

/// The value of `Content-Range` (RFC 9110 14.4): where the part begins, and the length of the whole file if it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    pub(super) first: u64,
    pub(super) whole: Option<u64>,
}

impl ContentRange {
    /// `None` if there is no single range of bytes.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let (range, whole) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.trim().split_once('-')?;
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        let whole = match whole.trim() {
            "*" => None,
            whole => Some(whole.parse().ok()?),
        };
        (first <= last).then_some(Self { first, whole })
    }
}

/// A header as text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The entity tag, if it is a strong one: a weak one must not be used in `If-Match` (RFC 9110 13.1.1).
pub(super) fn strong_etag(headers: &HeaderMap) -> Option<String> {
    let etag = header(headers, "etag")?.trim();
    (etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"')).then(|| etag.to_string())
}

/// How the file is compressed in the response, which nobody asked for.
pub(super) fn content_encoding(headers: &HeaderMap) -> Option<String> {
    let encoding = header(headers, "content-encoding")?.trim();
    (!encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity")).then(|| encoding.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_one_of_bytes() {
        let range = |first, whole| Some(ContentRange { first, whole });
        assert_eq!(ContentRange::parse("bytes 4-9/10"), range(4, Some(10)));
        assert_eq!(ContentRange::parse("bytes 0-9/*"), range(0, None));
        for bad in
            ["", "bytes */10", "bytes 9-4/10", "lines 4-9/10", "bytes 4-9", "bytes 4-9/x", "bytes -4/10"]
        {
            assert_eq!(ContentRange::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_weak_entity_tag_is_none() {
        let of = |value: &str| {
            strong_etag(&[("etag".parse().unwrap(), value.parse().unwrap())].into_iter().collect())
        };
        assert_eq!(of("\"a\"").as_deref(), Some("\"a\""));
        assert_eq!((of("W/\"a\""), of("a"), of("\"\"")), (None, None, None));
    }
}
