//! Who or what made a change, by id and by name.

use async_graphql::{Context, Enum, ID, Object, Result};
use domain::{access::Origin, rule::Rule as RuleRow};
use entity::{access_token, email_source, id::TrackedLinkId, member, playbook, tracked_link};

use super::{Member, find_member};
use crate::boxed;
use crate::graphql::{
    context::loaded, error::fault, link::TrackedLink, playbook::Playbook, rule::Rule,
};

/// Who or what made a change.
#[derive(Debug, Clone, Copy)]
pub struct ChangeOrigin(Origin);

/// What kind of author made a change.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OriginKind {
    /// A member, by hand or through a token of theirs.
    Member,
    /// A rule.
    Rule,
    /// A playbook.
    Playbook,
    /// A program, through an access token made for it.
    Integration,
    /// An email provider, through an email source.
    EmailSource,
    /// A tracked link that the contact followed.
    TrackedLink,
    /// An import.
    Import,
    /// Enishi itself: schedules and derived values.
    System,
}

/// Who or what made a change.
#[Object]
impl ChangeOrigin {
    /// What kind of author it was.
    fn kind(&self) -> OriginKind {
        match self.0 {
            Origin::Member { .. } => OriginKind::Member,
            Origin::Rule { .. } => OriginKind::Rule,
            Origin::Playbook { .. } => OriginKind::Playbook,
            Origin::Integration { .. } => OriginKind::Integration,
            Origin::EmailSource { .. } => OriginKind::EmailSource,
            Origin::TrackedLink { .. } => OriginKind::TrackedLink,
            Origin::Import => OriginKind::Import,
            Origin::System => OriginKind::System,
        }
    }

    /// The name as it is now of the member, rule, playbook, email source or tracked link, or of the access
    /// token if it was a program; nothing for an import and for Enishi itself. Who was removed or deleted
    /// since is still named.
    #[boxed]
    async fn name(&self, context: &Context<'_>) -> Result<Option<String>> {
        match self.0 {
            Origin::Member { member_id } => {
                loaded(context, Some(member_id), |row: member::Model| row.name).await
            }
            Origin::Rule { rule_id, .. } => {
                loaded(context, Some(rule_id), |row: RuleRow| row.name).await
            }
            Origin::Playbook { playbook_id, .. } => {
                loaded(context, Some(playbook_id), |row: playbook::Model| row.name).await
            }
            Origin::Integration { token_id } => {
                loaded(context, Some(token_id), |row: access_token::Model| row.name).await
            }
            Origin::EmailSource { source_id } => {
                loaded(context, Some(source_id), |row: email_source::Model| {
                    row.name
                })
                .await
            }
            Origin::TrackedLink { link_id } => {
                loaded(context, Some(link_id), |row: tracked_link::Model| row.name).await
            }
            Origin::Import | Origin::System => Ok(None),
        }
    }

    /// The global id of the member, if it was one.
    fn member_id(&self) -> Option<ID> {
        self.0.member().map(Into::into)
    }

    /// The member, if it was one.
    #[boxed]
    async fn member(&self, context: &Context<'_>) -> Result<Option<Member>> {
        find_member(context, self.0.member()).await
    }

    /// The global id of the access token, if it was a program's.
    fn access_token_id(&self) -> Option<ID> {
        match self.0 {
            Origin::Integration { token_id } => Some(token_id.into()),
            _ => None,
        }
    }

    /// The global id of the rule, if it was one.
    fn rule_id(&self) -> Option<ID> {
        self.0.rule().map(Into::into)
    }

    /// The rule, if it was one: as it is now, also when it was deleted since.
    #[boxed]
    async fn rule(&self, context: &Context<'_>) -> Result<Option<Rule>> {
        loaded(context, self.0.rule(), Rule).await
    }

    /// The rule's version at that time.
    fn rule_version(&self) -> Option<i64> {
        match self.0 {
            Origin::Rule { version, .. } => Some(version),
            _ => None,
        }
    }

    /// The global id of the playbook, if it was one.
    fn playbook_id(&self) -> Option<ID> {
        self.0.playbook().map(Into::into)
    }

    /// The playbook, if it was one, as it is now.
    #[boxed]
    async fn playbook(&self, context: &Context<'_>) -> Result<Option<Playbook>> {
        loaded(context, self.0.playbook(), Playbook).await
    }

    /// The global id of the tracked link, if it was one.
    fn tracked_link_id(&self) -> Option<ID> {
        self.link().map(Into::into)
    }

    /// The tracked link, if it was one, as it is now.
    #[boxed]
    async fn tracked_link(&self, context: &Context<'_>) -> Result<Option<TrackedLink>> {
        loaded(context, self.link(), TrackedLink).await
    }

    /// The playbook's version at that time.
    fn playbook_version(&self) -> Option<i64> {
        match self.0 {
            Origin::Playbook { version, .. } => Some(version),
            _ => None,
        }
    }
}

impl From<Origin> for ChangeOrigin {
    fn from(origin: Origin) -> Self {
        Self(origin)
    }
}

impl ChangeOrigin {
    fn link(&self) -> Option<TrackedLinkId> {
        match self.0 {
            Origin::TrackedLink { link_id } => Some(link_id),
            _ => None,
        }
    }

    /// Reads the stored form.
    pub(crate) fn read(stored: &serde_json::Value) -> Result<Self> {
        let origin: Origin = serde_json::from_value(stored.clone())
            .map_err(|error| fault(domain::error::Error::Decode(error)))?;
        Ok(Self(origin))
    }
}
