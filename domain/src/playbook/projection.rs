//! Playbooks as readers of the change log.
//!
//! Two things follow from what happened: contacts are enrolled where a source names it, and enrolments
//! that a change may move or end are brought forward, so that a worker looks at them at once. What
//! holds is judged there, by the state of the database, never here by the change. Both cost a few
//! statements for a batch of entries, whatever their number; a workspace without playbooks at work
//! costs one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::LazyLock,
};

use async_trait::async_trait;
use entity::{
    id::{ContactId, Id as _, PlaybookId, TagId},
    kind::{EnrolmentSource, HealthBand, PlaybookState, SubjectKind, TagTarget},
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use uuid::Uuid;

use super::{
    definition::{Definition, Source},
    enrol::{Book, Entrant, enrol},
    hear,
};
use crate::{
    condition::bearing::{self, Bearing},
    ctx::Ctx,
    error::Result,
    port::Work,
    store::{Query, Rows, Tx, dialect},
    tag::catalogue,
    work::{
        change::{Entry, Fact},
        projection::Projection,
    },
};

/// How many steps of cause and effect away from the outside something may be and still enrol: where
/// playbooks lead to rules and rules to playbooks, the circle ends here.
pub(super) const MAX_DEPTH: i64 = 5;

/// Enrols by sources, and wakes enrolments.
#[derive(Debug, Clone, Copy)]
pub struct Playbooks;

#[async_trait]
impl Projection for Playbooks {
    fn name(&self) -> &'static str {
        "playbooks"
    }

    fn work(&self) -> Work {
        Work::Playbook
    }

    /// Everything that may make a condition on a contact hold.
    fn facts(&self) -> &'static [&'static str] {
        static FACTS: LazyLock<Vec<&str>> = LazyLock::new(|| {
            bearing::names(|bearing| !matches!(bearing, Bearing::Membership | Bearing::Nothing))
        });
        &FACTS
    }

    async fn apply(&self, ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        let books = at_work(tx).await?;
        if books.is_empty() {
            return Ok(());
        }
        // Enrolments before counts, like the workers that take a batch on.
        bring_forward(tx, entries).await?;
        enrol_by_sources(ctx, tx, &books, entries).await
    }
}

#[derive(FromQueryResult)]
struct AtWork {
    id: PlaybookId,
    version: i64,
    definition: serde_json::Value,
}

/// The playbooks at work with their published versions; those that cannot be read are left out.
async fn at_work(tx: &Tx<'_>) -> Result<Vec<Book>> {
    let rows: Vec<AtWork> = Query::new(
        "SELECT p.id, v.version, v.definition FROM playbook p
         JOIN playbook_version v ON v.workspace_id = p.workspace_id AND v.playbook_id = p.id
           AND v.version = p.version
         WHERE p.workspace_id = $1 AND p.state = $2 ORDER BY p.id",
    )
    .bind(tx.workspace)
    .bind(PlaybookState::Active.word())
    .all(tx.connection())
    .await?;
    let books = rows.into_iter().filter_map(|row| {
        let definition = Definition::from_stored(row.definition);
        let definition = definition.inspect_err(|error| {
            tracing::error!(playbook.id = %row.id, error = error as &dyn std::error::Error,
                "left out a playbook that cannot be read");
        });
        Some(Book {
            id: row.id,
            version: row.version,
            definition: definition.ok()?,
        })
    });
    Ok(books.collect())
}

/// What enrols in each of the playbooks at work, besides members and rules.
pub(crate) async fn sources(tx: &Tx<'_>) -> Result<Vec<(PlaybookId, Vec<Source>)>> {
    let books = at_work(tx).await?.into_iter();
    Ok(books
        .map(|book| (book.id, book.definition.sources))
        .collect())
}

/// What an entry says that a source may name.
enum Heard {
    Segment(Uuid),
    Band(HealthBand),
    Tag(TagId),
}

fn heard(fact: &Fact) -> Option<Heard> {
    match *fact {
        Fact::HealthChanged {
            band,
            previous_band,
            ..
        } if band != previous_band => Some(Heard::Band(band)),
        Fact::TaggingAdded {
            tag_id,
            target: TagTarget::Contact,
            ..
        } => Some(Heard::Tag(tag_id)),
        Fact::SegmentEntered {
            segment_id,
            subject: SubjectKind::Contact,
            ..
        } => Some(Heard::Segment(segment_id.uuid())),
        _ => None,
    }
}

async fn enrol_by_sources(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    books: &[Book],
    entries: &[Entry],
) -> Result<()> {
    let told: Vec<(&Entry, ContactId, Heard)> = entries
        .iter()
        .filter_map(|entry| Some((entry, entry.contact?, heard(&entry.fact)?)))
        .filter(|(entry, contact, _)| {
            let near = entry.depth <= MAX_DEPTH;
            if !near {
                tracing::warn!(contact.id = %contact, depth = entry.depth,
                    "nobody was enrolled: this is the last link of a chain of rules and playbooks");
            }
            near
        })
        .collect();
    if told.is_empty() {
        return Ok(());
    }
    let above = tags_above(ctx, tx, &told).await?;
    for book in books {
        let entrants: Vec<Entrant> = told
            .iter()
            .filter_map(|(entry, contact, heard)| {
                let sources = &book.definition.sources;
                let source = sources.iter().find_map(|one| named(one, heard, &above))?;
                Some(Entrant {
                    contact: *contact,
                    source,
                    by: entry.origin,
                    depth: entry.depth + 1,
                    root: Some(entry.root),
                })
            })
            .collect();
        if !entrants.is_empty() {
            enrol(tx, book, &entrants).await?;
        }
    }
    Ok(())
}

