//! Rules at work: the projection that evaluates every inbound message.
//!
//! Messages are evaluated in the order of the log. A message sees the tags that rules put on its
//! contact and its conversation because of earlier messages, but not those put on because of itself:
//! tags set in the course of a batch are laid over those read at its start (`Tags`), so the result
//! does not depend on where one batch ends and the next begins.
//!
//! Deep conditions are answered for all messages of a batch at once, after a first look at what the
//! messages themselves decide, by a number of statements that depends on the rules alone.
//!
//! A batch is four reads, and those of deep conditions; two more and the writes, whose number does not depend on the number of
//! messages, follow only if something fired.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::{
    id::{
        AccountId, ContactId, ConversationId, FiringId, Id as _, InboxId, MessageId, RuleId, TagId,
        TargetId,
    },
    kind::{Author, Channel, Direction},
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use uuid::Uuid;

use super::{
    cache::{self, Compiled},
    firing::{Outcome, OutcomeResult},
    plan::{Effect, Firing, Plan, Planned, plan},
};
use crate::condition::{
    Moment,
    facts::{Holders, MessageFacts, TagSet},
    known::Known,
    matcher::{MatchedPart, Scratch, Wanted},
};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    notification::delivery::{self, NewDelivery, Payload},
    port::Work,
    store::{Query, Rows, Tx, dialect},
    tag::{Reason, Request, tagging},
    work::{
        change::{Change, Entry, Fact},
        projection::Projection,
    },
};

/// How many steps away from the outside a message may be and still be evaluated: where rules lead
/// to messages and messages to rules, the circle ends here.
pub const MAX_DEPTH: i64 = 5;

/// Evaluates rules on inbound messages.
#[derive(Debug, Clone, Copy)]
pub struct Rules;

#[async_trait]
impl Projection for Rules {
    fn name(&self) -> &'static str {
        "rules"
    }

    fn work(&self) -> Work {
        Work::Rules
    }

    fn facts(&self) -> &'static [&'static str] {
        &["message.received"]
    }

    async fn apply(&self, ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        let heard: Vec<Heard<'_>> = entries.iter().filter_map(Heard::of).collect();
        if heard.is_empty() {
            return Ok(());
        }
        let rules = cache::current(ctx, tx.connection(), tx.workspace).await?;
        if rules.is_empty() {
            return Ok(());
        }
        let messages = load_messages(tx, &heard).await?;
        let mut tags = Tags::load(tx, messages.values()).await?;
        let fired = evaluate(tx, &rules, &heard, &messages, &mut tags).await?;
        if fired.is_empty() {
            return Ok(());
        }
        write(ctx, tx, fired).await
    }
}

/// An entry that says a message came in.
#[derive(Clone, Copy)]
struct Heard<'a> {
    entry: &'a Entry,
    message: MessageId,
}

impl<'a> Heard<'a> {
    fn of(entry: &'a Entry) -> Option<Self> {
        let Fact::MessageReceived { message_id, .. } = entry.fact else {
            return None;
        };
        if entry.depth > MAX_DEPTH {
            tracing::warn!(message.id = %message_id, depth = entry.depth,
                "no rule was evaluated: the message is the last link of a chain of rules");
            return None;
        }
        Some(Self {
            entry,
            message: message_id,
        })
    }
}

#[derive(FromQueryResult)]
struct Message {
    id: MessageId,
    conversation_id: ConversationId,
    contact_id: ContactId,
    inbox_id: InboxId,
    channel: Channel,
    author: Author,
    automatic: bool,
    subject: String,
    body: String,
    sent_at: DateTime<Utc>,
    account_id: Option<AccountId>,
}

impl Message {
    /// What rules know of it, with the tags as they are before it.
    fn facts<'a>(&'a self, tags: &'a Tags, now: &Moment) -> MessageFacts<'a> {
        MessageFacts {
            inbox_id: self.inbox_id.uuid(),
            channel: self.channel,
            author: self.author,
            automatic: self.automatic,
            subject: &self.subject,
            body: &self.body,
            moment: Moment {
                now: self.sent_at,
                zone: now.zone,
            },
            holders: Holders {
                contact: Some(self.contact_id.uuid()),
                account: self.account_id.map(AccountId::uuid),
                conversation: Some(self.conversation_id.uuid()),
            },
            contact_tags: tags.of(self.contact_id.uuid()),
            conversation_tags: tags.of(self.conversation_id.uuid()),
        }
    }
}

