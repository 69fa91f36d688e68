//! Tagging everything a filter finds.

use async_graphql::{Context, ID, InputObject, Object, OneofObject, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    ctx::Ctx,
    error::{Error, UserError},
    tag::{
        NewTag,
        tagging::{NewBulk, Which, tag_by_filter_making},
    },
};
use entity::id::WorkspaceId;

use super::{
    Tag,
    end::ends_at,
    mutation::{CreateTagInput, to_create},
};
use crate::boxed;
use crate::graphql::{
    account::AccountFilterInput, contact::ContactFilterInput, context::writer,
    conversation::ConversationFilterInput, error::settle, id, operation::Operation,
};

/// Everything of one kind that a filter finds. Set exactly one field.
#[derive(OneofObject)]
pub(crate) enum ThingsInput {
    /// Contacts.
    Contacts(ContactFilterInput),
    /// Accounts.
    Accounts(AccountFilterInput),
    /// Conversations.
    Conversations(ConversationFilterInput),
}

impl ThingsInput {
    pub(crate) async fn read(
        self,
        ctx: &Ctx,
        workspace: WorkspaceId,
    ) -> domain::error::Result<Which> {
        let (which, kind) = match self {
            Self::Contacts(filter) => {
                let filter = filter.read(ctx, workspace).await;
                (filter.map(Which::Contact), "contacts")
            }
            Self::Accounts(filter) => {
                let filter = filter.read(ctx, workspace).await;
                (filter.map(Which::Account), "accounts")
            }
            Self::Conversations(filter) => {
                let filter = filter.read(ctx, workspace).await;
                (filter.map(Which::Conversation), "conversations")
            }
        };
        // What reads a filter takes it for the argument of a list.
        which.map_err(|error| match error {
            Error::Refused(mut errors) => {
                for error in &mut errors {
                    let path = ["things".to_owned(), kind.to_owned()];
                    error.path.splice(0..1, path);
                }
                Error::Refused(errors)
            }
            other => other,
        })
    }
}

/// Tags to put on everything a filter finds, and tags to take off.
#[derive(InputObject)]
pub(crate) struct TagByFilterInput {
    /// What is meant. Each is judged when the operation comes to it, in the order of their ids. With a
    /// `text`, the operation's `total` and `done` are the things looked at, of which some answer.
    things: ThingsInput,
    /// The tags to put on; with those to make and those to take off, at most 10.
    #[graphql(default)]
    add_tag_ids: Vec<ID>,
    /// Tags to be made when it is asked for, and put on; for those who may make tags. They stay when the operation
    /// is cancelled. A dry run makes none, and counts what it would put on.
    #[graphql(default)]
    create: Vec<CreateTagInput>,
    /// The tags to take off.
    #[graphql(default)]
    remove_tag_ids: Vec<ID>,
    /// Why, in words; kept with the history.
    #[graphql(default)]
    reason: String,
    /// When what is put on comes off by itself; on a tag that is there already, its new end. Without it
    /// tags stay for good.
    expires_at: Option<DateTime<Utc>>,
    /// The same as so many seconds from now, when it was asked for. Give one of the two.
    expires_in_seconds: Option<i64>,
    /// Changes nothing: the operation's `counts` say how many taggings would be made (`added`), taken
    /// off (`removed`), ended because their group takes one value and gets another (`replaced`), and go
    /// on with another end (`renewed`).
    #[graphql(default)]
    dry_run: bool,
}

impl TagByFilterInput {
    async fn read(
        self,
        ctx: &Ctx,
        workspace: WorkspaceId,
    ) -> domain::error::Result<(NewBulk, Vec<NewTag>)> {
        let bulk = NewBulk {
            which: self.things.read(ctx, workspace).await?,
            add: id::parse_each(&self.add_tag_ids, "addTagIds")?,
            remove: id::parse_each(&self.remove_tag_ids, "removeTagIds")?,
            reason: self.reason,
            expires_at: ends_at(self.expires_at, self.expires_in_seconds, ctx.clock.now())?,
            imagined: None,
        };
        Ok((bulk, to_create(self.create)?))
    }
}

/// What became of `tagByFilter`.
#[derive(SimpleObject)]
pub(crate) struct TagByFilterPayload {
    /// The operation that does it; its `counts` are `added`, `removed`, `replaced` and `renewed`.
    operation: Option<Operation>,
    /// The tags that were made, in the order of `create`.
    created: Vec<Tag>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct BulkMutation;

#[Object]
impl BulkMutation {
    /// Puts tags on everything a filter finds and takes others off, however many there are. This goes
    /// on as an operation, which can be watched and cancelled. Scope: WRITE.
    #[boxed]
    async fn tag_by_filter(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: TagByFilterInput,
    ) -> Result<TagByFilterPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let dry_run = input.dry_run;
            let (bulk, create) = input.read(ctx, actor.workspace).await?;
            tag_by_filter_making(ctx, actor, bulk, create, dry_run).await
        };
        let (asked, user_errors) = settle(result.await)?;
        let (operation, created) = asked.unzip();
        let created = created.unwrap_or_default();
        Ok(TagByFilterPayload {
            operation: operation.map(Operation),
            created: created.into_iter().map(Tag::from).collect(),
            user_errors,
        })
    }
}
