//! Looks again at whoever was made or changed, as the change log tells of it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::TimeDelta;
use entity::kind::ContactField;
use uuid::Uuid;

use super::find::look;
use crate::{
    ctx::Ctx,
    error::Result,
    merge::Things,
    port::Work,
    store::Tx,
    work::{
        change::{Entry, Fact},
        projection::Projection,
    },
};

/// Notes who seems to be one with whoever was made or changed.
#[derive(Debug)]
pub struct DuplicateProjection;

#[async_trait]
impl Projection for DuplicateProjection {
    fn name(&self) -> &'static str {
        "duplicates"
    }

    fn work(&self) -> Work {
        Work::Standing
    }

    fn facts(&self) -> &'static [&'static str] {
        &[
            "account.archived",
            "account.changed",
            "account.created",
            "account.deleted",
            "account.merged",
            "account.restored",
            "account.unmerged",
            "contact.changed",
            "contact.created",
            "contact.erased",
            "contact.merged",
            "contact.unmerged",
            "identity.attached",
            "identity.detached",
        ]
    }

    fn batch(&self) -> i64 {
        2_000
    }

    /// Somebody who is made gets their identities one after another: one look is for all of them.
    fn pause(&self) -> TimeDelta {
        TimeDelta::seconds(1)
    }

    async fn apply(&self, _ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        for things in [Things::Contacts, Things::Accounts] {
            let all = entries.iter().flat_map(|entry| concerned(&entry.fact));
            let ids: BTreeSet<Uuid> = all
                .filter(|(of, _)| *of == things)
                .map(|(_, id)| id)
                .collect();
            look(tx, things, &ids).await?;
        }
        Ok(())
    }
}

/// The contacts and accounts that may be compared by something else after this.
fn concerned(fact: &Fact) -> Vec<(Things, Uuid)> {
    use Things::{Accounts, Contacts};
    match fact {
        Fact::ContactChanged {
            contact_id, fields, ..
        } if is_compared(fields) => vec![(Contacts, contact_id.0)],
        Fact::ContactCreated { contact_id }
        | Fact::ContactErased { contact_id, .. }
        | Fact::IdentityAttached { contact_id, .. }
        | Fact::IdentityDetached { contact_id, .. } => vec![(Contacts, contact_id.0)],
        Fact::ContactMerged {
            contact_id,
            loser_id,
            ..
        }
        | Fact::ContactUnmerged {
            contact_id,
            loser_id,
            ..
        } => vec![(Contacts, contact_id.0), (Contacts, loser_id.0)],
        Fact::AccountCreated { account_id }
        | Fact::AccountChanged { account_id }
        | Fact::AccountArchived { account_id }
        | Fact::AccountRestored { account_id }
        | Fact::AccountDeleted { account_id } => vec![(Accounts, account_id.0)],
        Fact::AccountMerged {
            account_id,
            loser_id,
            ..
        }
        | Fact::AccountUnmerged {
            account_id,
            loser_id,
            ..
        } => vec![(Accounts, account_id.0), (Accounts, loser_id.0)],
        _ => Vec::new(),
    }
}

/// Whether any of the fields is compared; older entries do not name them.
fn is_compared(fields: &[ContactField]) -> bool {
    let is_compared = |field: &ContactField| {
        matches!(
            field,
            ContactField::Name
                | ContactField::Kana
                | ContactField::Email
                | ContactField::Phone
                | ContactField::Account
        )
    };
    fields.is_empty() || fields.iter().any(is_compared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_that_are_read_are_those_that_change_what_is_compared() {
        let samples: Vec<Fact> =
            serde_json::from_str(include_str!("../work/samples/change.json")).unwrap();
        let read = DuplicateProjection.facts();
        for fact in samples {
            let counts = !concerned(&fact).is_empty();
            assert_eq!(read.contains(&fact.name()), counts, "{}", fact.name());
        }
        assert!(!is_compared(&[ContactField::Stage]));
        assert!(is_compared(&[ContactField::Stage, ContactField::Kana]));
    }
}
