//! Conditions in words that a person can check against what they meant.

use uuid::Uuid;

use super::{
    Condition, Shape,
    reference::{IdKind, Names},
};
use crate::locale::Locale;

/// Chooses by language: Japanese, English, Chinese.
macro_rules! say {
    ($phrasing:expr, $ja:expr, $en:expr, $zh:expr $(,)?) => {
        match $phrasing.locale {
            $crate::locale::Locale::Ja => $ja,
            $crate::locale::Locale::En => $en,
            $crate::locale::Locale::Zh => $zh,
        }
    };
}
pub(crate) use say;

/// The language to speak and the names to use.
pub(crate) struct Phrasing<'a> {
    pub(crate) locale: Locale,
    pub(crate) names: &'a dyn Names,
}

/// The condition as a clause, such as “the contact is tagged “VIP””.
pub fn clause(locale: Locale, names: &dyn Names, condition: &Condition) -> String {
    Phrasing { locale, names }.condition(condition, true)
}

impl Phrasing<'_> {
    /// The condition as a clause; with `outermost`, without brackets around a group.
    pub(crate) fn condition(&self, condition: &Condition, outermost: bool) -> String {
        let group = |children: &[Condition], joined_by: &str| {
            let clauses: Vec<String> = children
                .iter()
                .map(|child| self.condition(child, children.len() == 1 && outermost))
                .collect();
            let joined = clauses.join(joined_by);
            if outermost || children.len() == 1 {
                joined
            } else {
                say!(
                    self,
                    format!("（{joined}）"),
                    format!("({joined})"),
                    format!("（{joined}）")
                )
            }
        };
        match condition.shape() {
            Shape::All(children) => group(children, say!(self, "、かつ", " and ", "，且")),
            Shape::Any(children) => group(children, say!(self, "、または", " or ", "，或")),
            Shape::Not(child) => {
                let inner = self.condition(child, true);
                say!(
                    self,
                    format!("（{inner}）ことがない"),
                    format!("not ({inner})"),
                    format!("并非（{inner}）")
                )
            }
            Shape::Leaf(leaf) => leaf.phrase(self),
        }
    }

    /// What someone wrote, in quotation marks.
    pub(crate) fn quote(&self, text: &str) -> String {
        say!(
            self,
            format!("「{text}」"),
            format!("“{text}”"),
            format!("“{text}”")
        )
    }

    /// The quoted name of a thing, or words that say it is gone.
    pub(crate) fn named(&self, kind: IdKind, id: Uuid) -> String {
        match self.names.name(kind, id) {
            Some(name) => self.quote(&name),
            None => say!(self, "（削除済み）", "(deleted)", "（已删除）").to_owned(),
        }
    }

    /// Items of which one is enough.
    pub(crate) fn or(&self, items: &[String]) -> String {
        match self.locale {
            Locale::Ja => items.join("または"),
            Locale::En => listed(items, ", ", " or "),
            Locale::Zh => listed(items, "、", "或"),
        }
    }

    /// Items that belong together.
    pub(crate) fn and(&self, items: &[String]) -> String {
        match self.locale {
            Locale::Ja => items.join("と"),
            Locale::En => listed(items, ", ", " and "),
            Locale::Zh => listed(items, "、", "和"),
        }
    }
}

fn listed(items: &[String], between: &str, last: &str) -> String {
    match items.split_last() {
        Some((end, rest)) if !rest.is_empty() => format!("{}{last}{end}", rest.join(between)),
        _ => items.concat(),
    }
}
