//! What tests of rules and deliveries have in common: a receiver that remembers, and short ways to
//! make tags, rules, targets and messages.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    action::{Action, Notify, TagContact, TagConversation},
    condition::{
        Condition, ContactTags, ConversationTags, Field, KeywordMatch, KeywordMode, Keywords,
        TagMode, TagTest,
    },
    contact,
    conversation::{self, NewMessage},
    email::NewEmailEvent,
    inbox,
    notification::{
        deliver::{self, Limits, Turn},
        manage::{self, NewTarget},
    },
    page::PageRequest,
    port::{
        Egress, EgressError, MailError, MailReceipt, OutgoingMail, OutgoingRequest,
        OutgoingResponse,
    },
    rule::{self, NewRule, Rule, trigger::Trigger},
    store::{Query, Rows},
    survey,
    suspect::{self, SuspectFilter, SuspectOrder, Suspicion},
    tag::{self, NewGroup, NewTag},
    task::NewTask,
    work::due,
};
use entity::{
    id::{ContactId, MessageId, SuspectId, TagGroupId, TagId, TargetId},
    kind::{
        Direction, EmailEventKind, IdentityKind, TagKind, TagSelection, TargetKind, TaskPriority,
    },
};

use super::World;

/// A receiver that answers as told and remembers every call.
#[derive(Debug, Default)]
pub struct Receiver {
    answers: Mutex<Vec<Result<OutgoingResponse, EgressError>>>,
    calls: Mutex<Vec<OutgoingRequest>>,
    receipts: Mutex<Vec<Result<MailReceipt, MailError>>>,
    mails: Mutex<Vec<OutgoingMail>>,
}

impl Receiver {
    /// Answers the next mails with these, in order; afterwards takes every address.
    pub fn mailing(receipts: impl IntoIterator<Item = Result<MailReceipt, MailError>>) -> Self {
        let mut receipts: Vec<_> = receipts.into_iter().collect();
        receipts.reverse();
        Self {
            receipts: Mutex::new(receipts),
            ..Self::default()
        }
    }

    /// Every mail so far.
    pub fn mails(&self) -> Vec<OutgoingMail> {
        self.mails.lock().expect("the mails").clone()
    }

    /// Answers the next calls with these, in order; afterwards with 200.
    pub fn answering(
        answers: impl IntoIterator<Item = Result<OutgoingResponse, EgressError>>,
    ) -> Self {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        Self {
            answers: Mutex::new(answers),
            ..Self::default()
        }
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<OutgoingRequest> {
        self.calls.lock().expect("the calls").clone()
    }

    /// The delivery ids that calls carried, in their order.
    pub fn delivery_ids(&self) -> Vec<String> {
        self.calls()
            .iter()
            .map(|call| header(call, "X-Enishi-Delivery"))
            .collect()
    }
}

/// A header of a call.
pub fn header(call: &OutgoingRequest, name: &str) -> String {
    let mut headers = call.headers.iter();
    headers
        .find(|(header, _)| header == name)
        .map(|(_, value)| value.clone())
        .unwrap_or_default()
}

/// An answer with this status.
pub fn answer(
    status: u16,
    retry_after_s: Option<u64>,
    body: &str,
) -> Result<OutgoingResponse, EgressError> {
    Ok(OutgoingResponse {
        status,
        retry_after_s,
        body: body.to_owned(),
        duration_ms: 3,
    })
}

#[async_trait]
impl Egress for Receiver {
    async fn post(&self, request: OutgoingRequest) -> Result<OutgoingResponse, EgressError> {
        self.calls.lock().expect("the calls").push(request);
        let next = self.answers.lock().expect("the answers").pop();
        next.unwrap_or_else(|| answer(200, None, "ok"))
    }

