//! Workspaces: the tenants. Made at the first start and by `enishi workspace create`; read at every
//! request for the time zone and our own addresses.

pub mod hours;

use chrono_tz::Tz;
use entity::{
    id::{InboxId, WorkspaceId},
    inbox,
    kind::{Channel, Role, TagCreation},
    workspace,
};
use sea_orm::{
    ConnectionTrait as _, DatabaseBackend, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, Set,
};
use secrecy::SecretString;
use serde_json::json;

pub use hours::{BusinessHours, BusinessSpan};

use crate::{
    access::{
        Actor, Scope, ScopeSet,
        member::{self, NewMember},
        token,
    },
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    locale::Locale,
    mail::OwnAddresses,
    rule::tick,
    segment,
    store::Tx,
    text,
};

/// A workspace about to be made, with its first owner.
#[derive(Debug, Clone)]
pub struct NewWorkspace {
    /// The name shown.
    pub name: String,
    /// The IANA time zone days are counted in.
    pub time_zone: Tz,
    /// The language of the texts written for people.
    pub locale: Locale,
    /// Our own addresses and domains (`sales@example.com`, `@example.com`).
    pub own_addresses: Vec<String>,
    /// The first owner's address.
    pub owner_email: String,
    /// The first owner's name.
    pub owner_name: String,
    /// The first owner's token, when the installation gave one; otherwise one is made.
    pub owner_token: Option<SecretString>,
}

/// What making a workspace gives back.
#[derive(Debug)]
pub struct Created {
    /// The workspace.
    pub workspace: workspace::Model,
    /// The first owner's token; shown here and never again.
    pub owner_token: SecretString,
}

/// The workspaces of the installation, oldest first.
pub async fn list(ctx: &Ctx) -> Result<Vec<workspace::Model>> {
    let mut workspaces = workspace::Entity::find().all(ctx.reader()).await?;
    workspaces.sort_by_key(|workspace| workspace.id);
    Ok(workspaces)
}

/// Makes a workspace with an owner, a token and an inbox for email.
pub async fn create(ctx: &Ctx, new: NewWorkspace) -> Result<Created> {
    let tx = ctx.begin(ctx.id()).await?;
    let created = insert(ctx, &tx, new).await?;
    tx.commit().await?;
    Ok(created)
}

/// Makes the installation's first workspace, or nothing when there is one. Of several processes
/// that start at once, one makes it.
pub async fn create_first(ctx: &Ctx, new: NewWorkspace) -> Result<Option<Created>> {
    let tx = ctx.begin(ctx.id()).await?;
    // On SQLite the transaction holds the only write lock already.
    if ctx.db.backend() == DatabaseBackend::Postgres {
        tx.connection()
            .execute_unprepared("LOCK TABLE workspace IN SHARE ROW EXCLUSIVE MODE")
            .await?;
    }
    // Not in the transaction, which sees no workspace but its own.
    if workspace::Entity::find().count(ctx.reader()).await? > 0 {
        return Ok(None);
    }
    let created = insert(ctx, &tx, new).await?;
    tx.commit().await?;
    Ok(Some(created))
}

async fn insert(ctx: &Ctx, tx: &Tx<'_>, new: NewWorkspace) -> Result<Created> {
    let mut errors = Vec::new();
    let name = text::name(&new.name, &["name"], 100)
        .map_err(|error| errors.push(error))
        .ok();
    check_own_addresses(&new.own_addresses, &mut errors);
    let (Some(name), true) = (name, errors.is_empty()) else {
        return Err(Error::Refused(errors));
    };
    let workspace = workspace::Model {
        id: tx.workspace,
        name,
        time_zone: new.time_zone.name().to_owned(),
        locale: new.locale.word().to_owned(),
        own_addresses: json!(new.own_addresses),
        rules_version: 0,
        tag_creation: TagCreation::Administrators,
        tags_version: 0,
        business_hours: None,
        created_at: tx.now,
    };
    workspace::Entity::insert(workspace.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    let owner = NewMember {
        email: new.owner_email,
        name: new.owner_name,
        role: Role::Owner,
    };
    let owner = member::insert(tx, owner).await?;
    let owner_token = new.owner_token.unwrap_or_else(|| token::generate(ctx));
    let scopes = ScopeSet::of_role(Role::Owner);
    token::insert(tx, owner.id, "First owner", scopes, None, &owner_token).await?;
    inbox::Entity::insert(inbox::ActiveModel {
        workspace_id: Set(tx.workspace),
        id: Set(tx.id::<InboxId>()),
        name: Set("Email".to_owned()),
        channel: Set(Channel::Email),
        address: Set(None),
        created_at: Set(tx.now),
        archived_at: Set(None),
    })
    .exec_without_returning(tx.connection())
    .await?;
    Ok(Created {
        workspace,
        owner_token,
    })
}

/// The actor's workspace.
pub async fn find(ctx: &Ctx, id: WorkspaceId) -> Result<workspace::Model> {
    workspace::Entity::find_by_id(id)
        .one(ctx.reader())
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "workspace"))
}

