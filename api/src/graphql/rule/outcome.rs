//! What actions of rules and playbooks asked for, and what became of it.

use async_graphql::{ComplexObject, Context, Enum, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    action::{Effect, Outcome, OutcomeResult},
    task::Unassigned,
};
use entity::{
    id::{DeliveryId, SurveyId, SurveyInvitationId, TagId, TargetId},
    kind::SubjectKind,
};

use crate::boxed;
use crate::graphql::{
    context::loaded,
    notification::{Delivery, NotificationTarget},
    survey::{Survey, SurveyInvitation},
    tag::Tag,
};

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

/// What an effect is, and the tag or the target it is about.
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
