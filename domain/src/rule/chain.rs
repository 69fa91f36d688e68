//! Where a chain ends: rules and playbooks have led to each other in [`MAX_DEPTH`] steps, and no rule looks any
//! more. Each rule that waited for the change is told as a miss, and the owners of the workspace hear of it,
//! once an hour for each rule: what ended may have been meant to go on, or is a circle.
//!
//! Called by the projection of rules. Conditions are not asked.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use entity::{id::RuleId, kind::MissReason};

use super::{
    cache::Compiled,
    evaluate::Miss,
    occasion::{Lore, MAX_DEPTH, What},
    sample::MISSES_IN_ALL,
    settle::note_misses,
};
use crate::{
    error::Result,
    locale::Locale,
    notification::in_app,
    port::first_id_at,
    store::{Query, Rows, Tx},
    work::change::Entry,
    workspace,
};

/// The span in which the owners hear once of a rule whose chains end, in seconds.
const SPAN_S: i64 = 3_600;

/// Notes the rules that do not look at the last links of their chains.
pub(super) async fn ended(tx: &mut Tx<'_>, rules: &Compiled, entries: &[&Entry]) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    for entry in entries {
        tracing::warn!(change.position = %entry.position, change.kind = entry.fact.name(),
            depth = entry.depth,
            "no rule was evaluated: the change is the last link of a chain of rules");
    }
    let lore = Lore::load(tx, rules, entries).await?;
    let mut occasions = Vec::with_capacity(entries.len());
    for entry in entries {
        lore.occasions(entry, &mut occasions);
    }
    let (mut misses, mut names) = (Vec::new(), BTreeMap::new());
    for occasion in &occasions {
        // Messages come from outside, and begin chains.
        let What::Other(happened) = &occasion.what else {
            continue;
        };
        for number in rules.listening(happened) {
            let Some((id, rule)) = rules
                .number(number)
                .and_then(|id| Some((id, rules.rule(id)?)))
            else {
                continue;
            };
            names.insert(RuleId(id), rule.name.as_str());
            misses.push(Miss {
                rule_id: RuleId(id),
                rule_version: rule.version,
                subject: occasion.subject,
                case: occasion.case,
                reason: MissReason::TooDeep,
                trace: None,
            });
        }
    }
    let told = told(tx, names.keys().copied()).await?;
    // Only what is noted is told, since the notes say what was told: what finds no place comes first next time.
    misses.sort_by_key(|miss| told.contains(&miss.rule_id));
    misses.truncate(MISSES_IN_ALL);
    let noted: BTreeSet<RuleId> = misses.iter().map(|miss| miss.rule_id).collect();
    names.retain(|rule, _| noted.contains(rule) && !told.contains(rule));
    note_misses(tx, &misses).await?;
    for name in names.into_values() {
        tell(tx, name).await?;
    }
    Ok(())
}

/// Those of the rules of which the owners have heard in this hour of the clock. What is noted at the same rate
/// all day long is told every hour.
async fn told(tx: &Tx<'_>, rules: impl Iterator<Item = RuleId>) -> Result<BTreeSet<RuleId>> {
    let rules: Vec<RuleId> = rules.collect();
    if rules.is_empty() {
        return Ok(BTreeSet::new());
    }
    let now = tx.now.timestamp();
    let since = DateTime::from_timestamp(now - now.rem_euclid(SPAN_S), 0).unwrap_or(tx.now);
    let found: Vec<RuleId> = Query::new(
        "SELECT DISTINCT f.rule_id FROM {r} JOIN rule_miss f
           ON f.workspace_id = $1 AND f.rule_id = r.id AND f.reason = $2 AND f.id >= $3",
    )
    .bind(tx.workspace)
    .bind(MissReason::TooDeep.word())
    .bind(first_id_at(since))
    .rows("r", Rows::new().ids("id", rules))
    .column(tx.connection())
    .await?;
    Ok(found.into_iter().collect())
}

async fn tell(tx: &mut Tx<'_>, name: &str) -> Result<()> {
    let (title, body) = match workspace::locale_of(tx).await? {
        Locale::Ja => (
            format!("ルール「{name}」の連鎖が途中で止まりました"),
            format!(
                "ルールとプレイブックが{MAX_DEPTH}段階まで互いを呼び出したため、このルールはその先の変更を評価しませんでした。\
                 ルールの不発の記録を確認し、連鎖を短くするか、循環を断ってください。"
            ),
        ),
        Locale::En => (
            format!("A chain that leads to the rule “{name}” was stopped"),
            format!(
                "Rules and playbooks had led to each other in {MAX_DEPTH} steps, so the rule did not look at what \
                 came next. Its misses say at what. Make the chain shorter, or break the circle."
            ),
        ),
        Locale::Zh => (
            format!("通向规则“{name}”的连锁已中止"),
            format!(
                "规则和剧本已相互触发{MAX_DEPTH}步，因此该规则未再评估后续变更。\
                 请查看规则的未触发记录，缩短连锁或打破循环。"
            ),
        ),
    };
    in_app::tell_owners(tx, title, body).await
}
