//! Access tokens: shown once, stored as a hash, revocable, expiring.
//!
//! A token is `enishi_` and 43 characters of base64url: 256 random bits. A value with that much
//! chance in it needs no slow hash; SHA-256 makes the stored form useless to a thief.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    Scoped as _, access_token,
    id::{AccessTokenId, MemberId, WorkspaceId},
    kind::Role,
};
use sea_orm::{
    ActiveModelTrait as _, EntityTrait as _, FromQueryResult, IntoActiveModel as _, Set,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Actor, Scope, ScopeSet, member};
use crate::{
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows, Tx, rows_by_id},
    text,
};

const PREFIX: &str = "enishi_";

/// How exactly the last use of a token is known: while it is in use, one is written down this often.
const USE_NOTED_EVERY: TimeDelta = TimeDelta::minutes(5);

/// A token about to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Whose it is to be; the actor's own, if nothing is given.
    pub member: Option<MemberId>,
    /// What it is for.
    pub name: String,
    /// What it may be used for; never more than its member's role allows.
    pub scopes: Vec<Scope>,
    /// When it stops working; never, if nothing is given.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether a program is to use it: what it does is then said to be done by the token.
    pub integration: bool,
}

/// Makes a token for the actor or another member. The secret is returned here and never again.
pub async fn create(
    ctx: &Ctx,
    actor: &Actor,
    new: NewToken,
) -> Result<(access_token::Model, SecretString)> {
    actor.require(Scope::Administer)?;
    let name =
        text::name(&new.name, &["name"], 100).map_err(|error| Error::Refused(vec![error]))?;
    let scopes: ScopeSet = new.scopes.iter().copied().collect();
    if scopes == ScopeSet::default() {
        let message = "Choose at least one scope.";
        return Err(Error::refused(
            &["scopes"],
            UserErrorCode::Required,
            message,
        ));
    }
    if scopes.and(actor.scopes) != scopes {
        let message = "A token cannot do more than the token that makes it.";
        return Err(Error::refused(&["scopes"], UserErrorCode::Invalid, message));
    }
    if new.expires_at.is_some_and(|at| at <= ctx.clock.now()) {
        let message = "Choose a moment in the future.";
        return Err(Error::refused(
            &["expiresAt"],
            UserErrorCode::Invalid,
            message,
        ));
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    let member = member::find(&tx, new.member.unwrap_or(actor.member), "memberId").await?;
    member::may_grant(actor, member.role)?;
    let secret = generate(ctx);
    let mut token = insert(&tx, member.id, &name, scopes, new.expires_at, &secret).await?;
    if new.integration {
        let mut active = token.into_active_model();
        active.integration = Set(true);
        token = active.update(tx.connection()).await?;
    }
    tx.audit(
        actor,
        Record::made("token.create", token.id, audited(&token)),
    );
    tx.commit().await?;
    Ok((token, secret))
}

/// Takes a token back; it stops working within seconds, also on open subscriptions. Tokens are all that
/// lets a member in, so those of owners are taken back by owners only.
pub async fn revoke(ctx: &Ctx, actor: &Actor, id: AccessTokenId) -> Result<access_token::Model> {
    actor.require(Scope::Administer)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let token = access_token::Entity::find_by_id((tx.workspace, id))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "access token"))?;
    let token = if token.revoked_at.is_some() {
        token
    } else {
        let whose = entity::member::Entity::find_by_id((tx.workspace, token.member_id))
            .one(tx.connection())
            .await?
            .ok_or_else(|| Error::Internal("a token has no member".to_owned()))?;
        member::may_grant(actor, whose.role)?;
        let mut active = token.into_active_model();
        active.revoked_at = Set(Some(tx.now));
        let token = active.update(tx.connection()).await?;
        tx.audit(actor, Record::ended("token.revoke", id, audited(&token)));
        token
    };
    tx.commit().await?;
    Ok(token)
}

/// The workspace's tokens, oldest first, revoked ones included.
pub async fn list(ctx: &Ctx, workspace: WorkspaceId) -> Result<Vec<access_token::Model>> {
    let mut tokens = access_token::Entity::of(workspace)
        .all(ctx.reader())
        .await?;
    tokens.sort_by_key(|token| token.id);
    Ok(tokens)
}

/// The tokens among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[AccessTokenId],
) -> Result<Vec<access_token::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

/// What the audit log says of a token: neither the secret nor its hash nor a part of either.
fn audited(token: &access_token::Model) -> Value {
    json!({
        "name": token.name, "member": token.member_id, "scopes": token.scopes,
        "expiresAt": token.expires_at, "integration": token.integration,
    })
}

/// A new secret.
pub(crate) fn generate(ctx: &Ctx) -> SecretString {
    let mut random = [0; 32];
    ctx.ids.fill(&mut random);
    SecretString::from(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random)))
}

pub(crate) async fn insert(
    tx: &Tx<'_>,
    member: MemberId,
    name: &str,
    scopes: ScopeSet,
    expires_at: Option<DateTime<Utc>>,
    secret: &SecretString,
) -> Result<access_token::Model> {
    let token = access_token::Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        member_id: member,
        name: name.to_owned(),
        hash: hash(secret.expose_secret()).to_vec(),
        hint: hint(secret.expose_secret()),
        scopes: json!(scopes.iter().collect::<Vec<_>>()),
        created_at: tx.now,
        expires_at,
        revoked_at: None,
        integration: false,
        last_used_at: None,
    };
    access_token::Entity::insert(token.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(token)
}

