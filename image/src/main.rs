//! `pollinator-image`: the container image, without a container engine.

mod archive;
mod bom;
mod content;
mod show;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use thiserror::Error;

use crate::archive::Image;

/// Writes the container image of a statically linked program.
#[derive(Parser)]
#[command(version)]
enum Command {
    /// Write the files of the image into a folder, for the Dockerfile
    Tree {
        #[command(flatten)]
        content: ContentArguments,
        /// The folder, which is created
        folder: PathBuf,
    },
    /// Write the image as an OCI archive; the same input gives the same bytes
    Archive {
        #[command(flatten)]
        content: ContentArguments,
        #[command(flatten)]
        image: ImageArguments,
        /// The archive, for example target/image/pollinator.tar
        file: PathBuf,
    },
    /// Print digest, size, configuration and files of an archive
    Show {
        /// The archive
        file: PathBuf,
        /// Fail if the unpacked files have more bytes
        #[arg(long, value_name = "BYTES")]
        at_most: Option<u64>,
        /// Write the files into this folder, which is created
        #[arg(long, value_name = "FOLDER")]
        unpack: Option<PathBuf>,
    },
    /// Complete the CycloneDX document of cargo-cyclonedx by what else is in the image
    Bom {
        /// The document of cargo-cyclonedx
        document: PathBuf,
        /// The archive that it is about
        archive: PathBuf,
        /// What is in the image beside the crates, as name=version: musl, rust, webpki-root-certs
        #[arg(long = "with", value_name = "NAME=VERSION")]
        with: Vec<String>,
        /// Where to write it
        file: PathBuf,
    },
}

#[derive(clap::Args)]
struct ContentArguments {
    /// The program, which becomes a file of the root folder
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// The licence text
    #[arg(long, value_name = "FILE", default_value = "LICENSE")]
    license: PathBuf,
}

#[derive(clap::Args)]
struct ImageArguments {
    /// Name and tag
    #[arg(long, value_name = "NAME:TAG")]
    name: String,
    /// What it is, in a sentence
    #[arg(long, value_name = "TEXT")]
    description: String,
    /// Arguments of the program where a container gives none
    #[arg(long = "argument", value_name = "ARGUMENT")]
    arguments: Vec<String>,
    /// Commit of the sources
    #[arg(long, value_name = "COMMIT")]
    revision: String,
    /// Time of that commit, in seconds since 1970: the image's time, so that it depends on its input only
    #[arg(long, value_name = "SECONDS")]
    created: i64,
}

/// Why there is no image.
#[derive(Debug, Error)]
enum Error {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{}: no name in it; give the path of a program", .0.display())]
    NoName(PathBuf),
    #[error("--name: `{0}` has no tag; write NAME:TAG")]
    NoTag(String),
    #[error("--created: {0}")]
    Created(#[from] jiff::Error),
    #[error("{}: not an image archive: {what}", path.display())]
    NotAnArchive { path: PathBuf, what: String },
    #[error("{}: {size} bytes unpacked, more than {at_most}", path.display())]
    TooLarge { path: PathBuf, size: u64, at_most: u64 },
    #[error("--with: `{0}` is not one of musl, rust and webpki-root-certs with `=VERSION`")]
    NotAPart(String),
    #[error("{}: not a CycloneDX document: {what}", path.display())]
    NotABom { path: PathBuf, what: String },
}

/// Makes an error of this file.
fn at(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.into();
    move |source| Error::File { path, source }
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Tree { content, folder } => {
            content::write(&content::files(&content.program, &content.license)?, &folder)
        }
        Command::Archive { content, image, file } => {
            let files = content::files(&content.program, &content.license)?;
            archive::write(&Image::new(image, &content.program)?, &files, &file)
        }
        Command::Show {
            file,
            at_most,
            unpack,
        } => show::show(&file, at_most, unpack.as_deref()),
        Command::Bom {
            document,
            archive,
            with,
            file,
        } => bom::complete(&document, &archive, &with, &file),
    }
}
