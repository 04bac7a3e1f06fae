//! From events to accepted notifications: the envelope, its signatures, what an answer means, and sending.

mod cloud_events;
mod error;
mod event;
mod ids;
mod nulls;
mod retry;
mod send;
mod signature;
mod standard_webhooks;

pub use cloud_events::{BATCH_MEDIA_TYPE, EVENT_MEDIA_TYPE, instance_source};
pub use error::DeliveryError;
pub use event::{Event, EventType, Notification, Origin, notification};
pub use ids::{NotificationIds, stable_number};
pub use retry::{Attempts, Verdict, jittered, judge_answer, judge_error, pause_after, pause_of_held};
pub use send::{Outcome, Refusal, Sender};
pub use signature::{elements_signature, verify_elements};
pub use standard_webhooks::{CannotSign, standard_signature, verify_standard};
