//! The order in which groups are shown.

use std::collections::HashSet;

use entity::{id::TagGroupId, tag_group};

use super::{create::record, read};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Rows, Tx},
    tag::catalogue::hold,
};

/// Puts the groups `ids` first, in this order; the others follow in the order they had.
pub async fn order(ctx: &Ctx, actor: &Actor, ids: &[TagGroupId]) -> Result<Vec<tag_group::Model>> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    let before: Vec<TagGroupId> =
        Query::new("SELECT id FROM tag_group WHERE workspace_id = $1 ORDER BY position, id")
            .bind(tx.workspace)
            .column(tx.connection())
            .await?;
    let after = arrange(&before, ids).map_err(Error::Refused)?;
    place(&mut tx, actor, &after).await?;
    let (was, is) = (
        serde_json::json!({ "order": before }),
        serde_json::json!({ "order": after }),
    );
    let record = Record::changed("tag_group.order", tx.workspace, was, is);
    tx.audit(actor, record);
    tx.commit().await?;
    read::list(ctx, actor.workspace, None, true).await
}

/// `first` followed by the rest of `before`, or what is wrong with `first`.
fn arrange(before: &[TagGroupId], first: &[TagGroupId]) -> Result<Vec<TagGroupId>, Vec<UserError>> {
    let existing: HashSet<TagGroupId> = before.iter().copied().collect();
    let mut seen = HashSet::new();
    let mut errors = Vec::new();
    for (index, id) in first.iter().enumerate() {
        let index = index.to_string();
        let (code, message) = if !existing.contains(id) {
            (UserErrorCode::NotFound, "There is no such tag group.")
        } else if !seen.insert(*id) {
            (UserErrorCode::Invalid, "This group is already listed.")
        } else {
            continue;
        };
        errors.push(UserError::new(&["groupIds", &index], code, message));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let rest = before.iter().copied().filter(|id| !seen.contains(id));
    Ok(first.iter().copied().chain(rest).collect())
}

async fn place(tx: &mut Tx<'_>, actor: &Actor, ids: &[TagGroupId]) -> Result<()> {
    let rows = Rows::new()
        .ids("id", ids.iter().copied())
        .ints("position", 1..=ids.len() as i64);
    let moved: Vec<TagGroupId> = Query::new(
        "UPDATE tag_group SET position = r.position, updated_at = $2
         FROM {r} WHERE tag_group.workspace_id = $1 AND tag_group.id = r.id
           AND tag_group.position <> r.position
         RETURNING tag_group.id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .column(tx.connection())
    .await?;
    for id in moved {
        record(tx, actor.origin(), id);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> TagGroupId {
        TagGroupId(Uuid::from_u128(number))
    }

    #[test]
    fn those_named_come_first_and_the_others_keep_their_order() {
        let before = [id(1), id(2), id(3), id(4)];
        let after = arrange(&before, &[id(4), id(2)]).unwrap();
        assert_eq!(after, [id(4), id(2), id(1), id(3)]);
    }

    #[test]
    fn what_is_not_there_and_what_is_named_twice_is_refused_at_its_place() {
        let errors = arrange(&[id(1)], &[id(1), id(9), id(1)]).unwrap_err();
        let told: Vec<_> = errors
            .iter()
            .map(|error| (error.path.join("."), error.code))
            .collect();
        assert_eq!(
            told,
            [
                ("groupIds.1".to_owned(), UserErrorCode::NotFound),
                ("groupIds.2".to_owned(), UserErrorCode::Invalid),
            ]
        );
    }
}
