//! The schema: one folder per noun, each with its types, queries, mutations and inputs.
//!
//! Types wrap what `domain` returns; a resolver parses ids and inputs, calls one use case, and wraps
//! the result. What every resolver needs (the actor, the business, the loaders) comes from
//! `context`; errors are sorted in `error`. Doc comments here are the public documentation: they
//! are written for the people who use the API.
//!
//! To add a type: a folder for its noun, and its line in each root below.

#![allow(
    clippy::unused_self,
    reason = "a resolver of a root has a `self` that it does not need"
)]

pub mod access;
pub mod account;
pub mod attribute;
pub mod audit;
pub mod change;
pub mod condition;
mod contact;
mod context;
pub mod conversation;
pub mod document;
pub mod edit;
pub mod email;
mod error;
pub mod event;
pub mod export;
pub mod fact;
mod few;
mod given;
pub mod health;
mod id;
pub(crate) mod idempotency;
pub mod import;
pub mod inbox;
pub mod link;
mod loader;
pub mod node;
pub mod note;
pub mod notification;
pub mod operation;
mod owner;
mod page;
pub mod playbook;
mod profile;
pub mod quarantine;
pub mod rate_limit;
pub mod report;
pub mod rule;
mod scalar;
pub mod search;
pub mod segment;
mod stage;
mod subject;
pub mod survey;
mod suspect;
pub mod tag;
pub mod task;
pub mod team;
pub mod timeline;
pub mod upsert;

use async_graphql::{MergedObject, MergedSubscription, SDLExportOptions};
use chrono::{DateTime, Utc};
use domain::ctx::Ctx;

pub use change::Hub;
pub use idempotency::Door;
pub use loader::{LoaderCell, Together};

/// Everything that can be asked.
// The library looks for a field from the last part to the first: those asked most often come last.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub struct Query(
    access::AccessQuery,
    account::AccountMergeQuery,
    suspect::AccountSuspectQuery,
    account::AccountUsageQuery,
    attribute::AttributeQuery,
    audit::AuditQuery,
    change::ChangeQuery,
    contact::IdentityQuery,
    suspect::SuspectQuery,
    conversation::MessageQuery,
    document::DocumentQuery,
    email::EmailQuery,
    email::EmailEventQuery,
    event::EventQuery,
    email::EmailSourceQuery,
    fact::FactQuery,
    health::HealthModelQuery,
    import::ImportQuery,
    inbox::InboxQuery,
    link::LinkQuery,
    node::NodeQuery,
    notification::InAppQuery,
    notification::NotificationQuery,
    notification::PreviewQuery,
    operation::OperationQuery,
    playbook::PlaybookQuery,
    profile::ProfileQuery,
    quarantine::QuarantineQuery,
    rate_limit::RateLimitQuery,
    report::ReportQuery,
    rule::RuleQuery,
    tag::TagGroupQuery,
    tag::TagLifecycleQuery,
    tag::TagMergeQuery,
    search::SearchQuery,
    segment::SegmentQuery,
    survey::SurveyQuery,
    task::TaskQuery,
    team::TeamQuery,
    account::AccountQuery,
    tag::TagQuery,
    conversation::ConversationQuery,
    contact::ContactQuery,
);

/// Everything that can be changed. Each mutation takes one input and returns one payload with the
/// result or with `userErrors` that name what to mend.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub struct Mutation(
    access::AccessMutation,
    account::AccountDeleteMutation,
    account::AccountMergeMutation,
    account::AccountMutation,
    suspect::AccountSuspectMutation,
    attribute::AttributeMutation,
    contact::ContactMutation,
    contact::IdentityMutation,
    suspect::SuspectMutation,
    conversation::ConversationUpdateMutation,
    document::DocumentMutation,
    edit::EditMutation,
    email::CampaignMutation,
    email::EmailSourceMutation,
    export::ExportMutation,
    export::RecordExportMutation,
    health::HealthModelMutation,
    import::ImportMutation,
    inbox::InboxMutation,
    link::LinkMutation,
    note::NoteMutation,
    notification::InAppMutation,
    notification::NotificationMutation,
    operation::OperationMutation,
    playbook::EnrolmentMutation,
    playbook::EnrolmentVersionMutation,
    playbook::PlaybookMutation,
    quarantine::QuarantineMutation,
    report::ReportMutation,
    rule::RuleMutation,
    segment::SegmentMutation,
    survey::SurveyMutation,
    tag::StarterPackMutation,
    tag::TagGroupMutation,
    tag::TagLifecycleMutation,
    tag::TagMergeMutation,
    tag::BulkMutation,
    task::TaskMutation,
    team::TeamMutation,
    upsert::UpsertMutation,
    fact::FactMutation,
    tag::TagMutation,
    email::EmailMutation,
    event::EventMutation,
    conversation::ConversationMutation,
);

/// Everything that can be watched. Every message carries a cursor; a client that comes back with its
/// last cursor misses nothing.
#[derive(MergedSubscription, Default)]
#[graphql(name = "Subscription")]
pub struct Subscription(
    change::ChangeSubscription,
    change::MessageSubscription,
    conversation::ConversationSubscription,
    notification::InAppSubscription,
    operation::OperationSubscription,
    segment::SegmentSubscription,
    task::TaskSubscription,
);

/// The schema of the API.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// Builds the schema on `ctx`, whose connections belong to the calling thread, and on the process's
/// reader of the change log.
pub fn schema(ctx: Ctx, hub: Hub) -> Schema {
    builder().data(ctx).data(hub).finish()
}

/// The schema's text, as checked in at `api/schema.graphql`.
pub fn sdl() -> String {
    let options = SDLExportOptions::new().include_specified_by();
    builder().finish().sdl_with_options(options)
}

fn builder() -> async_graphql::SchemaBuilder<Query, Mutation, Subscription> {
    // Depth, size and cost are judged by the transport before execution.
    let builder = Schema::build(
        Query::default(),
        Mutation::default(),
        Subscription::default(),
    );
    page::describe(builder)
        .override_input_type_description::<DateTime<Utc>>(
            "A moment as RFC 3339 has it, with a time and a zone, such as \
             `2026-11-20T09:00:00+09:00`; given back in UTC.",
        )
        .disable_suggestions()
}
