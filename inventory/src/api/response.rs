// SPDX-License-Identifier: MIT OR Apache-2.0
//! Error responses: problem documents (RFC 9457).

use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use stage1_contract::{FieldError, ProblemDocument};

use crate::document::DocumentError;
use crate::output::log_line;

/// An error response.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
    errors: Vec<FieldError>,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Failure { status, detail: detail.into(), errors: Vec::new() }
    }

    /// A body with mistakes in these fields.
    pub(crate) fn fields(errors: Vec<FieldError>) -> Self {
        let detail: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure { status: StatusCode::UNPROCESSABLE_ENTITY, detail: detail.join("; "), errors }
    }

    pub(crate) fn not_registered(id: &str) -> Self {
        let detail = format!("host {id} is not registered; send its report (PUT) first");
        Failure::new(StatusCode::NOT_FOUND, detail)
    }
}

/// The cause of an internal error goes to the log only: the caller cannot do anything about it.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        log_line(&format!("error: {error:#}"));
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error of the inventory; see its log")
    }
}

impl From<DocumentError> for Failure {
    fn from(error: DocumentError) -> Self {
        let status = match error {
            DocumentError::Syntax(_) => StatusCode::BAD_REQUEST,
            DocumentError::Content(_) | DocumentError::Version(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Failure::new(status, format!("reading the body: {error}"))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let document = ProblemDocument {
            kind: Some("about:blank".to_string()),
            title: self.status.canonical_reason().map(ToString::to_string),
            status: Some(self.status.as_u16()),
            detail: Some(self.detail),
            errors: self.errors,
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (self.status, [(CONTENT_TYPE, "application/problem+json")], body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
