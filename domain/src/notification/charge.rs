//! Who is in charge of what a notification is about: whoever looks after the contact, or the account where there
//! is no contact, and whoever deals with the conversation. Asked when it is sent, so that it follows them; a
//! team stands in where there is nobody.
//!
//! For targets of kind `EMAIL` and `IN_APP` whose receivers say so.

use std::collections::{BTreeMap, BTreeSet};

use entity::id::{
    AccountId, ContactId, ConversationId, DeliveryId, MemberId, MessageId, TargetId, WorkspaceId,
};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::delivery::Payload;
use crate::{
    error::Result,
    store::{Query, Rows},
};

/// A notification and what it is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    workspace: WorkspaceId,
    delivery: DeliveryId,
    target: TargetId,
    contact: Option<ContactId>,
    account: Option<AccountId>,
    conversation: Option<ConversationId>,
    message: Option<MessageId>,
}

/// A member who is in charge, or stands in for whoever is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, FromQueryResult)]
pub(super) struct InCharge {
    workspace_id: WorkspaceId,
    delivery_id: DeliveryId,
    pub(super) member_id: MemberId,
    pub(super) email: String,
}

/// Those in charge of each notification.
pub(super) type Charges = BTreeMap<(WorkspaceId, DeliveryId), Vec<InCharge>>;

impl About {
    pub(super) fn new(
        (workspace, delivery): (WorkspaceId, DeliveryId),
        target: TargetId,
        contact: Option<ContactId>,
        account: Option<AccountId>,
        payload: &Payload,
    ) -> Self {
        let (conversation, message) = payload.names();
        Self {
            workspace,
            delivery,
            target,
            contact,
            // What is said names an account that was merged since by its former id, or is of an earlier release.
            account: account.or(payload.account()),
            conversation,
            message,
        }
    }
}

/// Those in charge of each of `notifications`, as far as their targets' receivers ask for them.
pub(super) async fn of(
    connection: &impl ConnectionTrait,
    notifications: &[About],
) -> Result<Charges> {
    if notifications.is_empty() {
        return Ok(Charges::new());
    }
    let found = Query::new(
        "SELECT DISTINCT r.workspace_id, r.id AS delivery_id, m.id AS member_id, m.email
         FROM {r} JOIN notification_receiver v ON v.workspace_id = r.workspace_id
           AND v.notification_target_id = r.target_id AND (v.owner OR v.assignee)
         LEFT JOIN contact c ON c.workspace_id = r.workspace_id AND c.id = r.contact_id
         LEFT JOIN account a ON a.workspace_id = r.workspace_id AND a.id = r.account_id
         LEFT JOIN message g ON g.workspace_id = r.workspace_id AND g.id = r.message_id
         LEFT JOIN conversation o ON o.workspace_id = r.workspace_id
           AND o.id = CASE WHEN r.conversation_id IS NOT NULL THEN r.conversation_id
                           ELSE g.conversation_id END
         JOIN member m ON m.workspace_id = r.workspace_id AND m.removed_at IS NULL
           AND m.id = CASE WHEN v.assignee THEN o.assignee_id
                           WHEN r.contact_id IS NOT NULL THEN c.owner_id ELSE a.owner_id END",
    );
    let mut charges = by_notification(found.rows("r", rows(notifications)).all(connection).await?);
    let left: Vec<About> = notifications
        .iter()
        .filter(|one| !charges.contains_key(&(one.workspace, one.delivery)))
        .copied()
        .collect();
    if left.is_empty() {
        return Ok(charges);
    }
    let standing_in = Query::new(
        "SELECT DISTINCT r.workspace_id, r.id AS delivery_id, m.id AS member_id, m.email
         FROM {r} JOIN notification_receiver v ON v.workspace_id = r.workspace_id
           AND v.notification_target_id = r.target_id AND v.otherwise
         JOIN team_member g ON g.workspace_id = v.workspace_id AND g.team_id = v.team_id
         JOIN member m ON m.workspace_id = g.workspace_id AND m.id = g.member_id
           AND m.removed_at IS NULL",
    );
    charges.extend(by_notification(
        standing_in.rows("r", rows(&left)).all(connection).await?,
    ));
    Ok(charges)
}

fn rows(notifications: &[About]) -> Rows {
    let each = || notifications.iter();
    Rows::new()
        .ids("workspace_id", each().map(|one| one.workspace))
        .ids("id", each().map(|one| one.delivery))
        .ids("target_id", each().map(|one| one.target))
        .opt_ids("contact_id", each().map(|one| one.contact))
        .opt_ids("account_id", each().map(|one| one.account))
        .opt_ids("conversation_id", each().map(|one| one.conversation))
        .opt_ids("message_id", each().map(|one| one.message))
}

fn by_notification(found: Vec<InCharge>) -> Charges {
    let mut charges = Charges::new();
    // In one order on both databases.
    for one in found.into_iter().collect::<BTreeSet<_>>() {
        let key = (one.workspace_id, one.delivery_id);
        charges.entry(key).or_default().push(one);
    }
    charges
}
