//! Custom attributes.

use async_graphql::{InputObject, SimpleObject};
use entity::{id::AttributeId, kind::SubjectKind};
use sea_orm::DatabaseBackend;
use serde::{Deserialize, Serialize};

use super::words::Clauses;
use crate::{
    attribute::value,
    condition::{
        Leaf, Need,
        age::Aging,
        check::Checks,
        measure::{Bind, Frag, Holder, Measure, Plan, Rows, Source, frag},
        path::Path,
        reference::{Holds, IdKind, Reference},
        scalar::Ref,
        sentence::{Phrasing, say},
        test::{Ask, Element, Mode, NumberTest, Test, TextTest, TimeTest},
    },
    error::{UserError, UserErrorCode},
};

/// Tests the value of one custom attribute. Give the test that fits the attribute's type; the kind of
/// thing that has the value follows from the attribute.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[graphql(name = "AttributeCondition", input_name = "AttributeConditionInput")]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// The attribute.
    pub attribute_id: Ref<AttributeId>,
    /// What has the attribute: a contact, the contact's account, or the conversation.
    pub of: SubjectKind,
    /// Of an attribute of type `TEXT` or `URL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextTest>,
    /// Of an attribute of type `NUMBER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<NumberTest>,
    /// Of an attribute of type `BOOLEAN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boolean: Option<bool>,
    /// Of an attribute of type `DATE` or `DATE_TIME`; a day counts from its midnight in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeTest>,
    /// The keys of options, of an attribute of type `SELECT` or `MULTI_SELECT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<String>>,
    /// How many of the options must be chosen.
    #[serde(default)]
    #[graphql(default)]
    pub mode: Mode,
    /// There is a value (`true`), or there is none (`false`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_set: Option<bool>,
}

/// A part of an attribute's value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AttributeSource {
    attribute: uuid::Uuid,
    part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    /// The text in the form in which it is compared.
    Key,
    Number,
    Time,
    Options,
}

impl AttributeSource {
    /// The part that every value has.
    pub(crate) fn whole(&self) -> Self {
        Self {
            part: Part::Key,
            ..self.clone()
        }
    }

    /// What it is when it grows old.
    pub(crate) fn aging(&self) -> Aging {
        Aging::Attribute(self.attribute)
    }

    pub(crate) fn plan(&self, backend: DatabaseBackend) -> Plan {
        let mut plan = Plan::one("attribute_value", "x.subject_id");
        let attribute = Frag::new(" AND x.attribute_id = ?").with(Bind::Id(self.attribute));
        plan.wheres.append(attribute);
        match self.part {
            Part::Key => {
                // The sort key is the text's key behind a letter for its type.
                plan.base.push(("v", Frag::new("substr(x.sort_key, 2)")));
                plan.text = Some((Frag::new("b.v"), Frag::new("b.v")));
            }
            Part::Number => {
                plan.base.push(("v", Frag::new("x.number")));
                plan.numbers.push((Frag::new("b.v"), None));
            }
            Part::Time => {
                plan.base.push(("v", Frag::new("x.at")));
                let shown = frag::time_text(backend, "b.v");
                plan.text = Some((Frag::new("b.v"), Frag::new(shown)));
            }
            Part::Options => {
                plan.from = match backend {
                    DatabaseBackend::Postgres => {
                        "attribute_value x CROSS JOIN LATERAL
                         jsonb_array_elements_text(x.options) AS e(value)"
                    }
                    _ => "attribute_value x CROSS JOIN json_each(x.options) e",
                }
                .to_owned();
                plan.rows = Rows::Set;
                plan.base.push(("v", Frag::new("e.value")));
                plan.text = Some((Frag::new("b.v"), Frag::new("b.v")));
            }
        }
        plan
    }
}

impl Attribute {
    fn holder(&self) -> Holder {
        match self.of {
            SubjectKind::Contact => Holder::Contact,
            SubjectKind::Account => Holder::Account,
            SubjectKind::Conversation => Holder::Conversation,
        }
    }

    fn ask(&self, part: Part, test: Test) -> Ask {
        let source = AttributeSource {
            attribute: self.attribute_id.uuid(),
            part,
        };
        Ask::new(Measure::new(self.holder(), Source::Attribute(source)), test)
    }

