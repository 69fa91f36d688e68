//! What refers to an account, shown before it is deleted.

use async_graphql::Enum;
use entity::{
    account,
    id::{AccountId, WorkspaceId},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::merge::BOOK;
use crate::{
    condition::reference::{IdKind, Reference},
    ctx::Ctx,
    error::Result,
    merge,
    naming::{self, By},
    segment::uses::segments_naming,
    store::{Query, Transaction},
};

/// The kind of thing that names an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(name = "AccountUseKind")]
pub enum UseKind {
    /// A rule, in its condition.
    Rule,
    /// A segment, in its condition.
    Segment,
    /// A playbook, in its enrolment or its steps.
    Playbook,
}

impl UseKind {
    /// What it is called in a sentence.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Rule => "the rule",
            Self::Segment => "the segment",
            Self::Playbook => "the playbook",
        }
    }
}

/// One thing that names an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Use {
    /// What kind of thing.
    pub kind: UseKind,
    /// Its id, in text form.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// What refers to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Stands for exactly this state.
    pub token: String,
    /// How many rows of each table are the account's, where there are any; by the names of the tables.
    pub rows: Vec<(&'static str, i64)>,
    /// What names it, and is in the way of deleting it.
    pub uses: Vec<Use>,
}

impl Usage {
    /// How many rows of a table are the account's.
    pub fn of(&self, table: &str) -> i64 {
        let found = self.rows.iter().find(|(name, _)| *name == table);
        found.map_or(0, |(_, number)| *number)
    }
}

/// What refers to the account, if there is one of this id.
pub async fn usage(ctx: &Ctx, workspace: WorkspaceId, id: AccountId) -> Result<Option<Usage>> {
    let snapshot = ctx.db.snapshot().await?;
    let found: Option<account::Model> = Query::new(
        "SELECT a.* FROM account a WHERE a.workspace_id = $1 AND a.id = $2
           AND a.merged_into_id IS NULL AND a.deleted_at IS NULL",
    )
    .bind(workspace)
    .bind(id)
    .one(&snapshot)
    .await?;
    let usage = match found {
        Some(account) => Some(read(&snapshot, &account).await?),
        None => None,
    };
    snapshot.rollback().await?;
    Ok(usage)
}

/// What refers to `account`, as `connection` sees it.
pub(super) async fn read(connection: &Transaction, account: &account::Model) -> Result<Usage> {
    let (workspace, id) = (account.workspace_id, account.id.0);
    let rows = merge::count_rows(connection, workspace, &BOOK, id, None).await?;
    let uses = naming(connection, workspace, account.id).await?;
    let state = serde_json::to_vec(&(account.id, account.updated_at, &rows, &uses))?;
    Ok(Usage {
        token: hex::encode(&Sha256::digest(state)[..16]),
        rows,
        uses,
    })
}

/// What names the account in a condition: rules, playbooks, then segments.
pub(super) async fn naming(
    connection: &Transaction,
    workspace: WorkspaceId,
    account: AccountId,
) -> Result<Vec<Use>> {
    let names =
        |reference: &Reference| reference.kind == IdKind::Account && reference.id == account.0;
    let found = naming::all(connection, workspace, names).await?;
    let mut uses: Vec<Use> = found
        .into_iter()
        .map(|one| Use {
            kind: match one.by {
                By::Rule => UseKind::Rule,
                By::Playbook => UseKind::Playbook,
            },
            id: one.id,
            name: one.name,
        })
        .collect();
    let segments = segments_naming(connection, workspace, names).await?;
    uses.extend(segments.into_iter().map(|one| Use {
        kind: UseKind::Segment,
        id: one.id,
        name: one.name,
    }));
    Ok(uses)
}
