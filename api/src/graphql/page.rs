//! Relay connections over the business's pages.
//!
//! To write a list: a resolver with Relay's four arguments, which reads them with
//! [`PageRequest::relay`](domain::page::PageRequest::relay), asks the business for a page, and
//! returns [`connection`] of it as a [`Connection`] (this one, not the library's): nodes, edges,
//! page information and the total count come with it. Then a line in [`describe`].

use async_graphql::{
    Context, Object, OutputType, Result, SchemaBuilder,
    connection::{self, Edge, EmptyFields},
};
use domain::page::{self, Page};

use super::{
    account::Account,
    audit::AuditEntry,
    contact::{Contact, SubscriptionChange},
    context::business,
    conversation::{Conversation, ConversationStep, Message},
    document::RegisteredDocument,
    email::{Campaign, EmailEvent},
    error::fault,
    event::Event,
    fact::{Invoice, Opportunity, Order, SurveyAnswer, Ticket},
    health::HealthEntry,
    import::ImportLine,
    link::TrackedLink,
    note::Note,
    notification::{Delivery, DeliveryAttempt, InAppNotification},
    operation::Operation,
    playbook::{Enrolment, EnrolmentStep, Playbook, PlaybookVersion},
    quarantine::QuarantinedItem,
    report::{TagFinding, TagQualityRun},
    rule::{Rule, RuleFiring, RuleMiss, RuleVersion},
    search::SearchHit,
    segment::{Segment, SegmentMember, SegmentMove},
    stage::StageChange,
    survey::{Survey, SurveyInvitation},
    suspect::{AccountDuplicateSuspect, DuplicateSuspect},
    tag::{TagMerge, Tagging},
    task::Task,
    timeline::TimelineEntry,
};
use crate::boxed;

/// A page with cursors, and with the total count as a field of its own.
pub(crate) type Connection<Cursor, Node> = connection::Connection<Cursor, Node, Total, EmptyFields>;

/// What every connection has besides Relay's fields.
pub(crate) struct Total(page::Total);

#[Object]
impl Total {
    /// How many there are in all pages, exactly. This counts them, so ask for it only where it is
    /// shown; it costs as much as a page of twenty.
    #[boxed]
    async fn total_count(&self, context: &Context<'_>) -> Result<i32> {
        let ctx = business(context)?;
        let total = self.0.count(ctx).await.map_err(fault)?;
        Ok(i32::try_from(total).unwrap_or(i32::MAX))
    }
}

/// A page of rows as a Relay connection of what `node` makes of each.
pub(crate) fn connection<R, T: OutputType>(
    page: Page<(String, R)>,
    node: impl Fn(R) -> T,
) -> Connection<String, T> {
    let total = Total(page.total);
    let mut connection =
        Connection::with_additional_fields(page.has_previous, page.has_next, total);
    connection.edges.extend(
        page.rows
            .into_iter()
            .map(|(cursor, row)| Edge::new(cursor, node(row))),
    );
    connection
}

/// Says what each connection is, which the library leaves out. A test finds the line that is missing.
pub(crate) fn describe<Q, M, S>(builder: SchemaBuilder<Q, M, S>) -> SchemaBuilder<Q, M, S> {
    /// Each kind of node, and what a page of it is a page of.
    macro_rules! pages {
        ($($node:ty: $what:literal,)*) => {
            builder$(.override_output_type_description::<Connection<String, $node>>(
                concat!("A page of ", $what, "."),
            ))*
        };
    }
    let builder = pages! {
        Account: "accounts",
        AccountDuplicateSuspect: "accounts that seem to be one company",
        AuditEntry: "the audit log",
        Campaign: "campaigns",
        Contact: "contacts",
        Conversation: "conversations",
        ConversationStep: "what became of a conversation",
        Delivery: "deliveries",
        DeliveryAttempt: "attempts to deliver",
        DuplicateSuspect: "suspected doubles",
        EmailEvent: "email events",
        Enrolment: "enrolments",
        EnrolmentStep: "the steps of an enrolment",
        Event: "events",
        HealthEntry: "a health history",
        ImportLine: "what an import said of its lines",
        InAppNotification: "a member's notifications",
        Invoice: "invoices",
        Message: "messages",
        Note: "notes",
        Operation: "operations",
        Opportunity: "opportunities",
        Order: "orders",
        Playbook: "playbooks",
        PlaybookVersion: "versions of a playbook",
        QuarantinedItem: "work that was set aside",
        RegisteredDocument: "registered documents",
        Rule: "rules",
        RuleFiring: "firings",
        RuleMiss: "what a rule looked at without firing",
        RuleVersion: "what a rule once was",
        Segment: "segments",
        SegmentMember: "a segment's members",
        SegmentMove: "a history of segments",
        StageChange: "a history of stages",
        SubscriptionChange: "a history of subscriptions",
        Survey: "surveys",
        SurveyAnswer: "answers to surveys",
        SurveyInvitation: "who was asked to answer a survey",
        TagFinding: "what an audit of the tags found",
        TagMerge: "merges of tags",
        TagQualityRun: "runs of the quality audit of the tags",
        Tagging: "taggings",
        Task: "tasks",
        Ticket: "tickets",
        TimelineEntry: "a timeline",
        TrackedLink: "tracked links",
    };
    // How much a search finds in all is not counted.
    builder.override_output_type_description::<connection::Connection<String, SearchHit>>(
        "A page of what a search found.",
    )
}
