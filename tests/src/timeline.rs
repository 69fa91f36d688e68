//! Timelines on both databases: whatever happens in whatever order, they are what a plain union over
//! all tables is.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    account::{self, NewAccount},
    contact::{self, ContactChanges, ProfileChanges},
    email::{self, input::NewEmailEvent},
    event::{self, NewEvent},
    fact::{AccountRef, ContactRef, Of, Party, ingest::Head},
    invoice::{self, NewInvoice},
    note,
    opportunity::{self, NewOpportunity},
    order,
    page::PageRequest,
    stage::NewStage,
    store::Query,
    subject::Subject,
    survey::{self, NewSurveyAnswer},
    tag::{Request, tagging},
    ticket::{self, NewTicket},
    timeline::{self, Entry},
};
use entity::{
    id::{AccountId, ContactId, ConversationId, Id as _, TagId},
    kind::{
        EmailEventKind, InvoiceStatus, LifecycleStage, OpportunityStatus, SurveyKind, TagKind,
        TicketPriority, TicketStatus, TimelineKind,
    },
};
use sea_orm::{FromQueryResult, Iterable as _};
use uuid::Uuid;

use crate::{
    fact::{an_order, email as by_email},
    support::{World, engine, on_both},
};

/// Everything with an entry, told by the tables themselves.
const UNION: &str = "
    SELECT 'MESSAGE' AS kind, m.sent_at AS at, m.id AS subject_id, m.contact_id, c.account_id
    FROM message m JOIN contact c ON c.workspace_id = $1 AND c.id = m.contact_id
    WHERE m.workspace_id = $1
    UNION ALL SELECT 'EVENT', e.occurred_at, e.id, e.contact_id, c.account_id
    FROM event e JOIN contact c ON c.workspace_id = $1 AND c.id = e.contact_id
    WHERE e.workspace_id = $1
    UNION ALL SELECT 'EMAIL_EVENT', e.occurred_at, e.id, e.contact_id, c.account_id
    FROM email_event e JOIN contact c ON c.workspace_id = $1 AND c.id = e.contact_id
    WHERE e.workspace_id = $1
    UNION ALL SELECT 'RULE_FIRED', f.fired_at, f.id, f.contact_id, c.account_id
    FROM rule_firing f JOIN contact c ON c.workspace_id = $1 AND c.id = f.contact_id
    WHERE f.workspace_id = $1
    UNION ALL SELECT 'HEALTH_CHANGED', h.as_of, h.id, h.contact_id, c.account_id
    FROM health_history h JOIN contact c ON c.workspace_id = $1 AND c.id = h.contact_id
    WHERE h.workspace_id = $1
    UNION ALL SELECT 'TAG_ADDED', g.added_at, g.id, c.id, c.account_id
    FROM tagging g JOIN contact c ON c.workspace_id = $1 AND c.id = g.target_id
    WHERE g.workspace_id = $1
    UNION ALL SELECT 'TAG_ADDED', g.added_at, g.id, c.id, c.account_id
    FROM tagging g JOIN conversation v ON v.workspace_id = $1 AND v.id = g.target_id
    JOIN contact c ON c.workspace_id = $1 AND c.id = v.contact_id WHERE g.workspace_id = $1
    UNION ALL SELECT 'TAG_ADDED', g.added_at, g.id, NULL, a.id
    FROM tagging g JOIN account a ON a.workspace_id = $1 AND a.id = g.target_id
    WHERE g.workspace_id = $1
    UNION ALL SELECT 'TAG_REMOVED', g.removed_at, g.id, c.id, c.account_id
    FROM tagging g JOIN contact c ON c.workspace_id = $1 AND c.id = g.target_id
    WHERE g.workspace_id = $1 AND g.removed_at IS NOT NULL
    UNION ALL SELECT 'TAG_REMOVED', g.removed_at, g.id, c.id, c.account_id
    FROM tagging g JOIN conversation v ON v.workspace_id = $1 AND v.id = g.target_id
    JOIN contact c ON c.workspace_id = $1 AND c.id = v.contact_id
    WHERE g.workspace_id = $1 AND g.removed_at IS NOT NULL
    UNION ALL SELECT 'TAG_REMOVED', g.removed_at, g.id, NULL, a.id
    FROM tagging g JOIN account a ON a.workspace_id = $1 AND a.id = g.target_id
    WHERE g.workspace_id = $1 AND g.removed_at IS NOT NULL
    UNION ALL SELECT 'NOTE', o.created_at, o.id, c.id, c.account_id
    FROM note o JOIN contact c ON c.workspace_id = $1 AND c.id = o.subject_id
    WHERE o.workspace_id = $1 AND o.deleted_at IS NULL
    UNION ALL SELECT 'NOTE', o.created_at, o.id, c.id, c.account_id
    FROM note o JOIN conversation v ON v.workspace_id = $1 AND v.id = o.subject_id
    JOIN contact c ON c.workspace_id = $1 AND c.id = v.contact_id
    WHERE o.workspace_id = $1 AND o.deleted_at IS NULL
    UNION ALL SELECT 'NOTE', o.created_at, o.id, NULL, a.id
    FROM note o JOIN account a ON a.workspace_id = $1 AND a.id = o.subject_id
    WHERE o.workspace_id = $1 AND o.deleted_at IS NULL
    UNION ALL SELECT 'STAGE_CHANGED', s.at, s.id, c.id, c.account_id
    FROM stage_change s JOIN contact c ON c.workspace_id = $1 AND c.id = s.subject_id
    WHERE s.workspace_id = $1
    UNION ALL SELECT 'ORDER', t.placed_at, t.id, t.contact_id,
        CASE WHEN t.account_told = $2 THEN t.account_id ELSE c.account_id END
    FROM sales_order t LEFT JOIN contact c ON c.workspace_id = $1 AND c.id = t.contact_id
    WHERE t.workspace_id = $1
    UNION ALL SELECT 'INVOICE', t.issued_at, t.id, t.contact_id,
        CASE WHEN t.account_told = $2 THEN t.account_id ELSE c.account_id END
    FROM invoice t LEFT JOIN contact c ON c.workspace_id = $1 AND c.id = t.contact_id
    WHERE t.workspace_id = $1
    UNION ALL SELECT 'TICKET', t.opened_at, t.id, t.contact_id,
        CASE WHEN t.account_told = $2 THEN t.account_id ELSE c.account_id END
    FROM ticket t LEFT JOIN contact c ON c.workspace_id = $1 AND c.id = t.contact_id
    WHERE t.workspace_id = $1
    UNION ALL SELECT 'OPPORTUNITY', t.opened_at, t.id, t.contact_id,
        CASE WHEN t.account_told = $2 THEN t.account_id ELSE c.account_id END
    FROM opportunity t LEFT JOIN contact c ON c.workspace_id = $1 AND c.id = t.contact_id
    WHERE t.workspace_id = $1
    UNION ALL SELECT 'SURVEY_ANSWER', t.answered_at, t.id, t.contact_id,
        CASE WHEN t.account_told = $2 THEN t.account_id ELSE c.account_id END
    FROM survey_answer t LEFT JOIN contact c ON c.workspace_id = $1 AND c.id = t.contact_id
    WHERE t.workspace_id = $1
    UNION ALL SELECT 'SURVEY_INVITED', i.created_at, i.id, c.id, c.account_id
    FROM survey_invitation i JOIN contact c ON c.workspace_id = $1 AND c.id = i.contact_id
    WHERE i.workspace_id = $1
    UNION ALL SELECT 'PLAYBOOK_ENTERED', e.entered_at, e.id, c.id, c.account_id
    FROM enrolment e JOIN contact c ON c.workspace_id = $1 AND c.id = e.contact_id
    WHERE e.workspace_id = $1
    UNION ALL SELECT 'PLAYBOOK_LEFT', e.ended_at, e.id, c.id, c.account_id
    FROM enrolment e JOIN contact c ON c.workspace_id = $1 AND c.id = e.contact_id
    WHERE e.workspace_id = $1 AND e.ended_at IS NOT NULL";

