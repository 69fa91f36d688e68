//! What every resolver needs.

use std::{hash::Hash, sync::Arc};

use async_graphql::{
    Context, Error, ID, QueryPathSegment, Result,
    dataloader::{DataLoader, Loader as Load},
};
use domain::{
    access::{Actor, Scope},
    ctx::Ctx,
};
use entity::id::Id;

use super::{
    error::fault,
    loader::{Loader, LoaderCell, LookUp},
};

/// The business, on this thread's connections. What a row of a list asks for, it asks together with the other
/// rows, which are resolved beside it.
pub(crate) fn business<'a>(context: &Context<'a>) -> Result<&'a Ctx> {
    let ctx = context.data::<Ctx>()?;
    if is_in_list(context) {
        Ok(context.data::<LoaderCell>()?.gathering(ctx))
    } else {
        Ok(ctx)
    }
}

fn is_in_list(context: &Context<'_>) -> bool {
    let mut at = context.path_node.as_ref();
    while let Some(node) = at {
        if matches!(node.segment, QueryPathSegment::Index(_)) {
            return true;
        }
        at = node.parent;
    }
    false
}

/// Who is asking.
pub(crate) fn actor<'a>(context: &Context<'a>) -> Result<&'a Actor> {
    context.data::<Arc<Actor>>().map(AsRef::as_ref)
}

/// Who is asking and the business, if they may read.
pub(crate) fn reader<'a>(context: &Context<'a>) -> Result<(&'a Ctx, &'a Actor)> {
    let actor = reading(context)?;
    Ok((business(context)?, actor))
}

/// Who is asking, if they may read.
fn reading<'a>(context: &Context<'a>) -> Result<&'a Actor> {
    let actor = actor(context)?;
    actor.require(Scope::Read).map_err(fault)?;
    Ok(actor)
}

/// Who is asking, if they may administer.
///
/// Fields of the root that need more than READ return `Option<Result<T>>` and not the reverse: an error
/// inside the `Option` makes that one field `null`, one around it the whole answer.
pub(crate) fn administrator<'a>(context: &Context<'a>) -> Result<(&'a Ctx, &'a Actor)> {
    let actor = actor(context)?;
    actor.require(Scope::Administer).map_err(fault)?;
    Ok((business(context)?, actor))
}

/// Who is asking and the business, for mutations; the use case checks the scope.
pub(crate) fn writer<'a>(context: &Context<'a>) -> Result<(&'a Ctx, &'a Actor)> {
    Ok((business(context)?, actor(context)?))
}

/// The loaders of this request: what is asked for by id is fetched together, and once.
pub(crate) fn loader<'a>(context: &Context<'a>) -> Result<&'a DataLoader<Loader>> {
    let actor = reading(context)?;
    let cell = context.data::<LoaderCell>()?;
    Ok(cell.loader(context.data::<Ctx>()?, actor.workspace))
}

/// What `id` names, for a field of the root or of a subscription that asks for nothing else: fetched by one
/// statement for every request that asks at this moment.
pub(crate) async fn found<K>(
    context: &Context<'_>,
    id: K,
) -> Result<Option<<Loader as LookUp<K>>::Value>>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    Loader: LookUp<K>,
{
    let (ctx, actor) = (context.data::<Ctx>()?, reading(context)?);
    let cell = context.data::<LoaderCell>()?;
    cell.find(ctx, actor.workspace, id).await
}

/// What `id` names, if there is one, fetched together with what is asked for beside it.
pub(crate) async fn loaded<K, T>(
    context: &Context<'_>,
    id: Option<K>,
    shown: impl FnOnce(<Loader as Load<K>>::Value) -> T,
) -> Result<Option<T>>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    Loader: Load<K, Error = Error>,
{
    let Some(id) = id else {
        return Ok(None);
    };
    Ok(loader(context)?.load_one(id).await?.map(shown))
}

/// What `ids` name, in their order, fetched in the same way; what is gone is left out.
pub(crate) async fn loaded_each<K, T>(
    context: &Context<'_>,
    ids: &[K],
    shown: impl Fn(<Loader as Load<K>>::Value) -> T,
) -> Result<Vec<T>>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    Loader: Load<K, Error = Error>,
{
    let mut found = loader(context)?.load_many(ids.iter().copied()).await?;
    let there = ids.iter().filter_map(|id| found.remove(id));
    Ok(there.map(shown).collect())
}

/// What the global id `id` names, fetched in the same way; a text that is no such id names nothing.
pub(crate) async fn loaded_by<K, T>(
    context: &Context<'_>,
    id: &ID,
    shown: impl FnOnce(<Loader as Load<K>>::Value) -> T,
) -> Result<Option<T>>
where
    K: Id + Send + Sync + Hash + 'static,
    Loader: Load<K, Error = Error>,
{
    reading(context)?;
    loaded(context, id.parse::<K>().ok(), shown).await
}
