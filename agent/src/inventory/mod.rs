// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client of the inventory's contract, version 1 (crate `stage1-inventory`).

mod error;
mod http;
mod url;

use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use stage1_contract::firmware::{Journal, SignedManifests};
use stage1_contract::{BmcCredentials, Detail, Event, Installed, Profile, Registration, Report, VERSION};
use ureq::http::{Method, Request, StatusCode};

use crate::host::random;
use crate::json;

pub use error::{Error, Reason};
pub use http::{Transport, TransportError};
pub use url::resolve;

/// Longest answer that is read, in bytes. A profile or detail is some kilobytes.
const MAX_ANSWER: u64 = 4 << 20;
/// Longest single attempt.
const ATTEMPT: Duration = Duration::from_secs(30);
/// First and longest pause between attempts; each is a random share of it (full jitter), so that a
/// hall of hosts that come back at once does not call at once.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// A host's line to the inventory.
#[derive(Clone)]
pub struct Client {
    transport: Transport,
    bases: Vec<String>,
    id: String,
    timeout: Duration,
}

/// What to boot, or when to ask again.
pub enum Assigned {
    /// This.
    Profile(Profile, BaseUrl),
    /// Nothing yet; ask again after so long.
    Nothing(Duration),
}

/// The URL that a profile came from, which its relative URLs are relative to.
pub struct BaseUrl(pub String);

struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    url: String,
    body: Vec<u8>,
}

impl Client {
    /// A client for the host `id` that tries `bases` in turn; each call with its retries may take `timeout`.
    pub fn new(transport: Transport, bases: &[String], id: &str, timeout: Duration) -> Self {
        Self { transport, bases: bases.to_vec(), id: id.to_string(), timeout }
    }

    /// How it speaks.
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
    /// [`Error`], at the deadline or as soon as trying again makes no sense; so with every call.
    pub fn register(&self, report: &Report) -> Result<Registration, Error> {
        self.call(Method::PUT, "", Some(&json::compact(report)), self.timeout)?.decode()
    }

    /// `PATCH BASE/ID` with a JSON merge patch, for at most `timeout`.
    ///
    /// # Errors
    /// As [`Client::register`]; 404 where the host has not registered.
    pub fn amend(&self, patch: &impl Serialize, timeout: Duration) -> Result<(), Error> {
        self.call(Method::PATCH, "", Some(&json::compact(patch)), timeout).map(|_| ())
    }

    /// `PUT BASE/ID/bmc-credentials`: a password that was made up. Over https only, whatever the settings allow.
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
    /// As [`Client::register`]; 404 where the inventory does not know the host.
    pub fn profile(&self) -> Result<Assigned, Error> {
        let answer = self.call(Method::GET, "/profile", None, self.timeout)?;
        if answer.status == StatusCode::NO_CONTENT {
            return Ok(Assigned::Nothing(answer.retry_after.unwrap_or(LONGEST_PAUSE)));
        }
        let base = BaseUrl(answer.url.clone());
        answer.decode().map(|profile| Assigned::Profile(profile, base))
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

    /// `GET BASE/firmware-manifests`; `None` where the inventory has none, or does not know what that is.
    ///
    /// # Errors
    /// As [`Client::register`].
    pub fn firmware_manifests(&self) -> Result<Option<SignedManifests>, Error> {
        match self.call_at(Method::GET, "/firmware-manifests", None, self.timeout) {
            Ok(answer) if answer.status == StatusCode::NO_CONTENT => Ok(None),
            Ok(answer) => answer.decode().map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `GET BASE/ID/firmware`: what was tried on the host's firmware; nothing where the inventory does not know the host.
    /// One that does not know what a journal is cannot be told of an attempt either, and so there is none.
    ///
    /// # Errors
    /// As [`Client::register`].
    pub fn firmware_journal(&self) -> Result<Journal, Error> {
        match self.call(Method::GET, "/firmware", None, self.timeout) {
            Ok(answer) => answer.decode(),
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
    ) -> Result<Answer, Error> {
        self.call_at(method, &format!("/{}{path}", self.id), body, timeout)
    }

    /// Calls what is at `path` below `BASE`.
    fn call_at(
        &self,
        method: Method,
        path: &str,
        body: Option<&[u8]>,
        timeout: Duration,
    ) -> Result<Answer, Error> {
        let deadline = Instant::now() + timeout;
        let mut pause = FIRST_PAUSE;
        for (attempt, base) in (1..).zip(self.bases.iter().cycle()) {
            let url = format!("{base}{path}");
            let left = deadline.saturating_duration_since(Instant::now());
            let error = match self.attempt(&method, &url, body, left.min(ATTEMPT)) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = error.retry_after().unwrap_or(Duration::ZERO).max(random::share(pause));
            if !error.is_retryable() || Instant::now() + wait >= deadline {
                return Err(error.after(attempt));
            }
            log::warn!("{error}; trying again in {:.1} s", wait.as_secs_f32());
            std::thread::sleep(wait);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Err(Error::new(&method, "inventory", Reason::NoUrl))
    }

    fn attempt(
        &self,
        method: &Method,
        url: &str,
        body: Option<&[u8]>,
        timeout: Duration,
    ) -> Result<Answer, Error> {
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
                agent.run(agent.configure_request(request).timeout_global(Some(timeout)).build())
            }
            None => {
                let request = request.body(()).map_err(|error| fail(Reason::BadUrl(error.to_string())))?;
                agent.run(agent.configure_request(request).timeout_global(Some(timeout)).build())
            }
        };
        let mut response = result.map_err(|error| fail(Reason::from(error)))?;
        let retry_after = http::retry_after(response.headers());
        let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        let body = body.map_err(|error| fail(Reason::from(error)))?;
        let status = response.status();
        if !status.is_success() {
            return Err(fail(Reason::status(status.as_u16(), retry_after, &body)));
        }
        Ok(Answer { status, retry_after, url: url.to_string(), body })
    }
}

impl Answer {
    fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let fail = |reason| Error::new(&Method::GET, &self.url, reason);
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
