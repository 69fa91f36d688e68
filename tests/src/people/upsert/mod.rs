//! Contacts and accounts as other systems know them, in bulk: what an item says (`told`), each for itself where one is
//! wrong (`mistake`), many, repeated and at once (`many`). Here is how a test calls and looks at what came of it.

mod many;
mod mistake;
mod told;

use domain::{
    contact,
    store::Query,
    upsert::{self, AccountItem, ContactItem, Outcome as O, Told, Upserted},
};
use entity::{
    id::{AccountId, ContactId, TagId},
    kind::{IdentityKind as I, TagKind, TagSelection},
};

use crate::support::{World, refusal::in_short};

/// An item of these keys, as far as they are not empty.
pub(super) fn item(external_id: &str, email: &str, name: &str) -> ContactItem {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    ContactItem {
        external_id: given(external_id),
        email: given(email),
        name: given(name),
        ..ContactItem::default()
    }
}

fn as_told<T>(items: Vec<T>) -> Vec<Told<T>> {
    let items = items.into_iter();
    items
        .map(|item| Told {
            item,
            errors: Vec::new(),
        })
        .collect()
}

pub(super) async fn contacts(world: &World, items: Vec<ContactItem>) -> Vec<Upserted<ContactId>> {
    let items = as_told(items);
    let done = upsert::contacts(&world.ctx, &world.owner, items, "From the CRM").await;
    done.expect("the call is taken")
}

pub(super) async fn accounts(world: &World, items: Vec<AccountItem>) -> Vec<Upserted<AccountId>> {
    let items = as_told(items);
    let done = upsert::accounts(&world.ctx, &world.owner, items, "From the CRM").await;
    done.expect("the call is taken")
}

pub(super) fn outcomes<I>(done: &[Upserted<I>]) -> Vec<O> {
    done.iter().map(|one| one.outcome).collect()
}

/// What was wrong with an item, as (path, code).
pub(super) fn wrong<I>(done: &Upserted<I>) -> Vec<String> {
    done.errors.iter().map(in_short).collect()
}

pub(super) async fn known(world: &World, external_id: &str) -> contact::Contact {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = contact::find_by_identity(ctx, workspace, I::ExternalId, external_id).await;
    found.expect("a look-up").expect("a contact")
}

async fn count(world: &World, what: &str) -> i64 {
    let found = Query::new(format!(
        "SELECT COUNT(*) FROM {what} WHERE workspace_id = $1"
    ))
    .bind(world.owner.workspace)
    .scalar(world.ctx.reader())
    .await;
    found.expect("a count").unwrap_or_default()
}

async fn carried(world: &World, thing: uuid::Uuid) -> Vec<TagId> {
    let found = Query::new(
        "SELECT tag_id FROM tagging WHERE target_id = $1 AND removed_at IS NULL ORDER BY tag_id",
    )
    .bind(thing)
    .column(world.ctx.reader())
    .await;
    found.expect("tags")
}

/// Tags `one` and `two` of a group that takes one, and `vip` beside it.
async fn tags(world: &World) -> [TagId; 3] {
    let industry = world.group("Industry", TagSelection::Single).await;
    [
        world.value(industry, "One").await,
        world.value(industry, "Two").await,
        world.tag(TagKind::Contact, "VIP", None).await,
    ]
}
