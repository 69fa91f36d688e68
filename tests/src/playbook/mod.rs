//! Playbooks on both databases: every step once, whatever happens to whoever takes it.

mod back;
mod book;
mod claim;
mod failing;
mod hours;
mod lock;
mod people;
mod shift;
mod source;
mod stepping;
mod wave;

use chrono::TimeDelta;
use domain::{
    contact::{self, NewContact},
    error::Result,
    operation::{self, Limits},
    page::PageRequest,
    playbook::{
        self, Definition, EnrolmentFilter, NewPlaybook, Tally, Turn, definition::StoredError,
    },
    tag::{self, Request, tagging},
    work::change::{self, Position},
};
use entity::{
    enrolment,
    id::{ContactId, EnrolmentId, PlaybookId, TagId},
    kind::TagKind,
    playbook::Model,
};
use serde_json::{Value, json};

use crate::support::{World, refusal::refusals};

/// What tests of playbooks do, on a world with the tags `vip`, `hot` and `done`.
struct Stage {
    world: World,
    vip: TagId,
    hot: TagId,
    done: TagId,
}

impl Stage {
    async fn new(world: World) -> Self {
        Self {
            vip: world.tag(TagKind::Contact, "VIP", None).await,
            hot: world.tag(TagKind::Contact, "Hot", None).await,
            done: world.tag(TagKind::Contact, "Done", None).await,
            world,
        }
    }

    /// A definition told as stored JSON, where `"vip"`, `"hot"` and `"done"` stand for conditions or
    /// tags: see [`Self::fill`].
    fn definition(&self, told: &Value) -> Definition {
        let mut stored = self.fill(told);
        stored["form"] = json!(1);
        Definition::from_stored(stored)
            .map_err(|error: StoredError| format!("{error:?}"))
            .expect("a definition")
    }

    /// Puts a condition on having a tag in place of `"has vip"`, an action that puts it on in place of
    /// `"tag vip"`, its id in place of `"id vip"`.
    fn fill(&self, told: &Value) -> Value {
        match told {
            Value::String(text) => {
                let Some((what, tag)) = text.split_once(' ') else {
                    return told.clone();
                };
                let id = match tag {
                    "vip" => self.vip,
                    "hot" => self.hot,
                    "done" => self.done,
                    _ => return told.clone(),
                };
                match what {
                    "has" => json!({ "contactTags": { "mode": "ANY", "tagIds": [id.0] } }),
                    "tag" => json!({ "tagContact": { "tagIds": [id.0] } }),
                    "id" => json!(id.0),
                    _ => told.clone(),
                }
            }
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(members) => {
                let members = members.iter();
                let filled = members.map(|(name, value)| (name.clone(), self.fill(value)));
                Value::Object(filled.collect())
            }
            other => other.clone(),
        }
    }

    async fn book(&self, name: &str, told: &Value) -> Model {
        let made = self.try_book(name, told).await;
        made.expect("a playbook")
    }

    async fn try_book(&self, name: &str, told: &Value) -> Result<Model> {
        let new = NewPlaybook {
            name: name.to_owned(),
            description: String::new(),
            definition: self.definition(told),
            publish: true,
        };
        playbook::create(&self.world.ctx, &self.world.owner, new).await
    }

    async fn person(&self, name: &str) -> ContactId {
        let new = NewContact {
            name: name.to_owned(),
            ..NewContact::default()
        };
        let made = contact::create(&self.world.ctx, &self.world.owner, new).await;
        made.expect("a contact").id
    }

    async fn enrol(&self, book: &Model, contact: ContactId) -> EnrolmentId {
        let (ctx, owner) = (&self.world.ctx, &self.world.owner);
        let enrolled = playbook::enrol_contacts(ctx, owner, book.id, &[contact]).await;
        enrolled.expect("an enrolment").made[&contact]
    }

    async fn tag(&self, contact: ContactId, tag: TagId) {
        let request = [Request::contact(contact, tag)];
        tagging::tag_many(&self.world.ctx, &self.world.owner, &request, "")
            .await
            .expect("a tagging");
    }

