//! Bringing segments up to date after each change, for those whom it concerns.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use entity::{
    id::{AccountId, ContactId, SegmentId, TagId},
    kind::SegmentSubject,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    build::{self, Anew},
    catalogue::{self, Catalogue, Live},
    cause::Cause,
    colleagues,
    evaluate::{self, FACTS, Facts},
    merge,
    moves::{self, Held},
    route::{self, Routed, Sweeping, Touched},
};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::{Error, Result},
    port::Work,
    store::{Query, Rows, Tx},
    tag::tagging,
    work::{change::Entry, projection::Projection},
};

/// People who are looked at one by one when something concerns many; beyond that everybody is
/// evaluated in the background.
const MAX_PEOPLE: i64 = 5_000;
/// How often the segments are read again when somebody changes them meanwhile.
const MAX_READS: usize = 5;

/// Reads everything that can move a contact or an account in or out of a segment.
#[derive(Debug)]
pub struct SegmentProjection;

#[async_trait]
impl Projection for SegmentProjection {
    fn name(&self) -> &'static str {
        "segments"
    }

    fn work(&self) -> Work {
        Work::Segments
    }

    fn facts(&self) -> &'static [&'static str] {
        &FACTS
    }

    async fn apply(&self, ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        let mut routed = route::route(entries);
        let mut catalogue = catalogue::current(ctx, tx.connection(), tx.workspace).await?;
        if catalogue.live.is_empty() && !catalogue.has_static {
            return Ok(());
        }
        if catalogue.has_static {
            merge::follow(tx, entries, &routed.merges).await?;
        }
        let mut anew = sweep(tx, &catalogue, &mut routed, entries).await?;
        let accounts = spread(tx, &catalogue, &mut routed, &mut anew).await?;
        // Whoever changes a segment holds its row: once the rows are held, what was read of them
        // before either still holds or is read again.
        for _ in 0..MAX_READS {
            let asking = colleagues::asking(&catalogue, &accounts);
            let concerned = concerned(&catalogue, &routed, &asking);
            // All at once and in their order, so that two who hold several never wait for each other.
            let ids = concerned.iter().map(|live| live.id);
            let ids = ids.chain(anew.iter().flat_map(|one| one.segments.iter().copied()));
            let ids: BTreeSet<_> = ids.collect();
            let held = moves::hold(tx, ids).await?;
            if !agree(&concerned, &held) {
                catalogue = catalogue::current(ctx, tx.connection(), tx.workspace).await?;
                continue;
            }
            anew.extend(colleagues::spread(tx, &asking, &accounts, &mut routed).await?);
            for subject in [SegmentSubject::Contact, SegmentSubject::Account] {
                settle(tx, subject, &concerned, &held, &routed, entries).await?;
            }
            tagging::leave(ctx, tx, &merge::parted(entries, &routed.merges)).await?;
            return begin_anew(ctx, tx, &catalogue, anew, entries).await;
        }
        Err(Error::Internal(
            "the segments change faster than they can be read".to_owned(),
        ))
    }
}

