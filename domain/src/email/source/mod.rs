//! Email sources: where email providers tell by themselves what became of emails.
//!
//! A source belongs to one provider and has an address of its own, `/hooks/email/{token}`, that is known to
//! nobody else; its token is stored as a hash. What comes there is believed as far as the provider lets it
//! be verified, brought into the words of the ingest, and stored in one transaction with the source's
//! counts.
//!
//! - `manage`: makes, changes and deletes sources, and gives them new addresses.
//! - `key`: what a provider's requests are verified with, sealed.
//! - `receive`: one request, from its token to the stored events; called by `api/src/hook`.
//! - `elastic_email`, `mailgun`, `postmark`, `sendgrid`, `ses`: what each provider says, in the words of the
//!   ingest, and how its requests are verified. Pure.
//! - `sns`: the envelope that what SES says comes in.
//! - `told`: what the readers of all providers have in common.
//!
//! A request is never refused for an event in it: fields and kinds of events that are not known are passed
//! over, and counted. Nothing here sends email, and nothing sets a provider up.
//!
//! To add a provider: its word in `EmailProvider`, its file with a table of tests beside it, and its arms in
//! `receive`, `key` and `manage`; its set-up in `docs/email-providers.md`.

mod elastic_email;
mod key;
mod mailgun;
mod manage;
mod postmark;
mod receive;
mod sendgrid;
mod ses;
mod sns;
mod told;

pub(crate) use key::SEALED;
pub use manage::{
    NewSource, OVERLAP_LIMIT_H, SourceChanges, create, delete, list, load, rotate, update,
};
pub use receive::{Answer, Call, Stored, is_told_by_get, note_rejection, open, receive};
