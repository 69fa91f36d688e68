//! People, companies and conversations, to whom anything may happen.

use chrono::TimeDelta;
use domain::{
    account::{self, NewAccount},
    contact::{self, ContactChanges, ProfileChanges},
    email,
    event::{self, NewEvent},
    fact::{AccountRef, ContactRef, Party, ingest::Head},
    invoice::{self, NewInvoice},
    note,
    opportunity::{self, NewOpportunity},
    order,
    stage::NewStage,
    store::Query,
    subject::Subject,
    survey::{self, NewSurveyAnswer},
    tag::{Request, tagging},
    ticket::{self, NewTicket},
};
use entity::{
    id::{AccountId, ContactId, ConversationId, SegmentId, TagId},
    kind::{
        EmailEventKind, InvoiceStatus, LifecycleStage, OpportunityStatus, SurveyKind, TagKind,
        TicketPriority, TicketStatus,
    },
};
use sea_orm::FromQueryResult;

use super::deeds;
use crate::{
    fact::{an_order, email as by_email},
    support::{World, engine},
};

/// Numbers that look like chance and are the same each time.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % sides
    }
}

pub(super) const PEOPLE: usize = 4;

#[derive(FromQueryResult)]
struct Made {
    id: ConversationId,
    contact_id: ContactId,
}

pub(super) struct Scene {
    pub(super) contacts: Vec<ContactId>,
    pub(super) conversations: Vec<ConversationId>,
    pub(super) accounts: Vec<AccountId>,
    /// A list of contacts, and one of accounts.
    pub(super) lists: [SegmentId; 2],
    tags: Vec<TagId>,
    topic: TagId,
}

fn address(person: usize) -> String {
    format!("p{person}@customer.example")
}

impl Scene {
    pub(super) async fn set(world: &World) -> Self {
        let topic = world.tag(TagKind::Conversation, "Topic", None).await;
        let tags = vec![
            world.tag(TagKind::Contact, "VIP", None).await,
            world.tag(TagKind::Contact, "Lead", None).await,
        ];
        let words = engine::words(&["partner"]);
        let actions = vec![
            engine::tag_conversation(topic),
            engine::tag_contact(tags[0]),
        ];
        world.rule("Partners", words, actions).await;
        let mut accounts = Vec::new();
        for name in ["One", "Two"] {
            let new = NewAccount {
                name: name.to_owned(),
                ..NewAccount::default()
            };
            let made = account::create(&world.ctx, &world.owner, new).await;
            accounts.push(made.unwrap().id);
        }
        let (mut contacts, mut conversations) = (Vec::new(), Vec::new());
        for person in 0..PEOPLE {
            let (id, email) = (format!("first {person}"), address(person));
            world.receive(&[(&id, &email, "Hello")]).await;
            let made: Option<Made> = Query::new(
                "SELECT v.id, v.contact_id FROM message m
                 JOIN conversation v ON v.workspace_id = $1 AND v.id = m.conversation_id
                 WHERE m.workspace_id = $1 AND m.external_id = $2",
            )
            .bind(world.owner.workspace)
            .bind(id)
            .one(world.ctx.reader())
            .await
            .unwrap();
            let made = made.unwrap();
            contacts.push(made.contact_id);
            conversations.push(made.id);
        }
        Self {
            contacts,
            conversations,
            accounts,
            lists: deeds::lists(world).await,
            tags,
            topic,
        }
    }

    fn party(&self, dice: &mut Dice) -> Party {
        let person = dice.roll(PEOPLE);
        let contact = Some(ContactRef::Id(self.contacts[person]));
        let account = Some(AccountRef::Id(self.accounts[dice.roll(2)]));
        match dice.roll(4) {
            0 => Party {
                contact: None,
                account,
            },
            1 => Party { contact, account },
            2 => by_email(&address(person)),
            _ => Party {
                contact,
                account: None,
            },
        }
    }

    fn tagging(&self, dice: &mut Dice) -> Request {
        let (tag, person) = (self.tags[dice.roll(2)], dice.roll(PEOPLE));
        match dice.roll(4) {
            0 => Request::account(self.accounts[dice.roll(2)], tag),
            1 => Request::conversation(self.conversations[person], self.topic),
            _ => Request::contact(self.contacts[person], tag),
        }
    }

