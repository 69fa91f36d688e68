//! A workspace with something of every kind in it, and a door to the schema without a network.
//!
//! - `door`: the schema, asked as anybody;
//! - `person`, `engine`, `arrival`: what a house is furnished with;
//! - `spare`: what is used up, made anew.

mod arrival;
mod door;
mod engine;
mod person;
mod spare;

use std::collections::BTreeMap;

use domain::{
    access::{
        Actor, Scope,
        member::{self, NewMember},
        token::{self, NewToken},
    },
    ctx::Ctx,
    operation::{self, Limits},
    work::due,
};
use entity::kind::Role;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::{World, engine::Receiver};

pub(crate) use door::Door;

/// What a workspace has, by a word for each: `contact`, `tag`, ...
pub(super) struct House {
    pub(super) owner: Actor,
    pub(super) ids: BTreeMap<String, String>,
}

/// Appears in every text of a house, so that another's answer can be searched for it.
pub(super) fn canary(name: &str) -> String {
    format!("canary-{name}")
}

impl House {
    /// Fills the workspace of `owner`.
    pub(super) async fn furnish(world: &World, door: &Door, owner: &Actor, name: &str) -> Self {
        let mut house = Self {
            owner: owner.clone(),
            ids: BTreeMap::new(),
        };
        let canary = canary(name);
        let workspace = door.must(owner, "{ workspace { id } }", json!({})).await;
        house.keep("workspace", &workspace["id"]);
        house.keep("boss", &json!(owner.member.to_string()));
        let inboxes = door.must(owner, "{ inboxes { id } }", json!({})).await;
        house.keep("inbox", &inboxes[0]["id"]);
        house.refresh(door).await;

        let account = "mutation($input: CreateAccountInput!) { createAccount(input: $input) \
            { account { id } userErrors { message } } }";
        let input = json!({ "name": canary, "domain": format!("{name}.example") });
        let made = door.must(owner, account, json!({ "input": input })).await;
        house.keep("account", &made["account"]["id"]);
        house.attribute(door, "attribute", "plan").await;
        let group = "mutation($input: CreateTagGroupInput!) { createTagGroup(input: $input) \
            { tagGroup { id } userErrors { message } } }";
        let input = json!({ "kind": "CONTACT", "name": canary, "selection": "MULTI" });
        let made = door.must(owner, group, json!({ "input": input })).await;
        house.keep("group", &made["tagGroup"]["id"]);
        for (word, kind) in [("tag", "CONTACT"), ("topic", "CONVERSATION")] {
            let tag = "mutation($input: CreateTagInput!) { createTag(input: $input) \
                { tag { id } userErrors { message } } }";
            let input = json!({ "name": format!("{canary} {word}"), "kind": kind });
            let made = door.must(owner, tag, json!({ "input": input })).await;
            house.keep(word, &made["tag"]["id"]);
        }

        house.email_source(door, "email_source", &canary).await;
        house.tracked_link(door, "tracked_link", &canary).await;
        house.judge_leads(door, &canary).await;
        house.make_rule(door, &canary).await;
        house.take_in(world, door, name, &canary).await;
        house.follow_up(world, door).await;
        house.notifications(world, door, &canary).await;
        house.note(door, "note", &canary).await;
        house.task(door, "task", &canary).await;
        house.playbook(door, "playbook", &canary, true).await;
        house.enrol(door, "enrolment", "contact").await;
        let onward = "mutation($input: MoveEnrolmentInput!) { moveEnrolment(input: $input) \
            { enrolment { id } userErrors { message } } }";
        let input = json!({ "id": house.ids["enrolment"], "step": "rest" });
        door.must(owner, onward, json!({ "input": input })).await;
        house.journey(door).await;
        house.segments(door, &canary).await;
        house.survey(door, "survey", &canary).await;
        house.asked(door).await;
        house.refresh(door).await;
        house
    }

    fn keep(&mut self, word: &str, id: &Value) {
        let id = id.as_str().unwrap_or_else(|| panic!("no id for {word}"));
        self.ids.insert(word.to_owned(), id.to_owned());
    }

    /// A number not given for this word before.
    pub(super) fn next(&mut self, word: &str) -> u32 {
        let counter = self.ids.entry(format!("#{word}")).or_default();
        let next = counter.parse::<u32>().unwrap_or_default() + 1;
        *counter = next.to_string();
        next
    }

    /// Puts this house's ids in place of `@word`, and a fresh number in place of `#`.
    pub(super) fn fill(&mut self, variables: &Value) -> Value {
        match variables {
            Value::String(text) => {
                if let Some(word) = text.strip_prefix('@') {
                    let id = self.ids.get(word);
                    return json!(id.unwrap_or_else(|| panic!("the house has no {word}")));
                }
                if text.contains('#') {
                    let number = self.next("fill");
                    return json!(text.replace('#', &number.to_string()));
                }
                variables.clone()
            }
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(members) => {
                let filled = members
                    .iter()
                    .map(|(name, value)| (name.clone(), self.fill(value)));
                Value::Object(filled.collect())
            }
            other => other.clone(),
        }
    }

    /// The ids of things, without the counters.
    pub(super) fn things(&self) -> impl Iterator<Item = (&str, &str)> {
        let things = self.ids.iter().filter(|(word, _)| !word.starts_with('#'));
        things.map(|(word, id)| (word.as_str(), id.as_str()))
    }
}

/// Does what the mutations of a test have left to do.
pub(super) async fn clear(world: &World) {
    world.drain().await;
    world.hurry().await;
    world.deliver(&Receiver::default()).await;
    let turn = operation::run_due(&world.ctx, domain::operations(), None, Limits::none()).await;
    turn.expect("a turn");
}

/// Clears if an operation or a delivery waits, which others may run into. What is only in the log stays there.
pub(super) async fn settle(world: &World) {
    let waiting = due::pending(world.ctx.reader()).await;
    if waiting.expect("a count") > 0 {
        clear(world).await;
    }
}

/// A member of the owner's workspace with this role, through a token with every scope of it.
pub(crate) async fn member_of(ctx: &Ctx, owner: &Actor, role: Role) -> Actor {
    let new = NewMember {
        email: format!("{}@staff.example", role.word().to_lowercase()),
        name: "Somebody".to_owned(),
        role,
    };
    let member = member::add(ctx, owner, new).await.expect("a member");
    let new = NewToken {
        member: Some(member.id),
        name: "Theirs".to_owned(),
        scopes: Scope::ALL.to_vec(),
        expires_at: None,
        integration: false,
    };
    let (_, secret) = token::create(ctx, owner, new).await.expect("a token");
    let actor = token::authenticate(ctx, secret.expose_secret()).await;
    actor.expect("a look-up").expect("an actor")
}
