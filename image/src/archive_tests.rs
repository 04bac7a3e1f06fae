use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use clap::Parser as _;

use crate::{Command, show};

struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("LICENSE"), "a licence").unwrap();
        fs::write(folder.path().join("program"), "the program").unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Result<(), crate::Error> {
        let folder = self.folder.path().to_str().unwrap();
        let arguments = arguments.iter().map(|argument| argument.replace("DIR", folder));
        crate::run(Command::parse_from(
            ["pollinator-image".to_owned()].into_iter().chain(arguments),
        ))
    }

    fn archive(&self, name: &str, tag: &str, created: &str) -> Result<(), crate::Error> {
        self.run(&[
            "archive",
            "--program=DIR/program",
            "--license=DIR/LICENSE",
            "--description=what it is",
            "--argument=operator",
            "--revision=abc",
            &format!("--name={tag}"),
            &format!("--created={created}"),
            &format!("DIR/{name}"),
        ])
    }

    fn tree(&self) {
        let tree = [
            "tree",
            "--program=DIR/program",
            "--license=DIR/LICENSE",
            "DIR/tree",
        ];
        self.run(&tree).unwrap();
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = Folder::new();
    folder.archive("one.tar", "pollinator:1", "1700000000").unwrap();
    folder.archive("two.tar", "pollinator:1", "1700000000").unwrap();
    folder.archive("later.tar", "pollinator:1", "1700000001").unwrap();
    let read = |name| fs::read(folder.path(name)).unwrap();
    assert_eq!(read("one.tar"), read("two.tar"));
    assert_ne!(read("one.tar"), read("later.tar"));
}

#[test]
fn an_archive_is_read_as_it_was_written() {
    let folder = Folder::new();
    folder.archive("image.tar", "pollinator:1", "1700000000").unwrap();
    let image = show::read(&folder.path("image.tar")).unwrap();
    let files: Vec<(&str, u32)> = image
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.mode))
        .collect();
    assert_eq!(
        files,
        [
            ("etc/ssl/certs/ca-certificates.crt", 0o444),
            ("licenses/LICENSE", 0o444),
            ("program", 0o555)
        ]
    );
    let config = &image.config["config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Entrypoint"][0], "/program");
    assert_eq!(config["Cmd"][0], "operator");
    assert_eq!(config["Labels"], image.annotations);
    assert_eq!(config["Labels"]["org.opencontainers.image.revision"], "abc");
    assert_eq!(image.config["created"], "2023-11-14T22:13:20Z");

    let changed = fs::read(folder.path("image.tar")).unwrap();
    let place = changed
        .windows(11)
        .position(|bytes| bytes == b"65532:65532")
        .unwrap();
    let changed = [&changed[..place], b"0", &changed[place + 1..]].concat();
    fs::write(folder.path("image.tar"), changed).unwrap();
    let error = show::read(&folder.path("image.tar")).err().unwrap().to_string();
    assert!(error.ends_with("has another content"), "{error}");
}

#[test]
fn the_tree_and_the_archive_have_the_same_files() {
    let folder = Folder::new();
    folder.archive("image.tar", "pollinator:1", "1700000000").unwrap();
    folder.tree();
    folder
        .run(&["show", "DIR/image.tar", "--unpack=DIR/unpacked"])
        .unwrap();
    for file in show::read(&folder.path("image.tar")).unwrap().files {
        for tree in ["tree", "unpacked"] {
            let path = folder.path(tree).join(&file.path);
            assert_eq!(fs::read(&path).unwrap(), file.bytes, "{}", path.display());
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, file.mode, "{}", path.display());
        }
    }
}

