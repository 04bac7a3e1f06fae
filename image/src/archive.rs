//! An image of one layer as an OCI archive: <https://github.com/opencontainers/image-spec>.

use std::env::consts::ARCH;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use crate::content::{self, File};
use crate::{Error, ImageArguments, at};

/// The user and group that nobody is, by number, so that Kubernetes can tell that it is not root.
pub(crate) const USER: &str = "65532:65532";

/// What the image says of itself.
pub(crate) struct Image {
    name: String,
    tag: String,
    entrypoint: String,
    arguments: Vec<String>,
    created: Timestamp,
    labels: Value,
}

impl Image {
    pub(crate) fn new(given: ImageArguments, program: &Path) -> Result<Self, Error> {
        let Some((name, tag)) = given.name.rsplit_once(':') else {
            return Err(Error::NoTag(given.name));
        };
        let program = content::name(program)?;
        Ok(Self {
            name: name.to_owned(),
            tag: tag.to_owned(),
            entrypoint: format!("/{program}"),
            arguments: given.arguments,
            created: Timestamp::from_second(given.created)?,
            labels: json!({
                "org.opencontainers.image.title": program,
                "org.opencontainers.image.description": given.description,
                "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
                "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
                "org.opencontainers.image.revision": given.revision,
            }),
        })
    }
}

/// A part of the archive, named by its digest.
struct Blob {
    digest: String,
    bytes: Vec<u8>,
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        let digest = digest(&bytes);
        Self { digest, bytes }
    }

    fn json(document: &Value) -> Self {
        Self::new(document.to_string().into_bytes())
    }

    fn descriptor(&self, kind: &str) -> Value {
        json!({
            "mediaType": format!("application/vnd.oci.image.{kind}"),
            "digest": self.digest,
            "size": self.bytes.len(),
        })
    }
}

/// Writes the archive; every time, owner and order in it comes from the arguments.
pub(crate) fn write(image: &Image, files: &[File], path: &Path) -> Result<(), Error> {
    let archive = archive(image, files).map_err(at(path))?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(at(folder))?;
    }
    fs::write(path, archive).map_err(at(path))
}

fn archive(image: &Image, files: &[File]) -> io::Result<Vec<u8>> {
    let created = image.created.to_string();
    let seconds = u64::try_from(image.created.as_second()).unwrap_or_default();
    let layer = layer(files, seconds)?;
    let packed = Blob::new(pack(&layer)?);
    let architecture = architecture();
    let config = Blob::json(&json!({
        "created": created,
        "architecture": architecture,
        "os": "linux",
        "config": {
            "User": USER,
            "ExposedPorts": {"8080/tcp": {}},
            "Entrypoint": [image.entrypoint],
            "Cmd": image.arguments,
            "WorkingDir": "/",
            "Labels": image.labels,
        },
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
        "history": [{"created": created, "created_by": env!("CARGO_PKG_NAME")}],
    }));
    let manifest = Blob::json(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config.descriptor("config.v1+json"),
        "layers": [packed.descriptor("layer.v1.tar+gzip")],
        "annotations": image.labels,
    }));
    let mut named = manifest.descriptor("manifest.v1+json");
    named["platform"] = json!({"architecture": architecture, "os": "linux"});
    named["annotations"] = json!({
        // What skopeo and crane look for, and the full name that containerd, and so kind, gives the image.
        "org.opencontainers.image.ref.name": image.tag,
        "io.containerd.image.name": format!("{}:{}", full_name(&image.name), image.tag),
    });
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [named],
    });

    let mut archive = Builder::new(Vec::new());
    let layout = json!({"imageLayoutVersion": "1.0.0"}).to_string();
    append(&mut archive, "oci-layout", layout.as_bytes(), 0o444, seconds)?;
    append(
        &mut archive,
        "index.json",
        index.to_string().as_bytes(),
        0o444,
        seconds,
    )?;
    for blob in [manifest, config, packed] {
        let path = format!("blobs/{}", blob.digest.replace(':', "/"));
        append(&mut archive, &path, &blob.bytes, 0o444, seconds)?;
    }
    archive.into_inner()
}

/// The files and the folders that they are in.
fn layer(files: &[File], seconds: u64) -> io::Result<Vec<u8>> {
    let mut layer = Builder::new(Vec::new());
    let mut folders: Vec<&Path> = files
        .iter()
        .flat_map(|file| Path::new(&file.path).ancestors().skip(1))
        .filter(|folder| !folder.as_os_str().is_empty())
        .collect();
    folders.sort();
    folders.dedup();
    for folder in folders {
        let mut header = header(EntryType::Directory, 0, 0o755, seconds);
        layer.append_data(&mut header, folder, io::empty())?;
    }
    for file in files {
        append(&mut layer, &file.path, &file.bytes, file.mode, seconds)?;
    }
    layer.into_inner()
}

fn append(
    archive: &mut Builder<Vec<u8>>,
    path: &str,
    bytes: &[u8],
    mode: u32,
    seconds: u64,
) -> io::Result<()> {
    let mut header = header(EntryType::Regular, bytes.len() as u64, mode, seconds);
    archive.append_data(&mut header, path, bytes)
}

/// Owned by root: the program may not change its own files.
fn header(kind: EntryType, size: u64, mode: u32, seconds: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(seconds);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Without a name and a time in the header.
fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut packer = GzBuilder::new().write(Vec::new(), Compression::best());
    packer.write_all(bytes)?;
    packer.finish()
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// As the specification names what this program was built for, and with it the image's program.
fn architecture() -> &'static str {
    match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// A name without a registry is one of Docker Hub's, for containerd and Kubernetes too.
fn full_name(name: &str) -> String {
    match name.split_once('/') {
        Some((registry, _)) if registry.contains(['.', ':']) || registry == "localhost" => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
        None => format!("docker.io/library/{name}"),
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
