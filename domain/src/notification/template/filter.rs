//! The filters of templates. None fails, whatever value it is given, and none makes much of little.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the template engine hands values over"
)]

use minijinja::{
    Environment, Value,
    value::{Rest, ValueKind},
};
use unicode_segmentation::UnicodeSegmentation as _;

/// Every filter.
pub(super) const FILTERS: &[&str] = &[
    "default", "first", "join", "last", "length", "lower", "round", "trim", "truncate", "upper",
];

/// Characters `join` may put between two values.
pub(super) const SEPARATOR_LIMIT: usize = 20;

pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("default", default);
    environment.add_filter("first", |list: Value| items(&list).into_iter().next());
    environment.add_filter("join", join);
    environment.add_filter("last", |list: Value| items(&list).pop());
    environment.add_filter("length", length);
    environment.add_filter("lower", |value: Value| shown(&value).to_lowercase());
    environment.add_filter("round", round);
    environment.add_filter("trim", |value: Value| shown(&value).trim().to_owned());
    environment.add_filter("truncate", truncate);
    environment.add_filter("upper", |value: Value| shown(&value).to_uppercase());
}

/// A value as a person sees it: what is not known is nothing, a list is its items.
pub(super) fn shown(value: &Value) -> String {
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => String::new(),
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<String> = items(value).iter().map(shown).collect();
            items.join(", ")
        }
        _ => value.to_string(),
    }
}

fn items(list: &Value) -> Vec<Value> {
    match list.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            list.try_iter().map(Iterator::collect).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// `other` where nothing is known, which includes an empty text.
fn default(value: Value, other: Value) -> Value {
    if value.is_true() || value.is_number() {
        value
    } else {
        other
    }
}

fn length(value: Value) -> usize {
    value
        .as_str()
        .map_or_else(|| items(&value).len(), |text| text.graphemes(true).count())
}

/// To the next whole number; what is no number stays.
fn round(value: Value) -> Value {
    match f64::try_from(value.clone()) {
        Ok(number) => Value::from(format!("{number:.0}")),
        Err(_) => value,
    }
}

/// At most so many characters as a person counts them, with an ellipsis when something is missing.
fn truncate(value: Value, characters: usize) -> String {
    let text = shown(&value);
    if text.graphemes(true).nth(characters).is_none() {
        return text;
    }
    let kept: String = text
        .graphemes(true)
        .take(characters.saturating_sub(1))
        .collect();
    kept + "…"
}

fn join(list: Value, separator: Rest<String>) -> String {
    let separator = separator.first().map_or(", ", String::as_str);
    let items: Vec<String> = items(&list).iter().map(shown).collect();
    items.join(separator)
}
