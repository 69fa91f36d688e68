//! Rules that get in each other's way.

use async_graphql::{ComplexObject, Context, Result, SimpleObject};
use domain::rule::conflict::{Conflict, ConflictKind};
use entity::id::{RuleId, TagId};

use super::Rule;
use crate::boxed;
use crate::graphql::{
    context::{loaded, loader},
    loader::ConflictsOf,
    tag::Tag,
};

/// Two or more rules that get in each other's way. Told, not refused: it may be what is meant.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct RuleConflict {
    /// How they do.
    kind: ConflictKind,
    /// What is the matter and what to do, for people.
    message: String,
    #[graphql(skip)]
    others: Vec<RuleId>,
    #[graphql(skip)]
    tag: Option<TagId>,
}

#[ComplexObject]
impl RuleConflict {
    /// The other rules; in a circle, in the order in which it leads through them.
    #[boxed]
    async fn others(&self, context: &Context<'_>) -> Result<Vec<Rule>> {
        let found = loader(context)?.load_many(self.others.clone()).await?;
        let rules = self.others.iter().filter_map(|id| found.get(id).cloned());
        Ok(rules.map(Rule).collect())
    }

    /// The tag it is about, if it is about one.
    #[boxed]
    async fn tag(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        loaded(context, self.tag, Tag::from).await
    }
}

impl From<Conflict> for RuleConflict {
    fn from(conflict: Conflict) -> Self {
        Self {
            kind: conflict.kind,
            message: conflict.message,
            others: conflict.others,
            tag: conflict.tag,
        }
    }
}

/// The conflicts of a rule with the active ones; those of a page of rules are found together.
pub(crate) async fn of(context: &Context<'_>, id: RuleId) -> Result<Vec<RuleConflict>> {
    let found = loader(context)?.load_one(ConflictsOf(id)).await?;
    let found = found.into_iter().flatten();
    Ok(found.map(RuleConflict::from).collect())
}
