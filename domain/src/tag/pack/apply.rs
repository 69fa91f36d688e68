//! Applying a starter pack.

use std::collections::{HashMap, HashSet};

use entity::{
    id::{TagGroupId, TagId},
    kind::TagKind,
    tag_group,
};
use sea_orm::{EntityTrait as _, FromQueryResult};

use super::{Group, StarterPack};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    locale::Locale,
    store::{Query, Rows, Tx},
    tag::{
        NewGroup,
        catalogue::{TAG_LIMIT, hold},
        group,
    },
    text::name_key,
    work::change::{Change, Fact},
};

/// What a pack made.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The pack's groups, in its order.
    pub groups: Vec<tag_group::Model>,
    /// How many of them were made now.
    pub groups_made: usize,
    /// How many tags were made now.
    pub tags_made: usize,
    /// How many of its tags were there before, under whatever name.
    pub tags_present: usize,
}

/// Makes what is not there yet of a pack, in the words of `locale`.
pub async fn apply(ctx: &Ctx, actor: &Actor, pack: StarterPack, locale: Locale) -> Result<Applied> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    let mut applied = Applied {
        groups: Vec::new(),
        groups_made: 0,
        tags_made: 0,
        tags_present: 0,
    };
    for wanted in pack.groups(locale) {
        let (id, is_new) = place_group(&mut tx, actor, &wanted, locale).await?;
        applied.groups_made += usize::from(is_new);
        let group = tag_group::Entity::find_by_id((tx.workspace, id))
            .one(tx.connection())
            .await?
            .ok_or_else(|| Error::Internal("a group that was just there".to_owned()))?;
        // What was put away on purpose is not filled up.
        if group.archived_at.is_none() {
            let made = place_tags(&mut tx, actor, &group, &wanted, locale).await?;
            applied.tags_made += made;
            applied.tags_present += wanted.tags.len() - made;
        }
        applied.groups.push(group);
    }
    refuse_too_many(&tx).await?;
    if applied.groups_made + applied.tags_made > 0 {
        let said = serde_json::json!({
            "pack": pack, "locale": locale, "groupsMade": applied.groups_made,
            "tagsMade": applied.tags_made,
        });
        let record = Record::made("starter_pack.apply", tx.workspace, said);
        tx.audit(actor, record);
    }
    tx.commit().await?;
    Ok(applied)
}

