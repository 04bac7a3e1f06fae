//! The bill of materials: what cargo-cyclonedx says of the program's crates, and the rest of the image.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::content::File;
use crate::show::{self, Shown};
use crate::{Error, at};

/// What can be in the image beside crates: name, licence, and what it is.
const PARTS: [(&str, &str, &str); 3] = [
    ("musl", "MIT", "C library, linked statically"),
    ("rust", "MIT OR Apache-2.0", "standard library, linked statically"),
    (
        "webpki-root-certs",
        "CDLA-Permissive-2.0",
        "certificate authorities that Mozilla trusts, written to /etc/ssl/certs/ca-certificates.crt",
    ),
];

/// Writes the completed document; the same input gives the same bytes.
pub(crate) fn complete(document: &Path, archive: &Path, with: &[String], path: &Path) -> Result<(), Error> {
    let refuse = |what: &str| Error::NotABom {
        path: document.to_owned(),
        what: what.to_owned(),
    };
    let text = fs::read(document).map_err(at(document))?;
    let mut bom: Value = serde_json::from_slice(&text).map_err(|error| refuse(&error.to_string()))?;
    let image = show::read(archive)?;
    let program = bom["metadata"]["component"].take();
    let Some(components) = bom["components"].as_array_mut() else {
        return Err(refuse("it has no components"));
    };
    components.insert(0, program);
    for given in with {
        components.push(part(given)?);
    }
    components.extend(image.files.iter().map(file));
    bom["metadata"]["component"] = container(&image);
    let mut text = serde_json::to_vec_pretty(&bom).map_err(|error| refuse(&error.to_string()))?;
    text.push(b'\n');
    fs::write(path, text).map_err(at(path))
}

fn part(given: &str) -> Result<Value, Error> {
    let refuse = || Error::NotAPart(given.to_owned());
    let (name, version) = given.split_once('=').ok_or_else(refuse)?;
    let known = PARTS.iter().find(|(known, ..)| *known == name);
    let (_, license, what) = known.ok_or_else(refuse)?;
    Ok(json!({
        "type": "library",
        "bom-ref": format!("{name}@{version}"),
        "name": name,
        "version": version,
        "description": what,
        "licenses": [{"expression": license}],
    }))
}

fn file(file: &File) -> Value {
    json!({
        "type": "file",
        "bom-ref": format!("file:///{}", file.path),
        "name": format!("/{}", file.path),
        "hashes": [{"alg": "SHA-256", "content": hex::encode(Sha256::digest(&file.bytes))}],
    })
}

fn container(image: &Shown) -> Value {
    let label = |name: &str| image.annotations[format!("org.opencontainers.image.{name}")].clone();
    let (title, version) = (label("title"), label("version"));
    json!({
        "type": "container",
        "bom-ref": image.digest,
        "name": title,
        "version": version,
        "description": label("description"),
        "licenses": [{"expression": label("licenses")}],
        "purl": format!(
            "pkg:oci/{}@{}?tag={}",
            title.as_str().unwrap_or_default(),
            image.digest.replace(':', "%3A"),
            version.as_str().unwrap_or_default()
        ),
    })
}
