//! The keys of Standard Webhooks signatures, in the form in which people hand them over.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretSlice};

/// Prefix of a symmetric key in base64.
const SYMMETRIC: &[u8] = b"whsec_";
/// Prefix of an Ed25519 private key in base64.
const PRIVATE: &[u8] = b"whsk_";
/// Prefix of an Ed25519 public key in base64.
const PUBLIC: &[u8] = b"whpk_";

/// Bytes of an Ed25519 seed and of a public key (RFC 8032).
const ED25519: usize = 32;

/// As lenient as the libraries of receivers: the same bytes for every way to end the text.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A key of Standard Webhooks signatures.
#[derive(Clone)]
pub struct WebhookKey {
    /// As it was handed over.
    text: SecretSlice<u8>,
    material: KeyMaterial,
}

/// What a [`WebhookKey`] signs or verifies with.
#[derive(Clone)]
pub enum KeyMaterial {
    /// HMAC-SHA256 with these bytes, signature version `v1`.
    Symmetric(SecretSlice<u8>),
    /// Signs with Ed25519, signature version `v1a`.
    Private(Arc<Ed25519KeyPair>),
    /// Verifies what the private key has signed; cannot sign.
    Public([u8; ED25519]),
}

/// Why a text that begins like a key of Standard Webhooks is none; never shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookKeyError {
    /// What follows the prefix cannot be decoded.
    #[error("begins with {0}, but what follows is not base64")]
    NotBase64(&'static str),
    /// There is nothing behind the prefix.
    #[error("is nothing but the prefix whsec_")]
    NoKey,
    /// A private key has its seed, or seed and public key.
    #[error("is no Ed25519 private key: whsk_ and the base64 of 32 or 64 bytes, not of {0}")]
    PrivateLength(usize),
    /// The second half of the private key is the public key of another one.
    #[error("is no Ed25519 private key: its second half is not the public key of its first")]
    PrivateMismatch,
    /// A public key has 32 bytes.
    #[error("is no Ed25519 public key: whpk_ and the base64 of 32 bytes, not of {0}")]
    PublicLength(usize),
}

impl WebhookKey {
    /// Reads a key by its prefix: `whsec_`, `whsk_` or `whpk_` and base64 (Standard Webhooks, "Secret serialization"); a
    /// key without prefix is symmetric, its bytes as they are.
    ///
    /// # Errors
    /// Where there is a prefix, and what follows is no key of that kind.
    pub fn parse(text: &[u8]) -> Result<Self, WebhookKeyError> {
        let material = if let Some(rest) = text.strip_prefix(SYMMETRIC) {
            let bytes = decode(rest, "whsec_")?;
            if bytes.is_empty() {
                return Err(WebhookKeyError::NoKey);
            }
            KeyMaterial::Symmetric(bytes.into())
        } else if let Some(rest) = text.strip_prefix(PRIVATE) {
            KeyMaterial::Private(Arc::new(key_pair(&decode(rest, "whsk_")?)?))
        } else if let Some(rest) = text.strip_prefix(PUBLIC) {
            let bytes = decode(rest, "whpk_")?;
            let length = bytes.len();
            KeyMaterial::Public(
                bytes
                    .try_into()
                    .map_err(|_| WebhookKeyError::PublicLength(length))?,
            )
        } else {
            return Ok(Self::plain(text));
        };
        Ok(Self {
            text: text.to_vec().into(),
            material,
        })
    }

    /// A symmetric key of just these bytes, whatever they begin with.
    pub fn plain(bytes: &[u8]) -> Self {
        Self {
            text: bytes.to_vec().into(),
            material: KeyMaterial::Symmetric(bytes.to_vec().into()),
        }
    }

    /// What it signs or verifies with.
    pub fn material(&self) -> &KeyMaterial {
        &self.material
    }

    /// Whether two keys make the same signatures.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.material, &other.material) {
            (KeyMaterial::Symmetric(own), KeyMaterial::Symmetric(other)) => {
                own.expose_secret() == other.expose_secret()
            }
            (KeyMaterial::Private(own), KeyMaterial::Private(other)) => {
                own.public_key().as_ref() == other.public_key().as_ref()
            }
            (KeyMaterial::Public(own), KeyMaterial::Public(other)) => own == other,
            _ => false,
        }
    }

    /// Everything that must not be shown: the text behind the prefix, and the bytes it stands for.
    pub fn secrets(&self) -> Vec<&[u8]> {
        let text = self.text.expose_secret();
        match &self.material {
            KeyMaterial::Symmetric(bytes) => {
                vec![
                    text.strip_prefix(SYMMETRIC).unwrap_or(text),
                    bytes.expose_secret(),
                ]
            }
            KeyMaterial::Private(_) => vec![text.strip_prefix(PRIVATE).unwrap_or(text)],
            KeyMaterial::Public(_) => Vec::new(),
        }
    }
}

/// Shows the kind alone.
impl fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.material.fmt(f)
    }
}

/// Shows the kind alone.
impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Symmetric(_) => "Symmetric([redacted])",
            Self::Private(_) => "Private([redacted])",
            Self::Public(_) => "Public",
        })
    }
}

