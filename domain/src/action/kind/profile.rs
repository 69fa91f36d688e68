//! Changing what is known of the contact, the account or the conversation: a custom attribute, the lifecycle
//! stage, who looks after it.

use entity::kind::{LifecycleStage, SubjectKind};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    action::{ActionKind, Effect, Needs},
    attribute,
    condition::{
        path::Path,
        reference::{Holds, IdKind, Reference},
        sentence::{Phrasing, say},
        stage_label,
    },
    error::{UserError, UserErrorCode},
};

/// What an action needs that changes such a thing. Rules on contacts bring their account.
const fn needs(of: SubjectKind) -> Needs {
    match of {
        SubjectKind::Contact => Needs::Contact,
        SubjectKind::Account => Needs::Anything,
        SubjectKind::Conversation => Needs::Conversation,
    }
}

/// Such a thing, in a sentence.
fn thing(of: SubjectKind, phrasing: &Phrasing<'_>) -> &'static str {
    match of {
        SubjectKind::Contact => say!(phrasing, "コンタクト", "the contact", "联系人"),
        SubjectKind::Account => say!(phrasing, "会社", "the account", "公司"),
        SubjectKind::Conversation => say!(phrasing, "会話", "the conversation", "会话"),
    }
}

/// Gives a kind of thing a value of a custom attribute, or takes it away.
macro_rules! set_attribute {
    ($(#[$doc:meta])* $name:ident, $of:expr) => {
        $(#[$doc])*
        #[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// The attribute, one of such things.
            pub attribute_id: Uuid,
            /// The value as [`attribute::Value`] is stored; nothing takes it away.
            #[serde(default)]
            pub value: Option<serde_json::Value>,
        }

        impl $name {
            /// The kind of the id.
            pub(crate) const ATTRIBUTE: IdKind = IdKind::Attribute($of, Holds::Anything);

            /// The value, if it is one and can be read.
            pub fn value(&self) -> Option<attribute::Value> {
                serde_json::from_value(self.value.clone()?).ok()
            }
        }

        impl ActionKind for $name {
            fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
                if self.value.is_some() && self.value().is_none() {
                    refusals.push(at.at("value").refuse(
                        UserErrorCode::Invalid,
                        "Give a value in the field named after the attribute's type.",
                    ));
                }
            }

            fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
                let name = phrasing.named(Self::ATTRIBUTE, self.attribute_id);
                phrase_attribute(phrasing, $of, &name, self.value().as_ref())
            }

            fn effects(&self, wanted: &mut Vec<Effect>) {
                wanted.push(Effect::SetAttribute {
                    of: $of,
                    attribute_id: self.attribute_id,
                    value: self.value.clone(),
                });
            }

            fn references(&self, at: &Path, found: &mut Vec<Reference>) {
                let at = at.at("attributeId");
                found.push(Reference::new(&at, Self::ATTRIBUTE, self.attribute_id));
            }

            fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
                if kind == Self::ATTRIBUTE && self.attribute_id == from {
                    self.attribute_id = to;
                }
            }

            fn needs(&self) -> Needs {
                needs($of)
            }
        }
    };
}

set_attribute! {
    /// Gives the contact a value of a custom attribute, or takes it away.
    SetContactAttribute, SubjectKind::Contact
}

set_attribute! {
    /// Gives the account a value of a custom attribute, or takes it away.
    SetAccountAttribute, SubjectKind::Account
}

set_attribute! {
    /// Gives the conversation a value of a custom attribute, or takes it away.
    SetConversationAttribute, SubjectKind::Conversation
}

fn phrase_attribute(
    phrasing: &Phrasing<'_>,
    of: SubjectKind,
    name: &str,
    value: Option<&attribute::Value>,
) -> String {
    let thing = thing(of, phrasing);
    let Some(value) = value else {
        return say!(
            phrasing,
            format!("{thing}の属性{name}を空にする"),
            format!("clear {thing}'s {name}"),
            format!("清空{thing}的属性{name}")
        );
    };
    let value = phrasing.quote(&value.to_string());
    say!(
        phrasing,
        format!("{thing}の属性{name}を{value}にする"),
        format!("set {thing}'s {name} to {value}"),
        format!("将{thing}的属性{name}设为{value}")
    )
}

/// Moves a kind of thing to a lifecycle stage.
macro_rules! set_stage {
    ($(#[$doc:meta])* $name:ident, $of:expr) => {
        $(#[$doc])*
        #[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// The stage; nothing takes it out of the lifecycle.
            #[serde(default)]
            pub stage: Option<LifecycleStage>,
        }

        impl ActionKind for $name {
            fn check(&self, _at: &Path, _refusals: &mut Vec<UserError>) {}

            fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
                phrase_stage(phrasing, $of, self.stage)
            }

            fn effects(&self, wanted: &mut Vec<Effect>) {
                wanted.push(Effect::SetStage {
                    of: $of,
                    stage: self.stage,
                });
            }

            names_nothing! {}

            fn needs(&self) -> Needs {
                needs($of)
            }
        }
    };
}

set_stage! {
    /// Moves the contact to a lifecycle stage.
    SetContactStage, SubjectKind::Contact
}

set_stage! {
    /// Moves the account to a lifecycle stage.
    SetAccountStage, SubjectKind::Account
}

fn phrase_stage(phrasing: &Phrasing<'_>, of: SubjectKind, stage: Option<LifecycleStage>) -> String {
    let thing = thing(of, phrasing);
    let Some(stage) = stage else {
        return say!(
            phrasing,
            format!("{thing}のライフサイクルステージを外す"),
            format!("take {thing} out of the lifecycle"),
            format!("清除{thing}的生命周期阶段")
        );
    };
    let stage = stage_label(phrasing, stage);
    say!(
        phrasing,
        format!("{thing}のライフサイクルステージを{stage}にする"),
        format!("move {thing} to the lifecycle stage {stage}"),
        format!("将{thing}的生命周期阶段设为{stage}")
    )
}

/// Has a member look after a kind of thing, or nobody.
macro_rules! set_owner {
    ($(#[$doc:meta])* $name:ident, $of:expr) => {
        $(#[$doc])*
        #[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// The member; nobody if left out.
            #[serde(default)]
            pub member_id: Option<Uuid>,
        }

        impl ActionKind for $name {
            fn check(&self, _at: &Path, _refusals: &mut Vec<UserError>) {}

            fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
                let member = self.member_id.map(|id| phrasing.named(IdKind::Member, id));
                phrase_owner(phrasing, $of, member)
            }

            fn effects(&self, wanted: &mut Vec<Effect>) {
                wanted.push(Effect::SetOwner {
                    of: $of,
                    member_id: self.member_id,
                });
            }

            names_member! {}

            fn needs(&self) -> Needs {
                needs($of)
            }
        }
    };
}

set_owner! {
    /// Has a member look after the contact, or nobody.
    SetContactOwner, SubjectKind::Contact
}

set_owner! {
    /// Has a member look after the account, or nobody.
    SetAccountOwner, SubjectKind::Account
}

fn phrase_owner(phrasing: &Phrasing<'_>, of: SubjectKind, member: Option<String>) -> String {
    let thing = thing(of, phrasing);
    let Some(member) = member else {
        return say!(
            phrasing,
            format!("{thing}の担当者を外す"),
            format!("leave {thing} without an owner"),
            format!("清除{thing}的负责人")
        );
    };
    say!(
        phrasing,
        format!("{thing}の担当者を{member}にする"),
        format!("make {member} {thing}'s owner"),
        format!("将{thing}的负责人设为{member}")
    )
}