#[derive(Debug, Clone, FromQueryResult)]
struct Told {
    kind: String,
    at: DateTime<Utc>,
    subject_id: Uuid,
    contact_id: Option<ContactId>,
    account_id: Option<AccountId>,
}

type Row = (DateTime<Utc>, Uuid, String);

/// What the timelines should be: newest first, for each contact and account.
async fn expected(world: &World) -> BTreeMap<Uuid, Vec<Row>> {
    let told: Vec<Told> = Query::new(UNION)
        .bind(world.owner.workspace)
        .bind(true)
        .all(world.ctx.reader())
        .await
        .unwrap();
    let mut timelines: BTreeMap<Uuid, Vec<Row>> = BTreeMap::new();
    for one in told {
        let owners = [one.contact_id.map(|id| id.0), one.account_id.map(|id| id.0)];
        for owner in owners.into_iter().flatten() {
            let row = (one.at, one.subject_id, one.kind.clone());
            timelines.entry(owner).or_default().push(row);
        }
    }
    for rows in timelines.values_mut() {
        rows.sort_unstable_by(|a, b| b.cmp(a));
    }
    timelines
}

fn row(entry: &Entry) -> Row {
    (entry.at, entry.subject_id, entry.kind.word().to_owned())
}

/// The whole timeline, page by page in one direction.
async fn walk(
    world: &World,
    of: Of,
    kinds: &[TimelineKind],
    size: i64,
    backward: bool,
) -> Vec<Row> {
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let mut request = PageRequest::first(size);
        request.backward = backward;
        if backward {
            request.before = cursor;
        } else {
            request.after = cursor;
        }
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let page = timeline::list(ctx, workspace, of, kinds, &request).await;
        let mut page = page.unwrap();
        let more = if backward {
            page.has_previous
        } else {
            page.has_next
        };
        if backward {
            page.rows.reverse();
        }
        rows.extend(page.rows.iter().map(|(_, entry)| row(entry)));
        cursor = page.rows.last().map(|(cursor, _)| cursor.clone());
        if !more {
            break;
        }
    }
    if backward {
        rows.reverse();
    }
    rows
}

