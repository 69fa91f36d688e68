//! Targets: making, changing, and switching them on and off.

use entity::{
    Scoped as _,
    id::{Id as _, TargetId, WorkspaceId},
    kind::TargetKind,
    notification_target as target,
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, Set,
};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::DisableReason;
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Rows, Tx},
    text,
    vault::{Sealed, mask_url},
    work::change::{Change, Fact},
};

/// Characters a name may have.
pub const NAME_LIMIT: usize = 100;
/// Bytes a URL may have.
const URL_LIMIT: usize = 2_000;
/// Targets a workspace may have.
pub const TARGET_LIMIT: u64 = 500;
/// What a target's sealed URL is for; see [`crate::vault`].
const PURPOSE: &str = "notification_target.url";
/// Stored as the reason when a member switched a target off.
const BY_MEMBER: &str = "member";

/// A target about to be made.
#[derive(Debug, Clone)]
pub struct NewTarget {
    /// The name shown; unique in the workspace.
    pub name: String,
    /// The kind of place.
    pub kind: TargetKind,
    /// The secret URL to call.
    pub url: SecretString,
}

/// What may be changed about a target; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct TargetChanges {
    /// The name shown.
    pub name: Option<String>,
    /// The secret URL to call.
    pub url: Option<SecretString>,
    /// Whether it is on: rules do not notify a target that is off, and what is on its way to it
    /// fails.
    pub enabled: Option<bool>,
}

