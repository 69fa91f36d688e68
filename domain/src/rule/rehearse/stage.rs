//! Trying a rule on what came in before: what it would have done, without doing any of it.
//!
//! The messages of the last days are shown to the rule in the order in which they came in, with the
//! tags their contact and conversation had at the time and those the rule itself would have set since.
//! Limits are kept as they would have been. At most [`MAX_MESSAGES`] are read, the newest, and the
//! answer says how far back they reach. Other rules are not run; those that wait for the tags the rule
//! would change are named.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use entity::{
    id::{
        AccountId, ContactId, ConversationId, Id as _, MessageId, RuleId, SurveyId, TagId, TargetId,
    },
    kind::{Author, Channel, Direction, TagTarget},
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    cache::{Stored, compile},
    definition::Definition,
    trigger::{Key, Trigger},
    write,
};
use crate::{
    access::{Actor, Scope},
    action::{
        Action, Case, Effect,
        board::{self, Usable, ids_here},
        effect::{TagAct, Tagging},
    },
    condition::{
        Moment,
        facts::{Holders, MessageFacts, TagSet},
        known::Known,
        matcher::{MatchedPart, Scratch, Wanted},
    },
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Tx},
};

/// Days a rule may be tried on.
pub const MAX_DAYS: i64 = 90;
/// Messages read at most.
pub const MAX_MESSAGES: i64 = 20_000;
/// Messages read at once.
const PAGE: i64 = 2_000;
/// Matches shown.
const SAMPLES: usize = 10;

/// What a rule would have done.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// From when on messages were read.
    pub since: DateTime<Utc>,
    /// Whether that is as far back as was asked for.
    pub complete: bool,
    /// How many messages were read.
    pub messages: i64,
    /// How often it would have fired.
    pub matches: i64,
    /// How often on each day in the workspace's time zone, without days on which it would not.
    pub days: BTreeMap<NaiveDate, i64>,
    /// The newest of what it would have fired on.
    pub samples: Vec<Sample>,
    /// What it would have done, and how often.
    pub effects: Vec<Expected>,
    /// How many notices it would send in a week.
    pub notices_per_week: f64,
    /// The rules that wait for the tags it would change.
    pub followers: Vec<RuleId>,
}

/// A message the rule would have fired on.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The message.
    pub message: MessageId,
    /// What made the condition hold.
    pub matched: Vec<MatchedPart>,
}

/// Something the rule would have done.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// What.
    pub effect: Effect,
    /// How often it would have changed or sent something.
    pub times: i64,
}

/// What is to be tried.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A rule that is there.
    Saved(RuleId),
    /// One that is not saved.
    Draft(Box<Definition>),
}

/// Tries a rule on the messages of the last `days`.
pub async fn rehearse(ctx: &Ctx, actor: &Actor, subject: Subject, days: i64) -> Result<Rehearsal> {
    actor.require(Scope::Read)?;
    if !(1..=MAX_DAYS).contains(&days) {
        let message = format!("Choose from 1 to {MAX_DAYS} days.");
        return Err(Error::refused(&["days"], UserErrorCode::Invalid, message));
    }
    let tx = Tx::reading(ctx, actor.workspace).await?;
    let (definition, own) = match subject {
        Subject::Saved(id) => {
            let rule = super::find(ctx, actor.workspace, id).await?;
            let rule = rule.filter(|rule| rule.deleted_at.is_none());
            let rule = rule.ok_or_else(|| Error::not_found(&["ruleId"], "rule"))?;
            (rule.definition, Some(id))
        }
        Subject::Draft(definition) => {
            let mut errors = Vec::new();
            write::check(&tx, &definition, &mut errors).await?;
            if !errors.is_empty() {
                return Err(Error::Refused(errors));
            }
            (*definition, None)
        }
    };
    if !matches!(definition.trigger, Trigger::MessageReceived(_)) {
        let message = "Only rules on messages can be tried on what came in before.";
        return Err(Error::refused(
            &["trigger"],
            UserErrorCode::KindMismatch,
            message,
        ));
    }
    let rehearsal = run(&tx, &definition, own, days).await?;
    tx.rollback().await?;
    Ok(rehearsal)
}

