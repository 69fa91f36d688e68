//! What is known of the account.

use async_graphql::{InputObject, SimpleObject};
use entity::{id::MemberId, kind::LifecycleStage};
use serde::{Deserialize, Serialize};

use super::{
    field::{Asks, Kind, Table},
    words::{Clauses, stage_label},
};
use crate::{
    condition::{
        Leaf, Need,
        check::Checks,
        path::Path,
        reference::{self, IdKind, Reference},
        scalar::Ref,
        sentence::{Phrasing, say},
        test::{Ask, Test, TextTest, TimeTest},
    },
    error::UserError,
};

/// Tests what is known of the account, of contacts that of the account they are at; every part given
/// must hold. Of a contact without an account only `false` holds.
#[derive(
    InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default,
)]
#[graphql(name = "AccountCondition", input_name = "AccountConditionInput")]
#[serde(rename_all = "camelCase", default)]
pub struct AccountFields {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<TextTest>,
    /// The domain of its email addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<TextTest>,
    /// In one of these lifecycle stages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stages: Option<Vec<LifecycleStage>>,
    /// In some lifecycle stage (`true`) or in none (`false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_stage: Option<bool>,
    /// Looked after by one of these members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_ids: Option<Vec<Ref<MemberId>>>,
    /// Looked after by somebody (`true`) or by nobody (`false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_owner: Option<bool>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<TimeTest>,
    /// When any of its contacts last did something, and at least when the last of them was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<TimeTest>,
}

impl Leaf for AccountFields {
    fn need(&self) -> Need {
        Need::Account
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let mut checks = Checks::new(at, refusals);
        checks.text("name", self.name.as_ref());
        checks.text("domain", self.domain.as_ref());
        checks.choice("stages", self.stages.as_ref(), "hasStage", self.has_stage);
        checks.choice(
            "ownerIds",
            self.owner_ids.as_ref(),
            "hasOwner",
            self.has_owner,
        );
        checks.past("created", self.created.as_ref());
        checks.past("lastActivity", self.last_activity.as_ref());
        checks.something(*self == Self::default());
    }

    fn asks(&self) -> Vec<Ask> {
        let mut asks = Asks::new();
        let account = Table::Account;
        for (column, test) in [("name_key", &self.name), ("domain", &self.domain)] {
            if let Some(test) = test {
                asks.ask(account, column, Kind::Text, Test::Text(test.clone()));
            }
        }
        asks.words(account, "stage", self.stages.as_ref(), LifecycleStage::word);
        asks.set(account, "stage", Kind::Text, self.has_stage);
        asks.ids(account, "owner_id", self.owner_ids.as_ref());
        asks.set(account, "owner_id", Kind::Id, self.has_owner);
        for (table, column, test) in [
            (account, "created_at", self.created),
            (Table::People, "last_activity_at", self.last_activity),
        ] {
            if let Some(test) = test {
                asks.ask(table, column, Kind::Time, Test::Time(test));
            }
        }
        asks.0
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let mut clauses = Clauses::new(phrasing, say!(phrasing, "会社", "the account", "公司"));
        clauses.text(self.name.as_ref(), ["名前", "name", "名称"]);
        clauses.text(self.domain.as_ref(), ["ドメイン", "domain", "域名"]);
        let stage = ["ライフサイクルステージ", "lifecycle stage", "生命周期阶段"];
        clauses.labels(self.stages.as_ref(), stage, stage_label);
        clauses.set(self.has_stage, stage);
        let owner = ["担当者", "owner", "负责人"];
        clauses.ids(self.owner_ids.as_ref(), owner, IdKind::Member);
        clauses.set(self.has_owner, owner);
        clauses.time(
            self.created.as_ref(),
            ["登録日時", "creation date", "创建时间"],
        );
        clauses.time(
            self.last_activity.as_ref(),
            ["最終活動日時", "last activity", "最近活动时间"],
        );
        clauses.joined()
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        reference::refs(
            at,
            "ownerIds",
            IdKind::Member,
            self.owner_ids.as_ref(),
            found,
        );
    }
}
