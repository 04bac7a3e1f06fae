//! What kubectl, Helm, Argo CD and Flux see of an instance.

mod deletion;
mod drift;
mod examples;
mod judges;
mod kept;
mod recorder;
mod story;
mod waiting;
