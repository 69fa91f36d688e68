//! Searching: a page of what answers, the best first.

use std::collections::HashMap;

use entity::id::WorkspaceId;
use uuid::Uuid;

use super::{
    fragment::{Fragment, fragments},
    lane::{Lane, judge},
    needle::{Match, Needle},
    segment::Place,
    source::{self, Document, Field, Kind},
    walk::{Candidate, Walk},
};
use crate::{
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    page::{Cursor, Key, Page, PageRequest, Total},
};

/// Ranks: the levels of contacts and accounts, those of conversations, then messages.
const RANKS: u8 = 9;
/// Candidates checked against their texts at once, at most.
const MAX_CHECKED: usize = 1_024;

/// Something that answers.
#[derive(Debug, Clone)]
pub struct Hit {
    /// What kind of thing.
    pub kind: Kind,
    /// Which.
    pub id: Uuid,
    /// How well it answers.
    pub level: Match,
    /// Where the best match was found.
    pub field: Field,
    /// The texts with what was found, the best field first.
    pub fragments: Vec<Fragment>,
}

fn rank_of(kind: Kind, level: Match) -> u8 {
    match kind {
        Kind::Contact | Kind::Account => level as u8,
        Kind::Conversation => 4 + level as u8,
        Kind::Message => 8,
    }
}

fn level_of(rank: u8) -> Match {
    if rank == 8 {
        Match::Part
    } else {
        Match::ALL[usize::from(rank % 4)]
    }
}

/// A page of the things of `kinds` that answer to `needle`, each with its cursor: contacts and
/// accounts first, by how well they answer, then conversations likewise, then messages; the newest
/// first among equals. Everything is read in one snapshot.
pub async fn find(
    ctx: &Ctx,
    workspace: WorkspaceId,
    needle: &Needle,
    kinds: &[Kind],
    page: &PageRequest,
) -> Result<Page<(String, Hit)>> {
    if page.backward || page.before.is_some() {
        let message = "A search is read forwards: use `first` and `after`.";
        return Err(Error::refused(&["last"], UserErrorCode::Invalid, message));
    }
    let order = needle.name();
    let after = page
        .after
        .as_deref()
        .map(|after| Mark::decode(after, &order))
        .transpose()?;
    let size = usize::try_from(page.size).unwrap_or_default();
    let tx = ctx.db.snapshot().await?;
    let mut lanes = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| kinds.contains(kind)) {
        lanes.push(Lane::open(&tx, workspace, kind, needle).await?);
    }
    let mut found = Vec::new();
    for rank in after.map_or(0, |mark| mark.rank)..RANKS {
        let level = level_of(rank);
        let mine: Vec<usize> = (0..lanes.len())
            .filter(|&index| rank_of(lanes[index].kind, level) == rank)
            .collect();
        let place = after
            .filter(|mark| mark.rank == rank)
            .map(|mark| mark.place);
        let mut walk = Walk::new(&lanes, &mine, level, place);
        // A few more than are missing: some may turn out not to answer.
        let mut count = size + 1 - found.len() + 8;
        while found.len() <= size {
            let candidates = walk.next(&tx, &mut lanes, count).await?;
            if candidates.is_empty() {
                break;
            }
            let checked = check(&tx, workspace, needle, level, &candidates).await?;
            found.extend(checked.into_iter().map(|hit| (rank, hit)));
            count = (count * 2).min(MAX_CHECKED);
        }
        if found.len() > size {
            break;
        }
    }
    tx.commit().await?;
    let has_next = found.len() > size;
    found.truncate(size);
    let rows = found
        .into_iter()
        .map(|(rank, (kind, document))| {
            let place = Place::of(&document);
            let mark = Mark { rank, place };
            (
                mark.encode(&order),
                hit(needle, kind, level_of(rank), &document),
            )
        })
        .collect();
    Ok(Page {
        rows,
        has_next,
        has_previous: page.after.is_some(),
        // Nobody is told: counting would read and check everything.
        total: Total::default(),
    })
}

/// Those candidates that answer at `level` by their texts as they are now, in order.
async fn check(
    tx: &crate::store::Transaction,
    workspace: WorkspaceId,
    needle: &Needle,
    level: Match,
    candidates: &[Candidate],
) -> Result<Vec<(Kind, Document)>> {
    let mut documents: HashMap<Uuid, Document> = HashMap::new();
    for kind in Kind::ALL {
        let of_kind = candidates.iter().filter(|candidate| candidate.kind == kind);
        let ids: Vec<Uuid> = of_kind.map(|candidate| candidate.place.id).collect();
        if !ids.is_empty() {
            documents.extend(source::load_in_use(tx, workspace, kind, &ids).await?);
        }
    }
    Ok(candidates
        .iter()
        .filter_map(|candidate| {
            let document = documents.remove(&candidate.place.id)?;
            let answers = judge(needle, candidate.kind, &document) == Some(level);
            answers.then_some((candidate.kind, document))
        })
        .collect())
}

fn hit(needle: &Needle, kind: Kind, level: Match, document: &Document) -> Hit {
    let fragments = fragments(needle, &document.fields);
    let field = fragments
        .first()
        .map(|fragment| fragment.field)
        .or_else(|| document.fields.first().map(|(field, _)| *field));
    Hit {
        kind,
        id: document.id,
        level,
        field: field.unwrap_or(Field::Name),
        fragments,
    }
}

/// A place in the whole order.
#[derive(Debug, Clone, Copy)]
struct Mark {
    rank: u8,
    place: Place,
}

impl Mark {
    fn encode(self, order: &str) -> String {
        Cursor {
            order: order.to_owned(),
            key: Key::Text(format!("{}.{}", self.rank, self.place.at_us)),
            id: self.place.id,
        }
        .encode()
    }

    fn decode(text: &str, order: &str) -> Result<Self> {
        let cursor = Cursor::decode(text, order, "after")?;
        let Key::Text(key) = &cursor.key else {
            return Err(Self::refused());
        };
        let (rank, at_us) = key.split_once('.').ok_or_else(Self::refused)?;
        Ok(Self {
            rank: rank.parse().map_err(|_| Self::refused())?,
            place: Place {
                at_us: at_us.parse().map_err(|_| Self::refused())?,
                id: cursor.id,
            },
        })
    }

    fn refused() -> Error {
        let message = "This is not a cursor of this search. Start again without it.";
        Error::refused(&["after"], UserErrorCode::Invalid, message)
    }
}
