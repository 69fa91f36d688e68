//! Writing what came of an evaluation: firings, their effects, what limits have to remember, samples
//! of what did not fire, and the pause of rules that fail again and again.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use entity::id::{FiringId, Id as _, MissId, RuleId};
use sea_orm::FromQueryResult;
use serde_json::json;
use uuid::Uuid;

use super::{
    evaluate::{Evaluated, Fired, Miss},
    write::begin_edit,
};
use crate::{
    access::Origin,
    action::{
        Outcome,
        perform::{By, Step, carry_out},
    },
    audit::Record,
    ctx::Ctx,
    error::Result,
    locale::Locale,
    notification::in_app,
    playbook::Counts,
    store::{Query, Rows, Tx},
    work::change::{Change, Fact},
    workspace,
};

/// How many firings in a row may fail before a rule is paused. A firing fails if what one of its
/// actions names is gone: a tag archived or deleted, a target switched off, a member removed, an
/// attribute archived. What its condition asks without getting an answer counts like a firing that
/// failed.
pub(super) const MAX_FAILURES: i64 = 10;

impl Fired<'_> {
    fn origin(&self) -> Origin {
        Origin::Rule {
            rule_id: self.rule_id,
            version: self.rule.version,
        }
    }

    fn by(&self) -> By<'_> {
        By {
            origin: self.origin(),
            name: &self.rule.name,
            cause: self.occasion.entry,
            firing: Some(self.id),
            not_before: self.not_before,
        }
    }

    fn record(&self, tx: &mut Tx<'_>) {
        let fact = Fact::RuleFired {
            firing_id: self.id,
            rule_id: self.rule_id,
            message_id: self.occasion.case.message,
        };
        let contact = self.occasion.case.contact;
        tx.record(match self.occasion.entry {
            Some(entry) => Change::caused(entry, self.origin(), contact, fact),
            None => Change::new(self.origin(), contact, fact),
        });
    }
}

/// Writes it all.
pub(crate) async fn settle(ctx: &Ctx, tx: &mut Tx<'_>, evaluated: Evaluated<'_>) -> Result<()> {
    let Evaluated {
        mut fired,
        misses,
        unanswered,
        usable,
    } = evaluated;
    note_misses(tx, &misses).await?;
    if fired.is_empty() {
        return count_failures(tx, &[], &[], &unanswered).await;
    }
    // A firing that is there already was written with its effects: those are not repeated.
    let known = known(tx, &fired).await?;
    fired.retain(|one| !known.contains(&one.id));
    for one in &fired {
        one.record(tx);
    }
    let steps: Vec<Step<'_>> = fired
        .iter()
        .flat_map(|one| {
            one.wanted.iter().map(move |wanted| Step {
                decision: wanted.decision.clone(),
                case: one.occasion.case,
                by: one.by(),
            })
        })
        .collect();
    let mut counts = Counts::default();
    let results = carry_out(ctx, tx, &usable, &steps, &mut counts).await?;
    let mut results = results.into_iter();
    drop(steps);
    let mut outcomes: Vec<Vec<Outcome>> = Vec::with_capacity(fired.len());
    for one in &mut fired {
        let wanted = std::mem::take(&mut one.wanted).into_iter();
        let ended = wanted.zip(results.by_ref());
        outcomes.push(
            ended
                .map(|(wanted, result)| wanted.outcome(result))
                .collect(),
        );
    }
    insert(tx, &fired, &outcomes).await?;
    mark(tx, &fired).await?;
    counts.write(tx).await?;
    count_failures(tx, &fired, &outcomes, &unanswered).await
}

