//! The keys a user gives.

use std::os::unix::ffi::OsStringExt as _;

use clap::builder::{OsStringValueParser, TypedValueParser};
use secrecy::{ExposeSecret, SecretSlice};

use super::{VerifyArgs, VerifyError};
use crate::config::{WebhookKey, signature_key};

/// One key, for either kind of signature.
pub(super) struct Key {
    /// As it was given, without the line break of a file.
    pub(super) bytes: SecretSlice<u8>,
    /// As Standard Webhooks reads it.
    pub(super) standard: WebhookKey,
}

/// The keys of the arguments, in order, and what is odd with them.
pub(super) fn given(args: &VerifyArgs) -> Result<(Vec<Key>, Vec<String>), VerifyError> {
    let (mut keys, mut warnings) = (Vec::new(), Vec::new());
    let files = args.key_file.iter().map(|file| match std::fs::read(file) {
        Ok(bytes) => Ok(SecretSlice::from(bytes)),
        Err(reason) => Err(VerifyError::KeyFile {
            file: file.clone(),
            reason,
        }),
    });
    for given in args.key.iter().cloned().map(Ok).chain(files) {
        let given = given?;
        let (bytes, cut) = signature_key(given.expose_secret()).map_err(VerifyError::Key)?;
        if bytes.is_empty() {
            return Err(VerifyError::NoKey);
        }
        if cut {
            warnings.push("the key ends with a line break, which is not part of it".to_owned());
        }
        let standard = WebhookKey::parse(bytes).unwrap_or_else(|error| {
            warnings.push(format!("the key {error}; it is taken as it is written"));
            WebhookKey::plain(bytes)
        });
        keys.push(Key {
            bytes: bytes.to_vec().into(),
            standard,
        });
    }
    Ok((keys, warnings))
}

/// Any bytes the shell can pass, but some.
pub(super) fn parser() -> impl TypedValueParser<Value = SecretSlice<u8>> {
    OsStringValueParser::new().try_map(|key| {
        if key.is_empty() {
            Err("the key is empty; unsigned notifications have no signature")
        } else {
            Ok(SecretSlice::from(key.into_vec()))
        }
    })
}
