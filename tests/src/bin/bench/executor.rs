//! What answering costs without anything to answer from: `bench executor`, in memory.
//!
//! The two largest answers of the read queries, of objects that are all there, through the same GraphQL library:
//! no resolver waits, loads or looks anything up, and nobody is let in. What the product needs for them above
//! this is its own; below it no server on this library comes.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use async_graphql::{EmptyMutation, EmptySubscription, ID, Object, Schema, SimpleObject};

use crate::{
    process::cpu_us,
    report::{count, row, table},
};

/// How long each measurement lasts.
const LASTS: Duration = Duration::from_secs(3);
/// Contacts in the list, and taggings of each, as in the workspace that is read.
const CONTACTS: usize = 50;
const TAGGINGS: usize = 4;
/// Tags in the tree.
const TAGS: usize = 672;

#[derive(Debug, SimpleObject)]
struct Contact {
    id: ID,
    name: String,
    health_score: f64,
    taggings: Vec<Tagging>,
    last_message: Message,
}

#[derive(Debug, SimpleObject)]
struct Tagging {
    tag: Named,
}

#[derive(Debug, SimpleObject)]
struct Named {
    name: String,
}

#[derive(Debug, SimpleObject)]
struct Message {
    subject: String,
    sent_at: String,
}

#[derive(Debug, SimpleObject)]
struct Tag {
    id: ID,
    name: String,
    parent: Reference,
    counts: Counts,
}

#[derive(Debug, SimpleObject)]
struct Reference {
    id: ID,
}

#[derive(Debug, SimpleObject)]
struct Counts {
    contacts: Count,
}

#[derive(Debug, SimpleObject)]
struct Count {
    direct: i32,
    total: i32,
}

/// Everything that is asked for, made beforehand.
struct Ready {
    contacts: Vec<Contact>,
    tags: Vec<Tag>,
}

#[Object]
impl Ready {
    async fn contacts(&self) -> &[Contact] {
        &self.contacts
    }

    async fn tags(&self) -> &[Tag] {
        &self.tags
    }
}

fn id(kind: &str, number: usize) -> ID {
    ID(format!("{kind}_{number:032x}"))
}

fn ready() -> Ready {
    let contact = |number: usize| Contact {
        id: id("contact", number),
        name: format!("田中 {number}"),
        health_score: number as f64 + 0.25,
        taggings: (0..TAGGINGS)
            .map(|tag| Tagging {
                tag: Named {
                    name: format!("タグ {tag}"),
                },
            })
            .collect(),
        last_message: Message {
            subject: format!("契約の更新について {number}"),
            sent_at: "2026-03-01T09:00:00.000Z".to_owned(),
        },
    };
    let tag = |number: usize| Tag {
        id: id("tag", number),
        name: format!("タグ {number}"),
        parent: Reference {
            id: id("tag", number / 8),
        },
        counts: Counts {
            contacts: Count {
                direct: number as i32,
                total: number as i32 * 3,
            },
        },
    };
    Ready {
        contacts: (0..CONTACTS).map(contact).collect(),
        tags: (0..TAGS).map(tag).collect(),
    }
}

/// Measures and reports.
pub(crate) fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let schema = Schema::new(ready(), EmptyMutation, EmptySubscription);
    table(
        "Answers out of memory, by the GraphQL library alone",
        &["query", "answers/CPU s", "CPU µs each", "bytes"],
    );
    for (name, document) in [
        (
            "list50",
            "{ contacts { id name healthScore taggings { tag { name } } lastMessage { subject sentAt } } }",
        ),
        (
            "tagtree",
            "{ tags { id name parent { id } counts { contacts { direct total } } } }",
        ),
    ] {
        let answer = || -> Result<Vec<u8>> {
            let response = runtime.block_on(schema.execute(document));
            ensure!(response.is_ok(), "{:?}", response.errors);
            Ok(serde_json::to_vec(&response)?)
        };
        let bytes = answer()?.len();
        let pid = std::process::id();
        let (before, begun, mut times) = (cpu_us(pid)?, Instant::now(), 0_u32);
        while begun.elapsed() < LASTS {
            answer()?;
            times += 1;
        }
        let each = (cpu_us(pid)? - before) as f64 / f64::from(times);
        row(&[
            name.to_owned(),
            count(1e6 / each),
            count(each),
            count(bytes as f64),
        ]);
    }
    Ok(())
}
