//! Conditions over GraphQL: what rules, segments, playbooks and lists share.

use std::collections::HashMap;

use async_graphql::{Context, Result};
use domain::condition::reference::{IdKind, Names, Reference};
use entity::id::{InboxId, TagId, TargetId};
use uuid::Uuid;

use super::context::loader;

/// What the things are called that a rule or condition names, for sentences.
pub(crate) struct Called(HashMap<Uuid, String>);

impl Called {
    /// Asks the loaders for all of them.
    pub(crate) async fn of(context: &Context<'_>, references: &[Reference]) -> Result<Self> {
        let loader = loader(context)?;
        let mut names = HashMap::new();
        for reference in references {
            let name = match reference.kind {
                IdKind::ContactTag | IdKind::ConversationTag => loader
                    .load_one(TagId(reference.id))
                    .await?
                    .map(|tag| tag.name),
                IdKind::Inbox => loader
                    .load_one(InboxId(reference.id))
                    .await?
                    .map(|inbox| inbox.name),
                IdKind::NotificationTarget => loader
                    .load_one(TargetId(reference.id))
                    .await?
                    .map(|target| target.name),
            };
            names.extend(name.map(|name| (reference.id, name)));
        }
        Ok(Self(names))
    }
}

impl Names for Called {
    fn name(&self, _kind: IdKind, id: Uuid) -> Option<String> {
        self.0.get(&id).cloned()
    }
}
