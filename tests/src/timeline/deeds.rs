//! What members do about people and companies: lists, tasks, subscriptions, owners, conversations.

use domain::{
    account::{self, AccountChanges, DetailChanges},
    contact::{
        self, ContactChanges, ProfileChanges,
        subscription::{self, NewState},
    },
    conversation,
    segment::{self, NewSegment, hand},
    store::Query,
    task::{self, NewTask},
};
use entity::{
    id::{SegmentId, TaskId},
    kind::{Channel, ConversationStatus, SegmentSubject, SubscriptionState, TaskStatus},
};

use super::scene::{Dice, PEOPLE, Scene};
use crate::support::{World, engine::a_task};

/// A list of contacts, and one of accounts.
pub(super) async fn lists(world: &World) -> [SegmentId; 2] {
    let mut made = Vec::new();
    for (name, subject) in [
        ("Guests", SegmentSubject::Contact),
        ("Partners", SegmentSubject::Account),
    ] {
        let new = NewSegment {
            name: name.to_owned(),
            description: String::new(),
            subject,
            condition: None,
        };
        let list = segment::create(&world.ctx, &world.owner, new).await;
        made.push(list.unwrap().id);
    }
    [made[0], made[1]]
}

impl Scene {
    /// A member does something.
    pub(super) async fn work(&self, world: &World, dice: &mut Dice) {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let (person, company) = (dice.roll(PEOPLE), dice.roll(2));
        let (contact, account) = (self.contacts[person], self.accounts[company]);
        match dice.roll(7) {
            0 => self.list(world, dice).await,
            1 => {
                let about = dice.roll(4);
                let new = NewTask {
                    contact: (about != 1).then_some(contact),
                    account: (about == 1 || about == 2).then_some(account),
                    conversation: (about == 3).then_some(self.conversations[person]),
                    ..a_task("Call")
                };
                task::create(ctx, owner, new).await.unwrap();
            }
            2 => end_or_reopen(world).await,
            3 => {
                let states = [
                    SubscriptionState::Subscribed,
                    SubscriptionState::Unsubscribed,
                ];
                let new = NewState {
                    channel: Channel::Email,
                    topic: "news".to_owned(),
                    state: states[dice.roll(2)],
                    reason: "Asked us".to_owned(),
                };
                subscription::set(ctx, owner, contact, new).await.unwrap();
            }
            4 => {
                let changes = ContactChanges {
                    profile: ProfileChanges {
                        owner: Some((dice.roll(2) == 0).then_some(owner.member)),
                        ..ProfileChanges::default()
                    },
                    ..ContactChanges::default()
                };
                contact::update(ctx, owner, contact, changes).await.unwrap();
            }
            5 => {
                let changes = AccountChanges {
                    details: DetailChanges {
                        owner: Some((dice.roll(2) == 0).then_some(owner.member)),
                        ..DetailChanges::default()
                    },
                    ..AccountChanges::default()
                };
                account::update(ctx, owner, account, changes).await.unwrap();
            }
            _ => {
                let statuses = [ConversationStatus::Closed, ConversationStatus::Open];
                let status = statuses[dice.roll(2)];
                let thread = self.conversations[person];
                conversation::set_status(ctx, owner, thread, status)
                    .await
                    .unwrap();
            }
        }
    }

    /// Somebody or something comes into a list or goes out of it.
    async fn list(&self, world: &World, dice: &mut Dice) {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let (list, things) = if dice.roll(2) == 0 {
            let contact = self.contacts[dice.roll(PEOPLE)];
            (self.lists[0], hand::Things::Contacts(vec![contact]))
        } else {
            let account = self.accounts[dice.roll(2)];
            (self.lists[1], hand::Things::Accounts(vec![account]))
        };
        if dice.roll(2) == 0 {
            hand::add(ctx, owner, list, &things).await.unwrap();
        } else {
            hand::remove(ctx, owner, list, &things).await.unwrap();
        }
    }
}

/// Ends the oldest open task, or opens the oldest one again if none is open.
async fn end_or_reopen(world: &World) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let oldest = async |status: &str| -> Option<TaskId> {
        Query::new(
            "SELECT k.id FROM task k WHERE k.workspace_id = $1 AND k.status = $2
             ORDER BY k.id LIMIT 1",
        )
        .bind(owner.workspace)
        .bind(status)
        .scalar(ctx.reader())
        .await
        .unwrap()
    };
    if let Some(open) = oldest("OPEN").await {
        task::end(ctx, owner, open, TaskStatus::Done).await.unwrap();
    } else if let Some(done) = oldest("DONE").await {
        task::reopen(ctx, owner, done).await.unwrap();
    }
}
