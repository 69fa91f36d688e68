//! How the people of accounts are doing: the mean of their health and their latest activity, kept
//! beside the accounts (`account_standing`) so that lists in these orders read only their page.
//!
//! Triggers note which contacts it may have changed for, and which accounts people have left
//! (migration `m0028_lists` says why they do no more). This projection reads the notes whenever the
//! change log says that somebody did something, and puts the figures of the accounts concerned
//! together anew from all of their people: what is written does not depend on the order of the notes,
//! nor on one of them coming twice. Where the mean came to another whole number or another band, the change
//! log says so (`account_health.changed`): the marks that rules wait for are whole numbers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{AccountId, ContactId, WorkspaceId},
    kind::HealthBand,
};
use sea_orm::FromQueryResult;

use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    health::{model::Bands, points::Points, save},
    port::Work,
    store::{Query, Rows, Tx},
    work::{
        change::{Change, Entry, Fact},
        projection::Projection,
    },
};

/// How the people of an account are doing.
#[derive(Debug, Clone, Copy, PartialEq, FromQueryResult)]
pub struct Standing {
    /// The account.
    pub account_id: AccountId,
    /// The mean of the known health scores of its people, 0 to 100, to four decimals.
    pub score: Option<f64>,
    /// When any of them last did something.
    pub people_active_at: Option<DateTime<Utc>>,
}

