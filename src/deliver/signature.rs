//! The HMAC signature of Cloud Elements.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const PREFIX: &str = "sha256=";

/// Value of `Elements-Webhook-Signature`: `sha256=` and the padded base64 of HMAC-SHA256 over the body's bytes.
pub fn elements_signature(key: &[u8], body: &[u8]) -> String {
    format!(
        "{PREFIX}{}",
        STANDARD.encode(mac(key, &[body]).finalize().into_bytes())
    )
}

/// Whether `header` is the signature of `body` with `key`; takes as long for a nearly right one as for a wrong one.
pub fn verify_elements(key: &[u8], header: &str, body: &[u8]) -> bool {
    let Some(Ok(signature)) = header
        .trim()
        .strip_prefix(PREFIX)
        .map(|text| STANDARD.decode(text))
    else {
        return false;
    };
    mac(key, &[body]).verify_slice(&signature).is_ok()
}

/// HMAC-SHA256 over the parts, one after the other.
pub(super) fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    // This constructor, unlike the one of a slice, cannot fail.
    let mut mac = Hmac::new(&block(key));
    for part in parts {
        mac.update(part);
    }
    mac
}

/// The key block as HMAC defines it (RFC 2104).
fn block(key: &[u8]) -> hmac::digest::Key<Hmac<Sha256>> {
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    if key.len() <= block.len() {
        block[..key.len()].copy_from_slice(key);
    } else {
        let digest = Sha256::digest(key);
        block[..digest.len()].copy_from_slice(&digest);
    }
    block
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const KEY: &[u8] = b"MySecretEventSignatureKey";
    const BODY: &[u8] = b"<INSERT_EVENT_NOTIFICATION_RESPONSE_BODY>";
    const SIGNATURE: &str = "sha256=jHdbRx5EZAsOfTwAPJOGkNUzQMVVdu5VJlxcsk+G6jQ=";

    #[test]
    fn the_vendors_own_example() {
        assert_eq!(elements_signature(KEY, BODY), SIGNATURE);
        assert!(verify_elements(KEY, SIGNATURE, BODY));
    }

    #[test]
    fn keys_of_any_length() {
        // RFC 4231, cases 2 and 6.
        for (key, body, expected) in [
            (
                b"Jefe".to_vec(),
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            let tag = mac(&key, &[body.as_bytes()]).finalize().into_bytes();
            assert_eq!(hex::encode(tag), expected);
        }
    }

    #[test]
    fn what_does_not_verify() {
        let changed = SIGNATURE.replace("jHdb", "jHdc");
        for (key, header, body) in [
            (KEY, changed.as_str(), BODY),
            (KEY, SIGNATURE, &BODY[1..]),
            (&KEY[1..], SIGNATURE, BODY),
            (KEY, "", BODY),
            (KEY, "sha256=", BODY),
            (KEY, "sha256=jHdb", BODY),
            (KEY, "sha1=jHdbRx5EZAsOfTwAPJOGkNUzQMVVdu5VJlxcsk+G6jQ=", BODY),
            (KEY, "jHdbRx5EZAsOfTwAPJOGkNUzQMVVdu5VJlxcsk+G6jQ=", BODY),
            (KEY, "sha256=not base64", BODY),
        ] {
            assert!(!verify_elements(key, header, body), "{header}");
        }
        assert!(verify_elements(KEY, &format!(" {SIGNATURE}\r\n"), BODY));
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_nothing_else(
            key in vec(any::<u8>(), 0..200),
            body in vec(any::<u8>(), 0..500),
            other in vec(any::<u8>(), 0..200),
            at in any::<prop::sample::Index>(),
            bit in 0..8_u32,
        ) {
            let signature = elements_signature(&key, &body);
            prop_assert!(verify_elements(&key, &signature, &body));
            // HMAC pads a key with zeros to its block and hashes a longer one.
            if block(&key) != block(&other) {
                prop_assert!(!verify_elements(&other, &signature, &body));
            }
            if !body.is_empty() {
                let mut changed = body.clone();
                changed[at.index(body.len())] ^= 1 << bit;
                prop_assert!(!verify_elements(&key, &signature, &changed));
            }
            prop_assert!(!verify_elements(&key, &signature, &[&body[..], &[0]].concat()));
        }

        #[test]
        fn no_header_panics(header in any::<String>(), body in vec(any::<u8>(), 0..10)) {
            prop_assert!(!verify_elements(KEY, &header, &body));
            prop_assert!(!verify_elements(KEY, &["sha256=", &header].concat(), &body));
        }
    }
}