    /// Something happens. What is told may be of any time, and of things told of before.
    pub(super) async fn act(&self, world: &World, dice: &mut Dice, step: usize) {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let at = ctx.clock.now() - TimeDelta::hours(dice.roll(5_000) as i64);
        let head = |dice: &mut Dice, party| Head {
            external_id: format!("x{}", dice.roll(6)),
            party,
            updated_at: None,
        };
        let email = address(dice.roll(PEOPLE));
        match dice.roll(18) {
            0 => {
                let body = ["Hello", "We would like to partner"][dice.roll(2)];
                world.receive(&[(&format!("m{step}"), &email, body)]).await;
            }
            1 => {
                let event = NewEvent {
                    external_id: format!("e{step}"),
                    whose: email.into(),
                    name: "login".to_owned(),
                    properties: serde_json::json!({}),
                    occurred_at: at,
                };
                event::ingest(ctx, owner, vec![event]).await.unwrap();
            }
            2 => {
                let (id, key) = (format!("s{step}"), format!("k{}", dice.roll(3)));
                let sent = engine::email_event(&id, &key, &email, EmailEventKind::Sent, at);
                email::event::ingest(ctx, owner, vec![sent]).await.unwrap();
            }
            3 | 4 => {
                let requests = [self.tagging(dice)];
                tagging::tag_many(ctx, owner, &requests, "").await.unwrap();
            }
            5 => {
                let requests = [self.tagging(dice)];
                tagging::untag_many(ctx, owner, &requests, "")
                    .await
                    .unwrap();
            }
            6 => {
                let party = self.party(dice);
                let mut told = an_order(world, &format!("o{}", dice.roll(6)), party, 0);
                told.placed_at = at;
                order::ingest(ctx, owner, vec![told]).await.unwrap();
            }
            7 => {
                let party = self.party(dice);
                let bill = NewInvoice {
                    head: head(dice, party),
                    number: None,
                    status: InvoiceStatus::Open,
                    amount: 1,
                    currency: "USD".to_owned(),
                    issued_at: at,
                    due_at: None,
                    paid_at: None,
                };
                invoice::ingest(ctx, owner, vec![bill]).await.unwrap();
            }
            8 => {
                let party = self.party(dice);
                let case = NewTicket {
                    head: head(dice, party),
                    subject: "Help".to_owned(),
                    status: TicketStatus::Open,
                    priority: TicketPriority::Normal,
                    csat: None,
                    opened_at: at,
                    solved_at: None,
                };
                ticket::ingest(ctx, owner, vec![case]).await.unwrap();
            }
            9 => {
                let party = self.party(dice);
                let deal = NewOpportunity {
                    head: head(dice, party),
                    name: "Deal".to_owned(),
                    status: OpportunityStatus::Open,
                    stage: None,
                    amount: None,
                    currency: None,
                    probability: None,
                    expected_close: None,
                    opened_at: at,
                    closed_at: None,
                };
                opportunity::ingest(ctx, owner, vec![deal]).await.unwrap();
                let party = self.party(dice);
                let answer = NewSurveyAnswer {
                    head: head(dice, party),
                    survey_key: "renewal".to_owned(),
                    kind: SurveyKind::Nps,
                    score: 7,
                    comment: None,
                    answered_at: at,
                };
                survey::ingest(ctx, owner, vec![answer]).await.unwrap();
            }
            10 => {
                let person = dice.roll(PEOPLE);
                let subject = match dice.roll(3) {
                    0 => Subject::from(self.contacts[person]),
                    1 => Subject::from(self.conversations[person]),
                    _ => Subject::from(self.accounts[dice.roll(2)]),
                };
                let written = note::add(ctx, owner, subject, &["id"], "Called").await;
                if dice.roll(3) == 0 {
                    note::delete(ctx, owner, written.unwrap().id).await.unwrap();
                }
            }
            11 => {
                let stages = [LifecycleStage::Lead, LifecycleStage::Customer];
                let stage = Some(NewStage {
                    stage: Some(stages[dice.roll(2)]),
                    reason: String::new(),
                });
                let changes = ContactChanges {
                    profile: ProfileChanges {
                        stage,
                        ..ProfileChanges::default()
                    },
                    ..ContactChanges::default()
                };
                let contact = self.contacts[dice.roll(PEOPLE)];
                contact::update(ctx, owner, contact, changes).await.unwrap();
            }
            13..=17 => self.work(world, dice).await,
            _ => {
                let account = [None, Some(self.accounts[0]), Some(self.accounts[1])][dice.roll(3)];
                let changes = ContactChanges {
                    account: Some(account),
                    ..ContactChanges::default()
                };
                let contact = self.contacts[dice.roll(PEOPLE)];
                contact::update(ctx, owner, contact, changes).await.unwrap();
            }
        }
    }
}