/// The group of the pack: that of its key, that of its name, or a new one.
async fn place_group(
    tx: &mut Tx<'_>,
    actor: &Actor,
    wanted: &Group,
    locale: Locale,
) -> Result<(TagGroupId, bool)> {
    let name = wanted.name.of(locale);
    let found: Option<TagGroupId> = Query::new(
        "SELECT id FROM tag_group
         WHERE workspace_id = $1 AND (pack_key = $2 OR (kind = $3 AND name_key = $4))
         ORDER BY CASE WHEN pack_key = $2 THEN 0 ELSE 1 END LIMIT 1",
    )
    .bind(tx.workspace)
    .bind(wanted.key.to_owned())
    .bind(TagKind::Contact.word())
    .bind(name_key(name))
    .scalar(tx.connection())
    .await?;
    let id = if let Some(id) = found {
        id
    } else {
        let new = NewGroup {
            kind: TagKind::Contact,
            name: name.to_owned(),
            description: wanted.description.of(locale).to_owned(),
            selection: wanted.selection,
            stage: Some(wanted.stage),
        };
        group::create::insert(tx, actor.origin(), new).await?.id
    };
    Query::new(
        "UPDATE tag_group SET pack_key = $3
         WHERE workspace_id = $1 AND id = $2 AND pack_key IS NULL",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(wanted.key.to_owned())
    .execute(tx.connection())
    .await?;
    Ok((id, found.is_none()))
}

#[derive(FromQueryResult)]
struct Known {
    id: TagId,
    pack_key: Option<String>,
    name_key: String,
    /// Whether it stands where the pack would put it.
    is_here: bool,
}

/// Makes the group's tags that are not there yet, in the order of the pack. Says how many.
async fn place_tags(
    tx: &mut Tx<'_>,
    actor: &Actor,
    group: &tag_group::Model,
    wanted: &Group,
    locale: Locale,
) -> Result<usize> {
    let known: Vec<Known> = Query::new(
        "SELECT t.id, t.pack_key, t.name_key,
                (t.group_id = $2 AND t.parent_id IS NULL AND t.deleted_at IS NULL) IS TRUE
                    AS is_here
         FROM tag t
         WHERE t.workspace_id = $1 AND (t.pack_key IS NOT NULL OR t.group_id = $2)",
    )
    .bind(tx.workspace)
    .bind(group.id)
    .all(tx.connection())
    .await?;
    let keys: HashSet<&str> = known
        .iter()
        .filter_map(|tag| tag.pack_key.as_deref())
        .collect();
    let names: HashMap<&str, &Known> = known
        .iter()
        .filter(|tag| tag.is_here)
        .map(|tag| (tag.name_key.as_str(), tag))
        .collect();
    let mut new = Vec::new();
    let mut adopted = Vec::new();
    for (position, tag) in (1..).zip(&wanted.tags) {
        let key = format!("{}/{}", wanted.key, tag.key);
        if keys.contains(key.as_str()) {
            continue;
        }
        let name = tag.name.of(locale);
        match names.get(name_key(name).as_str()) {
            Some(known) if known.pack_key.is_some() => {}
            Some(known) => adopted.push((known.id, key)),
            None => new.push(Made {
                id: tx.id(),
                key,
                name,
                description: tag.description.of(locale),
                position,
            }),
        }
    }
    adopt(tx, adopted).await?;
    insert(tx, actor, group, wanted.colour, &new).await?;
    Ok(new.len())
}

/// Takes tags that a person made for the pack's own.
async fn adopt(tx: &Tx<'_>, adopted: Vec<(TagId, String)>) -> Result<()> {
    if adopted.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .ids("id", adopted.iter().map(|(id, _)| *id))
        .texts("pack_key", adopted.iter().map(|(_, key)| key.as_str()));
    Query::new(
        "UPDATE tag SET pack_key = r.pack_key FROM {r}
         WHERE tag.workspace_id = $1 AND tag.id = r.id",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

struct Made {
    id: TagId,
    key: String,
    name: &'static str,
    description: &'static str,
    position: i64,
}

/// Makes tags at the root of a group, all at once.
async fn insert(
    tx: &mut Tx<'_>,
    actor: &Actor,
    group: &tag_group::Model,
    colour: &str,
    tags: &[Made],
) -> Result<()> {
    if tags.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .ids("id", tags.iter().map(|tag| tag.id))
        .texts("pack_key", tags.iter().map(|tag| tag.key.as_str()))
        .texts("name", tags.iter().map(|tag| tag.name))
        .texts("name_key", tags.iter().map(|tag| name_key(tag.name)))
        .texts("description", tags.iter().map(|tag| tag.description))
        .ints("position", tags.iter().map(|tag| tag.position));
    Query::new(
        "INSERT INTO tag (workspace_id, id, kind, name, name_key, description, colour, created_by,
                          created_at, updated_at, group_id, position, pack_key)
         SELECT $1, r.id, $2, r.name, r.name_key, r.description, $3, $4, $5, $5, $6, r.position,
                r.pack_key
         FROM {r} WHERE true",
    )
    .bind(tx.workspace)
    .bind(group.kind.word())
    .bind(colour.to_owned())
    .bind(actor.origin().json())
    .bind(tx.now)
    .bind(group.id)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Query::new(
        "INSERT INTO tag_closure (workspace_id, tag_id, ancestor_id, distance)
         SELECT $1, r.id, r.id, 0 FROM {r} WHERE true",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", tags.iter().map(|tag| tag.id)))
    .execute(tx.connection())
    .await?;
    for tag in tags {
        let fact = Fact::TagChanged { tag_id: tag.id };
        tx.record(Change::new(actor.origin(), None, fact));
    }
    Ok(())
}

async fn refuse_too_many(tx: &Tx<'_>) -> Result<()> {
    let tags: Option<i64> =
        Query::new("SELECT COUNT(*) FROM tag WHERE workspace_id = $1 AND deleted_at IS NULL")
            .bind(tx.workspace)
            .scalar(tx.connection())
            .await?;
    if tags.unwrap_or_default() > TAG_LIMIT {
        let message = format!("With this pack the workspace would have over {TAG_LIMIT} tags.");
        return Err(Error::refused(
            &["pack"],
            UserErrorCode::LimitReached,
            message,
        ));
    }
    Ok(())
}
