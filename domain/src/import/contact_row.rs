//! The rows of contacts: the one that a line makes, and the one that it changes. Pure; `contact` decides which.

use entity::{
    contact,
    id::{AccountId, ContactId},
    kind::{ImportField, ImportPolicy},
};

use super::{around::Resolved, cell::Values, shared::Changes};
use crate::{contact::arrival, stage, store::Tx, text};

/// The contact that a line makes.
pub(super) fn new_row(
    tx: &Tx<'_>,
    id: ContactId,
    values: &Values,
    resolved: &Resolved,
    account: Option<AccountId>,
) -> contact::Model {
    let local = values.email.as_ref().map(|email| email.local().to_owned());
    let name = values
        .name
        .clone()
        .or(local)
        .or_else(|| values.phone.clone())
        .or_else(|| values.external_id.clone())
        .unwrap_or_default();
    contact::Model {
        workspace_id: tx.workspace,
        id,
        account_id: account,
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
    }
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
