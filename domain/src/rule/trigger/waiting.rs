//! A contact has waited for an answer.

use entity::kind::{Channel, ConversationStatus};

use super::{
    Happened, Key, TriggerKind, WaitLength,
    conversation::{home_phrase, implied, lets_place},
    shape,
};
use crate::{
    condition::{
        Condition, Context, ConversationFields, TimeTest,
        path::Path,
        sentence::{Phrasing, say},
    },
    error::{UserError, UserErrorCode},
    text::counted,
};

/// The longest wait in minutes: thirty days.
const MAX_MINUTES: i64 = 30 * DAY;
const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

shape::trigger! {
    /// Looks at conversations in which a contact has waited so long for an answer, once for each wait. A wait
    /// begins with the first message of the contact that nobody has answered; what a program answers does not end
    /// it, closing the conversation does. Of a conversation that is snoozed it looks when that wakes. Of
    /// conversations that had waited so long before the rule began to wait it knows nothing.
    ConversationWaiting, RuleConversationWaitingTrigger, RuleConversationWaitingTriggerInput;
    required {
        /// How many minutes; from 1 to 43200, which are 30 days.
        minutes: number,
    }
    optional {
        /// Whether only minutes within the business hours of the workspace count.
        business_hours_only: flag,
        /// The inboxes; empty for every one, also those made later.
        inbox_ids: ids Inbox,
        /// The channels of those inboxes; empty for every one.
        channels: many Channel,
    }
}

impl ConversationWaiting {
    /// How long a contact has to wait.
    pub(crate) fn length(&self) -> WaitLength {
        WaitLength {
            minutes: self.minutes,
            business_hours: self.business_hours_only,
        }
    }
}

impl TriggerKind for ConversationWaiting {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        self.check_lists(at, refusals);
        if !(1..=MAX_MINUTES).contains(&self.minutes) {
            let message = format!("Choose from 1 to {MAX_MINUTES} minutes, which are 30 days.");
            refusals.push(at.at("minutes").refuse(UserErrorCode::Invalid, message));
        }
    }

    shape::naming!();

    fn context(&self) -> Context {
        Context::Conversation
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let place = home_phrase(&self.inbox_ids, &self.channels, phrasing);
        let long = duration(self.minutes, self.business_hours_only, phrasing);
        if self.business_hours_only {
            return say!(
                phrasing,
                format!("{place}会話の返信待ちが営業時間で{long}に達し"),
                format!("a conversation{place} has waited {long} of business time for an answer"),
                format!("{place}会话等待回复已满营业时间{long}")
            );
        }
        say!(
            phrasing,
            format!("{place}会話の返信待ちが{long}に達し"),
            format!("a conversation{place} has waited {long} for an answer"),
            format!("{place}会话等待回复已满{long}")
        )
    }

    fn implies(&self) -> Vec<Condition> {
        use ConversationStatus::{Open, Pending, Snoozed};
        implied(ConversationFields {
            statuses: Some(vec![Open, Pending, Snoozed]),
            inbox_ids: shape::refs(&self.inbox_ids),
            waiting_since: Some(TimeTest {
                is_set: Some(true),
                ..TimeTest::default()
            }),
            ..ConversationFields::default()
        })
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Waited(self.length())]
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        let Happened::Waited { length, place, .. } = happened else {
            return false;
        };
        *length == self.length() && lets_place(&self.inbox_ids, &self.channels, place)
    }
}

/// Minutes as people say them: in days, hours and minutes, those of business hours without days.
fn duration(minutes: i64, of_business: bool, phrasing: &Phrasing<'_>) -> String {
    let days = if of_business { 0 } else { minutes / DAY };
    let hours = (minutes - days * DAY) / HOUR;
    let parts = [
        (days, ["日", "day", "天"]),
        (hours, ["時間", "hour", "小时"]),
        (minutes % HOUR, ["分", "minute", "分钟"]),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts
        .map(|(number, [ja, en, zh])| {
            say!(
                phrasing,
                format!("{number}{ja}"),
                counted(number, en),
                format!("{number}{zh}")
            )
        })
        .collect();
    parts.join(say!(phrasing, "", " ", ""))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::rule::trigger::Place;

    fn waiting(minutes: i64, business_hours_only: bool) -> ConversationWaiting {
        ConversationWaiting {
            minutes,
            business_hours_only,
            inbox_ids: vec![Uuid::from_u128(1)],
            channels: vec![Channel::Email],
        }
    }

    #[test]
    fn a_wait_is_let_in_by_its_length_and_place() {
        for (minutes, business_hours, inbox, channel, expected) in [
            (240, true, 1, Channel::Email, true),
            (210, true, 1, Channel::Email, false),
            (240, false, 1, Channel::Email, false),
            (240, true, 2, Channel::Email, false),
            (240, true, 1, Channel::Line, false),
        ] {
            let happened = Happened::Waited {
                length: WaitLength {
                    minutes,
                    business_hours,
                },
                since: chrono::DateTime::UNIX_EPOCH,
                place: Place {
                    inbox: Uuid::from_u128(inbox),
                    channel,
                },
            };
            assert_eq!(waiting(240, true).accepts(&happened), expected);
            assert!(!waiting(240, true).accepts(&Happened::Tick));
        }
    }

    #[test]
    fn no_time_and_more_than_thirty_days_are_refused() {
        for (minutes, is_good) in [(0, false), (1, true), (43_200, true), (43_201, false)] {
            let mut refusals = Vec::new();
            waiting(minutes, false).check(&Path::root("trigger"), &mut refusals);
            assert_eq!(refusals.is_empty(), is_good, "{minutes}");
        }
    }
}
