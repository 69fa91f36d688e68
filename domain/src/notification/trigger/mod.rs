//! What set a rule off, as its notices tell it.
//!
//! - this file: what is told, of each kind of change, by what is known of the things it names. Pure;
//! - `load`: reads the firing's cause and the things that it names, for any number of firings.
//!
//! Called by `deliver`. Webhooks send a [`Trigger`] whole; templates have its words, in
//! [`TriggerFacts`](super::template::facts::TriggerFacts).

mod load;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{
    id::{
        AttributeId, CampaignId, EmailEventId, EventId, Id, MemberId, SegmentId, SurveyAnswerId,
        TagId, WorkspaceId,
    },
    kind::{BounceKind, ContactField, EmailEventKind, SurveyKind},
};
use sea_orm::FromQueryResult;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::work::change::Fact;

pub(super) use self::load::load;

/// What set a rule off. What is not of the kind of change is empty. Sent to webhooks as it is: fields are
/// added, never renamed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trigger {
    /// The kind of the change, as the change log has it, or `schedule`.
    pub kind: String,
    /// The tag that was put on or taken off.
    pub tag: Option<Named<TagId>>,
    /// The segment that was entered or left.
    pub segment: Option<Named<SegmentId>>,
    /// The custom attribute whose value changed.
    pub attribute: Option<Attribute>,
    /// What the contact did.
    pub event: Option<Event>,
    /// What became known about an email.
    pub email_event: Option<EmailEvent>,
    /// The answer to a survey.
    pub answer: Option<Answer>,
    /// For how long the contact has waited for an answer.
    pub wait: Option<Wait>,
    /// Which of a contact's own data changed.
    pub fields: Vec<ContactField>,
    /// What was before: the word of a status, stage or band, the member, or the value of the attribute.
    pub from: Value,
    /// What is now, in the same form.
    pub to: Value,
    /// The health score now, 0 to 100.
    pub score: Option<f64>,
    /// The health score before, 0 to 100.
    pub previous_score: Option<f64>,
}

/// A thing by its id, with its name while it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named<I> {
    /// The global id.
    pub id: I,
    /// What it is called.
    pub name: Option<String>,
}

/// A custom attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attribute {
    /// The global id.
    pub id: AttributeId,
    /// Its key.
    pub key: Option<String>,
}

/// Something a contact did.
#[derive(Debug, Clone, PartialEq, Serialize, FromQueryResult)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    #[serde(skip)]
    workspace_id: WorkspaceId,
    /// The global id.
    pub id: EventId,
    /// The sender's own id.
    pub external_id: String,
    /// What was done.
    pub name: String,
    /// What else the sender told.
    pub properties: Value,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
}

/// What became known about an email.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EmailEvent {
    /// The global id.
    pub id: EmailEventId,
    /// What happened.
    pub kind: EmailEventKind,
    /// The sender's id of the email.
    pub email_key: String,
    /// The link that was followed.
    pub url: Option<String>,
    /// Why it came back.
    pub bounce: Option<BounceKind>,
    /// The campaign it belongs to.
    pub campaign: Option<Campaign>,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
}

/// A campaign that emails belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Campaign {
    /// The global id.
    pub id: CampaignId,
    /// The id it has where it is sent from.
    pub external_id: Option<String>,
    /// What it is called.
    pub name: Option<String>,
}

/// An answer to a survey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromQueryResult)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    #[serde(skip)]
    workspace_id: WorkspaceId,
    /// The global id.
    pub id: SurveyAnswerId,
    /// The name of the survey in its source.
    pub survey_key: String,
    /// What kind of question it was.
    pub kind: SurveyKind,
    /// The score: 0 to 10 for `NPS`, 1 to 5 for `CSAT`.
    pub score: i64,
    /// What was said besides.
    pub comment: Option<String>,
    /// When it was answered.
    pub answered_at: DateTime<Utc>,
}

/// A wait for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// When the first message without an answer was sent.
    pub since: DateTime<Utc>,
    /// How long the rule waits for, in minutes.
    pub minutes: i64,
    /// Whether only those of business hours count.
    pub business_hours_only: bool,
}

/// A row of a workspace.
type Key = (WorkspaceId, Uuid);

/// What is known of the things that changes name.
struct Known {
    tags: HashMap<Key, String>,
    segments: HashMap<Key, String>,
    attributes: HashMap<Key, String>,
    members: HashMap<Key, String>,
    events: HashMap<Key, Event>,
    email_events: HashMap<Key, EmailEvent>,
    answers: HashMap<Key, Answer>,
}