/// How the people of the accounts among `ids` are doing; for loaders.
pub async fn load_standing(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[AccountId],
) -> Result<Vec<Standing>> {
    Ok(Query::new(
        "SELECT s.account_id, s.score, s.people_active_at FROM {r}
         JOIN account_standing s ON s.workspace_id = $1 AND s.account_id = r.id",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}

impl Standing {
    /// The band of the mean, by the edges alone.
    pub fn band(&self, bands: &Bands) -> HealthBand {
        band_of(self.score, bands)
    }
}

fn band_of(score: Option<f64>, bands: &Bands) -> HealthBand {
    score.map_or(HealthBand::Unknown, |score| {
        bands.of(Points::from_f64(score))
    })
}

/// How many people of an account are in one band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct InBand {
    /// The account.
    pub account_id: AccountId,
    /// The band.
    pub band: HealthBand,
    /// How many of its people are in it.
    pub people: i64,
}

/// In which bands the people of the accounts among `ids` are; for loaders.
pub async fn load_bands(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[AccountId],
) -> Result<Vec<InBand>> {
    Ok(Query::new(
        "SELECT c.account_id, h.band, COUNT(*) AS people FROM {r}
         JOIN contact c ON c.workspace_id = $1 AND c.account_id = r.id
          AND c.account_id IS NOT NULL AND c.merged_into_id IS NULL
         JOIN contact_health h ON h.workspace_id = $1 AND h.contact_id = c.id
         GROUP BY c.account_id, h.band",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}

/// Notes read at once.
const NOTES: usize = 5_000;
/// How often they are read in one transaction: whoever reads the change log waits for its end, and a claim
/// lasts for ten seconds. What is left is for the batches that follow, each of which reads twice as many as
/// its own entries bring at most.
const ROUNDS: usize = 4;

/// Keeps how the people of accounts are doing.
#[derive(Debug)]
pub struct StandingProjection;

#[async_trait]
impl Projection for StandingProjection {
    fn name(&self) -> &'static str {
        "standing"
    }

    fn work(&self) -> Work {
        Work::Standing
    }

    /// Everything that is told when a contact becomes more active, healthier, or another account's.
    fn facts(&self) -> &'static [&'static str] {
        &[
            "contact.changed",
            "contact.created",
            "contact.erased",
            "contact.merged",
            "contact.seen",
            "contact.unmerged",
            "event.recorded",
            "health.changed",
            "message.received",
            "message.sent",
            "order.recorded",
            "survey.answered",
            "ticket.recorded",
        ]
    }

    fn batch(&self) -> i64 {
        5_000
    }

    /// An account's people are often written to together: it is counted once for all of them.
    fn pause(&self) -> TimeDelta {
        TimeDelta::seconds(1)
    }

    /// What the entries say is in the notes, which were committed with them.
    async fn apply(&self, _ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        let mut depths: HashMap<ContactId, i64> = HashMap::new();
        for entry in entries {
            if let Some(contact) = entry.contact {
                let depth = depths.entry(contact).or_default();
                *depth = entry.depth.max(*depth);
            }
        }
        for _ in 0..ROUNDS {
            let notes = take(tx).await?;
            let concerned = concerned(tx, &notes, &depths).await?;
            recount(tx, &concerned).await?;
            if notes.len() < NOTES {
                break;
            }
        }
        Ok(())
    }
}

#[derive(Debug, FromQueryResult)]
struct Note {
    contact_id: Option<ContactId>,
    account_id: Option<AccountId>,
}

/// Reads the oldest notes, for the last time. They are a range of numbers: a list of them is compared one
/// by one with every note there when a plan takes the table for small, which it is most of the time.
async fn take(tx: &Tx<'_>) -> Result<Vec<Note>> {
    Ok(Query::new(format!(
        "DELETE FROM account_standing_note WHERE workspace_id = $1 AND seq <= (
             SELECT MAX(o.seq) FROM (
                 SELECT n.seq FROM account_standing_note n WHERE n.workspace_id = $1
                 ORDER BY n.seq LIMIT {NOTES}) AS o)
         RETURNING contact_id, account_id"
    ))
    .bind(tx.workspace)
    .all(tx.connection())
    .await?)
}

#[derive(Debug, FromQueryResult)]
struct Person {
    id: ContactId,
    account_id: AccountId,
}

/// The accounts whose people are noted, and those that were left; each with how many steps from the outside
/// what happened to its people was.
async fn concerned(
    tx: &Tx<'_>,
    notes: &[Note],
    depths: &HashMap<ContactId, i64>,
) -> Result<BTreeMap<AccountId, i64>> {
    let left = notes.iter().filter_map(|note| note.account_id);
    let mut accounts: BTreeMap<AccountId, i64> = left.map(|account| (account, 0)).collect();
    let contacts: BTreeSet<ContactId> = notes.iter().filter_map(|note| note.contact_id).collect();
    if !contacts.is_empty() {
        let people: Vec<Person> = Query::new(
            "SELECT c.id, c.account_id FROM {r}
             JOIN contact c ON c.workspace_id = $1 AND c.id = r.id WHERE c.account_id IS NOT NULL",
        )
        .bind(tx.workspace)
        .rows("r", Rows::new().ids("id", contacts))
        .all(tx.connection())
        .await?;
        for person in people {
            let depth = accounts.entry(person.account_id).or_default();
            *depth = depths
                .get(&person.id)
                .copied()
                .unwrap_or_default()
                .max(*depth);
        }
    }
    Ok(accounts)
}

#[derive(Debug, FromQueryResult)]
struct Counted {
    account_id: AccountId,
    created_at: DateTime<Utc>,
    is_there: bool,
    previous_score: Option<f64>,
    score: Option<f64>,
    people_active_at: Option<DateTime<Utc>>,
}

/// Puts the figures of the accounts together anew. The mean is cut to four decimals so that a cursor
/// says exactly what the list is ordered by.
async fn recount(tx: &mut Tx<'_>, accounts: &BTreeMap<AccountId, i64>) -> Result<()> {
    if accounts.is_empty() {
        return Ok(());
    }
    let counted: Vec<Counted> = Query::new(
        "SELECT a.id AS account_id, a.created_at,
                a.merged_into_id IS NULL AND a.deleted_at IS NULL AS is_there,
                (SELECT s.score FROM account_standing s
                 WHERE s.workspace_id = $1 AND s.account_id = a.id) AS previous_score,
                CAST(ROUND(CAST(AVG(h.score) AS numeric), 4) AS double precision) AS score,
                MAX(y.last_activity_at) AS people_active_at
         FROM {r} JOIN account a ON a.workspace_id = $1 AND a.id = r.id
         LEFT JOIN contact c ON c.workspace_id = $1 AND c.account_id = a.id
          AND c.account_id IS NOT NULL AND c.merged_into_id IS NULL
         LEFT JOIN contact_health h ON h.workspace_id = $1 AND h.contact_id = c.id
         LEFT JOIN contact_activity y ON y.workspace_id = $1 AND y.contact_id = c.id
         GROUP BY a.id, a.created_at, a.merged_into_id, a.deleted_at",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", accounts.keys().copied()))
    .all(tx.connection())
    .await?;
    tell(tx, &counted, accounts).await?;
    let rows = Rows::new()
        .ids("account_id", counted.iter().map(|row| row.account_id))
        .opt_reals("score", counted.iter().map(|row| row.score))
        .opt_times("people", counted.iter().map(|row| row.people_active_at))
        .reals("rank", counted.iter().map(|row| row.score.unwrap_or(-1.0)))
        .times(
            "active_at",
            counted
                .iter()
                .map(|row| row.people_active_at.unwrap_or(row.created_at)),
        );
    Query::new(
        "UPDATE account_standing SET score = r.score, people_active_at = r.people,
             rank = r.rank, active_at = r.active_at
         FROM {r} WHERE account_standing.workspace_id = $1
           AND account_standing.account_id = r.account_id",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Tells the change log of the accounts that are there and whose mean is another whole number, or in another
/// band by the edges of now.
async fn tell(
    tx: &mut Tx<'_>,
    counted: &[Counted],
    depths: &BTreeMap<AccountId, i64>,
) -> Result<()> {
    let whole = |score: Option<f64>| score.map(|score| score.floor() as i64);
    let news = counted
        .iter()
        .filter(|one| one.is_there && one.score != one.previous_score);
    if news.clone().next().is_none() {
        return Ok(());
    }
    let bands = save::current(tx.connection(), tx.workspace).await?;
    let bands = bands.model.definition.bands;
    for one in news {
        let (band, previous_band) = (
            band_of(one.score, &bands),
            band_of(one.previous_score, &bands),
        );
        if whole(one.score) == whole(one.previous_score) && band == previous_band {
            continue;
        }
        tx.record(Change {
            fact: Fact::AccountHealthChanged {
                account_id: one.account_id,
                score: one.score,
                previous_score: one.previous_score,
                band,
                previous_band,
            },
            contact: None,
            origin: Origin::System,
            depth: depths.get(&one.account_id).copied().unwrap_or_default() + 1,
            root: None,
        });
    }
    Ok(())
}
