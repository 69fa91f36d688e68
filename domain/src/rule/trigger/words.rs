//! Words that the sentences of several triggers share.

use uuid::Uuid;

use crate::condition::{
    reference::IdKind,
    sentence::{Phrasing, say},
};

/// What the sentences call some values.
pub(super) fn labels<T: Copy>(
    list: &[T],
    phrasing: &Phrasing<'_>,
    label: impl Fn(&Phrasing<'_>, T) -> String,
) -> Vec<String> {
    list.iter().map(|&one| label(phrasing, one)).collect()
}

/// The quoted names of some members.
pub(super) fn members(ids: &[Uuid], phrasing: &Phrasing<'_>) -> Vec<String> {
    ids.iter()
        .map(|&id| phrasing.named(IdKind::Member, id))
        .collect()
}

/// A clause in brackets, behind what it narrows.
pub(super) fn bracketed(clause: &str, phrasing: &Phrasing<'_>) -> String {
    say!(
        phrasing,
        format!("（{clause}）"),
        format!(" ({clause})"),
        format!("（{clause}）")
    )
}

/// What something was before, as words beside what it becomes; nothing if that may be anything.
pub(super) fn from_phrase(before: &[String], phrasing: &Phrasing<'_>) -> String {
    if before.is_empty() {
        return String::new();
    }
    let before = phrasing.or(before);
    say!(
        phrasing,
        format!("{before}から"),
        format!(" from {before}"),
        format!("从{before}")
    )
}

/// The clause that something changes from one of `before` to one of `after`. Nothing is said of a side that
/// may be anything.
pub(super) fn changes(
    subject: &str,
    before: &[String],
    after: &[String],
    phrasing: &Phrasing<'_>,
) -> String {
    let from = from_phrase(before, phrasing);
    if after.is_empty() {
        return say!(
            phrasing,
            format!("{subject}が{from}変わり"),
            format!("{subject} changes{from}"),
            format!("{subject}{from}变更")
        );
    }
    let to = phrasing.or(after);
    let en = if from.is_empty() {
        format!("{subject} becomes {to}")
    } else {
        format!("{subject} changes{from} to {to}")
    };
    say!(
        phrasing,
        format!("{subject}が{from}{to}になり"),
        en,
        format!("{subject}{from}变为{to}")
    )
}
