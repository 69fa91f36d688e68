//! What a credential may be used for.

use entity::kind::Role;
use serde::{Deserialize, Serialize};

/// One permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, async_graphql::Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Scope {
    /// See everything but access tokens and the audit log, members with their addresses included; export
    /// lists.
    Read,
    /// Change contacts, accounts and conversations; tag; write notes; keep tasks, campaigns, tracked links and
    /// lists by hand; enrol in playbooks; send surveys; import; export one person's data.
    Write,
    /// Send messages, events, email events, orders, invoices, tickets, opportunities and survey answers in, in
    /// bulk, and delete such facts.
    Ingest,
    /// Send what visitors do through the tracking API, and nothing else: a token with this scope alone can
    /// stand in a web page, because it reads nothing.
    Track,
    /// Change tags, attributes, rules, segments, playbooks, surveys, health models, inboxes, email sources,
    /// teams, notification targets and registered documents; delete accounts; replay work that was set aside.
    Configure,
    /// Manage members and access tokens, change the workspace, read the audit log, erase people.
    Administer,
}

impl Scope {
    /// Every scope, in the order of the declaration.
    pub const ALL: [Self; 6] = [
        Self::Read,
        Self::Write,
        Self::Ingest,
        Self::Track,
        Self::Configure,
        Self::Administer,
    ];

    /// The word as GraphQL and JSON show it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::Write => "WRITE",
            Self::Ingest => "INGEST",
            Self::Track => "TRACK",
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
            Role::Agent => [Scope::Read, Scope::Write, Scope::Ingest, Scope::Track]
                .into_iter()
                .collect(),
            Role::Viewer => [Scope::Read].into_iter().collect(),
        }
    }

    /// Whether `scope` is in the set.
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// With what is a part of it: whoever may write and send in may track, which is less than both. So
    /// tokens from before there was [`Scope::Track`] can do it, and make keys that can do nothing else.
    #[must_use]
    pub fn with_parts(self) -> Self {
        if self.contains(Scope::Write) && self.contains(Scope::Ingest) {
            Self(self.0 | Scope::Track.bit())
        } else {
            self
        }
    }

    /// Whether it opens the API: a key for tracking, which may stand in a web page, does not, nor does it
    /// when the role of its member has left nothing of it.
    pub fn opens_api(self) -> bool {
        self.0 & !Scope::Track.bit() != 0
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
    fn tracking_is_a_part_of_writing_and_sending_in_and_does_not_open_the_api() {
        for (scopes, tracks, opens) in [
            (&[Scope::Track][..], true, false),
            (&[], false, false),
            (&[Scope::Ingest], false, true),
            (&[Scope::Write, Scope::Ingest], true, true),
            (&[Scope::Read, Scope::Track], true, true),
        ] {
            let set = scopes.iter().copied().collect::<ScopeSet>().with_parts();
            assert_eq!(set.contains(Scope::Track), tracks, "{scopes:?}");
            assert_eq!(set.opens_api(), opens, "{scopes:?}");
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
