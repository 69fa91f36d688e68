//! What rules did, and why.

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    action::{Effect, Outcome, OutcomeResult},
    condition::matcher::{Matched, MatchedPart},
    locale::Locale,
    rule::firing,
    task::Unassigned,
    work::change::Fact,
};
use entity::{
    id::{DeliveryId, SurveyId, SurveyInvitationId, TagId, TargetId},
    kind::{Channel, SubjectKind},
};

use super::{Rule, miss::RuleVerdict};
use crate::boxed;
use crate::graphql::{
    account::Account,
    condition::{ConditionVerdict, noted},
    contact::Contact,
    context::{loaded, loader},
    conversation::{Conversation, Message},
    email::EmailEvent,
    error::fault,
    event::Event,
    fact::SurveyAnswer,
    notification::{Delivery, NotificationTarget},
    survey::{Survey, SurveyInvitation},
    tag::Tag,
};

/// One match of one rule on one thing.
#[derive(Debug, Clone)]
pub struct RuleFiring(pub(crate) entity::rule_firing::Model);

/// One match of one rule on one thing.
#[Object]
impl RuleFiring {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The rule.
    #[boxed]
    async fn rule(&self, context: &Context<'_>) -> Result<Option<Rule>> {
        Ok(loader(context)?.load_one(self.0.rule_id).await?.map(Rule))
    }

    /// The version of the rule that matched.
    fn rule_version(&self) -> i64 {
        self.0.rule_version
    }

    /// The message it matched, if it was one.
    #[boxed]
    async fn message(&self, context: &Context<'_>) -> Result<Option<Message>> {
        loaded(context, self.0.message_id, Message).await
    }

    /// The conversation it is about, if it is about one.
    #[boxed]
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        loaded(context, self.0.conversation_id, Conversation::from).await
    }

    /// The contact it is about, if it is about one.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        loaded(context, self.0.contact_id, Contact::from).await
    }

    /// The account it is about, if it is about one.
    #[boxed]
    async fn account(&self, context: &Context<'_>) -> Result<Option<Account>> {
        loaded(context, self.0.account_id, Account).await
    }

    /// What the contact did that it fired on, if it was such an event.
    #[boxed]
    async fn event(&self, context: &Context<'_>) -> Result<Option<Event>> {
        let event = match firing::cause(&self.0) {
            Some(Fact::EventRecorded { event_id, .. }) => Some(event_id),
            _ => None,
        };
        loaded(context, event, Event).await
    }

    /// What became known about an email that it fired on, if it was that.
    #[boxed]
    async fn email_event(&self, context: &Context<'_>) -> Result<Option<EmailEvent>> {
        let event = match firing::cause(&self.0) {
            Some(Fact::EmailEventRecorded { email_event_id, .. }) => Some(email_event_id),
            _ => None,
        };
        loaded(context, event, EmailEvent).await
    }

    /// The answer to a survey that it fired on, if it was one.
    #[boxed]
    async fn survey_answer(&self, context: &Context<'_>) -> Result<Option<SurveyAnswer>> {
        let answer = match firing::cause(&self.0) {
            Some(Fact::SurveyAnswered { answer_id, .. }) => Some(answer_id),
            _ => None,
        };
        loaded(context, answer, SurveyAnswer).await
    }

    /// How many steps it is away from what came from outside: 0 when a person or a program did what
    /// it fired on, one more for each rule between.
    fn depth(&self) -> i64 {
        self.0.depth
    }

    /// What made the condition hold.
    fn matched(&self) -> Result<Vec<RuleMatchedPart>> {
        let parts = firing::matched(&self.0).map_err(fault)?;
        Ok(parts.into_iter().map(RuleMatchedPart::from).collect())
    }

    /// Every condition with its verdict and what was really there, in the order of the condition, behind what
    /// the trigger asks of the very occasion; long lists and texts are cut. Empty for firings of earlier releases.
    fn conditions(&self) -> Result<Vec<RuleVerdict>> {
        let trace = firing::trace(&self.0).map_err(fault)?;
        let nodes = trace.map(|trace| trace.nodes).unwrap_or_default();
        Ok(nodes.into_iter().map(RuleVerdict::from).collect())
    }

    /// The same in words, in one of the languages.
    #[boxed]
    async fn verdicts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The language.", default)] locale: Locale,
    ) -> Result<Vec<ConditionVerdict>> {
        let trace = firing::trace(&self.0).map_err(fault)?;
        noted(context, self.0.rule_id, self.0.rule_version, trace, locale).await
    }

    /// What became of each action.
    fn outcomes(&self) -> Result<Vec<RuleOutcome>> {
        let outcomes = firing::outcomes(&self.0).map_err(fault)?;
        Ok(outcomes.into_iter().map(RuleOutcome::from).collect())
    }

    /// When.
    fn fired_at(&self) -> DateTime<Utc> {
        self.0.fired_at
    }
}