/// The time zone days are counted in.
pub fn time_zone(workspace: &workspace::Model) -> Tz {
    workspace.time_zone.parse().unwrap_or(Tz::UTC)
}

/// What may be changed about a workspace; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct WorkspaceChanges {
    /// The name shown.
    pub name: Option<String>,
    /// Our own addresses and domains.
    pub own_addresses: Option<Vec<String>>,
    /// The language of the texts written for people.
    pub locale: Option<Locale>,
    /// The name of the IANA time zone days are counted in. What is asked afterwards goes by it; what was
    /// noted before stays: days that were counted, moments something waits for.
    pub time_zone: Option<String>,
    /// Who may make tags.
    pub tag_creation: Option<TagCreation>,
    /// When it is open for business.
    pub business_hours: Option<BusinessHours>,
}

/// Changes the actor's workspace.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    changes: WorkspaceChanges,
) -> Result<workspace::Model> {
    actor.require(Scope::Administer)?;
    let mut errors = Vec::new();
    let found = find(ctx, actor.workspace).await?;
    let before = audited(&found);
    let old_zone = found.time_zone.clone();
    let mut active = found.into_active_model();
    if let Some(name) = changes.name {
        match text::name(&name, &["name"], 100) {
            Ok(name) => active.name = Set(name),
            Err(error) => errors.push(error),
        }
    }
    if let Some(addresses) = changes.own_addresses {
        check_own_addresses(&addresses, &mut errors);
        active.own_addresses = Set(json!(addresses));
    }
    if let Some(locale) = changes.locale {
        active.locale = Set(locale.word().to_owned());
    }
    if let Some(name) = changes.time_zone {
        match name.trim().parse::<Tz>() {
            Ok(zone) => active.time_zone = Set(zone.name().to_owned()),
            Err(_) => errors.push(no_zone()),
        }
    }
    if let Some(creation) = changes.tag_creation {
        active.tag_creation = Set(creation);
    }
    if let Some(hours) = changes.business_hours {
        active.business_hours = Set(Some(json!(hours.check(&mut errors))));
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    let workspace = workspace::Entity::update(active)
        .exec(tx.connection())
        .await?;
    if workspace.time_zone != old_zone {
        // By the new clocks a time of day may have passed that the old ones have yet to show: nobody is
        // told or tagged for a moment before the change.
        tick::wait_from_now(&tx).await?;
        segment::clock::in_another_zone(ctx, &mut tx, actor.origin()).await?;
    }
    let after = audited(&workspace);
    let record = Record::changed("workspace.update", workspace.id, before, after);
    tx.audit(actor, record);
    tx.commit().await?;
    Ok(workspace)
}

/// What the audit log says of a workspace.
fn audited(workspace: &workspace::Model) -> serde_json::Value {
    json!({
        "name": workspace.name, "timeZone": workspace.time_zone, "locale": workspace.locale,
        "ownAddresses": workspace.own_addresses, "tagCreation": workspace.tag_creation,
        "businessHours": workspace.business_hours,
    })
}

fn no_zone() -> UserError {
    let message = "Give the name of a time zone in the IANA database, such as Asia/Tokyo.";
    UserError::new(&["timeZone"], UserErrorCode::Invalid, message)
}

fn check_own_addresses(addresses: &[String], errors: &mut Vec<UserError>) {
    for (index, address) in addresses.iter().enumerate() {
        if let Err(error) = OwnAddresses::new([address.as_str()]) {
            let index = index.to_string();
            errors.push(UserError::new(
                &["ownAddresses", &index],
                UserErrorCode::Invalid,
                error.to_string(),
            ));
        }
    }
}

/// Our own addresses and domains, as stored.
pub fn own_addresses(workspace: &workspace::Model) -> Vec<String> {
    serde_json::from_value(workspace.own_addresses.clone()).unwrap_or_default()
}

/// The language of a transaction's workspace.
pub(crate) async fn locale_of(tx: &crate::store::Tx<'_>) -> Result<Locale> {
    let word: Option<String> =
        crate::store::Query::new("SELECT locale FROM workspace WHERE id = $1")
            .bind(tx.workspace)
            .scalar(tx.connection())
            .await?;
    let locale = word.and_then(|word| serde_json::from_value(word.into()).ok());
    Ok(locale.unwrap_or_default())
}

/// The time zone of a transaction's workspace.
pub(crate) async fn zone_of(tx: &crate::store::Tx<'_>) -> Result<Tz> {
    let name: Option<String> =
        crate::store::Query::new("SELECT time_zone FROM workspace WHERE id = $1")
            .bind(tx.workspace)
            .scalar(tx.connection())
            .await?;
    Ok(name.and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC))
}