async fn run(
    tx: &Tx<'_>,
    definition: &Definition,
    own: Option<RuleId>,
    days: i64,
) -> Result<Rehearsal> {
    let asked = tx.now - TimeDelta::days(days);
    let first = first_id_at(asked);
    let reached = reach(tx, first).await?;
    let now = Moment::of(tx.connection(), tx.workspace, tx.now).await?;
    let zone = now.zone;
    let id = own.map_or(Uuid::nil(), |id| id.0);
    let compiled = compile(vec![Stored {
        id,
        name: String::new(),
        version: 0,
        position: 0,
        definition: definition.clone(),
    }])?;
    let mut stage = Stage::load(tx, definition).await?;
    let mut scratch = Scratch::default();
    let mut known = Known::default();
    let mut rehearsal = Rehearsal {
        since: reached.as_ref().map_or(asked, |reached| reached.created_at),
        complete: reached.is_none(),
        messages: 0,
        matches: 0,
        days: BTreeMap::new(),
        samples: Vec::new(),
        effects: Vec::new(),
        notices_per_week: 0.0,
        followers: Vec::new(),
    };
    let mut from = reached.map_or(first, |reached| reached.id.uuid());
    loop {
        let messages = page(tx, from, asked).await?;
        let Some(last) = messages.last() else { break };
        from = Uuid::from_u128(last.id.uuid().as_u128().saturating_add(1));
        rehearsal.messages += messages.len() as i64;
        let past = Past::load(tx, &messages).await?;
        // Deep conditions are answered as of now: what the database said then is not kept.
        let mut wanted = Wanted::default();
        if compiled.matcher.asks_the_database() {
            for message in &messages {
                let (contact, conversation) = stage.tags(&past, message);
                let facts = message.facts(&now, &contact, &conversation);
                compiled
                    .matcher
                    .evaluate(&facts, &known, &now, &mut scratch);
                wanted.add(&scratch);
            }
        }
        if !wanted.is_empty() {
            compiled
                .matcher
                .learn(tx.connection(), tx.workspace, &now, &wanted, &mut known)
                .await?;
        }
        for message in &messages {
            let (contact, conversation) = stage.tags(&past, message);
            let facts = message.facts(&now, &contact, &conversation);
            let mut matches = compiled
                .matcher
                .evaluate(&facts, &known, &now, &mut scratch);
            if scratch.is_undecided() {
                let mut wanted = Wanted::default();
                wanted.add(&scratch);
                compiled
                    .matcher
                    .learn(tx.connection(), tx.workspace, &now, &wanted, &mut known)
                    .await?;
                matches = compiled
                    .matcher
                    .evaluate(&facts, &known, &now, &mut scratch);
            }
            let Some(found) = matches.first() else {
                continue;
            };
            if !stage.act(&past, message) {
                continue;
            }
            rehearsal.matches += 1;
            let day = message.sent_at.with_timezone(&zone).date_naive();
            *rehearsal.days.entry(day).or_default() += 1;
            rehearsal.samples.push(Sample {
                message: message.id,
                matched: compiled.matcher.describe(found, &facts, &known),
            });
            if rehearsal.samples.len() > SAMPLES {
                rehearsal.samples.remove(0);
            }
        }
        if (messages.len() as i64) < PAGE {
            break;
        }
    }
    rehearsal.samples.reverse();
    let weeks = (tx.now - rehearsal.since).as_seconds_f64() / TimeDelta::weeks(1).as_seconds_f64();
    let notices: i64 = stage
        .done
        .iter()
        .filter(|one| matches!(one.effect, Effect::Notify { .. }))
        .map(|one| one.times)
        .sum();
    rehearsal.notices_per_week = notices as f64 / weeks.max(f64::EPSILON);
    rehearsal.effects = stage.done;
    rehearsal.followers = followers(tx, definition, own).await?;
    Ok(rehearsal)
}

