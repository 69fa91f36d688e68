//! What is known of the contact.

use async_graphql::{InputObject, SimpleObject};
use entity::{
    id::{AccountId, CampaignId, MemberId},
    kind::{Channel, LifecycleStage},
};
use serde::{Deserialize, Serialize};

use super::{
    channel,
    field::{Asks, Column, Kind, Table},
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

/// Tests what is known of the contact; every part given must hold.
#[derive(
    InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default,
)]
#[graphql(name = "ContactCondition", input_name = "ContactConditionInput")]
#[serde(rename_all = "camelCase", default)]
pub struct ContactFields {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<TextTest>,
    /// The email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<TextTest>,
    /// What stands behind the @ of the email address, such as `example.com`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_domain: Option<TextTest>,
    /// The phone number, in the form `+81312345678`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<TextTest>,
    /// The language, as it was told: `ja`, `en-GB`. `startsWith: ["en"]` is English of everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<TextTest>,
    /// The id another system gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<TextTest>,
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
    /// Of one of these accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_ids: Option<Vec<Ref<AccountId>>>,
    /// Of some account (`true`) or of none (`false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_account: Option<bool>,
    /// Who came through one of these channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_channels: Option<Vec<Channel>>,
    /// Who came from one of these campaigns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_campaign_ids: Option<Vec<Ref<CampaignId>>>,
    /// Whom one of these members brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brought_by_ids: Option<Vec<Ref<MemberId>>>,
    /// When the contact came to be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<TimeTest>,
    /// When the contact last did something, and at least when it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<TimeTest>,
    /// When the last message with the contact was sent or received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message: Option<TimeTest>,
}

impl Leaf for ContactFields {
    fn need(&self) -> Need {
        Need::Contact
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let mut checks = Checks::new(at, refusals);
        checks.text("name", self.name.as_ref());
        checks.text("email", self.email.as_ref());
        checks.text("emailDomain", self.email_domain.as_ref());
        checks.text("phone", self.phone.as_ref());
        checks.text("locale", self.locale.as_ref());
        checks.text("externalId", self.external_id.as_ref());
        checks.choice("stages", self.stages.as_ref(), "hasStage", self.has_stage);
        checks.choice(
            "ownerIds",
            self.owner_ids.as_ref(),
            "hasOwner",
            self.has_owner,
        );
        checks.choice(
            "accountIds",
            self.account_ids.as_ref(),
            "hasAccount",
            self.has_account,
        );
        checks.list("sourceChannels", self.source_channels.as_ref());
        checks.list("sourceCampaignIds", self.source_campaign_ids.as_ref());
        checks.list("broughtByIds", self.brought_by_ids.as_ref());
        checks.past("created", self.created.as_ref());
        checks.past("lastActivity", self.last_activity.as_ref());
        checks.past("lastMessage", self.last_message.as_ref());
        checks.something(*self == Self::default());
    }

    fn asks(&self) -> Vec<Ask> {
        let mut asks = Asks::new();
        let contact = Table::Contact;
        for (column, test) in [
            (Column::Plain("name_key"), &self.name),
            (Column::Plain("email"), &self.email),
            (Column::EmailDomain, &self.email_domain),
            (Column::Plain("phone"), &self.phone),
            (Column::Lowered("locale"), &self.locale),
            (Column::Lowered("external_id"), &self.external_id),
        ] {
            if let Some(test) = test {
                asks.ask_of(contact, column, Kind::Text, Test::Text(test.clone()));
            }
        }
        asks.words(contact, "stage", self.stages.as_ref(), LifecycleStage::word);
        asks.set(contact, "stage", Kind::Text, self.has_stage);
        asks.ids(contact, "owner_id", self.owner_ids.as_ref());
        asks.set(contact, "owner_id", Kind::Id, self.has_owner);
        asks.ids(contact, "account_id", self.account_ids.as_ref());
        asks.set(contact, "account_id", Kind::Id, self.has_account);
        let channels = self.source_channels.as_ref();
        asks.words(contact, "source_channel", channels, Channel::word);
        let campaigns = self.source_campaign_ids.as_ref();
        asks.ids(contact, "source_campaign_id", campaigns);
        asks.ids(contact, "brought_by_id", self.brought_by_ids.as_ref());
        for (table, column, test) in [
            (contact, "created_at", self.created),
            (Table::Activity, "last_activity_at", self.last_activity),
            (Table::Activity, "last_message_at", self.last_message),
        ] {
            if let Some(test) = test {
                asks.ask(table, column, Kind::Time, Test::Time(test));
            }
        }
        asks.0
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let mut clauses = Clauses::new(
            phrasing,
            say!(phrasing, "コンタクト", "the contact", "联系人"),
        );
        clauses.text(self.name.as_ref(), ["名前", "name", "姓名"]);
        clauses.text(
            self.email.as_ref(),
            ["メールアドレス", "email address", "邮箱地址"],
        );
        let domain = ["メールのドメイン", "email domain", "邮箱域名"];
        clauses.text(self.email_domain.as_ref(), domain);
        clauses.text(
            self.phone.as_ref(),
            ["電話番号", "phone number", "电话号码"],
        );
        clauses.text(self.locale.as_ref(), ["言語", "language", "语言"]);
        clauses.text(
            self.external_id.as_ref(),
            ["外部ID", "external id", "外部标识"],
        );
        let stage = ["ライフサイクルステージ", "lifecycle stage", "生命周期阶段"];
        clauses.labels(self.stages.as_ref(), stage, stage_label);
        clauses.set(self.has_stage, stage);
        let owner = ["担当者", "owner", "负责人"];
        clauses.ids(self.owner_ids.as_ref(), owner, IdKind::Member);
        clauses.set(self.has_owner, owner);
        let account = ["会社", "account", "公司"];
        clauses.ids(self.account_ids.as_ref(), account, IdKind::Account);
        clauses.set(self.has_account, account);
        clauses.labels(
            self.source_channels.as_ref(),
            ["流入チャネル", "source channel", "来源渠道"],
            |phrasing, channel| channel::label(phrasing, channel).to_owned(),
        );
        clauses.ids(
            self.source_campaign_ids.as_ref(),
            ["流入キャンペーン", "source campaign", "来源活动"],
            IdKind::Campaign,
        );
        clauses.ids(
            self.brought_by_ids.as_ref(),
            ["獲得した担当者", "referring member", "引荐人"],
            IdKind::Member,
        );
        clauses.time(
            self.created.as_ref(),
            ["登録日時", "creation date", "创建时间"],
        );
        clauses.time(
            self.last_activity.as_ref(),
            ["最終活動日時", "last activity", "最近活动时间"],
        );
        clauses.time(
            self.last_message.as_ref(),
            ["最終メッセージ日時", "last message", "最近消息时间"],
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
        reference::refs(
            at,
            "accountIds",
            IdKind::Account,
            self.account_ids.as_ref(),
            found,
        );
        let campaigns = self.source_campaign_ids.as_ref();
        reference::refs(at, "sourceCampaignIds", IdKind::Campaign, campaigns, found);
        let bringers = self.brought_by_ids.as_ref();
        reference::refs(at, "broughtByIds", IdKind::Member, bringers, found);
    }
}
