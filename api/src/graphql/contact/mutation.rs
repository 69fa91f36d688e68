//! Making and changing contacts.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    contact::{self, ContactChanges, NewContact, ProfileChanges},
    error::UserError,
    stage::NewStage,
};
use entity::kind::{Channel, LifecycleStage};

use super::Contact;
use crate::boxed;
use crate::graphql::{
    attribute::{AttributeValueInput, settings},
    context::writer,
    error::settle,
    given::{kept, optional},
    id,
    stage::new_stage,
};

/// A contact to be made.
#[derive(InputObject)]
pub(crate) struct CreateContactInput {
    /// The name shown, at most 200 characters.
    name: String,
    /// The main email address; nobody else may have it.
    email: Option<String>,
    /// The id another system gave; nobody else may have it.
    external_id: Option<String>,
    /// The contact's language, as a BCP 47 tag.
    locale: Option<String>,
    /// The company.
    account_id: Option<ID>,
    /// How the name is read, such as its kana, at most 200 characters.
    kana: Option<String>,
    /// The phone number; nobody else may have it. Without a country code it is read as one of Japan
    /// in a Japanese workspace and of China in a Chinese one.
    phone: Option<String>,
    /// The member who looks after the contact.
    owner_id: Option<ID>,
    /// How far the relationship has come.
    stage: Option<LifecycleStage>,
    /// Why the contact is in that stage, at most 255 characters.
    stage_reason: Option<String>,
    /// The channel the contact came through first.
    source_channel: Option<Channel>,
    /// The campaign the contact came from.
    source_campaign_id: Option<ID>,
    /// The member who brought the contact.
    brought_by_id: Option<ID>,
    /// When the contact came in, if that was earlier than now: reports on leads go by it.
    arrived_at: Option<DateTime<Utc>>,
    /// Values of custom attributes.
    attributes: Option<Vec<AttributeValueInput>>,
}

/// Changes to a contact; what is left out stays. `null` is refused where a field does not say what it
/// means.
#[derive(InputObject)]
pub(crate) struct UpdateContactInput {
    /// The contact's global id.
    id: ID,
    /// The name shown.
    name: MaybeUndefined<String>,
    /// The main email address; the former one keeps recognising the contact. `null` takes it away.
    email: MaybeUndefined<String>,
    /// The contact's language, as a BCP 47 tag; `null` for unknown.
    locale: MaybeUndefined<String>,
    /// The company; `null` takes the contact out of its company.
    account_id: MaybeUndefined<ID>,
    /// How the name is read, such as its kana; `null` takes it away.
    kana: MaybeUndefined<String>,
    /// The phone number; the former one keeps recognising the contact. `null` takes it away.
    phone: MaybeUndefined<String>,
    /// The member who looks after the contact; `null` for nobody.
    owner_id: MaybeUndefined<ID>,
    /// How far the relationship has come; `null` takes the contact out of the lifecycle.
    stage: MaybeUndefined<LifecycleStage>,
    /// Why the stage changes, at most 255 characters.
    stage_reason: Option<String>,
    /// The channel the contact came through first; `null` for unknown.
    source_channel: MaybeUndefined<Channel>,
    /// The campaign the contact came from; `null` for none.
    source_campaign_id: MaybeUndefined<ID>,
    /// The member who brought the contact; `null` for nobody.
    brought_by_id: MaybeUndefined<ID>,
    /// When the contact came in; `null` for when the contact was made.
    arrived_at: MaybeUndefined<DateTime<Utc>>,
    /// Values of custom attributes; those left out stay.
    attributes: MaybeUndefined<Vec<AttributeValueInput>>,
}

/// What became of `createContact`.
#[derive(SimpleObject)]
pub(crate) struct CreateContactPayload {
    /// The new contact.
    contact: Option<Contact>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `updateContact`.
#[derive(SimpleObject)]
pub(crate) struct UpdateContactPayload {
    /// The contact as it is now.
    contact: Option<Contact>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct ContactMutation;

#[Object]
impl ContactMutation {
    /// Makes a contact. Scope: WRITE.
    #[boxed]
    async fn create_contact(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateContactInput,
    ) -> Result<CreateContactPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let profile = ProfileChanges {
                kana: input.kana.map(Some),
                phone: input.phone.map(Some),
                owner: id::parse_opt(input.owner_id.as_ref(), &["ownerId"])?.map(Some),
                stage: input.stage.map(|stage| NewStage {
                    stage: Some(stage),
                    reason: input.stage_reason.unwrap_or_default(),
                }),
                source_channel: input.source_channel.map(Some),
                source_campaign: id::parse_opt(
                    input.source_campaign_id.as_ref(),
                    &["sourceCampaignId"],
                )?
                .map(Some),
                brought_by: id::parse_opt(input.brought_by_id.as_ref(), &["broughtById"])?
                    .map(Some),
                arrived_at: input.arrived_at.map(Some),
                attributes: settings(input.attributes, "attributes")?,
            };
            let new = NewContact {
                profile,
                account: id::parse_opt(input.account_id.as_ref(), &["accountId"])?,
                name: input.name,
                email: input.email,
                external_id: input.external_id,
                locale: input.locale,
            };
            contact::create(ctx, actor, new).await
        };
        let (contact, user_errors) = settle(result.await)?;
        Ok(CreateContactPayload {
            contact: contact.map(Contact::from),
            user_errors,
        })
    }

    /// Changes a contact. Scope: WRITE.
    #[boxed]
    async fn update_contact(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateContactInput,
    ) -> Result<UpdateContactPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let account = id::parse_change(input.account_id, &["accountId"])?;
            let profile = ProfileChanges {
                kana: optional(input.kana),
                phone: optional(input.phone),
                owner: id::parse_change(input.owner_id, &["ownerId"])?,
                stage: new_stage(input.stage, input.stage_reason),
                source_channel: optional(input.source_channel),
                source_campaign: id::parse_change(input.source_campaign_id, &["sourceCampaignId"])?,
                brought_by: id::parse_change(input.brought_by_id, &["broughtById"])?,
                arrived_at: optional(input.arrived_at),
                attributes: settings(kept(input.attributes, "attributes")?, "attributes")?,
            };
            let id = id::parse(&input.id, &["id"])?;
            let changes = ContactChanges {
                name: kept(input.name, "name")?,
                email: optional(input.email),
                locale: optional(input.locale),
                account,
                profile,
            };
            contact::update(ctx, actor, id, changes).await
        };
        let (contact, user_errors) = settle(result.await)?;
        Ok(UpdateContactPayload {
            contact: contact.map(Contact::from),
            user_errors,
        })
    }
}
