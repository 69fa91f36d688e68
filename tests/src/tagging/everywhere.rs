//! Filters by tags are set logic on accounts and conversations too, a moment that has not come yet counts as now,
//! and a tag that was merged stands for the other. `property` holds the same for contacts, whatever happened to them before.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::{
    account::{self, AccountFilter, AccountOrder, NewAccount},
    conversation::{self, ConversationFilter, ConversationOrder, NewMessage},
    inbox,
    page::PageRequest,
    tag::{
        Request, TagFilter,
        catalogue::{self, Merge},
        tagging,
    },
};
use entity::{
    id::{AccountId, ConversationId, TagId},
    kind::{Direction, TagKind},
};

use crate::support::{World, on_both};

/// Things there are: one for each set of the tags.
const THINGS: usize = 8;
/// The tags by their numbers: one, one below it, and another.
const TOP: usize = 0;
const LOW: usize = 1;
const OTHER: usize = 2;

const ANY: [&[usize]; 3] = [&[], &[TOP], &[LOW, OTHER]];
const ALL: [&[usize]; 4] = [&[], &[TOP], &[LOW], &[TOP, OTHER]];
const NONE: [&[usize]; 4] = [&[], &[TOP], &[LOW], &[LOW, OTHER]];

/// A filter of tags by their numbers.
#[derive(Debug, Clone, Copy)]
struct Drawn {
    any: &'static [usize],
    all: &'static [usize],
    none: &'static [usize],
    with_descendants: bool,
    untagged: Option<bool>,
}

impl Drawn {
    fn each() -> Vec<Self> {
        let mut drawn = Vec::new();
        for any in ANY {
            for all in ALL {
                for none in NONE {
                    for with_descendants in [true, false] {
                        drawn.push(Self {
                            any,
                            all,
                            none,
                            with_descendants,
                            untagged: None,
                        });
                    }
                }
            }
        }
        for untagged in [true, false] {
            drawn.push(Self {
                any: &[],
                all: &[],
                none: &[LOW],
                with_descendants: true,
                untagged: Some(untagged),
            });
        }
        drawn
    }

    /// Whether it finds the thing of this number.
    fn holds(&self, thing: usize) -> bool {
        let carries = |tag: usize| (thing >> tag) & 1 == 1;
        let has =
            |&tag: &usize| carries(tag) || (self.with_descendants && tag == TOP && carries(LOW));
        (self.any.is_empty() || self.any.iter().any(has))
            && self.all.iter().all(has)
            && !self.none.iter().any(has)
            && self
                .untagged
                .is_none_or(|untagged| untagged == (thing == 0))
    }

    fn of(&self, tags: &[TagId; 3]) -> TagFilter {
        let named = |numbers: &[usize]| numbers.iter().map(|&number| tags[number]).collect();
        TagFilter {
            any: named(self.any),
            all: named(self.all),
            none: named(self.none),
            with_descendants: self.with_descendants,
            untagged: self.untagged,
            ..TagFilter::default()
        }
    }
}

async fn tags(world: &World, kind: TagKind) -> [TagId; 3] {
    let top = world.tag(kind, "Top", None).await;
    let low = world.tag(kind, "Low", Some(top)).await;
    [top, low, world.tag(kind, "Other", None).await]
}

/// Puts on the thing of each number the tags of the bits in it.
async fn put_on<I: Copy>(
    world: &World,
    tags: &[TagId; 3],
    things: &[I],
    request: fn(I, TagId) -> Request,
) {
    let mut requests = Vec::new();
    for (number, thing) in things.iter().enumerate() {
        let carried = tags.iter().enumerate();
        let carried = carried.filter(|(bit, _)| (number >> bit) & 1 == 1);
        requests.extend(carried.map(|(_, tag)| request(*thing, *tag)));
    }
    let put = tagging::tag_many(&world.ctx, &world.owner, &requests, "").await;
    put.unwrap();
}