impl Known {
    fn tell(&self, workspace: WorkspaceId, fact: &Fact) -> Trigger {
        let mut told = Trigger {
            kind: fact.name().to_owned(),
            ..Trigger::default()
        };
        match fact {
            Fact::TaggingAdded { tag_id, .. } | Fact::TaggingRemoved { tag_id, .. } => {
                told.tag = Some(named(&self.tags, workspace, *tag_id));
            }
            Fact::SegmentEntered { segment_id, .. } | Fact::SegmentLeft { segment_id, .. } => {
                told.segment = Some(named(&self.segments, workspace, *segment_id));
            }
            Fact::AttributeSet {
                attribute_id,
                from,
                to,
                ..
            } => {
                told.attribute = Some(Attribute {
                    id: *attribute_id,
                    key: named(&self.attributes, workspace, *attribute_id).name,
                });
                (told.from, told.to) = (plain(from.as_ref()), plain(to.as_ref()));
            }
            Fact::ConversationAssigned { from, to, .. } | Fact::OwnerChanged { from, to, .. } => {
                told.from = self.member(workspace, *from);
                told.to = self.member(workspace, *to);
            }
            Fact::ConversationStatusChanged { from, to, .. } => {
                (told.from, told.to) = (json!(from), json!(to));
            }
            Fact::ConversationPriorityChanged { from, to, .. } => {
                (told.from, told.to) = (json!(from), json!(to));
            }
            Fact::ConversationWaited {
                waiting_since,
                minutes,
                business_hours,
                ..
            } => {
                told.wait = Some(Wait {
                    since: *waiting_since,
                    minutes: *minutes,
                    business_hours_only: *business_hours,
                });
            }
            Fact::StageChanged { from, to, .. } => {
                (told.from, told.to) = (json!(from), json!(to));
            }
            Fact::HealthChanged {
                score,
                previous_score,
                band,
                previous_band,
                ..
            }
            | Fact::AccountHealthChanged {
                score,
                previous_score,
                band,
                previous_band,
                ..
            } => {
                (told.from, told.to) = (json!(previous_band), json!(band));
                (told.previous_score, told.score) = (*previous_score, *score);
            }
            Fact::ContactChanged { fields, .. } => told.fields.clone_from(fields),
            Fact::EventRecorded { event_id, .. } => {
                told.event = self.events.get(&(workspace, event_id.uuid())).cloned();
            }
            Fact::EmailEventRecorded { email_event_id, .. } => {
                let key = (workspace, email_event_id.uuid());
                told.email_event = self.email_events.get(&key).cloned();
            }
            Fact::SurveyAnswered { answer_id, .. } => {
                told.answer = self.answers.get(&(workspace, answer_id.uuid())).cloned();
            }
            _ => {}
        }
        told
    }

    fn member(&self, workspace: WorkspaceId, member: Option<MemberId>) -> Value {
        json!(member.map(|member| named(&self.members, workspace, member)))
    }
}

fn named<I: Id>(names: &HashMap<Key, String>, workspace: WorkspaceId, id: I) -> Named<I> {
    let name = names.get(&(workspace, id.uuid())).cloned();
    Named { id, name }
}

/// A value of a custom attribute without the word for its type, under which it is stored.
fn plain(stored: Option<&Value>) -> Value {
    let value = stored
        .and_then(Value::as_object)
        .and_then(|typed| typed.values().next());
    value.cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use entity::{
        id::ContactId,
        kind::{HealthBand, LifecycleStage, SubjectKind},
    };

    use super::*;

    fn known() -> Known {
        Known {
            tags: HashMap::new(),
            segments: HashMap::new(),
            attributes: HashMap::new(),
            members: HashMap::new(),
            events: HashMap::new(),
            email_events: HashMap::new(),
            answers: HashMap::new(),
        }
    }

    #[test]
    fn what_changed_is_told_from_what_to_what() {
        let workspace = WorkspaceId(Uuid::from_u128(1));
        let subject_id = Uuid::from_u128(2);
        let staff = MemberId(Uuid::from_u128(3));
        let mut known = known();
        known
            .members
            .insert((workspace, staff.uuid()), "Sato".to_owned());
        let told = |fact: Fact| {
            let trigger = known.tell(workspace, &fact);
            (trigger.kind, trigger.from, trigger.to)
        };
        let subject = SubjectKind::Contact;
        let owner = Fact::OwnerChanged {
            subject,
            subject_id,
            from: None,
            to: Some(staff),
        };
        let stage = Fact::StageChanged {
            stage_change_id: Uuid::from_u128(4).into(),
            subject,
            subject_id,
            from: None,
            to: Some(LifecycleStage::Lead),
        };
        let value = Fact::AttributeSet {
            attribute_id: Uuid::from_u128(5).into(),
            subject,
            subject_id,
            from: Some(json!({ "text": "free" })),
            to: Some(json!({ "multiSelect": ["a", "b"] })),
        };
        let health = Fact::HealthChanged {
            contact_id: ContactId(subject_id),
            score: Some(30.0),
            previous_score: None,
            band: HealthBand::AtRisk,
            previous_band: HealthBand::Healthy,
        };
        for (fact, kind, from, to) in [
            (
                owner,
                "owner.changed",
                json!(null),
                json!({ "id": staff, "name": "Sato" }),
            ),
            (stage, "stage.changed", json!(null), json!("LEAD")),
            (value, "attribute.set", json!("free"), json!(["a", "b"])),
            (health, "health.changed", json!("HEALTHY"), json!("AT_RISK")),
        ] {
            assert_eq!(told(fact), (kind.to_owned(), from, to));
        }
    }
}
