//! Companies that were put in order: one that was there twice and is one now, one that is no customer any
//! more and was put away. A third is there twice still, to try a merge with.

use crate::{
    access::Actor,
    account::{self, DetailChanges, NewAccount, merge},
    contact::{self, NewContact},
    ctx::Ctx,
    error::{Error, Result},
};

/// The domain of the company that another account was merged into.
const SURVIVOR: &str = "aoba-shoji.example";

/// Merges one, puts one away, and leaves one for whoever looks.
pub(super) async fn put_in_order(ctx: &Ctx, actor: &Actor) -> Result<()> {
    let twin = NewAccount {
        name: "あおば商事".to_owned(),
        domain: Some("aoba.example".to_owned()),
        details: DetailChanges {
            website: Some(Some("https://www.aoba.example".to_owned())),
            ..DetailChanges::default()
        },
        ..NewAccount::default()
    };
    let twin = account::create(ctx, actor, twin).await?;
    let clerk = NewContact {
        name: "三浦 恵".to_owned(),
        email: Some("miura@aoba.example".to_owned()),
        locale: Some("ja".to_owned()),
        account: Some(twin.id),
        ..NewContact::default()
    };
    contact::create(ctx, actor, clerk).await?;
    let survivor = account::find_by_domain(ctx, actor.workspace, SURVIVOR).await?;
    let survivor = survivor.ok_or_else(|| Error::not_found(&["domain"], "account"))?;
    let reason = "同じ会社でした / the same company / 同一家公司";
    merge::merge(ctx, actor, survivor.id, twin.id, reason).await?;

    let former = NewAccount {
        name: "南京旧桥贸易有限公司".to_owned(),
        domain: Some("jiuqiao-trading.example".to_owned()),
        details: DetailChanges {
            description: Some(Some("已停业 / closed down / 廃業".to_owned())),
            ..DetailChanges::default()
        },
        ..NewAccount::default()
    };
    let former = account::create(ctx, actor, former).await?;
    account::set_archived(ctx, actor, former.id, true).await?;

    let double = NewAccount {
        name: "Northwind".to_owned(),
        domain: Some("northwind.example".to_owned()),
        details: DetailChanges {
            website: Some(Some("https://www.northwind-outfitters.example".to_owned())),
            ..DetailChanges::default()
        },
        ..NewAccount::default()
    };
    account::create(ctx, actor, double).await?;
    Ok(())
}
