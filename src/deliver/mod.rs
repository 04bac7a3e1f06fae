//! From events to accepted notifications: the envelope, its signature, what an answer means, and sending.

mod error;
mod event;
mod ids;
mod nulls;
mod retry;
mod send;
mod signature;

pub use error::DeliveryError;
pub use event::{Event, EventType, MAX_EVENTS, Notification, Origin, notification};
pub use ids::{NotificationIds, stable_number};
pub use retry::{Attempts, Verdict, jittered, judge_answer, judge_error, pause_after, pause_of_held};
pub use send::{Outcome, Refusal, Sender};
pub use signature::{elements_signature, verify_elements};
