//! Asking of whom a condition holds: by one statement, in memory, and as the filter of a list. All
//! must agree.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    condition::{
        self, Condition, Context, Moment, Use,
        evaluate::evaluate,
        facts::Holders,
        sql::{Asked, select},
    },
    contact::{self, ContactFilter, ContactOrder},
    page::PageRequest,
};
use entity::{id::Id as _, kind::SubjectKind};
use serde_json::Value;
use uuid::Uuid;

use super::people::{People, condition, names};

impl People {
    fn moment(&self) -> Moment {
        Moment::usual(self.world.ctx.clock.now(), chrono_tz::Asia::Tokyo)
    }

    /// Asks each of the rows, and fails unless a segment may ask it and it finds these.
    pub(super) async fn check(&self, rows: impl IntoIterator<Item = (Value, &'static str)>) {
        for (stored, expected) in rows {
            let condition = condition(&stored);
            let refused = condition::check(&condition, Context::Contact, Use::Segment);
            assert!(refused.is_empty(), "{stored}: {refused:?}");
            assert_eq!(self.found(&condition).await, names(expected), "{stored}");
        }
    }

    /// Of whom the condition holds, by each way of asking; all must agree.
    pub(super) async fn found(&self, condition: &Condition) -> BTreeSet<&'static str> {
        let (ctx, workspace) = (&self.world.ctx, self.world.owner.workspace);
        let (reader, moment) = (ctx.reader(), self.moment());
        let name_of: BTreeMap<Uuid, &'static str> = self
            .ids
            .iter()
            .map(|(name, id)| (id.uuid(), *name))
            .collect();
        let everybody: Vec<Uuid> = name_of.keys().copied().collect();
        let named = |ids: Vec<Uuid>| -> BTreeSet<&'static str> {
            ids.iter().map(|id| name_of[id]).collect()
        };
        let mut ways = Vec::new();
        let query = select(
            ctx.db.backend(),
            workspace,
            &moment,
            condition,
            SubjectKind::Contact,
            &everybody,
        );
        let ids: Vec<Uuid> = query
            .column(reader)
            .await
            .unwrap_or_else(|error| panic!("{condition:?}: {error}"));
        ways.push(named(ids));
        let accounts: BTreeMap<Uuid, Option<Uuid>> = ["aki", "eri"]
            .into_iter()
            .map(|name| (self.ids[name].uuid(), Some(self.account)))
            .collect();
        let cases: Vec<(&Condition, Holders)> = everybody
            .iter()
            .map(|&contact| {
                let holders = Holders {
                    contact: Some(contact),
                    account: accounts.get(&contact).copied().flatten(),
                    conversation: None,
                };
                (condition, holders)
            })
            .collect();
        let verdicts = evaluate(reader, workspace, &moment, &cases).await.unwrap();
        let held = everybody.iter().zip(verdicts).filter(|(_, holds)| *holds);
        ways.push(named(held.map(|(&id, _)| id).collect()));
        let filter = ContactFilter {
            condition: Some(Asked::new(condition.clone(), &moment)),
            ..ContactFilter::default()
        };
        let page = PageRequest::first(50);
        let listed = contact::list(ctx, workspace, filter, ContactOrder::default(), &page).await;
        let listed = listed.unwrap().rows.into_iter();
        ways.push(named(
            listed.map(|(_, contact)| contact.id.uuid()).collect(),
        ));
        for way in &ways[1..] {
            assert_eq!(way, &ways[0], "{condition:?}");
        }
        ways.swap_remove(0)
    }
}