/// Makes a target.
pub async fn create(ctx: &Ctx, actor: &Actor, new: NewTarget) -> Result<target::Model> {
    actor.require(Scope::Configure)?;
    let mut errors = Vec::new();
    let name = text::name(&new.name, &["name"], NAME_LIMIT)
        .map_err(|error| errors.push(error))
        .unwrap_or_default();
    let url = check_url(&new.url).map_err(|error| errors.push(error)).ok();
    let mut tx = ctx.begin(actor.workspace).await?;
    refuse_taken(&tx, &name, None, &mut errors).await?;
    let count = target::Entity::of(tx.workspace)
        .count(tx.connection())
        .await?;
    if count >= TARGET_LIMIT {
        let message = format!("A workspace has at most {TARGET_LIMIT} targets.");
        errors.push(UserError::new(&[], UserErrorCode::LimitReached, message));
    }
    let (Some(url), true) = (url, errors.is_empty()) else {
        return Err(Error::Refused(errors));
    };
    let id: TargetId = tx.id();
    let target = target::Model {
        workspace_id: tx.workspace,
        id,
        name,
        kind: new.kind,
        sealed_url: seal(ctx, id, &url)?,
        masked_url: mask_url(&url),
        created_at: tx.now,
        disabled_at: None,
        disabled_reason: None,
        next_send_at: None,
    };
    target::Entity::insert(target.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    record(&mut tx, actor, id);
    tx.audit(actor, Record::made("target.create", id, audited(&target)));
    tx.commit().await?;
    Ok(target)
}

/// Changes a target. Deliveries already on their way go to the new URL.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    id: TargetId,
    changes: TargetChanges,
) -> Result<target::Model> {
    actor.require(Scope::Configure)?;
    let mut errors = Vec::new();
    let mut tx = ctx.begin(actor.workspace).await?;
    let target = existing(&tx, id).await?;
    let was_enabled = target.disabled_at.is_none();
    let before = audited(&target);
    let mut row = target.into_active_model();
    if let Some(name) = &changes.name {
        match text::name(name, &["name"], NAME_LIMIT) {
            Ok(name) => {
                refuse_taken(&tx, &name, Some(id), &mut errors).await?;
                row.name = Set(name);
            }
            Err(error) => errors.push(error),
        }
    }
    if let Some(url) = &changes.url {
        match check_url(url) {
            Ok(url) => {
                row.sealed_url = Set(seal(ctx, id, &url)?);
                row.masked_url = Set(mask_url(&url));
            }
            Err(error) => errors.push(error),
        }
    }
    if let Some(enabled) = changes.enabled
        && enabled != was_enabled
    {
        row.disabled_at = Set((!enabled).then_some(tx.now));
        row.disabled_reason = Set((!enabled).then(|| BY_MEMBER.to_owned()));
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let target = if row.is_changed() {
        let target = target::Entity::update(row).exec(tx.connection()).await?;
        record(&mut tx, actor, id);
        let mut after = audited(&target);
        if changes.url.is_some() {
            // The address is a credential; that it was set anew is what may be told.
            after["url"] = "changed".into();
        }
        let record = Record::changed("target.update", id, before, after);
        tx.audit(actor, record);
        target
    } else {
        existing(&tx, id).await?
    };
    tx.commit().await?;
    Ok(target)
}

/// Why the target was switched off, if a receiver's answer did it.
pub fn disabled_because(target: &target::Model) -> Option<DisableReason> {
    let word = target.disabled_reason.clone()?;
    serde_json::from_value(word.into()).ok()
}

/// The workspace's targets, oldest first.
pub async fn list(ctx: &Ctx, workspace: WorkspaceId) -> Result<Vec<target::Model>> {
    let mut targets = target::Entity::of(workspace).all(ctx.reader()).await?;
    targets.sort_by_key(|target| target.id);
    Ok(targets)
}

/// The target, if it is one of the workspace.
pub async fn find(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: TargetId,
) -> Result<Option<target::Model>> {
    Ok(target::Entity::find_by_id((workspace, id))
        .one(ctx.reader())
        .await?)
}

/// The targets among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[TargetId],
) -> Result<Vec<target::Model>> {
    Ok(Query::new(
        "SELECT n.* FROM {r} JOIN notification_target n ON n.workspace_id = $1 AND n.id = r.id",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}

/// Opens the URL of a target, to call it.
pub(super) fn open_url(ctx: &Ctx, id: TargetId, sealed: &str) -> Result<Url, String> {
    let sealed = Sealed::from_stored(sealed.to_owned());
    let url = ctx.vault.open(id.uuid(), PURPOSE, &sealed);
    let url = url.map_err(|error| error.to_string())?;
    Url::parse(url.expose_secret()).map_err(|error| error.to_string())
}

/// Which addresses may be called is decided when they are, by whoever calls; a URL that nobody
/// could ever call is refused here.
fn check_url(url: &SecretString) -> Result<Url, UserError> {
    let refuse = |code, message: &str| Err(UserError::new(&["url"], code, message));
    let text = url.expose_secret().trim();
    if text.is_empty() {
        return refuse(UserErrorCode::Required, "Give the URL of the webhook.");
    }
    if text.len() > URL_LIMIT {
        return refuse(UserErrorCode::TooLong, "This URL is too long.");
    }
    let Ok(url) = Url::parse(text) else {
        return refuse(
            UserErrorCode::Invalid,
            "This is not a URL. Copy the whole address, beginning with https://.",
        );
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return refuse(
            UserErrorCode::Invalid,
            "Use a URL that begins with https:// and names a host.",
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(
            UserErrorCode::Invalid,
            "Use a URL without a user name or password in it.",
        );
    }
    Ok(url)
}

fn seal(ctx: &Ctx, id: TargetId, url: &Url) -> Result<String> {
    let secret = SecretString::from(url.as_str());
    ctx.vault
        .seal(&*ctx.ids, id.uuid(), PURPOSE, &secret)
        .map(|sealed| sealed.as_str().to_owned())
        .map_err(|error| Error::Internal(error.to_string()))
}

async fn existing(tx: &Tx<'_>, id: TargetId) -> Result<target::Model> {
    target::Entity::find_by_id((tx.workspace, id))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&["targetId"], "notification target"))
}

async fn refuse_taken(
    tx: &Tx<'_>,
    name: &str,
    except: Option<TargetId>,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let mut same = target::Entity::of(tx.workspace).filter(target::Column::Name.eq(name));
    if let Some(id) = except {
        same = same.filter(target::Column::Id.ne(id));
    }
    if same.count(tx.connection()).await? > 0 {
        let message = "Another target already has this name.";
        errors.push(UserError::new(&["name"], UserErrorCode::Taken, message));
    }
    Ok(())
}

/// What the audit log says of a target. Its address is a credential and has no place there.
fn audited(target: &target::Model) -> serde_json::Value {
    serde_json::json!({
        "name": target.name, "kind": target.kind, "enabled": target.disabled_at.is_none(),
    })
}

fn record(tx: &mut Tx<'_>, actor: &Actor, target_id: TargetId) {
    tx.record(Change::new(
        actor.origin(),
        None,
        Fact::TargetChanged { target_id },
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_that_could_be_called_are_taken() {
        for url in [
            "https://hooks.slack.com/services/T/B/x",
            " http://mattermost.internal:8065/hooks/x ",
        ] {
            assert!(check_url(&url.into()).is_ok(), "{url}");
        }
        for url in [
            "",
            "hooks.slack.com/services/T/B/x",
            "ftp://example.com/",
            "file:///etc/passwd",
            "https://user:password@example.com/",
            "mailto:a@example.com",
        ] {
            assert!(check_url(&url.into()).is_err(), "{url}");
        }
        let long = format!("https://example.com/{}", "x".repeat(URL_LIMIT));
        assert!(check_url(&long.into()).is_err());
    }
}
