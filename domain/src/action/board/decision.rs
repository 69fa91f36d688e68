//! What is to be written for an effect, decided by what is known and the tags as they stand.

use chrono::{DateTime, SubsecRound as _, Utc};
use entity::{
    id::{
        AttributeId, ContactId, ConversationId, MemberId, PlaybookId, SegmentId, SurveyId, TagId,
        TargetId,
    },
    kind::{LifecycleStage, SubjectKind, TagTarget, TaskPriority},
};

use super::{
    Tags, Usable,
    tags::{Put, Take},
    usable::Gone,
};
use crate::{
    action::{
        Case, Effect, OutcomeResult, TaskAssignee,
        effect::{TagAct, Tagging},
    },
    attribute::value::Stored,
    conversation::Changes,
    subject::Subject,
    tag::Request,
};

/// How long a tag that is put on stays: for good, unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stay {
    /// Until when.
    pub(crate) until: Option<DateTime<Utc>>,
    /// While the thing is in this segment.
    pub(crate) while_in: Option<SegmentId>,
}

/// What is to be written for an effect.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Decision {
    /// Nothing.
    Nothing(OutcomeResult),
    /// The tag is put on for so long.
    Put(Request, Stay),
    /// The tag that is there stays so long, too.
    Renew(Request, Stay),
    /// The tag is taken off; if so told, also when a person set it.
    Take(Request, bool),
    /// The conversation is changed.
    Conversation(ConversationId, Changes),
    /// The conversation is given to whoever looks after the contact.
    AssignToOwner(ConversationId, ContactId),
    /// The thing, which is about the contact, gets a value, or loses it.
    Attribute(Subject, Option<ContactId>, AttributeId, Option<Stored>),
    /// The contact or account moves to a stage.
    Stage(Subject, Option<LifecycleStage>),
    /// The contact or account is looked after by the member, or by nobody.
    Owner(Subject, Option<MemberId>),
    /// The target is told.
    Notify {
        target: TargetId,
        title: Option<String>,
        text: Option<String>,
    },
    /// A task is made.
    Task {
        title: String,
        description: String,
        priority: TaskPriority,
        due_in_minutes: Option<i64>,
        assignee: TaskAssignee,
    },
    /// The contact is taken into the playbook.
    Start(ContactId, PlaybookId),
    /// The contact is taken out of the playbook.
    Stop(ContactId, PlaybookId),
    /// The contact is asked to answer the survey.
    Ask(ContactId, SurveyId),
}

/// Decides about one effect on one case, with the tags as they stand, and keeps those up to date.
pub(crate) fn decide(effect: &Effect, case: &Case, tags: &mut Tags, usable: &Usable) -> Decision {
    if let Some(tagging) = effect.tagging() {
        return decide_tag(tagging, case, tags, usable);
    }
    let nothing = Decision::Nothing;
    match effect {
        Effect::Notify {
            target_id,
            title,
            text,
        } => {
            if !usable.targets.contains(target_id) {
                return nothing(OutcomeResult::TargetUnavailable);
            }
            Decision::Notify {
                target: TargetId(*target_id),
                title: title.clone(),
                text: text.clone(),
            }
        }
        Effect::SetAttribute {
            of,
            attribute_id,
            value,
        } => match case.subject(*of) {
            None => nothing(OutcomeResult::NothingToActOn),
            Some(subject) => match usable.value(*of, *attribute_id, value.as_ref()) {
                Err(Gone) => nothing(OutcomeResult::Unavailable),
                Ok(stored) => {
                    let contact = case.contact.filter(|_| *of != SubjectKind::Account);
                    Decision::Attribute(subject, contact, AttributeId(*attribute_id), stored)
                }
            },
        },
        Effect::CreateTask {
            title,
            description,
            priority,
            due_in_minutes,
            assignee,
        } => Decision::Task {
            title: title.clone(),
            description: description.clone(),
            priority: *priority,
            due_in_minutes: *due_in_minutes,
            assignee: *assignee,
        },
        Effect::StartPlaybook { playbook_id } => case
            .contact
            .map_or(nothing(OutcomeResult::NothingToActOn), |contact| {
                Decision::Start(contact, PlaybookId(*playbook_id))
            }),
        Effect::StopPlaybook { playbook_id } => case
            .contact
            .map_or(nothing(OutcomeResult::NothingToActOn), |contact| {
                Decision::Stop(contact, PlaybookId(*playbook_id))
            }),
        Effect::SendSurvey { survey_id } => match case.contact {
            None => nothing(OutcomeResult::NothingToActOn),
            Some(_) if usable.wave(*survey_id).is_none() => nothing(OutcomeResult::Unavailable),
            Some(contact) => Decision::Ask(contact, SurveyId(*survey_id)),
        },
        Effect::SetStage { of, stage } => match case.subject(*of) {
            None => nothing(OutcomeResult::NothingToActOn),
            Some(subject) => Decision::Stage(subject, *stage),
        },
        Effect::SetOwner { of, member_id } => {
            match (case.subject(*of), usable.member(*member_id)) {
                (None, _) => nothing(OutcomeResult::NothingToActOn),
                (_, Err(_)) => nothing(OutcomeResult::Unavailable),
                (Some(subject), Ok(owner)) => Decision::Owner(subject, owner),
            }
        }
        Effect::Assign { to_owner: true, .. } => match (case.conversation, case.contact) {
            (Some(id), Some(contact)) => Decision::AssignToOwner(id, contact),
            _ => nothing(OutcomeResult::NothingToActOn),
        },
        _ => match (case.conversation, usable.changes(effect)) {
            (None, _) => nothing(OutcomeResult::NothingToActOn),
            (_, None) => nothing(OutcomeResult::Unavailable),
            (Some(id), Some(changes)) => Decision::Conversation(id, changes),
        },
    }
}

fn decide_tag(tagging: Tagging, case: &Case, tags: &mut Tags, usable: &Usable) -> Decision {
    let Tagging {
        target,
        tag_id,
        act,
        while_in,
    } = tagging;
    let thing = match target {
        TagTarget::Conversation => case.conversation.map(|id| id.0),
        TagTarget::Contact => case.contact.map(|id| id.0),
        TagTarget::Account => case.account.map(|id| id.0),
    };
    let Some(target_id) = thing else {
        return Decision::Nothing(OutcomeResult::NothingToActOn);
    };
    let request = Request {
        target,
        target_id,
        tag: TagId(tag_id),
    };
    if let TagAct::Put(span) = act {
        let until = span.map(|span| (usable.now + span).trunc_subsecs(6));
        if !usable.tags.contains(&tag_id) {
            return Decision::Nothing(OutcomeResult::TagUnavailable);
        }
        if while_in.is_some_and(|segment| !tags.is_in(target_id, segment.0)) {
            return Decision::Nothing(OutcomeResult::NotInSegment);
        }
        let stay = Stay { until, while_in };
        return match tags.put(target_id, tag_id, stay, usable) {
            Put::ThereAlready => Decision::Nothing(OutcomeResult::AlreadyTagged),
            Put::OtherValueKept => Decision::Nothing(OutcomeResult::OtherValueKept),
            Put::Renewed => Decision::Renew(request, stay),
            Put::Done => Decision::Put(request, stay),
        };
    }
    let anyway = act == TagAct::TakeAnyway;
    match tags.take(target_id, tag_id, anyway, usable) {
        Take::NotThere => Decision::Nothing(OutcomeResult::NotTagged),
        Take::Kept => Decision::Nothing(OutcomeResult::SetByMember),
        Take::Done => Decision::Take(request, anyway),
    }
}