/// The live segments that something of what happened can have changed, among them those that are `asking`
/// about colleagues.
fn concerned<'c>(catalogue: &'c Catalogue, routed: &Routed, asking: &[&'c Live]) -> Vec<&'c Live> {
    let all = |touched: &Touched| {
        let mut facts = Facts::default();
        for touch in touched.values() {
            facts |= touch.facts;
        }
        facts
    };
    let (contacts, accounts) = (all(&routed.contacts), all(&routed.accounts));
    let mut concerned = Vec::new();
    for live in &catalogue.live {
        let happened = match live.subject {
            SegmentSubject::Contact => contacts,
            SegmentSubject::Account => accounts,
        };
        if live.facts.meets(happened) || asking.iter().any(|one| one.id == live.id) {
            concerned.push(live);
        }
    }
    concerned
}

/// Whether what was read of the segments is what their rows say. One that was deleted since has no
/// members to keep.
pub(super) fn agree(read: &[&Live], held: &[Held]) -> bool {
    read.iter().all(|live| {
        let row = held.iter().find(|row| row.id == live.id);
        row.is_some_and(|row| row.version == live.version && !row.is_deleted)
    })
}

/// The segments of `subject` with whether their moves are news.
pub(super) fn of_subject<'c>(
    subject: SegmentSubject,
    live: &[&'c Live],
    held: &[Held],
) -> Vec<(&'c Live, bool)> {
    let of = live.iter().filter(|one| one.subject == subject);
    of.map(|&one| {
        let row = held.iter().find(|row| row.id == one.id);
        (one, row.is_some_and(Held::is_news))
    })
    .collect()
}

async fn settle(
    tx: &mut Tx<'_>,
    subject: SegmentSubject,
    concerned: &[&Live],
    held: &[Held],
    routed: &Routed,
    entries: &[Entry],
) -> Result<()> {
    let touched = match subject {
        SegmentSubject::Contact => &routed.contacts,
        SegmentSubject::Account => &routed.accounts,
    };
    let segments = of_subject(subject, concerned, held);
    let cause = |live: &Live, id: Uuid| {
        let place = touched.get(&id).and_then(|touch| touch.cause(live.facts));
        let entry = place.and_then(|place| entries.get(place));
        entry.map_or(Cause::Time, Cause::entry)
    };
    let moves = evaluate::differences(tx, subject, &segments, touched, cause).await?;
    moves::write(tx, subject, moves).await
}

/// Somebody, and the account they are at.
#[derive(FromQueryResult)]
struct Person {
    id: ContactId,
    account_id: AccountId,
}

/// What happened to an account concerns its people, and the reverse, where conditions ask for it. Gives
/// back the accounts whose figures may have changed, where conditions on contacts ask for these.
async fn spread(
    tx: &Tx<'_>,
    catalogue: &Catalogue,
    routed: &mut Routed,
    anew: &mut Vec<Anew>,
) -> Result<Touched> {
    let asked = |subject| {
        let mut facts = Facts::default();
        for live in catalogue.of(subject) {
            facts |= live.facts;
        }
        facts
    };
    let (by_people, by_accounts) = (
        asked(SegmentSubject::Contact),
        asked(SegmentSubject::Account),
    );
    let of_accounts: Vec<Uuid> = beside(&routed.accounts, by_people);
    let of_people: Vec<Uuid> = beside(&routed.contacts, by_accounts);
    let mut found: Vec<Person> = Vec::new();
    if !of_accounts.is_empty() {
        found = people_at(tx, &of_accounts).await?;
        if found.len() as i64 > MAX_PEOPLE {
            found.clear();
            let at = routed.accounts[&of_accounts[0]].entries.last();
            let at = at.map_or(0, |(_, at)| *at);
            let segments = catalogue.of(SegmentSubject::Contact);
            let segments = segments.filter(|live| live.facts.related != 0);
            anew.push(Anew::of(
                SegmentSubject::Contact,
                segments.map(|live| live.id),
                at,
            ));
        }
    }
    let by_colleagues = colleagues::asked(catalogue);
    for touched in [&mut routed.figures, &mut routed.left] {
        touched.retain(|_, touch| touch.facts.meets(by_colleagues));
    }
    let mut companies: Vec<Person> = Vec::new();
    if !of_people.is_empty() || !routed.figures.is_empty() {
        let everybody = of_people.into_iter().chain(routed.figures.keys().copied());
        let everybody: BTreeSet<Uuid> = everybody.collect();
        companies = with_account(tx, everybody).await?;
    }
    let mut more: Vec<(bool, Uuid, Facts, usize)> = Vec::new();
    for person in found {
        for (facts, at) in &routed.accounts[&person.account_id.0].entries {
            more.push((true, person.id.0, facts.as_seen_beside(), *at));
        }
    }
    let account_of = companies.iter().map(|one| (one.id.0, one.account_id.0));
    let account_of: HashMap<Uuid, Uuid> = account_of.collect();
    for person in companies {
        let touch = routed.contacts.get(&person.id.0);
        for (facts, at) in touch.into_iter().flat_map(|touch| &touch.entries) {
            more.push((false, person.account_id.0, facts.as_seen_beside(), *at));
        }
    }
    for (is_contact, id, facts, at) in more {
        let touched = if is_contact {
            &mut routed.contacts
        } else {
            &mut routed.accounts
        };
        touched.entry(id).or_default().add(facts, at);
    }
    Ok(colleagues::at_accounts(
        &routed.figures,
        &routed.left,
        &account_of,
    ))
}

/// The people at `accounts`, up to one more than [`MAX_PEOPLE`].
async fn people_at(tx: &Tx<'_>, accounts: &[Uuid]) -> Result<Vec<Person>> {
    let people = Query::new(
        "SELECT c.id, c.account_id FROM {r} CROSS JOIN contact AS c
         WHERE c.workspace_id = $1 AND c.account_id = r.id AND c.merged_into_id IS NULL
         LIMIT $2",
    )
    .bind(tx.workspace)
    .bind(MAX_PEOPLE + 1)
    .rows("r", Rows::new().uuids("id", accounts.iter().copied()))
    .all(tx.connection())
    .await?;
    Ok(people)
}

/// Those of `contacts` who are at an account.
async fn with_account(tx: &Tx<'_>, contacts: BTreeSet<Uuid>) -> Result<Vec<Person>> {
    let people = Query::new(
        "SELECT c.id, c.account_id FROM {r} JOIN contact c ON c.workspace_id = $1
           AND c.id = r.id AND c.account_id IS NOT NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", contacts))
    .all(tx.connection())
    .await?;
    Ok(people)
}

/// Those whose own facts somebody beside them is asked about.
fn beside(touched: &Touched, asked: Facts) -> Vec<Uuid> {
    let touched = touched.iter();
    touched
        .filter(|(_, touch)| touch.facts.as_seen_beside().meets(asked))
        .map(|(id, _)| *id)
        .collect()
}

/// Turns what may concern anybody into those it concerns, or, when they are too many, into segments
/// for which everybody is evaluated.
async fn sweep(
    tx: &Tx<'_>,
    catalogue: &Catalogue,
    routed: &mut Routed,
    entries: &[Entry],
) -> Result<Vec<Anew>> {
    let mut anew = Vec::new();
    let mut seen: Vec<Sweeping> = Vec::new();
    // The last of the same is enough: all are evaluated as things are now.
    for (sweeping, at) in routed.sweeping.clone().into_iter().rev() {
        if seen.contains(&sweeping) {
            continue;
        }
        seen.push(sweeping);
        let facts = match sweeping {
            Sweeping::Tag(tag) => {
                if let Some(carriers) = carriers(tx, tag).await? {
                    for (id, is_contact) in carriers {
                        let facts = Facts::of("tag.changed");
                        if is_contact {
                            routed.contacts.entry(id).or_default().add(facts, at);
                        } else {
                            routed.accounts.entry(id).or_default().add(facts, at);
                        }
                    }
                    continue;
                }
                Facts::of("tag.changed")
            }
            Sweeping::Tags | Sweeping::Attribute(_) => {
                Facts::of(entries.get(at).map_or("", |entry| entry.fact.name()))
            }
        };
        for subject in [SegmentSubject::Contact, SegmentSubject::Account] {
            let asking = catalogue.of(subject).filter(|live| match sweeping {
                Sweeping::Attribute(id) => evaluate::asks_attribute(&live.condition, id),
                _ => live.facts.meets(facts) || live.facts.meets(facts.as_seen_beside()),
            });
            anew.push(Anew::of(subject, asking.map(|live| live.id), at));
        }
    }
    Ok(anew)
}

/// Who carries a tag or one below it, each with whether it is a contact; nothing when they are too many
/// to be named.
async fn carriers(tx: &Tx<'_>, tag: TagId) -> Result<Option<Vec<(Uuid, bool)>>> {
    let rows = Query::new(
        "SELECT r.target_id, EXISTS (SELECT 1 FROM contact c WHERE c.workspace_id = $1
                                       AND c.id = r.target_id)
         FROM tag_rank r WHERE r.workspace_id = $1 AND r.tag_id = $2 LIMIT $3",
    )
    .bind(tx.workspace)
    .bind(tag)
    .bind(MAX_PEOPLE + 1)
    .raw(tx.connection())
    .await?;
    if rows.len() as i64 > MAX_PEOPLE {
        return Ok(None);
    }
    let mut carriers = Vec::with_capacity(rows.len());
    for row in rows {
        carriers.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
    }
    Ok(Some(carriers))
}

/// Has everybody evaluated for the segments of `anew`, each once.
async fn begin_anew(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    catalogue: &Catalogue,
    anew: Vec<Anew>,
    entries: &[Entry],
) -> Result<()> {
    let known = evaluate::by_id(&catalogue.live);
    let mut begun: BTreeSet<SegmentId> = BTreeSet::new();
    for one in anew {
        let ids = one.segments.into_iter();
        let ids: Vec<SegmentId> = ids
            .filter(|id| known.contains_key(id) && begun.insert(*id))
            .collect();
        let fact = entries
            .get(one.at)
            .map(|entry| entry.fact.name().to_owned());
        let origin = Origin::System;
        build::begin(ctx, tx, one.subject, &ids, Cause::Rebuild { origin, fact }).await?;
    }
    Ok(())
}
