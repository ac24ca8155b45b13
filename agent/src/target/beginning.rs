// SPDX-License-Identifier: MIT OR Apache-2.0
//! The beginning of a file, to know something about it before the download.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::io::Read;
use std::time::Duration;

use ureq::http::Request;

use super::plan::Fetch;
use crate::inventory::Transport;

/// Longest time for one URL: it is only a look ahead.
const TIMEOUT: Duration = Duration::from_secs(10);

/// At most the first `length` bytes of a file, from the first of its URLs that has them. Best effort: the download itself
/// reports what is wrong with a URL.
pub(crate) fn beginning(transport: &Transport, fetch: &Fetch, length: u64) -> Option<Vec<u8>> {
    fetch.urls.iter().find_map(|url| {
        let range = format!("bytes=0-{}", length.saturating_sub(1));
        let mut request = Request::builder().uri(url.with_secrets()).header("range", range);
        if let Some(authorization) = url.basic_authorization() {
            request = request.header("authorization", authorization);
        }
        let request = request.body(()).ok()?;
        let request = transport.agent.configure_request(request).timeout_global(Some(TIMEOUT)).build();
        let mut response = transport.agent.run(request).ok()?;
        if !response.status().is_success() {
            return None;
        }
        let mut bytes = Vec::new();
        // Of a server that ignores the range, the rest is not read.
        response.body_mut().as_reader().take(length).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    })
}
