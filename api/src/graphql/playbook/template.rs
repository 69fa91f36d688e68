//! Ready-made playbooks as they are shown.

use async_graphql::SimpleObject;
use domain::{
    condition::reference::{IdKind, Names},
    locale::Locale,
    playbook::{
        self,
        template::{self, Template},
    },
};
use uuid::Uuid;

/// A ready-made playbook.
#[derive(SimpleObject)]
pub(crate) struct PlaybookTemplate {
    /// Which.
    template: Template,
    /// The name it gets.
    name: String,
    /// What it is for.
    description: String,
    /// It in words, a line for each step and each thing around them.
    outline: Vec<String>,
}

/// Ready-made playbooks name nothing of a workspace.
struct Nameless;

impl Names for Nameless {
    fn name(&self, _kind: IdKind, _id: Uuid) -> Option<String> {
        None
    }
}

impl PlaybookTemplate {
    pub(crate) fn of(template: Template, locale: Locale) -> Self {
        let new = template::playbook(template, locale);
        Self {
            template,
            outline: playbook::outline(locale, &Nameless, &new.definition),
            name: new.name,
            description: new.description,
        }
    }
}
