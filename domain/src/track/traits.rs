//! What traits say of a person or a company: the fields Enishi has itself, and the attributes a workspace
//! has declared. Whatever is neither is ignored and counted: senders make no fields. Pure.

use std::{borrow::Cow, collections::BTreeMap};

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;
use entity::{
    attribute_definition::Model,
    id::AttributeId,
    kind::{AttributeType, IdentityKind, SubjectKind},
    workspace,
};
use serde_json::Value as Json;

use super::call::{Object, moment};
use crate::{
    account,
    attribute::{
        definition,
        value::{self, Stored, Value},
    },
    contact::bulk::Key,
    locale::Locale,
    mail::EmailAddress,
    phone, text,
};

/// Where a workspace is at home.
#[derive(Debug, Clone, Copy)]
pub(super) struct Home {
    /// Whose numbers those without a country code are.
    locale: Locale,
    /// Whose days the days of moments are.
    zone: Tz,
}

impl Home {
    /// That of a workspace.
    pub(super) fn of(workspace: &workspace::Model) -> Self {
        Self {
            locale: Locale::from_word(&workspace.locale).unwrap_or_default(),
            zone: crate::workspace::time_zone(workspace),
        }
    }
}

/// Values of attributes; nothing takes a value away.
pub(super) type Settings = BTreeMap<AttributeId, Option<Stored>>;

/// What was made of traits.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Traits {
    /// The name.
    pub(super) name: Option<String>,
    /// The email address and the phone number, as identities.
    pub(super) keys: Vec<Key>,
    /// The email domain of a company.
    pub(super) domain: Option<String>,
    /// The web site of a company.
    pub(super) website: Option<String>,
    /// The phone number of a company.
    pub(super) phone: Option<String>,
    /// What a company is and does.
    pub(super) description: Option<String>,
    /// Values of attributes.
    pub(super) settings: Settings,
    /// How many are no field and no declared attribute.
    pub(super) ignored: u64,
    /// How many have a value that does not fit.
    pub(super) unfit: u64,
}

/// What traits say of a person.
pub(super) fn of_person(mut traits: Object, definitions: &[Model], home: Home) -> Traits {
    let mut read = Traits::default();
    let email = read.field(&mut traits, "email", |text| {
        let email = EmailAddress::parse(text).ok()?;
        Some(email.to_string())
    });
    let number = read.field(&mut traits, "phone", |text| {
        phone::parse(text, home.locale, &["phone"]).ok()
    });
    let email = email.map(|email| (IdentityKind::Email, email));
    let number = number.map(|number| (IdentityKind::Phone, number));
    read.keys.extend(email.into_iter().chain(number));
    read.name = read.field(&mut traits, "name", name);
    let parts = ["firstName", "lastName"].map(|field| read.field(&mut traits, field, name));
    if read.name.is_none() {
        read.name = full_name(parts).as_deref().and_then(name);
    }
    read.attributes(traits, definitions, SubjectKind::Contact, home.zone);
    read
}

/// What traits say of a company. To whoever may not claim the domain for it that is a trait like any other.
pub(super) fn of_company(
    mut traits: Object,
    definitions: &[Model],
    home: Home,
    may_claim: bool,
) -> Traits {
    let mut read = Traits::default();
    read.name = read.field(&mut traits, "name", name);
    if may_claim {
        read.domain = read.field(&mut traits, "domain", account::domain_key);
    }
    read.website = read.detail(&mut traits, definitions, "website", website);
    read.phone = read.detail(&mut traits, definitions, "phone", |text| {
        phone::parse(text, home.locale, &["phone"]).ok()
    });
    read.description = read.detail(&mut traits, definitions, "description", |text| {
        text::long_text(text, &["description"], 2_000).ok()
    });
    read.attributes(traits, definitions, SubjectKind::Account, home.zone);
    read
}

/// The address of a web site, which senders often give without its beginning.
fn website(raw: &str) -> Option<String> {
    let told = raw.trim();
    let whole = if told.contains("://") {
        Cow::Borrowed(told)
    } else {
        Cow::Owned(format!("https://{told}"))
    };
    value::web_address(&whole, &["website"]).ok()
}

fn name(raw: &str) -> Option<String> {
    text::name(raw, &["name"], 200).ok()
}

/// First and last name in the order in which people with such names write them.
fn full_name([first, last]: [Option<String>; 2]) -> Option<String> {
    let (Some(first), Some(last)) = (&first, &last) else {
        return first.or(last);
    };
    let is_eastern = |c: char| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}');
    if last.chars().chain(first.chars()).all(is_eastern) {
        Some(format!("{last} {first}"))
    } else {
        Some(format!("{first} {last}"))
    }
}

