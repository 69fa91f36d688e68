//! Which records a file has, where no list of the API has them all.

use async_graphql::{ID, InputObject};
use chrono::{DateTime, Utc};
use domain::{
    error::Result, health::HealthFilter, note::NoteFilter, notification::delivery::DeliveryFilter,
    rule::firing::FiringFilter, segment::MemberFilter, tag::tagging::TaggingFilter,
};
use entity::kind::{DeliveryState, TagTarget};

use crate::graphql::{
    few::{few, few_ids},
    id,
    subject::SubjectInput,
};

/// Which notes; every part given must hold.
#[derive(InputObject)]
pub(crate) struct NoteFilterInput {
    /// About this contact, account or conversation.
    on: Option<SubjectInput>,
    /// Written not before this moment.
    from: Option<DateTime<Utc>>,
    /// Written before this moment.
    until: Option<DateTime<Utc>>,
}

impl NoteFilterInput {
    pub(super) fn read(self) -> Result<NoteFilter> {
        let on = self.on.map(|on| on.read()).transpose()?;
        Ok(NoteFilter {
            subject: on.map(|(subject, _)| subject),
            from: self.from,
            until: self.until,
            changed_from: None,
        })
    }
}

/// Which taggings; every part given must hold. An empty list in it is refused.
#[derive(InputObject)]
pub(crate) struct TaggingFilterInput {
    /// On this contact, account or conversation.
    on: Option<SubjectInput>,
    /// On things of these kinds.
    targets: Option<Vec<TagTarget>>,
    /// With one of these tags themselves, at most 100; those below them are tags of their own.
    tag_ids: Option<Vec<ID>>,
    /// Only those that hold now, or only those that were taken off or ran out.
    active: Option<bool>,
    /// Those that held at this moment or later.
    from: Option<DateTime<Utc>>,
    /// Those that were put on before this moment.
    until: Option<DateTime<Utc>>,
}

impl TaggingFilterInput {
    pub(super) fn read(self) -> Result<TaggingFilter> {
        let on = self.on.map(|on| on.read()).transpose()?;
        Ok(TaggingFilter {
            thing: on.map(|(subject, _)| subject.id),
            targets: few(self.targets, &["filter", "targets"])?,
            tags: few_ids(self.tag_ids, &["filter", "tagIds"])?,
            active: self.active,
            from: self.from,
            until: self.until,
            changed_from: None,
        })
    }
}

/// Which members of segments; every part given must hold.
#[derive(InputObject)]
pub(crate) struct SegmentMemberFilterInput {
    /// Of this segment; left out, of all.
    segment_id: Option<ID>,
    /// Members since this moment or later.
    from: Option<DateTime<Utc>>,
    /// Members since before this moment.
    until: Option<DateTime<Utc>>,
}

impl SegmentMemberFilterInput {
    pub(super) fn read(self) -> Result<MemberFilter> {
        Ok(MemberFilter {
            segment: id::parse_opt(self.segment_id.as_ref(), &["filter", "segmentId"])?,
            from: self.from,
            until: self.until,
        })
    }
}

/// Which firings of rules; every part given must hold.
#[derive(InputObject)]
pub(crate) struct RuleFiringFilterInput {
    /// Of this rule.
    rule_id: Option<ID>,
    /// On this contact.
    contact_id: Option<ID>,
    /// Fired not before this moment.
    from: Option<DateTime<Utc>>,
    /// Fired before this moment.
    until: Option<DateTime<Utc>>,
}

impl RuleFiringFilterInput {
    pub(super) fn read(self) -> Result<FiringFilter> {
        Ok(FiringFilter {
            rule: id::parse_opt(self.rule_id.as_ref(), &["filter", "ruleId"])?,
            contact: id::parse_opt(self.contact_id.as_ref(), &["filter", "contactId"])?,
            from: self.from,
            until: self.until,
        })
    }
}

/// Which deliveries; every part given must hold.
#[derive(InputObject)]
pub(crate) struct DeliveryFilterInput {
    /// To this target.
    target_id: Option<ID>,
    /// Standing so.
    state: Option<DeliveryState>,
    /// About this contact.
    contact_id: Option<ID>,
    /// Asked for by this rule.
    rule_id: Option<ID>,
    /// Asked for by this playbook; those asked for before 0.1.0 are not found.
    playbook_id: Option<ID>,
    /// About this account and no contact; those asked for before 0.1.0 are not found.
    account_id: Option<ID>,
    /// Asked for not before this moment.
    from: Option<DateTime<Utc>>,
    /// Asked for before this moment.
    until: Option<DateTime<Utc>>,
}

impl DeliveryFilterInput {
    pub(super) fn read(self) -> Result<DeliveryFilter> {
        Ok(DeliveryFilter {
            target: id::parse_opt(self.target_id.as_ref(), &["filter", "targetId"])?,
            state: self.state,
            contact: id::parse_opt(self.contact_id.as_ref(), &["filter", "contactId"])?,
            rule: id::parse_opt(self.rule_id.as_ref(), &["filter", "ruleId"])?,
            playbook: id::parse_opt(self.playbook_id.as_ref(), &["filter", "playbookId"])?,
            account: id::parse_opt(self.account_id.as_ref(), &["filter", "accountId"])?,
            from: self.from,
            until: self.until,
            ..DeliveryFilter::default()
        })
    }
}

/// Which entries of health histories; every part given must hold.
#[derive(InputObject)]
pub(crate) struct HealthHistoryFilterInput {
    /// Of this contact.
    contact_id: Option<ID>,
    /// Measured not before this moment.
    from: Option<DateTime<Utc>>,
    /// Measured before this moment.
    until: Option<DateTime<Utc>>,
}

impl HealthHistoryFilterInput {
    pub(super) fn read(self) -> Result<HealthFilter> {
        Ok(HealthFilter {
            contact: id::parse_opt(self.contact_id.as_ref(), &["filter", "contactId"])?,
            from: self.from,
            until: self.until,
            ..HealthFilter::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use entity::id::{AccountId, ContactId, PlaybookId, RuleId};
    use uuid::Uuid;

    use super::*;

    fn deliveries_of(rule: ID) -> DeliveryFilterInput {
        DeliveryFilterInput {
            target_id: None,
            state: None,
            contact_id: Some(ContactId(Uuid::from_u128(1)).into()),
            rule_id: Some(rule),
            playbook_id: Some(PlaybookId(Uuid::from_u128(3)).into()),
            account_id: Some(AccountId(Uuid::from_u128(4)).into()),
            from: None,
            until: None,
        }
    }

    #[test]
    fn deliveries_are_chosen_by_what_asked_for_them_and_whom_they_are_about() {
        let rule = RuleId(Uuid::from_u128(2));
        let filter = deliveries_of(rule.into()).read().unwrap();
        assert_eq!(filter.contact, Some(ContactId(Uuid::from_u128(1))));
        assert_eq!(filter.rule, Some(rule));
        assert_eq!(filter.playbook, Some(PlaybookId(Uuid::from_u128(3))));
        assert_eq!(filter.account, Some(AccountId(Uuid::from_u128(4))));
        let of_another_kind = ContactId(Uuid::from_u128(2)).into();
        assert!(deliveries_of(of_another_kind).read().is_err());
    }
}
