//! The keys of Standard Webhooks signatures.

use secrecy::{ExposeSecret, SecretSlice};

use super::keys::{Keys, SIGNATURE_KEY, secret_path};
use super::{Findings, Secrets};
use crate::api::{DeliverySpec, SigningKeySource};
use crate::config::{self, KeyMaterial, WebhookKey};

/// Most keys of `delivery.signingKeys`: each adds to a header, and receivers bound those.
const MOST_KEYS: usize = 10;
/// Fewest bytes of a symmetric key (Standard Webhooks, "Signature scheme").
const FEWEST_BYTES: usize = 24;

/// Keys of `webhook-signature`, in order and each once; what is wrong with one is noted, and it is left out.
pub(super) fn signing_keys(
    keys: &Keys,
    signature_key: Option<&SecretSlice<u8>>,
    delivery: &DeliverySpec,
    secrets: &Secrets,
    findings: &mut Findings,
) -> Vec<WebhookKey> {
    let path = keys.path(SIGNATURE_KEY);
    let first = signature_key.and_then(|key| of_signature_key(&path, key.expose_secret(), findings));
    let mut found: Vec<(String, WebhookKey)> = first.map(|key| (path, key)).into_iter().collect();
    if delivery.signing_keys.len() > MOST_KEYS {
        findings.problem(
            "spec.delivery.signingKeys",
            format!("has {} keys", delivery.signing_keys.len()),
            format!("remove those that no receiver verifies with any more, at least down to {MOST_KEYS}"),
        );
    }
    for (index, source) in delivery.signing_keys.iter().enumerate() {
        let path = format!("spec.delivery.signingKeys[{index}].secretKeyRef");
        let Some(key) = of_secret(&path, source, secrets, findings) else {
            continue;
        };
        match found.iter().find(|(_, other)| other.is_same(&key)) {
            Some((other, _)) => {
                findings.warn(path, format!("is the same key as {other}, and signs once"));
            }
            None => found.push((path, key)),
        }
    }
    found.into_iter().map(|(_, key)| key).collect()
}

/// Any bytes may be that key, and only what would let others sign is refused.
fn of_signature_key(path: &str, key: &[u8], findings: &mut Findings) -> Option<WebhookKey> {
    match WebhookKey::parse(key) {
        Ok(key) => match key.material() {
            KeyMaterial::Symmetric(_) => Some(key),
            KeyMaterial::Private(_) => {
                findings.problem(
                    path,
                    "is an Ed25519 private key, with which no receiver could verify Elements-Webhook-Signature",
                    "name it in spec.delivery.signingKeys instead",
                );
                None
            }
            KeyMaterial::Public(_) => {
                findings.problem(
                    path,
                    "is a public key, with which anybody could sign",
                    "write a secret key; Ed25519 keys belong in spec.delivery.signingKeys",
                );
                None
            }
        },
        Err(error) => {
            findings.warn(path, format!("{error}; it signs as it is written"));
            Some(WebhookKey::plain(key))
        }
    }
}

fn of_secret(
    path: &str,
    source: &SigningKeySource,
    secrets: &Secrets,
    findings: &mut Findings,
) -> Option<WebhookKey> {
    let wanted = &source.secret_key_ref;
    let Some(values) = secrets.delivery.get(&wanted.name) else {
        findings.problem(
            path,
            format!("there is no Secret {:?}", wanted.name),
            "create it in the instance's namespace, or remove the entry",
        );
        return None;
    };
    let Some(value) = values.get(&wanted.key) else {
        findings.problem(
            format!("{path}.key"),
            format!("Secret {:?} has no key {:?}", wanted.name, wanted.key),
            "add it to the Secret, or name one that is there",
        );
        return None;
    };
    let place = secret_path(&wanted.name, &wanted.key);
    let mut refuse = |message: String, remedy: &str| {
        findings.problem(place.as_str(), message, remedy);
        None
    };
    let (text, cut) = match config::signature_key(value.expose_secret()) {
        Ok((b"", _)) => return refuse("is empty".to_owned(), "write the key"),
        Ok(found) => found,
        Err(only) => return refuse(only.to_string(), "write the key"),
    };
    let key = match WebhookKey::parse(text) {
        Ok(key) => key,
        Err(error) => return refuse(error.to_string(), "write the key as it was made"),
    };
    match key.material() {
        KeyMaterial::Public(_) => {
            return refuse(
                "is a public key, which cannot sign".to_owned(),
                "write the private key, which begins with whsk_; receivers take the public one",
            );
        }
        KeyMaterial::Symmetric(bytes) if bytes.expose_secret().len() < FEWEST_BYTES => {
            let length = bytes.expose_secret().len();
            return refuse(
                format!("is too short: {length} bytes, where {FEWEST_BYTES} are the least"),
                "write whsec_ and the base64 of 32 random bytes",
            );
        }
        KeyMaterial::Symmetric(_) | KeyMaterial::Private(_) => {}
    }
    if cut {
        findings.warn(
            place,
            "ends with a line break, which is not part of the key; store the value without it",
        );
    }
    Some(key)
}