impl Traits {
    /// Takes a field of our own out of the traits. A value that is empty says nothing.
    fn field(
        &mut self,
        traits: &mut Object,
        field: &str,
        read: impl FnOnce(&str) -> Option<String>,
    ) -> Option<String> {
        let raw = match traits.remove(field)? {
            Json::String(text) if text.trim().is_empty() => return None,
            Json::String(text) => text,
            Json::Number(number) => number.to_string(),
            Json::Null => return None,
            _ => {
                self.unfit += 1;
                return None;
            }
        };
        let value = read(&raw);
        if value.is_none() {
            self.unfit += 1;
        }
        value
    }

    /// Reads a field of an account. A workspace may have declared an attribute for the same trait, which then
    /// goes on having it too.
    fn detail(
        &mut self,
        traits: &mut Object,
        definitions: &[Model],
        field: &str,
        read: impl FnOnce(&str) -> Option<String>,
    ) -> Option<String> {
        let is_declared = definition_of(definitions, SubjectKind::Account, field).is_some();
        let kept = traits.get(field).filter(|_| is_declared).cloned();
        let value = self.field(traits, field, read);
        traits.extend(kept.map(|kept| (field.to_owned(), kept)));
        value
    }

    fn attributes(
        &mut self,
        traits: Object,
        definitions: &[Model],
        subject: SubjectKind,
        zone: Tz,
    ) {
        for (name, json) in traits {
            let key = attribute_key(&name);
            let Some(definition) = definition_of(definitions, subject, &key) else {
                self.ignored += 1;
                continue;
            };
            if json.is_null() {
                self.settings.insert(definition.id, None);
                continue;
            }
            let value = value_of(definition, &json, zone);
            match value.and_then(|value| value::check(definition, value, &[]).ok()) {
                Some(stored) => drop(self.settings.insert(definition.id, Some(stored))),
                None => self.unfit += 1,
            }
        }
    }
}

/// The attribute in use that has this key.
fn definition_of<'d>(
    definitions: &'d [Model],
    subject: SubjectKind,
    key: &str,
) -> Option<&'d Model> {
    let mut definitions = definitions.iter();
    definitions.find(|one| one.subject == subject && one.archived_at.is_none() && one.key == key)
}

/// The key of the attribute that a trait is: `companySize` and `Company Size` are `company_size`.
fn attribute_key(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    let mut follows_small = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && follows_small {
            key.push('_');
        }
        follows_small = c.is_ascii_lowercase() || c.is_ascii_digit();
        if c.is_ascii_alphanumeric() {
            key.push(c.to_ascii_lowercase());
        } else if !key.is_empty() && !key.ends_with('_') {
            key.push('_');
        }
    }
    key.truncate(key.trim_end_matches('_').len());
    key
}

/// A value of JSON as one of the attribute's type, if it can be read so.
fn value_of(definition: &Model, json: &Json, zone: Tz) -> Option<Value> {
    let text = || match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        _ => None,
    };
    Some(match definition.value_type {
        AttributeType::Text => Value::Text(text()?),
        AttributeType::Number => Value::Number(match json {
            Json::Number(number) => number.as_f64()?,
            Json::String(text) => text.trim().parse().ok()?,
            _ => return None,
        }),
        AttributeType::Boolean => Value::Boolean(match json {
            Json::Bool(flag) => *flag,
            Json::String(text) => text.trim().to_ascii_lowercase().parse().ok()?,
            _ => return None,
        }),
        AttributeType::Date => Value::Date(day(json, zone)?),
        AttributeType::DateTime => Value::DateTime(moment(json)?),
        AttributeType::Select => Value::Select(option(definition, &text()?)),
        AttributeType::MultiSelect => {
            let items = match json {
                Json::Array(items) => items.as_slice(),
                one => std::slice::from_ref(one),
            };
            let keys = items
                .iter()
                .map(|item| Some(option(definition, item.as_str()?)));
            Value::MultiSelect(keys.collect::<Option<_>>()?)
        }
        AttributeType::Url => Value::Url(text()?),
    })
}

/// A day: that of a moment in this zone, as programs write days for which they have no type of their own;
/// the one written there if no offset is told.
fn day(json: &Json, zone: Tz) -> Option<NaiveDate> {
    let text = json.as_str()?.trim();
    match DateTime::parse_from_rfc3339(text) {
        Ok(moment) => Some(moment.with_timezone(&zone).date_naive()),
        Err(_) => text.get(..10)?.parse().ok(),
    }
}

