//! Deleting an account, after what refers to it was shown.
//!
//! Its people stay and are at no account; facts that are theirs follow them. What other systems told of the
//! account itself, its notes and its history stay in the database, as does its row, for what names it there;
//! nothing shows them any more. Whatever was merged into it goes with it.

use entity::{
    account,
    id::{AccountId, ContactId},
};

use super::{hold, merge::tell, usage, write::audited};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    search,
    store::{Query, Tx},
    tag,
    work::change::{Change, Fact},
};

/// Names a refusal tells of what uses an account.
const NAMES_TOLD: usize = 5;

/// Deletes an account. `token` is that of the usage that was shown; when it has changed since, or a
/// condition names the account, nothing is deleted.
pub async fn delete(ctx: &Ctx, actor: &Actor, id: AccountId, token: &str) -> Result<AccountId> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let held = hold::with_people(&tx, &[id]).await?.into_iter().next();
    let Some(account) = held.filter(|one| one.merged_into_id.is_none() && one.deleted_at.is_none())
    else {
        return Err(super::absent(tx.connection(), tx.workspace, id, &["id"]).await);
    };
    let usage = usage::read(tx.connection(), &account).await?;
    refuse_in_use(&usage, token)?;
    let people = free_people(&tx, id).await?;
    end_taggings(ctx, &tx, actor, id).await?;
    bury(&tx, id).await?;
    search::index::touch(&tx, search::Kind::Account, &[id.0]).await?;
    tell(&mut tx, actor.origin(), &people, id);
    let fact = Fact::AccountDeleted { account_id: id };
    tx.record(Change::new(actor.origin(), None, fact));
    tx.audit(
        actor,
        Record::ended("account.delete", id, said(&account, &usage)),
    );
    tx.commit().await?;
    Ok(id)
}

fn said(account: &account::Model, usage: &usage::Usage) -> serde_json::Value {
    let mut said = audited(account);
    said["contacts"] = usage.of("contact").into();
    said
}

fn refuse_in_use(usage: &usage::Usage, token: &str) -> Result<()> {
    if !usage.uses.is_empty() {
        let message = named_by(&usage.uses);
        return Err(Error::refused(&["id"], UserErrorCode::InUse, message));
    }
    if usage.token != token {
        let message = "What refers to this account is not what was shown. Look at its usage again, and \
                       give the token that comes with it.";
        let path = ["usageToken"];
        return Err(Error::refused(&path, UserErrorCode::InUse, message));
    }
    Ok(())
}

/// What keeps an account from being deleted, and what can be done about it.
fn named_by(uses: &[usage::Use]) -> String {
    let names = uses.iter().take(NAMES_TOLD);
    let names = names.map(|one| format!("{} “{}”", one.kind.noun(), one.name));
    let names: Vec<String> = names.collect();
    let more = match uses.len().saturating_sub(NAMES_TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "This account is named by {}{more}. Take it out there first.",
        names.join(", ")
    )
}

/// Lets everybody at the account be at none. Gives those back who were not merged into others.
async fn free_people(tx: &Tx<'_>, id: AccountId) -> Result<Vec<ContactId>> {
    let people: Vec<ContactId> = Query::new(
        "SELECT c.id FROM contact c WHERE c.workspace_id = $1 AND c.account_id = $2
           AND c.merged_into_id IS NULL ORDER BY c.id",
    )
    .bind(tx.workspace)
    .bind(id)
    .column(tx.connection())
    .await?;
    Query::new(
        "UPDATE contact SET account_id = NULL, updated_at = $3
         WHERE workspace_id = $1 AND account_id = $2",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    Ok(people)
}

async fn end_taggings(ctx: &Ctx, tx: &Tx<'_>, actor: &Actor, id: AccountId) -> Result<()> {
    tag::rank_things(ctx, tx, &[id.0], -1).await?;
    Query::new(
        "UPDATE tagging SET removed_at = $3, removed_by = $4, removed_reason = $5,
                ended = 'REMOVED'
         WHERE workspace_id = $1 AND target_id = $2 AND removed_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .bind(actor.origin().json())
    .bind("account deleted".to_owned())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Marks the row as gone, and those of everything that was merged into it; what they were found by is free
/// again.
async fn bury(tx: &Tx<'_>, id: AccountId) -> Result<()> {
    Query::new(
        "WITH RECURSIVE gone (id) AS (
           SELECT a.id FROM account a WHERE a.workspace_id = $1 AND a.id = $2
           UNION
           SELECT a.id FROM gone g JOIN account a ON a.workspace_id = $1 AND a.merged_into_id = g.id
         )
         UPDATE account SET deleted_at = $3, updated_at = $3, domain = NULL, external_id = NULL
         WHERE workspace_id = $1 AND id IN (SELECT g.id FROM gone g)",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{
        usage::{Use, UseKind},
        *,
    };

    #[test]
    fn a_refusal_says_what_names_the_account() {
        let of = |kind, name: &str| Use {
            kind,
            id: name.to_owned(),
            name: name.to_owned(),
        };
        let mut uses = vec![of(UseKind::Rule, "Greeting"), of(UseKind::Segment, "VIPs")];
        assert_eq!(
            named_by(&uses),
            "This account is named by the rule “Greeting”, the segment “VIPs”. Take it out there first."
        );
        uses.extend((0..5).map(|_| of(UseKind::Playbook, "Onboarding")));
        assert!(named_by(&uses).contains(" and 2 more."));
    }
}
