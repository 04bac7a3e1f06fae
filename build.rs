//! Embeds every element definition, so that adding one is adding a file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const FOLDER: &str = "src/element/definitions";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={FOLDER}");
    let variable = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .ok_or(io::ErrorKind::NotFound)
    };
    let root = variable("CARGO_MANIFEST_DIR")?;
    let mut files: Vec<PathBuf> = fs::read_dir(root.join(FOLDER))?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let mut code = String::from("[\n");
    for file in &files {
        let stem = file.file_stem().unwrap_or_default();
        let _ = writeln!(code, "    ({stem:?}, include_str!({:?})),", file);
    }
    code.push_str("]\n");
    fs::write(Path::new(&variable("OUT_DIR")?).join("definitions.rs"), code)
}
