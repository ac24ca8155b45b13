// SPDX-License-Identifier: MIT OR Apache-2.0
//! What both APIs share: errors as problem documents, checked bodies, identities and tokens.

use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;

use anyhow::anyhow;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{self, FromRequest, FromRequestParts, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use stage1_contract::{ProblemDocument, VERSION};

use crate::server::folder::read_token;
use crate::server::output::log_line;

/// An error answer.
#[derive(Debug)]
pub struct Failure {
    pub status: StatusCode,
    pub detail: String,
}

impl Failure {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Failure { status, detail: detail.into() }
    }

    pub fn not_registered(id: &str) -> Self {
        let detail = format!("host {id} is not registered; it has to PUT its report first");
        Failure::new(StatusCode::NOT_FOUND, detail)
    }
}

/// What went wrong inside is for the log; the caller cannot do anything about it.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        log_line(&format!("error: {error:#}"));
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the inventory failed; its log says why")
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let document = ProblemDocument {
            kind: Some("about:blank".to_string()),
            title: self.status.canonical_reason().map(ToString::to_string),
            status: Some(self.status.as_u16()),
            detail: Some(self.detail),
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (self.status, [(CONTENT_TYPE, "application/problem+json")], body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A body of the contract: JSON, of the contract's version, in the shape of `T`.
pub struct Checked<T> {
    pub value: T,
    /// The body as it came, with the fields that `T` does not know.
    pub text: String,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Checked<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let Text(text) = Text::from_request(request, state).await?;
        Ok(Checked { value: parse(&text)?, text })
    }
}

/// A body as text.
pub struct Text(pub String);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        // `read_body` has limited it.
        let bytes = to_bytes(request.into_body(), usize::MAX).await.map_err(unreadable)?;
        let text = String::from_utf8(bytes.into());
        text.map(Text).map_err(|_| Failure::new(StatusCode::BAD_REQUEST, "the body is not UTF-8"))
    }
}

/// Reads the body of a request before anything else is done about it: a client that is refused before it
/// said all may lose the answer together with the connection.
pub async fn read_body(request: Request, next: Next) -> Result<Response, Failure> {
    /// More bytes than any report needs.
    const LIMIT: usize = 16 << 20;
    /// So many more are read, but not kept.
    const PATIENCE: usize = 64 << 20;
    let (parts, mut body) = request.into_parts();
    let mut kept = Vec::new();
    let mut length = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.map_err(unreadable)?.into_data() else { continue };
        length += data.len();
        if length <= LIMIT {
            kept.extend_from_slice(&data);
        } else if length > LIMIT + PATIENCE {
            break;
        }
    }
    check_length(length, LIMIT)?;
    Ok(next.run(Request::from_parts(parts, Body::from(kept))).await)
}

/// Refuses a body of more than `limit` bytes.
pub fn check_length(length: usize, limit: usize) -> Result<(), Failure> {
    if length <= limit {
        return Ok(());
    }
    let detail = format!("the body is larger than {limit} bytes");
    Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
}

fn unreadable(error: axum::Error) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, format!("the body cannot be read: {error}"))
}

/// Reads a body of the contract from its text.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    #[derive(Deserialize)]
    struct Versioned {
        #[serde(default)]
        version: serde_json::Value,
    }
    let Versioned { version } = json(text)?;
    if version != VERSION {
        let detail = format!("the body's version is {version}; this inventory speaks version {VERSION}");
        return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    json(text)
}

/// What is not JSON is a bad request; JSON of another shape cannot be processed.
pub fn json<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            Failure::new(StatusCode::UNPROCESSABLE_ENTITY, format!("the body is not as expected: {error}"))
        } else {
            Failure::new(StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}"))
        }
    })
}

/// The `ID` of a path: a UUID, in lower case from here on.
pub struct HostId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for HostId {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Name(id) = Name::from_request_parts(parts, state).await?;
        canonical_id(&id).map(HostId).ok_or_else(|| {
            Failure::new(StatusCode::BAD_REQUEST, format!("the host's identity {id:?} is not a UUID"))
        })
    }
}

/// `id` in lower case where it is a UUID as `dmidecode` prints it.
pub fn canonical_id(id: &str) -> Option<String> {
    let well_formed = id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    well_formed.then(|| id.to_ascii_lowercase())
}

/// The one variable part of a path.
pub struct Name(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let extract::Path(name) = extract::Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Failure::new(rejection.status(), rejection.body_text()))?;
        Ok(Name(name))
    }
}

/// Refuses a request that does not bring the token of the file at `path`. A missing file refuses
/// nothing where the token is `optional`, and everything where it is not.
pub fn authorize(headers: &HeaderMap, path: &Path, optional: bool) -> Result<(), Failure> {
    let token = match read_token(path)? {
        Some(token) => token,
        None if optional => return Ok(()),
        None => {
            return Err(
                anyhow!("{} is gone; start the server again to make a new one", path.display()).into()
            );
        }
    };
    let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let given = match given.split_at_checked(7) {
        Some((scheme, given)) if scheme.eq_ignore_ascii_case(b"bearer ") => given,
        _ => return Err(Failure::new(StatusCode::UNAUTHORIZED, "this call needs a bearer token")),
    };
    // Comparing digests takes no time that depends on the token.
    if digest(&SHA256, given).as_ref() != digest(&SHA256, token.as_bytes()).as_ref() {
        return Err(Failure::new(StatusCode::UNAUTHORIZED, "the bearer token is not the right one"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::canonical_id;

    #[test]
    fn only_a_whole_uuid_is_an_identity() {
        let id = "4C4C4544-0042-3510-8052-B4C04F4A4B32";
        assert_eq!(canonical_id(id), Some(id.to_lowercase()));
        for bad in [
            "",
            "4c4c4544",
            &id[..35],
            &format!("{id}0"),
            &id.replace('-', "0"),
            &id.replace('C', "g"),
            "../../../../../../../../../../../../a",
        ] {
            assert_eq!(canonical_id(bad), None, "{bad}");
        }
    }
}
