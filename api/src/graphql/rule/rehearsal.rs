//! Trying rules on what happened before.

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    action::{ActionInput, Case},
    condition::{ConditionInput, reference::TypedIds},
    error::{Error, UserError},
    rule::{
        Limits,
        definition::{Definition, always},
        rehearse::{self, Expected, Follower, Following, Rehearsal, Sample, SampleNotice, Subject},
        trigger::RuleTriggerInput,
    },
};
use entity::id::{PlaybookId, RuleId, SegmentId, SurveyId, TagId, TargetId};

use super::{
    Rule,
    firing::RuleMatchedPart,
    mutation::{keep, read_actions, read_trigger},
    outcome::{RuleEffectKind, effect_kind},
};
use crate::boxed;
use crate::graphql::{
    account::Account,
    contact::Contact,
    context::{loaded, loader, reader},
    conversation::{Conversation, Message},
    error::settle,
    id,
    notification::NotificationTarget,
    playbook::Playbook,
    scalar::Date,
    segment::Segment,
    survey::Survey,
    tag::Tag,
};

/// What follows that is shown.
const FOLLOWERS: usize = 100;

/// A rule to be tried on what happened before. Give either its id or all of it.
#[derive(InputObject)]
pub(crate) struct TryRuleInput {
    /// A rule that is there.
    rule_id: Option<ID>,
    /// One that is not saved.
    draft: Option<RuleDraftInput>,
    /// How many days back, 1 to 90.
    #[graphql(default = 30)]
    days: i64,
}

/// A rule that is not saved.
#[derive(InputObject)]
pub(crate) struct RuleDraftInput {
    /// What makes it be evaluated, anything but `conversationWaiting`; left out, every message of a contact does.
    trigger: Option<RuleTriggerInput>,
    /// What must hold; left out, it fires whenever its trigger lets it look.
    condition: Option<ConditionInput>,
    /// What is done, in this order; at least one action.
    actions: Vec<ActionInput>,
    /// How often, and when, it may act; left out, without limits.
    limits: Option<Limits>,
}

/// What came of `tryRule`.
#[derive(SimpleObject)]
pub(crate) struct TryRulePayload {
    /// What the rule would have done.
    rehearsal: Option<RuleRehearsal>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What a rule would have done on what happened before. Nothing was done.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct RuleRehearsal {
    /// From when on it was shown what happened; now, if it waits for the clock.
    since: DateTime<Utc>,
    /// Whether that is as far back as was asked for. At most 20,000 messages are read; of the change log at most
    /// 20,000 entries, among the newest 200,000, as far as it is kept. For a rule that waits for the clock: whether
    /// all contacts were looked at, and not an even part of at most 20,000, from which the numbers are
    /// extrapolated.
    complete: bool,
    /// How many messages were read; 0 for a rule on anything else.
    messages: i64,
    /// How many entries of the change log were read that tell what the rule waits for; 0 for a rule on
    /// messages.
    changes: i64,
    /// How many contacts of today were looked at; 0 for a rule that does not wait for the clock.
    contacts: i64,
    /// When it looks next, if it waits for the clock. `matches`, `days`, `samples` and `effects` are about that one
    /// time, as if it came today.
    next_at: Option<DateTime<Utc>>,
    /// How often it would have fired.
    matches: i64,
    /// How many of these are on messages that came in more than 7 days after they were sent, as those of an
    /// archive do. Here every message counts as if it had come in when it was sent, with all that the rule
    /// would do. A rule at work tells nobody of what an import brings in so late (`FROM_ARCHIVE`).
    late_matches: i64,
    /// How often on each day in the workspace's time zone, oldest first, without days on which it
    /// would not.
    days: Vec<RuleRehearsalDay>,
    /// The newest of what it would have fired on, up to ten.
    samples: Vec<RuleRehearsalSample>,
    /// What it would have done, and how often.
    effects: Vec<RuleRehearsalEffect>,
    /// How many notices it would send in a week. For a rule that waits for the clock: in the week to come, with the
    /// contacts of today, each time with its limits and with the tags it would have put on before.
    notices_per_week: f64,
    /// What waits for what it would change: tags, also values of a SINGLE group that give way to the one it puts
    /// on, status, assignment, stage, owner, attributes, playbooks that are started. First rules, in their order,
    /// then playbooks, then segments. It is not evaluated: each of them may follow. The first hundred.
    leads_to: Vec<RuleFollower>,
}

#[ComplexObject]
impl RuleRehearsal {
    /// The rules that wait for what it would change, and so would be evaluated after it.
    #[graphql(deprecation = "Use `leadsTo`. Removed after 2027-06-30.")]
    #[boxed]
    async fn followers(&self, context: &Context<'_>) -> Result<Vec<Rule>> {
        let ids: Vec<RuleId> = self.leads_to.iter().filter_map(|one| one.rule).collect();
        let found = loader(context)?.load_many(ids.iter().copied()).await?;
        let rules = ids.iter().filter_map(|id| found.get(id).cloned());
        Ok(rules.map(Rule).collect())
    }
}

/// What may follow when a rule has fired.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleFollowerKind {
    /// A rule is evaluated.
    Rule,
    /// A playbook enrols the contact.
    Playbook,
    /// Somebody may come into a segment, or go out of it.
    Segment,
}

