//! What a change means for one conversation. Pure.

use chrono::{DateTime, Utc};
use entity::{conversation::Model, kind::ConversationStatus};

use super::update::Changes;
use crate::work::change::Fact;

/// A conversation after a change, and what happened to it.
#[derive(Debug, PartialEq)]
pub(super) struct Planned {
    pub(super) row: Model,
    pub(super) facts: Vec<Fact>,
}

/// The conversation after `changes`, or nothing when they leave it as it is. Watchers are kept
/// elsewhere.
pub(super) fn plan(before: &Model, changes: &Changes, now: DateTime<Utc>) -> Option<Planned> {
    let mut row = before.clone();
    let mut facts = Vec::new();
    let conversation_id = row.id;
    if let Some(status) = changes.status {
        turn(&mut row, status, changes.snoozed_until, now);
        if row.status != before.status {
            facts.push(Fact::ConversationStatusChanged {
                conversation_id,
                from: Some(before.status),
                to: Some(row.status),
            });
        }
    }
    if let Some(priority) = changes.priority
        && priority != row.priority
    {
        row.priority = priority;
        facts.push(Fact::ConversationPriorityChanged {
            conversation_id,
            from: before.priority,
            to: priority,
        });
    }
    if let Some(assignee) = changes.assignee
        && assignee != row.assignee_id
    {
        row.assignee_id = assignee;
        facts.push(Fact::ConversationAssigned {
            conversation_id,
            from: before.assignee_id,
            to: assignee,
        });
    }
    (row != *before).then_some(Planned { row, facts })
}

/// Closing ends the wait for an answer; only what the contact writes afterwards begins a new one.
fn turn(
    row: &mut Model,
    status: ConversationStatus,
    until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) {
    if status == ConversationStatus::Closed && row.status != ConversationStatus::Closed {
        row.closed_at = Some(now);
        row.waiting_since = None;
    }
    if status != ConversationStatus::Closed && row.status == ConversationStatus::Closed {
        row.reopenings += 1;
    }
    row.status = status;
    row.snoozed_until = until.filter(|_| status == ConversationStatus::Snoozed);
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use entity::{
        id::{MemberId, MessageId},
        kind::{ConversationStatus::*, Priority},
    };
    use uuid::Uuid;

    use super::*;

    fn conversation(status: ConversationStatus) -> Model {
        let id = Uuid::from_u128(1);
        let at = DateTime::UNIX_EPOCH;
        Model {
            workspace_id: id.into(),
            id: id.into(),
            inbox_id: id.into(),
            contact_id: id.into(),
            subject: String::new(),
            status,
            created_at: at,
            first_message_at: at,
            last_message_at: at,
            last_message_id: MessageId(id),
            waiting_since: Some(at),
            messages: 1,
            snoozed_until: None,
            priority: Priority::Normal,
            assignee_id: None,
            first_inbound_at: Some(at),
            first_response_at: None,
            closed_at: None,
            reopenings: 0,
        }
    }

    fn to(status: ConversationStatus) -> Changes {
        Changes {
            status: Some(status),
            ..Changes::default()
        }
    }

    #[test]
    fn every_turn_of_status_says_what_it_was_and_counts_reopenings() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
        for from in [Open, Pending, Snoozed, Closed] {
            for status in [Open, Pending, Snoozed, Closed] {
                let before = conversation(from);
                let planned = plan(&before, &to(status), now);
                if from == status {
                    assert_eq!(planned, None, "{from:?}");
                    continue;
                }
                let planned = planned.unwrap();
                let reopens = i64::from(from == Closed);
                assert_eq!(planned.row.reopenings, reopens, "{from:?} to {status:?}");
                assert_eq!(planned.row.closed_at, (status == Closed).then_some(now));
                assert_eq!(planned.row.waiting_since.is_none(), status == Closed);
                let fact = Fact::ConversationStatusChanged {
                    conversation_id: before.id,
                    from: Some(from),
                    to: Some(status),
                };
                assert_eq!(planned.facts, [fact]);
            }
        }
    }

    #[test]
    fn a_snooze_holds_its_moment_and_loses_it_with_the_status() {
        let now = DateTime::UNIX_EPOCH;
        let until = Some(now + TimeDelta::days(1));
        let snooze = Changes {
            snoozed_until: until,
            ..to(Snoozed)
        };
        let snoozed = plan(&conversation(Open), &snooze, now).unwrap().row;
        assert_eq!(snoozed.snoozed_until, until);
        let later = Changes {
            snoozed_until: Some(now + TimeDelta::days(2)),
            ..to(Snoozed)
        };
        let moved = plan(&snoozed, &later, now).unwrap();
        assert_eq!(
            (moved.row.snoozed_until, moved.facts.len()),
            (later.snoozed_until, 0)
        );
        assert_eq!(
            plan(&snoozed, &to(Open), now).unwrap().row.snoozed_until,
            None
        );
    }

    #[test]
    fn what_is_already_so_is_no_change() {
        let now = DateTime::UNIX_EPOCH;
        let member = MemberId(Uuid::from_u128(7));
        let changes = Changes {
            priority: Some(Priority::Urgent),
            assignee: Some(Some(member)),
            ..Changes::default()
        };
        let once = plan(&conversation(Open), &changes, now).unwrap();
        assert_eq!(once.facts.len(), 2);
        assert_eq!(plan(&once.row, &changes, now), None);
        let nobody = Changes {
            assignee: Some(None),
            ..Changes::default()
        };
        assert_eq!(plan(&once.row, &nobody, now).unwrap().row.assignee_id, None);
    }
}
