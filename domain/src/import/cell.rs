//! Cells read as values, or why they are none. Pure.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use entity::{
    attribute_definition,
    id::AttributeId,
    kind::{AttributeType, Channel, ImportField, LifecycleStage, SheetEncoding},
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use uuid::Uuid;

use super::{Column, wish, words};
use crate::{
    attribute::{
        definition::options,
        value::{self, Stored, Value},
    },
    contact::{bulk::Key, subscription::NewState},
    error::{UserError, UserErrorCode},
    locale::Locale,
    mail::EmailAddress,
    phone,
    sheet::{
        encoding, formula,
        record::{Broken, Record},
    },
    tag::path::{self, Way},
    text,
};

/// Why an import does something else with a line than taking it in whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, async_graphql::SimpleObject)]
#[graphql(name = "ImportProblem")]
pub struct Problem {
    /// The column, counted from 0; nothing when it is about the whole line.
    pub column: Option<i32>,
    /// What the column holds.
    pub field: Option<entity::kind::ImportField>,
    /// The reason, for programs; nothing when nothing is wrong.
    pub code: Option<UserErrorCode>,
    /// The reason and what to do, for people.
    pub message: String,
}

impl Problem {
    /// One about the whole line.
    pub(super) fn of_line(code: UserErrorCode, message: impl Into<String>) -> Self {
        Self {
            column: None,
            field: None,
            code: Some(code),
            message: message.into(),
        }
    }

    /// An `earlier` line is about the same person or account, as `noun` says.
    pub(super) fn repeats(earlier: i64, noun: &str) -> Self {
        let message = format!(
            "Line {earlier} is the same {noun}. Only the first line of each {noun} is taken in."
        );
        Self::of_line(UserErrorCode::Taken, message)
    }

    /// Nothing is wrong; this is why nothing is done.
    pub(super) fn remark(message: impl Into<String>) -> Self {
        Self {
            column: None,
            field: None,
            code: None,
            message: message.into(),
        }
    }
}

/// The company a line names.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct AccountRef {
    pub(super) name: Option<String>,
    /// The name as it is compared.
    pub(super) name_key: Option<String>,
    pub(super) domain: Option<String>,
    pub(super) external_id: Option<String>,
}

impl AccountRef {
    pub(super) fn is_empty(&self) -> bool {
        self.name.is_none() && self.domain.is_none() && self.external_id.is_none()
    }
}

/// What a line says; empty cells say nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    pub(super) name: Option<String>,
    pub(super) kana: Option<String>,
    pub(super) email: Option<EmailAddress>,
    pub(super) phone: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) locale: Option<String>,
    pub(super) account: AccountRef,
    pub(super) stage: Option<LifecycleStage>,
    pub(super) owner_email: Option<String>,
    pub(super) channel: Option<Channel>,
    pub(super) campaign: Option<String>,
    pub(super) brought_by_email: Option<String>,
    pub(super) arrived_at: Option<DateTime<Utc>>,
    pub(super) tags: Vec<Way>,
    pub(super) subscriptions: Vec<NewState>,
    pub(super) attributes: Vec<(AttributeId, Stored)>,
    pub(super) domain: Option<String>,
    pub(super) website: Option<String>,
    pub(super) description: Option<String>,
}

/// One line of the file.
#[derive(Debug)]
#[expect(
    clippy::struct_field_names,
    reason = "a line has a number in the file, which is its line"
)]
pub(super) struct Line {
    /// Which record it is, from 1.
    pub(super) record: i64,
    /// The line of the file it begins in, from 1.
    pub(super) line: i64,
    /// What it says.
    pub(super) values: Values,
    /// What is wrong with it.
    pub(super) problems: Vec<Problem>,
    /// What the contact it is about is recognised by, each with what that is remembered by. Of an account
    /// nothing.
    pub(super) keys: Vec<(Key, Uuid)>,
}

/// What is needed to read cells.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) encoding: SheetEncoding,
    pub(super) columns: &'a [Column],
    /// Cells every record has.
    pub(super) width: usize,
    pub(super) home: Locale,
    pub(super) zone: Tz,
    pub(super) attributes: &'a HashMap<AttributeId, attribute_definition::Model>,
}

