//! From configuration keys to [`Settings`]: macros, Java date patterns, field paths. Pure.

mod catalogue;
mod date_field;
mod date_pattern;
mod duration;
mod field_path;
pub(crate) mod places;
mod problem;
mod reader;
mod record_traits;
mod settings;
mod signature_key;
mod url_template;
mod webhook_key;
mod zone;

pub use catalogue::{AuthenticationKind, Catalogue, CatalogueEntry};
pub use date_field::{DateError, DateField, DateReading};
pub use date_pattern::{DatePattern, PatternError};
pub use duration::{DurationError, parse_duration};
pub use field_path::{FieldPath, FieldPathError};
pub use problem::{Problem, Warning};
pub(crate) use problem::{join, secret_name_problem};
pub(crate) use reader::is_blank;
pub use reader::{OAuthApp, Reading, Secrets, read, read_app, split_scopes};
pub use record_traits::{DeletedMark, RecordTraits};
pub use settings::{
    Callback, CredType, Credentials, Grant, IdField, InitialSync, OAuth2Credentials, RESERVED_HEADERS,
    ResourceSettings, Settings,
};
pub use signature_key::{OnlyLineBreak, signature_key};
pub use url_template::{MacroError, UrlTemplate};
pub use webhook_key::{KeyMaterial, WebhookKey, WebhookKeyError};
pub use zone::ZoneError;
