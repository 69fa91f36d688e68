//! What is said of contacts in bulk, and what is told of each.

use async_graphql::{ID, InputObject, MaybeUndefined, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    contact::{
        identity::Given,
        subscription::{self, NewState},
    },
    error::UserError,
    upsert::{ContactItem, Outcome, Told, Upserted},
};
use entity::{
    id::ContactId,
    kind::{Channel, LifecycleStage, SubscriptionState},
};

use super::{
    CampaignReferenceInput, KeyedAttributeValueInput, MemberReferenceInput, Reader,
    TagReferenceInput, changed,
};
use crate::graphql::{contact::IdentityInput, fact::AccountReferenceInput, given::optional};

const LIST: &str = "contacts";

/// Whether a contact wants to hear from us by one channel about one topic.
#[derive(InputObject)]
pub(crate) struct SubscriptionUpsertInput {
    /// By which medium.
    channel: Channel,
    /// About what, at most 64 characters; `*` for everything.
    #[graphql(default_with = "subscription::EVERYTHING.to_owned()")]
    topic: String,
    /// Whether they want it.
    state: SubscriptionState,
    /// Why, at most 255 characters; without one, the reason of the call is kept.
    #[graphql(default)]
    reason: String,
}

impl From<SubscriptionUpsertInput> for NewState {
    fn from(input: SubscriptionUpsertInput) -> Self {
        Self {
            channel: input.channel,
            topic: input.topic,
            state: input.state,
            reason: input.reason,
        }
    }
}

/// A contact as another system knows them. What is left out stays as it is. `null` takes away where the
/// field says so, and is the same as leaving the field out elsewhere. At least one of `id`, `externalId`,
/// `email`, `phone` and `identities` is needed; all that are given are the contact's from then on.
#[derive(InputObject)]
pub(crate) struct ContactUpsertInput {
    /// The contact's global id, if the other system keeps it: there must be such a contact.
    id: Option<ID>,
    /// The other system's id, at most 200 characters. A contact whom several systems know goes on showing
    /// the first as `externalId` and is found by each.
    external_id: Option<String>,
    /// The main email address; the former one keeps recognising the contact.
    email: Option<String>,
    /// The main phone number, read as in `createContact`; the former one keeps recognising the contact.
    phone: Option<String>,
    /// More ways in which the contact is recognised, at most 20.
    identities: Option<Vec<IdentityInput>>,
    /// The name shown, at most 200 characters. A new contact without one is named after the first identity.
    name: Option<String>,
    /// How the name is read, such as its kana, at most 200 characters; `null` takes it away.
    kana: MaybeUndefined<String>,
    /// The contact's language, as a BCP 47 tag; `null` for unknown.
    locale: MaybeUndefined<String>,
    /// The company, which must be there; `null` takes the contact out of their company. A new contact for
    /// whom it is left out joins the account of the domain of their email address.
    account: MaybeUndefined<AccountReferenceInput>,
    /// The member who looks after the contact; `null` for nobody.
    owner: MaybeUndefined<MemberReferenceInput>,
    /// How far the relationship has come; `null` takes the contact out of the lifecycle.
    stage: MaybeUndefined<LifecycleStage>,
    /// The channel the contact came through first; `null` for unknown.
    source_channel: MaybeUndefined<Channel>,
    /// The campaign the contact came from, which must be there; `null` for none.
    source_campaign: MaybeUndefined<CampaignReferenceInput>,
    /// The member who brought the contact; `null` for nobody.
    brought_by: MaybeUndefined<MemberReferenceInput>,
    /// When the contact came in, such as into the other system: reports on leads go by it. `null` for when
    /// the contact was made here.
    arrived_at: MaybeUndefined<DateTime<Utc>>,
    /// What the contact wants to hear of and what not, at most 20; what is left out stays. Who unsubscribed by
    /// themselves, complained or cannot be reached stays unsubscribed whatever is said here, and is subscribed
    /// to no single topic where that is about everything. It is no error: `setSubscription` takes that back for
    /// one person.
    subscriptions: Option<Vec<SubscriptionUpsertInput>>,
    /// Values of custom attributes; those left out stay.
    attributes: Option<Vec<KeyedAttributeValueInput>>,
    /// Tags to put on, which must be there, at most 50; the contact keeps all others. Of a group that takes
    /// one value the new one replaces what the contact carries.
    tags: Option<Vec<TagReferenceInput>>,
}