/// Asks the database what rules need to know beside the messages, if anything.
async fn learn(
    tx: &Tx<'_>,
    rules: &Compiled,
    now: &Moment,
    wanted: &Wanted,
    known: &mut Known,
) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let matcher = &rules.matcher;
    matcher
        .learn(tx.connection(), tx.workspace, now, wanted, known)
        .await
}

/// The workspace beside every id. It travels as a column of the rows, not as one parameter, on
/// purpose: given as a constant, PostgreSQL is tempted to read all rows of the workspace as long as
/// it has no statistics of a table, as after a large import; given so, it looks each id up. SQLite
/// does the same when told by `CROSS JOIN` to begin with the ids.
fn ids_here(tx: &Tx<'_>, ids: impl ExactSizeIterator<Item = Uuid>) -> Rows {
    let workspace = std::iter::repeat_n(tx.workspace, ids.len());
    Rows::new().ids("workspace_id", workspace).uuids("id", ids)
}

async fn load_messages(tx: &Tx<'_>, heard: &[Heard<'_>]) -> Result<HashMap<MessageId, Message>> {
    let messages: Vec<Message> = Query::new(
        "SELECT m.id, m.conversation_id, m.contact_id, m.inbox_id, m.author, m.automatic, m.subject,
                m.body, m.sent_at,
                (SELECT c.account_id FROM contact c
                 WHERE c.workspace_id = m.workspace_id AND c.id = m.contact_id) AS account_id,
                (SELECT i.channel FROM inbox i
                 WHERE i.workspace_id = m.workspace_id AND i.id = m.inbox_id) AS channel
         FROM {r} CROSS JOIN message m
         WHERE m.workspace_id = r.workspace_id AND m.id = r.id AND m.direction = $1",
    )
    .bind(Direction::Inbound.word())
    .rows("r", ids_here(tx, heard.iter().map(|heard| heard.message.uuid())))
    .all(tx.connection())
    .await?;
    Ok(messages
        .into_iter()
        .map(|message| (message.id, message))
        .collect())
}

/// The tags of every contact and conversation of the batch, as they stand before the message at
/// hand.
struct Tags {
    sets: HashMap<Uuid, TagSet>,
    none: TagSet,
    /// Of each thing and tag, how many taggings on the thing make it count as tagged.
    counts: HashMap<(Uuid, Uuid), i64>,
    /// The things and tags that others than rules have put on them.
    kept: HashSet<(Uuid, Uuid)>,
}

#[derive(FromQueryResult)]
struct Carried {
    target_id: Uuid,
    tag_id: Uuid,
    direct: bool,
    by_rule: bool,
    taggings: i64,
}

/// What became of a tag that was to be put on.
enum Put {
    Done,
    ThereAlready,
    OtherValueKept,
}

impl Tags {
    async fn load(tx: &Tx<'_>, messages: impl Iterator<Item = &Message>) -> Result<Self> {
        let targets: HashSet<Uuid> = messages
            .flat_map(|message| [message.contact_id.uuid(), message.conversation_id.uuid()])
            .collect();
        // The rank index also has a row for each tag above one that was put on.
        let carried: Vec<Carried> = Query::new(
            "WITH t AS (SELECT r.workspace_id, r.id FROM {r})
             SELECT g.target_id, g.tag_id, TRUE AS direct, g.rule_id IS NOT NULL AS by_rule,
                    0 AS taggings
             FROM t CROSS JOIN tagging g
             WHERE g.workspace_id = t.workspace_id AND g.target_id = t.id AND g.removed_at IS NULL
             UNION ALL
             SELECT k.target_id, k.tag_id, FALSE AS direct, FALSE AS by_rule, k.taggings
             FROM t CROSS JOIN tag_rank k
             WHERE k.workspace_id = t.workspace_id AND k.target_id = t.id",
        )
        .rows("r", ids_here(tx, targets.into_iter()))
        .all(tx.connection())
        .await?;
        let mut gathered: HashMap<Uuid, (Vec<Uuid>, Vec<Uuid>)> = HashMap::new();
        let (mut counts, mut kept) = (HashMap::new(), HashSet::new());
        for row in carried {
            let (direct, above) = gathered.entry(row.target_id).or_default();
            let pair = (row.target_id, row.tag_id);
            if row.direct {
                direct.push(row.tag_id);
                if !row.by_rule {
                    kept.insert(pair);
                }
            } else {
                above.push(row.tag_id);
                counts.insert(pair, row.taggings);
            }
        }
        let sets = gathered
            .into_iter()
            .map(|(target, (direct, above))| (target, TagSet::new(direct, above)))
            .collect();
        Ok(Self {
            sets,
            none: TagSet::default(),
            counts,
            kept,
        })
    }

