//! Reads an archive back, digest by digest, and says what is in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;
use tar::Archive;

use crate::archive::digest;
use crate::content::{self, File};
use crate::{Error, at};

/// An image as an archive has it.
pub(crate) struct Shown {
    /// Digest of its manifest, by which a registry names it.
    pub(crate) digest: String,
    /// What the manifest says of it.
    pub(crate) annotations: Value,
    /// How it is run.
    pub(crate) config: Value,
    /// Bytes of the packed layer.
    pub(crate) packed: u64,
    /// Its files.
    pub(crate) files: Vec<File>,
}

impl Shown {
    /// Bytes of all files.
    pub(crate) fn size(&self) -> u64 {
        self.files.iter().map(|file| file.bytes.len() as u64).sum()
    }
}

/// Reads an archive; an error if anything in it is not what its digest says.
pub(crate) fn read(path: &Path) -> Result<Shown, Error> {
    let refuse = |what: String| Error::NotAnArchive {
        path: path.to_owned(),
        what,
    };
    let archive = fs::read(path).map_err(at(path))?;
    let entries: BTreeMap<String, Vec<u8>> = entries(&archive)
        .map_err(at(path))?
        .into_iter()
        .map(|file| (file.path, file.bytes))
        .collect();
    let index = entries.get("index.json");
    let index: Value = index
        .and_then(|index| serde_json::from_slice(index).ok())
        .unwrap_or_default();
    let blob = |name: &Value| {
        let name = name.as_str().unwrap_or_default();
        let bytes = entries.get(&format!("blobs/{}", name.replace(':', "/")));
        let bytes = bytes.ok_or_else(|| refuse(format!("it has no blob `{name}`")))?;
        if digest(bytes) == name {
            Ok(bytes.as_slice())
        } else {
            Err(refuse(format!("its blob {name} has another content")))
        }
    };
    let json = |bytes| serde_json::from_slice::<Value>(bytes).map_err(|error| refuse(error.to_string()));
    let name = &index["manifests"][0]["digest"];
    let manifest = json(blob(name)?)?;
    let config = json(blob(&manifest["config"]["digest"])?)?;
    let packed = blob(&manifest["layers"][0]["digest"])?;
    let mut layer = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut layer).map_err(at(path))?;
    if config["rootfs"]["diff_ids"][0] != *digest(&layer) {
        return Err(refuse("its layer is not the one of its configuration".to_owned()));
    }
    Ok(Shown {
        digest: name.as_str().unwrap_or_default().to_owned(),
        annotations: manifest["annotations"].clone(),
        config,
        packed: packed.len() as u64,
        files: entries_of_files(&layer).map_err(at(path))?,
    })
}

fn entries_of_files(layer: &[u8]) -> io::Result<Vec<File>> {
    let mut files = entries(layer)?;
    files.retain(|file| !file.path.ends_with('/'));
    Ok(files)
}

fn entries(archive: &[u8]) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    for entry in Archive::new(archive).entries()? {
        let mut entry = entry?;
        let mut path = entry.path()?.to_string_lossy().into_owned();
        if entry.header().entry_type().is_dir() && !path.ends_with('/') {
            path.push('/');
        }
        let mode = entry.header().mode()?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        files.push(File { path, mode, bytes });
    }
    Ok(files)
}

/// Prints what is in an archive.
pub(crate) fn show(path: &Path, at_most: Option<u64>, unpack: Option<&Path>) -> Result<(), Error> {
    let image = read(path)?;
    let mut lines = vec![
        path.display().to_string(),
        format!("  digest    {}", image.digest),
        format!(
            "  size      {} packed, {} unpacked",
            megabytes(image.packed),
            megabytes(image.size())
        ),
        format!(
            "  platform  {}/{}",
            text(&image.config["os"]),
            text(&image.config["architecture"])
        ),
        format!("  user      {}", text(&image.config["config"]["User"])),
        format!(
            "  starts    {} {}",
            words(&image.config["config"]["Entrypoint"]),
            words(&image.config["config"]["Cmd"])
        ),
    ];
    for file in &image.files {
        let size = megabytes(file.bytes.len() as u64);
        lines.push(format!("  {:o}  {size:>9}  /{}", file.mode, file.path));
    }
    let _ = writeln!(io::stdout(), "{}", lines.join("\n"));
    if let Some(folder) = unpack {
        content::write(&image.files, folder)?;
    }
    match at_most {
        Some(at_most) if image.size() > at_most => Err(Error::TooLarge {
            path: path.to_owned(),
            size: image.size(),
            at_most,
        }),
        _ => Ok(()),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn words(value: &Value) -> String {
    let words = value.as_array().into_iter().flatten().map(text);
    words.collect::<Vec<_>>().join(" ")
}

/// In decimal megabytes, as registries count.
#[allow(clippy::cast_precision_loss, reason = "it is rounded anyway")]
fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}
