//! `pollinator crd`.

use std::process::ExitCode;

use clap::Args;

use super::Failed;

/// Print the CustomResourceDefinitions, for `kubectl apply --server-side -f -`.
#[derive(Args, Debug)]
pub(super) struct CrdArgs {}

pub(super) fn run(_: &CrdArgs) -> Result<ExitCode, Failed> {
    print!("{}", crate::api::crds_yaml());
    Ok(ExitCode::SUCCESS)
}
