// SPDX-License-Identifier: MIT OR Apache-2.0
//! TLS: the inventory's own certificate authority, which agents pin, and the server's certificate.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};

use crate::folder::{Folder, write_new};

/// By how much a host's clock may be behind when the server has just started.
const TOLERANCE: Duration = Duration::from_secs(300);

/// The server's TLS configuration, with a certificate for `names` that is made at each start, and valid for `days` from then
/// on. Creates the CA if it does not exist.
pub(crate) fn server_config(
    folder: &Folder,
    names: &[ServerName<'static>],
    days: Option<u16>,
) -> Result<Arc<ServerConfig>> {
    let issuer = authority(folder)?;
    let key = KeyPair::generate().context("generating the server's key")?;
    let mut params = params("stage1 inventory");
    params.subject_alt_names = names.iter().map(alternative_name).collect::<Result<_>>()?;
    if let Some(days) = days {
        let now = SystemTime::now();
        params.not_before = (now - TOLERANCE).into();
        params.not_after = (now + Duration::from_secs(u64::from(days) * 86_400)).into();
    }
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.signed_by(&key, &issuer).context("signing the server's certificate")?;

    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| {
            config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)
        })
        .context("setting up TLS")?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The CA of the data folder. Everything in its certificate except the key is fixed, so that only the key is read.
fn authority(folder: &Folder) -> Result<Issuer<'static, KeyPair>> {
    let (key_path, certificate_path) = (folder.ca_key(), folder.ca_certificate());
    if certificate_path.exists() && !key_path.exists() {
        bail!(
            "{} exists but its key {} does not; restore the key, or remove the certificate and distribute the new CA to the agents",
            certificate_path.display(),
            key_path.display()
        );
    }
    if !key_path.exists() {
        let key = KeyPair::generate().context("generating the CA's key")?;
        write_new(&key_path, 0o600, key.serialize_pem().as_bytes())?;
    }
    let pem = fs::read_to_string(&key_path).with_context(|| format!("reading {}", key_path.display()))?;
    let key =
        KeyPair::from_pem(&pem).with_context(|| format!("reading the key in {}", key_path.display()))?;

    let mut params = params("stage1 inventory CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    if !certificate_path.exists() {
        let certificate = params.self_signed(&key).context("signing the CA's certificate")?;
        write_new(&certificate_path, 0o644, certificate.pem().as_bytes())?;
    }
    Ok(Issuer::new(params, key))
}

/// Valid from 1970 on: clocks of servers are often wrong, by decades if the battery is empty.
fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(1970, 1, 1);
    params.not_after = date_time_ymd(2200, 1, 1);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

fn alternative_name(name: &ServerName) -> Result<SanType> {
    Ok(match name {
        ServerName::IpAddress(address) => SanType::IpAddress((*address).into()),
        name => {
            let name = name.to_str();
            SanType::DnsName(
                name.as_ref()
                    .try_into()
                    .with_context(|| format!("adding the name {name} to the certificate"))?,
            )
        }
    })
}
