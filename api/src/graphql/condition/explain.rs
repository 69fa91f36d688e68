//! Why a rule did or did not fire, in words: on a message that is asked about, and as it was noted.

use async_graphql::{ComplexObject, Context, Result, SimpleObject};
use domain::{
    condition::{
        reference::{IdKind, Names as _},
        sentence::clause,
        trace::{Actual, Trace, TraceNode},
    },
    locale::Locale,
    rule::{
        Rule,
        definition::Definition,
        sentence::judged,
        why::{Reason, why},
    },
};
use entity::{
    id::{MessageId, RuleId},
    rule_firing,
};

use super::Called;
use crate::graphql::{
    context::{loader, reader},
    error::fault,
    loader::DefinitionOf,
    rule::RuleFiring,
};

/// Why a rule did or did not fire on a message. What the logs say comes first: the firing, or the
/// sample of what did not fire. Otherwise the message is judged as it was written, by the rule as it
/// was when the message came in, with the tags that contact and conversation carried then. Everything
/// else that is known of the contact, the account and the conversation is taken as it is now.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct RuleExplanation {
    /// What became of it: it fired, or the first thing that kept it from firing.
    reason: Reason,
    /// Whether trigger and condition hold, whatever limits and other rules said.
    fires: bool,
    /// Whether its trigger lets the message in: the inbox and the kind of author.
    triggered: bool,
    /// The version of the rule that was judged.
    rule_version: i64,
    /// Every condition with its verdict, groups before what is in them.
    verdicts: Vec<ConditionVerdict>,
    #[graphql(skip)]
    fired: Option<rule_firing::Model>,
}

#[ComplexObject]
impl RuleExplanation {
    /// The firing, if it fired.
    fn firing(&self) -> Option<RuleFiring> {
        self.fired.clone().map(RuleFiring)
    }
}

/// One condition and what it came to. Conditions whose outcome no longer mattered are judged too.
#[derive(SimpleObject)]
pub(crate) struct ConditionVerdict {
    /// Where it stands: `condition`, `all`, `0`, `keywords`; or in the trigger: `trigger`, `eventTracked`,
    /// `where`, `0`.
    path: Vec<String>,
    /// The condition in words; for what the trigger asks of the very occasion, the trigger. Empty if what
    /// the rule was then cannot be read any more.
    sentence: String,
    /// Whether it holds.
    holds: bool,
    /// What was there: words as they stand in the message, names of tags.
    found: Vec<String>,
    /// What was not there: words, names of tags.
    missing: Vec<String>,
    /// What else was known where the condition looked: counts, scores, times, names of channels. One
    /// for each question; `-` for nothing.
    values: Vec<String>,
}

/// Judges a rule on a message. Nothing if there is no such inbound message, or if the rule waits for
/// something else.
pub(crate) async fn explained(
    context: &Context<'_>,
    rule: &Rule,
    message: MessageId,
    locale: Locale,
) -> Result<Option<RuleExplanation>> {
    let (ctx, actor) = reader(context)?;
    let why = why(ctx, actor.workspace, rule, message)
        .await
        .map_err(fault)?;
    let Some(why) = why else {
        return Ok(None);
    };
    let called = Called::of(context, &why.condition.all_references()).await?;
    let nodes = why.trace.nodes.into_iter().zip(why.condition.nodes());
    let verdicts = nodes.map(|(node, condition)| {
        let sentence = clause(locale, &called, condition);
        verdict(node, sentence, &called)
    });
    Ok(Some(RuleExplanation {
        reason: why.reason,
        fires: why.trace.fires,
        triggered: why.trace.triggered,
        rule_version: why.version,
        verdicts: verdicts.collect(),
        fired: why.firing,
    }))
}

/// What was noted of a look of a rule, as it was in that version, in words.
pub(crate) async fn noted(
    context: &Context<'_>,
    rule: RuleId,
    version: i64,
    trace: Option<Trace>,
    locale: Locale,
) -> Result<Vec<ConditionVerdict>> {
    let Some(Trace { nodes, .. }) = trace else {
        return Ok(Vec::new());
    };
    let asked = DefinitionOf(rule, version);
    let definition = loader(context)?.load_one(asked).await?;
    let references = definition.iter().flat_map(Definition::references);
    let called = Called::of(context, &references.collect::<Vec<_>>()).await?;
    let mut sentences = definition
        .map(|one| judged(locale, &called, &one, &nodes))
        .unwrap_or_default()
        .into_iter();
    let verdicts = nodes.into_iter().map(|node| {
        let sentence = sentences.next().unwrap_or_default();
        verdict(node, sentence, &called)
    });
    Ok(verdicts.collect())
}

fn verdict(node: TraceNode, sentence: String, called: &Called) -> ConditionVerdict {
    let (mut found, mut missing, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let named = |ids: Vec<uuid::Uuid>| -> Vec<String> {
        ids.into_iter()
            .filter_map(|id| called.name(IdKind::ContactTag, id))
            .collect()
    };
    match node.actual {
        Some(Actual::Keywords {
            found: words,
            missing: others,
        }) => {
            found = words.into_iter().map(|word| word.text).collect();
            missing = others;
        }
        Some(Actual::Tags { present, absent }) => {
            found = named(present);
            missing = named(absent);
        }
        Some(Actual::Channel(channel)) => values.push(channel.word().to_owned()),
        Some(Actual::Automatic(automatic)) => values.push(automatic.to_string()),
        Some(Actual::Values(known)) => values = known,
        None => {}
    }
    ConditionVerdict {
        path: node.path,
        sentence,
        holds: node.holds,
        found,
        missing,
        values,
    }
}