/// The smallest id that can have been made at `time`: ids begin with their milliseconds.
pub(super) fn first_id_at(time: DateTime<Utc>) -> Uuid {
    let millis = u128::try_from(time.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128(millis << 80)
}

#[derive(FromQueryResult)]
struct Reached {
    id: MessageId,
    created_at: DateTime<Utc>,
}

/// Where to begin, if there are too many messages from `first` on. Ids are in the order in which
/// messages came in, and every table is ordered by them.
async fn reach(tx: &Tx<'_>, first: Uuid) -> Result<Option<Reached>> {
    Ok(Query::new(
        "SELECT m.id, m.created_at FROM message m WHERE m.workspace_id = $1 AND m.id >= $2
         ORDER BY m.id DESC LIMIT 1 OFFSET $3",
    )
    .bind(tx.workspace)
    .bind(first)
    .bind(MAX_MESSAGES)
    .one(tx.connection())
    .await?)
}

#[derive(FromQueryResult)]
struct Message {
    id: MessageId,
    conversation_id: ConversationId,
    contact_id: ContactId,
    inbox_id: Uuid,
    channel: Channel,
    author: Author,
    automatic: bool,
    subject: String,
    body: String,
    sent_at: DateTime<Utc>,
    account_id: Option<Uuid>,
}

impl Message {
    fn facts<'a>(
        &'a self,
        now: &Moment,
        contact_tags: &'a TagSet,
        conversation_tags: &'a TagSet,
    ) -> MessageFacts<'a> {
        MessageFacts {
            inbox_id: self.inbox_id,
            channel: self.channel,
            author: self.author,
            automatic: self.automatic,
            subject: &self.subject,
            body: &self.body,
            moment: now.at(self.sent_at),
            holders: Holders {
                contact: Some(self.contact_id.0),
                account: self.account_id,
                conversation: Some(self.conversation_id.0),
            },
            contact_tags,
            conversation_tags,
        }
    }
}

async fn page(tx: &Tx<'_>, from: Uuid, since: DateTime<Utc>) -> Result<Vec<Message>> {
    Ok(Query::new(
        "SELECT m.id, m.conversation_id, m.contact_id, m.inbox_id, m.author, m.automatic, m.subject,
                m.body, m.sent_at,
                (SELECT c.account_id FROM contact c
                 WHERE c.workspace_id = m.workspace_id AND c.id = m.contact_id) AS account_id,
                (SELECT i.channel FROM inbox i
                 WHERE i.workspace_id = m.workspace_id AND i.id = m.inbox_id) AS channel
         FROM message m
         WHERE m.workspace_id = $1 AND m.id >= $2 AND m.direction = $3 AND m.sent_at >= $4
         ORDER BY m.id LIMIT $5",
    )
    .bind(tx.workspace)
    .bind(from)
    .bind(Direction::Inbound.word())
    .bind(since)
    .bind(PAGE)
    .all(tx.connection())
    .await?)
}

/// The tags that things carried, with their times, and what follows from each tag.
struct Past {
    taggings: HashMap<Uuid, Vec<Carried>>,
    above: HashMap<Uuid, Vec<Uuid>>,
}

#[derive(FromQueryResult)]
struct Carried {
    target_id: Uuid,
    tag_id: Uuid,
    added_at: DateTime<Utc>,
    removed_at: Option<DateTime<Utc>>,
    automatic: bool,
}

#[derive(FromQueryResult)]
struct Above {
    tag_id: Uuid,
    ancestor_id: Uuid,
}

impl Past {
    async fn load(tx: &Tx<'_>, messages: &[Message]) -> Result<Self> {
        let things: BTreeSet<Uuid> = messages
            .iter()
            .flat_map(|one| {
                let ids = [one.contact_id.uuid(), one.conversation_id.uuid()];
                ids.into_iter().chain(one.account_id)
            })
            .collect();
        let carried: Vec<Carried> = Query::new(
            "SELECT g.target_id, g.tag_id, g.added_at, g.removed_at,
                    (g.rule_id IS NOT NULL OR g.added_by ->> 'kind' = 'PLAYBOOK') AS automatic
             FROM {r} CROSS JOIN tagging g
             WHERE g.workspace_id = r.workspace_id AND g.target_id = r.id",
        )
        .rows("r", ids_here(tx.workspace, things.into_iter()))
        .all(tx.connection())
        .await?;
        let above: Vec<Above> = Query::new(
            "SELECT l.tag_id, l.ancestor_id FROM tag_closure l WHERE l.workspace_id = $1",
        )
        .bind(tx.workspace)
        .all(tx.connection())
        .await?;
        let mut past = Self {
            taggings: HashMap::new(),
            above: HashMap::new(),
        };
        for one in carried {
            past.taggings.entry(one.target_id).or_default().push(one);
        }
        for row in above {
            past.above
                .entry(row.tag_id)
                .or_default()
                .push(row.ancestor_id);
        }
        Ok(past)
    }