/// Those that were written before.
async fn known(tx: &Tx<'_>, fired: &[Fired<'_>]) -> Result<HashSet<FiringId>> {
    let rows = Rows::new()
        .ids("id", fired.iter().map(|one| one.id))
        .ids("rule_id", fired.iter().map(|one| one.rule_id))
        .uuids("subject_id", fired.iter().map(|one| one.occasion.subject))
        .texts("root", fired.iter().map(|one| one.occasion.root()))
        .opt_ids(
            "message_id",
            fired.iter().map(|one| one.occasion.case.message),
        );
    // Firings of the first release have no root, but then they are on messages.
    let known: Vec<FiringId> = Query::new(
        "WITH n AS (SELECT r.id, r.rule_id, r.subject_id, r.root, r.message_id FROM {r})
         SELECT n.id FROM n JOIN rule_firing f ON f.workspace_id = $1 AND f.rule_id = n.rule_id
           AND f.subject_id = n.subject_id AND f.root = n.root
         UNION
         SELECT n.id FROM n JOIN rule_firing f ON f.workspace_id = $1
           AND f.message_id = n.message_id AND f.rule_id = n.rule_id
          WHERE n.message_id = n.subject_id",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .column(tx.connection())
    .await?;
    Ok(known.into_iter().collect())
}

async fn insert(tx: &Tx<'_>, fired: &[Fired<'_>], outcomes: &[Vec<Outcome>]) -> Result<()> {
    if fired.is_empty() {
        return Ok(());
    }
    let matched: Vec<_> = fired
        .iter()
        .map(|fired| serde_json::to_value(&fired.matched))
        .collect::<Result<_, _>>()?;
    let outcomes: Vec<_> = outcomes
        .iter()
        .map(serde_json::to_value)
        .collect::<Result<_, _>>()?;
    let traces: Vec<_> = fired
        .iter()
        .map(|fired| serde_json::to_value(&fired.trace))
        .collect::<Result<_, _>>()?;
    let cases = || fired.iter().map(|one| one.occasion.case);
    let rows = Rows::new()
        .ids("id", fired.iter().map(|one| one.id))
        .ids("rule_id", fired.iter().map(|one| one.rule_id))
        .ints("rule_version", fired.iter().map(|one| one.rule.version))
        .opt_ids(
            "message_id",
            // Once for each message is for rules on messages alone.
            fired.iter().map(|one| {
                let message = one.occasion.case.message;
                message.filter(|id| id.0 == one.occasion.subject)
            }),
        )
        .opt_ids("conversation_id", cases().map(|case| case.conversation))
        .opt_ids("contact_id", cases().map(|case| case.contact))
        .opt_ids("account_id", cases().map(|case| case.account))
        .uuids("subject_id", fired.iter().map(|one| one.occasion.subject))
        .texts("root", fired.iter().map(|one| one.occasion.root()))
        .ints("depth", fired.iter().map(|one| one.occasion.depth()))
        .json(
            "cause",
            fired
                .iter()
                .map(|one| json!(one.occasion.entry.map(|entry| &entry.fact))),
        )
        .json("matched", matched)
        .json("trace", traces)
        .json("outcomes", outcomes);
    Query::new(
        "INSERT INTO rule_firing (workspace_id, id, rule_id, rule_version, message_id,
             conversation_id, contact_id, account_id, subject_id, root, depth, cause, matched,
             outcomes, trace, fired_at)
         SELECT $1, r.id, r.rule_id, r.rule_version, r.message_id, r.conversation_id, r.contact_id,
                r.account_id, r.subject_id, r.root, r.depth, r.cause, r.matched, r.outcomes, r.trace,
                $2
         FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Remembers for which things rules with limits have fired.
async fn mark(tx: &Tx<'_>, fired: &[Fired<'_>]) -> Result<()> {
    let mut marks: BTreeMap<(Uuid, Uuid), DateTime<Utc>> = BTreeMap::new();
    for one in fired {
        let (limits, case) = (&one.rule.limits, &one.occasion.case);
        let targets = [limits.once_for(case), limits.cools_for(case)];
        for target in targets.into_iter().flatten() {
            let at = marks
                .entry((target, one.rule_id.uuid()))
                .or_insert(one.occasion.at);
            *at = one.occasion.at.max(*at);
        }
    }
    if marks.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .uuids("target_id", marks.keys().map(|key| key.0))
        .uuids("rule_id", marks.keys().map(|key| key.1))
        .times("fired_at", marks.values().copied());
    Query::new(
        "INSERT INTO rule_mark (workspace_id, target_id, rule_id, fired_at)
         SELECT $1, r.target_id, r.rule_id, r.fired_at FROM {r} WHERE true
         ON CONFLICT (workspace_id, target_id, rule_id)
         DO UPDATE SET fired_at = excluded.fired_at
         WHERE rule_mark.fired_at < excluded.fired_at",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

pub(super) async fn note_misses(tx: &Tx<'_>, misses: &[Miss]) -> Result<()> {
    if misses.is_empty() {
        return Ok(());
    }
    let traces: Vec<_> = misses
        .iter()
        .map(|miss| serde_json::to_value(&miss.trace))
        .collect::<Result<_, _>>()?;
    let cases = || misses.iter().map(|miss| miss.case);
    let rows = Rows::new()
        .ids("id", misses.iter().map(|_| tx.id::<MissId>()))
        .ids("rule_id", misses.iter().map(|miss| miss.rule_id))
        .ints("rule_version", misses.iter().map(|miss| miss.rule_version))
        .uuids("subject_id", misses.iter().map(|miss| miss.subject))
        .opt_ids("message_id", cases().map(|case| case.message))
        .opt_ids("conversation_id", cases().map(|case| case.conversation))
        .opt_ids("contact_id", cases().map(|case| case.contact))
        .opt_ids("account_id", cases().map(|case| case.account))
        .texts("reason", misses.iter().map(|miss| miss.reason.word()))
        .json("trace", traces);
    Query::new(
        "INSERT INTO rule_miss (workspace_id, id, rule_id, rule_version, subject_id, message_id,
             conversation_id, contact_id, account_id, reason, trace, missed_at)
         SELECT $1, r.id, r.rule_id, r.rule_version, r.subject_id, r.message_id, r.conversation_id,
                r.contact_id, r.account_id, r.reason, r.trace, $2
         FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Failing {
    id: RuleId,
    name: String,
    failures: i64,
    active: bool,
}

/// Counts firings in a row that failed, and pauses the rules that reach the limit.
async fn count_failures(
    tx: &mut Tx<'_>,
    fired: &[Fired<'_>],
    outcomes: &[Vec<Outcome>],
    unanswered: &BTreeMap<RuleId, i64>,
) -> Result<()> {
    // Of each rule: how many failed since the last that did not, and whether there was one.
    let mut counts: BTreeMap<RuleId, (i64, bool)> = BTreeMap::new();
    for (one, outcomes) in fired.iter().zip(outcomes) {
        let count = counts.entry(one.rule_id).or_default();
        if outcomes.iter().any(|outcome| outcome.result.failed()) {
            count.0 += 1;
        } else {
            *count = (0, true);
        }
    }
    for (&rule, occasions) in unanswered {
        counts.entry(rule).or_default().0 += occasions;
    }
    if counts.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .ids("id", counts.keys().copied())
        .ints("failed", counts.values().map(|count| count.0))
        .flags("reset", counts.values().map(|count| count.1));
    if may_pause(tx, &counts).await? {
        // Editors take the lock of all rules before the rows of some: so must whoever pauses some.
        begin_edit(tx).await?;
    }
    let failing: Vec<Failing> = Query::new(
        "UPDATE rule SET failures = CASE WHEN r.reset THEN r.failed
                                         ELSE rule.failures + r.failed END
         FROM {r} WHERE rule.workspace_id = $1 AND rule.id = r.id
           AND (r.failed > 0 OR rule.failures > 0)
         RETURNING rule.id, rule.name, rule.failures, rule.active",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    let mut hopeless: Vec<Failing> = failing
        .into_iter()
        .filter(|rule| rule.active && rule.failures >= MAX_FAILURES)
        .collect();
    hopeless.sort_by_key(|rule| rule.id);
    pause(tx, &hopeless).await
}

/// Whether some rule may reach the limit of failures.
async fn may_pause(tx: &Tx<'_>, counts: &BTreeMap<RuleId, (i64, bool)>) -> Result<bool> {
    let failed = || counts.iter().filter(|(_, count)| count.0 > 0);
    if failed().next().is_none() {
        return Ok(false);
    }
    let rows = Rows::new()
        .ids("id", failed().map(|(&id, _)| id))
        .ints("failed", failed().map(|(_, count)| count.0));
    let near: Vec<RuleId> = Query::new(
        "SELECT u.id FROM {r} JOIN rule u ON u.workspace_id = $1 AND u.id = r.id
         WHERE u.active = $3 AND u.failures + r.failed >= $2 LIMIT 1",
    )
    .bind(tx.workspace)
    .bind(MAX_FAILURES)
    .bind(true)
    .rows("r", rows)
    .column(tx.connection())
    .await?;
    Ok(!near.is_empty())
}

async fn pause(tx: &mut Tx<'_>, rules: &[Failing]) -> Result<()> {
    if rules.is_empty() {
        return Ok(());
    }
    begin_edit(tx).await?;
    let locale = workspace::locale_of(tx).await?;
    let reason = match locale {
        Locale::Ja => format!(
            "使えなくなったタグ、通知先、メンバー、属性のいずれかのため、または条件を判定できなかったため、{MAX_FAILURES}回続けて失敗しました。"
        ),
        Locale::En => format!(
            "{MAX_FAILURES} times in a row an action could not be done, because a tag, target, member or \
             attribute that it names is archived, switched off or removed, or its condition could not \
             be evaluated."
        ),
        Locale::Zh => {
            format!(
                "由于所用的标签、通知目标、成员或属性已不可用，或条件无法判断，连续{MAX_FAILURES}次失败。"
            )
        }
    };
    Query::new(
        "UPDATE rule SET active = $2, paused_at = $3, paused_reason = $4, updated_at = $3,
             version = rule.version + 1
         FROM {r} WHERE rule.workspace_id = $1 AND rule.id = r.id",
    )
    .bind(tx.workspace)
    .bind(false)
    .bind(tx.now)
    .bind(reason.clone())
    .rows("r", Rows::new().ids("id", rules.iter().map(|rule| rule.id)))
    .execute(tx.connection())
    .await?;
    for rule in rules {
        let (rule_id, failures) = (rule.id, rule.failures);
        let facts = [
            Fact::RulePaused { rule_id, failures },
            Fact::RuleChanged { rule_id },
        ];
        for fact in facts {
            tx.record(Change::new(Origin::System, None, fact));
        }
        let (before, after) = (json!({ "active": true }), json!({ "active": false }));
        let record = Record::changed("rule.set_active", rule_id, before, after);
        tx.audit(Origin::System, record);
        let name = &rule.name;
        let title = match locale {
            Locale::Ja => format!("ルール「{name}」を停止しました"),
            Locale::En => format!("The rule “{name}” was paused"),
            Locale::Zh => format!("规则“{name}”已暂停"),
        };
        in_app::tell_owners(tx, title, reason.clone()).await?;
        tracing::warn!(workspace.id = %tx.workspace, rule.id = %rule_id, rule.failures = failures,
            "paused a rule whose actions fail");
    }
    Ok(())
}
