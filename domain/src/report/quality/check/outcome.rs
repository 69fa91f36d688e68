//! Tags that tell nothing about what becomes of a contact: health, won deals, replies.
//!
//! For each outcome the contacts with the tag are held against those without it, on the sample. A tag
//! has no relation if no outcome differs by more than chance (chi-square, 5 %), with enough contacts
//! on both sides and enough expected in each cell of at least one table. With three outcomes, one tag
//! in seven that means nothing seems to mean something: the check rather says too little.

use async_trait::async_trait;
use entity::{
    id::TagId,
    kind::{TagFindingKind as Kind, TagFindingSeverity as Severity, TagKind},
};
use sea_orm::FromQueryResult;

use super::{Check, Finding, Scope};
use crate::{
    error::Result,
    report::stats::{CHI_SQUARE_5_PERCENT, Table},
    store::Query,
};

/// Contacts there must be with the tag, and without it.
const LEAST: i64 = 50;
/// What chance must put into each cell of a table that is to say something.
const LEAST_EXPECTED: f64 = 5.0;

pub(super) struct NoOutcome;

/// Contacts and what became of them.
#[derive(Debug, Clone, Copy, Default, FromQueryResult)]
struct Outcomes {
    all: i64,
    scored: i64,
    at_risk: i64,
    won: i64,
    replied: i64,
}

#[derive(FromQueryResult)]
struct OfTag {
    tag_id: TagId,
    all: i64,
    scored: i64,
    at_risk: i64,
    won: i64,
    replied: i64,
}

impl OfTag {
    fn outcomes(&self) -> Outcomes {
        Outcomes {
            all: self.all,
            scored: self.scored,
            at_risk: self.at_risk,
            won: self.won,
            replied: self.replied,
        }
    }
}

const SUMS: &str = "COUNT(*) AS \"all\",
    CAST(COALESCE(SUM(CASE WHEN x.is_scored THEN 1 ELSE 0 END), 0) AS bigint) AS scored,
    CAST(COALESCE(SUM(CASE WHEN x.is_at_risk THEN 1 ELSE 0 END), 0) AS bigint) AS at_risk,
    CAST(COALESCE(SUM(CASE WHEN x.has_won THEN 1 ELSE 0 END), 0) AS bigint) AS won,
    CAST(COALESCE(SUM(CASE WHEN x.has_replied THEN 1 ELSE 0 END), 0) AS bigint) AS replied";

#[async_trait]
impl Check for NoOutcome {
    async fn find(&self, scope: &Scope<'_>) -> Result<Vec<Finding>> {
        let all: Option<Outcomes> = Query::new(format!(
            "SELECT {SUMS} FROM tag_quality_thing x
             WHERE x.workspace_id = $1 AND x.run_id = $2 AND x.target = 'CONTACT'"
        ))
        .bind(scope.tx.workspace)
        .bind(scope.run)
        .one(scope.tx.connection())
        .await?;
        let all = all.unwrap_or_default();
        let by_tag: Vec<OfTag> = Query::new(format!(
            "SELECT k.tag_id, {SUMS} FROM tag_quality_carried k
             JOIN tag_quality_thing x ON x.workspace_id = $1 AND x.run_id = $2
               AND x.thing_id = k.thing_id AND x.target = 'CONTACT'
             WHERE k.workspace_id = $1 AND k.run_id = $2
             GROUP BY k.tag_id ORDER BY k.tag_id"
        ))
        .bind(scope.tx.workspace)
        .bind(scope.run)
        .all(scope.tx.connection())
        .await?;
        Ok(by_tag
            .into_iter()
            .filter(|of| {
                let tag = scope.forest.get(of.tag_id);
                tag.is_some_and(|tag| tag.kind == TagKind::Contact && tag.archived_at.is_none())
            })
            .filter_map(|of| judge(of.tag_id, of.outcomes(), all))
            .map(|(tag, finding)| {
                let group = scope.forest.get(tag).and_then(|tag| tag.group_id);
                finding
                    .of_group(group)
                    .count("sampled", i64::from(!scope.sample.is_exact()))
            })
            .collect())
    }
}

fn judge(tag: TagId, with: Outcomes, all: Outcomes) -> Option<(TagId, Finding)> {
    if with.all < LEAST || all.all - with.all < LEAST {
        return None;
    }
    let table = |of: fn(&Outcomes) -> i64, base: fn(&Outcomes) -> i64| Table {
        with: of(&with),
        with_all: base(&with),
        without: of(&all) - of(&with),
        without_all: base(&all) - base(&with),
    };
    let tables = [
        ("atRisk", table(|one| one.at_risk, |one| one.scored)),
        ("won", table(|one| one.won, |one| one.all)),
        ("replied", table(|one| one.replied, |one| one.all)),
    ];
    let telling: Vec<_> = tables
        .iter()
        .filter(|(_, table)| table.least_expected() >= LEAST_EXPECTED)
        .collect();
    let is_related = |table: &Table| table.chi_square().is_none_or(|x| x >= CHI_SQUARE_5_PERCENT);
    if telling.is_empty() || telling.iter().any(|(_, table)| is_related(table)) {
        return None;
    }
    let mut finding = Finding::new(Kind::NoOutcome, Severity::Low, vec![tag])
        .count("contacts", with.all)
        .count("contactsWithout", all.all - with.all);
    for (name, table) in telling {
        let share = |part: i64, whole: i64| part as f64 / whole.max(1) as f64;
        finding = finding
            .with(&format!("{name}Share"), share(table.with, table.with_all))
            .with(
                &format!("{name}ShareWithout"),
                share(table.without, table.without_all),
            )
            .with(
                &format!("{name}ChiSquare"),
                table.chi_square().unwrap_or_default(),
            );
        if let Some(lift) = table.lift() {
            finding = finding
                .with(&format!("{name}Lift"), lift.value)
                .with(&format!("{name}LiftLow"), lift.low)
                .with(&format!("{name}LiftHigh"), lift.high);
        }
    }
    Some((tag, finding))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const TAG: TagId = TagId(Uuid::nil());

    fn outcomes(all: i64, at_risk: i64, won: i64) -> Outcomes {
        Outcomes {
            all,
            scored: all,
            at_risk,
            won,
            replied: 0,
        }
    }

    #[test]
    fn a_tag_is_found_only_if_no_outcome_differs_by_more_than_chance() {
        // 30 % at risk and 10 % won on both sides.
        let (_, finding) = judge(TAG, outcomes(100, 30, 10), outcomes(300, 90, 30)).unwrap();
        let names: Vec<_> = finding
            .evidence
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        assert!(
            names.contains(&"atRiskLiftHigh") && !names.contains(&"repliedShare"),
            "{names:?}"
        );
        // Twice as many won: chi-square 300 (20*180 - 80*20)^2 / (100*200*40*260) = 5.77.
        assert!(judge(TAG, outcomes(100, 30, 20), outcomes(300, 90, 40)).is_none());
    }

    #[test]
    fn too_little_says_nothing() {
        assert!(judge(TAG, outcomes(40, 12, 4), outcomes(300, 90, 30)).is_none());
        assert!(judge(TAG, outcomes(100, 1, 0), outcomes(300, 3, 0)).is_none());
    }
}
