//! Telling the owners of a segment whose condition the database cannot judge for somebody.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, PoisonError},
};

use entity::id::SegmentId;

use super::catalogue::Live;
use crate::{
    error::Result,
    locale::Locale,
    notification::in_app,
    store::{Query, Tx},
    workspace,
};

/// Whom this process has told of what, so that nobody is told the same with every change.
#[derive(Default)]
struct Told(Mutex<HashSet<(SegmentId, i64)>>);

/// Tells the owners of `segments`, each once for each version of its condition.
pub(super) async fn tell(tx: &mut Tx<'_>, segments: &[&Live]) -> Result<()> {
    let segments: BTreeMap<SegmentId, i64> = segments
        .iter()
        .map(|live| (live.id, live.version))
        .collect();
    let told = tx.ctx().db.remembered::<Told>();
    for (id, version) in segments {
        tracing::error!(workspace.id = %tx.workspace, segment.id = %id,
            "the condition of a segment cannot be judged for somebody");
        let is_new = {
            let mut told = told.0.lock().unwrap_or_else(PoisonError::into_inner);
            told.insert((id, version))
        };
        if !is_new {
            continue;
        }
        let name: Option<String> =
            Query::new("SELECT name FROM segment WHERE workspace_id = $1 AND id = $2")
                .bind(tx.workspace)
                .bind(id)
                .scalar(tx.connection())
                .await?;
        let name = name.unwrap_or_default();
        let (title, body) = match workspace::locale_of(tx).await? {
            Locale::Ja => (
                format!("セグメント「{name}」の条件を判定できませんでした"),
                "判定できなかった人はそのままにしました。条件を簡単にしてください。",
            ),
            Locale::En => (
                format!("The condition of the segment “{name}” could not be evaluated"),
                "Those for whom it could not were left where they are. Make the condition simpler.",
            ),
            Locale::Zh => (
                format!("无法判断分组“{name}”的条件"),
                "无法判断的成员保持不变。请简化条件。",
            ),
        };
        in_app::tell_owners(tx, title, body.to_owned()).await?;
    }
    Ok(())
}
