//! What the business needs from outside, as traits: time, ids, wake-ups, HTTP and mail.
//!
//! Use cases reach them through `Ctx` or are handed them; `api`, `worker` and tests implement them. Nothing here
//! opens a connection or knows a library that does.

mod clock;
mod egress;
mod hint;
mod ids;
mod outage;
mod relay;
pub mod wire;

pub use clock::{Clock, ManualClock, SystemClock};
pub use egress::{
    AnyUrl, Egress, EgressError, MailError, MailReceipt, MailRefusal, OutgoingMail,
    OutgoingRequest, OutgoingResponse, Reach,
};
pub use hint::{Hint, Hints, NoHints, Work};
pub(crate) use ids::first_id_at;
pub use ids::{Ids, RandomIds, SeededIds};
pub use outage::Outage;
pub use relay::{Deliver, Relay};
