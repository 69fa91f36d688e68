//! Fetching anything by its global id (Relay's object identification).

use async_graphql::{Context, ID, Interface, Object, Result};
use domain::{
    access::Scope,
    error::{Error as Fault, UserErrorCode},
};
use entity::id::{
    AccountId, AccountSuspectId, AttributeId, AuditEntryId, CampaignId, ContactId, ConversationId,
    DeliveryId, DocumentId, EmailEventId, EmailSourceId, EnrolmentId, EventId, FiringId, Id,
    InAppNotificationId, InboxId, InvoiceId, MemberId, MessageId, NoteId, OperationId,
    OpportunityId, OrderId, PlaybookId, RuleId, SegmentId, SurveyAnswerId, SurveyId,
    SurveyInvitationId, SuspectId, TagGroupId, TagId, TagMergeId, TagQualityRunId, TaggingId,
    TargetId, TaskId, TeamId, TicketId, TrackedLinkId,
};

use super::{
    access::Member,
    account::Account,
    attribute::Attribute,
    audit::AuditEntry,
    contact::Contact,
    context::{loader, reader},
    conversation::{Conversation, Message},
    document::RegisteredDocument,
    email::{Campaign, EmailEvent, EmailSource},
    error::fault,
    event::Event,
    fact::{Invoice, Opportunity, Order, SurveyAnswer, Ticket},
    inbox::Inbox,
    link::TrackedLink,
    note::Note,
    notification::{Delivery, InAppNotification, NotificationTarget},
    operation::Operation,
    playbook::{Enrolment, Playbook},
    report::TagQualityRun,
    rule::{Rule, RuleFiring},
    segment::Segment,
    survey::{Survey, SurveyInvitation},
    suspect::{AccountDuplicateSuspect, DuplicateSuspect},
    tag::{Tag, TagGroup, TagMerge, Tagging},
    task::Task,
    team::Team,
};
use crate::boxed;

/// Ids `nodes` takes at once.
const MAX_NODES: usize = 100;

/// A thing that can be fetched by its global id, with `node` and `nodes`.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The global id."))]
pub enum Node {
    /// A customer company.
    Account(Account),
    /// Two accounts that seem to be one company.
    AccountDuplicateSuspect(AccountDuplicateSuspect),
    /// A custom attribute.
    Attribute(Attribute),
    /// Who changed what of the configuration or of a person's data; for those who may read the audit
    /// log.
    AuditEntry(AuditEntry),
    /// A campaign that emails belong to.
    Campaign(Campaign),
    /// A customer person.
    Contact(Contact),
    /// A thread with a contact.
    Conversation(Conversation),
    /// Two known contacts who seem to be one person.
    DuplicateSuspect(DuplicateSuspect),
    /// One notification on its way.
    Delivery(Delivery),
    /// One notification in the list of the member who asks.
    InAppNotification(InAppNotification),
    /// Members who are told together.
    Team(Team),
    /// What a provider or a sender told about an email.
    EmailEvent(EmailEvent),
    /// A place where an email provider tells by itself what became of emails.
    EmailSource(EmailSource),
    /// A short link that records who followed it.
    TrackedLink(TrackedLink),
    /// One contact's way through a playbook.
    Enrolment(Enrolment),
    /// Something a contact did.
    Event(Event),
    /// A place messages come from.
    Inbox(Inbox),
    /// A bill.
    Invoice(Invoice),
    /// A person of the company.
    Member(Member),
    /// A piece of a conversation.
    Message(Message),
    /// Something a member wrote down.
    Note(Note),
    /// A place notifications go to.
    NotificationTarget(NotificationTarget),
    /// A long piece of work that somebody asked for.
    Operation(Operation),
    /// A document that can be named instead of sent.
    RegisteredDocument(RegisteredDocument),
    /// A deal that may come about, came about or did not.
    Opportunity(Opportunity),
    /// A purchase.
    Order(Order),
    /// A sequence of steps that contacts are enrolled in.
    Playbook(Playbook),
    /// When something happens and a condition holds, actions are taken.
    Rule(Rule),
    /// One match of one rule on one message.
    RuleFiring(RuleFiring),
    /// A question that is sent to contacts.
    Survey(Survey),
    /// An answer to a survey.
    SurveyAnswer(SurveyAnswer),
    /// One contact asked to answer a survey.
    SurveyInvitation(SurveyInvitation),
    /// Contacts or accounts for which a condition holds, or that are listed by hand.
    Segment(Segment),
    /// A label in a tree.
    Tag(Tag),
    /// A dimension that tags are values of.
    TagGroup(TagGroup),
    /// Tags made one by one call.
    TagMerge(TagMerge),
    /// A run of the quality audit of the tags.
    TagQualityRun(TagQualityRun),
    /// One tag on one thing.
    Tagging(Tagging),
    /// Something a member has to do.
    Task(Task),
    /// A case of the support desk.
    Ticket(Ticket),
}

#[derive(Default)]
pub(crate) struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The `Node` of this global id; nothing when the workspace has none. Ids of things that are no `Node` are for
    /// the fields and arguments they stand in.
    #[boxed]
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "A global id.")] id: ID,
    ) -> Result<Option<Node>> {
        fetch(context, &id).await
    }

    /// The nodes of these global ids, in their order, with `null` where the workspace has none.
    #[boxed]
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Global ids, at most 100.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > MAX_NODES {
            let message = format!("Ask for at most {MAX_NODES} nodes at once.");
            let refused = Fault::refused(&["ids"], UserErrorCode::TooLong, message);
            return Err(fault(refused));
        }
        futures::future::try_join_all(ids.iter().map(|id| fetch(context, id))).await
    }
}