#[test]
fn the_authorities_are_pem_that_others_read() {
    let folder = Folder::new();
    folder.tree();
    let pem = fs::read_to_string(folder.path("tree/etc/ssl/certs/ca-certificates.crt")).unwrap();
    let blocks = pem.matches("-----BEGIN CERTIFICATE-----\nMII").count();
    assert_eq!(blocks, webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
    assert!(blocks > 100, "only {blocks} authorities");
    assert!(pem.lines().all(|line| line.len() <= 64));
}

#[test]
fn names_are_those_that_kubernetes_gives_them() {
    let cases = [
        ("pollinator:1", "docker.io/library/pollinator:1"),
        ("someone/pollinator:1", "docker.io/someone/pollinator:1"),
        ("ghcr.io/someone/pollinator:1", "ghcr.io/someone/pollinator:1"),
        ("localhost/pollinator:1", "localhost/pollinator:1"),
        ("registry:5000/pollinator:1", "registry:5000/pollinator:1"),
    ];
    let folder = Folder::new();
    for (given, expected) in cases {
        folder.archive("image.tar", given, "0").unwrap();
        let archive = fs::read(folder.path("image.tar")).unwrap();
        let expected = format!("\"io.containerd.image.name\":\"{expected}\"");
        let found = archive
            .windows(expected.len())
            .any(|bytes| bytes == expected.as_bytes());
        assert!(found, "{given}: no {expected}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let folder = Folder::new();
    let error = folder.archive("image.tar", "pollinator", "0").unwrap_err();
    assert_eq!(
        error.to_string(),
        "--name: `pollinator` has no tag; write NAME:TAG"
    );
    folder.archive("image.tar", "pollinator:1", "0").unwrap();
    let error = folder
        .run(&["show", "--at-most=1000", "DIR/image.tar"])
        .unwrap_err();
    assert!(error.to_string().ends_with("more than 1000"), "{error}");
    let error = folder.run(&["show", "DIR/LICENSE"]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(folder.path("LICENSE").to_str().unwrap()),
        "{error}"
    );
}

#[test]
fn the_bill_of_materials_names_everything_in_the_image() {
    let folder = Folder::new();
    folder.archive("image.tar", "pollinator:1", "1700000000").unwrap();
    let document = r#"{"metadata": {"component": {"name": "program"}}, "components": [{"name": "a-crate"}]}"#;
    fs::write(folder.path("crates.json"), document).unwrap();
    let bom = |with: &str| {
        let with = format!("--with={with}");
        folder.run(&["bom", &with, "DIR/crates.json", "DIR/image.tar", "DIR/bom.json"])
    };
    bom("musl=1.2.5").unwrap();
    let bom_text = fs::read_to_string(folder.path("bom.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&bom_text).unwrap();
    let names: Vec<&str> = document["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|component| component["name"].as_str().unwrap())
        .collect();
    let files = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/licenses/LICENSE",
        "/program",
    ];
    assert_eq!(names, [&["program", "a-crate", "musl"][..], &files].concat());
    let digest = show::read(&folder.path("image.tar")).unwrap().digest;
    assert_eq!(document["metadata"]["component"]["bom-ref"], digest);
    let error = bom("glibc=2").unwrap_err().to_string();
    assert!(error.starts_with("--with: `glibc=2` is not one of"), "{error}");
}

#[test]
fn the_dockerfile_says_the_same() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../");
    let read = |name| fs::read_to_string(format!("{root}{name}")).unwrap();
    let manifest = read("Cargo.toml");
    let description = manifest
        .split("\ndescription = \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let (dockerfile, script) = (read("Dockerfile"), read("image/build.sh"));
    let version = env!("CARGO_PKG_VERSION");
    let rust = env!("CARGO_PKG_RUST_VERSION");
    let lines = [
        format!("FROM docker.io/library/rust:{rust}-slim-bookworm AS build"),
        "FROM scratch".to_owned(),
        format!("ARG VERSION={version}"),
        "LABEL org.opencontainers.image.title=\"pollinator\"".to_owned(),
        format!("org.opencontainers.image.description=\"{description}\""),
        format!(
            "org.opencontainers.image.licenses=\"{}\"",
            env!("CARGO_PKG_LICENSE")
        ),
        "org.opencontainers.image.version=\"${VERSION}\"".to_owned(),
        "org.opencontainers.image.revision=\"${REVISION}\"".to_owned(),
        format!("USER {}", super::USER),
        "ENTRYPOINT [\"/pollinator\"]".to_owned(),
        "CMD [\"operator\"]".to_owned(),
    ];
    for line in lines {
        let found = dockerfile
            .lines()
            .any(|found| found.trim().trim_end_matches([' ', '\\']) == line);
        assert!(found, "no `{line}` in the Dockerfile");
    }
    for flag in ["=/cargo", "--remap-path-prefix=$PWD=/pollinator"] {
        assert!(dockerfile.contains(flag) && script.contains(flag), "{flag}");
    }
}
