//! A contact came to be known, or something about one changed.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use entity::{
    attribute_definition,
    id::{AttributeId, MemberId},
    kind::{ContactField, LifecycleStage, SubjectKind},
};
use uuid::Uuid;

use super::{
    Happened, Key, TriggerKind,
    shape::{self, lets_some},
    words::{changes, labels, members},
};
use crate::{
    attribute,
    condition::{
        Attribute, Condition, ContactFields, Context, Mode, NumberTest, Ref, TextTest, TimeTest,
        path::Path,
        reference::IdKind,
        sentence::{Phrasing, say},
        stage_label,
    },
    error::{self, UserError, UserErrorCode},
    store::{Query, Tx},
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

shape::trigger! {
    /// Looks at contacts as the value of a custom attribute changes.
    ContactAttributeChanged, RuleContactAttributeChangedTrigger, RuleContactAttributeChangedTriggerInput;
    required {
        /// The attribute, one of contacts.
        attribute_id: id CONTACT_ATTRIBUTE,
    }
    optional {
        /// The value before; left out, any and none.
        from: value,
        /// The value now; left out, any and none.
        to: value,
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

impl ContactAttributeChanged {
    /// A refusal for each value that the attribute cannot have. An attribute that is not there is found
    /// elsewhere.
    pub(crate) async fn unfit(&self, tx: &Tx<'_>, at: &Path) -> error::Result<Vec<UserError>> {
        if self.from.is_none() && self.to.is_none() {
            return Ok(Vec::new());
        }
        let definition: Option<attribute_definition::Model> = Query::new(
            "SELECT d.* FROM attribute_definition d
             WHERE d.workspace_id = $1 AND d.id = $2 AND d.subject = 'CONTACT'",
        )
        .bind(tx.workspace)
        .bind(AttributeId(self.attribute_id))
        .one(tx.connection())
        .await?;
        let Some(definition) = definition else {
            return Ok(Vec::new());
        };
        let mut refusals = Vec::new();
        for (field, value) in [("from", &self.from), ("to", &self.to)] {
            if let Some(value) = value.clone().and_then(read) {
                let at = at.at(field);
                let at: Vec<&str> = at.steps().iter().map(String::as_str).collect();
                refusals.extend(attribute::value::check(&definition, value, &at).err());
            }
        }
        Ok(refusals)
    }
}

impl TriggerKind for ContactAttributeChanged {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        self.check_lists(at, refusals);
        if self.from.is_some() && self.from == self.to {
            let message =
                "A value never changes into itself. Change one of the two, or leave one out.";
            let at = at.at("to");
            refusals.push(at.refuse(UserErrorCode::Contradictory, message));
        }
    }

    shape::naming!();

    fn context(&self) -> Context {
        Context::Contact
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let name = phrasing.named(IdKind::CONTACT_ATTRIBUTE, self.attribute_id);
        let subject = say!(
            phrasing,
            format!("コンタクトの属性{name}"),
            format!("the {name} of a contact"),
            format!("联系人的属性{name}")
        );
        let shown = |value: Option<&serde_json::Value>| -> Vec<String> {
            let value = value.cloned().and_then(read);
            let quoted = value.map(|value| phrasing.quote(&value.to_string()));
            quoted.into_iter().collect()
        };
        let (before, after) = (shown(self.from.as_ref()), shown(self.to.as_ref()));
        changes(&subject, &before, &after, phrasing)
    }

    fn implies(&self) -> Vec<Condition> {
        let value = self.to.clone().and_then(read);
        let implied = value.and_then(|value| has_value(self.attribute_id, value));
        implied.into_iter().collect()
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Attribute(self.attribute_id)]
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        let Happened::Attribute {
            attribute,
            from,
            to,
        } = happened
        else {
            return false;
        };
        *attribute == self.attribute_id
            && is(self.from.as_ref(), *from)
            && is(self.to.as_ref(), *to)
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

/// That a contact has the value; nothing of an empty choice.
fn has_value(attribute: Uuid, value: attribute::Value) -> Option<Condition> {
    let mut test = Attribute {
        attribute_id: Ref::from_uuid(attribute),
        of: SubjectKind::Contact,
        text: None,
        number: None,
        boolean: None,
        time: None,
        options: None,
        mode: Mode::All,
        is_set: None,
    };
    match value {
        attribute::Value::Text(text) | attribute::Value::Url(text) => {
            test.text = Some(TextTest {
                any_of: Some(vec![text]),
                ..TextTest::default()
            });
        }
        attribute::Value::Number(number) => {
            test.number = Some(NumberTest::between(number, number));
        }
        attribute::Value::Boolean(flag) => test.boolean = Some(flag),
        attribute::Value::Date(day) => test.time = Some(at(day.and_time(NaiveTime::MIN).and_utc())),
        attribute::Value::DateTime(moment) => test.time = Some(at(moment)),
        attribute::Value::Select(key) => test.options = Some(vec![key]),
        attribute::Value::MultiSelect(keys) if keys.is_empty() => return None,
        attribute::Value::MultiSelect(keys) => test.options = Some(keys),
    }
    Some(Condition::Attribute(Box::new(test)))
}

/// At a moment, to the second.
fn at(moment: DateTime<Utc>) -> TimeTest {
    TimeTest {
        from: Some(moment),
        until: moment.checked_add_signed(TimeDelta::seconds(1)),
        ..TimeTest::default()
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

fn read(value: serde_json::Value) -> Option<attribute::Value> {
    serde_json::from_value(value).ok()
}

/// Whether the stored columns of a value are those of the one that is waited for.
fn is(wanted: Option<&serde_json::Value>, stored: Option<&serde_json::Value>) -> bool {
    let Some(wanted) = wanted else { return true };
    let (Some(wanted), Some(stored)) = (read(wanted.clone()), stored) else {
        return false;
    };
    let moment = |at: &serde_json::Value| {
        let text = at.as_str()?;
        chrono::DateTime::parse_from_rfc3339(text).ok()
    };
    match wanted {
        attribute::Value::Text(text)
        | attribute::Value::Select(text)
        | attribute::Value::Url(text) => stored["text"] == text,
        attribute::Value::Number(number) => stored["number"].as_f64() == Some(number),
        attribute::Value::Boolean(flag) => {
            stored["number"].as_f64() == Some(f64::from(u8::from(flag)))
        }
        attribute::Value::Date(day) => moment(&stored["at"]).map(|at| at.date_naive()) == Some(day),
        attribute::Value::DateTime(at) => moment(&stored["at"]).is_some_and(|stored| stored == at),
        attribute::Value::MultiSelect(keys) => {
            let stored = stored["options"].as_array().map_or(&[][..], Vec::as_slice);
            stored.len() == keys.len()
                && stored.iter().all(|one| {
                    one.as_str()
                        .is_some_and(|one| keys.iter().any(|key| key == one))
                })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_recognised_in_the_columns_it_is_stored_in() {
        let wanted = |value: attribute::Value| json!(value);
        for (value, stored, fits) in [
            (
                attribute::Value::Text("縁".to_owned()),
                json!({"text": "縁"}),
                true,
            ),
            (
                attribute::Value::Text("縁".to_owned()),
                json!({"text": "円"}),
                false,
            ),
            (attribute::Value::Number(2.0), json!({"number": 2.0}), true),
            (
                attribute::Value::Boolean(true),
                json!({"number": 1.0}),
                true,
            ),
            (
                attribute::Value::Boolean(false),
                json!({"number": 1.0}),
                false,
            ),
            (
                attribute::Value::Date("2026-03-01".parse().unwrap()),
                json!({"at": "2026-03-01T00:00:00Z"}),
                true,
            ),
            (
                attribute::Value::MultiSelect(vec!["b".to_owned(), "a".to_owned()]),
                json!({"options": ["a", "b"]}),
                true,
            ),
            (
                attribute::Value::MultiSelect(vec!["a".to_owned()]),
                json!({"options": ["a", "b"]}),
                false,
            ),
        ] {
            assert_eq!(is(Some(&wanted(value)), Some(&stored)), fits, "{stored}");
        }
        assert!(is(None, None), "anything will do");
        let three = wanted(attribute::Value::Number(3.0));
        assert!(!is(Some(&three), None), "there is no value");
    }
}
