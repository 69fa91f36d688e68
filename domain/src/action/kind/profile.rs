//! Changing what is known of the contact: a custom attribute, the lifecycle stage.

use entity::kind::LifecycleStage;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    action::{ActionKind, Effect, Needs},
    attribute,
    condition::{
        path::Path,
        reference::{IdKind, Reference},
        sentence::{Phrasing, say},
        stage_label,
    },
    error::{UserError, UserErrorCode},
};

/// Gives the contact a value of a custom attribute, or takes it away.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SetContactAttribute {
    /// The attribute, one of contacts.
    pub attribute_id: Uuid,
    /// The value as [`attribute::Value`] is stored; nothing takes it away.
    #[serde(default)]
    pub value: Option<serde_json::Value>,
}

impl SetContactAttribute {
    /// The value, if it is one and can be read.
    pub fn value(&self) -> Option<attribute::Value> {
        serde_json::from_value(self.value.clone()?).ok()
    }
}

impl ActionKind for SetContactAttribute {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        if self.value.is_some() && self.value().is_none() {
            refusals.push(at.at("value").refuse(
                UserErrorCode::Invalid,
                "Give a value in the field named after the attribute's type.",
            ));
        }
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let name = phrasing.named(IdKind::CONTACT_ATTRIBUTE, self.attribute_id);
        let Some(value) = self.value() else {
            return say!(
                phrasing,
                format!("コンタクトの属性{name}を空にする"),
                format!("clear the contact's {name}"),
                format!("清空联系人的属性{name}")
            );
        };
        let value = phrasing.quote(&value.to_string());
        say!(
            phrasing,
            format!("コンタクトの属性{name}を{value}にする"),
            format!("set the contact's {name} to {value}"),
            format!("将联系人的属性{name}设为{value}")
        )
    }

    fn effects(&self, wanted: &mut Vec<Effect>) {
        wanted.push(Effect::SetAttribute {
            attribute_id: self.attribute_id,
            value: self.value.clone(),
        });
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        let at = at.at("attributeId");
        found.push(Reference::new(
            &at,
            IdKind::CONTACT_ATTRIBUTE,
            self.attribute_id,
        ));
    }

    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        if kind == IdKind::CONTACT_ATTRIBUTE && self.attribute_id == from {
            self.attribute_id = to;
        }
    }

    fn needs(&self) -> Needs {
        Needs::Contact
    }
}

/// Moves the contact to a lifecycle stage.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SetContactStage {
    /// The stage; nothing takes the contact out of the lifecycle.
    #[serde(default)]
    pub stage: Option<LifecycleStage>,
}

impl ActionKind for SetContactStage {
    fn check(&self, _at: &Path, _refusals: &mut Vec<UserError>) {}

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let Some(stage) = self.stage else {
            return say!(
                phrasing,
                "コンタクトのライフサイクルステージを外す",
                "take the contact out of the lifecycle",
                "清除联系人的生命周期阶段"
            )
            .to_owned();
        };
        let stage = stage_label(phrasing, stage);
        say!(
            phrasing,
            format!("コンタクトのライフサイクルステージを{stage}にする"),
            format!("move the contact to the lifecycle stage {stage}"),
            format!("将联系人的生命周期阶段设为{stage}")
        )
    }

    fn effects(&self, wanted: &mut Vec<Effect>) {
        wanted.push(Effect::SetStage { stage: self.stage });
    }

    fn references(&self, _at: &Path, _found: &mut Vec<Reference>) {}

    fn replace(&mut self, _kind: IdKind, _from: Uuid, _to: Uuid) {}

    fn needs(&self) -> Needs {
        Needs::Contact
    }
}
