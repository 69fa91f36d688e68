//! Tags as rows, and the tags of things as an import reads them.

use std::collections::{HashMap, HashSet};

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
    text::name_key,
};

/// The ways to all tags of a workspace as an import finds them.
pub(super) struct Ways<'f> {
    forest: &'f Forest,
    /// Tags at the top that bear the name of a group.
    namesakes: HashSet<(TagKind, &'f str)>,
}

impl<'f> Ways<'f> {
    pub(super) fn new(forest: &'f Forest) -> Self {
        let groups: HashSet<(TagKind, &str)> = forest
            .groups()
            .map(|group| (group.kind, group.name_key.as_str()))
            .collect();
        let all = ForestFilter {
            archived: true,
            ..ForestFilter::default()
        };
        let tops = forest
            .list(all)
            .filter(|tag| tag.parent_id.is_none() && tag.group_id.is_none());
        let names = tops.map(|tag| (tag.kind, tag.name_key.as_str()));
        Self {
            forest,
            namesakes: names.filter(|name| groups.contains(name)).collect(),
        }
    }

    /// The way to a tag, with what separates tags in a cell made plain. Where a tag at the top bears
    /// the name of a group, it says which of the two is meant.
    pub(super) fn written(&self, tag: &tag_row::Model) -> String {
        let group = tag.group_id.and_then(|id| self.forest.group(id));
        let names = self.forest.path(tag);
        let (first, has_more) = match group {
            Some(group) => (group.name_key.clone(), true),
            None => (name_key(&names[0]), names.len() > 1),
        };
        let group = group.map(|group| group.name.as_str());
        let way = if has_more && self.namesakes.contains(&(tag.kind, first.as_str())) {
            path::written_exactly(group, &names)
        } else {
            path::written(group, &names)
        };
        way.replace(';', "\\;")
    }
}

/// The tags that things carry, as the paths an import finds them by.
pub(super) async fn of_things(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Value>>> {
    let forest = catalogue::forest(ctx, workspace).await?;
    let ways = Ways::new(&forest);
    let mut tags: HashMap<Uuid, Vec<Value>> = HashMap::new();
    for tagging in tagging::load_active(ctx, workspace, ids).await? {
        if let Some(tag) = forest.get(tagging.tag_id) {
            let tags = tags.entry(tagging.target_id).or_default();
            tags.push(ways.written(tag).into());
        }
    }
    Ok(tags)
}

/// All tags, archived ones too, with their counters.
pub(super) async fn page(ctx: &Ctx, workspace: WorkspaceId) -> Result<Rows> {
    let (forest, counts) = catalogue::counted(ctx, workspace).await?;
    let ways = Ways::new(&forest);
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
                json!(ways.written(tag)),
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
