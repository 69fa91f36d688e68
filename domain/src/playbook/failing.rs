//! Steps whose actions cannot be done, because what they name is gone: how often in a row, and the pause of
//! the playbook when that happens too often.
//!
//! Each step is counted by itself, whoever comes to it: that the steps before it work says nothing of it. The
//! numbers stand beside the tallies (`count`) and are written with them.

use std::collections::BTreeMap;

use entity::{
    id::{PlaybookId, WorkspaceId},
    kind::PlaybookState,
};
use sea_orm::FromQueryResult;
use serde_json::json;

use super::write;
use crate::{
    access::Origin,
    audit::Record,
    ctx::Ctx,
    error::Result,
    locale::Locale,
    notification::in_app,
    store::{Query, Rows, Tx},
    workspace,
};

/// How many times in a row the actions of a step may fail before its playbook is paused, as with rules.
const MAX_FAILURES: i64 = 10;

/// What came of the actions of steps in a batch.
#[derive(Debug, Default)]
pub(super) struct Streaks(BTreeMap<(i64, String), Streak>);

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Streak {
    /// How many times they failed since they last did not.
    failed: i64,
    /// Whether they did not fail at least once.
    done: bool,
}

#[derive(FromQueryResult)]
struct Failing {
    step: String,
    number: i64,
}

impl Streaks {
    /// Notes what came of the actions of a step for one enrolment.
    pub(super) fn note(&mut self, version: i64, step: &str, failed: bool) {
        let streak = self.0.entry((version, step.to_owned())).or_default();
        if failed {
            streak.failed += 1;
        } else {
            *streak = Streak {
                failed: 0,
                done: true,
            };
        }
    }

    fn rows(&self, which: impl Fn(&Streak) -> bool) -> Option<Rows> {
        let some: Vec<_> = self.0.iter().filter(|(_, streak)| which(streak)).collect();
        (!some.is_empty()).then(|| {
            Rows::new()
                .ints("version", some.iter().map(|((version, _), _)| *version))
                .texts("step", some.iter().map(|((_, step), _)| step.as_str()))
                .ints("failed", some.iter().map(|(_, streak)| streak.failed))
        })
    }

    /// Writes them; gives back a step that has failed too often in a row.
    pub(super) async fn write(self, tx: &Tx<'_>, book: PlaybookId) -> Result<Option<String>> {
        if let Some(rows) = self.rows(|streak| streak.done) {
            Query::new(
                "UPDATE playbook_count SET number = 0
                 FROM {r} WHERE playbook_count.workspace_id = $1
                   AND playbook_count.playbook_id = $2 AND playbook_count.version = r.version
                   AND playbook_count.step = r.step AND playbook_count.what = 'FAILING'
                   AND playbook_count.number <> 0",
            )
            .bind(tx.workspace)
            .bind(book)
            .rows("r", rows)
            .execute(tx.connection())
            .await?;
        }
        let Some(rows) = self.rows(|streak| streak.failed > 0) else {
            return Ok(None);
        };
        let failing: Vec<Failing> = Query::new(
            "INSERT INTO playbook_count (workspace_id, playbook_id, version, step, what, number)
             SELECT $1, $2, r.version, r.step, 'FAILING', r.failed FROM {r} WHERE true
             ON CONFLICT (workspace_id, playbook_id, version, step, what)
             DO UPDATE SET number = playbook_count.number + excluded.number
             RETURNING step, number",
        )
        .bind(tx.workspace)
        .bind(book)
        .rows("r", rows)
        .all(tx.connection())
        .await?;
        let hopeless = failing.into_iter().find(|one| one.number >= MAX_FAILURES);
        Ok(hopeless.map(|one| one.step))
    }
}

/// Forgets what failed, as when somebody lets the playbook go on.
pub(super) async fn forget(tx: &Tx<'_>, book: PlaybookId) -> Result<()> {
    Query::new(
        "UPDATE playbook_count SET number = 0
         WHERE workspace_id = $1 AND playbook_id = $2 AND what = 'FAILING' AND number <> 0",
    )
    .bind(tx.workspace)
    .bind(book)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Pauses a playbook whose actions at `step` fail, and tells the owners.
pub(super) async fn pause(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: PlaybookId,
    step: &str,
) -> Result<()> {
    let mut tx = ctx.begin(workspace).await?;
    let row = write::lock(&tx, id, &["id"]).await?;
    if row.state != PlaybookState::Active {
        return Ok(tx.rollback().await?);
    }
    let locale = workspace::locale_of(&tx).await?;
    let reason = reason(locale, step);
    Query::new(
        "UPDATE playbook SET state = 'PAUSED', paused_at = $3, paused_reason = $4, updated_at = $3
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .bind(reason.clone())
    .execute(tx.connection())
    .await?;
    write::record(&mut tx, Origin::System, id);
    let (before, after) = (
        json!({ "state": PlaybookState::Active }),
        json!({ "state": PlaybookState::Paused }),
    );
    let record = Record::changed("playbook.pause", id, before, after);
    tx.audit(Origin::System, record);
    let name = &row.name;
    let title = match locale {
        Locale::Ja => format!("プレイブック「{name}」を停止しました"),
        Locale::En => format!("The playbook “{name}” was paused"),
        Locale::Zh => format!("剧本“{name}”已暂停"),
    };
    in_app::tell_owners(&mut tx, title, reason).await?;
    tracing::warn!(workspace.id = %workspace, playbook.id = %id, playbook.step = step,
        "paused a playbook whose actions fail");
    tx.commit().await?;
    Ok(())
}

fn reason(locale: Locale, step: &str) -> String {
    match locale {
        Locale::Ja => format!(
            "ステップ「{step}」のアクションが、使えなくなったタグ、通知先、メンバー、属性などのため、{MAX_FAILURES}回続けて実行できませんでした。"
        ),
        Locale::En => format!(
            "{MAX_FAILURES} times in a row an action of the step “{step}” could not be done, because a tag, \
             target, member or other thing that it names is archived, switched off or removed."
        ),
        Locale::Zh => format!(
            "由于所用的标签、通知目标、成员、属性等已不可用，步骤“{step}”的操作连续{MAX_FAILURES}次未能执行。"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_are_counted_for_each_step() {
        let mut streaks = Streaks::default();
        for (step, failed) in [
            ("mail", true),
            ("tag", false),
            ("mail", true),
            ("tag", true),
            ("call", true),
            ("call", false),
        ] {
            streaks.note(1, step, failed);
        }
        streaks.note(2, "mail", true);
        let of = |version, step: &str| streaks.0[&(version, step.to_owned())];
        let streak = |failed, done| Streak { failed, done };
        assert_eq!(of(1, "mail"), streak(2, false));
        assert_eq!(of(1, "tag"), streak(1, true));
        assert_eq!(of(1, "call"), streak(0, true));
        assert_eq!(of(2, "mail"), streak(1, false));
    }
}
