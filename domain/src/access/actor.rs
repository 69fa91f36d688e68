//! Who is asking, and who did it.

use entity::{
    id::{AccessTokenId, MemberId, PlaybookId, RuleId, WorkspaceId},
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
    /// Refuses unless the credential has `scope`.
    pub fn require(&self, scope: Scope) -> Result<()> {
        if self.scopes.contains(scope) {
            Ok(())
        } else {
            Err(Error::Forbidden(scope))
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
            Self::Member { .. } | Self::Integration { .. } | Self::Import => true,
            Self::Rule { .. } | Self::Playbook { .. } | Self::System => false,
        }
    }

    /// The stored form.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!(self)
    }
}
