//! Fetching by id, together and once per request.
//!
//! - `row`: what has an id.
//! - `list`: what a thing has several of.
//! - `single`: what a thing has one of, and merges.
//!
//! Resolvers ask through the request's context; each key is one line or one `Load`, and each asks one
//! finder of the domain. Nothing here decides who may see what, and nothing is kept beyond a request.

mod list;
mod row;
mod single;

use std::{collections::HashMap, hash::Hash, sync::OnceLock, time::Duration};

use async_graphql::{
    dataloader::DataLoader,
    runtime::{TokioSpawner, TokioTimer},
};
use domain::ctx::Ctx;
use entity::id::WorkspaceId;

pub(crate) use self::{
    list::{
        BandsOf, BoundTo, ChildrenOf, ConflictsOf, IdentitiesOf, KeysOf, LinesOf, LinkTagsOf,
        MembersOf, MembershipsOf, PathOf, SubscriptionsOf, TaggingsAt, TaggingsOf, TagsOf,
        ValuesOf, WatchersOf,
    },
    single::{
        AccountMergeOf, BandsInUse, ChangeOf, ContactMergeOf, CountsOf, EngagementOf,
        EngagementOfAccount, HealthEntryOf, HealthOf, LastNight, ModelOf, OverallOf, PressureOf,
        ReceiversOf, RfmOf, StandingOf, TalliesOf, TrendOf, VerdictOf, VersionOf, WebProfileOf,
        ZoneInUse,
    },
};

/// Where a request keeps its loader, once a resolver has asked for it.
pub type LoaderCell = OnceLock<DataLoader<Loader>>;

/// Fetches rows of one workspace by key. The type of the key says what is wanted.
pub struct Loader {
    ctx: Ctx,
    workspace: WorkspaceId,
}

impl Loader {
    pub(crate) fn start(ctx: Ctx, workspace: WorkspaceId) -> DataLoader<Self> {
        let loader = Self { ctx, workspace };
        // Without a delay the batch goes out as soon as the resolvers that run now have asked.
        DataLoader::new(loader, TokioSpawner::current(), TokioTimer::default())
            .delay(Duration::ZERO)
    }
}

fn by<K: Eq + Hash, V>(rows: Vec<V>, key: impl Fn(&V) -> K) -> HashMap<K, V> {
    rows.into_iter().map(|row| (key(&row), row)).collect()
}

fn group<K: Eq + Hash, V>(rows: Vec<V>, key: impl Fn(&V) -> K) -> HashMap<K, Vec<V>> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups
}