/// Reads `id` as one of `I`; a text that is not one names nothing.
fn known<I: Id>(id: &ID) -> Option<I> {
    id.parse().ok()
}

/// What has this global id, if something of this workspace has and the caller may see it.
pub(crate) async fn fetch(context: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    let loader = loader(context)?;
    /// Where `id` is of a kind, what the loader has under it is the answer.
    macro_rules! loaded {
        ($($kind:ty => $node:ident($made:expr),)*) => {
            $(if let Some(id) = known::<$kind>(id) {
                return Ok(loader.load_one(id).await?.map($made).map(Node::$node));
            })*
        };
    }
    loaded! {
        AccountId => Account(Account),
        AttributeId => Attribute(Attribute),
        CampaignId => Campaign(Campaign),
        ContactId => Contact(Contact::from),
        ConversationId => Conversation(Conversation::from),
        DeliveryId => Delivery(Delivery),
        DocumentId => RegisteredDocument(RegisteredDocument),
        EmailEventId => EmailEvent(EmailEvent),
        EnrolmentId => Enrolment(Enrolment),
        FiringId => RuleFiring(RuleFiring),
        InboxId => Inbox(Inbox),
        InvoiceId => Invoice(Invoice),
        MemberId => Member(Member),
        MessageId => Message(Message),
        NoteId => Note(Note),
        OpportunityId => Opportunity(Opportunity),
        OrderId => Order(Order),
        PlaybookId => Playbook(Playbook),
        RuleId => Rule(Rule),
        SurveyAnswerId => SurveyAnswer(SurveyAnswer),
        SurveyId => Survey(Survey),
        SurveyInvitationId => SurveyInvitation(SurveyInvitation),
        TagGroupId => TagGroup(TagGroup),
        TagId => Tag(Tag::from),
        TargetId => NotificationTarget(NotificationTarget),
        TaskId => Task(Task),
        TeamId => Team(Team),
        TicketId => Ticket(Ticket),
        TrackedLinkId => TrackedLink(TrackedLink),
    }
    fetch_others(context, id).await
}

/// The same for what is found in ways of its own.
async fn fetch_others(context: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    let (ctx, actor) = reader(context)?;
    if let Some(id) = known::<EmailSourceId>(id) {
        let found = loader(context)?.load_one(id).await?;
        let found = found.filter(|source| source.deleted_at.is_none());
        return Ok(found.map(EmailSource).map(Node::EmailSource));
    }
    if let Some(id) = known::<SegmentId>(id) {
        let found = loader(context)?.load_one(id).await?;
        let found = found.filter(|segment| segment.deleted_at.is_none());
        return Ok(found.map(Segment).map(Node::Segment));
    }
    if let Some(id) = known::<InAppNotificationId>(id) {
        let found =
            domain::notification::in_app::find(ctx, actor.workspace, actor.member, id).await;
        let found = found.map_err(fault)?.map(InAppNotification);
        return Ok(found.map(Node::InAppNotification));
    }
    if let Some(id) = known::<OperationId>(id) {
        let found = domain::operation::find(ctx, actor.workspace, id)
            .await
            .map_err(fault)?;
        return Ok(found.map(Operation).map(Node::Operation));
    }
    if let Some(id) = known::<EventId>(id) {
        let found = domain::event::load(ctx, actor.workspace, &[id])
            .await
            .map_err(fault)?;
        return Ok(found.into_iter().next().map(Event).map(Node::Event));
    }
    if let Some(id) = known::<TagQualityRunId>(id) {
        let found = domain::report::quality::find(ctx, actor.workspace, id)
            .await
            .map_err(fault)?;
        return Ok(found.map(TagQualityRun).map(Node::TagQualityRun));
    }
    if let Some(id) = known::<TagMergeId>(id) {
        let found = domain::tag::catalogue::find_merge(ctx, actor.workspace, id)
            .await
            .map_err(fault)?;
        return Ok(found.map(TagMerge).map(Node::TagMerge));
    }
    if let Some(id) = known::<SuspectId>(id) {
        let found = domain::suspect::load(ctx, actor.workspace, &[id])
            .await
            .map_err(fault)?;
        return Ok(found
            .into_iter()
            .next()
            .map(DuplicateSuspect)
            .map(Node::DuplicateSuspect));
    }
    if let Some(id) = known::<AccountSuspectId>(id) {
        let found = domain::suspect::load(ctx, actor.workspace, &[id])
            .await
            .map_err(fault)?;
        let found = found.into_iter().next().map(AccountDuplicateSuspect);
        return Ok(found.map(Node::AccountDuplicateSuspect));
    }
    if let Some(id) = known::<AuditEntryId>(id) {
        if actor.require(Scope::Administer).is_err() {
            return Ok(None);
        }
        let found = domain::audit::find(ctx, actor, id).await.map_err(fault)?;
        return Ok(found.map(AuditEntry).map(Node::AuditEntry));
    }
    if let Some(id) = known::<TaggingId>(id) {
        let found = domain::tag::tagging::find(ctx, actor.workspace, id)
            .await
            .map_err(fault)?;
        return Ok(found.map(Tagging::from).map(Node::Tagging));
    }
    Ok(None)
}
