//! The rules and playbooks that name something: a segment, a survey, a target.
//!
//! Each noun that may be named lists its uses in a file of its own (`uses`, `usage`), which asks here before
//! such a thing is changed, archived or deleted. This never decides what is in the way of what: that is for
//! those who ask.

use std::fmt;

use entity::id::WorkspaceId;

use crate::{condition::reference::Reference, error::Result, playbook, rule, store::Transaction};

/// What kind of thing names something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A rule, in its trigger, its condition or its actions.
    Rule,
    /// A playbook, in its enrolment or its steps.
    Playbook,
}

impl By {
    /// What it is called.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Playbook => "playbook",
        }
    }
}

/// One that names something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// What it is.
    pub by: By,
    /// Its id, in text form.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Everything that it names.
    pub(crate) references: Vec<Reference>,
}

/// As in the middle of a sentence.
impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} “{}”", self.by.noun(), self.name)
    }
}

/// The rules, in their order, that name any of what `names` says.
pub(crate) async fn rules(
    connection: &Transaction,
    workspace: WorkspaceId,
    names: impl Fn(&Reference) -> bool,
) -> Result<Vec<Naming>> {
    let found = rule::naming::naming(connection, workspace, names).await?;
    let found = found.into_iter().map(|rule| Naming {
        by: By::Rule,
        id: rule.id.to_string(),
        references: rule.definition.references(),
        name: rule.name,
    });
    Ok(found.collect())
}

/// The playbooks, in the order they were made, that name any of what `names` says.
pub(crate) async fn playbooks(
    connection: &Transaction,
    workspace: WorkspaceId,
    names: impl Fn(&Reference) -> bool,
) -> Result<Vec<Naming>> {
    let versions = playbook::naming::naming(connection, workspace, names).await?;
    let mut found: Vec<Naming> = Vec::new();
    for version in versions {
        let id = version.row.playbook_id.to_string();
        let references = version.definition.references();
        match found.last_mut() {
            Some(last) if last.id == id => last.references.extend(references),
            _ => found.push(Naming {
                by: By::Playbook,
                id,
                name: version.name,
                references,
            }),
        }
    }
    Ok(found)
}

/// Both: rules in their order, then playbooks.
pub(crate) async fn all(
    connection: &Transaction,
    workspace: WorkspaceId,
    names: impl Fn(&Reference) -> bool,
) -> Result<Vec<Naming>> {
    let mut found = rules(connection, workspace, &names).await?;
    found.extend(playbooks(connection, workspace, &names).await?);
    Ok(found)
}
