//! Narrowing a list of conversations to those that answer: by their subject, by one of their messages,
//! or by their contact. Each of the three has an index of its own.

use std::collections::HashSet;

use async_trait::async_trait;
use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait, FromQueryResult};
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
        self.among_on(ctx.reader(), ids).await
    }
}

/// Those of the conversations `ids` that answer.
pub(super) async fn among(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    needle: Needle,
    ids: &[Uuid],
) -> Result<HashSet<Uuid>> {
    let talk = Talk { workspace, needle };
    talk.among_on(connection, ids).await
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
    async fn among_on(
        &self,
        connection: &impl ConnectionTrait,
        ids: &[Uuid],
    ) -> Result<HashSet<Uuid>> {
        let mut found = self.answering(connection, Kind::Conversation, ids).await?;
        let rest = left(ids, &found);
        let contacts = self.parts(connection, CONTACTS, &rest).await?;
        let of: Vec<Uuid> = contacts.iter().map(|part| part.part_id).collect();
        let hits = self.answering(connection, Kind::Contact, &of).await?;
        found.extend(conversations_of(&contacts, &hits));
        let rest = left(ids, &found);
        let messages = self.parts(connection, MESSAGES, &rest).await?;
        for part in messages.chunks(STEP) {
            let of: Vec<Uuid> = part.iter().map(|part| part.part_id).collect();
            let hits = self.answering(connection, Kind::Message, &of).await?;
            found.extend(conversations_of(part, &hits));
        }
        Ok(found)
    }

    async fn answering(
        &self,
        connection: &impl ConnectionTrait,
        kind: Kind,
        ids: &[Uuid],
    ) -> Result<HashSet<Uuid>> {
        narrow::answering(connection, self.workspace, kind, &self.needle, ids).await
    }

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

    async fn parts(
        &self,
        connection: &impl ConnectionTrait,
        statement: &'static str,
        ids: &[Uuid],
    ) -> Result<Vec<Part>> {
        Ok(Query::new(statement)
            .bind(self.workspace)
            .rows("r", Rows::new().uuids("id", ids.iter().copied()))
            .all(connection)
            .await?)
    }
}
