//! Starts a real Kubernetes control plane on loopback for tests and demonstrations.
//!
//! `make testbed` provides the binaries once; [`ControlPlane::start`] then runs etcd and
//! kube-apiserver, and on request kube-controller-manager, within about three seconds. There are no
//! nodes: objects are stored, validated, authorised and garbage collected, but no pod ever runs.

mod api;
mod audit;
mod binaries;
mod command;
mod component;
mod control_plane;
mod error;
mod kubeconfig;
pub mod privileges;
mod process;

pub use audit::AUDIT_VARIABLE;
pub use binaries::{Binaries, binaries};
pub use command::{run, run_with_input};
pub use component::Folder;
pub use control_plane::{ControlPlane, Options};
pub use error::Error;
pub use process::{Process, last_lines};
