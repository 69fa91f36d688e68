//! The companies and campaigns that items name, looked up for the whole call.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{
    id::{AccountId, CampaignId, Id as _},
    kind::IdentityKind,
};
use uuid::Uuid;

use super::{Checked, ContactItem};
use crate::{
    account,
    error::{Result, UserErrorCode},
    fact::AccountRef,
    merge::{self, Things},
    store::Tx,
    text,
    upsert::{
        around::{by_id, by_text},
        item::{CampaignRef, Mistakes},
    },
};

/// The companies and campaigns that items name. An account that was merged into another stands for the other.
pub(super) struct Sources {
    accounts: HashMap<AccountId, AccountId>,
    accounts_by_external_id: HashMap<String, AccountId>,
    accounts_by_domain: HashMap<String, AccountId>,
    campaigns: HashSet<CampaignId>,
    campaigns_by_external_id: HashMap<String, CampaignId>,
}

impl Sources {
    /// Looks them up. The accounts are neither merged nor deleted until the end, so everybody whose accounts
    /// are to change is held before.
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
        let by_external_id: HashMap<String, AccountId> =
            by_text(tx, "account", "external_id", "", external_ids).await?;
        let by_domain: HashMap<String, AccountId> =
            by_text(tx, "account", "domain", "", domains).await?;
        let asked = ids.iter().chain(by_external_id.values());
        let asked = asked.chain(by_domain.values()).map(|id| id.uuid());
        let asked: Vec<Uuid> = asked.collect();
        let living = merge::living(tx, Things::Accounts, asked).await?;
        let answering = |found: HashMap<String, AccountId>| -> HashMap<String, AccountId> {
            let found = found.into_iter();
            found
                .filter_map(|(key, id)| Some((key, AccountId(*living.get(&id.uuid())?))))
                .collect()
        };
        Ok(Self {
            accounts: living
                .iter()
                .map(|(asked, means)| (AccountId(*asked), AccountId(*means)))
                .collect(),
            accounts_by_external_id: answering(by_external_id),
            accounts_by_domain: answering(by_domain),
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
