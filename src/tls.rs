//! What a TLS client trusts and shows: certificates and a key in PEM, as Secrets hold them. Pure.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, RootCertStore};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::{Digest, Sha256};

/// Key of a Secret (as cert-manager names it) with the certificate authorities that are trusted.
pub const CA: &str = "ca.crt";
/// Key of a `kubernetes.io/tls` Secret with the client's certificate, followed by those between it and its root.
pub const CERTIFICATE: &str = "tls.crt";
/// Key of a `kubernetes.io/tls` Secret with the client's private key.
pub const PRIVATE_KEY: &str = "tls.key";

/// Whom a client trusts and who it is, checked; a request that has one among its extensions is sent with it.
#[derive(Clone)]
pub struct ClientTls(Arc<Material>);

struct Material {
    roots: Vec<CertificateDer<'static>>,
    identity: Option<SecretSlice<u8>>,
    fingerprint: [u8; 32],
}

/// Why no [`ClientTls`] can be made; never shows what a value holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsProblem {
    /// Key of the Secret: [`CA`], [`CERTIFICATE`] or [`PRIVATE_KEY`].
    pub key: &'static str,
    /// What is wrong.
    pub message: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

impl ClientTls {
    /// Reads what a Secret holds; an empty value counts as none.
    ///
    /// Trusted are the authorities of `ca` and no others, or the system's where there is none.
    ///
    /// # Errors
    /// Everything that is wrong, and that there is nothing at all.
    pub fn read(
        ca: Option<&[u8]>,
        certificate: Option<&[u8]>,
        key: Option<&[u8]>,
    ) -> Result<Self, Vec<TlsProblem>> {
        let given = |value: Option<&'_ [u8]>| {
            value
                .filter(|value| !value.trim_ascii().is_empty())
                .map(<[u8]>::to_vec)
        };
        let (ca, certificate, key) = (given(ca), given(certificate), given(key).map(SecretSlice::from));
        let mut problems = Vec::new();
        let mut found = |result: Result<(), TlsProblem>| problems.extend(result.err());
        let mut roots = Vec::new();
        if let Some(ca) = &ca {
            found(authorities(ca).map(|found| roots = found));
        }
        match (&certificate, &key) {
            (Some(certificate), Some(key)) => found(pair(certificate, key.expose_secret())),
            (Some(_), None) => found(Err(TlsProblem {
                key: PRIVATE_KEY,
                message: "is missing beside tls.crt",
                remedy: "add the certificate's private key, or remove tls.crt",
            })),
            (None, Some(_)) => found(Err(TlsProblem {
                key: CERTIFICATE,
                message: "is missing beside tls.key",
                remedy: "add the key's certificate, or remove tls.key",
            })),
            (None, None) if ca.is_none() => found(Err(TlsProblem {
                key: CA,
                message: "is missing, and so are tls.crt and tls.key",
                remedy: "add the receiver's certificate authority, or a client certificate with its key",
            })),
            (None, None) => {}
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut hash = Sha256::new();
        for part in [
            ca.as_deref(),
            certificate.as_deref(),
            key.as_ref().map(|key| key.expose_secret()),
        ] {
            let part = part.unwrap_or_default();
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let identity = certificate.zip(key).map(|(mut pem, key)| {
            pem.push(b'\n');
            pem.extend_from_slice(key.expose_secret());
            SecretSlice::from(pem)
        });
        Ok(Self(Arc::new(Material {
            roots,
            identity,
            fingerprint: hash.finalize().into(),
        })))
    }

    /// The certificate authorities that alone are trusted, in DER; none where the system's are.
    pub fn roots(&self) -> &[CertificateDer<'static>] {
        &self.0.roots
    }

    /// Certificates and key of the client, in PEM.
    pub fn identity(&self) -> Option<&SecretSlice<u8>> {
        self.0.identity.as_ref()
    }

    /// The same for the same material only; tells nothing of it.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.0.fingerprint
    }
}

impl PartialEq for ClientTls {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint()
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls")
            .field("own_authorities", &self.0.roots.len())
            .field("client_certificate", &self.0.identity.is_some())
            .finish_non_exhaustive()
    }
}

fn authorities(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsProblem> {
    let problem = |message| TlsProblem {
        key: CA,
        message,
        remedy: "write the certificates of the authorities one after the other, in PEM",
    };
    let found = certificates(text).map_err(problem)?;
    let mut store = RootCertStore::empty();
    for certificate in &found {
        store
            .add(certificate.clone())
            .map_err(|_| problem("has a certificate that cannot be read"))?;
    }
    Ok(found)
}

/// Whether the certificate can be read and the key is its own.
fn pair(certificate: &[u8], key: &[u8]) -> Result<(), TlsProblem> {
    let chain = certificates(certificate).map_err(|message| TlsProblem {
        key: CERTIFICATE,
        message,
        remedy: "write the client's certificate in PEM, then those between it and its root",
    })?;
    let problem = |message, remedy| TlsProblem {
        key: PRIVATE_KEY,
        message,
        remedy,
    };
    let write = "write the private key of tls.crt in PEM, without a pass phrase";
    if key.windows(ENCRYPTED.len()).any(|part| part == ENCRYPTED) {
        return Err(problem("is encrypted", write));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| problem("has no private key in PEM", write))?;
    match CertifiedKey::from_der(chain, key, &default_provider()) {
        Ok(_) => Ok(()),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(problem(
            "is not the key of the first certificate in tls.crt",
            "put certificate and key of one pair into the Secret",
        )),
        // Some kinds of keys cannot tell their public half; a peer will judge them.
        Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(()),
        Err(Error::InvalidCertificate(_)) => Err(TlsProblem {
            key: CERTIFICATE,
            message: "has a certificate that cannot be read",
            remedy: "write the client's certificate in PEM, then those between it and its root",
        }),
        Err(_) => Err(problem(
            "is of a kind that is not supported",
            "use an RSA, ECDSA or Ed25519 key",
        )),
    }
}

/// Heading of a key that needs a pass phrase (PKCS #8, and the older form).
const ENCRYPTED: &[u8] = b"ENCRYPTED";

fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(text).collect();
    match found {
        Ok(found) if found.is_empty() => Err("has no certificate in PEM"),
        Ok(found) => Ok(found),
        Err(_) => Err("is broken PEM"),
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
