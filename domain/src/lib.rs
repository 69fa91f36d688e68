//! Every rule of the business: what may happen to contacts, tags, conversations, rules, email
//! metrics and health scores, and what follows from it.
//!
//! `api` and `worker` are two thin doors to this crate. It knows sea-orm and pure libraries; it
//! never names actix, apalis, redis, a resolver or an environment variable. What it needs from
//! outside (time, ids, wake-ups, outgoing HTTP) it asks for through [`port`].
//!
//! Each noun has a folder; what a use case is handed first is a [`ctx::Ctx`] and, when somebody asks
//! for it, an [`access::Actor`]. Everything that follows from a change later is a projection or a
//! due item of the [`work`] core.

pub mod access;
pub mod account;
pub mod action;
pub mod attribute;
pub mod audit;
pub mod condition;
pub mod contact;
pub mod conversation;
pub mod ctx;
pub mod demo;
pub mod document;
mod duplicate;
pub mod edit;
pub mod email;
pub mod error;
pub mod event;
pub mod export;
pub mod fact;
pub mod health;
pub mod idempotency;
pub mod import;
pub mod inbox;
pub mod invoice;
pub mod json;
pub mod latest;
pub mod link;
pub mod locale;
pub mod mail;
mod merge;
pub mod naming;
pub mod note;
pub mod notification;
pub mod operation;
pub mod opportunity;
pub mod order;
pub mod page;
pub mod phone;
pub mod playbook;
pub mod port;
pub mod profile;
pub mod report;
pub mod rule;
pub mod scalar;
pub mod search;
pub mod segment;
pub mod sheet;
pub mod stage;
pub mod store;
pub mod subject;
pub mod survey;
pub mod suspect;
pub mod tag;
pub mod task;
pub mod team;
pub mod text;
pub mod ticket;
pub mod timeline;
pub mod track;
pub mod upload;
pub mod upsert;
pub mod vault;
pub mod work;
pub mod workspace;

use entity::kind::DueKind;
use work::{due::Claimed, projection::Projection, schedule::Schedule};

/// Every consequence of the change log.
pub fn projections() -> &'static [&'static dyn Projection] {
    &[
        &audit::Seal,
        &rule::projection::Rules,
        &playbook::Playbooks,
        &email::metrics::EmailMetrics,
        &health::projection::HealthProjection,
        &health::refit::HealthRefit,
        &search::upkeep::SearchProjection,
        &segment::projection::SegmentProjection,
        &timeline::follow::TimelineFollow,
        &account::standing::StandingProjection,
        &latest::LatestChanges,
        &suspect::DuplicateProjection,
        &profile::engagement::projection::EngagementProjection,
        &profile::rfm::projection::RfmProjection,
        &profile::web::projection::WebProjection,
    ]
}

/// Everything that recurs by the clock.
pub fn schedules() -> &'static [&'static dyn Schedule] {
    &[
        &export::ExportPrune,
        &health::nightly::NightlyHealth,
        &profile::engagement::night::NightlyEngagement,
        &profile::rfm::night::NightlyRfm,
        &rule::tick::RuleTick,
        &search::upkeep::SearchUpkeep,
        &report::quality::NightlyQuality,
        &segment::clock::SegmentClock,
        &suspect::FirstLook,
        &upload::UploadPrune,
    ]
}

/// Everything long that can be asked for.
pub fn operations() -> &'static [&'static dyn operation::Kind] {
    &[
        &report::quality::TagQuality,
        &report::quality::apply::ApplyTagPlan,
        &edit::UpdateByFilter,
        &segment::build::BuildSegments,
        &segment::fill::FillSegment,
        &import::ImportAccounts,
        &import::ImportContacts,
        &playbook::EndEnrolments,
        &playbook::EnrolByFilter,
        &playbook::MoveEnrolments,
        &tag::group::NarrowTagGroup,
        &tag::tagging::TagByFilter,
        &tag::tagging::WithdrawRuleTags,
    ]
}

/// Makes the subjects of due items that are tried again ready for it.
async fn revive_due(
    tx: &mut store::Tx<'_>,
    kind: DueKind,
    subjects: &[uuid::Uuid],
) -> error::Result<()> {
    match kind {
        DueKind::Delivery => notification::delivery::revive(tx, subjects).await,
        DueKind::Operation => operation::revive(tx, subjects).await,
        DueKind::SurveyInvitation => survey::mail::revive(tx, subjects).await,
        // A snoozed conversation is ready as it is.
        DueKind::ConversationWake => Ok(()),
    }
}

/// Does what an item asks for that needs nothing but the database.
async fn do_due(ctx: &ctx::Ctx, item: &Claimed) -> error::Result<()> {
    match item.kind {
        DueKind::ConversationWake => conversation::wake(ctx, item).await,
        DueKind::Delivery | DueKind::Operation | DueKind::SurveyInvitation => Err(
            error::Error::Internal("this kind of item has a turn of its own".to_owned()),
        ),
    }
}

/// What is noted about the subject of a due item that will not be tried again.
async fn give_up_due(tx: &mut store::Tx<'_>, item: &Claimed, error: &str) -> error::Result<()> {
    match item.kind {
        DueKind::Delivery => {
            notification::delivery::give_up(tx, &[item.subject_id.into()], error).await
        }
        DueKind::Operation => operation::give_up(tx, item.subject_id.into(), error).await,
        DueKind::SurveyInvitation => survey::mail::give_up(tx, item.subject_id, error).await,
        // It stays snoozed: visible in its list, and woken by the next message or by hand.
        DueKind::ConversationWake => Ok(()),
    }
}
