//! What a credential may be used for.

use entity::kind::Role;
use serde::{Deserialize, Serialize};

/// One permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, async_graphql::Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Scope {
    /// See contacts, accounts, conversations, tags, rules, metrics and health.
    Read,
    /// Change contacts and accounts, tag and untag.
    Write,
    /// Send messages, events and email events in, in bulk.
    Ingest,
    /// Change tags, rules, health models, inboxes and notification targets.
    Configure,
    /// Manage members and access tokens.
    Administer,
}

impl Scope {
    /// Every scope, in the order of the declaration.
    pub const ALL: [Self; 5] = [
        Self::Read,
        Self::Write,
        Self::Ingest,
        Self::Configure,
        Self::Administer,
    ];

    /// The word as GraphQL and JSON show it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::Write => "WRITE",
            Self::Ingest => "INGEST",
            Self::Configure => "CONFIGURE",
            Self::Administer => "ADMINISTER",
        }
    }

    fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScopeSet(u8);

impl ScopeSet {
    /// What a role allows at most.
    pub fn of_role(role: Role) -> Self {
        match role {
            Role::Owner | Role::Admin => Scope::ALL.into_iter().collect(),
            Role::Agent => [Scope::Read, Scope::Write, Scope::Ingest]
                .into_iter()
                .collect(),
            Role::Viewer => [Scope::Read].into_iter().collect(),
        }
    }

    /// Whether `scope` is in the set.
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The scopes in both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The scopes, in the order of the declaration.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .into_iter()
            .filter(move |&scope| self.contains(scope))
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_scope_is_the_word_json_shows() {
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.word());
        }
    }

    #[test]
    fn a_viewer_only_reads_and_an_agent_does_not_configure() {
        assert_eq!(
            ScopeSet::of_role(Role::Viewer).iter().collect::<Vec<_>>(),
            [Scope::Read]
        );
        assert!(!ScopeSet::of_role(Role::Agent).contains(Scope::Configure));
        assert!(ScopeSet::of_role(Role::Owner).contains(Scope::Administer));
    }
}