    /// What a thing really carried at a time.
    fn carried(&self, thing: Uuid, at: DateTime<Utc>) -> impl Iterator<Item = &Carried> {
        let taggings = self.taggings.get(&thing).map_or(&[][..], Vec::as_slice);
        taggings.iter().filter(move |one| {
            one.added_at <= at && one.removed_at.is_none_or(|removed| removed > at)
        })
    }
}

/// What the rule would have changed so far.
struct Stage<'d> {
    definition: &'d Definition,
    effects: Vec<Effect>,
    usable: Usable,
    /// Of each thing: the tags it would carry or not, whatever it really did.
    tags: HashMap<Uuid, HashMap<Uuid, bool>>,
    marks: HashMap<Uuid, DateTime<Utc>>,
    once: HashSet<Uuid>,
    /// When each contact would last have been asked by each survey.
    asked: HashMap<(Uuid, ContactId), DateTime<Utc>>,
    done: Vec<Expected>,
}

impl<'d> Stage<'d> {
    async fn load(tx: &Tx<'_>, definition: &'d Definition) -> Result<Self> {
        let mut effects: Vec<Effect> = Vec::new();
        let mut wanted = board::Wanted::default();
        for effect in definition.actions.iter().flat_map(Action::effects) {
            if !effects.contains(&effect) {
                wanted.note(&effect);
                effects.push(effect);
            }
        }
        let done = effects.iter().cloned();
        Ok(Self {
            definition,
            done: done.map(|effect| Expected { effect, times: 0 }).collect(),
            effects,
            usable: Usable::load(tx, &wanted).await?,
            tags: HashMap::new(),
            marks: HashMap::new(),
            once: HashSet::new(),
            asked: HashMap::new(),
        })
    }

    /// The tags a thing would itself carry when a message came in.
    fn direct(&self, past: &Past, thing: Uuid, at: DateTime<Utc>) -> BTreeSet<Uuid> {
        let mut direct: BTreeSet<Uuid> = past.carried(thing, at).map(|one| one.tag_id).collect();
        for (&tag, &there) in self.tags.get(&thing).into_iter().flatten() {
            if there {
                direct.insert(tag);
            } else {
                direct.remove(&tag);
            }
        }
        direct
    }

    /// The tags of the message's contact and conversation when it came in.
    fn tags(&self, past: &Past, message: &Message) -> (TagSet, TagSet) {
        let of = |thing: Uuid| {
            let direct = self.direct(past, thing, message.sent_at);
            let above = direct.iter().filter_map(|tag| past.above.get(tag));
            let above: Vec<Uuid> = above.flatten().copied().collect();
            TagSet::new(direct.into_iter().collect(), above)
        };
        (
            of(message.contact_id.uuid()),
            of(message.conversation_id.uuid()),
        )
    }

    /// Takes the rule's actions on a message; says whether its limits let it fire.
    fn act(&mut self, past: &Past, message: &Message) -> bool {
        let case = Case {
            contact: Some(message.contact_id),
            account: message.account_id.map(AccountId),
            conversation: Some(message.conversation_id),
            message: Some(message.id),
        };
        let (limits, at) = (&self.definition.limits, message.sent_at);
        let (once, cools) = (limits.once_for(&case), limits.cools_for(&case));
        if once.is_some_and(|thing| self.once.contains(&thing)) {
            return false;
        }
        let last = cools.and_then(|thing| self.marks.get(&thing).copied());
        if last.is_some_and(|last| limits.cools(last, at)) {
            return false;
        }
        self.once.extend(once);
        self.marks.extend(cools.map(|thing| (thing, at)));
        for place in 0..self.effects.len() {
            let changes = match (self.effects[place].tagging(), &self.effects[place]) {
                (Some(tagging), _) => self.tag(past, message, tagging),
                (None, &Effect::SendSurvey { survey_id }) => self.ask(survey_id, message),
                (None, _) => true,
            };
            self.done[place].times += i64::from(changes);
        }
        true
    }

