//! Email events and the figures made of them.
//!
//! The unit is one email to one recipient: the sender's id of the email and the address it went to.
//!
//! - [`event`]: takes events of providers in, in bulk, once each.
//! - [`input`]: what an event must look like to be taken in.
//! - [`campaign`]: the campaigns, named by events or made by hand.
//! - [`origin`]: tells people from machines, with the reason. Pure.
//! - [`link`]: recognises unsubscribe and preference links, and hidden ones. Pure.
//! - [`fold`]: makes the state of one email of all its events. Pure.
//! - [`figures`]: what is counted per scope and day, and what one email adds to it. Pure.
//! - [`metrics`]: the projection that keeps the daily roll-ups equal to the fold of everything.
//! - [`pressure`]: whether a contact gets too much or too little.
//! - [`read`]: reads events and campaigns, and who caused events; `list` pages the events of everybody.
//! - [`source`]: where providers tell by themselves: their webhooks, verified and brought into these words.
//! - [`report`]: reads the roll-ups; [`rate`] turns them into rates with their base and interval.
//!
//! Nothing here sends email.

pub mod campaign;
pub mod event;
pub mod figures;
pub mod fold;
pub mod input;
pub mod link;
mod list;
pub mod metrics;
pub mod origin;
pub mod pressure;
pub mod rate;
pub mod read;
pub mod report;
pub mod source;

pub use campaign::CampaignChanges;
pub use event::{IngestOutcome, IngestStatus, IngestedEvent, ingest};
pub use figures::Figures;
pub use fold::EmailState;
pub use input::{NewCampaign, NewEmailEvent};
pub use list::{EmailEventFilter, list};
