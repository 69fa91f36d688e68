//! Making and changing tags; tagging and untagging.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::{
    error::{Error, UserError, UserErrorCode},
    tag::{NewTag, Place, Request, TagChanges, catalogue, tagging},
};
use entity::{
    id::{AccountId, ContactId, ConversationId, TagId},
    kind::TagKind,
};

use super::Tag;
use crate::graphql::{context::writer, error::settle, id};

/// Things one call may tag.
const MAX_TARGETS: usize = 1_000;

/// A tag to be made.
#[derive(InputObject)]
pub(crate) struct CreateTagInput {
    /// What it says something about.
    kind: TagKind,
    /// The name, 1 to 64 characters; unique among its siblings, whatever the case and width.
    name: String,
    /// What it means, at most 255 characters as a person counts them.
    #[graphql(default)]
    description: String,
    /// `#rrggbb`.
    colour: Option<String>,
    /// The tag above; of the same kind.
    parent_id: Option<ID>,
    /// The group it is a value of; of the same kind. Below another tag it is that tag's group.
    group_id: Option<ID>,
}

/// Changes to a tag; what is left out stays.
#[derive(InputObject)]
pub(crate) struct UpdateTagInput {
    /// The tag's global id.
    id: ID,
    /// The name.
    name: Option<String>,
    /// What it means.
    description: Option<String>,
    /// `#rrggbb`.
    colour: Option<String>,
}

/// A new place for a tag and everything below it.
#[derive(InputObject)]
pub(crate) struct MoveTagInput {
    /// The tag's global id.
    id: ID,
    /// The tag it is to hang under; left out, it becomes a root.
    parent_id: Option<ID>,
    /// The group it is to be a value of; left out, the group of the tag above, or none.
    group_id: Option<ID>,
    /// Where things would then carry several values of a `SINGLE` group: keep the one put on last
    /// and take the others off, instead of refusing.
    #[graphql(default)]
    keep_newest: bool,
}

/// Tags to put on things, or to take off: every tag on every thing.
#[derive(InputObject)]
pub(crate) struct TaggingInput {
    /// The tags: contact tags for contacts and accounts, conversation tags for conversations.
    tag_ids: Vec<ID>,
    /// Contacts.
    #[graphql(default)]
    contact_ids: Vec<ID>,
    /// Accounts.
    #[graphql(default)]
    account_ids: Vec<ID>,
    /// Conversations.
    #[graphql(default)]
    conversation_ids: Vec<ID>,
    /// Why, in words; kept with the history.
    #[graphql(default)]
    reason: String,
}

impl TaggingInput {
    fn read(&self) -> domain::error::Result<Vec<Request>> {
        let tags: Vec<TagId> = id::parse_all(&self.tag_ids, &["tagIds"])?;
        if tags.is_empty() {
            let message = "Name at least one tag.";
            return Err(Error::refused(
                &["tagIds"],
                UserErrorCode::Required,
                message,
            ));
        }
        let contacts: Vec<ContactId> = id::parse_all(&self.contact_ids, &["contactIds"])?;
        let accounts: Vec<AccountId> = id::parse_all(&self.account_ids, &["accountIds"])?;
        let conversations: Vec<ConversationId> =
            id::parse_all(&self.conversation_ids, &["conversationIds"])?;
        let things = contacts.len() + accounts.len() + conversations.len();
        if things == 0 {
            let message = "Name at least one contact, account or conversation.";
            return Err(Error::refused(
                &["contactIds"],
                UserErrorCode::Required,
                message,
            ));
        }
        if things * tags.len() > MAX_TARGETS {
            let message = format!("Ask for at most {MAX_TARGETS} taggings at once.");
            return Err(Error::refused(
                &["tagIds"],
                UserErrorCode::LimitReached,
                message,
            ));
        }
        let mut requests = Vec::with_capacity(things * tags.len());
        for tag in tags {
            requests.extend(contacts.iter().map(|id| Request::contact(*id, tag)));
            requests.extend(accounts.iter().map(|id| Request::account(*id, tag)));
            requests.extend(
                conversations
                    .iter()
                    .map(|id| Request::conversation(*id, tag)),
            );
        }
        Ok(requests)
    }
}

