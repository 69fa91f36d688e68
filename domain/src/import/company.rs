//! The companies that lines of contacts name: found, or about to be made.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use entity::{
    account,
    id::{AccountId, WorkspaceId},
    kind::{ImportCreation, ImportField},
};

use super::{
    cell::{AccountRef, Line, Problem},
    shared::Job,
};
use crate::{
    account::bulk as accounts,
    ctx::Ctx,
    error::{Result, UserErrorCode},
    mail::EmailAddress,
    store::Tx,
};

/// The companies that lines name.
pub(super) struct Companies {
    found: accounts::Found,
    imagined: HashSet<AccountId>,
    pub(super) used: BTreeSet<AccountId>,
}

impl Companies {
    /// The company, found or about to be made.
    pub(super) fn resolve(
        &mut self,
        ctx: &Ctx,
        workspace: WorkspaceId,
        job: Job<'_>,
        named: &AccountRef,
        now: DateTime<Utc>,
    ) -> Result<AccountId, Problem> {
        let found = &self.found;
        let by_id = named.external_id.as_ref();
        let by_id = by_id.and_then(|id| found.by_external_id.get(id));
        let by_domain = named.domain.as_ref();
        let by_domain = by_domain.and_then(|domain| found.by_domain.get(domain));
        let by_name = named.name_key.as_ref().and_then(|key| {
            let id = found.by_name.get(key)?;
            let account = found.by_id.get(id)?;
            let fits = |ours: &Option<String>, theirs: &Option<String>| {
                ours.is_none() || theirs.is_none() || ours == theirs
            };
            // The same name with another domain is another company.
            (fits(&named.domain, &account.domain) && fits(&named.external_id, &account.external_id))
                .then_some(id)
        });
        if let Some(id) = by_id.or(by_domain).or(by_name) {
            return Ok(*id);
        }
        if !job.may(ImportCreation::Accounts) {
            let field = if named.name.is_some() {
                ImportField::AccountName
            } else if named.domain.is_some() {
                ImportField::AccountDomain
            } else {
                ImportField::AccountExternalId
            };
            let message = "There is no such account. Let the import make accounts, or correct it.";
            return Err(job.problem(field, UserErrorCode::NotFound, message));
        }
        let name = named
            .name
            .as_ref()
            .or(named.domain.as_ref())
            .or(named.external_id.as_ref());
        let name = name.cloned().unwrap_or_default();
        let account = account::Model {
            domain: named.domain.clone(),
            external_id: named.external_id.clone(),
            ..crate::account::new_row(workspace, ctx.id(), name, now)
        };
        let id = account.id;
        self.imagined.insert(id);
        self.found.add(account);
        Ok(id)
    }

    /// The company of an address's domain. One that only another line names may not come to be, so it is none.
    pub(super) fn of_address(&self, email: &EmailAddress) -> Option<AccountId> {
        let id = self.found.by_domain.get(email.domain())?;
        (!self.imagined.contains(id)).then_some(*id)
    }

    /// Those that are to be made, because a line that is taken in has them.
    pub(super) fn made(&self) -> Vec<account::Model> {
        self.used
            .iter()
            .filter(|id| self.imagined.contains(id))
            .filter_map(|id| self.found.by_id.get(id).cloned())
            .collect()
    }
}

/// The accounts that lines name, and those of the domains of people without one; they are there until the end.
pub(super) async fn find_companies(tx: &Tx<'_>, lines: &[Line]) -> Result<Companies> {
    let mut wanted = accounts::Wanted::default();
    for line in lines {
        let named = &line.values.account;
        wanted.external_ids.extend(named.external_id.clone());
        wanted.domains.extend(named.domain.clone());
        wanted.name_keys.extend(named.name_key.clone());
        if let (true, Some(email)) = (named.is_empty(), &line.values.email) {
            wanted.domains.insert(email.domain().to_owned());
        }
    }
    Ok(Companies {
        found: accounts::find_to_keep(tx, &wanted).await?,
        imagined: HashSet::new(),
        used: BTreeSet::new(),
    })
}
