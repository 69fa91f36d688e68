//! Deleting a group that has no tags, after what refers to it was shown.
//!
//! Unlike a tag, a group leaves no row: nothing carries it, and what was tagged with tags that are gone keeps
//! their names. A starter pack makes its group again if somebody asks for that.

use entity::{id::TagGroupId, tag_group};
use sea_orm::{ConnectionTrait as _, EntityTrait as _};

use super::{
    change::existing,
    create::{audited, record},
    usage::{self, Usage, Value},
};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Tx, dialect},
    tag::catalogue::{hold, told},
    text::counted,
};

/// Tags of a group that a refusal names.
const TAGS_TOLD: usize = 5;

/// Deletes a group and returns it as it was. `token` is that of the usage that was shown; when that has changed
/// since, when the group has tags, archived ones too, or when something at work names it, nothing is deleted.
pub async fn delete(
    ctx: &Ctx,
    actor: &Actor,
    id: TagGroupId,
    token: &str,
) -> Result<tag_group::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    lock(&tx, id).await?;
    let group = existing(&tx, id).await?;
    let usage = usage::read(tx.connection(), &group).await?;
    refuse_in_use(&usage, token)?;
    tag_group::Entity::delete_by_id((tx.workspace, id))
        .exec(tx.connection())
        .await?;
    tx.audit(
        actor,
        Record::ended("tag_group.delete", id, audited(&group)),
    );
    record(&mut tx, actor.origin(), id);
    tx.commit().await?;
    Ok(group)
}

/// Waits for those who are about to name the group, and keeps others from it until the end of `tx`.
async fn lock(tx: &Tx<'_>, id: TagGroupId) -> Result<()> {
    let lock = dialect::exclusive_lock(tx.connection().get_database_backend());
    Query::new(format!(
        "SELECT p.id FROM tag_group p WHERE p.workspace_id = $1 AND p.id = $2 {lock}"
    ))
    .bind(tx.workspace)
    .bind(id)
    .raw(tx.connection())
    .await?;
    Ok(())
}

fn refuse_in_use(usage: &Usage, token: &str) -> Result<()> {
    let refused =
        |field: &str, message: String| Err(Error::refused(&[field], UserErrorCode::InUse, message));
    if !usage.values.is_empty() {
        return refused("id", holds(&usage.values));
    }
    if let Some(message) = told(&usage.uses, "This group is", "") {
        return refused("id", message);
    }
    if usage.token != token {
        let message = "What refers to this group is not what was shown. Look at its usage again, \
                       and give the token that comes with it.";
        return refused("usageToken", message.to_owned());
    }
    Ok(())
}

/// Which tags keep a group from being deleted.
fn holds(values: &[Value]) -> String {
    let said = |value: &Value| {
        let archived = if value.archived { " (archived)" } else { "" };
        format!("“{}”{archived}", value.name)
    };
    let names: Vec<String> = values.iter().take(TAGS_TOLD).map(said).collect();
    let more = match values.len().saturating_sub(TAGS_TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "This group has {}: {}{more}. Move, merge or delete them first.",
        counted(values.len() as i64, "tag"),
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_first_tags_and_says_which_are_archived() {
        let of = |name: &str, archived| Value {
            name: name.to_owned(),
            archived,
        };
        assert_eq!(
            holds(&[of("Small", true)]),
            "This group has 1 tag: “Small” (archived). Move, merge or delete them first."
        );
        let many: Vec<Value> = ["a", "b", "c", "d", "e", "f"]
            .iter()
            .map(|name| of(name, false))
            .collect();
        assert_eq!(
            holds(&many),
            "This group has 6 tags: “a”, “b”, “c”, “d”, “e” and 1 more. Move, merge or delete them \
             first."
        );
    }
}
