//! What is to be written of a batch of contacts: the row that a line makes, and the one that it changes.

use entity::{
    contact,
    id::{AccountId, ContactId, Id as _},
    kind::{ImportField, ImportPolicy},
};
use uuid::Uuid;

use super::{
    around::Resolved,
    carried::given,
    cell::{Line, Values},
    company::Companies,
    shared::Changes,
};
use crate::{
    attribute::many::Given,
    contact::{arrival, bulk::Key, subscription::NewState},
    ctx::Ctx,
    stage,
    store::Tx,
    subject::Subject,
    text,
};

/// What is to be written.
#[derive(Default)]
pub(super) struct Work {
    pub(super) made: Vec<contact::Model>,
    pub(super) changed: Vec<(contact::Model, contact::Model)>,
    pub(super) keys_of_made: Vec<(Key, ContactId)>,
    pub(super) keys_of_changed: Vec<(Key, ContactId)>,
    pub(super) wishes: Vec<(ContactId, NewState)>,
    pub(super) attributes: Vec<Given>,
    /// The tags of those who are made, and of the others.
    pub(super) first_tags: Vec<(Uuid, usize)>,
    pub(super) tags: Vec<(Uuid, usize)>,
}

#[expect(clippy::too_many_arguments, reason = "what a new contact is made of")]
pub(super) fn create(
    ctx: &Ctx,
    tx: &Tx<'_>,
    line: &Line,
    keys: Vec<(Key, Uuid)>,
    resolved: &Resolved,
    account: Option<AccountId>,
    companies: &mut Companies,
    work: &mut Work,
) -> ContactId {
    let values = &line.values;
    let id: ContactId = ctx.id();
    let local = values.email.as_ref().map(|email| email.local().to_owned());
    let name = values
        .name
        .clone()
        .or(local)
        .or_else(|| values.phone.clone())
        .or_else(|| values.external_id.clone())
        .unwrap_or_default();
    let by_domain = values.email.as_ref().and_then(|email| {
        let id = companies.found.by_domain.get(email.domain())?;
        // An account that only another line names may not come to be.
        (!companies.imagined.contains(id)).then_some(*id)
    });
    let account_id = account.or(by_domain);
    companies.used.extend(account_id);
    work.made.push(contact::Model {
        workspace_id: tx.workspace,
        id,
        account_id,
        name_key: text::name_key(&name),
        name,
        email: values.email.as_ref().map(ToString::to_string),
        external_id: values.external_id.clone(),
        locale: values.locale.clone(),
        created_at: tx.now,
        updated_at: tx.now,
        owner_id: resolved.owner,
        stage: values.stage,
        stage_rank: stage::rank(values.stage),
        arrived_at: values.arrived_at,
        source_channel: values.channel,
        source_campaign_id: resolved.campaign,
        brought_by_id: resolved.brought_by,
        phone: values.phone.clone(),
        kana_key: values.kana.as_deref().map(text::reading_key),
        kana: values.kana.clone(),
        merged_into_id: None,
    });
    work.keys_of_made
        .extend(keys.into_iter().map(|(key, _)| (key, id)));
    let wishes = values.subscriptions.iter().cloned();
    work.wishes.extend(wishes.map(|new| (id, new)));
    work.attributes
        .extend(given(Subject::from(id), Some(id), values));
    work.first_tags
        .extend(resolved.tags.iter().map(|&tag| (id.uuid(), tag)));
    id
}

/// The contact as it is to be, and what differs.
pub(super) fn change(
    policy: ImportPolicy,
    before: &contact::Model,
    values: &Values,
    resolved: &Resolved,
    account: Option<AccountId>,
) -> (contact::Model, Vec<ImportField>) {
    use ImportField as F;
    let mut after = before.clone();
    let mut c = Changes::new(policy);
    c.set_name(&mut after.name, &mut after.name_key, values.name.as_ref());
    let email = values.email.as_ref().map(ToString::to_string);
    c.set(F::Email, &mut after.email, email);
    c.set(F::Phone, &mut after.phone, values.phone.clone());
    let external_id = values.external_id.clone();
    c.set(F::ExternalId, &mut after.external_id, external_id);
    c.set(F::Locale, &mut after.locale, values.locale.clone());
    if c.set(F::Kana, &mut after.kana, values.kana.clone()) {
        after.kana_key = after.kana.as_deref().map(text::reading_key);
    }
    c.set(F::AccountName, &mut after.account_id, account);
    if c.set(F::Stage, &mut after.stage, values.stage) {
        after.stage_rank = stage::rank(after.stage);
    }
    c.set(F::OwnerEmail, &mut after.owner_id, resolved.owner);
    c.set(F::SourceChannel, &mut after.source_channel, values.channel);
    let campaign = resolved.campaign;
    c.set(F::SourceCampaign, &mut after.source_campaign_id, campaign);
    let bringer = resolved.brought_by;
    c.set(F::BroughtByEmail, &mut after.brought_by_id, bringer);
    // A file that was exported says of everybody when they came in, also where nobody told it.
    let arrived = values.arrived_at.filter(|at| *at != arrival::of(before));
    c.set(F::ArrivedAt, &mut after.arrived_at, arrived);
    (after, c.fields)
}