    /// Whether the message's contact would be asked: once in each wave, as far as the rule goes.
    fn ask(&mut self, survey: Uuid, message: &Message) -> bool {
        let Some(wave) = self.usable.wave(survey) else {
            return false;
        };
        let (key, at) = ((survey, message.contact_id), message.sent_at);
        let last = self.asked.get(&key);
        if last.is_some_and(|&last| at - last < TimeDelta::days(wave)) {
            return false;
        }
        self.asked.insert(key, at);
        true
    }

    fn tag(&mut self, past: &Past, message: &Message, tagging: Tagging) -> bool {
        let thing = match tagging.target {
            TagTarget::Contact => Some(message.contact_id.uuid()),
            TagTarget::Conversation => Some(message.conversation_id.uuid()),
            TagTarget::Account => message.account_id,
        };
        let Some(thing) = thing else { return false };
        let (tag, at) = (tagging.tag_id, message.sent_at);
        let direct = self.direct(past, thing, at);
        let there = direct.contains(&tag);
        // What members, programs and imports have set gives way to no rule.
        let simulated = |tag: Uuid| {
            let overlay = self.tags.get(&thing);
            overlay.is_some_and(|tags| tags.contains_key(&tag))
        };
        let is_kept = |tag: Uuid| {
            let mut real = past.carried(thing, at);
            !simulated(tag) && real.any(|one| one.tag_id == tag && !one.automatic)
        };
        let slot = |tag: Uuid| self.usable.slot(TagId(tag));
        let mut gives_way = None;
        let changes = match tagging.act {
            TagAct::Put if there || !self.usable.has_tag(tag) => false,
            TagAct::Put => {
                gives_way = direct.iter().copied().find(|&one| slot(one) == slot(tag));
                !gives_way.is_some_and(is_kept)
            }
            TagAct::Take => there && !is_kept(tag),
            TagAct::TakeAnyway => there,
        };
        if changes {
            let overlay = self.tags.entry(thing).or_default();
            overlay.insert(tag, tagging.act == TagAct::Put);
            overlay.extend(gives_way.map(|other| (other, false)));
        }
        changes
    }
}

/// The active rules that wait for the tags the rule would put on or take off.
async fn followers(
    tx: &Tx<'_>,
    definition: &Definition,
    own: Option<RuleId>,
) -> Result<Vec<RuleId>> {
    let effects = definition.actions.iter().flat_map(Action::effects);
    let acts: Vec<Tagging> = effects.filter_map(|effect| effect.tagging()).collect();
    if acts.is_empty() {
        return Ok(Vec::new());
    }
    let above: Vec<Above> =
        Query::new("SELECT l.tag_id, l.ancestor_id FROM tag_closure l WHERE l.workspace_id = $1")
            .bind(tx.workspace)
            .all(tx.connection())
            .await?;
    let keys: HashSet<Key> = acts
        .iter()
        .flat_map(|act| {
            let tags = above
                .iter()
                .filter(|one| one.tag_id == act.tag_id)
                .map(|one| one.ancestor_id)
                .chain([act.tag_id]);
            tags.map(|tag| Key::Tag {
                added: act.act == TagAct::Put,
                target: act.target,
                tag,
            })
        })
        .collect();
    let rows: Vec<entity::rule::Model> = Query::new(
        "SELECT u.* FROM rule u
         WHERE u.workspace_id = $1 AND u.deleted_at IS NULL AND u.active = $2
         ORDER BY u.position, u.id",
    )
    .bind(tx.workspace)
    .bind(true)
    .all(tx.connection())
    .await?;
    let followers = rows.into_iter().filter_map(|row| {
        let definition = Definition::from_stored(row.definition).ok()?;
        let listens = definition.trigger.kind().keys();
        let follows = listens.iter().any(|key| keys.contains(key)) && Some(row.id) != own;
        follows.then_some(row.id)
    });
    Ok(followers.collect())
}

impl Expected {
    /// The tag, if it is about one.
    pub fn tag(&self) -> Option<TagId> {
        self.effect.tagging().map(|one| TagId(one.tag_id))
    }

    /// The survey, if it is one that is sent.
    pub fn survey(&self) -> Option<SurveyId> {
        match self.effect {
            Effect::SendSurvey { survey_id } => Some(SurveyId(survey_id)),
            _ => None,
        }
    }

    /// The target, if it is a notice.
    pub fn target(&self) -> Option<TargetId> {
        match self.effect {
            Effect::Notify { target_id, .. } => Some(TargetId(target_id)),
            _ => None,
        }
    }
}
