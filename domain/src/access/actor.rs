//! Who is asking, and who did it.

use entity::{
    id::{AccessTokenId, EmailSourceId, MemberId, PlaybookId, RuleId, TrackedLinkId, WorkspaceId},
    kind::Role,
};
use serde::{Deserialize, Serialize};

use super::{Scope, ScopeSet};
use crate::error::{Error, Result};

/// Who is asking: the member behind a valid credential. Use cases take it after `ctx`; everything
/// they touch belongs to its workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The workspace the credential belongs to.
    pub workspace: WorkspaceId,
    /// The member the credential belongs to.
    pub member: MemberId,
    /// The credential.
    pub token: AccessTokenId,
    /// The member's role.
    pub role: Role,
    /// What the credential may be used for: the token's scopes within the role's.
    pub scopes: ScopeSet,
    /// Whether the credential was made for a program rather than for the member's own use.
    pub integration: bool,
}

impl Actor {
    /// Refuses unless the credential has `scope`, and says which of the two stands in the way: another
    /// credential helps only if the role allows it.
    pub fn require(&self, scope: Scope) -> Result<()> {
        if self.scopes.contains(scope) {
            return Ok(());
        }
        let role = self.role;
        if ScopeSet::of_role(role).contains(scope) {
            Err(Error::Forbidden(scope))
        } else {
            Err(Error::RoleForbids { role, scope })
        }
    }

    /// The actor as the author of a change.
    pub fn origin(&self) -> Origin {
        if self.integration {
            Origin::Integration {
                token_id: self.token,
            }
        } else {
            Origin::Member {
                member_id: self.member,
            }
        }
    }
}

/// Who or what made a change; stored with it and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Origin {
    /// A member, by hand or through a token of theirs.
    Member {
        /// Who.
        member_id: MemberId,
    },
    /// A rule.
    Rule {
        /// Which.
        rule_id: RuleId,
        /// In which version.
        version: i64,
    },
    /// A playbook.
    Playbook {
        /// Which.
        playbook_id: PlaybookId,
        /// In which version.
        version: i64,
    },
    /// A program, through an access token made for it.
    Integration {
        /// Which token.
        token_id: AccessTokenId,
    },
    /// An email provider, through the source it tells us by.
    EmailSource {
        /// Which source.
        source_id: EmailSourceId,
    },
    /// A tracked link that somebody followed.
    TrackedLink {
        /// Which link.
        link_id: TrackedLinkId,
    },
    /// An import.
    Import,
    /// Enishi itself: schedules and derived values.
    System,
}

impl Origin {
    /// The member, if it is one.
    pub fn member(&self) -> Option<MemberId> {
        match self {
            Self::Member { member_id } => Some(*member_id),
            _ => None,
        }
    }

    /// The playbook, if it is one.
    pub fn playbook(&self) -> Option<PlaybookId> {
        match self {
            Self::Playbook { playbook_id, .. } => Some(*playbook_id),
            _ => None,
        }
    }

    /// The rule, if it is one.
    pub fn rule(&self) -> Option<RuleId> {
        match self {
            Self::Rule { rule_id, .. } => Some(*rule_id),
            _ => None,
        }
    }

    /// Whether what it sets stays when rules would have it otherwise, and goes on in its name when a
    /// rule had set the same before.
    pub fn outranks_rules(&self) -> bool {
        match self {
            Self::Member { .. }
            | Self::Integration { .. }
            | Self::EmailSource { .. }
            | Self::Import => true,
            Self::Rule { .. } | Self::Playbook { .. } | Self::TrackedLink { .. } | Self::System => {
                false
            }
        }
    }

    /// The stored form.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!(self)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn refusal(role: Role, scopes: &[Scope], needed: Scope) -> Option<String> {
        let scopes: ScopeSet = scopes.iter().copied().collect();
        let actor = Actor {
            workspace: WorkspaceId(Uuid::nil()),
            member: MemberId(Uuid::nil()),
            token: AccessTokenId(Uuid::nil()),
            role,
            scopes: scopes.and(ScopeSet::of_role(role)),
            integration: false,
        };
        actor.require(needed).err().map(|error| error.to_string())
    }

    #[test]
    fn a_refusal_says_whether_the_role_or_the_token_stands_in_the_way() {
        let by_role = "The role VIEWER does not allow this: it needs the scope WRITE.";
        let by_token = "The access token lacks the scope WRITE.";
        let only_read = [Scope::Read];
        for (role, scopes, expected) in [
            (Role::Viewer, &Scope::ALL[..], Some(by_role)),
            (Role::Viewer, &only_read[..], Some(by_role)),
            (Role::Agent, &only_read[..], Some(by_token)),
            (Role::Owner, &only_read[..], Some(by_token)),
            (Role::Agent, &Scope::ALL[..], None),
        ] {
            let refused = refusal(role, scopes, Scope::Write);
            assert_eq!(refused.as_deref(), expected, "{role:?} {scopes:?}");
        }
    }

    #[test]
    fn stored_origins_of_every_kind_keep_decoding() {
        for stored in [
            serde_json::json!({ "kind": "MEMBER", "member_id": "member_01900000000070008000000000000001" }),
            serde_json::json!({ "kind": "RULE", "rule_id": "rule_01900000000070008000000000000001", "version": 2 }),
            serde_json::json!({ "kind": "PLAYBOOK", "playbook_id": "playbook_01900000000070008000000000000001", "version": 3 }),
            serde_json::json!({ "kind": "INTEGRATION", "token_id": "token_01900000000070008000000000000001" }),
            serde_json::json!({ "kind": "EMAIL_SOURCE", "source_id": "emailsource_01900000000070008000000000000001" }),
            serde_json::json!({ "kind": "TRACKED_LINK", "link_id": "trackedlink_01900000000070008000000000000001" }),
            serde_json::json!({ "kind": "IMPORT" }),
            serde_json::json!({ "kind": "SYSTEM" }),
        ] {
            let decoded: Origin = serde_json::from_value(stored.clone()).unwrap();
            assert_eq!(serde_json::json!(decoded), stored);
        }
    }
}
