//! The order of tags among their siblings.

use std::collections::HashSet;

use entity::{id::TagId, tag};

use super::{
    check::{self, Tree},
    hold,
};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Rows, Tx},
    work::change::{Change, Fact},
};

/// Puts the tags `ids`, which are siblings, before all their siblings, in this order; the others follow
/// in the order they had. Gives all of the siblings as they stand then.
pub async fn order(ctx: &Ctx, actor: &Actor, ids: &[TagId]) -> Result<Vec<tag::Model>> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    let Some(first) = ids.first() else {
        let message = "Name at least one tag.";
        return Err(Error::refused(
            &["tagIds"],
            UserErrorCode::Required,
            message,
        ));
    };
    let first = check::existing(Tree::of(&tx), *first, &["tagIds", "0"]).await?;
    let before = siblings(&tx, &first).await?;
    let was: Vec<TagId> = before.iter().map(|tag| tag.id).collect();
    let is = arrange(&was, ids).map_err(Error::Refused)?;
    place(&mut tx, actor, &is).await?;
    let said = |order: &[TagId]| serde_json::json!({ "order": order });
    let above = first.parent_id.map(|parent| parent.to_string());
    let subject = above.unwrap_or_else(|| tx.workspace.to_string());
    let record = Record::changed("tag.order", subject, said(&was), said(&is));
    tx.audit(actor, record);
    let after = siblings(&tx, &first).await?;
    tx.commit().await?;
    Ok(after)
}

/// The tag with those beside it, archived ones too, in their order: by place, then by name.
async fn siblings(tx: &Tx<'_>, tag: &tag::Model) -> Result<Vec<tag::Model>> {
    let mut query = Query::new(
        "SELECT t.* FROM tag t WHERE t.workspace_id = $1 AND t.kind = $2
           AND t.deleted_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(tag.kind.word());
    match (tag.parent_id, tag.group_id) {
        (Some(parent), _) => {
            let parent = query.arg(parent);
            query.push(&format!(" AND t.parent_id = {parent}"));
        }
        (None, Some(group)) => {
            let group = query.arg(group);
            query.push(&format!(
                " AND t.parent_id IS NULL AND t.group_id = {group}"
            ));
        }
        (None, None) => query.push(" AND t.parent_id IS NULL AND t.group_id IS NULL"),
    }
    let mut tags: Vec<tag::Model> = query.all(tx.connection()).await?;
    // As the tree is shown; databases sort texts by rules of their own.
    tags.sort_by(|a, b| (a.position, &a.name_key, a.id).cmp(&(b.position, &b.name_key, b.id)));
    Ok(tags)
}

/// `first` followed by the rest of `before`, or what is wrong with `first`.
fn arrange(before: &[TagId], first: &[TagId]) -> Result<Vec<TagId>, Vec<UserError>> {
    let mut seen = HashSet::new();
    let mut errors = Vec::new();
    for (index, id) in first.iter().enumerate() {
        let index = index.to_string();
        let (code, message) = if !before.contains(id) {
            (
                UserErrorCode::NotFound,
                "There is no such tag beside the first one.",
            )
        } else if !seen.insert(*id) {
            (UserErrorCode::Invalid, "This tag is already listed.")
        } else {
            continue;
        };
        errors.push(UserError::new(&["tagIds", &index], code, message));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let rest = before.iter().copied().filter(|id| !seen.contains(id));
    Ok(first.iter().copied().chain(rest).collect())
}

/// Numbers the siblings from 1: a tag made later has place 0 and comes first until it is placed too.
async fn place(tx: &mut Tx<'_>, actor: &Actor, ids: &[TagId]) -> Result<()> {
    let rows = Rows::new()
        .ids("id", ids.iter().copied())
        .ints("position", 1..=ids.len() as i64);
    let moved: Vec<TagId> = Query::new(
        "UPDATE tag SET position = r.position, updated_at = $2
         FROM {r} WHERE tag.workspace_id = $1 AND tag.id = r.id AND tag.position <> r.position
         RETURNING tag.id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .column(tx.connection())
    .await?;
    for tag_id in moved {
        tx.record(Change::new(
            actor.origin(),
            None,
            Fact::TagChanged { tag_id },
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn those_named_come_first_and_what_is_no_sibling_is_refused_at_its_place() {
        let tag = |n| TagId(Uuid::from_u128(n));
        let before = [tag(1), tag(2), tag(3)];
        let after = arrange(&before, &[tag(3), tag(1)]).unwrap();
        assert_eq!(after, [tag(3), tag(1), tag(2)]);
        let errors = arrange(&before, &[tag(3), tag(9), tag(3)]).unwrap_err();
        let told: Vec<_> = errors
            .iter()
            .map(|error| (error.path.join("."), error.code))
            .collect();
        assert_eq!(
            told,
            [
                ("tagIds.1".to_owned(), UserErrorCode::NotFound),
                ("tagIds.2".to_owned(), UserErrorCode::Invalid),
            ]
        );
    }
}
