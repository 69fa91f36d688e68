//! What the people of a call want to hear of: as they have said, and as its items say.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    id::ContactId,
    kind::{Channel, SubscriptionSource},
};

use super::Checked;
use crate::{
    access::Origin,
    contact::subscription::{self, EVERYTHING, NewState, Row, Said, Weighed},
    error::Result,
    store::Tx,
};

/// Whose subscription, by which channel and about what.
type Key = (ContactId, Channel, String);

/// Where the people of a call stand, and what is new of it.
#[derive(Default)]
pub(super) struct Wishes {
    standing: HashMap<Key, Row>,
    news: BTreeMap<Key, NewState>,
}

impl Wishes {
    /// Reads where `people`, who are held, stand, if any item says something of it.
    pub(super) async fn load(
        tx: &Tx<'_>,
        items: &[Checked],
        people: &BTreeSet<ContactId>,
    ) -> Result<Self> {
        if items.iter().all(|item| item.said.subscriptions.is_empty()) {
            return Ok(Self::default());
        }
        let rows = subscription::hold(tx, people).await?.into_iter();
        let standing = rows.map(|row| ((row.contact_id, row.channel, row.topic.clone()), row));
        Ok(Self {
            standing: standing.collect(),
            news: BTreeMap::new(),
        })
    }

    /// Takes what an item says of somebody; says whether any of it is new.
    pub(super) fn take(&mut self, contact: ContactId, said: &[NewState]) -> bool {
        let mut is_any = false;
        for new in said {
            let key = (contact, new.channel, new.topic.clone());
            let own = match self.news.get(&key) {
                Some(before) => Some((before.state, SubscriptionSource::Member)),
                None => self.stands(&key),
            };
            let all = self.stands(&(contact, new.channel, EVERYTHING.to_owned()));
            if subscription::weigh(own, all, new) == Weighed::News {
                self.news.insert(key, new.clone());
                is_any = true;
            }
        }
        is_any
    }

    fn stands(&self, key: &Key) -> Option<Said> {
        let row = self.standing.get(key)?;
        Some((row.state, row.source))
    }

    /// Writes what is new; `reason` is for what came without one.
    pub(super) async fn write(self, tx: &mut Tx<'_>, origin: Origin, reason: &str) -> Result<()> {
        let news = self.news.into_iter().map(|((contact, ..), mut new)| {
            if new.reason.is_empty() {
                reason.clone_into(&mut new.reason);
            }
            (contact, new)
        });
        let news: Vec<_> = news.collect();
        subscription::set_those(tx, origin, &news).await.map(drop)
    }
}
