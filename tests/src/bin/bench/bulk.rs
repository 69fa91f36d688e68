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
use entity::{id::TagId, kind::TagKind};

/// What was done, to how many contacts, in how many seconds.
pub(crate) type Figure = (&'static str, i64, f64);

/// Tags everybody with a tag at the root, then with one three levels deep, and takes both off.
pub(crate) async fn measure(ctx: &Ctx, owner: &Actor) -> Result<Vec<Figure>> {
    let shallow = tag(ctx, owner, "Bulk", None).await?;
    let middle = tag(ctx, owner, "Bulk middle", Some(shallow)).await?;
    let deep = tag(ctx, owner, "Bulk deep", Some(middle)).await?;
    let mut figures = Vec::new();
    for (what, add, remove, dry_run) in [
        ("dry run", vec![shallow], vec![], true),
        ("a tag at the root", vec![shallow], vec![], false),
        ("a tag three levels deep", vec![deep], vec![], false),
        ("both off", vec![], vec![shallow, deep], false),
    ] {
        let bulk = NewBulk {
            which: Which::Contact(ContactFilter::default()),
            add,
            remove,
            reason: String::new(),
            expires_at: None,
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

async fn tag(ctx: &Ctx, owner: &Actor, name: &str, parent: Option<TagId>) -> Result<TagId> {
    let new = NewTag {
        kind: TagKind::Contact,
        name: name.to_owned(),
        description: String::new(),
        colour: None,
        parent,
        group: None,
    };
    Ok(catalogue::create(ctx, owner, new).await?.id)
}
