//! Why there is no answer, in words for humans.

use std::error::Error;
use std::io;

use rustls::CertificateError;

use super::{GuardError, HttpError};

/// Who was called.
#[derive(Clone, Copy)]
pub(super) struct Peer<'a> {
    /// Host of the URL.
    pub(super) host: &'a str,
    /// Host and port of the proxy that was to take the request there.
    pub(super) proxy: Option<&'a str>,
    /// Whether only the authorities given for this peer are trusted.
    pub(super) own_authorities: bool,
}

impl Peer<'_> {
    /// What reqwest says, without the URL, whose query may hold secrets.
    pub(super) fn failure(self, error: reqwest::Error) -> HttpError {
        let error = error.without_url();
        let host = self.host.to_owned();
        if let Some(source) = find::<GuardError>(&error) {
            return HttpError::Refused {
                host,
                source: source.clone(),
            };
        }
        let text = innermost(&error);
        // By its words, since HTTP/2 keeps nothing else of what broke its connection.
        let alert = text.strip_prefix(ALERT).and_then(alert);
        let own = || find::<rustls::Error>(&error).and_then(|tls| self.tls(tls));
        let reason = alert.or_else(own).map_or_else(|| text.clone(), str::to_owned);
        HttpError::Connection {
            host,
            reason: match self.proxy {
                Some(proxy) => format!("{reason} (through the proxy {proxy})"),
                None => reason,
            },
            // Who refuses a certificate has read no request.
            unsent: alert.is_some() || error.is_connect() || error.is_builder(),
        }
    }

    /// Trouble of ours with the peer, where there are better words for it.
    fn tls(self, error: &rustls::Error) -> Option<&'static str> {
        match error {
            rustls::Error::InvalidCertificate(certificate) => Some(self.certificate(certificate)),
            rustls::Error::PeerIncompatible(rustls::PeerIncompatible::ServerDoesNotSupportTls12Or13) => {
                Some(OLD_TLS)
            }
            rustls::Error::InvalidMessage(_) => Some("it does not answer in TLS; is the port one for https?"),
            _ => None,
        }
    }

    fn certificate(self, error: &CertificateError) -> &'static str {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet, by our clock"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for other host names"
            }
            // A bad signature is one by an authority of the same name with another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature if self.own_authorities => {
                "its certificate is from none of the authorities in ca.crt, which alone are trusted"
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "its certificate is from no authority that this system trusts"
            }
            CertificateError::Revoked => "its certificate is revoked",
            _ => "its certificate is not valid",
        }
    }
}

const OLD_TLS: &str = "it speaks no TLS that is safe; the least is TLS 1.2";

/// How rustls begins to tell of an alert.
const ALERT: &str = "received fatal alert: ";

/// What the name of an alert means, of those that end a handshake (RFC 8446 §6.2).
fn alert(name: &str) -> Option<&'static str> {
    Some(match name {
        "CertificateRequired" => "it wants a client certificate",
        "CertificateExpired" => "it says that our client certificate has expired",
        "CertificateRevoked" => "it says that our client certificate is revoked",
        "UnknownCA" => "it does not know the authority of our client certificate",
        "BadCertificate"
        | "UnsupportedCertificate"
        | "CertificateUnknown"
        | "DecryptError"
        | "AccessDenied" => "it does not accept our client certificate",
        "HandshakeFailure" => {
            "it ended the TLS handshake: no cipher in common, or it wants a client certificate"
        }
        "ProtocolVersion" => OLD_TLS,
        _ => return None,
    })
}

/// An error of the type somewhere among the causes; those inside an I/O error are not among its sources.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => cause.source(),
        };
    }
    None
}

/// What the causes come down to.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