impl Reader<'_> {
    /// Reads one record.
    pub(super) fn read(&self, record: i64, line: i64, raw: &Record) -> Line {
        let mut read = Line {
            record,
            line,
            values: Values::default(),
            problems: Vec::new(),
            keys: Vec::new(),
        };
        if let Some(broken) = raw.broken {
            let code = match broken {
                Broken::TooLong => UserErrorCode::TooLong,
                Broken::Unclosed | Broken::AfterQuote => UserErrorCode::Invalid,
            };
            read.problems
                .push(Problem::of_line(code, broken.to_string()));
            return read;
        }
        let extra = raw.cells.iter().skip(self.width);
        let has_more = extra.into_iter().any(|cell| !cell.trim_ascii().is_empty());
        if raw.cells.len() < self.width || has_more {
            let message = format!(
                "This line has {} and the first line has {}. Quote cells that hold a separator, and \
                 write empty cells too.",
                text::counted(raw.cells.len(), "cell"),
                self.width
            );
            let problem = Problem::of_line(UserErrorCode::Invalid, message);
            read.problems.push(problem);
            return read;
        }
        for column in self.columns {
            let Some(cell) = raw.cells.get(column.column) else {
                continue;
            };
            if let Err((code, message)) = self.cell(column, cell, &mut read.values) {
                read.problems.push(Problem {
                    column: i32::try_from(column.column).ok(),
                    field: Some(column.field),
                    code: Some(code),
                    message,
                });
            }
        }
        read
    }

    fn cell(&self, column: &Column, cell: &[u8], values: &mut Values) -> Result<(), Refusal> {
        let cell = encoding::decode(self.encoding, cell)
            .map_err(|fault| (UserErrorCode::Invalid, fault.to_string()))?;
        let cell = formula::restore(&cell);
        let cell = encoding::unescape(self.encoding, &cell);
        let cell = cell.trim();
        if cell.is_empty() {
            return Ok(());
        }
        let word = |limit| clean(text::name(cell, &[], limit));
        let words = |values: &[&str]| format!("Give one of {}.", values.join(", "));
        match column.field {
            ImportField::Name => values.name = Some(word(200)?),
            ImportField::Kana => values.kana = Some(word(200)?),
            ImportField::ExternalId => values.external_id = Some(word(200)?),
            ImportField::Locale => values.locale = Some(word(200)?),
            ImportField::AccountName => {
                let name = word(200)?;
                values.account.name_key = Some(text::name_key(&name));
                values.account.name = Some(name);
            }
            ImportField::AccountExternalId => values.account.external_id = Some(word(200)?),
            ImportField::SourceCampaign => values.campaign = Some(word(200)?),
            ImportField::Email => values.email = Some(address(cell)?),
            ImportField::OwnerEmail => values.owner_email = Some(address(cell)?.to_string()),
            ImportField::BroughtByEmail => {
                values.brought_by_email = Some(address(cell)?.to_string());
            }
            ImportField::ArrivedAt => values.arrived_at = Some(when(cell, self.zone)?),
            ImportField::AccountDomain => values.account.domain = Some(domain(cell)?),
            ImportField::Domain => values.domain = Some(domain(cell)?),
            ImportField::Phone => {
                values.phone = Some(clean(phone::parse(cell, self.home, &[]))?);
            }
            ImportField::Website => {
                values.website = Some(clean(value::web_address(cell, &[]))?);
            }
            ImportField::Description => {
                values.description = Some(clean(text::long_text(cell, &[], 2_000))?);
            }
            ImportField::Stage => {
                let stage = words::stage(cell).ok_or_else(|| {
                    let message = words(&[
                        "SUBSCRIBER",
                        "LEAD",
                        "QUALIFIED",
                        "OPPORTUNITY",
                        "CUSTOMER",
                        "ADVOCATE",
                        "FORMER",
                    ]);
                    (UserErrorCode::Invalid, message)
                })?;
                values.stage = Some(stage);
            }
            ImportField::SourceChannel => {
                let channel = words::channel(cell).ok_or_else(|| {
                    let message = words(&[
                        "EMAIL",
                        "CHAT",
                        "WEB_FORM",
                        "X",
                        "FACEBOOK",
                        "INSTAGRAM",
                        "LINKEDIN",
                        "LINE",
                        "WECHAT",
                        "WHATSAPP",
                        "SMS",
                        "OTHER",
                    ]);
                    (UserErrorCode::Invalid, message)
                })?;
                values.channel = Some(channel);
            }
            ImportField::Tags => values.tags.extend(tags(cell)),
            ImportField::Subscriptions => values.subscriptions = wish::read(cell)?,
            ImportField::Attribute => {
                let definition = column.attribute.and_then(|id| self.attributes.get(&id));
                let Some(definition) = definition else {
                    let message = "This attribute is not there any more.".to_owned();
                    return Err((UserErrorCode::NotFound, message));
                };
                let value = attribute(definition, cell, self.zone)?;
                values
                    .attributes
                    .push((definition.id, clean(value::check(definition, value, &[]))?));
            }
        }
        Ok(())
    }
}

/// Why a cell is refused: for programs, and for people.
pub(super) type Refusal = (UserErrorCode, String);

fn clean<T>(result: Result<T, UserError>) -> Result<T, Refusal> {
    result.map_err(|error| (error.code, error.message))
}

fn address(cell: &str) -> Result<EmailAddress, Refusal> {
    EmailAddress::parse(cell).map_err(|error| (UserErrorCode::Invalid, error.to_string()))
}

fn domain(cell: &str) -> Result<String, Refusal> {
    crate::account::domain_key(cell).ok_or_else(|| {
        let message = "Give a domain such as example.com.".to_owned();
        (UserErrorCode::Invalid, message)
    })
}