/// Asks each filter, as of now and of a moment that has not come yet.
async fn compare<I: PartialEq>(
    world: &World,
    tags: &[TagId; 3],
    things: &[I],
    list: impl AsyncFn(TagFilter) -> Vec<I>,
) {
    let later = world.ctx.clock.now() + TimeDelta::days(1);
    for drawn in Drawn::each() {
        let expected: BTreeSet<usize> = (0..THINGS).filter(|&thing| drawn.holds(thing)).collect();
        for at in [None, Some(later)] {
            let filter = TagFilter {
                at,
                ..drawn.of(tags)
            };
            let found = list(filter).await;
            let place = |id: &I| things.iter().position(|thing| thing == id);
            let found: BTreeSet<usize> = found.iter().filter_map(place).collect();
            assert_eq!(found, expected, "{drawn:?} at {at:?}");
        }
    }
}

/// Merges one tag into another, and asks for it.
async fn merge_and_ask<I: PartialEq>(
    world: &World,
    tags: &[TagId; 3],
    list: impl AsyncFn(TagFilter) -> Vec<I>,
) {
    let merge = Merge {
        sources: vec![tags[LOW]],
        target: tags[OTHER],
        keep_newest: false,
    };
    let merged = catalogue::merge(&world.ctx, &world.owner, merge).await;
    merged.unwrap();
    let has = |tag: usize, with_descendants| TagFilter {
        any: vec![tags[tag]],
        with_descendants,
        ..TagFilter::default()
    };
    // Three of four carried one of the two.
    for with_descendants in [true, false] {
        let found = list(has(LOW, with_descendants)).await;
        assert_eq!(found.len(), THINGS / 4 * 3);
        assert!(found == list(has(OTHER, with_descendants)).await);
    }
    let without = TagFilter {
        none: vec![tags[LOW]],
        ..TagFilter::default()
    };
    assert_eq!(list(without).await.len(), THINGS / 4);
}

#[test]
fn filters_of_accounts_are_set_logic() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let tags = tags(&world, TagKind::Contact).await;
        let mut things: Vec<AccountId> = Vec::new();
        for number in 0..THINGS {
            let new = NewAccount {
                name: format!("Account {number}"),
                ..NewAccount::default()
            };
            things.push(account::create(ctx, owner, new).await.unwrap().id);
        }
        put_on(&world, &tags, &things, Request::account).await;
        let list = async |tags: TagFilter| {
            let filter = AccountFilter {
                tags,
                ..AccountFilter::default()
            };
            let (order, page) = (AccountOrder::NameAsc, PageRequest::first(100));
            let found = account::list(ctx, owner.workspace, &filter, order, &page).await;
            let rows = found.unwrap().rows.into_iter();
            rows.map(|(_, row)| row.id).collect::<Vec<_>>()
        };
        compare(&world, &tags, &things, &list).await;
        merge_and_ask(&world, &tags, list).await;
        world
    });
}

#[test]
fn filters_of_conversations_are_set_logic() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let tags = tags(&world, TagKind::Conversation).await;
        let inbox = inbox::list(ctx, owner.workspace).await.unwrap()[0].id;
        let message = |number: usize| NewMessage {
            external_id: number.to_string(),
            thread_keys: Vec::new(),
            whose: format!("writer{number}@customer.example").into(),
            name: None,
            direction: Direction::Inbound,
            author: None,
            automatic: false,
            subject: format!("Thread {number}"),
            body: "?".to_owned(),
            sent_at: ctx.clock.now(),
        };
        let messages = (0..THINGS).map(message).collect();
        conversation::ingest(ctx, owner, inbox, messages)
            .await
            .unwrap();
        let list = async |tags: TagFilter| {
            let filter = ConversationFilter {
                tags,
                ..ConversationFilter::default()
            };
            let (order, page) = (ConversationOrder::CreatedAsc, PageRequest::first(100));
            let found = conversation::list(ctx, owner.workspace, &filter, order, &page).await;
            let rows = found.unwrap().rows.into_iter();
            rows.map(|(_, row)| row.id).collect::<Vec<ConversationId>>()
        };
        let things = list(TagFilter::default()).await;
        assert_eq!(things.len(), THINGS);
        put_on(&world, &tags, &things, Request::conversation).await;
        compare(&world, &tags, &things, &list).await;
        merge_and_ask(&world, &tags, list).await;
        world
    });
}
