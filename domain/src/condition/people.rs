//! What of a condition is put together of everybody at an account, and the condition that is left when
//! that is known: the same for all people of the account, so that it is asked once for all of them.

use super::{
    Condition, Shape,
    leaf::field::Table,
    measure::{Holder, Source},
};

impl Condition {
    /// Whether it is a leaf that asks about figures of the account which change with what its people do.
    pub(crate) fn asks_people(&self) -> bool {
        let Shape::Leaf(leaf) = self.shape() else {
            return false;
        };
        leaf.asks().iter().any(|ask| {
            let is_theirs = match &ask.measure.source {
                Source::Events(_) | Source::Email(_) | Source::Health(_) => true,
                Source::Field(field) => field.table == Table::People,
                _ => false,
            };
            is_theirs && ask.measure.holder == Holder::Account
        })
    }

    /// Every such leaf in it, in the order of [`Condition::nodes`].
    pub(crate) fn on_people(&self) -> Vec<&Self> {
        let nodes = self.nodes().into_iter();
        nodes.filter(|node| node.asks_people()).collect()
    }

    /// What is left of it when the answers to [`Condition::on_people`] are known, in that order.
    pub(crate) fn given(&self, answers: &mut impl Iterator<Item = bool>) -> Self {
        let mut list = |children: &[Self]| children.iter().map(|one| one.given(answers)).collect();
        match self {
            Self::All(children) => Self::All(list(children)),
            Self::Any(children) => Self::Any(list(children)),
            Self::Not(child) => Self::Not(Box::new(child.given(answers))),
            leaf if leaf.asks_people() => match answers.next() {
                Some(true) => Self::All(Vec::new()),
                _ => Self::Any(Vec::new()),
            },
            leaf => leaf.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_take_the_place_of_what_they_answer() {
        let condition: Condition = serde_json::from_value(serde_json::json!({"all": [
            {"events": {"of": "ACCOUNT", "names": ["seen"]}},
            {"events": {"names": ["seen"]}},
            {"account": {"stages": ["CUSTOMER"]}},
            {"account": {"lastActivity": {"withinDays": 7}}},
            {"not": {"any": [
                {"health": {"of": "ACCOUNT", "bands": ["AT_RISK"]}},
                {"orders": {"of": "ACCOUNT"}},
            ]}},
        ]}))
        .unwrap();
        let asked: Vec<_> = condition.on_people().iter().map(|one| one.name()).collect();
        assert_eq!(asked, ["events", "account", "health"]);
        let left = condition.given(&mut [true, true, false].into_iter());
        let expected: Condition = serde_json::from_value(serde_json::json!({"all": [
            {"all": []},
            {"events": {"names": ["seen"]}},
            {"account": {"stages": ["CUSTOMER"]}},
            {"all": []},
            {"not": {"any": [{"any": []}, {"orders": {"of": "ACCOUNT"}}]}},
        ]}))
        .unwrap();
        assert_eq!(left, expected);
        assert!(left.on_people().is_empty());
    }
}