impl ContactUpsertInput {
    fn read(self, index: usize) -> Told<ContactItem> {
        let mut reader = Reader::new(LIST, index);
        let id = reader.id(self.id.as_ref());
        let account = changed(self.account, |account| reader.account(account));
        let account = reader.keep(account);
        let campaign = changed(self.source_campaign, |campaign| reader.campaign(campaign));
        let source_campaign = reader.keep(campaign);
        let member = changed(self.brought_by, |member| reader.member(member, "broughtBy"));
        let brought_by = reader.keep(member);
        let common = reader.common(self.owner, self.stage, self.attributes, self.tags);
        let identities = self.identities.unwrap_or_default().into_iter();
        let subscriptions = self.subscriptions.unwrap_or_default().into_iter();
        let item = ContactItem {
            id,
            external_id: self.external_id,
            email: self.email,
            phone: self.phone,
            identities: identities.map(Given::from).collect(),
            name: self.name,
            kana: optional(self.kana),
            locale: optional(self.locale),
            account,
            source_channel: optional(self.source_channel),
            source_campaign,
            brought_by,
            arrived_at: optional(self.arrived_at),
            subscriptions: subscriptions.map(NewState::from).collect(),
            common,
        };
        Told {
            item,
            errors: reader.errors,
        }
    }
}

/// Contacts as another system knows them.
#[derive(InputObject)]
pub(crate) struct UpsertContactsInput {
    /// The contacts, at most 1,000.
    contacts: Vec<ContactUpsertInput>,
    /// Why stages and subscriptions change and tags are put on, at most 255 characters.
    #[graphql(default)]
    reason: String,
}

impl UpsertContactsInput {
    pub(super) fn read(self) -> (Vec<Told<ContactItem>>, String) {
        let contacts = self.contacts.into_iter().enumerate();
        let items = contacts.map(|(index, one)| one.read(index)).collect();
        (items, self.reason)
    }
}

/// One contact after the call.
#[derive(SimpleObject)]
pub(crate) struct UpsertedContact {
    /// The other system's id, if it gave one.
    external_id: Option<String>,
    /// The contact's global id, whether they are new or not; null where nothing was kept.
    id: Option<ID>,
    /// What became of the item.
    outcome: Outcome,
    /// With `CONFLICT`: the global ids of the contacts whom the item names, who may be one person.
    conflicting_ids: Vec<ID>,
    /// Why nothing was kept, with the place in the input; empty where the item was taken.
    errors: Vec<UserError>,
}

impl From<Upserted<ContactId>> for UpsertedContact {
    fn from(done: Upserted<ContactId>) -> Self {
        Self {
            external_id: done.external_id,
            id: done.id.map(ID::from),
            outcome: done.outcome,
            conflicting_ids: done.conflicting.into_iter().map(ID::from).collect(),
            errors: done.errors,
        }
    }
}

/// What became of `upsertContacts`.
#[derive(SimpleObject)]
pub(crate) struct UpsertContactsPayload {
    /// The contacts, one for each given and in the same order; empty when the whole call was refused.
    contacts: Vec<UpsertedContact>,
    /// Why the whole call was refused; empty when it was done, whatever became of each item.
    user_errors: Vec<UserError>,
}

impl UpsertContactsPayload {
    pub(super) fn of(done: Option<Vec<Upserted<ContactId>>>, user_errors: Vec<UserError>) -> Self {
        let contacts = done.into_iter().flatten();
        Self {
            contacts: contacts.map(UpsertedContact::from).collect(),
            user_errors,
        }
    }
}