/// What kind of thing made a condition hold.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleMatchKind {
    /// A word in the message.
    Keyword,
    /// A tag of the contact, itself or by a descendant.
    ContactTag,
    /// A tag of the conversation, itself or by a descendant.
    ConversationTag,
    /// The channel.
    Channel,
    /// Whether a program answered by itself.
    Automatic,
    /// Something that is known of the contact, the account or the conversation, or the time.
    Fact,
    /// What the condition forbids is not there.
    Absent,
}

/// One thing that made a condition hold.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct RuleMatchedPart {
    /// The part of the condition: `condition`, `all`, `0`, `keywords`.
    path: Vec<String>,
    /// What kind of thing it was.
    kind: RuleMatchKind,
    /// The words as they stand in the message, if it was a word or a regular expression; what was
    /// known, if it was that.
    text: Option<String>,
    /// The channel, if it was the channel.
    channel: Option<Channel>,
    #[graphql(skip)]
    tag: Option<TagId>,
}

#[ComplexObject]
impl RuleMatchedPart {
    /// The tag, if it was a tag.
    #[boxed]
    async fn tag(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        loaded(context, self.tag, Tag::from).await
    }
}

impl From<MatchedPart> for RuleMatchedPart {
    fn from(part: MatchedPart) -> Self {
        let of = |kind| Self {
            path: part.path.clone(),
            kind,
            text: None,
            channel: None,
            tag: None,
        };
        match part.matched {
            Matched::Keyword(found) => Self {
                text: Some(found.text),
                ..of(RuleMatchKind::Keyword)
            },
            Matched::ContactTag(id) => Self {
                tag: Some(TagId(id)),
                ..of(RuleMatchKind::ContactTag)
            },
            Matched::ConversationTag(id) => Self {
                tag: Some(TagId(id)),
                ..of(RuleMatchKind::ConversationTag)
            },
            Matched::Channel(channel) => Self {
                channel: Some(channel),
                ..of(RuleMatchKind::Channel)
            },
            Matched::Automatic(_) => of(RuleMatchKind::Automatic),
            Matched::Values(values) => Self {
                text: Some(values.join("; ")),
                ..of(RuleMatchKind::Fact)
            },
            Matched::Absent => of(RuleMatchKind::Absent),
        }
    }
}

