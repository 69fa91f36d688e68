//! Who is asking, and who did it.

use entity::{
    id::{AccessTokenId, MemberId, RuleId, WorkspaceId},
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
        Origin::Member {
            member_id: self.member,
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
    /// An import.
    Import,
    /// Enishi itself: schedules and derived values.
    System,
}

impl Origin {
    /// The stored form.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!(self)
    }
}
