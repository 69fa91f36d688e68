//! What a rule would tell its notification targets about the samples, in words.
//!
//! The facts are those of today: what they were then is not kept. What set the rule off is left out, since it did
//! not. Nothing is sent, and nothing is made safe for a target.

use std::collections::HashMap;

use entity::{id::TargetId, kind::TargetKind};
use sea_orm::FromQueryResult;

use super::{Expected, Sample, SampleNotice};
use crate::{
    action::Effect,
    ctx::Ctx,
    error::Result,
    notification::{
        about::{self, Subject},
        notice::{Notice, NoticeKind},
        template::{self, Facts},
    },
    rule::read::Rule,
    store::{Query, Rows, Tx},
    workspace,
};

#[derive(FromQueryResult)]
struct Target {
    id: TargetId,
    kind: TargetKind,
}

/// One that would be sent each time the rule fires.
struct Told<'e> {
    target: TargetId,
    kind: TargetKind,
    title: Option<&'e String>,
    template: Option<&'e String>,
}

/// Writes to each sample what would be sent about it, in three statements whatever their number. `rule` is the rule
/// that is tried, if it is saved.
pub(super) async fn write(
    ctx: &Ctx,
    tx: &Tx<'_>,
    rule: Option<&Rule>,
    effects: &[Expected],
    samples: &mut [Sample],
) -> Result<()> {
    let told = told(tx, effects).await?;
    if told.is_empty() || samples.is_empty() {
        return Ok(());
    }
    let subjects: Vec<Subject> = samples
        .iter()
        .map(|sample| Subject {
            workspace: tx.workspace,
            contact: sample.case.contact,
            account: sample.case.account,
            conversation: sample.case.conversation,
            message: sample.case.message,
        })
        .collect();
    let facts = about::load_on(ctx, tx.connection(), &subjects).await?;
    let locale = workspace::locale_of(tx).await?;
    for (sample, mut facts) in samples.iter_mut().zip(facts) {
        if let Some(rule) = rule {
            facts.rule.id = rule.id.to_string();
            facts.rule.name.clone_from(&rule.name);
        }
        let notices = told.iter().map(|one| {
            let title = one.title.cloned();
            let title = title.or_else(|| rule.map(|rule| rule.name.clone()));
            let notice = Notice {
                text: one.text(&facts),
                ..Notice::about(
                    NoticeKind::RuleFired,
                    String::new(),
                    String::new(),
                    facts.clone(),
                    locale,
                )
            };
            SampleNotice {
                target: one.target,
                title,
                text: notice.plain(),
            }
        });
        sample.notices = notices.collect();
    }
    Ok(())
}

impl Told<'_> {
    /// What its template makes of the facts; nothing where the usual lines are said.
    fn text(&self, facts: &Facts) -> Option<String> {
        let rendered = template::render(self.template?, facts, self.kind).ok();
        rendered.filter(|text| !text.trim().is_empty())
    }
}

/// The notices among the effects, in their order, without those to targets that are off.
async fn told<'e>(tx: &Tx<'_>, effects: &'e [Expected]) -> Result<Vec<Told<'e>>> {
    let wanted = effects.iter().filter_map(|one| match &one.effect {
        Effect::Notify {
            target_id,
            title,
            text,
        } => Some((TargetId(*target_id), title.as_ref(), text.as_ref())),
        _ => None,
    });
    let wanted: Vec<_> = wanted.collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let targets: Vec<Target> = Query::new(
        "SELECT n.id, n.kind FROM {r} JOIN notification_target n ON n.workspace_id = $1 AND n.id = r.id
         WHERE n.disabled_at IS NULL AND n.deleted_at IS NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", wanted.iter().map(|one| one.0)))
    .all(tx.connection())
    .await?;
    let kinds: HashMap<TargetId, TargetKind> =
        targets.into_iter().map(|one| (one.id, one.kind)).collect();
    let told = wanted.into_iter().filter_map(|(target, title, template)| {
        Some(Told {
            target,
            kind: *kinds.get(&target)?,
            title,
            template,
        })
    });
    Ok(told.collect())
}
