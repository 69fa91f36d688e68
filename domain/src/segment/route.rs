//! Whom an entry of the change log concerns: pure.

use std::collections::BTreeMap;

use entity::{
    id::{AccountId, AttributeId, ContactId, TagId},
    kind::{SubjectKind, TagTarget},
};
use uuid::Uuid;

use super::{colleagues, evaluate::Facts};
use crate::work::change::{Entry, Fact};

/// What happened to somebody, by the places of the entries that say so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Touch {
    /// All kinds of facts together.
    pub(super) facts: Facts,
    /// Each kind with the place of the entry; the newest come last.
    pub(super) entries: Vec<(Facts, usize)>,
}

impl Touch {
    pub(super) fn add(&mut self, facts: Facts, entry: usize) {
        self.facts |= facts;
        self.entries.push((facts, entry));
    }

    /// The newest entry that could have changed what depends on `facts`.
    pub(super) fn cause(&self, facts: Facts) -> Option<usize> {
        let mut entries = self.entries.iter().rev();
        entries.find(|(of, _)| of.meets(facts)).map(|(_, at)| *at)
    }
}

/// Things with what happened to each.
pub(super) type Touched = BTreeMap<Uuid, Touch>;

/// Something that may concern anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sweeping {
    /// A tag, or what is below it, means something else now.
    Tag(TagId),
    /// A tag is gone, or the tags of a group changed.
    Tags,
    /// A custom attribute was changed, archived or deleted.
    Attribute(AttributeId),
}

/// What a batch of entries concerns.
#[derive(Debug, Default)]
pub(super) struct Routed {
    pub(super) contacts: Touched,
    pub(super) accounts: Touched,
    pub(super) sweeping: Vec<(Sweeping, usize)>,
    /// Contacts of whom something may change the figures of their accounts.
    pub(super) figures: Touched,
    /// Accounts whose figures change because somebody is not there any more.
    pub(super) left: Touched,
    /// Merges, their undoing and deletions, which segments kept by hand follow, by the place of the entry.
    pub(super) merges: Vec<usize>,
}

impl Routed {
    fn contact(&mut self, id: ContactId, facts: Facts, at: usize) {
        self.contacts.entry(id.0).or_default().add(facts, at);
    }

    fn account(&mut self, id: AccountId, facts: Facts, at: usize) {
        self.accounts.entry(id.0).or_default().add(facts, at);
    }

    /// Notes whom the entry at this place is about, one account aside.
    fn others(&mut self, entry: &Entry, facts: Facts, at: usize) {
        match &entry.fact {
            Fact::ContactCreated { contact_id } => self.contact(*contact_id, Facts::ALL, at),
            Fact::AccountCreated { account_id }
            | Fact::AccountArchived { account_id }
            | Fact::AccountRestored { account_id } => {
                self.account(*account_id, Facts::ALL, at);
            }
            Fact::ContactChanged {
                contact_id,
                left_account_id: Some(account),
                ..
            } => {
                self.contact(*contact_id, facts, at);
                // The account it is at now is found from the contact; this one no more.
                self.account(*account, facts.as_seen_beside(), at);
            }
            Fact::ContactMoved {
                contact_id,
                account_ids,
            } => {
                self.contact(*contact_id, facts, at);
                // What was moved is asked of both accounts and of everybody at them.
                for account in account_ids {
                    self.account(*account, facts, at);
                    self.account(*account, facts.as_seen_beside(), at);
                }
            }
            Fact::ContactErased { account_ids, .. } => {
                for account in account_ids {
                    self.account(*account, facts.as_seen_beside(), at);
                }
            }
            Fact::AccountChanged { account_id } => self.account(*account_id, facts, at),
            Fact::AccountDeleted { account_id } => {
                self.account(*account_id, Facts::ALL, at);
                self.merges.push(at);
            }
            Fact::AccountMerged {
                account_id,
                loser_id,
                ..
            }
            | Fact::AccountUnmerged {
                account_id,
                loser_id,
                ..
            } => {
                self.account(*account_id, facts, at);
                self.account(*loser_id, facts, at);
                self.merges.push(at);
            }
            Fact::ContactMerged {
                contact_id,
                loser_id,
                ..
            }
            | Fact::ContactUnmerged {
                contact_id,
                loser_id,
                ..
            } => {
                self.contact(*contact_id, Facts::ALL, at);
                self.contact(*loser_id, Facts::ALL, at);
                self.merges.push(at);
            }
            Fact::TagChanged { tag_id } => self.sweeping.push((Sweeping::Tag(*tag_id), at)),
            Fact::TagMerged { into_id, .. } => {
                self.sweeping.push((Sweeping::Tag(*into_id), at));
            }
            Fact::TagDeleted { .. } | Fact::TagGroupChanged { .. } => {
                self.sweeping.push((Sweeping::Tags, at));
            }
            Fact::AttributeChanged { attribute_id } => {
                self.sweeping.push((Sweeping::Attribute(*attribute_id), at));
            }
            Fact::OrderRecorded { account_id, .. }
            | Fact::InvoiceRecorded { account_id, .. }
            | Fact::TicketRecorded { account_id, .. }
            | Fact::FactDeleted { account_id, .. }
            | Fact::SurveyAnswered { account_id, .. }
            | Fact::OpportunityRecorded { account_id, .. } => {
                if let Some(account) = account_id {
                    self.account(*account, facts, at);
                }
                if let Some(contact) = entry.contact {
                    self.contact(contact, facts, at);
                }
            }
            _ => {
                if let Some(contact) = entry.contact {
                    self.contact(contact, facts, at);
                }
            }
        }
    }
}

