//! Tags on nearly everyone: what everybody has tells nobody apart.

use async_trait::async_trait;
use entity::kind::{TagFindingKind as Kind, TagFindingSeverity as Severity, TagTarget};
use sea_orm::Iterable as _;

use super::{Check, Finding, Scope};
use crate::{error::Result, report::quality::sample::on_visitors};

/// The share from which a tag is on nearly everyone.
const SHARE: f64 = 0.9;
/// Things there must be before that says something.
const LEAST: i64 = 20;

pub(super) struct Everyone;

#[async_trait]
impl Check for Everyone {
    async fn find(&self, scope: &Scope<'_>) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        let on_visitors = on_visitors(scope.tx).await?;
        for tag in scope.tags() {
            for target in TagTarget::iter() {
                let all = scope.sample.all.of(target);
                let count = scope.counts.get(&(tag.id, target));
                // The counters have visitors too, who are not among all.
                let visitors = match target {
                    TagTarget::Contact => on_visitors.get(&tag.id).copied().unwrap_or_default(),
                    TagTarget::Account | TagTarget::Conversation => 0,
                };
                let total = count.map_or(0, |count| count.total - visitors).max(0);
                let share = total as f64 / all.max(1) as f64;
                // A tag that only orders those below it is meant to cover everybody.
                let orders = count.is_none_or(|count| count.direct == 0);
                if all < LEAST || share < SHARE || orders {
                    continue;
                }
                let severity = if share >= 0.98 {
                    Severity::High
                } else {
                    Severity::Medium
                };
                findings.push(
                    Finding::new(Kind::OnNearlyEveryone, severity, vec![tag.id])
                        .of_group(tag.group_id)
                        .count("things", total)
                        .count("of", all)
                        .with("share", share),
                );
            }
        }
        Ok(findings)
    }
}
