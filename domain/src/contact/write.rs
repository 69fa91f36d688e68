//! Making and changing one contact by hand.
//!
//! Called by the API. Contacts that come by themselves are made in `resolve`, those of files and other systems in
//! `bulk`; neither of them is here.

use chrono::{DateTime, Utc};
use entity::{
    contact,
    id::{AccountId, CampaignId, ContactId, MemberId},
    kind::{Channel, ContactField, IdentityKind},
};
use sea_orm::{ActiveModelTrait as _, IntoActiveModel as _};

use super::{
    Contact, arrival, check, find, hold,
    resolve::{NewPerson, complete, insert},
    suppress,
};
use crate::{
    access::{Actor, Scope},
    attribute::{Setting, write},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError},
    search,
    stage::{self, NewStage},
    store::Tx,
    subject::Subject,
    text,
    work::change::{Change, Fact},
};

/// A contact about to be made.
#[derive(Debug, Clone, Default)]
pub struct NewContact {
    /// The name shown.
    pub name: String,
    /// The main email address.
    pub email: Option<String>,
    /// The id another system gave.
    pub external_id: Option<String>,
    /// The contact's language, as a BCP 47 tag.
    pub locale: Option<String>,
    /// The company.
    pub account: Option<AccountId>,
    /// Everything else.
    pub profile: ProfileChanges,
}

/// What may be changed about a contact; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct ContactChanges {
    /// The name shown.
    pub name: Option<String>,
    /// The main email address; the former one stays an identity. `Some(None)` takes it away.
    pub email: Option<Option<String>>,
    /// The contact's language; `Some(None)` for unknown.
    pub locale: Option<Option<String>>,
    /// The company; `Some(None)` takes the contact out of its company.
    pub account: Option<Option<AccountId>>,
    /// Everything else.
    pub profile: ProfileChanges,
}

/// What is known of a contact beyond name and addresses. What is left out stays; `Some(None)` takes
/// away.
#[derive(Debug, Clone, Default)]
pub struct ProfileChanges {
    /// How the name is read.
    pub kana: Option<Option<String>>,
    /// The phone number; the former one stays an identity.
    pub phone: Option<Option<String>>,
    /// The member who looks after the contact.
    pub owner: Option<Option<MemberId>>,
    /// The lifecycle stage, and why it changes.
    pub stage: Option<NewStage>,
    /// The channel the contact came through first.
    pub source_channel: Option<Option<Channel>>,
    /// The campaign the contact came from.
    pub source_campaign: Option<Option<CampaignId>>,
    /// The member who brought the contact.
    pub brought_by: Option<Option<MemberId>>,
    /// When the contact came in; `Some(None)` for when it was made.
    pub arrived_at: Option<Option<DateTime<Utc>>>,
    /// Values of custom attributes.
    pub attributes: Vec<Setting>,
}

/// Makes a contact; refuses an identity that somebody else has.
pub async fn create(ctx: &Ctx, actor: &Actor, new: NewContact) -> Result<Contact> {
    actor.require(Scope::Write)?;
    let mut errors = Vec::new();
    let name = text::name(&new.name, &["name"], 200)
        .map_err(|error| errors.push(error))
        .ok();
    let email = check::email(new.email.as_deref(), &mut errors);
    let external_id = new.external_id.as_deref().and_then(|id| {
        let id = text::id(id, &["externalId"]);
        id.map_err(|error| errors.push(error)).ok()
    });
    let locale = check::short(new.locale.as_deref(), "locale", &mut errors);
    let mut tx = ctx.begin(actor.workspace).await?;
    check::account(&tx, new.account, &mut errors).await?;
    let id: ContactId = tx.id();
    let mut identities = Vec::new();
    if let Some(email) = &email {
        identities.push((IdentityKind::Email, email.to_string(), "email"));
    }
    if let Some(external_id) = &external_id {
        identities.push((IdentityKind::ExternalId, external_id.clone(), "externalId"));
    }
    for (kind, value, field) in &identities {
        if check::is_taken(&tx, *kind, value, id).await? {
            errors.push(check::taken(field));
        }
        suppress::refuse(&tx, *kind, value, &[field]).await?;
    }
    let profile = Profile::check(&tx, id, new.profile, &mut errors).await?;
    let (Some(name), true) = (name, errors.is_empty()) else {
        return Err(Error::Refused(errors));
    };
    let person = NewPerson {
        id,
        name,
        email: email.map(|email| email.to_string()),
        phone: None,
        external_id,
        locale,
        account_id: new.account,
    };
    let said = serde_json::json!({
        "name": person.name, "email": person.email, "externalId": person.external_id,
        "locale": person.locale, "account": person.account_id,
    });
    tx.audit(actor, Record::made("contact.create", id, said).of(id));
    insert(&tx, &[person]).await?;
    complete(&tx, std::iter::once(id)).await?;
    for (kind, value, field) in identities {
        check::claim(&tx, id, kind, value, field).await?;
    }
    let fact = Fact::ContactCreated { contact_id: id };
    tx.record(Change::new(actor.origin(), Some(id), fact));
    if !profile.is_empty() {
        let made = hold::row(&tx, id, "id").await?;
        let before = audited(&made);
        let after = audited(&profile.write(&mut tx, actor, made).await?);
        let record = Record::changed("contact.update", id, before, after);
        tx.audit(actor, record.of(id));
    }
    search::index::touch(&tx, search::Kind::Contact, &[id.0]).await?;
    tx.commit().await?;
    find(ctx, actor.workspace, id)
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "contact"))
}

