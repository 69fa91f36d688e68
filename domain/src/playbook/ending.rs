//! What ended an enrolment, in words: for people who look at it. What is kept is the name of a goal, of an exit,
//! or of the rule or playbook that ended it; or one of the reasons here, in English. Reads and writes nothing.

use entity::{enrolment, kind::EnrolmentState};

use crate::locale::Locale;

/// A member ended it.
pub(super) const BY_HAND: &str = "By hand";
/// The contact was merged into one that is in the playbook too.
pub(super) const MERGED: &str = "Merged";
/// The playbook was archived.
pub(super) const ARCHIVED: &str = "The playbook was archived";

/// What ended an enrolment; nothing while it is under way. Names stay as they are.
pub fn ending(locale: Locale, enrolment: &enrolment::Model) -> Option<&str> {
    let kept = enrolment.ending.as_deref()?;
    if enrolment.state != EnrolmentState::Cancelled {
        return Some(kept);
    }
    Some(match (kept, locale) {
        (BY_HAND, Locale::Ja) => "手動で終了",
        (BY_HAND, Locale::Zh) => "手动结束",
        (MERGED, Locale::Ja) => "コンタクトの統合",
        (MERGED, Locale::Zh) => "联系人已合并",
        (ARCHIVED, Locale::Ja) => "プレイブックのアーカイブ",
        (ARCHIVED, Locale::Zh) => "剧本已归档",
        _ => kept,
    })
}