/// The paths in a cell: separated by `;`, unless that has a backslash before it.
fn tags(cell: &str) -> Vec<Way> {
    let mut paths = vec![String::new()];
    let mut escaped = false;
    for c in cell.chars() {
        if !escaped && matches!(c, ';' | '；' | '\n') {
            paths.push(String::new());
        } else if let Some(path) = paths.last_mut() {
            path.push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    let read = paths.iter().map(|text| path::read(text));
    read.filter(|way| !way.names.is_empty()).collect()
}

fn attribute(
    definition: &attribute_definition::Model,
    cell: &str,
    zone: Tz,
) -> Result<Value, Refusal> {
    let refuse = |message: &str| (UserErrorCode::Invalid, message.to_owned());
    Ok(match definition.value_type {
        AttributeType::Text => Value::Text(cell.to_owned()),
        AttributeType::Url => Value::Url(cell.to_owned()),
        AttributeType::Number => {
            let plain: String = text::name_key(cell)
                .chars()
                .filter(|c| !matches!(c, ',' | ' ' | '¥' | '$' | '€' | '円' | '元'))
                .collect();
            let number = plain.parse();
            Value::Number(number.map_err(|_| refuse("Give a number such as 1234.5."))?)
        }
        AttributeType::Boolean => {
            Value::Boolean(words::flag(cell).ok_or_else(|| refuse("Give true or false."))?)
        }
        AttributeType::Date => {
            let day = day(cell).ok_or_else(|| refuse("Give a day such as 2026-01-31."))?;
            Value::Date(day)
        }
        AttributeType::DateTime => Value::DateTime(when(cell, zone)?),
        AttributeType::Select => Value::Select(option(definition, cell)),
        AttributeType::MultiSelect => {
            let words = cell.split([';', '；']).map(str::trim);
            let words = words.filter(|word| !word.is_empty());
            Value::MultiSelect(words.map(|word| option(definition, word)).collect())
        }
    })
}

/// The key of the option that `word` is the key or the label of; else the word, to be refused.
fn option(definition: &attribute_definition::Model, word: &str) -> String {
    let wanted = text::name_key(word.trim());
    let options = options(definition);
    let found = options
        .iter()
        .find(|option| option.key == word.trim() || text::name_key(&option.label) == wanted);
    found.map_or_else(|| word.trim().to_owned(), |option| option.key.clone())
}

fn plain_date(cell: &str) -> String {
    text::name_key(cell)
        .replace(['年', '月', '/', '.'], "-")
        .replace('日', "")
}

fn day(cell: &str) -> Option<NaiveDate> {
    let plain = plain_date(cell);
    NaiveDate::parse_from_str(plain.trim(), "%Y-%m-%d").ok()
}

fn when(cell: &str, zone: Tz) -> Result<DateTime<Utc>, Refusal> {
    moment(cell, zone).ok_or_else(|| {
        let message = "Give a moment such as 2026-01-31 09:30.".to_owned();
        (UserErrorCode::Invalid, message)
    })
}

fn moment(cell: &str, zone: Tz) -> Option<DateTime<Utc>> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(cell.trim()) {
        return Some(moment.to_utc());
    }
    let plain = plain_date(cell).replace('t', " ");
    let local = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(plain.trim(), form).ok())
        .or_else(|| day(cell)?.and_hms_opt(0, 0, 0))?;
    let local = zone.from_local_datetime(&local);
    local.earliest().map(|moment| moment.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_of_tags_holds_paths() {
        let way = |from, names: &[&str]| Way {
            from,
            names: names.iter().map(|&name| name.to_owned()).collect(),
        };
        assert_eq!(
            tags("業種/IT/SaaS; VIP ；a\\;b/c\\/d;;/VIP;業種//IT"),
            [
                way(path::Start::Either, &["業種", "IT", "SaaS"]),
                way(path::Start::Either, &["VIP"]),
                way(path::Start::Either, &["a;b", "c/d"]),
                way(path::Start::Top, &["VIP"]),
                way(path::Start::Group, &["業種", "IT"]),
            ]
        );
    }

    #[test]
    fn days_and_moments_are_read_as_people_write_them() {
        let expected = NaiveDate::from_ymd_opt(2026, 1, 31);
        for cell in [
            "2026-01-31",
            "2026/1/31",
            "2026年1月31日",
            "２０２６．１．３１",
        ] {
            assert_eq!(day(cell), expected, "{cell}");
        }
        assert_eq!(day("31/1/2026"), None);
        let tokyo = chrono_tz::Asia::Tokyo;
        let expected = DateTime::parse_from_rfc3339("2026-01-31T00:30:00Z").unwrap();
        for cell in [
            "2026-01-31 09:30",
            "2026/1/31 9:30:00",
            "2026-01-31T09:30:00+09:00",
        ] {
            assert_eq!(moment(cell, tokyo), Some(expected.to_utc()), "{cell}");
        }
    }

    #[test]
    fn a_domain_may_be_pasted_as_an_address() {
        assert_eq!(
            domain("https://www.Example.com/about").unwrap(),
            "example.com"
        );
        assert_eq!(
            address("nobody").unwrap_err().1,
            "An e-mail address has the form name@domain."
        );
    }
}
