//! Tags as rows, and the tags of things as an import reads them.

use std::collections::HashMap;

use entity::{
    id::WorkspaceId,
    kind::{TagKind, TagTarget},
    tag as tag_row,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::table::{Rows, columns};
use crate::{
    ctx::Ctx,
    error::Result,
    tag::{
        catalogue::{self, Forest, ForestFilter},
        path, tagging,
    },
};

/// The way to a tag, with what separates tags in a cell made plain.
fn written(forest: &Forest, tag: &tag_row::Model) -> String {
    let group = tag.group_id.and_then(|id| forest.group(id));
    let group = group.map(|group| group.name.as_str());
    path::written(group, &forest.path(tag)).replace(';', "\\;")
}

/// The tags that things carry, as the paths an import finds them by.
pub(super) async fn of_things(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Value>>> {
    let forest = catalogue::forest(ctx, workspace).await?;
    let mut tags: HashMap<Uuid, Vec<Value>> = HashMap::new();
    for tagging in tagging::load_active(ctx, workspace, ids).await? {
        if let Some(tag) = forest.get(tagging.tag_id) {
            let tags = tags.entry(tagging.target_id).or_default();
            tags.push(written(&forest, tag).into());
        }
    }
    Ok(tags)
}

/// All tags, archived ones too, with their counters.
pub(super) async fn page(ctx: &Ctx, workspace: WorkspaceId) -> Result<Rows> {
    let (forest, counts) = catalogue::counted(ctx, workspace).await?;
    let filter = ForestFilter {
        archived: true,
        ..ForestFilter::default()
    };
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for kind in [TagKind::Contact, TagKind::Conversation] {
        for tag in forest.list(ForestFilter {
            kind: Some(kind),
            ..filter
        }) {
            let count = |target| {
                let count = counts.get(&(tag.id, target));
                count.map_or((0, 0), |count| (count.direct, count.total))
            };
            let mut row = vec![
                json!(tag.id),
                json!(kind),
                json!(written(&forest, tag)),
                json!(tag.name),
                json!(tag.description),
                json!(tag.colour),
                json!(tag.archived_at.is_some()),
            ];
            for target in [
                TagTarget::Contact,
                TagTarget::Account,
                TagTarget::Conversation,
            ] {
                let (direct, total) = count(target);
                row.extend([json!(direct), json!(total)]);
            }
            rows.push(row);
        }
    }
    let columns = columns(&[
        ("id", "Tag id"),
        ("kind", "Kind"),
        ("path", "Path"),
        ("name", "Name"),
        ("description", "Description"),
        ("colour", "Colour"),
        ("archived", "Archived"),
        ("contactsDirect", "Contacts"),
        ("contactsTotal", "Contacts with tags below"),
        ("accountsDirect", "Accounts"),
        ("accountsTotal", "Accounts with tags below"),
        ("conversationsDirect", "Conversations"),
        ("conversationsTotal", "Conversations with tags below"),
    ]);
    Ok(Rows {
        columns,
        rows,
        next: None,
    })
}
