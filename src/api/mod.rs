//! The custom resources: types, schemas and conditions. No client, no I/O.

#[expect(
    unreachable_pub,
    reason = "KubeSchema copies each struct, `pub` included, into a function"
)]
mod checkpoint;
mod configuration;
#[expect(
    unreachable_pub,
    reason = "KubeSchema copies each struct, `pub` included, into a function"
)]
mod instance;
mod json_schema;
mod known_keys;
mod names;
mod nearest;
mod schema;
#[expect(
    unreachable_pub,
    reason = "KubeSchema copies each struct, `pub` included, into a function"
)]
mod status;

pub use checkpoint::{PollingCheckpoint, PollingCheckpointSpec};
pub use configuration::Configuration;
pub use instance::{
    DeadLetterSink, DeliveryFormat, DeliverySpec, ElementRef, InitialSync, InitialSyncPolicy,
    PermanentFailurePolicy, PollingInstance, PollingInstanceSpec, PollingSpec, ProviderData, SecretKeyRef,
    SecretRef, SecretSource, SigningKeySource, TlsSecretRef, TlsSource,
};
pub use json_schema::json_schemas;
pub use known_keys::{KNOWN_KEYS, KeyKind, KnownKey, is_secret_key, known_key, nearest_known_key};
pub use names::is_object_name;
pub(crate) use nearest::nearest;
pub use schema::{crd_yaml, crds, crds_yaml};
pub use status::{HeldObjects, LastResult, PollingInstanceStatus, ResourceState, ResourceStatus};

/// API group of every kind.
pub const GROUP: &str = "pollinator.dev";
/// Poll all resources once, now, whenever this annotation's value changes.
pub const REQUESTED_AT: &str = "pollinator.dev/requestedAt";
/// Flux's annotation with the same meaning, so that `flux reconcile` habits work.
pub const FLUX_REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
/// Moves the cursor of every resource to this RFC 3339 instant, once for each new value.
pub const RESET_TO: &str = "pollinator.dev/resetTo";
/// Gives up the refused events of held objects, named `<resource>/<object id>` or by the id alone, with commas between
/// several; once for each new value.
pub const SKIP: &str = "pollinator.dev/skip";
/// `message.instanceId` of the instance's notifications, where it must stay what it was elsewhere.
pub const INSTANCE_ID: &str = "pollinator.dev/instanceId";
/// `message.accountId`, as [`INSTANCE_ID`].
pub const ACCOUNT_ID: &str = "pollinator.dev/accountId";
/// `message.companyId`, as [`INSTANCE_ID`].
pub const COMPANY_ID: &str = "pollinator.dev/companyId";
/// `message.userId`, as [`INSTANCE_ID`].
pub const USER_ID: &str = "pollinator.dev/userId";
