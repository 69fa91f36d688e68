//! Why a condition did or did not hold of a message.

use async_graphql::{Context, Result, SimpleObject};
use domain::{
    condition::{
        Condition,
        explain::explain,
        matcher::Gate,
        reference::{IdKind, Names as _},
        sentence::clause,
        trace::{Actual, TraceNode},
    },
    locale::Locale,
};
use entity::id::MessageId;

use super::Called;
use crate::graphql::{context::reader, error::fault};

/// Why a rule does or does not fire on a message. The message is judged as it was written, by the rule
/// as it is today. The tags of contact and conversation, and everything else that is known of the
/// contact, the account and the conversation, are taken as they are now, not as they were then.
#[derive(SimpleObject)]
pub(crate) struct RuleExplanation {
    /// Whether the rule fires.
    fires: bool,
    /// Whether its trigger lets the message in: the inbox and the kind of author.
    triggered: bool,
    /// Every condition with its verdict, groups before what is in them.
    verdicts: Vec<ConditionVerdict>,
}

/// One condition and what it came to. Conditions whose outcome no longer mattered are judged too.
#[derive(SimpleObject)]
pub(crate) struct ConditionVerdict {
    /// Where it stands: `condition`, `all`, `0`, `keywords`.
    path: Vec<String>,
    /// The condition in words.
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

/// Judges a rule on a message. Nothing if there is no such inbound message.
pub(crate) async fn explained(
    context: &Context<'_>,
    gate: &Gate,
    condition: &Condition,
    message: MessageId,
    locale: Locale,
) -> Result<Option<RuleExplanation>> {
    let (ctx, actor) = reader(context)?;
    let trace = explain(ctx, actor.workspace, gate, condition, message)
        .await
        .map_err(fault)?;
    let Some(trace) = trace else {
        return Ok(None);
    };
    let called = Called::of(context, &condition.all_references()).await?;
    let nodes = trace.nodes.into_iter().zip(condition.nodes());
    let verdicts = nodes.map(|(node, condition)| {
        let sentence = clause(locale, &called, condition);
        verdict(node, sentence, &called)
    });
    Ok(Some(RuleExplanation {
        fires: trace.fires,
        triggered: trace.triggered,
        verdicts: verdicts.collect(),
    }))
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