/// Finds out whom `entries` concern.
pub(super) fn route(entries: &[Entry]) -> Routed {
    let mut routed = Routed::default();
    for (at, entry) in entries.iter().enumerate() {
        let facts = facts_of(&entry.fact);
        let (people, accounts) = colleagues::figures(entry);
        for contact in people {
            routed.figures.entry(contact.0).or_default().add(facts, at);
        }
        for account in accounts {
            routed.left.entry(account.0).or_default().add(facts, at);
        }
        match account_of(&entry.fact) {
            Some(account) => routed.account(account, facts, at),
            None => routed.others(entry, facts, at),
        }
    }
    routed
}

/// What depends on a fact.
fn facts_of(fact: &Fact) -> Facts {
    match fact {
        Fact::ContactMerged { .. }
        | Fact::ContactUnmerged { .. }
        | Fact::AccountMerged { .. }
        | Fact::AccountUnmerged { .. } => Facts::ALL,
        Fact::EventRecorded { name, .. } => Facts::of_event(name.as_deref()),
        fact => Facts::of(fact.name()),
    }
}

/// The account of a fact that may be about a contact or an account, if it is about one.
fn account_of(fact: &Fact) -> Option<AccountId> {
    match fact {
        Fact::StageChanged {
            subject: SubjectKind::Account,
            subject_id,
            ..
        }
        | Fact::OwnerChanged {
            subject: SubjectKind::Account,
            subject_id,
            ..
        }
        | Fact::AttributeSet {
            subject: SubjectKind::Account,
            subject_id,
            ..
        }
        | Fact::NoteAdded {
            subject: SubjectKind::Account,
            subject_id,
            ..
        }
        | Fact::SegmentEntered {
            subject: SubjectKind::Account,
            subject_id,
            ..
        }
        | Fact::SegmentLeft {
            subject: SubjectKind::Account,
            subject_id,
            ..
        }
        | Fact::TaggingAdded {
            target: TagTarget::Account,
            target_id: subject_id,
            ..
        }
        | Fact::TaggingRemoved {
            target: TagTarget::Account,
            target_id: subject_id,
            ..
        } => Some(AccountId(*subject_id)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::{access::Origin, work::change::Position};

    fn entry(contact: Option<u128>, fact: Fact) -> Entry {
        Entry {
            position: Position::default(),
            fact,
            contact: contact.map(|id| ContactId(Uuid::from_u128(id))),
            origin: Origin::System,
            depth: 0,
            root: Position::default(),
            at: DateTime::UNIX_EPOCH,
        }
    }

    fn tagging(target: TagTarget, target_id: u128) -> Fact {
        Fact::TaggingAdded {
            tagging_id: Uuid::nil().into(),
            tag_id: Uuid::nil().into(),
            target,
            target_id: Uuid::from_u128(target_id),
        }
    }

    #[test]
    fn an_entry_concerns_who_it_names() {
        let changed = Fact::ContactChanged {
            contact_id: Uuid::from_u128(1).into(),
            fields: Vec::new(),
            left_account_id: None,
        };
        let routed = route(&[
            entry(Some(1), changed),
            entry(Some(1), tagging(TagTarget::Contact, 1)),
            entry(None, tagging(TagTarget::Account, 7)),
            entry(Some(2), tagging(TagTarget::Conversation, 9)),
        ]);
        let contacts: Vec<u128> = routed.contacts.keys().map(Uuid::as_u128).collect();
        assert_eq!(contacts, [1, 2]);
        let accounts: Vec<u128> = routed.accounts.keys().map(Uuid::as_u128).collect();
        assert_eq!(accounts, [7]);
        let touch = &routed.contacts[&Uuid::from_u128(1)];
        assert_eq!(touch.cause(Facts::of("tagging.added")), Some(1));
        assert_eq!(touch.cause(Facts::of("contact.changed")), Some(0));
        assert_eq!(touch.cause(Facts::of("event.recorded")), None);
    }

    #[test]
    fn an_event_concerns_whoever_asks_for_its_name_or_for_any() {
        use entity::kind::SegmentSubject::{Account, Contact};
        let facts = |subject, stored: serde_json::Value| {
            let condition = serde_json::from_value(stored).unwrap();
            super::super::evaluate::facts(&condition, subject)
        };
        let named = |name: &str| serde_json::json!({"events": {"names": [name]}});
        let event = |name: Option<&str>| Fact::EventRecorded {
            event_id: Uuid::nil().into(),
            name: name.map(str::to_owned),
        };
        let routed = route(&[entry(Some(1), event(Some("page_viewed")))]);
        let touch = &routed.contacts[&Uuid::from_u128(1)];
        let concerns = |asked| touch.cause(asked).is_some();
        assert!(concerns(facts(Contact, named("page_viewed"))));
        assert!(!concerns(facts(Contact, named("trial_started"))));
        assert!(concerns(facts(Contact, serde_json::json!({"events": {}}))));
        let active = serde_json::json!({"contact": {"lastActivity": {"withinDays": 7}}});
        assert!(concerns(facts(Contact, active)));
        let of_account = serde_json::json!({"events": {"of": "ACCOUNT", "names": ["page_viewed"]}});
        let beside = touch.facts.as_seen_beside();
        assert!(beside.meets(facts(Account, of_account)));
        // An entry of the first release has no name.
        let routed = route(&[entry(Some(1), event(None))]);
        let touch = &routed.contacts[&Uuid::from_u128(1)];
        assert!(
            touch
                .cause(facts(Contact, named("trial_started")))
                .is_some()
        );
    }

    #[test]
    fn what_moved_concerns_the_accounts_it_left_and_came_to_and_their_people() {
        use entity::kind::SegmentSubject::{Account, Contact};
        let facts = |subject| {
            let stored = serde_json::json!({"orders": {"of": "ACCOUNT"}});
            super::super::evaluate::facts(&serde_json::from_value(stored).unwrap(), subject)
        };
        let moved = Fact::ContactMoved {
            contact_id: Uuid::from_u128(1).into(),
            account_ids: [7, 8].map(|id| Uuid::from_u128(id).into()).to_vec(),
        };
        let routed = route(&[entry(Some(1), moved)]);
        assert!(routed.contacts.contains_key(&Uuid::from_u128(1)));
        for id in [7, 8] {
            let touch = &routed.accounts[&Uuid::from_u128(id)];
            assert_eq!(touch.cause(facts(Account)), Some(0));
            assert!(touch.facts.as_seen_beside().meets(facts(Contact)));
        }
    }

    #[test]
    fn a_merge_concerns_both_in_every_respect() {
        let merged = Fact::ContactMerged {
            merge_id: Uuid::nil().into(),
            contact_id: Uuid::from_u128(1).into(),
            loser_id: Uuid::from_u128(2).into(),
        };
        let routed = route(&[entry(Some(1), merged)]);
        assert_eq!(routed.merges, [0]);
        for id in [1, 2] {
            let touch = &routed.contacts[&Uuid::from_u128(id)];
            assert_eq!(touch.cause(Facts::of("event.recorded")), Some(0));
        }
    }
}