/// What an action asked for.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleEffectKind {
    /// A tag on the conversation.
    TagConversation,
    /// A tag on the contact.
    TagContact,
    /// A tag on the account.
    TagAccount,
    /// A tag off the conversation.
    UntagConversation,
    /// A tag off the contact.
    UntagContact,
    /// A tag off the account.
    UntagAccount,
    /// Somebody to deal with the conversation.
    AssignConversation,
    /// Where the conversation stands.
    SetConversationStatus,
    /// How urgent the conversation is.
    SetConversationPriority,
    /// Somebody to watch the conversation.
    WatchConversation,
    /// A custom attribute of the contact.
    SetContactAttribute,
    /// The contact's lifecycle stage.
    SetContactStage,
    /// Who looks after the contact.
    SetContactOwner,
    /// A custom attribute of the account.
    SetAccountAttribute,
    /// The account's lifecycle stage.
    SetAccountStage,
    /// Who looks after the account.
    SetAccountOwner,
    /// A custom attribute of the conversation.
    SetConversationAttribute,
    /// A notice to a target.
    Notify,
    /// Making a task.
    CreateTask,
    /// Enrolling in a playbook.
    StartPlaybook,
    /// Ending an enrolment in a playbook.
    StopPlaybook,
    /// Asking to answer a survey.
    SendSurvey,
}

/// What became of what an action asked for.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleOutcomeResult {
    /// The tag was put on.
    Tagged,
    /// The tag was there already.
    AlreadyTagged,
    /// The tag was there already, put on by a rule, a playbook or a tracked link, and comes off later than it
    /// would have.
    TaggingRenewed,
    /// The tag's group takes one value, and somebody else than a rule has set another.
    OtherValueKept,
    /// The tag was to stay while the contact or account is in a segment, and it is not in it: it was not put on.
    NotInSegment,
    /// The tag was archived or deleted since the rule or playbook was written.
    TagUnavailable,
    /// The tag was taken off.
    Untagged,
    /// The tag was not there.
    NotTagged,
    /// A person has set the tag, so it stays.
    SetByMember,
    /// The value was written.
    Changed,
    /// The value was there already.
    Unchanged,
    /// The member, attribute, option or survey it names is gone.
    Unavailable,
    /// There is nothing of the kind it acts on, such as a contact without an account.
    NothingToActOn,
    /// It was meant for whoever looks after the contact, and nobody does.
    NoOwner,
    /// A notification is on its way; its delivery tells the rest.
    Queued,
    /// The target is switched off or deleted.
    TargetUnavailable,
    /// Another rule, or an earlier action of this one, had asked for the same.
    Repeated,
    /// The task was made.
    TaskCreated,
    /// The contact was enrolled.
    Enrolled,
    /// The contact is enrolled in the playbook already.
    AlreadyEnrolled,
    /// The contact was enrolled before, and the playbook does not take anybody again, or not yet.
    NotEnrolledAgain,
    /// The playbook is paused, archived or has no published version.
    PlaybookUnavailable,
    /// Rules and playbooks have led to each other too often for the contact to be enrolled.
    ChainTooLong,
    /// The contact's enrolment was ended.
    EnrolmentEnded,
    /// The contact is not enrolled in the playbook.
    NotEnrolled,
    /// The contact is asked to answer the survey; the invitation tells the rest.
    Invited,
    /// The contact was asked in this wave of the survey already.
    InvitedAlready,
    /// The contact does not want email, or no surveys by it.
    Unsubscribed,
    /// The contact has no email address.
    NoEmailAddress,
    /// `ENISHI_PUBLIC_URL` is not set, so no mail can lead to the form.
    NoPublicUrl,
    /// Not done, because the message is an old one that an import brought in from an archive, sent more
    /// than 7 days before: notices, surveys, tasks and playbooks are for what happens now.
    FromArchive,
}

/// What became of one thing an action asked for.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct RuleOutcome {
    /// Which of the actions of the rule, or of the playbook's step, asked for it, counted from 0.
    action: usize,
    /// What it asked for.
    effect: RuleEffectKind,
    /// What became of it.
    result: RuleOutcomeResult,
    /// When the notification or the mail sets off, if it waits for quiet hours to end.
    held_until: Option<DateTime<Utc>>,
    /// Why the task is nobody's, if the action meant it for somebody.
    unassigned: Option<Unassigned>,
    #[graphql(skip)]
    tag: Option<TagId>,
    #[graphql(skip)]
    target: Option<TargetId>,
    #[graphql(skip)]
    delivery: Option<DeliveryId>,
    #[graphql(skip)]
    survey: Option<SurveyId>,
    #[graphql(skip)]
    invitation: Option<SurveyInvitationId>,
}

