// SPDX-License-Identifier: MIT OR Apache-2.0
//! What both APIs read from a request: bodies, identities, names and tokens.

use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;

use anyhow::anyhow;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{self, FromRequest, FromRequestParts, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use ring::digest::{SHA256, digest};
use serde::de::DeserializeOwned;

use crate::api::response::Failure;
use crate::document::parse;
use crate::folder::read_token;
use crate::store::hosts::canonical_id;

/// A body of the contract: JSON of the contract's version that deserialises to `T`.
pub(crate) struct Checked<T> {
    pub(crate) value: T,
    /// The body as received, with the fields that `T` does not have.
    pub(crate) text: String,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Checked<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let Text(text) = Text::from_request(request, state).await?;
        Ok(Checked { value: parse(&text)?, text })
    }
}

/// A body as UTF-8 text.
pub(crate) struct Text(pub(crate) String);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        // `read_body` has limited the length.
        let bytes = to_bytes(request.into_body(), usize::MAX).await.map_err(unreadable)?;
        let text = String::from_utf8(bytes.into());
        text.map(Text).map_err(|_| Failure::new(StatusCode::BAD_REQUEST, "reading the body: not UTF-8"))
    }
}

/// Reads the whole body before the request is handled: a client that is refused while it still sends may lose the
/// response together with the connection.
pub(crate) async fn read_body(request: Request, next: Next) -> Result<Response, Failure> {
    /// Bytes; more than any report has.
    const LIMIT: usize = 16 << 20;
    /// This many more bytes are read and discarded.
    const DISCARDED: usize = 64 << 20;
    let (parts, mut body) = request.into_parts();
    let mut kept = Vec::new();
    let mut length = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.map_err(unreadable)?.into_data() else { continue };
        length += data.len();
        if length <= LIMIT {
            kept.extend_from_slice(&data);
        } else if length > LIMIT + DISCARDED {
            break;
        }
    }
    check_length(length, LIMIT)?;
    Ok(next.run(Request::from_parts(parts, Body::from(kept))).await)
}

/// Refuses a body of more than `limit` bytes.
pub(crate) fn check_length(length: usize, limit: usize) -> Result<(), Failure> {
    if length <= limit {
        return Ok(());
    }
    let detail = format!("reading the body: larger than {} KiB", limit >> 10);
    Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
}

fn unreadable(error: axum::Error) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, format!("reading the body: {error}"))
}

/// The `ID` in a path: a UUID, converted to lower case.
pub(crate) struct HostId(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for HostId {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Name(id) = Name::from_request_parts(parts, state).await?;
        canonical_id(&id).map(HostId).ok_or_else(|| {
            Failure::new(StatusCode::BAD_REQUEST, format!("host identity {id:?} is not a UUID"))
        })
    }
}

/// The one variable segment of a path.
pub(crate) struct Name(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let extract::Path(name) = extract::Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Failure::new(rejection.status(), rejection.body_text()))?;
        Ok(Name(name))
    }
}

/// Refuses a request without the bearer token in the file at `path`. If the file does not exist, every request is
/// accepted if the token is `optional`, and refused if it is not.
pub(crate) fn authorize(headers: &HeaderMap, path: &Path, optional: bool) -> Result<(), Failure> {
    let token = match read_token(path)? {
        Some(token) => token,
        None if optional => return Ok(()),
        None => {
            return Err(
                anyhow!("reading {}: no such file; restart the server to create it", path.display()).into()
            );
        }
    };
    let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let given = match given.split_at_checked(7) {
        Some((scheme, given)) if scheme.eq_ignore_ascii_case(b"bearer ") => given,
        _ => return Err(Failure::new(StatusCode::UNAUTHORIZED, "a bearer token is required")),
    };
    // The time that comparing digests takes does not depend on the token.
    if digest(&SHA256, given).as_ref() != digest(&SHA256, token.as_bytes()).as_ref() {
        return Err(Failure::new(StatusCode::UNAUTHORIZED, "the bearer token is wrong"));
    }
    Ok(())
}
