//! Asking the database for whom conditions hold: any number of segments and subjects in a number of
//! statements that depends on the segments only.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::LazyLock,
};

use chrono::{DateTime, Utc};
use entity::{
    id::{AttributeId, SegmentId, WorkspaceId},
    kind::{SegmentSubject, SubjectKind},
};
use sea_orm::{ConnectionTrait, DatabaseBackend};
use uuid::Uuid;

use super::{
    aside,
    catalogue::Live,
    cause::Cause,
    moves::Moved,
    route::{Touch, Touched},
};
use crate::{
    condition::{
        Condition, Context,
        age::Age,
        bearing::{self, Bearing},
        moment::Moment,
        path::Path,
        reference::{IdKind, Reference},
        sql,
    },
    error::Result,
    store::{MAX_BOUND, Query, Rows, Tx, attempt},
};

/// Kinds of facts, one bit each: the place of the name in [`FACTS`]. The bits behind those stand for
/// events by their names, several names for each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// About the contact or the account itself.
    pub(super) own: i64,
    /// About the contact's account, or about the account's people.
    pub(super) related: i64,
}

impl Facts {
    /// Everything that can happen to somebody.
    pub(super) const ALL: Self = Self {
        own: i64::MAX,
        related: i64::MAX,
    };

    /// One fact about the thing itself; none for one that changes no segment.
    pub(super) fn of(name: &str) -> Self {
        if name == "event.recorded" {
            return Self::of_event(None);
        }
        let place = FACTS.iter().position(|fact| *fact == name);
        Self {
            own: place.map_or(0, |place| 1 << place),
            related: 0,
        }
    }

    /// An event of this name; of any, where none is given.
    pub(super) fn of_event(name: Option<&str>) -> Self {
        // 63 bits: the columns they are compared in have a sign.
        let first = FACTS.len() as u64;
        let own = match name {
            Some(name) => 1 << (first + hash(name) % (63 - first)),
            None => (i64::MAX >> first) << first,
        };
        Self { own, related: 0 }
    }

    /// The same, seen from the other side: an account's from its people, a person's from the account.
    pub(super) fn as_seen_beside(self) -> Self {
        Self {
            own: 0,
            related: self.own,
        }
    }

    /// Whether they have any in common.
    pub(super) fn meets(self, other: Self) -> bool {
        self.own & other.own != 0 || self.related & other.related != 0
    }
}

/// A number made of a name, the same in every process (FNV-1a).
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl std::ops::BitOrAssign for Facts {
    fn bitor_assign(&mut self, other: Self) {
        self.own |= other.own;
        self.related |= other.related;
    }
}

/// The facts that can change who is in a segment. The places are used in memory only.
pub(super) static FACTS: LazyLock<Vec<&str>> =
    LazyLock::new(|| bearing::names(|bearing| bearing != Bearing::Nothing));

/// Segments judged in one statement at most.
const AT_ONCE: usize = 64;
/// How many statements that cannot be done are taken apart to find out of whom which condition cannot be
/// judged; beyond that, nobody they ask about is moved.
const MAX_FAILURES: usize = 100;

/// The words that differ between contacts and accounts.
pub(super) struct Words {
    /// The table.
    pub(super) table: &'static str,
    /// That the row `c` can be in a live segment at all.
    pub(super) here: &'static str,
    /// That the row `c` can be put into a segment kept by hand, and taken out.
    pub(super) there: &'static str,
}

/// The words for `subject`.
pub(super) fn words(subject: SegmentSubject) -> Words {
    match subject {
        // What was merged into another is in no list, what is archived in none that is not kept by hand.
        SegmentSubject::Contact => Words {
            table: "contact",
            here: "c.merged_into_id IS NULL",
            there: "c.merged_into_id IS NULL",
        },
        SegmentSubject::Account => Words {
            table: "account",
            here: "c.merged_into_id IS NULL AND c.deleted_at IS NULL AND c.archived_at IS NULL",
            there: "c.merged_into_id IS NULL AND c.deleted_at IS NULL",
        },
    }
}

/// `now` in the workspace.
pub(super) async fn moment(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    now: DateTime<Utc>,
) -> Result<Moment> {
    Moment::of(connection, workspace, now).await
}

/// The SQL of `condition` for the row `c`, whose workspace is `$1`, with its values bound.
pub(super) fn predicate(
    query: &mut Query,
    condition: &Condition,
    subject: SegmentSubject,
    backend: DatabaseBackend,
    moment: &Moment,
) -> String {
    let subject = match subject {
        SegmentSubject::Contact => SubjectKind::Contact,
        SegmentSubject::Account => SubjectKind::Account,
    };
    sql::predicate(query, backend, moment, condition, subject, "c")
}

/// Where a segment's condition is used.
pub(super) fn context(subject: SegmentSubject) -> Context {
    match subject {
        SegmentSubject::Contact => Context::Contact,
        SegmentSubject::Account => Context::Account,
    }
}

