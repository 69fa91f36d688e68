//! Workspaces: the tenants. Made at the first start and by `enishi workspace create`; read at every
//! request for the time zone and our own addresses.

use chrono_tz::Tz;
use entity::{
    id::{InboxId, WorkspaceId},
    inbox,
    kind::{Channel, Role},
    workspace,
};
use sea_orm::{EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _, Set};
use secrecy::SecretString;
use serde_json::json;

use crate::{
    access::{
        Actor, Scope, ScopeSet,
        member::{self, NewMember},
        token,
    },
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    locale::Locale,
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

/// Whether there is any workspace: false only before the first start is complete.
pub async fn any(ctx: &Ctx) -> Result<bool> {
    Ok(workspace::Entity::find().count(ctx.reader()).await? > 0)
}

/// Makes a workspace with an owner, a token and an inbox for email.
pub async fn create(ctx: &Ctx, new: NewWorkspace) -> Result<Created> {
    let name =
        text::name(&new.name, &["name"], 100).map_err(|error| Error::Refused(vec![error]))?;
    let id: WorkspaceId = ctx.id();
    let tx = ctx.begin(id).await?;
    let workspace = workspace::Model {
        id,
        name,
        time_zone: new.time_zone.name().to_owned(),
        locale: locale_word(new.locale).to_owned(),
        own_addresses: json!(new.own_addresses),
        rules_version: 0,
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
    let owner = member::insert(&tx, owner).await?;
    let owner_token = new.owner_token.unwrap_or_else(|| token::generate(ctx));
    let scopes = ScopeSet::of_role(Role::Owner);
    token::insert(&tx, owner.id, "First owner", scopes, None, &owner_token).await?;
    inbox::Entity::insert(inbox::ActiveModel {
        workspace_id: Set(id),
        id: Set(tx.id::<InboxId>()),
        name: Set("Email".to_owned()),
        channel: Set(Channel::Email),
        address: Set(None),
        created_at: Set(tx.now),
    })
    .exec_without_returning(tx.connection())
    .await?;
    tx.commit().await?;
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
}

/// Changes the actor's workspace.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    changes: WorkspaceChanges,
) -> Result<workspace::Model> {
    actor.require(Scope::Administer)?;
    let mut errors = Vec::new();
    let mut active = find(ctx, actor.workspace).await?.into_active_model();
    if let Some(name) = changes.name {
        match text::name(&name, &["name"], 100) {
            Ok(name) => active.name = Set(name),
            Err(error) => errors.push(error),
        }
    }
    if let Some(addresses) = changes.own_addresses {
        for (index, address) in addresses.iter().enumerate() {
            let whole = if address.starts_with('@') {
                format!("x{address}")
            } else {
                address.clone()
            };
            if let Err(error) = crate::mail::EmailAddress::parse(&whole) {
                let index = index.to_string();
                errors.push(crate::error::UserError::new(
                    &["ownAddresses", &index],
                    UserErrorCode::Invalid,
                    error.to_string(),
                ));
            }
        }
        active.own_addresses = Set(json!(addresses));
    }
    if let Some(locale) = changes.locale {
        active.locale = Set(locale_word(locale).to_owned());
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let tx = ctx.begin(actor.workspace).await?;
    let workspace = workspace::Entity::update(active)
        .exec(tx.connection())
        .await?;
    tx.commit().await?;
    Ok(workspace)
}

/// The language as stored.
fn locale_word(locale: Locale) -> &'static str {
    match locale {
        Locale::Ja => "JA",
        Locale::En => "EN",
        Locale::Zh => "ZH",
    }
}