/// What became of a mutation of a tag.
macro_rules! tag_payload {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(SimpleObject)]
        pub(crate) struct $name {
            /// The tag as it is now.
            tag: Option<Tag>,
            /// What to mend in the input; empty when it worked.
            user_errors: Vec<UserError>,
        }
    };
}

tag_payload!(CreateTagPayload, "What became of `createTag`.");
tag_payload!(UpdateTagPayload, "What became of `updateTag`.");
tag_payload!(MoveTagPayload, "What became of `moveTag`.");

/// What became of `addTags`.
#[derive(SimpleObject)]
pub(crate) struct AddTagsPayload {
    /// How many taggings were made; what already carried its tag is not counted.
    added: usize,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `removeTags`.
#[derive(SimpleObject)]
pub(crate) struct RemoveTagsPayload {
    /// How many taggings ended; what did not carry its tag is not counted.
    removed: usize,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct TagMutation;

#[Object]
impl TagMutation {
    /// Makes a tag. Scope: CONFIGURE, or WRITE where the workspace lets members make tags.
    async fn create_tag(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateTagInput,
    ) -> Result<CreateTagPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let new = NewTag {
                parent: id::parse_opt(input.parent_id.as_ref(), &["parentId"])?,
                group: id::parse_opt(input.group_id.as_ref(), &["groupId"])?,
                kind: input.kind,
                name: input.name,
                description: input.description,
                colour: input.colour,
            };
            catalogue::create(ctx, actor, new).await
        };
        let (tag, user_errors) = settle(result.await)?;
        Ok(CreateTagPayload {
            tag: tag.map(Tag::from),
            user_errors,
        })
    }

    /// Changes a tag. Scope: CONFIGURE.
    async fn update_tag(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateTagInput,
    ) -> Result<UpdateTagPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let changes = TagChanges {
                name: input.name,
                description: input.description,
                colour: input.colour,
            };
            catalogue::update(ctx, actor, id, changes).await
        };
        let (tag, user_errors) = settle(result.await)?;
        Ok(UpdateTagPayload {
            tag: tag.map(Tag::from),
            user_errors,
        })
    }

    /// Moves a tag with everything below it. Scope: CONFIGURE.
    async fn move_tag(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: MoveTagInput,
    ) -> Result<MoveTagPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let place = Place {
                parent: id::parse_opt(input.parent_id.as_ref(), &["parentId"])?,
                group: id::parse_opt(input.group_id.as_ref(), &["groupId"])?,
            };
            catalogue::move_to(ctx, actor, id, place, input.keep_newest).await
        };
        let (tag, user_errors) = settle(result.await)?;
        Ok(MoveTagPayload {
            tag: tag.map(Tag::from),
            user_errors,
        })
    }

    /// Puts tags on contacts, accounts and conversations, up to 1,000 taggings at once. Scope: WRITE.
    async fn add_tags(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: TaggingInput,
    ) -> Result<AddTagsPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async { tagging::tag_many(ctx, actor, &input.read()?, &input.reason).await };
        let (added, user_errors) = settle(result.await)?;
        Ok(AddTagsPayload {
            added: added.unwrap_or_default(),
            user_errors,
        })
    }

    /// Takes tags off contacts, accounts and conversations; the history keeps them. Scope: WRITE.
    async fn remove_tags(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: TaggingInput,
    ) -> Result<RemoveTagsPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async { tagging::untag_many(ctx, actor, &input.read()?, &input.reason).await };
        let (removed, user_errors) = settle(result.await)?;
        Ok(RemoveTagsPayload {
            removed: removed.unwrap_or_default(),
            user_errors,
        })
    }
}
