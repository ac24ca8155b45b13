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
        Ok(Self { agent, authorization, pause, machine: machine.clone() })
    }

    /// The same, with waits that `pause` makes and may cancel.
    pub fn with_pause(self, pause: Arc<dyn Pause>) -> Self {
        let agent = resolver::agent(self.agent.config().clone(), &self.machine, &pause);
        Self { agent, pause, ..self }
    }
}

/// Retry-After in seconds (RFC 9110 10.2.3). The form with a date is ignored, because it needs a correct clock.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
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
    let certificates = pem(machine, "ca", path)?.certificates;
    if certificates.is_empty() {
        return Err(unusable("ca", path, "no certificate in it"));
    }
    Ok(certificates)
}

/// The client certificate. It is checked against its key here, because the HTTP client would panic later.
fn client_certificate(machine: &Machine, settings: &Settings) -> Result<Option<ClientCert>, TransportError> {
    let (certificate_file, key_file) = match (&settings.client_cert, &settings.client_key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(path), None) => return Err(unusable("client-cert", path, "client-key is not set")),
        (None, Some(path)) => return Err(unusable("client-key", path, "client-cert is not set")),
    };
    let chain = pem(machine, "client-cert", certificate_file)?.certificates;
    let key = pem(machine, "client-key", key_file)?.key;
    let key = key.ok_or_else(|| unusable("client-key", key_file, "no private key in it"))?;
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
}

fn pem(machine: &Machine, setting: &'static str, path: &Path) -> Result<Pem, TransportError> {
    let bytes = machine.read(path).map_err(|error| TransportError::Unreadable { setting, error })?;
    let mut found = Pem::default();
    for item in parse_pem(&bytes) {
        match item.map_err(|error| unusable(setting, path, &error.to_string()))? {
            PemItem::Certificate(certificate) => found.certificates.push(certificate),
            PemItem::PrivateKey(key) => found.key = Some(key),
            _ => {}
        }
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
