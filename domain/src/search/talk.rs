//! Narrowing a list of conversations to those that answer: by their subject, by one of their messages,
//! or by their contact. Each of the three has an index of its own.

use std::collections::HashSet;

use async_trait::async_trait;
use entity::id::WorkspaceId;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    narrow::{self, Answers, Listed, Read},
    needle::Needle,
    source::Kind,
};
use crate::{
    ctx::Ctx,
    error::Result,
    page::{Page, PageRequest},
    store::{Query, Rows},
};

/// Messages whose texts are compared at once.
const STEP: usize = 1_000;

/// A page of those of a list's conversations that answer to `text`; as [`narrow::list`].
pub async fn list<T: Listed>(
    ctx: &Ctx,
    workspace: WorkspaceId,
    text: &str,
    page: &PageRequest,
    read: impl Fn(Ctx, PageRequest, Option<Vec<Uuid>>) -> Read<T> + Send + Sync + 'static,
) -> Result<Page<(String, T)>> {
    let Some(needle) = narrow::needle(text)? else {
        return read(ctx.clone(), page.clone(), None).await;
    };
    let answers = Talk { workspace, needle };
    narrow::list_answers(ctx, answers, page, read).await
}

/// The kinds of things a conversation answers by, and how it is found from one of them.
const BY: [(Kind, Option<&str>); 3] = [
    (Kind::Conversation, None),
    (
        Kind::Message,
        Some(
            "SELECT DISTINCT m.conversation_id FROM {r}
             JOIN message m ON m.workspace_id = $1 AND m.id = r.id",
        ),
    ),
    (
        Kind::Contact,
        Some(
            "SELECT k.id FROM {r}
             JOIN conversation k ON k.workspace_id = $1 AND k.contact_id = r.id",
        ),
    ),
];

struct Talk {
    workspace: WorkspaceId,
    needle: Needle,
}

#[derive(FromQueryResult)]
struct Part {
    conversation_id: Uuid,
    part_id: Uuid,
}

#[async_trait]
impl Answers for Talk {
    async fn few(&self, ctx: &Ctx) -> Result<Option<Vec<Uuid>>> {
        let mut found = HashSet::new();
        for (kind, way) in BY {
            let Some(few) = narrow::few(ctx, self.workspace, kind, &self.needle).await? else {
                return Ok(None);
            };
            found.extend(self.conversations(ctx, way, few).await?);
        }
        Ok(Some(found.into_iter().collect()))
    }

    async fn all(&self, ctx: &Ctx) -> Result<Vec<Uuid>> {
        let mut found = HashSet::new();
        for (kind, way) in BY {
            let all = narrow::all(ctx, self.workspace, kind, &self.needle).await?;
            found.extend(self.conversations(ctx, way, all).await?);
        }
        Ok(found.into_iter().collect())
    }

    async fn among(&self, ctx: &Ctx, ids: &[Uuid]) -> Result<HashSet<Uuid>> {
        let answering = async |kind, ids: &[Uuid]| {
            narrow::answering(ctx, self.workspace, kind, &self.needle, ids).await
        };
        let mut found = answering(Kind::Conversation, ids).await?;
        let contacts = self.parts(ctx, CONTACTS, &left(ids, &found)).await?;
        let of: Vec<Uuid> = contacts.iter().map(|part| part.part_id).collect();
        let hits = answering(Kind::Contact, &of).await?;
        found.extend(conversations_of(&contacts, &hits));
        let messages = self.parts(ctx, MESSAGES, &left(ids, &found)).await?;
        for part in messages.chunks(STEP) {
            let of: Vec<Uuid> = part.iter().map(|part| part.part_id).collect();
            let hits = answering(Kind::Message, &of).await?;
            found.extend(conversations_of(part, &hits));
        }
        Ok(found)
    }
}

const CONTACTS: &str = "SELECT k.id AS conversation_id, k.contact_id AS part_id FROM {r}
     JOIN conversation k ON k.workspace_id = $1 AND k.id = r.id";
const MESSAGES: &str = "SELECT m.conversation_id, m.id AS part_id FROM {r}
     JOIN message m ON m.workspace_id = $1 AND m.conversation_id = r.id";

fn left(ids: &[Uuid], found: &HashSet<Uuid>) -> Vec<Uuid> {
    ids.iter()
        .copied()
        .filter(|id| !found.contains(id))
        .collect()
}

fn conversations_of(parts: &[Part], hits: &HashSet<Uuid>) -> Vec<Uuid> {
    let hit = parts.iter().filter(|part| hits.contains(&part.part_id));
    hit.map(|part| part.conversation_id).collect()
}

impl Talk {
    /// The conversations that the things found lead to.
    async fn conversations(
        &self,
        ctx: &Ctx,
        way: Option<&'static str>,
        ids: Vec<Uuid>,
    ) -> Result<Vec<Uuid>> {
        let Some(way) = way.filter(|_| !ids.is_empty()) else {
            return Ok(ids);
        };
        Ok(Query::new(way)
            .bind(self.workspace)
            .rows("r", Rows::new().uuids("id", ids))
            .column(ctx.reader())
            .await?)
    }

    async fn parts(&self, ctx: &Ctx, statement: &'static str, ids: &[Uuid]) -> Result<Vec<Part>> {
        Ok(Query::new(statement)
            .bind(self.workspace)
            .rows("r", Rows::new().uuids("id", ids.iter().copied()))
            .all(ctx.reader())
            .await?)
    }
}
