// SPDX-License-Identifier: MIT OR Apache-2.0
//! The HTTP client: the CAs that it trusts, and its own credentials.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use thiserror::Error;
use ureq::http::HeaderMap;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use super::Reason;
use super::date::http_date;
use super::pem;
use super::resolver;
use super::retry::Pause;
use crate::config::Settings;
use crate::host::{Cancellation, Machine};

/// The CA that an image carries for its own inventory.
const IMAGE_CA: &str = "/etc/stage1/ca.pem";
/// The system roots, where Debian and most others keep them.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Longest time to resolve a name and connect, TLS included.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time without a single byte of a download.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// A longer Retry-After is taken as this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// How the agent connects to the inventory and to image servers.
#[derive(Clone)]
pub struct Transport {
    /// The HTTP client.
    pub agent: ureq::Agent,
    /// The `Authorization` header's value, for the inventory only.
    pub authorization: Option<String>,
    /// How to wait between attempts.
    pub(crate) pause: Arc<dyn Pause>,
    /// Where names are resolved.
    machine: Machine,
    /// What corrects the host's clock; `None`: nothing may.
    pub(crate) clock: Option<Arc<dyn Clock>>,
}

/// The host's clock, as TLS depends on it.
pub trait Clock: Send + Sync {
    /// A certificate is not valid at the time of the clock. Whether the clock has another time now.
    fn correct(&self) -> bool;

    /// The inventory, whose certificate is trusted, has this time, in seconds since 1970.
    fn confirm(&self, time: u64);
}

/// Why the settings make no HTTP client.
#[derive(Debug, Error)]
pub enum TransportError {
    /// A file that a setting names cannot be read.
    #[error("setting {setting}: {error}")]
    Unreadable {
        /// The setting.
        setting: &'static str,
        /// The cause.
        error: std::io::Error,
    },
    /// A file that a setting names has the wrong content.
    #[error("setting {setting}: {}: {what}", .path.display())]
    Unusable {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// No CA certificate is configured.
    #[error("no CA certificate: put the inventory's CA into {IMAGE_CA}, or name its file in the setting ca")]
    NoCa,
}

impl Transport {
    /// A transport as configured, whose waits cannot be cancelled.
    ///
    /// # Errors
    /// [`TransportError`], which names the setting and the file.
    pub fn new(machine: &Machine, settings: &Settings) -> Result<Self, TransportError> {
        let plain_http_only = settings.inventory.iter().all(|url| url.starts_with("http://"));
        let roots = match roots(machine, settings) {
            Err(TransportError::NoCa) if settings.allow_http && plain_http_only => Vec::new(),
            roots => roots?,
        };
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .client_cert(client_certificate(machine, settings)?)
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .https_only(!settings.allow_http)
            .http_status_as_error(false)
            .proxy(None)
            .user_agent(concat!("stage1/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .build();
        let authorization = token(machine, settings)?.map(|token| format!("Bearer {token}"));
        let pause: Arc<dyn Pause> = Arc::new(Cancellation::default());
        let agent = resolver::agent(config, machine, &pause);
        Ok(Self { agent, authorization, pause, machine: machine.clone(), clock: None })
    }

    /// The same, with waits that `pause` makes and may cancel.
    pub fn with_pause(self, pause: Arc<dyn Pause>) -> Self {
        let agent = resolver::agent(self.agent.config().clone(), &self.machine, &pause);
        Self { agent, pause, ..self }
    }

    /// The same; where a certificate is not valid at the time of this host, `clock` is asked to correct it.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// Whether the time was what is wrong, and is another one now.
    pub(crate) fn corrects_clock(&self, reason: &Reason) -> bool {
        matches!(reason, Reason::CertificateTime(_))
            && self.clock.as_ref().is_some_and(|clock| clock.correct())
    }
}

/// The server's time, in seconds since 1970 (RFC 9110 6.6.1).
pub(crate) fn date(headers: &HeaderMap) -> Option<u64> {
    http_date(headers.get("date")?.to_str().ok()?)
}

/// Retry-After in seconds (RFC 9110 10.2.3). In the form with a date it is from the server's own time on, so that the clock of
/// this host does not matter.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("retry-after")?.to_str().ok()?.trim();
    let seconds = match value.parse() {
        Ok(seconds) => seconds,
        Err(_) => http_date(value)?.saturating_sub(date(headers)?),
    };
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}

fn roots(machine: &Machine, settings: &Settings) -> Result<Vec<Certificate<'static>>, TransportError> {
    let path = match &settings.ca {
        Some(path) => path.as_path(),
        None => {
            let found = [IMAGE_CA, SYSTEM_ROOTS].into_iter().find(|path| machine.has(path));
            Path::new(found.ok_or(TransportError::NoCa)?)
        }
    };
    let pem = pem(machine, "ca", path)?;
    if pem.certificates.is_empty() {
        return Err(unusable("ca", path, &pem.without("certificate")));
    }
    Ok(pem.certificates)
}

/// The client certificate. It is checked against its key here, because the HTTP client would panic later.
fn client_certificate(machine: &Machine, settings: &Settings) -> Result<Option<ClientCert>, TransportError> {
    let (certificate_file, key_file) = match (&settings.client_cert, &settings.client_key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(path), None) => return Err(unusable("client-cert", path, "client-key is not set")),
        (None, Some(path)) => return Err(unusable("client-key", path, "client-cert is not set")),
    };
    let pem_chain = pem(machine, "client-cert", certificate_file)?;
    if pem_chain.certificates.is_empty() {
        return Err(unusable("client-cert", certificate_file, &pem_chain.without("certificate")));
    }
    let chain = pem_chain.certificates;
    let pem_key = pem(machine, "client-key", key_file)?;
    let missing = pem_key.without("private key");
    let key = pem_key.key.ok_or_else(|| unusable("client-key", key_file, &missing))?;
    let bad_key = |error: String| unusable("client-key", key_file, &error);
    let der =
        rustls::pki_types::PrivateKeyDer::try_from(key.der()).map_err(|error| bad_key(error.to_string()))?;
    let signing = ring::sign::any_supported_type(&der).map_err(|error| bad_key(error.to_string()))?;
    let der_chain = chain.iter().map(|certificate| certificate.der().to_vec().into()).collect();
    rustls::sign::CertifiedKey::new(der_chain, signing).keys_match().map_err(|error| {
        unusable("client-cert", certificate_file, &format!("it does not match client-key: {error}"))
    })?;
    Ok(Some(ClientCert::new_with_certs(&chain, key)))
}

