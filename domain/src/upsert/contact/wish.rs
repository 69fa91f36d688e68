//! What the people of a call want to hear of: as they have said, and as its items say.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{id::ContactId, kind::Channel};

use super::Checked;
use crate::{
    access::Origin,
    contact::subscription::{self, NewState, Row},
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
        let mut is_news = false;
        for new in said {
            let key = (contact, new.channel, new.topic.clone());
            let is_new = match self.news.get(&key) {
                Some(before) => before.state != new.state,
                None => subscription::is_news(self.standing.get(&key), new),
            };
            if is_new {
                self.news.insert(key, new.clone());
            }
            is_news |= is_new;
        }
        is_news
    }

    /// Writes what is new; `reason` is for what came without one.
    pub(super) async fn write(self, tx: &mut Tx<'_>, origin: Origin, reason: &str) -> Result<()> {
        let news = self.news.into_iter().map(|((contact, ..), mut new)| {
            if new.reason.is_empty() {
                reason.clone_into(&mut new.reason);
            }
            (contact, new)
        });
        subscription::set_those(tx, origin, &news.collect::<Vec<_>>()).await
    }
}