    async fn tags(&self, contact: ContactId) -> Vec<TagId> {
        let (ctx, workspace) = (&self.world.ctx, self.world.owner.workspace);
        let found = tag::tagging::load_with_tags(ctx, workspace, &[contact.0]).await;
        let mut found = found.expect("taggings");
        let found = found.remove(&contact.0).unwrap_or_default();
        found.iter().map(|one| one.tagging.tag_id).collect()
    }

    /// Lets a worker take on what is due.
    async fn play(&self) -> Turn {
        let turn = playbook::run_due(&self.world.ctx, None, Limits::none()).await;
        turn.expect("a turn")
    }

    /// Reads the log, plays, and so on until nothing moves any more.
    async fn settle(&self) {
        loop {
            self.world.drain().await;
            if self.play().await.enrolments == 0 {
                return;
            }
        }
    }

    /// Lets time pass.
    async fn pass(&self, time: TimeDelta) {
        self.world.clock.advance(time);
        self.settle().await;
    }

    async fn operate(&self) {
        let operations = domain::operations();
        operation::run_due(&self.world.ctx, operations, None, Limits::none())
            .await
            .expect("a turn");
    }

    async fn now(&self, id: EnrolmentId) -> enrolment::Model {
        let (ctx, workspace) = (&self.world.ctx, self.world.owner.workspace);
        let found = playbook::load_enrolments(ctx, workspace, &[id]).await;
        found.expect("a look-up").remove(0)
    }

    /// Its state and step.
    async fn stands(&self, id: EnrolmentId) -> String {
        let now = self.now(id).await;
        format!("{} {}", now.state.word(), now.step)
    }

    /// What it left behind, in order, as `step OUTCOME`.
    async fn history(&self, id: EnrolmentId) -> Vec<String> {
        let page = PageRequest::first(100);
        let (ctx, workspace) = (&self.world.ctx, self.world.owner.workspace);
        let found = playbook::history(ctx, workspace, id, &page).await;
        let rows = found.expect("a history").rows.into_iter().rev();
        rows.enumerate()
            .map(|(index, (_, row))| {
                assert_eq!(
                    row.number, index as i64,
                    "no number is left out or used twice"
                );
                format!("{} {}", row.step, row.outcome.word())
            })
            .collect()
    }

    /// The tally of a step, or of the whole version if `step` is empty.
    async fn tally(&self, book: PlaybookId, version: i64, step: &str) -> Tally {
        let (ctx, workspace) = (&self.world.ctx, self.world.owner.workspace);
        let found = playbook::load_tallies(ctx, workspace, &[(book, version)]).await;
        let found = found.expect("tallies").remove(&(book, version));
        let found = found.unwrap_or_default();
        if step.is_empty() {
            found.whole
        } else {
            found.steps.get(step).copied().unwrap_or_default()
        }
    }

    async fn of_contact(&self, contact: ContactId) -> Vec<enrolment::Model> {
        let filter = EnrolmentFilter {
            contact: Some(contact),
            ..EnrolmentFilter::default()
        };
        let (ctx, workspace) = (&self.world.ctx, self.world.owner.workspace);
        let page = PageRequest::first(50);
        let found = playbook::enrolments(ctx, workspace, &filter, &page).await;
        let rows = found.expect("a list").rows.into_iter();
        rows.map(|(_, row)| row).collect()
    }

    /// Names of facts in the log that begin with `prefix`.
    async fn told(&self, prefix: &str) -> Vec<&'static str> {
        let (ctx, workspace) = (&self.world.ctx, self.world.owner.workspace);
        let log = change::read(ctx.db.writer(), workspace, Position::default(), 5_000).await;
        let entries = log.expect("the log").into_iter().flatten();
        let names = entries.map(|entry| entry.fact.name());
        names.filter(|name| name.starts_with(prefix)).collect()
    }
}

fn wait_days(days: i64) -> Value {
    json!({ "wait": { "for": { "seconds": days * 86_400 } } })
}
