// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why TLS failed, in words for who runs the server or the image. Pure.

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{AlertDescription as Alert, CertificateError as Bad, Error, OtherError};

use super::Reason;
use crate::display::utc;

/// The reason of a handshake that failed.
pub(super) fn reason(error: &Error) -> Reason {
    Reason::Tls(match error {
        Error::InvalidCertificate(Bad::ExpiredContext { time, not_after }) => {
            return at(time, &format!("expired at {}", utc(not_after.as_secs())));
        }
        Error::InvalidCertificate(Bad::NotValidYetContext { time, not_before }) => {
            return at(time, &format!("is not valid before {}", utc(not_before.as_secs())));
        }
        Error::InvalidCertificate(Bad::Expired | Bad::NotValidYet) => {
            return Reason::CertificateTime(
                "the server's certificate is not valid at the time of this host's clock".to_string(),
            );
        }
        Error::InvalidCertificate(bad) => certificate(bad),
        Error::AlertReceived(alert) => alerted(*alert),
        Error::InvalidMessage(_) => {
            "the server does not speak TLS at this port: is it one for plain http?".to_string()
        }
        Error::PeerIncompatible(cause) => {
            format!("the server has no TLS in common with this agent, which knows 1.2 and 1.3: {cause:?}")
        }
        other => format!("TLS: {other}"),
    })
}

fn at(time: &UnixTime, what: &str) -> Reason {
    let now = utc(time.as_secs());
    Reason::CertificateTime(format!(
        "the server's certificate, or that of its CA, {what}, and this host's clock has {now}"
    ))
}

fn certificate(bad: &Bad) -> String {
    match bad {
        Bad::UnknownIssuer => "the server's certificate is not issued by a CA that this image trusts: check the \
                               setting ca, and that the server sends its intermediate certificates"
            .to_string(),
        Bad::BadSignature => "the server's certificate is not signed by the CA that it names: another CA of the same \
                              name was made since; check the setting ca"
            .to_string(),
        Bad::NotValidForNameContext { expected, presented } => for_another_name(expected, presented),
        Bad::NotValidForName => "the server's certificate is for another name".to_string(),
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
            "the server's certificate is not one for servers: its extended key usage has no serverAuth".to_string()
        }
        Bad::UnsupportedSignatureAlgorithmContext { .. }
        | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "the server's certificate, or that of its CA, has a key or signature that this agent does not know: use \
             RSA of 2048 bits or more, P-256, P-384 or Ed25519 (not P-521)"
                .to_string()
        }
        Bad::BadEncoding => "the server's certificate cannot be read: it is damaged".to_string(),
        Bad::Other(OtherError(cause)) => match cause.downcast_ref::<webpki::Error>() {
            Some(webpki::Error::CaUsedAsEndEntity) => {
                "the server's certificate is that of a CA (CA:TRUE), as 'openssl req -x509' makes it: make a CA, and \
                 let it sign a certificate for the server"
                    .to_string()
            }
            Some(webpki::Error::EndEntityUsedAsCa) => {
                "the server's certificate is issued by a certificate that is not a CA's (CA:FALSE)".to_string()
            }
            Some(webpki::Error::UnsupportedCriticalExtension) => {
                "the server's certificate has a critical extension that this agent does not know".to_string()
            }
            Some(other) => format!("the server's certificate cannot be used: {other:?}"),
            None => format!("the server's certificate cannot be used: {cause}"),
        },
        other => format!("the server's certificate cannot be used: {other}"),
    }
}

fn for_another_name(expected: &ServerName, presented: &[String]) -> String {
    let expected = expected.to_str();
    match presented {
        [] => format!(
            "the server's certificate is for another name: it has no subject alternative name at all, and {expected} \
             is needed"
        ),
        names => format!(
            "the server's certificate is for another name: for {}, not for {expected}",
            names.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// A name of rustls' list, `DnsName("h")`, as it is in the certificate.
fn plain(name: &str) -> &str {
    name.split_once('(').map_or(name, |(_, name)| name).trim_matches(['"', ')'])
}

fn alerted(alert: Alert) -> String {
    match alert {
        Alert::CertificateRequired => {
            "the server asks for a client certificate: set client-cert and client-key".to_string()
        }
        Alert::CertificateExpired => {
            "the server reports that this host's client certificate (client-cert) has expired".to_string()
        }
        Alert::UnknownCA => {
            "the server reports that it does not trust the CA of this host's client certificate (client-cert)".to_string()
        }
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateUnknown
        | Alert::AccessDenied => {
            format!("the server refuses this host's client certificate (client-cert): {alert:?}")
        }
        Alert::HandshakeFailure | Alert::InsufficientSecurity => {
            "the server ended the handshake: its key is none that this agent knows (RSA of 2048 bits or more, P-256, \
             P-384, Ed25519; not P-521), it has no cipher in common, or it asks for a client certificate"
                .to_string()
        }
        Alert::ProtocolVersion => "the server speaks neither TLS 1.2 nor 1.3".to_string(),
        Alert::UnrecognisedName => "the server has no certificate for the name in the URL".to_string(),
        Alert::NoApplicationProtocol => "the server does not speak HTTP/1.1 over TLS".to_string(),
        other => format!("the server ended TLS: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    fn text(error: Error) -> String {
        reason(&error).to_string()
    }

    fn unix(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn a_certificate_that_is_not_valid_now_has_both_times() {
        let early = Bad::NotValidYetContext { time: unix(0), not_before: unix(1_700_000_000) };
        let reason = reason(&early.into());
        assert!(matches!(reason, Reason::CertificateTime(_)));
        assert_eq!(
            reason.to_string(),
            "the server's certificate, or that of its CA, is not valid before 2023-11-14T22:13:20Z, and this host's \
             clock has 1970-01-01T00:00:00Z"
        );
        let late = Bad::ExpiredContext { time: unix(1_700_000_000), not_after: unix(0) };
        assert!(
            text(late.into()).contains("expired at 1970-01-01T00:00:00Z, and this host's clock has 2023-")
        );
    }

    #[test]
    fn each_fault_has_a_sentence_of_its_own() {
        let other = |error| Bad::Other(OtherError(Arc::new(error)));
        let name = |presented: &[&str]| Bad::NotValidForNameContext {
            expected: ServerName::try_from("i.example").unwrap(),
            presented: presented.iter().map(ToString::to_string).collect(),
        };
        let unknown = Bad::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: Vec::new(),
            supported_algorithms: Vec::new(),
        };
        let sentences = [
            text(Bad::UnknownIssuer.into()),
            text(Bad::BadSignature.into()),
            text(other(webpki::Error::CaUsedAsEndEntity).into()),
            text(other(webpki::Error::EndEntityUsedAsCa).into()),
            text(unknown.into()),
            text(name(&[]).into()),
            text(name(&["DnsName(\"h\")"]).into()),
            text(Bad::InvalidPurpose.into()),
            text(Error::AlertReceived(Alert::CertificateRequired)),
            text(Error::AlertReceived(Alert::CertificateExpired)),
            text(Error::AlertReceived(Alert::UnknownCA)),
            text(Error::AlertReceived(Alert::HandshakeFailure)),
            text(Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)),
        ];
        for (i, sentence) in sentences.iter().enumerate() {
            assert!(!sentences[..i].contains(sentence), "{sentence}");
        }
        assert!(sentences[2].contains("CA:TRUE") && sentences[4].contains("not P-521"));
        assert!(
            sentences[5].contains("i.example is needed")
                && sentences[6].ends_with("for h, not for i.example")
        );
        assert!(sentences[8].contains("client-key") && sentences[12].contains("plain http"));
    }
}