    fn of(&self, target: Uuid) -> &TagSet {
        self.sets.get(&target).unwrap_or(&self.none)
    }

    /// Notes that a tag was put on, and that another value of its SINGLE group gave way. What others
    /// than rules have set gives way to no rule.
    fn put(&mut self, target: Uuid, tag: Uuid, usable: &Usable) -> Put {
        let set = self.sets.entry(target).or_default();
        if set.has(tag, false) {
            return Put::ThereAlready;
        }
        let mut direct = set.direct().to_vec();
        let mut expanded = set.expanded().to_vec();
        let group = usable.groups.get(&tag);
        let other = group.and_then(|group| {
            let mut values = direct.iter().copied();
            values.find(|value| usable.groups.get(value) == Some(group))
        });
        if let Some(other) = other {
            if self.kept.contains(&(target, other)) {
                return Put::OtherValueKept;
            }
            direct.retain(|&one| one != other);
            for &above in usable.above(other) {
                let count = self.counts.entry((target, above)).or_default();
                *count -= 1;
                if *count <= 0 {
                    expanded.retain(|&one| one != above);
                }
            }
        }
        direct.push(tag);
        for &above in usable.above(tag) {
            *self.counts.entry((target, above)).or_default() += 1;
            expanded.push(above);
        }
        *set = TagSet::new(direct, expanded);
        Put::Done
    }
}

/// Those things that actions name which can be had: neither archived nor switched off since.
struct Usable {
    tags: HashSet<Uuid>,
    /// The tags that follow from each, itself included; also of those that may have to give way.
    above: HashMap<Uuid, Vec<Uuid>>,
    /// The SINGLE group of each tag that is in one that a rule sets.
    groups: HashMap<Uuid, Uuid>,
    targets: HashSet<Uuid>,
}

#[derive(FromQueryResult)]
struct Link {
    tag_id: Uuid,
    ancestor_id: Uuid,
    group_id: Option<Uuid>,
    usable: bool,
}

impl Usable {
    async fn load(tx: &Tx<'_>, rules: &Compiled) -> Result<Self> {
        let mut above: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        let (mut tags, mut groups) = (HashSet::new(), HashMap::new());
        if !rules.tags.is_empty() {
            // With the tags of the actions, all other values of their groups that take one. Nobody
            // moves, merges or deletes them from here on.
            let lock = dialect::reference_lock(tx.connection().get_database_backend());
            let links: Vec<Link> = Query::new(format!(
                "WITH n AS (SELECT t.id, t.group_id FROM {{r}}
                            JOIN tag t ON t.workspace_id = $1 AND t.id = r.id),
                      s AS (SELECT g.id FROM tag_group g WHERE g.workspace_id = $1
                              AND g.selection = 'SINGLE' AND g.id IN (SELECT n.group_id FROM n))
                 SELECT l.tag_id, l.ancestor_id, s.id AS group_id,
                        t.archived_at IS NULL AND t.deleted_at IS NULL AS usable
                 FROM tag t
                 JOIN tag_closure l ON l.workspace_id = $1 AND l.tag_id = t.id
                 LEFT JOIN s ON s.id = t.group_id
                 WHERE t.workspace_id = $1
                   AND (t.id IN (SELECT n.id FROM n) OR t.group_id IN (SELECT s.id FROM s))
                 ORDER BY t.id {lock}"
            ))
            .bind(tx.workspace)
            .rows("r", Rows::new().uuids("id", rules.tags.iter().copied()))
            .all(tx.connection())
            .await?;
            for link in links {
                above.entry(link.tag_id).or_default().push(link.ancestor_id);
                if let Some(group) = link.group_id {
                    groups.insert(link.tag_id, group);
                }
                if link.usable {
                    tags.insert(link.tag_id);
                }
            }
        }
        let mut targets = HashSet::new();
        if !rules.targets.is_empty() {
            let found: Vec<Uuid> = Query::new(
                "SELECT n.id FROM {r} JOIN notification_target n
                   ON n.workspace_id = $1 AND n.id = r.id AND n.disabled_at IS NULL",
            )
            .bind(tx.workspace)
            .rows("r", Rows::new().uuids("id", rules.targets.iter().copied()))
            .column(tx.connection())
            .await?;
            targets.extend(found);
        }
        Ok(Self {
            tags,
            above,
            groups,
            targets,
        })
    }

    fn above(&self, tag: Uuid) -> &[Uuid] {
        self.above.get(&tag).map_or(&[], Vec::as_slice)
    }
}