/// The content of a PEM file.
#[derive(Default)]
struct Pem {
    certificates: Vec<Certificate<'static>>,
    key: Option<PrivateKey<'static>>,
    /// What the file is, if it is known and is no PEM that can be used.
    form: Option<&'static str>,
}

impl Pem {
    /// Why there is no `what` in it.
    fn without(&self, what: &str) -> String {
        match self.form {
            Some(form) => format!("no {what} in it: {form}"),
            None => format!("no {what} in it"),
        }
    }
}

fn pem(machine: &Machine, setting: &'static str, path: &Path) -> Result<Pem, TransportError> {
    let bytes = machine.read(path).map_err(|error| TransportError::Unreadable { setting, error })?;
    let bytes = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => {
            log::warn!(
                "setting {setting}: {}: ignoring the byte order mark at its beginning",
                path.display()
            );
            rest
        }
        None => &bytes,
    };
    let mut found = Pem { form: pem::form(bytes), ..Pem::default() };
    for item in parse_pem(bytes) {
        let item = item.map_err(|error| match pem::is_cut(bytes) {
            true => unusable(setting, path, "it was cut short: a BEGIN line has no END line"),
            false => unusable(setting, path, &error.to_string()),
        })?;
        match item {
            PemItem::Certificate(certificate) => found.certificates.push(certificate),
            PemItem::PrivateKey(key) => found.key = Some(key),
            _ => {}
        }
    }
    if pem::is_cut(bytes) {
        return Err(unusable(setting, path, "it was cut short: a BEGIN line has no END line"));
    }
    Ok(found)
}

fn token(machine: &Machine, settings: &Settings) -> Result<Option<String>, TransportError> {
    let Some(path) = &settings.token_file else { return Ok(None) };
    let bytes =
        machine.read(path).map_err(|error| TransportError::Unreadable { setting: "token-file", error })?;
    let token = String::from_utf8_lossy(&bytes).trim().to_string();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unusable("token-file", path, "not one line of printable ASCII"));
    }
    Ok(Some(token))
}

fn unusable(setting: &'static str, path: &Path, what: &str) -> TransportError {
    TransportError::Unusable { setting, path: path.to_path_buf(), what: what.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_a_number_or_a_date_of_the_servers_clock() {
        let of = |headers: &[(&'static str, &'static str)]| {
            let header = |(name, value): &(&'static str, &'static str)| {
                (ureq::http::HeaderName::from_static(name), ureq::http::HeaderValue::from_static(value))
            };
            retry_after(&headers.iter().map(header).collect())
        };
        let date = ("date", "Tue, 14 Nov 2023 22:13:20 GMT");
        assert_eq!(of(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(
            of(&[date, ("retry-after", "Tue, 14 Nov 2023 22:14:00 GMT")]),
            Some(Duration::from_secs(40))
        );
        assert_eq!(of(&[date, ("retry-after", "Tue, 14 Nov 2023 22:13:00 GMT")]), Some(Duration::ZERO));
        assert_eq!(of(&[("retry-after", "Tue, 14 Nov 2023 22:14:00 GMT")]), None);
        assert_eq!(of(&[("retry-after", "soon")]), None);
    }
}
