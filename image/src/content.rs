//! The files of the image. There is no shell, no package manager and no library among them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use crate::{Error, at};

/// Where the program looks for authorities; `SSL_CERT_FILE` names another file.
const AUTHORITIES: &str = "etc/ssl/certs/ca-certificates.crt";
/// Characters in a line of PEM (RFC 7468).
const PEM_LINE: usize = 64;

/// A file of the image.
pub(crate) struct File {
    /// Its path, relative to the root folder.
    pub(crate) path: String,
    /// Its permissions.
    pub(crate) mode: u32,
    /// What is in it.
    pub(crate) bytes: Vec<u8>,
}

/// All files, in the order of their paths.
pub(crate) fn files(program: &Path, license: &Path) -> Result<Vec<File>, Error> {
    let file = |path: &str, mode, bytes| File {
        path: path.to_owned(),
        mode,
        bytes,
    };
    Ok(vec![
        file(AUTHORITIES, 0o444, authorities().into_bytes()),
        file("licenses/LICENSE", 0o444, fs::read(license).map_err(at(license))?),
        file(name(program)?, 0o555, fs::read(program).map_err(at(program))?),
    ])
}

/// The program's name in the root folder.
pub(crate) fn name(program: &Path) -> Result<&str, Error> {
    let name = program.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| Error::NoName(program.to_owned()))
}

/// Writes them below a folder.
pub(crate) fn write(files: &[File], folder: &Path) -> Result<(), Error> {
    for file in files {
        let path = folder.join(&file.path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(at(parent))?;
        fs::write(&path, &file.bytes).map_err(at(&path))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(file.mode)).map_err(at(&path))?;
    }
    Ok(())
}

/// The authorities that Mozilla trusts for servers, as PEM.
fn authorities() -> String {
    let mut pem = String::new();
    for authority in TLS_SERVER_ROOT_CERTS {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        let mut text = STANDARD.encode(authority);
        while !text.is_empty() {
            let rest = text.split_off(text.len().min(PEM_LINE));
            pem.push_str(&text);
            pem.push('\n');
            text = rest;
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}