/// A rule that fired on a message, with everything that is to be written about it.
struct Fired<'a> {
    id: FiringId,
    entry: &'a Entry,
    message: &'a Message,
    rule_id: RuleId,
    rule_version: i64,
    rule_name: &'a str,
    matched: Vec<MatchedPart>,
    outcomes: Vec<Outcome>,
    taggings: Vec<Request>,
    deliveries: Vec<NewDelivery>,
}

async fn evaluate<'a>(
    tx: &Tx<'_>,
    rules: &'a Compiled,
    heard: &[Heard<'a>],
    messages: &'a HashMap<MessageId, Message>,
    tags: &mut Tags,
) -> Result<Vec<Fired<'a>>> {
    let mut scratch = Scratch::default();
    let now = Moment::of(tx.connection(), tx.workspace, tx.now).await?;
    let mut known = Known::default();
    let mut wanted = Wanted::default();
    for &Heard { message, .. } in heard {
        if let Some(message) = messages.get(&message) {
            rules
                .matcher
                .evaluate(&message.facts(tags, &now), &known, &now, &mut scratch);
            wanted.add(&scratch);
        }
    }
    learn(tx, rules, &now, &wanted, &mut known).await?;
    let mut usable = None;
    let mut all = Vec::new();
    for &Heard { entry, message } in heard {
        let Some(message) = messages.get(&message) else {
            continue;
        };
        let facts = message.facts(tags, &now);
        let mut matches = rules.matcher.evaluate(&facts, &known, &now, &mut scratch);
        if scratch.is_undecided() {
            // A tag that an earlier message of the batch brought made another question matter.
            let mut wanted = Wanted::default();
            wanted.add(&scratch);
            learn(tx, rules, &now, &wanted, &mut known).await?;
            matches = rules.matcher.evaluate(&facts, &known, &now, &mut scratch);
        }
        let mut fired: Vec<Fired<'a>> = Vec::with_capacity(matches.len());
        let mut firings = Vec::with_capacity(matches.len());
        for found in &matches {
            let Some(rule) = rules.rule(found.rule_id) else {
                continue;
            };
            firings.push(Firing {
                rule_id: found.rule_id,
                rule_version: found.rule_version,
                actions: &rule.actions,
            });
            fired.push(Fired {
                id: tx.id(),
                entry,
                message,
                rule_id: RuleId(found.rule_id),
                rule_version: found.rule_version,
                rule_name: &rule.name,
                matched: rules.matcher.describe(found, &facts, &known),
                outcomes: Vec::new(),
                taggings: Vec::new(),
                deliveries: Vec::new(),
            });
        }
        if fired.is_empty() {
            continue;
        }
        if usable.is_none() {
            usable = Some(Usable::load(tx, rules).await?);
        }
        if let Some(usable) = &usable {
            take_effect(tx, plan(firings), &mut fired, tags, usable);
        }
        all.append(&mut fired);
    }
    Ok(all)
}

/// Decides what becomes of each effect of one message, and notes it with the firing that owns it.
fn take_effect(tx: &Tx<'_>, plan: Plan, fired: &mut [Fired<'_>], tags: &mut Tags, usable: &Usable) {
    let places: HashMap<Uuid, usize> = fired
        .iter()
        .enumerate()
        .map(|(place, fired)| (fired.rule_id.uuid(), place))
        .collect();
    for repeated in plan.repeated {
        let (Some(&place), Some(owner)) = (
            places.get(&repeated.rule_id),
            plan.effects.get(repeated.effect),
        ) else {
            continue;
        };
        fired[place].outcomes.push(Outcome {
            action: repeated.action,
            effect: owner.effect.clone(),
            result: OutcomeResult::Repeated {
                rule_id: RuleId(owner.rule_id),
            },
        });
    }
    for Planned {
        rule_id,
        action,
        effect,
        ..
    } in plan.effects
    {
        let Some(&place) = places.get(&rule_id) else {
            continue;
        };
        let fired = &mut fired[place];
        let result = match &effect {
            Effect::TagConversation { tag_id } => {
                let request = Request::conversation(fired.message.conversation_id, TagId(*tag_id));
                fired.tag(request, tags, usable)
            }
            Effect::TagContact { tag_id } => {
                let request = Request::contact(fired.message.contact_id, TagId(*tag_id));
                fired.tag(request, tags, usable)
            }
            Effect::NotifySlack { target_id, title } => {
                fired.notify(tx, *target_id, title.clone(), usable)
            }
        };
        fired.outcomes.push(Outcome {
            action,
            effect,
            result,
        });
    }
    for fired in fired {
        // Stable: an action's own effects stay in their order.
        fired.outcomes.sort_by_key(|outcome| outcome.action);
    }
}

