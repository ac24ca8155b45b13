// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client: one method per call of the contract.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use super::{Error, GiveUp, Reason, Retry, Transport, http};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use stage1_contract::firmware::{Journal, SignedManifests};
use stage1_contract::{BmcCredentials, Detail, Event, Installed, Profile, Registration, Report, VERSION};
use ureq::http::{Method, Request, StatusCode};

use crate::json;

/// Longest response body that is read, in bytes. A profile or detail has some kilobytes.
const MAX_BODY: u64 = 4 << 20;
/// Longest single attempt.
const ATTEMPT: Duration = Duration::from_secs(30);
/// Longest pause between attempts that the client chooses itself.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// When to ask again for a profile if the inventory does not say.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(15);

/// A client of the inventory, for one host.
#[derive(Clone)]
pub struct Client {
    transport: Transport,
    bases: Vec<String>,
    id: String,
    timeout: Duration,
}

/// The answer to `GET BASE/ID/profile`.
pub enum Assigned {
    /// The profile to boot, and its URL.
    Profile(Profile, BaseUrl),
    /// No profile is assigned yet; ask again after this time.
    Nothing(Duration),
}

/// The URL of a profile, the base of the relative URLs in it.
pub struct BaseUrl(pub String);

/// A response with a success status.
struct Response {
    method: Method,
    status: StatusCode,
    retry_after: Option<Duration>,
    url: String,
    body: Vec<u8>,
}

impl Client {
    /// A client for the host `id`. Attempts go to the `bases` in turn; each call, with its retries, ends after `timeout`.
    pub fn new(transport: Transport, bases: &[String], id: &str, timeout: Duration) -> Self {
        Self { transport, bases: bases.to_vec(), id: id.to_string(), timeout }
    }

    /// The HTTP client and its credentials, for downloads.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Each `BASE`, in the order in which they are tried.
    pub fn bases(&self) -> &[String] {
        &self.bases
    }

    /// `PUT BASE/ID`.
    ///
    /// # Errors
    /// [`Error`], at the deadline, or at once if the request may not be retried; so with every call.
    pub fn register(&self, report: &Report) -> Result<Registration, Error> {
        self.call(Method::PUT, "", Some(&json::compact(report)), self.timeout)?.decode()
    }

    /// `PATCH BASE/ID` with a JSON merge patch, for at most `timeout`.
    ///
    /// # Errors
    /// As [`Client::register`]; 404 if the host has not registered.
    pub fn amend(&self, patch: &impl Serialize, timeout: Duration) -> Result<(), Error> {
        self.call(Method::PATCH, "", Some(&json::compact(patch)), timeout).map(|_| ())
    }

    /// `PUT BASE/ID/bmc-credentials`: generated passwords. Over https only, whatever the settings allow.
    ///
    /// # Errors
    /// As [`Client::register`].
    pub fn bmc_credentials(&self, credentials: &BmcCredentials) -> Result<(), Error> {
        let method = Method::PUT;
        if let Some(base) = self.bases.iter().find(|base| !base.starts_with("https://")) {
            return Err(Error::new(&method, base, Reason::NotForSecrets));
        }
        let body = json::compact(credentials);
        self.call(method, "/bmc-credentials", Some(&body), self.timeout).map(|_| ())
    }

    /// `GET BASE/ID/profile`.
    ///
    /// # Errors
    /// As [`Client::register`]; 404 if the inventory does not know the host.
    pub fn profile(&self) -> Result<Assigned, Error> {
        let response = self.call(Method::GET, "/profile", None, self.timeout)?;
        if response.status == StatusCode::NO_CONTENT {
            return Ok(Assigned::Nothing(response.retry_after.unwrap_or(DEFAULT_RETRY_AFTER)));
        }
        let base = BaseUrl(response.url.clone());
        response.decode().map(|profile| Assigned::Profile(profile, base))
    }

    /// `GET BASE/ID/detail`.
    ///
    /// # Errors
    /// As [`Client::profile`].
    pub fn detail(&self) -> Result<Detail, Error> {
        self.call(Method::GET, "/detail", None, self.timeout)?.decode()
    }

    /// `POST BASE/ID/installed`.
    ///
    /// # Errors
    /// As [`Client::register`].
    pub fn installed(&self, installed: &Installed) -> Result<(), Error> {
        self.call(Method::POST, "/installed", Some(&json::compact(installed)), self.timeout).map(|_| ())
    }

    /// `POST BASE/ID/events`, for at most `timeout`: progress is best effort.
    ///
    /// # Errors
    /// As [`Client::register`].
    pub fn event(&self, event: &Event, timeout: Duration) -> Result<(), Error> {
        self.call(Method::POST, "/events", Some(&json::compact(event)), timeout).map(|_| ())
    }

