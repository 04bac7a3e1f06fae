//! Checks `Elements-Webhook-Signature` as a receiver would, without code of Pollinator's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Whether `header` is `sha256=` and the base64 of the HMAC-SHA256 of `body` with `key`.
pub(crate) fn is_valid(key: &str, header: &str, body: &str) -> bool {
    let given = header
        .strip_prefix("sha256=")
        .and_then(|text| STANDARD.decode(text).ok());
    let (Some(given), Ok(mut mac)) = (given, Hmac::<Sha256>::new_from_slice(key.as_bytes())) else {
        return false;
    };
    mac.update(body.as_bytes());
    mac.verify_slice(&given).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_the_example_of_cloud_elements() {
        let (key, body) = (
            "MySecretEventSignatureKey",
            "<INSERT_EVENT_NOTIFICATION_RESPONSE_BODY>",
        );
        let header = "sha256=jHdbRx5EZAsOfTwAPJOGkNUzQMVVdu5VJlxcsk+G6jQ=";
        assert!(is_valid(key, header, body));
        assert!(!is_valid("another key", header, body));
        assert!(!is_valid(key, header, "another body"));
        assert!(!is_valid(key, &header[7..], body));
    }
}
