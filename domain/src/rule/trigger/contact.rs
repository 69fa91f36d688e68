//! A contact came to be known, or something about one changed.

use entity::{
    id::MemberId,
    kind::{ContactField, LifecycleStage},
};

use super::{
    Happened, Key, TriggerKind,
    shape::{self, lets_some},
    words::{changes, labels, members},
};
use crate::{
    condition::{
        Condition, ContactFields, Context,
        path::Path,
        sentence::{Phrasing, say},
        stage_label,
    },
    error::UserError,
};

shape::trigger! {
    /// Looks at contacts as they come to be known.
    ContactCreated, RuleContactCreatedTrigger, RuleContactCreatedTriggerInput;
    required {}
    optional {
        /// Not those that an import brings in.
        except_imported: flag,
    }
}

shape::trigger! {
    /// Looks at contacts as their own data changes.
    ContactChanged, RuleContactChangedTrigger, RuleContactChangedTriggerInput;
    required {}
    optional {
        /// What has to change; empty for anything. One is enough.
        fields: many ContactField,
    }
}

shape::trigger! {
    /// Looks at contacts as they go from one lifecycle stage to another.
    ContactStageChanged, RuleContactStageChangedTrigger, RuleContactStageChangedTriggerInput;
    required {}
    optional {
        /// The stages they leave; empty for any and none.
        from: many LifecycleStage,
        /// The stages they reach; empty for any and none.
        to: many LifecycleStage,
    }
}

shape::trigger! {
    /// Looks at contacts as another member comes to look after them, or nobody.
    ContactOwnerChanged, RuleContactOwnerChangedTrigger, RuleContactOwnerChangedTriggerInput;
    required {}
    optional {
        /// Who looked after them before; empty for anybody and nobody.
        from_member_ids: ids Member,
        /// Who looks after them now; empty for anybody and nobody.
        to_member_ids: ids Member,
    }
}

impl TriggerKind for ContactCreated {
    shape::plumbing!();

    fn context(&self) -> Context {
        Context::Contact
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let said = if self.except_imported {
            say!(
                phrasing,
                "コンタクトがインポート以外で新しく登録され",
                "a contact comes to be known, but not by an import",
                "新增联系人（导入除外）"
            )
        } else {
            say!(
                phrasing,
                "コンタクトが新しく登録され",
                "a contact comes to be known",
                "新增联系人"
            )
        };
        said.to_owned()
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::ContactCreated]
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        matches!(happened, Happened::ContactCreated { imported }
            if !(self.except_imported && *imported))
    }
}

impl TriggerKind for ContactChanged {
    shape::plumbing!();

    fn context(&self) -> Context {
        Context::Contact
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        if self.fields.is_empty() {
            return say!(
                phrasing,
                "コンタクトの情報が変わり",
                "a contact changes",
                "联系人信息变更"
            )
            .to_owned();
        }
        let fields = phrasing.or(&labels(&self.fields, phrasing, field_label));
        say!(
            phrasing,
            format!("コンタクトの{fields}が変わり"),
            format!("the {fields} of a contact changes"),
            format!("联系人的{fields}变更")
        )
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::ContactChanged]
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        let Happened::ContactChanged { fields } = happened else {
            return false;
        };
        self.fields.is_empty() || self.fields.iter().any(|field| fields.contains(field))
    }
}

impl TriggerKind for ContactStageChanged {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        self.check_lists(at, refusals);
        shape::change(&self.from, &self.to, &at.at("to"), refusals);
    }

    shape::naming!();

    fn context(&self) -> Context {
        Context::Contact
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let subject = say!(
            phrasing,
            "コンタクトのライフサイクルステージ",
            "the lifecycle stage of a contact",
            "联系人的生命周期阶段"
        );
        let shown = |stages: &[LifecycleStage]| labels(stages, phrasing, stage_label);
        changes(subject, &shown(&self.from), &shown(&self.to), phrasing)
    }

    fn implies(&self) -> Vec<Condition> {
        changed(&self.from, &self.to, |stages| ContactFields {
            stages: Some(stages.to_vec()),
            ..ContactFields::default()
        })
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Stage]
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        let Happened::Stage { from, to } = happened else {
            return false;
        };
        lets_some(&self.from, from.as_ref()) && lets_some(&self.to, to.as_ref())
    }
}

impl TriggerKind for ContactOwnerChanged {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        self.check_lists(at, refusals);
        let (from, to) = (&self.from_member_ids, &self.to_member_ids);
        shape::change(from, to, &at.at("toMemberIds"), refusals);
    }

    shape::naming!();

    fn context(&self) -> Context {
        Context::Contact
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let subject = say!(
            phrasing,
            "コンタクトの担当者",
            "the owner of a contact",
            "联系人的负责人"
        );
        let before = members(&self.from_member_ids, phrasing);
        let after = members(&self.to_member_ids, phrasing);
        changes(subject, &before, &after, phrasing)
    }

    fn implies(&self) -> Vec<Condition> {
        let (from, to) = (&self.from_member_ids, &self.to_member_ids);
        changed(from, to, |members| ContactFields {
            owner_ids: shape::refs(members),
            ..ContactFields::default()
        })
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Owner]
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        let Happened::Owner { from, to } = happened else {
            return false;
        };
        let id = |member: &Option<MemberId>| member.map(|MemberId(id)| id);
        lets_some(&self.from_member_ids, id(from).as_ref())
            && lets_some(&self.to_member_ids, id(to).as_ref())
    }
}

/// What is so of a contact once a value has changed: it is one of `to`, and no longer the one it was.
fn changed<T>(from: &[T], to: &[T], one_of: impl Fn(&[T]) -> ContactFields) -> Vec<Condition> {
    let is = |values: &[T]| Condition::Contact(Box::new(one_of(values)));
    match (from, to) {
        ([_], []) => vec![Condition::Not(Box::new(is(from)))],
        (_, []) => Vec::new(),
        (_, to) => vec![is(to)],
    }
}

/// The field's name in a sentence.
fn field_label(phrasing: &Phrasing<'_>, field: ContactField) -> String {
    match field {
        ContactField::Name => say!(phrasing, "名前", "name", "姓名"),
        ContactField::Kana => say!(phrasing, "フリガナ", "reading of the name", "姓名读音"),
        ContactField::Email => say!(phrasing, "メールアドレス", "email address", "邮箱地址"),
        ContactField::Phone => say!(phrasing, "電話番号", "phone number", "电话号码"),
        ContactField::Locale => say!(phrasing, "言語", "language", "语言"),
        ContactField::Account => say!(phrasing, "会社", "account", "公司"),
        ContactField::Owner => say!(phrasing, "担当者", "owner", "负责人"),
        ContactField::Stage => say!(
            phrasing,
            "ライフサイクルステージ",
            "lifecycle stage",
            "生命周期阶段"
        ),
        ContactField::Source => say!(phrasing, "流入元", "source", "来源"),
    }
    .to_owned()
}