/// What is stored of a token.
pub type Hash = [u8; 32];

/// The SHA-256 of a token.
pub fn hash(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

/// The last four characters tell tokens apart in a list and give nothing away.
fn hint(secret: &str) -> String {
    let tail: Vec<char> = secret.chars().rev().take(4).collect();
    tail.into_iter().rev().collect()
}

/// What is read of a token `t` and its member `m`.
const COLUMNS: &str = "t.hash, t.workspace_id, t.id, t.member_id, m.role, t.scopes, t.expires_at,
    t.integration, t.last_used_at";
/// Leaves tokens out that were revoked, and those of members who are gone.
const STANDING: &str = "JOIN member m ON m.workspace_id = t.workspace_id AND m.id = t.member_id
    WHERE t.revoked_at IS NULL AND m.removed_at IS NULL";

#[derive(FromQueryResult)]
struct Row {
    hash: Vec<u8>,
    workspace_id: WorkspaceId,
    id: AccessTokenId,
    member_id: MemberId,
    role: Role,
    scopes: Value,
    expires_at: Option<DateTime<Utc>>,
    integration: bool,
    last_used_at: Option<DateTime<Utc>>,
}

impl Row {
    /// Nothing, if its time has come.
    fn into_credential(self, now: DateTime<Utc>) -> Result<Option<Credential>> {
        if self.expires_at.is_some_and(|at| at <= now) {
            return Ok(None);
        }
        let scopes: Vec<Scope> = serde_json::from_value(self.scopes)?;
        let scopes: ScopeSet = scopes.into_iter().collect();
        let actor = Actor {
            workspace: self.workspace_id,
            member: self.member_id,
            token: self.id,
            role: self.role,
            scopes: scopes.with_parts().and(ScopeSet::of_role(self.role)),
            integration: self.integration,
        };
        Ok(Some(Credential {
            actor,
            last_used_at: self.last_used_at,
        }))
    }
}

/// A token that works now.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Whoever comes with it.
    pub actor: Actor,
    /// Its last use that was noted.
    last_used_at: Option<DateTime<Utc>>,
}

impl Credential {
    /// Whether a use of it at `now` is to be noted.
    pub fn is_use_due(&self, now: DateTime<Utc>) -> bool {
        let last = self.last_used_at;
        last.is_none_or(|at| at <= now - USE_NOTED_EVERY)
    }
}

/// The actor behind `secret`, if it is a token that works now. The look-up is by hash, so its time
/// tells nothing about how much of a guess was right.
pub async fn authenticate(ctx: &Ctx, secret: &str) -> Result<Option<Actor>> {
    authenticate_hash(ctx, hash(secret)).await
}

/// Like [`authenticate`], for a caller that keeps hashes instead of secrets.
pub async fn authenticate_hash(ctx: &Ctx, hash: Hash) -> Result<Option<Actor>> {
    let found = look_up(ctx, hash).await?;
    Ok(found.map(|credential| credential.actor))
}

/// Like [`authenticate_hash`], for a caller that notes the use of tokens.
pub async fn look_up(ctx: &Ctx, hash: Hash) -> Result<Option<Credential>> {
    let row: Option<Row> = Query::new(format!(
        "SELECT {COLUMNS} FROM access_token t {STANDING} AND t.hash = $1"
    ))
    .bind(hash.to_vec())
    .one(ctx.reader())
    .await?;
    match row {
        Some(row) => row.into_credential(ctx.clock.now()),
        None => Ok(None),
    }
}

/// What [`look_up`] finds of each, for a caller who has many at once.
pub async fn look_up_each(ctx: &Ctx, hashes: &[Hash]) -> Result<HashMap<Hash, Credential>> {
    let given = Rows::new().blobs("hash", hashes.iter().map(|hash| hash.to_vec()));
    let rows: Vec<Row> = Query::new(format!(
        "SELECT {COLUMNS} FROM {{given}} JOIN access_token t ON t.hash = given.hash {STANDING}"
    ))
    .rows("given", given)
    .all(ctx.reader())
    .await?;
    let now = ctx.clock.now();
    let mut found = HashMap::new();
    for row in rows {
        let Ok(hash) = Hash::try_from(row.hash.as_slice()) else {
            continue;
        };
        if let Some(credential) = row.into_credential(now)? {
            found.insert(hash, credential);
        }
    }
    Ok(found)
}

/// Notes that the actor's token is used now. Of many who note it at once, in any process, one writes.
pub async fn note_use(ctx: &Ctx, actor: &Actor) -> Result<()> {
    let now = ctx.clock.now();
    let ctx = ctx.walled_to(actor.workspace);
    Query::new(
        "UPDATE access_token SET last_used_at = $1
         WHERE workspace_id = $2 AND id = $3
           AND (last_used_at IS NULL OR last_used_at <= $4)",
    )
    .bind(now)
    .bind(actor.workspace)
    .bind(actor.token)
    .bind(now - USE_NOTED_EVERY)
    .execute(ctx.db.writer())
    .await?;
    Ok(())
}