/// Changes a contact.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    id: ContactId,
    changes: ContactChanges,
) -> Result<Contact> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let mut contact = hold::row(&tx, id, "id").await?;
    let (before, old) = (audited(&contact), contact.clone());
    let mut errors = Vec::new();
    if let Some(name) = changes.name {
        match text::name(&name, &["name"], 200) {
            Ok(name) => {
                contact.name_key = text::name_key(&name);
                contact.name = name;
            }
            Err(error) => errors.push(error),
        }
    }
    if let Some(locale) = changes.locale {
        contact.locale = check::short(locale.as_deref(), "locale", &mut errors);
    }
    if let Some(account) = changes.account {
        check::account(&tx, account, &mut errors).await?;
        contact.account_id = account;
    }
    if changes.email == Some(None) {
        contact.email = None;
    }
    let email = check::email(changes.email.flatten().as_deref(), &mut errors);
    if let Some(email) = &email {
        if check::is_taken(&tx, IdentityKind::Email, email.as_str(), id).await? {
            errors.push(check::taken("email"));
        }
        suppress::refuse(&tx, IdentityKind::Email, email.as_str(), &["email"]).await?;
        contact.email = Some(email.to_string());
    }
    let profile = Profile::check(&tx, id, changes.profile, &mut errors).await?;
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    if let Some(email) = email {
        check::claim(&tx, id, IdentityKind::Email, email.to_string(), "email").await?;
    }
    let after = profile.write(&mut tx, actor, contact).await?;
    let fact = Fact::ContactChanged {
        contact_id: id,
        fields: different(&old, &after),
        left_account_id: left(&old, &after),
    };
    let record = Record::changed("contact.update", id, before, audited(&after));
    tx.audit(actor, record.of(id));
    search::index::touch(&tx, search::Kind::Contact, &[id.0]).await?;
    tx.record(Change::new(actor.origin(), Some(id), fact));
    tx.commit().await?;
    find(ctx, actor.workspace, id)
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "contact"))
}

/// The account that a contact is at no more.
pub(super) fn left(old: &contact::Model, new: &contact::Model) -> Option<AccountId> {
    old.account_id.filter(|_| old.account_id != new.account_id)
}

/// What of a contact is not what it was.
pub(super) fn different(old: &contact::Model, new: &contact::Model) -> Vec<ContactField> {
    let fields = [
        (ContactField::Name, old.name != new.name),
        (ContactField::Kana, old.kana != new.kana),
        (ContactField::Email, old.email != new.email),
        (ContactField::Phone, old.phone != new.phone),
        (ContactField::Locale, old.locale != new.locale),
        (ContactField::Account, old.account_id != new.account_id),
        (ContactField::Owner, old.owner_id != new.owner_id),
        (ContactField::Stage, old.stage != new.stage),
        (
            ContactField::Source,
            old.source_channel != new.source_channel
                || old.source_campaign_id != new.source_campaign_id
                || old.brought_by_id != new.brought_by_id
                || old.arrived_at != new.arrived_at,
        ),
    ];
    let changed = fields.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(field, _)| field).collect()
}

