//! Where many contacts stand, set at once: everybody a filter finds, or what another system tells of each.
//!
//! Who ended it by themselves is left as they are. Called by `edit`, `upsert` and `import`, whose contacts are held.

use std::collections::{BTreeMap, BTreeSet};

use entity::{
    id::ContactId,
    kind::{SubscriptionSource, SubscriptionState},
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};

use super::{EVERYTHING, NewState, Row, write};
use crate::{
    access::Origin,
    error::Result,
    store::{Query, Rows, Tx, dialect},
};

/// What came of [`set_each`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SetEach {
    /// How many stand elsewhere since.
    pub(crate) changed: i64,
    /// How many stay as they are because they ended it by themselves.
    pub(crate) kept: i64,
}

/// Where somebody stands: the state, and what made it so.
pub(crate) type Said = (SubscriptionState, SubscriptionSource);

#[derive(Debug, FromQueryResult)]
struct Standing {
    contact_id: ContactId,
    topic: String,
    state: SubscriptionState,
    source: SubscriptionSource,
}

/// Sets where contacts stand who are there and are held, all of them the same, on a member's behalf. Who
/// has unsubscribed by themselves, complained or cannot be reached stays so: that is taken back for one
/// person at a time, by [`super::set`]. With `dry_run` nothing is written.
pub(crate) async fn set_each(
    tx: &mut Tx<'_>,
    origin: Origin,
    contacts: &BTreeSet<ContactId>,
    new: &NewState,
    dry_run: bool,
) -> Result<SetEach> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let standing: Vec<Standing> = Query::new(format!(
        "SELECT s.contact_id, s.topic, s.state, s.source FROM {{r}}
         JOIN subscription s ON s.workspace_id = $1 AND s.contact_id = r.id AND s.channel = $2
          AND s.topic IN ($3, $4)
         ORDER BY s.contact_id, s.topic {lock}"
    ))
    .bind(tx.workspace)
    .bind(new.channel.word())
    .bind(new.topic.clone())
    .bind(EVERYTHING)
    .rows("r", Rows::new().ids("id", contacts.iter().copied()))
    .all(tx.connection())
    .await?;
    let mut known: BTreeMap<ContactId, (Option<Said>, Option<Said>)> = BTreeMap::new();
    for one in standing {
        let (own, all) = known.entry(one.contact_id).or_default();
        let said = Some((one.state, one.source));
        if one.topic == new.topic {
            *own = said;
        }
        if one.topic == EVERYTHING {
            *all = said;
        }
    }
    let mut set = SetEach::default();
    let mut changing = Vec::new();
    for &contact in contacts {
        let (own, all) = known.get(&contact).copied().unwrap_or_default();
        match weigh(own, all, new) {
            Weighed::Stands => {}
            Weighed::Kept => set.kept += 1,
            Weighed::News => changing.push((contact, new.clone())),
        }
    }
    set.changed = changing.len() as i64;
    if !dry_run {
        set.changed = set_those(tx, origin, &changing).await?;
    }
    Ok(set)
}

/// What a state that is set for many means for one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weighed {
    /// They stand there already.
    Stands,
    /// They stay where they are.
    Kept,
    /// It is to be written.
    News,
}

/// Weighs a state that is set for many against where one of them stands: `own` with its topic, `all` with
/// everything of its channel. Who has unsubscribed by themselves, complained or cannot be reached stays so; where
/// that is about everything, they are subscribed to no single topic either.
pub(crate) fn weigh(own: Option<Said>, all: Option<Said>, new: &NewState) -> Weighed {
    let ended = |said: Option<Said>| said.is_some_and(ended_by_contact);
    if own.is_some_and(|(state, _)| state == new.state) {
        Weighed::Stands
    } else if ended(own) || (new.state != SubscriptionState::Unsubscribed && ended(all)) {
        Weighed::Kept
    } else {
        Weighed::News
    }
}

/// Where contacts who are held stand, held as well.
pub(crate) async fn hold(tx: &Tx<'_>, contacts: &BTreeSet<ContactId>) -> Result<Vec<Row>> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    Ok(Query::new(format!(
        "SELECT s.contact_id, s.channel, s.topic, s.state, s.source, s.reason, s.changed_at,
                s.changed_by
         FROM {{r}} JOIN subscription s ON s.workspace_id = $1 AND s.contact_id = r.id
         ORDER BY s.contact_id, s.channel, s.topic {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", contacts.iter().copied()))
    .all(tx.connection())
    .await?)
}

/// Sets where contacts who are held stand, each as it is said of them, and says how many stand elsewhere since;
/// what is no news is left out by whoever calls ([`weigh`]). Who ended it by themselves after that was weighed stays
/// so as well: a row that was not there yet could not be held.
pub(crate) async fn set_those(
    tx: &mut Tx<'_>,
    origin: Origin,
    news: &[(ContactId, NewState)],
) -> Result<i64> {
    let rows: Vec<Row> = news
        .iter()
        .map(|(contact, new)| new.row(*contact, tx.now, origin))
        .collect();
    let unless_ended = "subscription.state <> excluded.state
         AND (subscription.state <> 'UNSUBSCRIBED' OR subscription.source = 'MEMBER')";
    let changed = write(tx, origin, &rows, unless_ended).await?;
    for row in &changed {
        tx.audit(origin, row.record());
    }
    Ok(changed.len() as i64)
}

/// Whether it was ended otherwise than by a person of the company.
fn ended_by_contact((state, source): Said) -> bool {
    state == SubscriptionState::Unsubscribed && source != SubscriptionSource::Member
}