impl Fired<'_> {
    fn tag(&mut self, request: Request, tags: &mut Tags, usable: &Usable) -> OutcomeResult {
        let tag = request.tag.uuid();
        if !usable.tags.contains(&tag) {
            return OutcomeResult::TagUnavailable;
        }
        match tags.put(request.target_id, tag, usable) {
            Put::ThereAlready => OutcomeResult::AlreadyTagged,
            Put::OtherValueKept => OutcomeResult::OtherValueKept,
            Put::Done => {
                self.taggings.push(request);
                OutcomeResult::Tagged
            }
        }
    }

    fn notify(
        &mut self,
        tx: &Tx<'_>,
        target_id: Uuid,
        title: Option<String>,
        usable: &Usable,
    ) -> OutcomeResult {
        if !usable.targets.contains(&target_id) {
            return OutcomeResult::TargetUnavailable;
        }
        let delivery_id = tx.id();
        self.deliveries.push(NewDelivery {
            id: delivery_id,
            target: TargetId(target_id),
            rule: Some(self.rule_id),
            firing: Some(self.id),
            contact: Some(self.message.contact_id),
            payload: Payload::RuleFired {
                title,
                rule_name: self.rule_name.to_owned(),
                message_id: self.message.id,
            },
        });
        OutcomeResult::Queued { delivery_id }
    }

    fn origin(&self) -> Origin {
        Origin::Rule {
            rule_id: self.rule_id,
            version: self.rule_version,
        }
    }
}

async fn write(ctx: &Ctx, tx: &mut Tx<'_>, mut fired: Vec<Fired<'_>>) -> Result<()> {
    // A firing that is there already was written with its effects: those are not repeated.
    let new = insert(tx, &fired).await?;
    fired.retain(|fired| new.contains(&fired.id));
    let mut deliveries = Vec::new();
    for fired in &mut fired {
        deliveries.append(&mut fired.deliveries);
        let fact = Fact::RuleFired {
            firing_id: fired.id,
            rule_id: fired.rule_id,
            message_id: fired.message.id,
        };
        let contact = Some(fired.message.contact_id);
        tx.record(Change::caused(fired.entry, fired.origin(), contact, fact));
    }
    let reasons: Vec<Reason<'_>> = fired
        .iter()
        .map(|fired| Reason {
            origin: fired.origin(),
            text: fired.rule_name.to_owned(),
            cause: Some(fired.entry),
        })
        .collect();
    let wanted: Vec<_> = fired
        .iter()
        .zip(&reasons)
        .flat_map(|(fired, reason)| fired.taggings.iter().map(move |&tag| (tag, reason)))
        .collect();
    tagging::add_each(ctx, tx, &wanted).await?;
    delivery::enqueue(ctx, tx, &deliveries).await
}

async fn insert(tx: &Tx<'_>, fired: &[Fired<'_>]) -> Result<HashSet<FiringId>> {
    let matched: Vec<_> = fired
        .iter()
        .map(|fired| serde_json::to_value(&fired.matched))
        .collect::<Result<_, _>>()?;
    let outcomes: Vec<_> = fired
        .iter()
        .map(|fired| serde_json::to_value(&fired.outcomes))
        .collect::<Result<_, _>>()?;
    let rows = Rows::new()
        .ids("id", fired.iter().map(|fired| fired.id))
        .ids("rule_id", fired.iter().map(|fired| fired.rule_id))
        .ints("rule_version", fired.iter().map(|fired| fired.rule_version))
        .ids("message_id", fired.iter().map(|fired| fired.message.id))
        .ids(
            "conversation_id",
            fired.iter().map(|fired| fired.message.conversation_id),
        )
        .ids(
            "contact_id",
            fired.iter().map(|fired| fired.message.contact_id),
        )
        .json("matched", matched)
        .json("outcomes", outcomes);
    let new: Vec<FiringId> = Query::new(
        "INSERT INTO rule_firing (workspace_id, id, rule_id, rule_version, message_id,
             conversation_id, contact_id, matched, outcomes, fired_at)
         SELECT $1, r.id, r.rule_id, r.rule_version, r.message_id, r.conversation_id, r.contact_id,
                r.matched, r.outcomes, $2
         FROM {r} WHERE true ON CONFLICT (workspace_id, message_id, rule_id) DO NOTHING RETURNING id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .column(tx.connection())
    .await?;
    Ok(new.into_iter().collect())
}