    /// What the attribute must hold for the test to fit.
    fn holds(&self) -> Holds {
        if self.text.is_some() {
            Holds::Text
        } else if self.number.is_some() {
            Holds::Number
        } else if self.boolean.is_some() {
            Holds::Boolean
        } else if self.time.is_some() {
            Holds::Time
        } else if self.options.is_some() {
            Holds::Options
        } else {
            Holds::Anything
        }
    }

    fn kind(&self) -> IdKind {
        IdKind::Attribute(self.of, self.holds())
    }

    fn tests(&self) -> [bool; 6] {
        [
            self.text.is_some(),
            self.number.is_some(),
            self.boolean.is_some(),
            self.time.is_some(),
            self.options.is_some(),
            self.is_set.is_some(),
        ]
    }
}

impl Leaf for Attribute {
    fn need(&self) -> Need {
        match self.of {
            SubjectKind::Contact => Need::Contact,
            SubjectKind::Account => Need::Account,
            SubjectKind::Conversation => Need::Conversation,
        }
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        if self.tests().iter().filter(|&&given| given).count() != 1 {
            let message = "Give exactly one of text, number, boolean, time, options and isSet.";
            refusals.push(at.refuse(UserErrorCode::Invalid, message));
        }
        let mut checks = Checks::new(at, refusals);
        checks.text("text", self.text.as_ref());
        checks.time("time", self.time.as_ref());
        let max = value::MAX_NUMBER;
        checks.number("number", self.number.as_ref(), -max, max);
        checks.keys("options", self.options.as_ref());
    }

    fn asks(&self) -> Vec<Ask> {
        let mut asks = Vec::new();
        if let Some(text) = &self.text {
            asks.push(self.ask(Part::Key, Test::Text(text.clone())));
        }
        if let Some(number) = self.number {
            asks.push(self.ask(Part::Number, Test::Numbers(vec![number])));
        }
        if let Some(flag) = self.boolean {
            let test = NumberTest {
                equals: Some(f64::from(u8::from(flag)).into()),
                ..NumberTest::default()
            };
            asks.push(self.ask(Part::Number, Test::Numbers(vec![test])));
        }
        if let Some(time) = self.time {
            asks.push(self.ask(Part::Time, Test::Time(time)));
        }
        if let Some(options) = &self.options {
            let of = options.iter().cloned().map(Element::Word).collect();
            let mode = self.mode;
            asks.push(self.ask(Part::Options, Test::Has { mode, of }));
        }
        if let Some(wanted) = self.is_set {
            asks.push(self.ask(Part::Key, Test::IsSet(wanted)));
        }
        asks
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let subject = match self.of {
            SubjectKind::Contact => say!(phrasing, "コンタクト", "the contact", "联系人"),
            SubjectKind::Account => say!(phrasing, "会社", "the account", "公司"),
            SubjectKind::Conversation => say!(phrasing, "会話", "the conversation", "会话"),
        };
        let name = phrasing.named(self.kind(), self.attribute_id.uuid());
        let field = say!(
            phrasing,
            format!("{subject}の{name}"),
            format!("{subject}'s {name}"),
            format!("{subject}的{name}")
        );
        let mut clauses = Clauses::new(phrasing, String::new());
        if let Some(text) = &self.text {
            clauses.push(text.phrase(phrasing, &field));
        }
        if let Some(number) = &self.number {
            let number = number.phrase(phrasing);
            clauses.push(say!(
                phrasing,
                format!("{field}が{number}である"),
                format!("{field} is {number}"),
                format!("{field}{number}")
            ));
        }
        if let Some(flag) = self.boolean {
            let value = if flag {
                say!(phrasing, "はい", "true", "是")
            } else {
                say!(phrasing, "いいえ", "false", "否")
            };
            clauses.push(say!(
                phrasing,
                format!("{field}が「{value}」である"),
                format!("{field} is {value}"),
                format!("{field}为{value}")
            ));
        }
        if let Some(time) = &self.time {
            clauses.push(time.phrase(phrasing, &field));
        }
        if let Some(options) = &self.options {
            let quoted: Vec<String> = options.iter().map(|key| phrasing.quote(key)).collect();
            clauses.push(phrasing.has(&field, self.mode, &quoted));
        }
        if let Some(wanted) = self.is_set {
            clauses.push(phrasing.is_set(&field, wanted));
        }
        clauses.joined()
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        let id = self.attribute_id.uuid();
        found.push(Reference {
            options: self.options.clone().unwrap_or_default(),
            ..Reference::new(&at.at("attributeId"), self.kind(), id)
        });
    }
}