async fn check(world: &World, contacts: &[ContactId], accounts: &[AccountId]) {
    world.drain().await;
    let expected = expected(world).await;
    let owners = contacts.iter().map(|&id| (id.0, Of::Contact(id)));
    let owners = owners.chain(accounts.iter().map(|&id| (id.0, Of::Account(id))));
    let mut kinds_seen = 0;
    for (id, of) in owners {
        let wanted = expected.get(&id).cloned().unwrap_or_default();
        assert_eq!(walk(world, of, &[], 100, false).await, wanted, "{of:?}");
        assert_eq!(
            walk(world, of, &[], 7, false).await,
            wanted,
            "{of:?} in pages"
        );
        assert_eq!(
            walk(world, of, &[], 5, true).await,
            wanted,
            "{of:?} backwards"
        );
        for kind in TimelineKind::iter() {
            let mut some = wanted.clone();
            some.retain(|(.., word)| word == kind.word());
            kinds_seen += usize::from(!some.is_empty());
            assert_eq!(walk(world, of, &[kind], 3, false).await, some, "{kind:?}");
        }
        let kinds = [TimelineKind::TagAdded, TimelineKind::TagRemoved];
        let mut tags = wanted;
        tags.retain(|(.., word)| word.starts_with("TAG_"));
        assert_eq!(walk(world, of, &kinds, 1, false).await, tags, "one by one");
    }
    assert!(kinds_seen > 20, "only {kinds_seen} kinds were tried");
}

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % sides
    }
}

const PEOPLE: usize = 4;

#[derive(FromQueryResult)]
struct Made {
    id: ConversationId,
    contact_id: ContactId,
}

struct Scene {
    contacts: Vec<ContactId>,
    conversations: Vec<ConversationId>,
    accounts: Vec<AccountId>,
    tags: Vec<TagId>,
    topic: TagId,
}

fn address(person: usize) -> String {
    format!("p{person}@customer.example")
}

