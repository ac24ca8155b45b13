// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files over HTTP: streamed, resumable, with the digest of the content as entity tag.

use std::collections::HashMap;
use std::fs::File;
use std::io::SeekFrom;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, IF_RANGE,
    RANGE,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ring::digest::{Context as Hash, SHA256};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio_util::io::ReaderStream;

use crate::api::request::Name;
use crate::api::response::Failure;
use crate::hex;

const CHUNK: usize = 256 << 10;

/// A folder whose files are served, except those whose name begins with a dot.
pub(crate) struct Files {
    root: PathBuf,
    /// SHA-256 digests of the files; a file that changes gets another stamp.
    digests: Mutex<HashMap<Stamp, Arc<OnceCell<String>>>>,
}

/// Serves the files below `root` at `prefix`.
pub(crate) fn routes(prefix: &str, root: PathBuf) -> Router {
    let files = Files { root, digests: Mutex::default() };
    Router::new().route(&format!("{prefix}/{{*name}}"), get(serve)).with_state(Arc::new(files))
}

/// Device, inode, size and time of the last change.
type Stamp = (u64, u64, u64, i64, i64);

async fn serve(
    State(files): State<Arc<Files>>,
    method: Method,
    Name(name): Name,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let not_found = || Failure::new(StatusCode::NOT_FOUND, format!("no such file: {name:?}"));
    let path = files.path(&name).ok_or_else(not_found)?;
    let (file, size, stamp) = blocking(move || open(&path)).await?.ok_or_else(not_found)?;
    let file = Arc::new(file);
    let etag = format!("\"{}\"", files.digest(&file, stamp).await?);
    let common = [(ETAG, etag.clone()), (ACCEPT_RANGES, "bytes".to_string())];

    if header(&headers, IF_NONE_MATCH).is_some_and(|known| matches(known, &etag)) {
        return Ok((StatusCode::NOT_MODIFIED, common).into_response());
    }
    // A range applies to GET only, and to the version that the client has a part of (RFC 9110, 13.1.5 and 14.2).
    // A date in If-Range never matches: the client then gets the whole file, and never a mixture of two.
    let unchanged = header(&headers, IF_RANGE).is_none_or(|known| known == etag);
    let range = header(&headers, RANGE).filter(|_| method == Method::GET && unchanged);
    let whole = 0..size;
    let (status, range) = match range.map_or(Requested::Whole, |range| Requested::parse(range, size)) {
        Requested::Whole => (StatusCode::OK, whole),
        Requested::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Requested::Unsatisfiable => {
            let detail = format!("{name:?} has {size} bytes, the range begins after its end");
            let failure = Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, detail);
            return Ok(([(CONTENT_RANGE, format!("bytes */{size}"))], failure).into_response());
        }
    };
    let length = range.end - range.start;
    let mut response = (
        status,
        common,
        [(CONTENT_TYPE, "application/octet-stream".to_string()), (CONTENT_LENGTH, length.to_string())],
        body(file, range.start, length).await?,
    )
        .into_response();
    if status == StatusCode::PARTIAL_CONTENT {
        let content_range = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        response = ([(CONTENT_RANGE, content_range)], response).into_response();
    }
    Ok(response)
}

impl Files {
    /// The path of `name`; `None` if it is not below the root or is hidden.
    fn path(&self, name: &str) -> Option<PathBuf> {
        let plain = |part: &Component| match part {
            Component::Normal(part) => {
                !part.as_encoded_bytes().starts_with(b".") && !part.as_encoded_bytes().contains(&0)
            }
            _ => false,
        };
        let path = Path::new(name);
        path.components().all(|part| plain(&part)).then(|| self.root.join(path))
    }

    /// The file's SHA-256 in hex, computed once even for simultaneous requests.
    async fn digest(&self, file: &Arc<File>, stamp: Stamp) -> Result<String> {
        let cell = {
            let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
            digests.entry(stamp).or_default().clone()
        };
        let file = file.clone();
        cell.get_or_try_init(|| blocking(move || sha256(&file))).await.cloned()
    }
}

/// Opens a regular file; `None` if there is none.
fn open(path: &Path) -> Result<Option<(File, u64, Stamp)>> {
    // Opening a FIFO would block until another process opens it for writing.
    if !path.is_file() {
        return Ok(None);
    }
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let metadata = file.metadata().with_context(|| format!("reading the size of {}", path.display()))?;
    let stamp = (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec());
    Ok(Some((file, metadata.size(), stamp)))
}

fn sha256(file: &File) -> Result<String> {
    let mut hash = Hash::new(&SHA256);
    let mut chunk = vec![0; CHUNK];
    let mut at = 0;
    loop {
        match file.read_at(&mut chunk, at).context("reading a file to hash it")? {
            0 => return Ok(hex::encode(hash.finish().as_ref())),
            read => {
                hash.update(chunk.get(..read).unwrap_or_default());
                at += read as u64;
            }
        }
    }
}

async fn body(file: Arc<File>, start: u64, length: u64) -> Result<Body> {
    let file = blocking(move || file.try_clone().context("duplicating a file descriptor")).await?;
    let mut file = tokio::fs::File::from_std(file);
    file.seek(SeekFrom::Start(start)).await.context("seeking in a file")?;
    Ok(Body::from_stream(ReaderStream::with_capacity(file.take(length), CHUNK)))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work).await.context("running a task")?
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// If-None-Match compares weakly (RFC 9110, 13.1.2).
fn matches(known: &str, etag: &str) -> bool {
    known.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == etag)
}

/// The request in a Range header (RFC 9110, 14.1.2).
#[derive(Debug, PartialEq, Eq)]
enum Requested {
    /// No range, several, or an invalid one: a server may ignore these.
    Whole,
    Part(std::ops::Range<u64>),
    Unsatisfiable,
}

impl Requested {
    fn parse(header: &str, size: u64) -> Self {
        let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-'))
        else {
            return Requested::Whole;
        };
        let number =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
        let range = match (first, number(first), last, number(last)) {
            ("", _, _, Some(length)) => size.saturating_sub(length)..size,
            (_, Some(start), "", _) => start..size,
            (_, Some(start), _, Some(last)) if start <= last => start..size.min(last.saturating_add(1)),
            _ => return Requested::Whole,
        };
        if range.is_empty() { Requested::Unsatisfiable } else { Requested::Part(range) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Requested, matches};

    #[test]
    fn ranges() {
        for (header, expected) in [
            ("bytes=0-0", Requested::Part(0..1)),
            ("bytes=2-5", Requested::Part(2..6)),
            ("bytes=2-", Requested::Part(2..10)),
            ("bytes=-3", Requested::Part(7..10)),
            ("bytes=-30", Requested::Part(0..10)),
            ("bytes=9-18446744073709551615", Requested::Part(9..10)),
            ("bytes=10-", Requested::Unsatisfiable),
            ("bytes=-0", Requested::Unsatisfiable),
            ("bytes=5-2", Requested::Whole),
            ("bytes=-", Requested::Whole),
            ("bytes=0-1,4-5", Requested::Whole),
            ("bytes=+1-2", Requested::Whole),
            ("bytes=99999999999999999999-", Requested::Whole),
            ("lines=0-1", Requested::Whole),
        ] {
            assert_eq!(Requested::parse(header, 10), expected, "{header}");
        }
        assert_eq!(Requested::parse("bytes=0-", 0), Requested::Unsatisfiable);
    }

    #[test]
    fn validators() {
        assert!(matches("\"a\", W/\"b\"", "\"b\""));
        assert!(matches("*", "\"b\""));
        assert!(!matches("\"a\"", "\"b\""));
    }
}