    async fn mail(&self, mail: OutgoingMail) -> Result<MailReceipt, MailError> {
        let next = self.receipts.lock().expect("the receipts").pop();
        let receipt = next.unwrap_or_else(|| {
            Ok(MailReceipt {
                status: 250,
                said: "queued".to_owned(),
                accepted: mail.to.clone(),
                refused: Vec::new(),
                deferred: Vec::new(),
            })
        });
        self.mails.lock().expect("the mails").push(mail);
        receipt
    }
}

/// A condition on words in subject or body.
pub fn words(words: &[&str]) -> Condition {
    Condition::Keywords(Keywords {
        fields: vec![Field::Subject, Field::Body],
        mode: KeywordMode::AnyOf,
        matching: KeywordMatch::Substring,
        words: words.iter().map(|&word| word.to_owned()).collect(),
    })
}

fn test(mode: TagMode, tags: &[TagId]) -> TagTest {
    TagTest {
        mode,
        tag_ids: tags.iter().map(|tag| tag.0).collect(),
        with_descendants: true,
    }
}

/// A condition on the contact's tags.
pub fn contact_has(mode: TagMode, tags: &[TagId]) -> Condition {
    Condition::ContactTags(ContactTags(test(mode, tags)))
}

/// A condition on the conversation's tags.
pub fn conversation_has(mode: TagMode, tags: &[TagId]) -> Condition {
    Condition::ConversationTags(ConversationTags(test(mode, tags)))
}

/// Tags the contact.
pub fn tag_contact(tag: TagId) -> Action {
    Action::TagContact(TagContact {
        tag_ids: vec![tag.0],
        expires_in_seconds: None,
        while_in_segment_id: None,
    })
}

/// Tags the conversation.
pub fn tag_conversation(tag: TagId) -> Action {
    Action::TagConversation(TagConversation {
        tag_ids: vec![tag.0],
        expires_in_seconds: None,
        while_in_segment_id: None,
    })
}

/// Notifies a target.
pub fn notify(target: TargetId) -> Action {
    Action::Notify(Notify {
        target_id: target.0,
        title: None,
        text: None,
    })
}

/// Something that happened to an email, with nothing else told of it.
pub fn email_event(
    external_id: &str,
    email_key: &str,
    recipient: &str,
    kind: EmailEventKind,
    occurred_at: DateTime<Utc>,
) -> NewEmailEvent {
    NewEmailEvent {
        external_id: external_id.to_owned(),
        email_key: email_key.to_owned(),
        recipient: recipient.to_owned(),
        kind,
        occurred_at,
        campaign: None,
        origin: None,
        bounce: None,
        url: None,
        user_agent: None,
        ip: None,
        tracks_opens: None,
    }
}

/// A task about nobody, with nobody to do it.
pub fn a_task(title: &str) -> NewTask {
    NewTask {
        title: title.to_owned(),
        description: String::new(),
        priority: TaskPriority::Normal,
        due_at: None,
        assignee: None,
        team: None,
        contact: None,
        account: None,
        conversation: None,
    }
}

/// The contact with this address.
pub async fn contact_of(world: &World, email: &str) -> ContactId {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = contact::find_by_identity(ctx, workspace, IdentityKind::Email, email).await;
    found.expect("a look-up").expect("a contact").id
}

/// The contacts who seem to be one person, as far as nobody has decided.
pub async fn open_suspects(world: &World) -> Vec<Suspicion<SuspectId>> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let (filter, order) = (SuspectFilter::default(), SuspectOrder::default());
    let page = PageRequest::first(50);
    let found = suspect::list::<SuspectId>(ctx, workspace, &filter, order, &page).await;
    let rows = found.expect("a page").rows.into_iter();
    rows.map(|(_, one)| one).collect()
}

impl World {
    /// Makes contacts by the thousand, without a name and without a word in the log.
    pub async fn crowd(&self, count: usize) -> Vec<ContactId> {
        let tx = self.ctx.begin(self.owner.workspace).await;
        let tx = tx.expect("a transaction");
        let ids: Vec<ContactId> = (0..count).map(|_| tx.id()).collect();
        for some in ids.chunks(10_000) {
            Query::new(
                "INSERT INTO contact (workspace_id, id, name, name_key, created_at, updated_at)
                 SELECT $1, r.id, '', '', $2, $2 FROM {r}",
            )
            .bind(tx.workspace)
            .bind(tx.now)
            .rows("r", Rows::new().ids("id", some.iter().copied()))
            .execute(tx.connection())
            .await
            .expect("contacts");
        }
        tx.commit().await.expect("a commit");
        ids
    }

    /// Makes a tag.
    pub async fn tag(&self, kind: TagKind, name: &str, parent: Option<TagId>) -> TagId {
        let new = NewTag {
            parent,
            ..NewTag::named(kind, name)
        };
        let tag = tag::catalogue::create(&self.ctx, &self.owner, new).await;
        tag.expect("a tag").id
    }