impl Scene {
    async fn set(world: &World) -> Self {
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
    async fn act(&self, world: &World, dice: &mut Dice, step: usize) {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let at = ctx.clock.now() - TimeDelta::hours(dice.roll(5_000) as i64);
        let head = |dice: &mut Dice, party| Head {
            external_id: format!("x{}", dice.roll(6)),
            party,
            updated_at: None,
        };
        let email = address(dice.roll(PEOPLE));
        match dice.roll(13) {
            0 => {
                let body = ["Hello", "We would like to partner"][dice.roll(2)];
                world.receive(&[(&format!("m{step}"), &email, body)]).await;
            }
            1 => {
                let event = NewEvent {
                    external_id: format!("e{step}"),
                    email,
                    name: "login".to_owned(),
                    properties: serde_json::json!({}),
                    occurred_at: at,
                };
                event::ingest(ctx, owner, vec![event]).await.unwrap();
            }
            2 => {
                let sent = NewEmailEvent {
                    external_id: format!("s{step}"),
                    email_key: format!("k{}", dice.roll(3)),
                    recipient: email,
                    kind: EmailEventKind::Sent,
                    occurred_at: at,
                    campaign: None,
                    origin: None,
                    bounce: None,
                    url: None,
                    user_agent: None,
                };
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

#[test]
fn a_timeline_is_the_union_of_all_tables_in_the_order_of_time() {
    on_both(|world| async move {
        let scene = Scene::set(&world).await;
        let mut dice = Dice(20_261_125);
        for step in 0..160 {
            scene.act(&world, &mut dice, step).await;
            if step % 5 == 0 {
                world
                    .clock
                    .advance(TimeDelta::minutes(dice.roll(90) as i64));
            }
            if step % 40 == 39 {
                check(&world, &scene.contacts, &scene.accounts).await;
            }
        }
        world
    });
}

#[test]
fn what_merges_and_erases_by_plain_statements_takes_the_entries_with_it() {
    on_both(|world| async move {
        let scene = Scene::set(&world).await;
        let mut dice = Dice(7);
        for step in 0..60 {
            scene.act(&world, &mut dice, step).await;
        }
        world.drain().await;
        let [from, to] = [scene.contacts[0], scene.contacts[1]].map(entity::id::Id::uuid);
        for table in [
            "message",
            "event",
            "email_event",
            "conversation",
            "rule_firing",
            "sales_order",
        ] {
            Query::new(format!(
                "UPDATE {table} SET contact_id = $3 WHERE workspace_id = $1 AND contact_id = $2"
            ))
            .bind(world.owner.workspace)
            .bind(from)
            .bind(to)
            .execute(world.ctx.db.writer())
            .await
            .unwrap();
        }
        for statement in [
            "DELETE FROM event WHERE workspace_id = $1 AND contact_id = $2",
            "DELETE FROM health_history WHERE workspace_id = $1 AND contact_id = $2",
        ] {
            Query::new(statement)
                .bind(world.owner.workspace)
                .bind(scene.contacts[2].uuid())
                .execute(world.ctx.db.writer())
                .await
                .unwrap();
        }
        // Entries of a moved fact that named no account follow their new contact with their own row,
        // which is the mover's to bring up to date.
        Query::new(
            "UPDATE sales_order SET account_id = (SELECT c.account_id FROM contact c
                 WHERE c.workspace_id = $1 AND c.id = sales_order.contact_id)
             WHERE workspace_id = $1 AND account_told = $2",
        )
        .bind(world.owner.workspace)
        .bind(false)
        .execute(world.ctx.db.writer())
        .await
        .unwrap();
        check(&world, &scene.contacts, &scene.accounts).await;
        world
    });
}

#[test]
fn a_timeline_of_another_workspace_is_empty_and_cursors_of_other_lists_are_refused() {
    on_both(|world| async move {
        world
            .receive(&[("a", "taro@customer.example", "Hello")])
            .await;
        let told = an_order(&world, "a", by_email("taro@customer.example"), 0);
        order::ingest(&world.ctx, &world.owner, vec![told])
            .await
            .unwrap();
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let (filter, by) = (
            contact::ContactFilter::default(),
            contact::ContactOrder::default(),
        );
        let first = PageRequest::first(1);
        let found = contact::list(ctx, workspace, filter, by, &first);
        let (cursor, taro) = found.await.unwrap().rows.remove(0);
        let of = Of::Contact(taro.id);
        let stranger = World::workspace(&world.ctx, "Stranger", "stranger.example").await;
        let page = PageRequest::first(10);
        let theirs = timeline::list(&world.ctx, stranger.workspace, of, &[], &page).await;
        assert!(theirs.unwrap().rows.is_empty());
        let ours = timeline::list(&world.ctx, world.owner.workspace, of, &[], &page).await;
        assert!(ours.unwrap().rows.len() >= 2);
        let page = PageRequest {
            after: Some(cursor),
            ..page
        };
        let wrong = timeline::list(&world.ctx, world.owner.workspace, of, &[], &page).await;
        assert!(wrong.is_err());
        world
    });
}
