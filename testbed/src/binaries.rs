//! Finds the programs.

use std::path::{Path, PathBuf};

use crate::Error;

/// Where the programs of the control plane and the chart tools are.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Binaries {
    /// The store behind the API server.
    pub etcd: PathBuf,
    /// The API server.
    pub kube_apiserver: PathBuf,
    /// The controllers, of which the garbage collector is used.
    pub kube_controller_manager: PathBuf,
    /// The command line client.
    pub kubectl: PathBuf,
    /// The chart installer.
    pub helm: PathBuf,
    /// The chart installer of the version before.
    pub helm3: PathBuf,
    /// What GitOps tools make of an object: kstatus, and the health that Argo CD computes.
    pub gitops: PathBuf,
    /// The manifest checker.
    pub kubeconform: PathBuf,
}

/// Looks for each program in `$KUBEBUILDER_ASSETS`, then in `$TESTBED_DIR/bin`, then in
/// `target/testbed/bin` of the repository; `make testbed` puts what is missing there.
pub fn binaries() -> Result<Binaries, Error> {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    find_in(
        &[
            variable("KUBEBUILDER_ASSETS"),
            variable("TESTBED_DIR").map(|folder| folder.join("bin")),
            repository.map(|folder| folder.join("target/testbed/bin")),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>(),
    )
}

fn find_in(folders: &[PathBuf]) -> Result<Binaries, Error> {
    let find = |name: &'static str| {
        folders
            .iter()
            .filter_map(|folder| folder.join(name).canonicalize().ok())
            .find(|path| path.is_file())
            .ok_or_else(|| Error::MissingBinary {
                name,
                searched: folders
                    .iter()
                    .map(|folder| folder.display().to_string())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    };
    Ok(Binaries {
        etcd: find("etcd")?,
        kube_apiserver: find("kube-apiserver")?,
        kube_controller_manager: find("kube-controller-manager")?,
        kubectl: find("kubectl")?,
        helm: find("helm")?,
        helm3: find("helm3")?,
        gitops: find("gitops")?,
        kubeconform: find("kubeconform")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_binary_is_reported_with_the_remedy() {
        let error = find_in(&[PathBuf::from("/nowhere/a"), PathBuf::from("/nowhere/b")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no etcd in /nowhere/a, /nowhere/b: run `make testbed`, which builds what is missing"
        );
    }
}
