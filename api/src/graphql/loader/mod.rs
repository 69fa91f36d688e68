//! Fetching by id, together and once per request.
//!
//! - `row`: what has an id.
//! - `list`: what a thing has several of.
//! - `single`: what a thing has one of, and merges.
//! - `together`: how requests that ask at the same moment share a statement.
//!
//! Resolvers ask through the request's context; each key is one line or one `Load`, and each asks one
//! finder of the domain. Nothing here decides who may see what, and nothing is kept beyond a request.

/// Values that are found beside their owners: the key, what it is made of, the value, and its finder.
macro_rules! values {
    ($($(#[$doc:meta])* $key:ident($id:ty) => $value:ty, $find:path;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            pub(crate) struct $key(pub(crate) $id);

            #[async_trait::async_trait]
            impl Load<$key> for Loader {
                type Value = $value;
                type Error = Error;

                async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Self::Value>, Error> {
                    let ids: Vec<$id> = keys.iter().map(|key| key.0).collect();
                    let found = $find(&self.ctx, self.workspace, &ids).await.map_err(fault)?;
                    let found = found.into_iter();
                    Ok(found.map(|(id, value)| ($key(id), value)).collect())
                }
            }
        )*
    };
}

mod list;
mod row;
mod single;
mod together;

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_graphql::{
    Error,
    dataloader::DataLoader,
    runtime::{TokioSpawner, TokioTimer},
};
use domain::ctx::Ctx;
use entity::id::WorkspaceId;

pub(crate) use self::{
    list::{
        BandsOf, BoundTo, ChildrenOf, ConflictsOf, IdentitiesOf, KeysOf, LinesOf, LinkTagsOf,
        MembersOf, MembershipsOf, PathOf, SubscriptionsOf, TaggingsAt, TaggingsOf, TagsOf, UsesOf,
        ValuesOf, WatchersOf,
    },
    single::{
        AccountMergeOf, BandsInUse, ChangeOf, ContactMergeOf, CountsOf, DefinitionOf, EmailDaysOf,
        EngagementOf, EngagementOfAccount, HealthEntryOf, HealthOf, LastNight, ModelOf, NameOf,
        OverallOf, PressureOf, ReceiversOf, RecencyOf, RfmOf, StandingOf, TalliesOf, TrendOf,
        VerdictOf, VersionOf, WebProfileOf, ZoneInUse,
    },
};

pub(crate) use self::together::LookUp;
pub use self::together::Together;

/// Where a request keeps its loader, and the business for the rows of lists, once a resolver has asked for them.
#[derive(Default)]
pub struct LoaderCell {
    loader: OnceLock<DataLoader<Loader>>,
    gathering: OnceLock<Ctx>,
    together: Arc<Together>,
}

/// Fetches rows of one workspace by key. The type of the key says what is wanted.
#[derive(Clone)]
pub(crate) struct Loader {
    ctx: Ctx,
    workspace: WorkspaceId,
    together: Arc<Together>,
}

impl LoaderCell {
    /// An empty one, for a request that asks together with others of its thread.
    pub fn new(together: Arc<Together>) -> Self {
        Self {
            together,
            ..Self::default()
        }
    }

    /// What `key` names, for a field of the root: nothing else of this request is asked for beside it.
    pub(super) async fn find<K>(
        &self,
        ctx: &Ctx,
        workspace: WorkspaceId,
        key: K,
    ) -> Result<Option<<Loader as LookUp<K>>::Value>, Error>
    where
        K: Copy + Eq + Hash + Send + Sync + 'static,
        Loader: LookUp<K>,
    {
        let source = self.source(ctx, workspace);
        let mut found = self.together.find(&source, workspace, &[key]).await?;
        Ok(found.remove(&key))
    }

    /// `ctx`, for what the rows of a list ask for: lists and figures of each are read for all of them together.
    pub(super) fn gathering(&self, ctx: &Ctx) -> &Ctx {
        self.gathering.get_or_init(|| ctx.gathering())
    }

    pub(super) fn loader(&self, ctx: &Ctx, workspace: WorkspaceId) -> &DataLoader<Loader> {
        self.loader.get_or_init(|| {
            let loader = self.source(ctx, workspace);
            // Without a delay the batch goes out as soon as the resolvers that run now have asked.
            DataLoader::new(loader, TokioSpawner::current(), TokioTimer::default())
                .delay(Duration::ZERO)
        })
    }

    fn source(&self, ctx: &Ctx, workspace: WorkspaceId) -> Loader {
        Loader {
            ctx: ctx.clone(),
            workspace,
            together: Arc::clone(&self.together),
        }
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
