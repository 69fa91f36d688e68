//! A contact or an account came into a segment or went out of it.

use entity::kind::SubjectKind;
use uuid::Uuid;

use super::{Happened, Key, TriggerKind, shape};
use crate::{
    condition::{
        Condition, Context, Mode, Segments, TimeTest, Whose,
        check::{self, MAX_IDS},
        path::Path,
        reference::IdKind,
        sentence::{Phrasing, say},
    },
    error::UserError,
};

impl IdKind {
    /// A segment of contacts.
    pub(crate) const CONTACT_SEGMENT: Self = Self::Segment(SubjectKind::Contact);
    /// A segment of accounts.
    pub(crate) const ACCOUNT_SEGMENT: Self = Self::Segment(SubjectKind::Account);
}

macro_rules! segment_trigger {
    ($(#[$doc:meta])* $name:ident, $output:ident, $input:ident, $entered:literal, $subject:ident, $kind:ident) => {
        shape::trigger! {
            $(#[$doc])*
            $name, $output, $input;
            required {
                /// The segments, up to 500; one of them is enough.
                segment_ids: ids $kind,
            }
            optional {}
        }

        impl TriggerKind for $name {
            fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
                let at = at.at("segmentIds");
                check::list(&self.segment_ids, MAX_IDS, &at, refusals, "segment");
            }

            shape::naming!();

            fn context(&self) -> Context {
                Context::$subject
            }

            fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
                let names: Vec<String> = self
                    .segment_ids
                    .iter()
                    .map(|&id| phrasing.named(IdKind::$kind, id))
                    .collect();
                segment_phrase($entered, Context::$subject, &phrasing.or(&names), phrasing)
            }

            fn implies(&self) -> Vec<Condition> {
                membership($entered, Whose::$subject, &self.segment_ids)
            }

            fn keys(&self) -> Vec<Key> {
                let segments = self.segment_ids.iter();
                segments
                    .map(|&segment| Key::Segment {
                        entered: $entered,
                        segment,
                    })
                    .collect()
            }

            fn accepts(&self, happened: &Happened<'_>) -> bool {
                matches!(happened, Happened::Segment { entered, segment }
                    if *entered == $entered && self.segment_ids.contains(segment))
            }
        }
    };
}

/// What is so of somebody's segments once one of some was entered or left.
fn membership(entered: bool, of: Whose, segment_ids: &[Uuid]) -> Vec<Condition> {
    // Of several only one was left.
    let known = shape::refs(segment_ids).filter(|ids| entered || ids.len() == 1);
    let Some(segment_ids) = known else {
        return Vec::new();
    };
    let member = |since| {
        Condition::Segments(Segments {
            of,
            mode: if entered { Mode::Any } else { Mode::None },
            segment_ids: segment_ids.clone(),
            since,
        })
    };
    // Rules look within seconds; a day is long enough where nothing runs for a while.
    let just_now = entered.then(|| member(Some(TimeTest::last_days(1))));
    [member(None)].into_iter().chain(just_now).collect()
}

fn segment_phrase(entered: bool, subject: Context, names: &str, phrasing: &Phrasing<'_>) -> String {
    let noun = match subject {
        Context::Account => say!(phrasing, "会社", "an account", "公司"),
        _ => say!(phrasing, "コンタクト", "a contact", "联系人"),
    };
    if entered {
        say!(
            phrasing,
            format!("{noun}がセグメント{names}に入り"),
            format!("{noun} enters the segment {names}"),
            format!("{noun}进入细分{names}")
        )
    } else {
        say!(
            phrasing,
            format!("{noun}がセグメント{names}から外れ"),
            format!("{noun} leaves the segment {names}"),
            format!("{noun}离开细分{names}")
        )
    }
}

segment_trigger!(
    /// Looks at contacts as they come into a segment.
    ContactEnteredSegment, RuleContactEnteredSegmentTrigger, RuleContactEnteredSegmentTriggerInput, true, Contact, CONTACT_SEGMENT
);
segment_trigger!(
    /// Looks at contacts as they go out of a segment.
    ContactLeftSegment, RuleContactLeftSegmentTrigger, RuleContactLeftSegmentTriggerInput, false, Contact, CONTACT_SEGMENT
);
segment_trigger!(
    /// Looks at accounts as they come into a segment.
    AccountEnteredSegment, RuleAccountEnteredSegmentTrigger, RuleAccountEnteredSegmentTriggerInput, true, Account, ACCOUNT_SEGMENT
);
segment_trigger!(
    /// Looks at accounts as they go out of a segment.
    AccountLeftSegment, RuleAccountLeftSegmentTrigger, RuleAccountLeftSegmentTriggerInput, false, Account, ACCOUNT_SEGMENT
);
