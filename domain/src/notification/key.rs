//! What the requests to a webhook target are signed with: making keys, changing them with a time of
//! overlap in which both sign, and opening them for a worker.
//!
//! The secret of `v1` is shown once, when it is made. The public key of `v1a` is no secret and can be
//! read at any time; its private key is never shown.

use std::collections::HashMap;

use chrono::TimeDelta;
use entity::{
    Scoped as _,
    id::{Id as _, TargetId, WebhookKeyId, WorkspaceId},
    kind::TargetKind,
    notification_target as target, webhook_key,
};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
};
use secrecy::SecretString;
use serde_json::json;

use super::{
    manage,
    target::webhook::{NewKey, SigningKey},
};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows, Tx},
    vault::{
        Sealed,
        reseal::{Named, Place},
    },
};

/// The longest time an old key goes on signing beside the new one, in hours.
pub const OVERLAP_LIMIT_H: i64 = 7 * 24;
/// Keys that sign at once at most: a header has no room for any number of signatures.
const KEYS_LIMIT: usize = 5;
const SECRET: &str = "webhook_key.secret";
const SEED: &str = "webhook_key.seed";
/// Where the sealed secrets are.
pub(crate) const SEALED_SECRET: Place = Place {
    table: "webhook_key",
    column: "sealed_secret",
    purpose: SECRET,
    named: Named::ById,
};
/// Where the sealed private keys are.
pub(crate) const SEALED_SEED: Place = Place {
    column: "sealed_seed",
    purpose: SEED,
    ..SEALED_SECRET
};

/// Makes a key for a target. The secret is returned here and never again.
pub(super) async fn make(ctx: &Ctx, tx: &Tx<'_>, target: TargetId) -> Result<SecretString> {
    let new = NewKey::generate(&*ctx.ids);
    let id: WebhookKeyId = tx.id();
    let seal = |purpose, text: &SecretString| {
        let sealed = ctx.vault.seal(&*ctx.ids, id.uuid(), purpose, text);
        sealed
            .map(|sealed| sealed.as_str().to_owned())
            .map_err(Error::from)
    };
    let key = webhook_key::Model {
        workspace_id: tx.workspace,
        id,
        notification_target_id: target,
        sealed_secret: seal(SECRET, &new.secret)?,
        sealed_seed: seal(SEED, &new.seed)?,
        public_key: new.public_key,
        created_at: tx.now,
        expires_at: None,
    };
    webhook_key::Entity::insert(key.into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(new.secret)
}

/// Gives a webhook target a new key. For `overlap_h` hours requests are signed with the old one as
/// well, so that receivers can be changed at leisure; 0 ends the old one at once.
pub async fn rotate(
    ctx: &Ctx,
    actor: &Actor,
    id: TargetId,
    overlap_h: i64,
) -> Result<(target::Model, SecretString)> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let target = manage::hold(&tx, id, "id").await?;
    if target.kind != TargetKind::Webhook {
        let message = "Only webhook targets have keys.";
        return Err(Error::refused(
            &["id"],
            UserErrorCode::KindMismatch,
            message,
        ));
    }
    if !(0..=OVERLAP_LIMIT_H).contains(&overlap_h) {
        let message = format!("Give a number of hours from 0 to {OVERLAP_LIMIT_H}.");
        return Err(Error::refused(
            &["overlapHours"],
            UserErrorCode::Invalid,
            message,
        ));
    }
    let valid = webhook_key::Entity::of(tx.workspace)
        .filter(webhook_key::Column::NotificationTargetId.eq(id))
        .filter(is_valid(tx.now))
        .all(tx.connection())
        .await?;
    if overlap_h > 0 && valid.len() >= KEYS_LIMIT {
        let message = "Too many old keys are still valid. Use an overlap of 0 to end them now.";
        return Err(Error::refused(
            &["overlapHours"],
            UserErrorCode::LimitReached,
            message,
        ));
    }
    // One that was to end sooner does.
    Query::new(
        "UPDATE webhook_key SET expires_at = $3
         WHERE workspace_id = $1 AND notification_target_id = $2
           AND (expires_at IS NULL OR expires_at > $3)",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now + TimeDelta::hours(overlap_h))
    .execute(tx.connection())
    .await?;
    let secret = make(ctx, &tx, id).await?;
    manage::record(&mut tx, actor, id);
    let record = Record::changed(
        "target.rotate_secret",
        id,
        json!({}),
        json!({ "overlapHours": overlap_h, "secret": "changed" }),
    );
    tx.audit(actor, record);
    tx.commit().await?;
    Ok((target, secret))
}

fn is_valid(now: chrono::DateTime<chrono::Utc>) -> Condition {
    Condition::any()
        .add(webhook_key::Column::ExpiresAt.is_null())
        .add(webhook_key::Column::ExpiresAt.gt(now))
}

/// The keys of targets that sign now, the oldest first; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    targets: &[TargetId],
) -> Result<Vec<webhook_key::Model>> {
    Ok(Query::new(
        "SELECT k.* FROM {r} JOIN webhook_key k
           ON k.workspace_id = $1 AND k.notification_target_id = r.id
         WHERE k.expires_at IS NULL OR k.expires_at > $2 ORDER BY k.id",
    )
    .bind(workspace)
    .bind(ctx.clock.now())
    .rows("r", Rows::new().ids("id", targets.iter().copied()))
    .all(ctx.reader())
    .await?)
}

/// Opens the keys of `targets` that sign now, the newest first.
pub(super) async fn open(
    ctx: &Ctx,
    targets: &[(WorkspaceId, TargetId)],
) -> Result<HashMap<(WorkspaceId, TargetId), Vec<SigningKey>>> {
    if targets.is_empty() {
        return Ok(HashMap::new());
    }
    let keys: Vec<webhook_key::Model> = Query::new(
        "SELECT k.* FROM {r} JOIN webhook_key k
           ON k.workspace_id = r.workspace_id AND k.notification_target_id = r.id
         WHERE k.expires_at IS NULL OR k.expires_at > $1 ORDER BY k.id DESC",
    )
    .bind(ctx.clock.now())
    .rows(
        "r",
        Rows::new()
            .ids("workspace_id", targets.iter().map(|target| target.0))
            .ids("id", targets.iter().map(|target| target.1)),
    )
    .all(ctx.db.writer())
    .await?;
    let mut opened: HashMap<_, Vec<SigningKey>> = HashMap::new();
    for key in keys {
        let open = |purpose, text: &str| {
            let sealed = Sealed::from_stored(text.to_owned());
            ctx.vault.open(key.id.uuid(), purpose, &sealed)
        };
        let read = open(SECRET, &key.sealed_secret)
            .and_then(|secret| Ok((secret, open(SEED, &key.sealed_seed)?)));
        let signing = match read {
            Ok((secret, seed)) => SigningKey::read(&secret, &seed),
            Err(error) => {
                tracing::error!(webhook_key.id = %key.id, %error, "cannot open a signing key");
                None
            }
        };
        let target = (key.workspace_id, key.notification_target_id);
        opened.entry(target).or_default().extend(signing);
    }
    Ok(opened)
}