/// Something that may follow when a rule has fired.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct RuleFollower {
    /// What it is.
    kind: RuleFollowerKind,
    /// What the rule would do that leads to it, each kind once, in the order of the actions.
    effects: Vec<RuleEffectKind>,
    #[graphql(skip)]
    rule: Option<RuleId>,
    #[graphql(skip)]
    playbook: Option<PlaybookId>,
    #[graphql(skip)]
    segment: Option<SegmentId>,
}

#[ComplexObject]
impl RuleFollower {
    /// The rule, if it is one.
    #[boxed]
    async fn rule(&self, context: &Context<'_>) -> Result<Option<Rule>> {
        loaded(context, self.rule, Rule).await
    }

    /// The playbook, if it is one.
    #[boxed]
    async fn playbook(&self, context: &Context<'_>) -> Result<Option<Playbook>> {
        loaded(context, self.playbook, Playbook).await
    }

    /// The segment, if it is one; of a rule or a playbook the segment whose members may change and that it waits
    /// for, unless it waits for what the rule does itself.
    #[boxed]
    async fn segment(&self, context: &Context<'_>) -> Result<Option<Segment>> {
        loaded(context, self.segment, Segment).await
    }
}

impl From<Follower> for RuleFollower {
    fn from(follower: Follower) -> Self {
        let mut effects: Vec<RuleEffectKind> = Vec::new();
        for effect in &follower.effects {
            let kind = effect_kind(effect);
            if !effects.contains(&kind) {
                effects.push(kind);
            }
        }
        let of = |kind| Self {
            kind,
            effects,
            rule: None,
            playbook: None,
            segment: follower.segment,
        };
        match follower.what {
            Following::Rule(id) => Self {
                rule: Some(id),
                ..of(RuleFollowerKind::Rule)
            },
            Following::Playbook(id) => Self {
                playbook: Some(id),
                ..of(RuleFollowerKind::Playbook)
            },
            Following::Segment(id) => Self {
                segment: Some(id),
                ..of(RuleFollowerKind::Segment)
            },
        }
    }
}

/// How often a rule would have fired on a day.
#[derive(SimpleObject)]
pub(crate) struct RuleRehearsalDay {
    /// The day.
    date: Date,
    /// How often.
    matches: i64,
}

/// Something a rule would have fired on.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct RuleRehearsalSample {
    /// What made the condition hold.
    matched: Vec<RuleMatchedPart>,
    /// When it happened; when a message was sent.
    at: DateTime<Utc>,
    /// What would be sent about it, in the order of the actions. Targets that are switched off get nothing.
    notices: Vec<RuleRehearsalNotice>,
    #[graphql(skip)]
    case: Case,
}

/// A notice that a rule would have sent, with what is known today of whom it is about.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct RuleRehearsalNotice {
    /// The headline; nothing where that is the name of a rule that is not saved yet.
    title: Option<String>,
    /// What is said below the headline, before it is made safe for its target. Values of `trigger` are empty in it.
    text: String,
    #[graphql(skip)]
    target: TargetId,
}

#[ComplexObject]
impl RuleRehearsalNotice {
    /// Where it would be sent to.
    #[boxed]
    async fn target(&self, context: &Context<'_>) -> Result<Option<NotificationTarget>> {
        loaded(context, Some(self.target), NotificationTarget).await
    }
}

impl From<SampleNotice> for RuleRehearsalNotice {
    fn from(notice: SampleNotice) -> Self {
        Self {
            title: notice.title,
            text: notice.text,
            target: notice.target,
        }
    }
}

#[ComplexObject]
impl RuleRehearsalSample {
    /// The message, if it is one.
    #[boxed]
    async fn message(&self, context: &Context<'_>) -> Result<Option<Message>> {
        loaded(context, self.case.message, Message).await
    }

    /// The conversation it is about, if it is about one.
    #[boxed]
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        loaded(context, self.case.conversation, Conversation::from).await
    }

    /// The contact it is about, if it is about one.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        loaded(context, self.case.contact, Contact::from).await
    }

    /// The account it is about, if it is about one.
    #[boxed]
    async fn account(&self, context: &Context<'_>) -> Result<Option<Account>> {
        loaded(context, self.case.account, Account).await
    }
}

