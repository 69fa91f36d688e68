//! Conditions asked of some contacts, accounts and conversations, in memory: the way of rules whose
//! trigger is no message. Segments and playbooks ask the database instead.

use std::collections::HashSet;

use entity::id::WorkspaceId;

use super::{
    Condition, Shape,
    facts::Holders,
    known::{Known, Measures, Want},
    moment::Moment,
};
use crate::{error::Result, store::Place};

/// Whether each condition holds of what it is asked of. The number of statements depends on the
/// number of different questions in the conditions, one for each forty, not on the number of cases.
/// What only a message could answer does not hold.
pub async fn evaluate(
    connection: &impl Place,
    workspace: WorkspaceId,
    moment: &Moment,
    cases: &[(&Condition, Holders)],
) -> Result<Vec<bool>> {
    let mut measures = Measures::default();
    let mut wants = HashSet::new();
    for (condition, holders) in cases {
        gather(condition, holders, &mut measures, &mut wants);
    }
    let mut known = Known::default();
    if !wants.is_empty() {
        known
            .load(connection, workspace, moment, &measures, &wants)
            .await?;
    }
    let mut holds = Judge {
        measures: &mut measures,
        known: &known,
        moment,
    };
    Ok(cases
        .iter()
        .map(|(condition, holders)| holds.condition(condition, holders))
        .collect())
}

/// Notes what the database has to be asked.
pub(crate) fn gather(
    condition: &Condition,
    holders: &Holders,
    measures: &mut Measures,
    wants: &mut HashSet<Want>,
) {
    match condition.shape() {
        Shape::All(children) | Shape::Any(children) => {
            for child in children {
                gather(child, holders, measures, wants);
            }
        }
        Shape::Not(child) => gather(child, holders, measures, wants),
        Shape::Leaf(leaf) => {
            for ask in leaf.asks() {
                let number = measures.number(&ask.measure);
                wants.extend(holders.id(ask.measure.holder).map(|id| (number, id)));
            }
        }
    }
}

struct Judge<'a> {
    measures: &'a mut Measures,
    known: &'a Known,
    moment: &'a Moment,
}

impl Judge<'_> {
    fn condition(&mut self, condition: &Condition, holders: &Holders) -> bool {
        match condition.shape() {
            Shape::All(children) => children.iter().all(|child| self.condition(child, holders)),
            Shape::Any(children) => children.iter().any(|child| self.condition(child, holders)),
            Shape::Not(child) => !self.condition(child, holders),
            Shape::Leaf(leaf) => {
                if let Some(holds) = leaf.constant(self.moment) {
                    return holds;
                }
                let asks = leaf.asks();
                !asks.is_empty()
                    && asks.iter().all(|ask| {
                        let number = self.measures.number(&ask.measure);
                        let value = self.known.get(self.measures, number, holders);
                        value.is_some_and(|value| ask.test.holds(value, self.moment))
                    })
            }
        }
    }
}
