//! Deleting a tag with everything below it, after what refers to it was shown.

use entity::{id::TagId, tag};

use super::{
    check::{self, Tree},
    create::audited,
    graft, hold,
    merge::bury,
    referrer::{Use, UseKind},
    usage,
};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Tx},
    work::change::{Change, Fact},
};

/// Names a refusal tells of what uses a tag.
const NAMES_TOLD: usize = 5;

/// Deletes a tag with everything below it. `token` is that of the usage that was shown; when it has
/// changed since, or something at work names one of the tags, nothing is deleted. The rows stay for
/// the history of what carried them.
pub async fn delete(ctx: &Ctx, actor: &Actor, id: TagId, token: &str) -> Result<tag::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    let tag = check::existing(Tree::of(&tx), id, &["id"]).await?;
    graft::lock(&tx, &[id], &[], None).await?;
    let usage = usage::read(tx.connection(), &tag).await?;
    refuse_in_use(&usage, token)?;
    end_taggings(&tx, actor, id).await?;
    graft::cut(&tx, id).await?;
    let mut said = audited(&tag);
    said["below"] = serde_json::json!(usage.below);
    tx.audit(actor, Record::ended("tag.delete", id, said));
    for tag_id in usage.below.into_iter().chain([id]) {
        bury(&tx, tag_id, None).await?;
        tx.record(Change::new(
            actor.origin(),
            None,
            Fact::TagDeleted { tag_id },
        ));
    }
    forget_pack(&tx).await?;
    let tag = tag::Model {
        deleted_at: Some(tx.now),
        archived_at: tag.archived_at.or(Some(tx.now)),
        updated_at: tx.now,
        ..tag
    };
    tx.commit().await?;
    Ok(tag)
}

fn refuse_in_use(usage: &usage::Usage, token: &str) -> Result<()> {
    let active: Vec<&Use> = usage.uses.iter().filter(|one| one.active).collect();
    if !active.is_empty() {
        let message = named_by(&active);
        return Err(Error::refused(&["id"], UserErrorCode::InUse, message));
    }
    if usage.token != token {
        let message = "What refers to this tag is not what was shown. Look at its usage again, \
                       and give the token that comes with it.";
        return Err(Error::refused(
            &["usageToken"],
            UserErrorCode::InUse,
            message,
        ));
    }
    Ok(())
}

/// What keeps a tag from being deleted, and what can be done about it.
fn named_by(active: &[&Use]) -> String {
    let said = |one: &&Use| {
        let kind = match one.kind {
            UseKind::Rule => "rule",
            UseKind::Report => "report",
            UseKind::Segment => "segment",
            UseKind::Playbook => "playbook",
            UseKind::TrackedLink => "tracked link",
        };
        format!("{kind} “{}”", one.name)
    };
    let names: Vec<String> = active.iter().take(NAMES_TOLD).map(said).collect();
    let more = match active.len().saturating_sub(NAMES_TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    // Nothing else can be paused.
    let pauses = |one: &&Use| matches!(one.kind, UseKind::Rule | UseKind::Playbook);
    let way = if active.iter().any(pauses) {
        "Change them, pause the rules and playbooks"
    } else {
        "Change them"
    };
    format!(
        "This tag or one below it is named by: {}{more}. {way}, or merge the tag into another.",
        names.join(", ")
    )
}

async fn end_taggings(tx: &Tx<'_>, actor: &Actor, id: TagId) -> Result<()> {
    Query::new(
        "UPDATE tagging SET removed_at = $3, removed_by = $4, removed_reason = $5,
                ended = 'REMOVED'
         WHERE workspace_id = $1 AND removed_at IS NULL AND tag_id IN (
             SELECT tag_id FROM tag_closure WHERE workspace_id = $1 AND ancestor_id = $2)",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .bind(actor.origin().json())
    .bind("tag deleted".to_owned())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Lets a starter pack make its tag again, if somebody asks for it after deleting it.
async fn forget_pack(tx: &Tx<'_>) -> Result<()> {
    Query::new(
        "UPDATE tag SET pack_key = NULL WHERE workspace_id = $1 AND deleted_at = $2
           AND merged_into IS NULL AND pack_key IS NOT NULL",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: UseKind, name: &str) -> Use {
        Use {
            kind,
            id: name.to_owned(),
            name: name.to_owned(),
            version: 1,
            active: true,
        }
    }

    #[test]
    fn a_refusal_says_what_kinds_of_things_name_the_tag_and_what_helps_with_them() {
        let segment = of(UseKind::Segment, "VIPs");
        assert_eq!(
            named_by(&[&segment]),
            "This tag or one below it is named by: segment “VIPs”. Change them, or merge the tag \
             into another."
        );
        let rule = of(UseKind::Rule, "Greeting");
        let playbook = of(UseKind::Playbook, "Onboarding");
        assert_eq!(
            named_by(&[&rule, &segment, &playbook, &rule, &rule, &rule, &rule]),
            "This tag or one below it is named by: rule “Greeting”, segment “VIPs”, playbook \
             “Onboarding”, rule “Greeting”, rule “Greeting” and 2 more. Change them, pause the \
             rules and playbooks, or merge the tag into another."
        );
    }
}