/// Which facts can change for whom `condition` holds.
pub(super) fn facts(condition: &Condition, subject: SegmentSubject) -> Facts {
    let mut facts = direct(condition);
    let asks_beside = subject == SegmentSubject::Account || condition.asks_account();
    if asks_beside {
        // Whoever goes to another company brings along what is asked of it.
        for name in ["contact.changed", "contact.erased", "contact.moved"] {
            facts |= Facts::of(name);
        }
        let beside = facts.as_seen_beside();
        facts |= beside;
    }
    facts
}

/// Which facts about somebody else at the account can change for whom `condition` holds, as they happen to
/// that one.
pub(super) fn of_people(condition: &Condition, subject: SegmentSubject) -> Facts {
    let mut facts = Facts::default();
    if subject == SegmentSubject::Account {
        return facts;
    }
    for leaf in condition.on_people() {
        facts |= direct(leaf);
        // Whoever comes, goes, or is erased takes along what they did.
        for name in ["contact.changed", "contact.erased", "contact.moved"] {
            facts |= Facts::of(name);
        }
    }
    facts
}

/// The facts that change what `condition` asks for.
fn direct(condition: &Condition) -> Facts {
    let mut facts = Facts::default();
    for name in condition.depends() {
        match condition.event_names().filter(|_| name == "event.recorded") {
            Some(names) => {
                for name in &names {
                    facts |= Facts::of_event(Some(name));
                }
            }
            None => facts |= Facts::of(name),
        }
    }
    facts
}

/// Whether time alone can change for whom `condition` holds. An account is not told that somebody left
/// it, so what is asked of its people is looked at from time to time.
pub(super) fn is_timed(condition: &Condition, subject: SegmentSubject) -> bool {
    subject == SegmentSubject::Account || condition.timed()
}

/// The ages of what a contact has, at which time can change whether `condition` holds while it is the same
/// day; nothing where it can in other ways.
pub(super) fn edges(condition: &Condition, subject: SegmentSubject) -> Option<BTreeSet<Age>> {
    condition
        .ages()
        .filter(|_| subject == SegmentSubject::Contact)
}

/// The segments that `condition` names.
pub(super) fn names(condition: &Condition) -> BTreeSet<SegmentId> {
    let mut references = Vec::new();
    condition.references(&Path::root("condition"), &mut references);
    let named = references.into_iter();
    named
        .filter(|reference| matches!(reference.kind, IdKind::Segment(_)))
        .map(|reference| SegmentId(reference.id))
        .collect()
}

/// Whether `condition` asks for the custom attribute.
pub(super) fn asks_attribute(condition: &Condition, attribute: AttributeId) -> bool {
    let mut references = Vec::new();
    condition.references(&Path::root("condition"), &mut references);
    references.iter().any(|reference| {
        matches!(reference.kind, IdKind::Attribute(..)) && reference.id == attribute.0
    })
}

/// Whether a reference names `segment`.
pub(super) fn is_segment(reference: &Reference, segment: SegmentId) -> bool {
    matches!(reference.kind, IdKind::Segment(_)) && reference.id == segment.0
}

/// What the database says of the segments asked about: for each subject it found, `1` where the
/// condition holds, `0` where it does not, `-` where nothing was asked.
struct Verdicts(HashMap<Uuid, String>);

impl Verdicts {
    fn of(&self, subject: Uuid, place: usize) -> Option<bool> {
        // Whoever is not there, or was merged into another, is in no segment.
        let Some(said) = self.0.get(&subject) else {
            return Some(false);
        };
        match said.as_bytes().get(place) {
            Some(b'1') => Some(true),
            Some(b'0') => Some(false),
            _ => None,
        }
    }
}

/// The statement for as many of the segments as one takes, with their number: the subjects come with
/// the kinds of facts that happened to them, and a condition is judged only where one of these can have
/// changed it.
fn question(
    tx: &Tx<'_>,
    moment: &Moment,
    subject: SegmentSubject,
    part: &Part<'_, '_>,
) -> (Query, usize) {
    let backend = tx.connection().get_database_backend();
    let mut query = Query::new("SELECT c.id, ").bind(tx.workspace);
    let mut taken = 0;
    for (segment, _) in part.segments.iter().take(AT_ONCE) {
        if query.bound() > MAX_BOUND {
            break;
        }
        let holds = predicate(&mut query, &segment.condition, subject, backend, moment);
        let Facts { own, related } = segment.facts;
        let joint = if taken == 0 { "" } else { " || " };
        query.push(&format!(
            "{joint}CASE WHEN (r.own & {own}) = 0 AND (r.related & {related}) = 0 THEN '-'
                         WHEN {holds} THEN '1' ELSE '0' END"
        ));
        taken += 1;
    }
    let Words { table, here, .. } = words(subject);
    query.push(&format!(
        " FROM {{r}} JOIN {table} c ON c.workspace_id = $1 AND c.id = r.id AND {here}"
    ));
    let touched = || part.touched.iter();
    let rows = Rows::new()
        .uuids("id", touched().map(|(id, _)| *id))
        .ints("own", touched().map(|(_, touch)| touch.facts.own))
        .ints("related", touched().map(|(_, touch)| touch.facts.related));
    (query.rows("r", rows), taken)
}

