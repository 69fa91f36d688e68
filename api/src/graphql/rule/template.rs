//! Ready-made rules.

use async_graphql::{ID, InputObject, SimpleObject};
use domain::{
    error::Result,
    locale::Locale,
    rule::template::{Filling, Slot, TEMPLATES},
};

use crate::graphql::id;

/// A ready-made rule.
#[derive(SimpleObject)]
pub(crate) struct RuleTemplate {
    /// Its key, the same in every language.
    key: &'static str,
    /// The name of the rule it makes.
    name: &'static str,
    /// What the rule does.
    description: &'static str,
    /// What has to be put in.
    slots: Vec<Slot>,
}

/// Every template in a language.
pub(crate) fn templates(locale: Locale) -> Vec<RuleTemplate> {
    TEMPLATES
        .iter()
        .map(|template| RuleTemplate {
            key: template.key,
            name: template.name(locale),
            description: template.description(locale),
            slots: template.slots.to_vec(),
        })
        .collect()
}

/// A rule to be made of a template.
#[derive(InputObject)]
pub(crate) struct CreateRuleFromTemplateInput {
    /// The template's key.
    pub(crate) key: String,
    /// The language of its words and name.
    #[graphql(default)]
    pub(crate) locale: Locale,
    /// The name shown; the template's if left out.
    pub(crate) name: Option<String>,
    /// The tag for conversations, if the template needs one, and only then.
    conversation_tag_id: Option<ID>,
    /// The tag for contacts, if the template needs one, and only then.
    contact_tag_id: Option<ID>,
    /// The notification target, if the template needs one, and only then.
    target_id: Option<ID>,
}

impl CreateRuleFromTemplateInput {
    pub(crate) fn filling(&self) -> Result<Filling> {
        Ok(Filling {
            conversation_tag: id::parse_opt(
                self.conversation_tag_id.as_ref(),
                &["conversationTagId"],
            )?,
            contact_tag: id::parse_opt(self.contact_tag_id.as_ref(), &["contactTagId"])?,
            target: id::parse_opt(self.target_id.as_ref(), &["targetId"])?,
        })
    }
}
