//! Signatures as the Standard Webhooks specification defines them.

use aws_lc_rs::signature::{ED25519, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use secrecy::ExposeSecret;

use super::signature::mac;
use crate::config::{KeyMaterial, WebhookKey};

/// Version of an HMAC-SHA256 signature.
const SYMMETRIC: &str = "v1";
/// Version of an Ed25519 signature.
const ASYMMETRIC: &str = "v1a";

/// A key makes no signatures: it is a public one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing key cannot sign")]
pub struct CannotSign;

/// Value of `webhook-signature`: a signature for each key, separated by blanks, `v1,` and the base64 of HMAC-SHA256 or
/// `v1a,` and that of Ed25519, over `id.timestamp.body`. `timestamp` is in Unix seconds.
///
/// # Errors
/// Where a key cannot sign.
pub fn standard_signature(
    keys: &[WebhookKey],
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> Result<String, CannotSign> {
    let timestamp = timestamp.to_string();
    let signed = signed(id, &timestamp, body);
    let signatures = keys.iter().map(|key| match key.material() {
        KeyMaterial::Symmetric(key) => {
            let signature = mac(key.expose_secret(), &signed).finalize().into_bytes();
            Ok(format!("{SYMMETRIC},{}", STANDARD.encode(signature)))
        }
        KeyMaterial::Private(pair) => {
            let signature = pair.try_sign(&signed.concat()).map_err(|_| CannotSign)?;
            Ok(format!("{ASYMMETRIC},{}", STANDARD.encode(signature)))
        }
        KeyMaterial::Public(_) => Err(CannotSign),
    });
    Ok(signatures.collect::<Result<Vec<_>, _>>()?.join(" "))
}

/// Whether one of the signatures in `header` is that of `body` with `key`, and of the received `webhook-id` and
/// `webhook-timestamp`; takes as long for a nearly right one as for a wrong one. The age of the timestamp is not judged.
pub fn verify_standard(key: &WebhookKey, id: &str, timestamp: &str, header: &str, body: &[u8]) -> bool {
    let signed = signed(id, timestamp, body);
    let mut signatures = header.split_ascii_whitespace().filter_map(|part| {
        let (version, text) = part.split_once(',')?;
        Some((version, STANDARD.decode(text).ok()?))
    });
    signatures.any(|(version, signature)| match (version, key.material()) {
        (SYMMETRIC, KeyMaterial::Symmetric(key)) => {
            mac(key.expose_secret(), &signed).verify_slice(&signature).is_ok()
        }
        (ASYMMETRIC, KeyMaterial::Private(pair)) => {
            verify_ed25519(pair.public_key().as_ref(), &signed, &signature)
        }
        (ASYMMETRIC, KeyMaterial::Public(key)) => verify_ed25519(key, &signed, &signature),
        _ => false,
    })
}

fn verify_ed25519(key: &[u8], signed: &[&[u8]], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, key)
        .verify(&signed.concat(), signature)
        .is_ok()
}

fn signed<'a>(id: &'a str, timestamp: &'a str, body: &'a [u8]) -> [&'a [u8]; 5] {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body]
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn key(text: &str) -> WebhookKey {
        WebhookKey::parse(text.as_bytes()).unwrap()
    }

    fn verifies(key: &WebhookKey, header: &str) -> bool {
        verify_standard(key, ID, &AT.to_string(), header, BODY)
    }

    /// The first is the specification's own example; the others were computed with Python's hmac and with Node's crypto.
    const EXAMPLES: [(&str, &str); 3] = [
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (
            "MySecretEventSignatureKey",
            "v1,pBDNscG8EOlBTw8YkJf7sF8kh1l9vjng7A62zq1u1+8=",
        ),
        (
            "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
            "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlHFG2NVAw==",
        ),
    ];
    const PUBLIC: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    #[test]
    fn known_signatures() {
        for (text, expected) in EXAMPLES {
            let key = key(text);
            let signature = standard_signature(std::slice::from_ref(&key), ID, AT, BODY);
            assert_eq!(signature.as_deref(), Ok(expected));
            assert!(verifies(&key, expected));
        }
        assert!(verifies(&key(PUBLIC), EXAMPLES[2].1));
        assert_eq!(standard_signature(&[key(PUBLIC)], ID, AT, BODY), Err(CannotSign));
    }

    /// A receiver with any one of the keys takes it, in whatever company.
    #[test]
    fn several_keys() {
        let keys = EXAMPLES.map(|(text, _)| key(text));
        let header = standard_signature(&keys, ID, AT, BODY).unwrap();
        assert_eq!(header, EXAMPLES.map(|(_, signature)| signature).join(" "));
        for key in &keys {
            assert!(verifies(key, &header));
            assert!(verifies(key, &format!("v2,AAAA {header} v1")));
        }
        assert!(verifies(&key(PUBLIC), &header));
        assert!(!verifies(&key("another"), &header));
    }

    #[test]
    fn what_does_not_verify() {
        let (symmetric, public) = (key(EXAMPLES[0].0), key(PUBLIC));
        let [(_, v1), _, (_, v1a)] = EXAMPLES;
        for header in [
            "",
            "v1",
            "v1,",
            "v1,g0hM",
            "v1,not base64",
            v1.trim_start_matches("v1,"),
            &v1.replace("v1,", "v1a,"),
            &v1a.replace("v1a,", "v1,"),
            &v1.replace("g0hM", "g0hN"),
            &v1a.replace("fldx", "fldy"),
            &v1.replace("v1,", "V1,"),
            &v1.replace("v1,", "v1, "),
        ] {
            assert!(!verifies(&symmetric, header), "{header}");
            assert!(!verifies(&public, header), "{header}");
        }
        // The public key is known to all: what was made with it as an HMAC key is nobody's signature.
        let forged = standard_signature(&[WebhookKey::plain(PUBLIC.as_bytes())], ID, AT, BODY).unwrap();
        assert!(!verifies(&public, &forged));
        let at = AT.to_string();
        for (id, at, body) in [
            ("msg_p5jXN8AQM9LWM0D4loKWxJel", at.as_str(), BODY),
            (ID, "1614265331", BODY),
            (ID, &at, &BODY[1..]),
        ] {
            assert!(!verify_standard(&symmetric, id, at, v1, body));
            assert!(!verify_standard(&public, id, at, v1a, body));
        }
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_nothing_else(
            secret in vec(any::<u8>(), 1..100),
            seed in any::<[u8; 32]>(),
            at in any::<i64>(),
            body in vec(any::<u8>(), 1..300),
            position in any::<prop::sample::Index>(),
            bit in 0..8_u32,
        ) {
            let keys = [
                WebhookKey::plain(&secret),
                key(&format!("whsk_{}", STANDARD.encode(seed))),
            ];
            let header = standard_signature(&keys, ID, at, &body).unwrap();
            let mut changed = body.clone();
            changed[position.index(body.len())] ^= 1 << bit;
            for key in &keys {
                prop_assert!(verify_standard(key, ID, &at.to_string(), &header, &body));
                prop_assert!(!verify_standard(key, ID, &at.to_string(), &header, &changed));
                prop_assert!(!verify_standard(key, ID, &at.wrapping_add(1).to_string(), &header, &body));
            }
        }

        #[test]
        fn no_header_panics(id in any::<String>(), at in any::<String>(), header in any::<String>()) {
            let versioned = format!("v1,{header} v1a,{header}");
            for text in ["k", PUBLIC] {
                prop_assert!(!verify_standard(&key(text), &id, &at, &header, BODY));
                prop_assert!(!verify_standard(&key(text), &id, &at, &versioned, BODY));
            }
        }
    }
}