/// Some segments, each asked of some subjects.
#[derive(Clone, Copy)]
struct Part<'s, 'l> {
    segments: &'s [(&'l Live, bool)],
    touched: &'s [(Uuid, &'s Touch)],
}

impl Part<'_, '_> {
    /// Half of the segments each, or, of one segment, half of the subjects; nothing, if it is one segment
    /// of one subject.
    fn halves(self) -> Option<[Self; 2]> {
        if self.segments.len() > 1 {
            let (some, others) = self.segments.split_at(self.segments.len() / 2);
            return Some([some, others].map(|segments| Self { segments, ..self }));
        }
        if self.touched.len() > 1 {
            let (some, others) = self.touched.split_at(self.touched.len() / 2);
            return Some([some, others].map(|touched| Self { touched, ..self }));
        }
        None
    }
}

/// Which of `subjects` are in which segments now.
async fn present(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    subjects: impl IntoIterator<Item = Uuid>,
) -> Result<HashSet<(SegmentId, Uuid)>> {
    let rows = Query::new(
        "SELECT m.segment_id, m.subject_id FROM {r}
         JOIN segment_member m ON m.workspace_id = $1 AND m.subject_id = r.id",
    )
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", subjects))
    .raw(connection)
    .await?;
    let mut present = HashSet::with_capacity(rows.len());
    for row in rows {
        present.insert((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
    }
    Ok(present)
}

/// What has to change about the members among `touched` of `segments`, all of `subject` and held, each
/// with whether that is news. `cause` says why, of a segment's facts and a touched subject.
///
/// Where the database cannot say whether a condition holds of somebody, that one stays where it is in
/// that segment, and the owners are told; nobody else and no other segment waits for it.
pub(super) async fn differences(
    tx: &mut Tx<'_>,
    subject: SegmentSubject,
    segments: &[(&Live, bool)],
    touched: &Touched,
    cause: impl Fn(&Live, Uuid) -> Cause,
) -> Result<Vec<Moved>> {
    if segments.is_empty() || touched.is_empty() {
        return Ok(Vec::new());
    }
    let present = present(tx.connection(), tx.workspace, touched.keys().copied()).await?;
    let moment = moment(tx.connection(), tx.workspace, tx.now).await?;
    let touched: Vec<(Uuid, &Touch)> = touched.iter().map(|(id, touch)| (*id, touch)).collect();
    let mut moves = Vec::new();
    let mut parts = vec![Part {
        segments,
        touched: &touched,
    }];
    let mut unanswered = Vec::new();
    let mut failures = 0;
    while let Some(part) = parts.pop() {
        let (query, taken) = question(tx, &moment, subject, &part);
        let (asked, rest) = part.segments.split_at(taken);
        if !rest.is_empty() {
            parts.push(Part {
                segments: rest,
                ..part
            });
        }
        let part = Part {
            segments: asked,
            ..part
        };
        let Some(rows) = attempt(tx.connection(), query).await? else {
            failures += 1;
            match part.halves().filter(|_| failures <= MAX_FAILURES) {
                Some(halves) => parts.extend(halves),
                None => unanswered.extend(part.segments.iter().map(|(live, _)| *live)),
            }
            continue;
        };
        let mut verdicts = Verdicts(HashMap::with_capacity(rows.len()));
        for row in rows {
            verdicts
                .0
                .insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        }
        for (place, (segment, is_news)) in part.segments.iter().enumerate() {
            for (id, touch) in part.touched {
                if !touch.facts.meets(segment.facts) {
                    continue;
                }
                let Some(holds) = verdicts.of(*id, place) else {
                    continue;
                };
                if holds != present.contains(&(segment.id, *id)) {
                    moves.push(Moved {
                        segment: segment.id,
                        subject: *id,
                        entered: holds,
                        cause: cause(segment, *id),
                        is_news: *is_news,
                    });
                }
            }
        }
    }
    aside::tell(tx, &unanswered).await?;
    Ok(moves)
}

/// These, whatever happened to them.
pub(super) fn looked_at(ids: &[Uuid]) -> Touched {
    let mut touched = Touched::new();
    for id in ids {
        touched.entry(*id).or_default().facts = Facts::ALL;
    }
    touched
}

/// Segments by their id.
pub(super) fn by_id<'a>(live: impl IntoIterator<Item = &'a Live>) -> BTreeMap<SegmentId, &'a Live> {
    live.into_iter().map(|one| (one.id, one)).collect()
}
