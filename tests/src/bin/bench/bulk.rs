//! Tagging and untagging everybody by filter, as the worker does it.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use domain::{
    access::Actor,
    contact::ContactFilter,
    ctx::Ctx,
    operation::{self, Limits},
    tag::{
        NewTag, catalogue,
        tagging::{NewBulk, Which, tag_by_filter},
    },
};
use entity::{
    id::{Id as _, TagId},
    kind::{TagKind, TagTarget},
};

use crate::psql::psql;

/// What was done, to how many contacts, in how many seconds.
pub(crate) type Figure = (&'static str, i64, f64);

/// What of it has a floor, and in how many seconds that was done.
pub(crate) type Floor = (&'static str, f64);

const AT_THE_ROOT: &str = "a tag at the root";
const THREE_LEVELS: &str = "a tag three levels deep";

/// Tags everybody with a tag at the root, then with one three levels deep, and takes both off.
pub(crate) async fn measure(ctx: &Ctx, owner: &Actor) -> Result<Vec<Figure>> {
    let shallow = tag(ctx, owner, "Bulk", None).await?;
    let middle = tag(ctx, owner, "Bulk middle", Some(shallow)).await?;
    let deep = tag(ctx, owner, "Bulk deep", Some(middle)).await?;
    let mut figures = Vec::new();
    for (what, add, remove, dry_run) in [
        ("dry run", vec![shallow], vec![], true),
        (AT_THE_ROOT, vec![shallow], vec![], false),
        (THREE_LEVELS, vec![deep], vec![], false),
        ("both off", vec![], vec![shallow, deep], false),
    ] {
        let bulk = NewBulk {
            which: Which::Contact(ContactFilter::default()),
            add,
            remove,
            reason: String::new(),
            expires_at: None,
            imagined: None,
        };
        let start = Instant::now();
        let asked = tag_by_filter(ctx, owner, bulk, dry_run).await?;
        operation::run_due(ctx, domain::operations(), None, Limits::none()).await?;
        let seconds = start.elapsed().as_secs_f64();
        let done = operation::find(ctx, owner.workspace, asked.id).await?;
        let done = done.context("the operation")?;
        ensure!(done.total == Some(done.done), "{done:?}");
        figures.push((what, done.done, seconds));
    }
    Ok(figures)
}

/// The same rows by plain statements: the taggings, from which a trigger makes the entries of timelines, and
/// a rank for each tag above them. They are taken out again.
pub(crate) async fn floors(ctx: &Ctx, owner: &Actor, url: &str) -> Result<Vec<Floor>> {
    let shallow = tag(ctx, owner, "Floor", None).await?;
    let middle = tag(ctx, owner, "Floor middle", Some(shallow)).await?;
    let deep = tag(ctx, owner, "Floor deep", Some(middle)).await?;
    let mut floors = Vec::new();
    for (what, path) in [
        (AT_THE_ROOT, vec![shallow]),
        (THREE_LEVELS, vec![deep, middle, shallow]),
    ] {
        let (seconds, _) = psql(url, &taggings(owner, &path))?;
        floors.push((what, seconds));
        let tags = list(&path);
        let tidy = ["tagging", "tag_rank"]
            .map(|table| format!("DELETE FROM {table} WHERE tag_id IN ({tags});"));
        psql(url, &tidy.concat())?;
    }
    Ok(floors)
}

/// Everybody gets the first tag of `path`, and counts as having the others.
pub(crate) fn taggings(owner: &Actor, path: &[TagId]) -> String {
    let workspace = owner.workspace.uuid();
    let by = owner.origin().json().to_string().replace('\'', "''");
    let (tag, tags) = (list(&path[..1]), list(path));
    format!(
        "INSERT INTO tagging (workspace_id, id, tag_id, target, target_id, added_at, added_by,
                              added_reason)
         SELECT c.workspace_id,
                CAST('01900000-0000-7000-8009-' || lpad(to_hex(ROW_NUMBER() OVER ()), 12, '0') AS uuid),
                {tag}, '{target}', c.id, now(), '{by}', ''
         FROM contact c WHERE c.workspace_id = '{workspace}';
         INSERT INTO tag_rank (workspace_id, tag_id, target_id, score, taggings)
         SELECT h.workspace_id, a.id, h.contact_id, h.rank, 1
         FROM contact_health h CROSS JOIN UNNEST(ARRAY[{tags}]) AS a(id)
         WHERE h.workspace_id = '{workspace}';",
        target = TagTarget::Contact.word(),
    )
}

/// The ids as PostgreSQL reads them.
fn list(tags: &[TagId]) -> String {
    let ids = tags.iter().map(|tag| format!("CAST('{}' AS uuid)", tag.0));
    ids.collect::<Vec<_>>().join(", ")
}

/// A tag of contacts.
pub(crate) async fn tag(
    ctx: &Ctx,
    owner: &Actor,
    name: &str,
    parent: Option<TagId>,
) -> Result<TagId> {
    let new = NewTag {
        parent,
        ..NewTag::named(TagKind::Contact, name)
    };
    Ok(catalogue::create(ctx, owner, new).await?.id)
}