#[ComplexObject]
impl RuleOutcome {
    /// The survey, if it was about one.
    #[boxed]
    async fn survey(&self, context: &Context<'_>) -> Result<Option<Survey>> {
        loaded(context, self.survey, Survey).await
    }

    /// The invitation, if the contact is asked to answer a survey.
    #[boxed]
    async fn invitation(&self, context: &Context<'_>) -> Result<Option<SurveyInvitation>> {
        loaded(context, self.invitation, SurveyInvitation).await
    }

    /// The tag, if it was about one.
    #[boxed]
    async fn tag(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        loaded(context, self.tag, Tag::from).await
    }

    /// The notification target, if it was about one.
    #[boxed]
    async fn target(&self, context: &Context<'_>) -> Result<Option<NotificationTarget>> {
        loaded(context, self.target, NotificationTarget).await
    }

    /// The delivery, if a notification was queued.
    #[boxed]
    async fn delivery(&self, context: &Context<'_>) -> Result<Option<Delivery>> {
        loaded(context, self.delivery, Delivery).await
    }
}

impl From<Outcome> for RuleOutcome {
    fn from(outcome: Outcome) -> Self {
        let (effect, tag, target) = what(&outcome.effect);
        let (delivery, invitation, held_until) = match outcome.result {
            OutcomeResult::Queued { delivery_id, until } => (Some(delivery_id), None, until),
            OutcomeResult::Invited {
                invitation_id,
                until,
            } => (None, Some(invitation_id), until),
            _ => (None, None, None),
        };
        let unassigned = match outcome.result {
            OutcomeResult::TaskCreated { unassigned, .. } => unassigned,
            _ => None,
        };
        let survey = match outcome.effect {
            Effect::SendSurvey { survey_id } => Some(SurveyId(survey_id)),
            _ => None,
        };
        Self {
            action: outcome.action,
            effect,
            result: became(&outcome.result),
            held_until,
            unassigned,
            tag,
            target,
            delivery,
            survey,
            invitation,
        }
    }
}

/// The kind of an effect.
pub(super) fn effect_kind(effect: &Effect) -> RuleEffectKind {
    what(effect).0
}

fn what(effect: &Effect) -> (RuleEffectKind, Option<TagId>, Option<TargetId>) {
    use RuleEffectKind as Kind;
    let tagged = |kind, tag_id: &uuid::Uuid| (kind, Some(TagId(*tag_id)), None);
    match effect {
        Effect::TagConversation { tag_id, .. } => tagged(Kind::TagConversation, tag_id),
        Effect::TagContact { tag_id, .. } => tagged(Kind::TagContact, tag_id),
        Effect::TagAccount { tag_id, .. } => tagged(Kind::TagAccount, tag_id),
        Effect::UntagConversation { tag_id, .. } => tagged(Kind::UntagConversation, tag_id),
        Effect::UntagContact { tag_id, .. } => tagged(Kind::UntagContact, tag_id),
        Effect::UntagAccount { tag_id, .. } => tagged(Kind::UntagAccount, tag_id),
        Effect::Assign { .. } => (Kind::AssignConversation, None, None),
        Effect::SetStatus { .. } => (Kind::SetConversationStatus, None, None),
        Effect::SetPriority { .. } => (Kind::SetConversationPriority, None, None),
        Effect::Watch { .. } => (Kind::WatchConversation, None, None),
        Effect::SetAttribute { of, .. } => match of {
            SubjectKind::Contact => (Kind::SetContactAttribute, None, None),
            SubjectKind::Account => (Kind::SetAccountAttribute, None, None),
            SubjectKind::Conversation => (Kind::SetConversationAttribute, None, None),
        },
        Effect::SetStage { of, .. } => match of {
            SubjectKind::Account => (Kind::SetAccountStage, None, None),
            SubjectKind::Contact | SubjectKind::Conversation => (Kind::SetContactStage, None, None),
        },
        Effect::SetOwner { of, .. } => match of {
            SubjectKind::Account => (Kind::SetAccountOwner, None, None),
            SubjectKind::Contact | SubjectKind::Conversation => (Kind::SetContactOwner, None, None),
        },
        Effect::Notify { target_id, .. } => (Kind::Notify, None, Some(TargetId(*target_id))),
        Effect::CreateTask { .. } => (Kind::CreateTask, None, None),
        Effect::StartPlaybook { .. } => (Kind::StartPlaybook, None, None),
        Effect::StopPlaybook { .. } => (Kind::StopPlaybook, None, None),
        Effect::SendSurvey { .. } => (Kind::SendSurvey, None, None),
    }
}

