//! The companies and campaigns that items name, looked up for the whole call.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{
    id::{AccountId, CampaignId},
    kind::IdentityKind,
};

use super::{Checked, ContactItem};
use crate::{
    account,
    error::{Result, UserErrorCode},
    fact::AccountRef,
    store::Tx,
    text,
    upsert::{
        around::{by_id, by_text},
        item::{CampaignRef, Mistakes},
    },
};

/// The companies and campaigns that items name.
pub(super) struct Sources {
    accounts: HashSet<AccountId>,
    accounts_by_external_id: HashMap<String, AccountId>,
    accounts_by_domain: HashMap<String, AccountId>,
    campaigns: HashSet<CampaignId>,
    campaigns_by_external_id: HashMap<String, CampaignId>,
}

impl Sources {
    pub(super) async fn load(tx: &Tx<'_>, items: &[Checked]) -> Result<Self> {
        let (mut ids, mut external_ids) = (BTreeSet::new(), BTreeSet::new());
        let (mut campaigns, mut sent_as) = (BTreeSet::new(), BTreeSet::new());
        // People without a company join that of their address.
        let emails = items
            .iter()
            .filter_map(|item| item.first(IdentityKind::Email));
        let mut domains: BTreeSet<String> =
            emails.filter_map(domain_of).map(str::to_owned).collect();
        for item in items {
            match &item.said.account {
                Some(Some(AccountRef::Id(id))) => {
                    ids.insert(*id);
                }
                Some(Some(AccountRef::ExternalId(id))) => {
                    external_ids.insert(plain(id));
                }
                Some(Some(AccountRef::Domain(domain))) => {
                    domains.extend(account::domain_key(domain));
                }
                Some(None) | None => {}
            }
            match &item.said.source_campaign {
                Some(Some(CampaignRef::Id(id))) => {
                    campaigns.insert(*id);
                }
                Some(Some(CampaignRef::ExternalId(id))) => {
                    sent_as.insert(plain(id));
                }
                Some(None) | None => {}
            }
        }
        Ok(Self {
            accounts: by_id(tx, "account", "", ids).await?,
            accounts_by_external_id: by_text(tx, "account", "external_id", "", external_ids)
                .await?,
            accounts_by_domain: by_text(tx, "account", "domain", "", domains).await?,
            campaigns: by_id(tx, "campaign", "", campaigns).await?,
            campaigns_by_external_id: by_text(tx, "campaign", "external_id", "", sent_as).await?,
        })
    }

    pub(super) fn account(&self, said: &ContactItem, mistakes: &mut Mistakes) -> Option<AccountId> {
        let named = said.account.as_ref()?.as_ref()?;
        let (found, field) = match named {
            AccountRef::Id(id) => (self.accounts.get(id).copied(), "id"),
            AccountRef::ExternalId(id) => {
                let found = self.accounts_by_external_id.get(&plain(id));
                (found.copied(), "externalId")
            }
            AccountRef::Domain(domain) => {
                let key = account::domain_key(domain);
                let found = key.and_then(|key| self.accounts_by_domain.get(&key));
                (found.copied(), "domain")
            }
        };
        if found.is_none() {
            let message = "There is no such account. Make it first, such as with upsertAccounts.";
            mistakes.refuse(&["account", field], UserErrorCode::NotFound, message);
        }
        found
    }

    pub(super) fn campaign(
        &self,
        said: &ContactItem,
        mistakes: &mut Mistakes,
    ) -> Option<CampaignId> {
        let named = said.source_campaign.as_ref()?.as_ref()?;
        let (found, field) = match named {
            CampaignRef::Id(id) => (self.campaigns.get(id), "id"),
            CampaignRef::ExternalId(id) => {
                (self.campaigns_by_external_id.get(&plain(id)), "externalId")
            }
        };
        if found.is_none() {
            let message = "There is no such campaign. Make it first with createCampaign.";
            let path = ["sourceCampaign", field];
            mistakes.refuse(&path, UserErrorCode::NotFound, message);
        }
        found.copied()
    }

    /// The account of the domain of an item's address.
    pub(super) fn of_domain(&self, item: &Checked) -> Option<AccountId> {
        let domain = domain_of(item.first(IdentityKind::Email)?)?;
        self.accounts_by_domain.get(domain).copied()
    }
}

/// An id as it can be looked up: the databases take no control characters.
fn plain(id: &str) -> String {
    text::printable(id.trim())
}

fn domain_of(email: &str) -> Option<&str> {
    email.rsplit_once('@').map(|(_, domain)| domain)
}
