//! What is known of contacts, as the roll-ups have it.

use chrono::{Days, NaiveDate, TimeDelta};
use domain::store::{Query, Rows, Tx};
use entity::id::{ContactId, Id as _};

use super::{tick, today};
use crate::support::World;

/// Numbers that look random and are the same on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// What is in the roll-ups, day by day.
#[derive(Default)]
pub(super) struct Data {
    pub(super) events: Vec<(ContactId, u64)>,
    pub(super) active: Vec<(ContactId, u64)>,
    pub(super) emails: Vec<(ContactId, u64, i64, i64)>,
    /// Hours waited; nothing for an answered conversation.
    pub(super) conversations: Vec<(ContactId, Option<i64>)>,
}

fn ago(days: u64) -> NaiveDate {
    today() - Days::new(days)
}

impl Data {
    pub(super) fn random(contacts: &[ContactId], seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut data = Self::default();
        for &contact in contacts {
            let (usage, activity, rate) = (dice.below(4), dice.below(4), dice.below(4));
            for day in 0..100 {
                if usage > 0 && dice.below(4) < usage {
                    data.events.push((contact, day));
                }
                if activity > 0 && dice.below(8) < activity {
                    data.active.push((contact, day));
                }
                if day % 10 == 0 && rate > 0 {
                    let clicks = i64::from(dice.below(4) < rate);
                    data.emails.push((contact, day, 1, clicks));
                }
            }
            match dice.below(4) {
                0 => {}
                1 => data.conversations.push((contact, None)),
                _ => data
                    .conversations
                    .push((contact, Some(dice.below(100) as i64))),
            }
        }
        data
    }

    pub(super) async fn insert(self, world: &World) {
        let tx = world.ctx.begin(world.owner.workspace).await.unwrap();
        let (events, active, emails) = (&self.events, &self.active, &self.emails);
        for statement in [
            Query::new(
                "INSERT INTO event_day (workspace_id, contact_id, day, events)
                 SELECT $1, r.id, r.day, 1 FROM {r}",
            )
            .bind(tx.workspace)
            .rows(
                "r",
                Rows::new()
                    .ids("id", events.iter().map(|row| row.0))
                    .dates("day", events.iter().map(|row| ago(row.1))),
            ),
            Query::new(
                "INSERT INTO email_active_day (workspace_id, contact_id, day, acts)
                 SELECT $1, r.id, r.day, 1 FROM {r}",
            )
            .bind(tx.workspace)
            .rows(
                "r",
                Rows::new()
                    .ids("id", active.iter().map(|row| row.0))
                    .dates("day", active.iter().map(|row| ago(row.1))),
            ),
            Query::new(
                "INSERT INTO email_day (workspace_id, scope, scope_id, day, attempted, delivered,
                     human_openers, openers, human_clickers, clickers, replied, hard_bounced,
                     soft_bounced, blocked, complained, unsubscribed, human_opens, machine_opens,
                     human_clicks, machine_clicks, timed_replies, reply_seconds)
                 SELECT $1, 'CONTACT', r.id, r.day, r.sent, r.sent, 0, 0, r.clicks, 0, 0, 0, 0, 0,
                     0, 0, 0, 0, 0, 0, 0, 0 FROM {r}",
            )
            .bind(tx.workspace)
            .rows(
                "r",
                Rows::new()
                    .ids("id", emails.iter().map(|row| row.0))
                    .dates("day", emails.iter().map(|row| ago(row.1)))
                    .ints("sent", emails.iter().map(|row| row.2))
                    .ints("clicks", emails.iter().map(|row| row.3)),
            ),
            self.conversation_rows(&tx),
        ] {
            statement.execute(tx.connection()).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    fn conversation_rows(&self, tx: &Tx<'_>) -> Query {
        let rows = &self.conversations;
        let since = rows
            .iter()
            .map(|row| row.1.map(|hours| tick() - TimeDelta::hours(hours)));
        Query::new(
            "INSERT INTO conversation (workspace_id, id, inbox_id, contact_id, subject, status,
                 created_at, first_message_at, last_message_at, last_message_id, waiting_since,
                 messages)
             SELECT $1, r.id, i.id, r.contact_id, '', 'OPEN', $2, $2, $2, r.id, r.since, 1
             FROM {r} JOIN inbox AS i ON i.workspace_id = $1",
        )
        .bind(tx.workspace)
        .bind(tx.now)
        .rows(
            "r",
            Rows::new()
                .uuids("id", rows.iter().map(|_| tx.id::<ContactId>().uuid()))
                .ids("contact_id", rows.iter().map(|row| row.0))
                .opt_times("since", since),
        )
    }
}

/// A contact of whom everything is known, and that is doing well.
pub(super) fn thriving(contact: ContactId) -> Data {
    Data {
        events: (0..84).map(|day| (contact, day)).collect(),
        active: (0..12).map(|day| (contact, day)).collect(),
        emails: vec![(contact, 1, 10, 2)],
        conversations: vec![(contact, None)],
    }
}