/// What enrols, if `source` names what was heard.
fn named(
    source: &Source,
    heard: &Heard,
    above: &HashMap<TagId, Vec<TagId>>,
) -> Option<EnrolmentSource> {
    match (source, heard) {
        (Source::SegmentEntered { segment_ids }, Heard::Segment(id))
            if segment_ids.contains(id) =>
        {
            Some(EnrolmentSource::Segment)
        }
        (Source::HealthBand { bands }, Heard::Band(band)) if bands.contains(band) => {
            Some(EnrolmentSource::HealthBand)
        }
        (
            Source::TagAdded {
                tag_ids,
                with_descendants,
            },
            Heard::Tag(tag),
        ) => {
            let below = || {
                let above = above.get(tag).into_iter().flatten();
                above.map(|id| id.uuid()).any(|id| tag_ids.contains(&id))
            };
            let is_named = tag_ids.contains(&tag.uuid()) || (*with_descendants && below());
            is_named.then_some(EnrolmentSource::Tag)
        }
        _ => None,
    }
}

/// The tags above each tag that was put on.
async fn tags_above(
    ctx: &Ctx,
    tx: &Tx<'_>,
    told: &[(&Entry, ContactId, Heard)],
) -> Result<HashMap<TagId, Vec<TagId>>> {
    let tags: BTreeSet<TagId> = told
        .iter()
        .filter_map(|(.., heard)| match heard {
            Heard::Tag(tag) => Some(*tag),
            Heard::Segment(_) | Heard::Band(_) => None,
        })
        .collect();
    if tags.is_empty() {
        return Ok(HashMap::new());
    }
    let forest = catalogue::forest(ctx, tx.workspace).await?;
    let above = tags.into_iter().map(|tag| {
        let mut above = Vec::new();
        let mut at = forest.get(tag).and_then(|tag| tag.parent_id);
        // No way is longer than the tree is deep, whatever the rows say.
        while let Some(parent) = at
            && !above.contains(&parent)
        {
            above.push(parent);
            at = forest.get(parent).and_then(|tag| tag.parent_id);
        }
        (tag, above)
    });
    Ok(above.collect())
}

/// What happened to a contact, as far as enrolments hear it.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    /// What happened, one bit for each kind.
    heard: i64,
    /// Whether all their enrolments are looked at, whatever these wait for.
    all: bool,
}

/// What happened to whom, and what may concern anybody.
fn told(entries: &[Entry]) -> (BTreeMap<ContactId, Told>, i64) {
    let mut contacts: BTreeMap<ContactId, Told> = BTreeMap::new();
    let mut everybody = 0;
    for entry in entries {
        let heard = hear::of_fact(&entry.fact);
        match entry.fact {
            Fact::AttributeChanged { .. }
            | Fact::TagChanged { .. }
            | Fact::TagDeleted { .. }
            | Fact::TagMerged { .. }
            | Fact::TagGroupChanged { .. } => everybody |= heard,
            Fact::ContactUnmerged {
                contact_id,
                loser_id,
                ..
            }
            | Fact::ContactMerged {
                contact_id,
                loser_id,
                ..
            } => {
                for contact in [contact_id, loser_id] {
                    contacts.entry(contact).or_default().all = true;
                }
            }
            _ => {
                if let Some(contact) = entry.contact {
                    contacts.entry(contact).or_default().heard |= heard;
                }
            }
        }
    }
    (contacts, everybody)
}

/// Lets workers look at once at the enrolments of everybody something happened to, if they wait for
/// something of the kind. Also at those of contacts who were taken apart again. What changes about a tag
/// or an attribute may concern anybody.
async fn bring_forward(tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
    let (contacts, everybody) = told(entries);
    if contacts.is_empty() && everybody == 0 {
        return Ok(());
    }
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let of = if lock.is_empty() { "" } else { "OF e" };
    // In the order of ids, like the workers that take a batch on: two never wait for each other. One
    // that is being taken on at this moment may have been judged by what was before, and may be about to
    // wait for something else than its row says: whoever waits for it here sees what it waits for then,
    // and brings it forward again.
    let hears = "(e.state = 'RUNNING' OR e.listens AND (e.hears & r.heard) <> 0 OR r.all_of_them)";
    let whose = if everybody == 0 {
        format!("FROM {{r}} CROSS JOIN enrolment AS e WHERE e.contact_id = r.id AND {hears}")
    } else {
        format!(
            "FROM enrolment AS e WHERE (e.state = 'RUNNING' OR e.listens AND (e.hears & {everybody}) <> 0
                 OR EXISTS (SELECT 1 FROM {{r}} WHERE r.id = e.contact_id AND {hears}))"
        )
    };
    let each = || contacts.values();
    let woken = Query::new(format!(
        "UPDATE enrolment SET due_at = $2
         WHERE workspace_id = $1 AND id IN (
             SELECT e.id {whose} AND e.workspace_id = $1 AND e.ended_at IS NULL
               AND (e.due_at IS NULL OR e.due_at > $2 OR e.state = 'RUNNING')
             ORDER BY e.id {lock} {of})"
    ))
    .bind(tx.workspace)
    .bind(tx.now)
    .rows(
        "r",
        Rows::new()
            .ids("id", contacts.keys().copied())
            .ints("heard", each().map(|told| told.heard))
            .flags("all_of_them", each().map(|told| told.all)),
    )
    .execute(tx.connection())
    .await?;
    if woken > 0 {
        tx.wake(Work::Enrolment);
    }
    Ok(())
}