    /// Makes a group of contact tags.
    pub async fn group(&self, name: &str, selection: TagSelection) -> TagGroupId {
        let new = NewGroup {
            kind: TagKind::Contact,
            name: name.to_owned(),
            description: String::new(),
            selection,
            stage: None,
        };
        let group = tag::group::create(&self.ctx, &self.owner, new).await;
        group.expect("a group").id
    }

    /// Makes a contact tag that is a value of a group.
    pub async fn value(&self, group: TagGroupId, name: &str) -> TagId {
        let new = NewTag {
            group: Some(group),
            ..NewTag::named(TagKind::Contact, name)
        };
        let tag = tag::catalogue::create(&self.ctx, &self.owner, new).await;
        tag.expect("a tag").id
    }

    /// Makes a rule with the usual trigger.
    pub async fn rule(&self, name: &str, condition: Condition, actions: Vec<Action>) -> Rule {
        let new = NewRule {
            name: name.to_owned(),
            trigger: Trigger::default(),
            condition,
            actions,
            limits: domain::rule::Limits::default(),
        };
        let rule = rule::create(&self.ctx, &self.owner, new).await;
        rule.expect("a rule")
    }

    /// Makes a Slack target.
    pub async fn target(&self, name: &str) -> TargetId {
        let url = format!("https://hooks.slack.com/services/T1/B1/{name}");
        self.target_of(NewTarget::at(TargetKind::Slack, name, url))
            .await
    }

    /// Makes a target.
    pub async fn target_of(&self, new: NewTarget) -> TargetId {
        let made = manage::create(&self.ctx, &self.owner, new).await;
        made.expect("a target").0.id
    }

    /// Brings in messages told as (id, contact's address, body), all through the first inbox; each
    /// contact has one thread.
    pub async fn receive(&self, messages: &[(&str, &str, &str)]) -> Vec<MessageId> {
        let (ctx, owner) = (&self.ctx, &self.owner);
        let inboxes = inbox::list(ctx, owner.workspace).await.expect("inboxes");
        let messages = messages.iter().zip(0..);
        let messages = messages.map(|((id, email, body), n)| NewMessage {
            external_id: (*id).to_owned(),
            thread_keys: vec![format!("thread of {email}")],
            whose: (*email).to_owned().into(),
            name: None,
            direction: Direction::Inbound,
            author: None,
            automatic: false,
            subject: String::new(),
            body: (*body).to_owned(),
            sent_at: ctx.clock.now() + TimeDelta::seconds(n),
        });
        let ingested = conversation::ingest(ctx, owner, inboxes[0].id, messages.collect()).await;
        let ingested = ingested.expect("messages");
        ingested.iter().filter_map(|one| one.message).collect()
    }

    /// Lets a delivery worker take one turn, with what is due at its beginning: on a machine that stands still for
    /// a second, what was put back for as long would be due again within the turn.
    pub async fn deliver(&self, receiver: &Receiver) -> Turn {
        let is_first = AtomicBool::new(true);
        let goes_on = || is_first.swap(false, Ordering::SeqCst);
        let limits = Limits {
            items: 1_000,
            time: Duration::MAX,
            goes_on: &goes_on,
        };
        let turn = deliver::run_due(&self.ctx, receiver, None, limits).await;
        turn.expect("a turn")
    }

    /// Lets a worker send the mails of surveys that are due.
    pub async fn ask(&self, receiver: &Receiver) -> survey::mail::Turn {
        let turn = survey::mail::run_due(&self.ctx, receiver, None, Limits::items(1_000)).await;
        turn.expect("a turn")
    }

    /// Does what is due and needs nothing but the database; says how many items that were.
    pub async fn do_due(&self) -> usize {
        let turn = due::run_here(&self.ctx, None, &|| true).await;
        turn.expect("due items").done
    }

    /// Makes everything due now, and every target free.
    pub async fn hurry(&self) {
        for statement in [
            "UPDATE due_item SET due_at = $1",
            "UPDATE notification_target SET next_send_at = $1",
        ] {
            self.force(statement, DateTime::UNIX_EPOCH).await;
        }
    }

    /// Ends the lease of everything that is running, as if its worker had died long ago.
    pub async fn expire_leases(&self) {
        let statement = "UPDATE due_item SET lease_until = $1 WHERE state = 'RUNNING'";
        self.force(statement, DateTime::UNIX_EPOCH).await;
    }

    async fn force(&self, statement: &'static str, time: DateTime<Utc>) {
        let writer = self.ctx.db.writer();
        let forced = Query::new(statement).bind(time).execute(writer).await;
        forced.expect("an update");
    }
}
