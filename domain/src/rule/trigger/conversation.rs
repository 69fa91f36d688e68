//! A conversation was opened, closed or given to somebody, or became more or less urgent.

use entity::{
    id::MemberId,
    kind::{Channel, ConversationStatus, Priority},
};
use uuid::Uuid;

use super::{
    Happened, Key, Place, TriggerKind,
    shape::{self, lets, lets_some},
    words::{changes, from_phrase, labels, members},
};
use crate::{
    condition::{
        Condition, Context, ConversationFields, channel_label,
        path::Path,
        priority_label,
        reference::IdKind,
        sentence::{Phrasing, say},
        status_label,
    },
    error::{UserError, UserErrorCode},
};

shape::trigger! {
    /// Looks at conversations as they begin or are opened again.
    ConversationOpened, RuleConversationOpenedTrigger, RuleConversationOpenedTriggerInput;
    required {}
    optional {
        /// The inboxes; empty for every one, also those made later.
        inbox_ids: ids Inbox,
        /// The channels of those inboxes; empty for every one.
        channels: many Channel,
        /// Where the conversation stood before; empty for anywhere.
        from: many ConversationStatus,
        /// Only conversations that are opened again, not those that begin.
        reopened_only: flag,
    }
}

shape::trigger! {
    /// Looks at conversations as they are closed.
    ConversationClosed, RuleConversationClosedTrigger, RuleConversationClosedTriggerInput;
    required {}
    optional {
        /// The inboxes; empty for every one, also those made later.
        inbox_ids: ids Inbox,
        /// The channels of those inboxes; empty for every one.
        channels: many Channel,
        /// Where the conversation stood before; empty for anywhere.
        from: many ConversationStatus,
    }
}

shape::trigger! {
    /// Looks at conversations as they are given to a member, to another, or to nobody.
    ConversationAssigned, RuleConversationAssignedTrigger, RuleConversationAssignedTriggerInput;
    required {}
    optional {
        /// The inboxes; empty for every one, also those made later.
        inbox_ids: ids Inbox,
        /// The channels of those inboxes; empty for every one.
        channels: many Channel,
        /// Who had it before; empty for anybody and nobody.
        from_member_ids: ids Member,
        /// Who has it now; empty for anybody.
        to_member_ids: ids Member,
        /// Only when nobody has it now; then `toMemberIds` must be empty.
        to_nobody: flag,
    }
}

shape::trigger! {
    /// Looks at conversations as they become more or less urgent.
    ConversationPriorityChanged, RuleConversationPriorityChangedTrigger,
    RuleConversationPriorityChangedTriggerInput;
    required {}
    optional {
        /// The inboxes; empty for every one, also those made later.
        inbox_ids: ids Inbox,
        /// The channels of those inboxes; empty for every one.
        channels: many Channel,
        /// How urgent the conversation was before; empty for however.
        from: many Priority,
        /// How urgent it is now; empty for however.
        to: many Priority,
    }
}

/// Notes that it has to stand before where it comes to.
fn check_from(
    from: &[ConversationStatus],
    to: ConversationStatus,
    at: &Path,
    refusals: &mut Vec<UserError>,
) {
    if from == [to] {
        let message =
            "It never comes from there, because it is there then. Choose another state, or none.";
        let at = at.at("from");
        refusals.push(at.refuse(UserErrorCode::Contradictory, message));
    }
}

pub(super) fn implied(fields: ConversationFields) -> Vec<Condition> {
    vec![Condition::Conversation(Box::new(fields))]
}

pub(super) fn lets_place(inbox_ids: &[Uuid], channels: &[Channel], place: &Place) -> bool {
    lets(inbox_ids, &place.inbox) && lets(channels, &place.channel)
}

/// Where it has to happen, as the beginning of a clause; nothing if anywhere.
pub(super) fn place_phrase(
    inbox_ids: &[Uuid],
    channels: &[Channel],
    phrasing: &Phrasing<'_>,
) -> String {
    let Some(places) = places(inbox_ids, channels, phrasing) else {
        return String::new();
    };
    say!(
        phrasing,
        format!("{places}で"),
        format!(" in {places}"),
        format!("在{places}")
    )
}

/// The same beside the conversation that a clause is about, which in Chinese is one of that place.
pub(super) fn home_phrase(
    inbox_ids: &[Uuid],
    channels: &[Channel],
    phrasing: &Phrasing<'_>,
) -> String {
    let Some(places) = places(inbox_ids, channels, phrasing) else {
        return String::new();
    };
    say!(
        phrasing,
        format!("{places}で"),
        format!(" in {places}"),
        format!("{places}中的")
    )
}

fn places(inbox_ids: &[Uuid], channels: &[Channel], phrasing: &Phrasing<'_>) -> Option<String> {
    let inboxes: Vec<String> = inbox_ids
        .iter()
        .map(|&id| phrasing.named(IdKind::Inbox, id))
        .collect();
    let channels = labels(channels, phrasing, |phrasing, channel| {
        channel_label(phrasing, channel).to_owned()
    });
    let mut places: Vec<String> = Vec::new();
    if !inboxes.is_empty() {
        places.push(phrasing.or(&inboxes));
    }
    if !channels.is_empty() {
        places.push(phrasing.or(&channels));
    }
    (!places.is_empty()).then(|| phrasing.and(&places))
}

