//! What was there: the messages that came in or were sent, and the tags things carried, with their times.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, ContactId, ConversationId, MessageId},
    kind::{Author, Channel, Direction},
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    MAX_MESSAGES,
    trial::{Look, Thing},
};
use crate::{
    action::{Case, board::ids_here},
    condition::{
        Moment,
        facts::{Holders, MessageFacts, TagSet},
        known::Known,
        matcher::{Match, Matcher, Scratch},
    },
    error::Result,
    rule::{cache::Compiled, occasion::is_old},
    store::{Query, Tx},
};

/// Messages, or entries of the change log, read at once.
pub(super) const PAGE: i64 = 2_000;

#[derive(FromQueryResult)]
pub(super) struct Reached {
    pub(super) id: MessageId,
    pub(super) created_at: DateTime<Utc>,
}

/// Where to begin, if there are too many messages from `first` on. Ids are in the order in which
/// messages came in, and every table is ordered by them.
pub(super) async fn reach(tx: &Tx<'_>, first: Uuid) -> Result<Option<Reached>> {
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
pub(super) struct Message {
    pub(super) id: MessageId,
    pub(super) conversation_id: ConversationId,
    pub(super) contact_id: ContactId,
    pub(super) inbox_id: Uuid,
    pub(super) channel: Channel,
    pub(super) author: Author,
    pub(super) automatic: bool,
    pub(super) subject: String,
    pub(super) body: String,
    pub(super) sent_at: DateTime<Utc>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) account_id: Option<Uuid>,
}

impl Thing for Message {
    fn look(&self) -> Look {
        Look {
            case: Case {
                contact: Some(self.contact_id),
                account: self.account_id.map(AccountId),
                conversation: Some(self.conversation_id),
                message: Some(self.id),
            },
            at: self.sent_at,
        }
    }

    fn facts<'f>(
        &'f self,
        now: &Moment,
        contact_tags: &'f TagSet,
        conversation_tags: &'f TagSet,
    ) -> MessageFacts<'f> {
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

    fn matcher(rules: &Compiled) -> &Matcher {
        &rules.matcher
    }

    fn ask(
        &self,
        matcher: &Matcher,
        facts: &MessageFacts<'_>,
        known: &Known,
        now: &Moment,
        scratch: &mut Scratch,
    ) -> Vec<Match> {
        matcher.evaluate(facts, known, now, scratch)
    }

    fn cascade(&self) -> Option<(Uuid, String)> {
        None
    }

    /// Whether it came in as late as those of an archive do. Who brought it in is not kept with a message.
    fn is_late(&self) -> bool {
        is_old(self.sent_at, self.created_at)
    }
}

/// The next messages that go this way, sent since.
pub(super) async fn page(
    tx: &Tx<'_>,
    from: Uuid,
    since: DateTime<Utc>,
    direction: Direction,
) -> Result<Vec<Message>> {
    Ok(Query::new(
        "SELECT m.id, m.conversation_id, m.contact_id, m.inbox_id, m.author, m.automatic, m.subject,
                m.body, m.sent_at, m.created_at,
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
    .bind(direction.word())
    .bind(since)
    .bind(PAGE)
    .all(tx.connection())
    .await?)
}

/// The tags that things carried, with their times, and what follows from each tag.
pub(super) struct Past {
    pub(super) taggings: HashMap<Uuid, Vec<Carried>>,
    pub(super) above: HashMap<Uuid, Vec<Uuid>>,
}

#[derive(FromQueryResult)]
pub(super) struct Carried {
    pub(super) target_id: Uuid,
    pub(super) tag_id: Uuid,
    pub(super) added_at: DateTime<Utc>,
    pub(super) removed_at: Option<DateTime<Utc>>,
    pub(super) automatic: bool,
}

#[derive(FromQueryResult)]
pub(super) struct Above {
    pub(super) tag_id: Uuid,
    pub(super) ancestor_id: Uuid,
}

impl Past {
    pub(super) async fn load(tx: &Tx<'_>, things: BTreeSet<Uuid>) -> Result<Self> {
        let carried: Vec<Carried> = Query::new(
            "SELECT g.target_id, g.tag_id, g.added_at, g.removed_at,
                    (g.rule_id IS NOT NULL
                     OR g.added_by ->> 'kind' IN ('PLAYBOOK', 'TRACKED_LINK')) AS automatic
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
    pub(super) fn carried(&self, thing: Uuid, at: DateTime<Utc>) -> impl Iterator<Item = &Carried> {
        let taggings = self.taggings.get(&thing).map_or(&[][..], Vec::as_slice);
        taggings.iter().filter(move |one| {
            one.added_at <= at && one.removed_at.is_none_or(|removed| removed > at)
        })
    }
}