fn became(result: &OutcomeResult) -> RuleOutcomeResult {
    match result {
        OutcomeResult::Tagged => RuleOutcomeResult::Tagged,
        OutcomeResult::AlreadyTagged => RuleOutcomeResult::AlreadyTagged,
        OutcomeResult::TaggingRenewed => RuleOutcomeResult::TaggingRenewed,
        OutcomeResult::OtherValueKept => RuleOutcomeResult::OtherValueKept,
        OutcomeResult::NotInSegment => RuleOutcomeResult::NotInSegment,
        OutcomeResult::TagUnavailable => RuleOutcomeResult::TagUnavailable,
        OutcomeResult::Untagged => RuleOutcomeResult::Untagged,
        OutcomeResult::NotTagged => RuleOutcomeResult::NotTagged,
        OutcomeResult::SetByMember => RuleOutcomeResult::SetByMember,
        OutcomeResult::Changed => RuleOutcomeResult::Changed,
        OutcomeResult::Unchanged => RuleOutcomeResult::Unchanged,
        OutcomeResult::Unavailable => RuleOutcomeResult::Unavailable,
        OutcomeResult::NothingToActOn => RuleOutcomeResult::NothingToActOn,
        OutcomeResult::NoOwner => RuleOutcomeResult::NoOwner,
        OutcomeResult::Queued { .. } => RuleOutcomeResult::Queued,
        OutcomeResult::TargetUnavailable => RuleOutcomeResult::TargetUnavailable,
        OutcomeResult::TaskCreated { .. } => RuleOutcomeResult::TaskCreated,
        OutcomeResult::Enrolled { .. } => RuleOutcomeResult::Enrolled,
        OutcomeResult::AlreadyEnrolled => RuleOutcomeResult::AlreadyEnrolled,
        OutcomeResult::NotEnrolledAgain => RuleOutcomeResult::NotEnrolledAgain,
        OutcomeResult::PlaybookUnavailable => RuleOutcomeResult::PlaybookUnavailable,
        OutcomeResult::ChainTooLong => RuleOutcomeResult::ChainTooLong,
        OutcomeResult::EnrolmentEnded => RuleOutcomeResult::EnrolmentEnded,
        OutcomeResult::NotEnrolled => RuleOutcomeResult::NotEnrolled,
        OutcomeResult::Invited { .. } => RuleOutcomeResult::Invited,
        OutcomeResult::InvitedAlready => RuleOutcomeResult::InvitedAlready,
        OutcomeResult::Unsubscribed => RuleOutcomeResult::Unsubscribed,
        OutcomeResult::NoEmailAddress => RuleOutcomeResult::NoEmailAddress,
        OutcomeResult::NoPublicUrl => RuleOutcomeResult::NoPublicUrl,
        OutcomeResult::FromArchive => RuleOutcomeResult::FromArchive,
        OutcomeResult::Repeated { .. } => RuleOutcomeResult::Repeated,
    }
}