impl TriggerKind for ConversationOpened {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        self.check_lists(at, refusals);
        check_from(&self.from, ConversationStatus::Open, at, refusals);
    }

    shape::naming!();

    fn context(&self) -> Context {
        Context::Conversation
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let place = home_phrase(&self.inbox_ids, &self.channels, phrasing);
        // What begins was nowhere before.
        if !self.from.is_empty() {
            let from = from_phrase(&labels(&self.from, phrasing, status_label), phrasing);
            return say!(
                phrasing,
                format!("{place}会話が{from}再開され"),
                format!("a conversation{place} is opened again{from}"),
                format!("{place}会话{from}重新打开")
            );
        }
        let (ja, en, zh) = if self.reopened_only {
            ("再開され", "is opened again", "会话重新打开")
        } else {
            (
                "開始または再開され",
                "begins or is opened again",
                "会话开始或重新打开",
            )
        };
        say!(
            phrasing,
            format!("{place}会話が{ja}"),
            format!("a conversation{place} {en}"),
            format!("{place}{zh}")
        )
    }

    fn implies(&self) -> Vec<Condition> {
        implied(ConversationFields {
            statuses: Some(vec![ConversationStatus::Open]),
            inbox_ids: shape::refs(&self.inbox_ids),
            ..ConversationFields::default()
        })
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Opened]
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        let Happened::Opened { from, place } = happened else {
            return false;
        };
        lets_place(&self.inbox_ids, &self.channels, place)
            && lets_some(&self.from, from.as_ref())
            && (from.is_some() || !self.reopened_only)
    }
}

impl TriggerKind for ConversationClosed {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        self.check_lists(at, refusals);
        check_from(&self.from, ConversationStatus::Closed, at, refusals);
    }

    shape::naming!();

    fn context(&self) -> Context {
        Context::Conversation
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let place = home_phrase(&self.inbox_ids, &self.channels, phrasing);
        let from = from_phrase(&labels(&self.from, phrasing, status_label), phrasing);
        say!(
            phrasing,
            format!("{place}会話が{from}完了し"),
            format!("a conversation{place} is closed{from}"),
            format!("{place}会话{from}被关闭")
        )
    }

    fn implies(&self) -> Vec<Condition> {
        implied(ConversationFields {
            statuses: Some(vec![ConversationStatus::Closed]),
            inbox_ids: shape::refs(&self.inbox_ids),
            ..ConversationFields::default()
        })
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Closed]
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        let Happened::Closed { from, place } = happened else {
            return false;
        };
        lets_place(&self.inbox_ids, &self.channels, place) && lets_some(&self.from, from.as_ref())
    }
}

impl TriggerKind for ConversationAssigned {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        self.check_lists(at, refusals);
        let (from, to) = (&self.from_member_ids, &self.to_member_ids);
        shape::change(from, to, &at.at("toMemberIds"), refusals);
        if self.to_nobody && !self.to_member_ids.is_empty() {
            refusals.push(at.at("toNobody").refuse(
                UserErrorCode::Contradictory,
                "Nobody and a member at once is never so. Empty one of the two.",
            ));
        }
    }

    shape::naming!();

    fn context(&self) -> Context {
        Context::Conversation
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let place = home_phrase(&self.inbox_ids, &self.channels, phrasing);
        let from = from_phrase(&members(&self.from_member_ids, phrasing), phrasing);
        if self.to_nobody {
            return say!(
                phrasing,
                format!("{place}会話の担当が{from}外れ"),
                format!("a conversation{place} is assigned{from} to nobody"),
                format!("{place}会话{from}变为无人负责")
            );
        }
        if self.to_member_ids.is_empty() {
            return say!(
                phrasing,
                format!("{place}会話が{from}メンバーに割り当てられ"),
                format!("a conversation{place} is assigned{from} to a member"),
                format!("{place}会话{from}被分配给某位成员")
            );
        }
        let to = phrasing.or(&members(&self.to_member_ids, phrasing));
        say!(
            phrasing,
            format!("{place}会話の担当が{from}{to}になり"),
            format!("a conversation{place} is assigned{from} to {to}"),
            format!("{place}会话{from}被分配给{to}")
        )
    }

    fn implies(&self) -> Vec<Condition> {
        implied(ConversationFields {
            has_assignee: Some(!self.to_nobody),
            assignee_ids: shape::refs(&self.to_member_ids),
            inbox_ids: shape::refs(&self.inbox_ids),
            ..ConversationFields::default()
        })
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Assigned]
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        let Happened::Assigned { from, to, place } = happened else {
            return false;
        };
        let to = to.map(|MemberId(id)| id);
        let to_fits = if self.to_nobody {
            to.is_none()
        } else {
            to.is_some() && lets_some(&self.to_member_ids, to.as_ref())
        };
        to_fits
            && lets_place(&self.inbox_ids, &self.channels, place)
            && lets_some(&self.from_member_ids, from.map(|MemberId(id)| id).as_ref())
    }
}

impl TriggerKind for ConversationPriorityChanged {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        self.check_lists(at, refusals);
        shape::change(&self.from, &self.to, &at.at("to"), refusals);
    }

    shape::naming!();

    fn context(&self) -> Context {
        Context::Conversation
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let place = home_phrase(&self.inbox_ids, &self.channels, phrasing);
        let subject = say!(
            phrasing,
            format!("{place}会話の優先度"),
            format!("the priority of a conversation{place}"),
            format!("{place}会话的优先级")
        );
        let from = labels(&self.from, phrasing, priority_label);
        let to = labels(&self.to, phrasing, priority_label);
        changes(&subject, &from, &to, phrasing)
    }

    fn implies(&self) -> Vec<Condition> {
        implied(ConversationFields {
            priorities: (!self.to.is_empty()).then(|| self.to.clone()),
            inbox_ids: shape::refs(&self.inbox_ids),
            ..ConversationFields::default()
        })
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Priority]
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        let Happened::Priority { from, to, place } = happened else {
            return false;
        };
        lets_place(&self.inbox_ids, &self.channels, place)
            && lets(&self.from, from)
            && lets(&self.to, to)
    }
}