/// What the audit log says of a contact.
pub(super) fn audited(contact: &contact::Model) -> serde_json::Value {
    serde_json::json!({
        "name": contact.name, "kana": contact.kana, "email": contact.email,
        "phone": contact.phone, "externalId": contact.external_id, "locale": contact.locale,
        "account": contact.account_id, "owner": contact.owner_id, "stage": contact.stage,
        "sourceChannel": contact.source_channel, "sourceCampaign": contact.source_campaign_id,
        "broughtBy": contact.brought_by_id, "arrivedAt": contact.arrived_at,
    })
}

/// [`ProfileChanges`] that fit.
struct Profile {
    changes: ProfileChanges,
    attributes: Vec<write::Checked>,
}

impl Profile {
    async fn check(
        tx: &Tx<'_>,
        id: ContactId,
        mut changes: ProfileChanges,
        errors: &mut Vec<UserError>,
    ) -> Result<Self> {
        if let Some(Some(kana)) = &mut changes.kana {
            match text::name(kana, &["kana"], 200) {
                Ok(clean) => *kana = clean,
                Err(error) => errors.push(error),
            }
        }
        if let Some(Some(phone)) = &mut changes.phone {
            let home = check::home(tx).await?;
            match crate::phone::parse(phone, home, &["phone"]) {
                Ok(number) => {
                    if check::is_taken(tx, IdentityKind::Phone, &number, id).await? {
                        errors.push(check::taken("phone"));
                    }
                    suppress::refuse(tx, IdentityKind::Phone, &number, &["phone"]).await?;
                    *phone = number;
                }
                Err(error) => errors.push(error),
            }
        }
        if let Some(Some(at)) = &mut changes.arrived_at {
            match arrival::check(*at, tx.now, &["arrivedAt"]) {
                Ok(checked) => *at = checked,
                Err(error) => errors.push(error),
            }
        }
        if let Some(new) = &mut changes.stage {
            match text::short_text(&new.reason, &["stageReason"], 255) {
                Ok(reason) => new.reason = reason,
                Err(error) => errors.push(error),
            }
        }
        stage::check_member(tx, changes.owner.flatten(), "ownerId", errors).await?;
        stage::check_member(tx, changes.brought_by.flatten(), "broughtById", errors).await?;
        check::campaign(tx, changes.source_campaign.flatten(), errors).await?;
        let settings = std::mem::take(&mut changes.attributes);
        let attributes = write::check(tx, id.into(), settings, "attributes", errors).await?;
        Ok(Self {
            changes,
            attributes,
        })
    }

    fn is_empty(&self) -> bool {
        let changes = &self.changes;
        changes.kana.is_none()
            && changes.phone.is_none()
            && changes.owner.is_none()
            && changes.stage.is_none()
            && changes.source_channel.is_none()
            && changes.source_campaign.is_none()
            && changes.brought_by.is_none()
            && changes.arrived_at.is_none()
            && self.attributes.is_empty()
    }

    /// Writes `contact`, which may carry other changes, with these on top.
    async fn write(
        self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        mut contact: contact::Model,
    ) -> Result<contact::Model> {
        let (origin, id) = (actor.origin(), contact.id);
        let subject = Subject::from(id);
        let changes = self.changes;
        if let Some(kana) = changes.kana {
            contact.kana_key = kana.as_deref().map(text::reading_key);
            contact.kana = kana;
        }
        if let Some(phone) = changes.phone {
            if let Some(number) = &phone {
                check::claim(tx, id, IdentityKind::Phone, number.clone(), "phone").await?;
            }
            contact.phone = phone;
        }
        if let Some(owner) = changes.owner {
            stage::set_owner(tx, origin, subject, contact.owner_id, owner).await?;
            contact.owner_id = owner;
        }
        if let Some(new) = changes.stage {
            stage::set(tx, origin, subject, contact.stage, &new).await?;
            contact.stage_rank = stage::rank(new.stage);
            contact.stage = new.stage;
        }
        if let Some(channel) = changes.source_channel {
            contact.source_channel = channel;
        }
        if let Some(campaign) = changes.source_campaign {
            contact.source_campaign_id = campaign;
        }
        if let Some(member) = changes.brought_by {
            contact.brought_by_id = member;
        }
        if let Some(at) = changes.arrived_at {
            contact.arrived_at = at;
        }
        contact.updated_at = tx.now;
        // Every column is written: what did not change has the value just read.
        let active = contact.into_active_model().reset_all();
        let written = active.update(tx.connection()).await?;
        write::put(tx, origin, subject, Some(id), self.attributes).await?;
        Ok(written)
    }
}