    /// `GET BASE/firmware-manifests`; `None` if the inventory has none, or does not serve manifests.
    ///
    /// # Errors
    /// As [`Client::register`].
    pub fn firmware_manifests(&self) -> Result<Option<SignedManifests>, Error> {
        match self.call_at(Method::GET, "/firmware-manifests", None, self.timeout) {
            Ok(response) if response.status == StatusCode::NO_CONTENT => Ok(None),
            Ok(response) => response.decode().map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `GET BASE/ID/firmware`: the earlier attempts to update the host's firmware. The journal is empty if the inventory does
    /// not know the host. An inventory without journals also refuses to store one, and so no attempt is made.
    ///
    /// # Errors
    /// As [`Client::register`].
    pub fn firmware_journal(&self) -> Result<Journal, Error> {
        match self.call(Method::GET, "/firmware", None, self.timeout) {
            Ok(response) => response.decode(),
            Err(error) if error.is_not_found() => Ok(Journal { version: VERSION, attempts: Vec::new() }),
            Err(error) => Err(error),
        }
    }

    /// `PUT BASE/ID/firmware`, for at most `timeout`.
    ///
    /// # Errors
    /// As [`Client::register`].
    pub fn put_firmware_journal(&self, journal: &Journal, timeout: Duration) -> Result<(), Error> {
        self.call(Method::PUT, "/firmware", Some(&json::compact(journal)), timeout).map(|_| ())
    }

    fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&[u8]>,
        timeout: Duration,
    ) -> Result<Response, Error> {
        self.call_at(method, &format!("/{}{path}", self.id), body, timeout)
    }

    /// Sends a request for `path` below `BASE`, with retries.
    fn call_at(
        &self,
        method: Method,
        path: &str,
        body: Option<&[u8]>,
        timeout: Duration,
    ) -> Result<Response, Error> {
        let deadline = Instant::now() + timeout;
        let mut retry = Retry::new(&*self.transport.pause, deadline, LONGEST_PAUSE);
        let mut is_corrected = false;
        for (attempt, base) in (1..).zip(self.bases.iter().cycle()) {
            let url = format!("{base}{path}");
            let left = deadline.saturating_duration_since(Instant::now());
            let error = match self.attempt(&method, &url, body, left.min(ATTEMPT)) {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            if !is_corrected && self.transport.corrects_clock(error.reason()) {
                is_corrected = true;
                continue;
            }
            if !error.may_retry() {
                return Err(error.after(attempt));
            }
            match retry.wait(&error, error.retry_after()) {
                Ok(()) => {}
                Err(GiveUp::Deadline) => return Err(error.after(attempt)),
                Err(GiveUp::Cancelled) => return Err(Error::new(&method, &url, Reason::Cancelled)),
            }
        }
        Err(Error::new(&method, "inventory", Reason::NoUrl))
    }

    fn attempt(
        &self,
        method: &Method,
        url: &str,
        body: Option<&[u8]>,
        timeout: Duration,
    ) -> Result<Response, Error> {
        let fail = |reason| Error::new(method, url, reason);
        let request = Request::builder().method(method).uri(url).header("accept", "application/json");
        let request = match &self.transport.authorization {
            Some(token) => request.header("authorization", token),
            None => request,
        };
        let agent = &self.transport.agent;
        let result = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json").body(body);
                let request = request.map_err(|error| fail(Reason::BadUrl(error.to_string())))?;
                let request = agent.configure_request(request).timeout_global(Some(timeout));
                agent.run(request.max_redirects(0).build())
            }
            None => {
                let request = request.body(()).map_err(|error| fail(Reason::BadUrl(error.to_string())))?;
                agent.run(agent.configure_request(request).timeout_global(Some(timeout)).build())
            }
        };
        let mut response = result.map_err(|error| fail(Reason::from_client(error, timeout)))?;
        let retry_after = http::retry_after(response.headers());
        if let (Some(clock), Some(date)) = (&self.transport.clock, http::date(response.headers()))
            && url.starts_with("https://")
        {
            clock.confirm(date);
        }
        let body = response.body_mut().with_config().limit(MAX_BODY).read_to_vec();
        let body = body.map_err(|error| fail(Reason::from_client(error, timeout)))?;
        let status = response.status();
        if status.is_redirection() && *method != Method::GET {
            let location = response.headers().get("location").and_then(|location| location.to_str().ok());
            return Err(fail(Reason::redirected(status.as_u16(), location)));
        }
        if !status.is_success() {
            return Err(fail(Reason::status(status.as_u16(), retry_after, &body)));
        }
        Ok(Response { method: method.clone(), status, retry_after, url: url.to_string(), body })
    }
}

impl Response {
    fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let fail = |reason| Error::new(&self.method, &self.url, reason);
        #[derive(serde::Deserialize)]
        struct Version {
            version: u32,
        }
        let bad = |error: serde_json::Error| fail(Reason::not_json(&error, &self.body));
        let Version { version } = serde_json::from_slice(&self.body).map_err(bad)?;
        if version != VERSION {
            return Err(fail(Reason::Version(version)));
        }
        serde_json::from_slice(&self.body).map_err(bad)
    }
}