/// The key of the option that is meant by its key or its label; any other text is left as it is.
fn option(definition: &Model, told: &str) -> String {
    let told = told.trim();
    let folded = text::name_key(told);
    let options = definition::options(definition);
    let meant = options.iter().find(|one| one.key == told).or_else(|| {
        let mut options = options.iter();
        options.find(|one| one.key == folded || text::name_key(&one.label) == folded)
    });
    meant.map_or_else(|| told.to_owned(), |one| one.key.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn definition(key: &str, value_type: AttributeType) -> Model {
        Model {
            workspace_id: Uuid::nil().into(),
            id: Uuid::from_u128(key.len() as u128).into(),
            subject: SubjectKind::Contact,
            key: key.to_owned(),
            name: key.to_owned(),
            description: String::new(),
            value_type,
            options: json!([
                { "key": "free", "label": "Free" }, { "key": "pro", "label": "プロ" },
            ]),
            position: 0,
            created_at: chrono::DateTime::UNIX_EPOCH,
            updated_at: chrono::DateTime::UNIX_EPOCH,
            archived_at: None,
        }
    }

    fn read(traits: &Json, definitions: &[Model]) -> Traits {
        let traits = traits.as_object().unwrap().clone();
        let home = Home {
            locale: Locale::Ja,
            zone: Tz::Asia__Tokyo,
        };
        of_person(traits, definitions, home)
    }

    #[test]
    fn a_day_is_the_one_written_or_that_of_the_moment_at_home() {
        for (told, zone, expected) in [
            ("2026-01-02", Tz::Asia__Tokyo, "2026-01-02"),
            ("2026-01-01T15:00:00.000Z", Tz::Asia__Tokyo, "2026-01-02"),
            ("2026-01-01T14:59:59.999Z", Tz::Asia__Tokyo, "2026-01-01"),
            ("2026-01-02T00:00:00+09:00", Tz::Asia__Tokyo, "2026-01-02"),
            ("2026-01-02T00:00:00+09:00", Tz::UTC, "2026-01-01"),
            ("2026-01-02T05:00:00Z", Tz::America__New_York, "2026-01-02"),
            // Nobody knows where this is.
            ("2026-01-01T23:00:00", Tz::Asia__Tokyo, "2026-01-01"),
        ] {
            let expected: NaiveDate = expected.parse().unwrap();
            assert_eq!(day(&json!(told), zone), Some(expected), "{told} {zone}");
        }
        for told in [
            json!("soon"),
            json!("2026-13-01"),
            json!(20_260_102),
            json!(""),
        ] {
            assert_eq!(day(&told, Tz::UTC), None, "{told}");
        }
    }

    #[test]
    fn fields_of_our_own_are_read_and_checked() {
        let read = read(
            &json!({
                "email": " Taro@A.example", "phone": "03-1234-5678", "firstName": "太郎",
                "lastName": "田中", "avatar": "x", "address": { "city": "Tokyo" },
            }),
            &[],
        );
        let keys = [
            (IdentityKind::Email, "taro@a.example".to_owned()),
            (IdentityKind::Phone, "+81312345678".to_owned()),
        ];
        assert_eq!(read.keys, keys);
        assert_eq!(read.name.as_deref(), Some("田中 太郎"));
        assert_eq!((read.ignored, read.unfit), (2, 0));
    }

    #[test]
    fn what_does_not_fit_is_counted_and_the_rest_stays() {
        let traits = json!({ "email": "nobody", "phone": [1], "name": "Taro", "lastName": "" });
        let read = read(&traits, &[]);
        assert!(read.keys.is_empty());
        assert_eq!(read.name.as_deref(), Some("Taro"));
        assert_eq!((read.ignored, read.unfit), (0, 2));
    }

    fn read_company(traits: &Json, definitions: &[Model], may_claim: bool) -> Traits {
        let traits = traits.as_object().unwrap().clone();
        let home = Home {
            locale: Locale::Ja,
            zone: Tz::Asia__Tokyo,
        };
        of_company(traits, definitions, home, may_claim)
    }

    #[test]
    fn the_usual_traits_of_companies_are_fields() {
        let traits = json!({
            "name": "Acme", "domain": "https://www.acme.example/", "website": "acme.example/ja",
            "phone": "03-1234-5678", "description": "Makes anvils.\nAnd more.", "employees": 7,
        });
        let read = read_company(&traits, &[], true);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(read.name, text("Acme"));
        assert_eq!(read.domain, text("acme.example"));
        assert_eq!(read.website, text("https://acme.example/ja"));
        assert_eq!(read.phone, text("+81312345678"));
        assert_eq!(read.description, text("Makes anvils.\nAnd more."));
        assert_eq!((read.ignored, read.unfit), (1, 0));
        let traits = json!({ "website": "ftp://x", "phone": "call me", "description": "" });
        let read = read_company(&traits, &[], true);
        assert_eq!(
            (read.website, read.phone, read.description),
            (None, None, None)
        );
        assert_eq!((read.ignored, read.unfit), (0, 2));
    }

    #[test]
    fn an_attribute_of_the_same_name_has_the_trait_as_well() {
        let of_accounts = |key: &str| Model {
            subject: SubjectKind::Account,
            ..definition(key, AttributeType::Text)
        };
        let (website, domain) = (of_accounts("website"), of_accounts("domain"));
        let traits = json!({ "website": "acme.example", "domain": "acme.example" });
        let read = read_company(&traits, &[website.clone(), domain.clone()], false);
        assert_eq!(read.website.as_deref(), Some("https://acme.example/"));
        // Who may not claim the domain says it of an attribute, or of nothing.
        assert_eq!(read.domain, None);
        assert_eq!(read.settings.len(), 2);
        assert_eq!(
            read.settings[&domain.id].as_ref().unwrap().text.as_deref(),
            Some("acme.example")
        );
        let read = read_company(&traits, &[], false);
        assert_eq!((read.domain, read.ignored), (None, 1));
    }

    #[test]
    fn names_are_put_together_as_people_write_them() {
        let name = |text: &str| Some(text.to_owned());
        for (first, last, expected) in [
            (name("Taro"), name("Tanaka"), name("Taro Tanaka")),
            (name("太郎"), name("田中"), name("田中 太郎")),
            (name("Taro"), None, name("Taro")),
            (None, name("田中"), name("田中")),
            (None, None, None),
        ] {
            assert_eq!(full_name([first, last]), expected);
        }
    }

    #[test]
    fn a_trait_is_the_attribute_whose_key_says_the_same() {
        for (name, key) in [
            ("plan", "plan"),
            ("companySize", "company_size"),
            ("Company Size", "company_size"),
            ("company_size", "company_size"),
            ("utm2Source", "utm2_source"),
            ("URL", "url"),
            ("業種", ""),
        ] {
            assert_eq!(attribute_key(name), key, "{name}");
        }
    }

    #[test]
    fn values_are_read_as_the_attribute_is_declared() {
        use AttributeType as T;
        for (value_type, json, fits) in [
            (T::Text, json!("x"), true),
            (T::Text, json!(7), true),
            (T::Text, json!({ "x": 1 }), false),
            (T::Number, json!(7.5), true),
            (T::Number, json!("7.5"), true),
            (T::Number, json!("seven"), false),
            (T::Boolean, json!(true), true),
            (T::Boolean, json!("True"), true),
            (T::Boolean, json!(1), false),
            (T::Date, json!("2026-03-01"), true),
            (T::Date, json!("2026-03-01T12:00:00Z"), true),
            (T::Date, json!("soon"), false),
            (T::DateTime, json!("2026-03-01T12:00:00Z"), true),
            (T::DateTime, json!("2026-03-01"), false),
            (T::Select, json!("pro"), true),
            (T::Select, json!("プロ"), true),
            (T::Select, json!("PRO"), true),
            (T::Select, json!("gold"), false),
            (T::MultiSelect, json!(["free", "Pro"]), true),
            (T::MultiSelect, json!("free"), true),
            (T::MultiSelect, json!([1]), false),
            (T::Url, json!("https://example.com"), true),
            (T::Url, json!("javascript:alert(1)"), false),
        ] {
            let read = read(
                &json!({ "thePlan": json }),
                &[definition("the_plan", value_type)],
            );
            assert_eq!(
                read.settings.len(),
                usize::from(fits),
                "{value_type:?} {json}"
            );
            assert_eq!(read.unfit, u64::from(!fits), "{value_type:?} {json}");
        }
    }

    #[test]
    fn nothing_takes_a_value_away_and_archived_attributes_are_left_alone() {
        let plan = definition("plan", AttributeType::Text);
        let archived = Model {
            archived_at: Some(chrono::DateTime::UNIX_EPOCH),
            ..definition("level", AttributeType::Text)
        };
        let read = read(
            &json!({ "plan": null, "level": "x" }),
            &[plan.clone(), archived],
        );
        assert_eq!(read.settings, Settings::from([(plan.id, None)]));
        assert_eq!(read.ignored, 1);
    }
}