fn decode(text: &[u8], prefix: &'static str) -> Result<Vec<u8>, WebhookKeyError> {
    BASE64
        .decode(text)
        .map_err(|_| WebhookKeyError::NotBase64(prefix))
}

/// A pair from its seed, or from seed and public key, as Go, libsodium and others write a private key.
fn key_pair(bytes: &[u8]) -> Result<Ed25519KeyPair, WebhookKeyError> {
    let wrong_length = WebhookKeyError::PrivateLength(bytes.len());
    let (seed, public) = bytes.split_at_checked(ED25519).ok_or(wrong_length)?;
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| wrong_length)?;
    match public {
        [] => Ok(pair),
        _ if public.len() != ED25519 => Err(wrong_length),
        _ if public == pair.public_key().as_ref() => Ok(pair),
        _ => Err(WebhookKeyError::PrivateMismatch),
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose;

    use super::*;

    /// RFC 8032, section 7.1, test 1.
    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const PUBLIC_KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    fn text(prefix: &str, bytes: &[u8]) -> Vec<u8> {
        format!("{prefix}{}", general_purpose::STANDARD.encode(bytes)).into_bytes()
    }

    fn symmetric(key: &[u8]) -> Vec<u8> {
        match WebhookKey::parse(key).unwrap().material {
            KeyMaterial::Symmetric(bytes) => bytes.expose_secret().to_vec(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn symmetric_keys() {
        for (given, expected) in [
            (&b"whsec_AAECAw=="[..], &[0, 1, 2, 3][..]),
            (b"whsec_AAECAw", &[0, 1, 2, 3]),
            // Bits that say nothing, as of a key that was typed.
            (b"whsec_AAECAx==", &[0, 1, 2, 3]),
            (b"AAECAw==", b"AAECAw=="),
            (b"plain key", b"plain key"),
            (b"Whsec_AAEC", b"Whsec_AAEC"),
            (b" whsec_AAEC", b" whsec_AAEC"),
            (b"\xff\0", b"\xff\0"),
        ] {
            assert_eq!(symmetric(given), expected, "{given:?}");
        }
        assert!(
            WebhookKey::parse(b"whsec_AAECAw==")
                .unwrap()
                .is_same(&WebhookKey::plain(&[0, 1, 2, 3]))
        );
    }

    #[test]
    fn ed25519_keys() {
        let (seed, public) = (hex::decode(SEED).unwrap(), hex::decode(PUBLIC_KEY).unwrap());
        let both = [&seed[..], &public].concat();
        let [short, long] = [&seed, &both].map(|bytes| WebhookKey::parse(&text("whsk_", bytes)).unwrap());
        assert!(short.is_same(&long));
        let KeyMaterial::Private(pair) = short.material() else {
            panic!("{short:?}")
        };
        assert_eq!(pair.public_key().as_ref(), public);
        let public = WebhookKey::parse(&text("whpk_", &public)).unwrap();
        assert!(matches!(public.material(), KeyMaterial::Public(_)));
        assert!(!public.is_same(&short));
        assert!(public.secrets().is_empty());
    }

    #[test]
    fn what_is_no_key() {
        let mut mismatched = [hex::decode(SEED).unwrap(), hex::decode(PUBLIC_KEY).unwrap()].concat();
        mismatched[63] ^= 1;
        for (given, expected) in [
            (b"whsec_".to_vec(), WebhookKeyError::NoKey),
            (b"whsec_a b".to_vec(), WebhookKeyError::NotBase64("whsec_")),
            (b"whsec_\xff".to_vec(), WebhookKeyError::NotBase64("whsec_")),
            (b"whsk_-_-_".to_vec(), WebhookKeyError::NotBase64("whsk_")),
            (b"whpk_%".to_vec(), WebhookKeyError::NotBase64("whpk_")),
            (b"whsk_".to_vec(), WebhookKeyError::PrivateLength(0)),
            (text("whsk_", &[1; 31]), WebhookKeyError::PrivateLength(31)),
            (text("whsk_", &[1; 33]), WebhookKeyError::PrivateLength(33)),
            (text("whsk_", &[1; 65]), WebhookKeyError::PrivateLength(65)),
            (text("whsk_", &mismatched), WebhookKeyError::PrivateMismatch),
            (text("whpk_", &[1; 31]), WebhookKeyError::PublicLength(31)),
            (text("whpk_", &[1; 64]), WebhookKeyError::PublicLength(64)),
        ] {
            let error = WebhookKey::parse(&given).unwrap_err();
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn nothing_shows_a_key() {
        let seed = hex::decode(SEED).unwrap();
        for key in [&b"a plain key"[..], b"whsec_c2VjcmV0", &text("whsk_", &seed)] {
            let key = WebhookKey::parse(key).unwrap();
            let shown = format!("{key:?} {:?}", key.material());
            for secret in key.secrets() {
                assert!(!shown.contains(&*String::from_utf8_lossy(secret)), "{shown}");
            }
        }
    }
}
