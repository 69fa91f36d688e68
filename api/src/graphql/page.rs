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
    contact::{Contact, DuplicateSuspect, SubscriptionChange},
    context::business,
    conversation::{Conversation, Message},
    document::RegisteredDocument,
    email::{Campaign, EmailEvent},
    error::fault,
    event::Event,
    fact::{Invoice, Opportunity, Order, SurveyAnswer, Ticket},
    health::HealthEntry,
    import::ImportLine,
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
    tag::Tagging,
    task::Task,
    timeline::TimelineEntry,
};

/// A page with cursors, and with the total count as a field of its own.
pub(crate) type Connection<Cursor, Node> = connection::Connection<Cursor, Node, Total, EmptyFields>;

/// What every connection has besides Relay's fields.
pub(crate) struct Total(page::Total);

#[Object]
impl Total {
    /// How many there are in all pages, exactly. This counts them, so ask for it only where it is
    /// shown; it costs as much as a page of twenty.
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
    builder
        .override_output_type_description::<Connection<String, Account>>("A page of accounts.")
        .override_output_type_description::<Connection<String, AuditEntry>>(
            "A page of the audit log.",
        )
        .override_output_type_description::<Connection<String, Campaign>>("A page of campaigns.")
        .override_output_type_description::<Connection<String, Contact>>("A page of contacts.")
        .override_output_type_description::<Connection<String, Conversation>>(
            "A page of conversations.",
        )
        .override_output_type_description::<Connection<String, Delivery>>("A page of deliveries.")
        .override_output_type_description::<Connection<String, DeliveryAttempt>>(
            "A page of attempts to deliver.",
        )
        .override_output_type_description::<Connection<String, EmailEvent>>(
            "A page of email events.",
        )
        .override_output_type_description::<Connection<String, DuplicateSuspect>>(
            "A page of suspected doubles.",
        )
        .override_output_type_description::<Connection<String, Event>>("A page of events.")
        .override_output_type_description::<Connection<String, HealthEntry>>(
            "A page of a health history.",
        )
        .override_output_type_description::<Connection<String, InAppNotification>>(
            "A page of a member's notifications.",
        )
        .override_output_type_description::<Connection<String, ImportLine>>(
            "A page of what an import said of its lines.",
        )
        .override_output_type_description::<Connection<String, Invoice>>("A page of invoices.")
        .override_output_type_description::<Connection<String, Message>>("A page of messages.")
        .override_output_type_description::<Connection<String, Operation>>("A page of operations.")
        .override_output_type_description::<Connection<String, Note>>("A page of notes.")
        .override_output_type_description::<Connection<String, QuarantinedItem>>(
            "A page of work that was set aside.",
        )
        .override_output_type_description::<Connection<String, RegisteredDocument>>(
            "A page of registered documents.",
        )
        .override_output_type_description::<Connection<String, Opportunity>>(
            "A page of opportunities.",
        )
        .override_output_type_description::<Connection<String, Order>>("A page of orders.")
        .override_output_type_description::<Connection<String, Enrolment>>("A page of enrolments.")
        .override_output_type_description::<Connection<String, EnrolmentStep>>(
            "A page of the steps of an enrolment.",
        )
        .override_output_type_description::<Connection<String, Playbook>>("A page of playbooks.")
        .override_output_type_description::<Connection<String, PlaybookVersion>>(
            "A page of versions of a playbook.",
        )
        .override_output_type_description::<Connection<String, Rule>>("A page of rules.")
        .override_output_type_description::<Connection<String, RuleFiring>>("A page of firings.")
        .override_output_type_description::<Connection<String, RuleMiss>>(
            "A page of what a rule looked at without firing.",
        )
        .override_output_type_description::<Connection<String, RuleVersion>>(
            "A page of what a rule once was.",
        )
        .override_output_type_description::<Connection<String, Segment>>("A page of segments.")
        .override_output_type_description::<Connection<String, SegmentMember>>(
            "A page of a segment's members.",
        )
        .override_output_type_description::<Connection<String, SegmentMove>>(
            "A page of a history of segments.",
        )
        .override_output_type_description::<Connection<String, StageChange>>(
            "A page of a history of stages.",
        )
        .override_output_type_description::<Connection<String, SubscriptionChange>>(
            "A page of a history of subscriptions.",
        )
        .override_output_type_description::<connection::Connection<String, SearchHit>>(
            "A page of what a search found.",
        )
        .override_output_type_description::<Connection<String, Survey>>("A page of surveys.")
        .override_output_type_description::<Connection<String, SurveyInvitation>>(
            "A page of who was asked to answer a survey.",
        )
        .override_output_type_description::<Connection<String, SurveyAnswer>>(
            "A page of answers to surveys.",
        )
        .override_output_type_description::<Connection<String, TagFinding>>(
            "A page of what an audit of the tags found.",
        )
        .override_output_type_description::<Connection<String, TagQualityRun>>(
            "A page of runs of the quality audit of the tags.",
        )
        .override_output_type_description::<Connection<String, Tagging>>("A page of taggings.")
        .override_output_type_description::<Connection<String, Task>>("A page of tasks.")
        .override_output_type_description::<Connection<String, Ticket>>("A page of tickets.")
        .override_output_type_description::<Connection<String, TimelineEntry>>(
            "A page of a timeline.",
        )
}