/// Something a rule would have done.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct RuleRehearsalEffect {
    /// What.
    effect: RuleEffectKind,
    /// How often it would have changed or sent something. That a tag it had put on stays longer is not
    /// counted.
    times: i64,
    #[graphql(skip)]
    tag: Option<TagId>,
    #[graphql(skip)]
    target: Option<TargetId>,
    #[graphql(skip)]
    survey: Option<SurveyId>,
}

#[ComplexObject]
impl RuleRehearsalEffect {
    /// The survey, if it is one that is sent; each contact is counted once in each of its waves.
    #[boxed]
    async fn survey(&self, context: &Context<'_>) -> Result<Option<Survey>> {
        loaded(context, self.survey, Survey).await
    }

    /// The tag, if it is about one.
    #[boxed]
    async fn tag(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        loaded(context, self.tag, Tag::from).await
    }

    /// The notification target, if it is a notice.
    #[boxed]
    async fn target(&self, context: &Context<'_>) -> Result<Option<NotificationTarget>> {
        loaded(context, self.target, NotificationTarget).await
    }
}

impl From<Sample> for RuleRehearsalSample {
    fn from(sample: Sample) -> Self {
        let matched = sample.matched.into_iter();
        let notices = sample.notices.into_iter();
        Self {
            matched: matched.map(RuleMatchedPart::from).collect(),
            at: sample.at,
            notices: notices.map(RuleRehearsalNotice::from).collect(),
            case: sample.case,
        }
    }
}

impl From<Expected> for RuleRehearsalEffect {
    fn from(expected: Expected) -> Self {
        Self {
            effect: effect_kind(&expected.effect),
            times: expected.times,
            tag: expected.tag(),
            target: expected.target(),
            survey: expected.survey(),
        }
    }
}

impl From<Rehearsal> for RuleRehearsal {
    fn from(rehearsal: Rehearsal) -> Self {
        let days = rehearsal.days.into_iter();
        let days = days.map(|(day, matches)| RuleRehearsalDay {
            date: Date(day),
            matches,
        });
        let samples = rehearsal.samples.into_iter();
        let effects = rehearsal.effects.into_iter();
        let followers = rehearsal.followers.into_iter();
        Self {
            since: rehearsal.since,
            complete: rehearsal.complete,
            messages: rehearsal.messages,
            changes: rehearsal.changes,
            contacts: rehearsal.contacts,
            next_at: rehearsal.next_at,
            matches: rehearsal.matches,
            late_matches: rehearsal.late_matches,
            days: days.collect(),
            samples: samples.map(RuleRehearsalSample::from).collect(),
            effects: effects.map(RuleRehearsalEffect::from).collect(),
            notices_per_week: rehearsal.notices_per_week,
            leads_to: followers.take(FOLLOWERS).map(RuleFollower::from).collect(),
        }
    }
}

impl TryRuleInput {
    fn subject(self) -> domain::error::Result<Subject> {
        match (self.rule_id, self.draft) {
            (Some(rule), None) => Ok(Subject::Saved(id::parse(&rule, &["ruleId"])?)),
            (None, Some(draft)) => draft.definition().map(Box::new).map(Subject::Draft),
            _ => Err(Error::refused(
                &["ruleId"],
                domain::error::UserErrorCode::Invalid,
                "Give either the id of a rule or a draft.",
            )),
        }
    }
}

impl RuleDraftInput {
    fn definition(self) -> domain::error::Result<Definition> {
        let mut errors = Vec::new();
        let trigger = read_trigger(self.trigger, &mut errors);
        let condition = match self.condition {
            Some(condition) => keep(condition.into_condition(&TypedIds), &mut errors),
            None => Some(always()),
        };
        let actions = read_actions(self.actions, &mut errors);
        let (Some(trigger), Some(condition), true) = (trigger, condition, errors.is_empty()) else {
            return Err(Error::Refused(errors));
        };
        Ok(Definition {
            trigger,
            condition,
            actions,
            limits: self.limits.unwrap_or_default(),
        })
    }
}

/// Tries a rule.
pub(crate) async fn try_rule(context: &Context<'_>, input: TryRuleInput) -> Result<TryRulePayload> {
    let (ctx, actor) = reader(context)?;
    let days = input.days;
    // Large, as a trial is of everything a rule does.
    let result = Box::pin(async { rehearse::rehearse(ctx, actor, input.subject()?, days).await });
    let (rehearsal, user_errors) = settle(result.await)?;
    Ok(TryRulePayload {
        rehearsal: rehearsal.map(RuleRehearsal::from),
        user_errors,
    })
}
