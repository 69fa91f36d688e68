//! Making and changing tags; tagging and untagging.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error::{Error, UserError, UserErrorCode},
    tag::{NewTag, NewTaggings, TagChanges, catalogue, catalogue::Destination, tagging},
};
use entity::{
    id::{AccountId, ContactId, ConversationId, Id as _, RuleId, TagId},
    kind::{TagKind, TagTarget},
};
use uuid::Uuid;

use super::{Tag, end::ends_at};
use crate::boxed;
use crate::graphql::{
    context::writer,
    error::settle,
    given::{emptied, kept, optional},
    id,
    operation::Operation,
};

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

/// Changes to a tag; what is left out stays. `null` is refused where a field does not say what it means.
#[derive(InputObject)]
pub(crate) struct UpdateTagInput {
    /// The tag's global id.
    id: ID,
    /// The name.
    name: MaybeUndefined<String>,
    /// What it means; `null` for nothing.
    description: MaybeUndefined<String>,
    /// `#rrggbb`.
    colour: MaybeUndefined<String>,
}

/// The order of tags among their siblings: tags below one tag, at the root of one group, or at the root
/// outside all groups.
#[derive(InputObject)]
pub(crate) struct OrderTagsInput {
    /// The siblings that come first, in this order; the others follow in the order they have.
    tag_ids: Vec<ID>,
}

/// What became of `orderTags`.
#[derive(SimpleObject)]
pub(crate) struct OrderTagsPayload {
    /// All siblings, archived ones too, in their order as it is now.
    tags: Option<Vec<Tag>>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// A new place for a tag and everything below it; what is left out stays.
#[derive(InputObject)]
pub(crate) struct MoveTagInput {
    /// The tag's global id.
    id: ID,
    /// The tag it is to hang under; `null` makes it a root.
    parent_id: MaybeUndefined<ID>,
    /// The group it is to be a value of; `null` for none. Below another tag it is always that tag's: to bring a
    /// tag that hangs below another into a group as a root, give `parentId: null` as well.
    group_id: MaybeUndefined<ID>,
    /// Where things would then carry several values of a `SINGLE` group: keep the one put on last
    /// and take the others off, instead of refusing.
    #[graphql(default)]
    keep_newest: bool,
}

/// Tags to put on things: every tag on every thing.
#[derive(InputObject)]
pub(crate) struct AddTagsInput {
    /// The tags: contact tags for contacts and accounts, conversation tags for conversations. Another
    /// value of the group of a tag, if the group takes one, gives way to it.
    #[graphql(default)]
    tag_ids: Vec<ID>,
    /// Tags to be made and put on, all or nothing; for those who may make tags.
    #[graphql(default)]
    create: Vec<CreateTagInput>,
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
    /// When the tags come off by themselves; on a tag that is there already, its new end.
    /// Without it they stay for good.
    expires_at: Option<DateTime<Utc>>,
    /// The same as so many seconds from now. Give one of the two.
    expires_in_seconds: Option<i64>,
}

impl AddTagsInput {
    fn read(self, now: DateTime<Utc>) -> domain::error::Result<NewTaggings> {
        let tags: Vec<TagId> = id::parse_each(&self.tag_ids, "tagIds")?;
        let things = things(&self.contact_ids, &self.account_ids, &self.conversation_ids)?;
        refuse_size(tags.len() + self.create.len(), things.len())?;
        let expires_at = ends_at(self.expires_at, self.expires_in_seconds, now)?;
        Ok(NewTaggings {
            things,
            tags,
            create: to_create(self.create)?,
            reason: self.reason,
            expires_at,
        })
    }
}

/// Reads the tags of an input's field `create`.
pub(super) fn to_create(create: Vec<CreateTagInput>) -> domain::error::Result<Vec<NewTag>> {
    let each = create.into_iter().enumerate();
    each.map(|(place, tag)| tag.read(&["create", &place.to_string()]))
        .collect()
}

impl CreateTagInput {
    /// Reads it where it is in a larger input.
    fn read(self, place: &[&str]) -> domain::error::Result<NewTag> {
        let at = |field| [place, &[field]].concat();
        Ok(NewTag {
            parent: id::parse_opt(self.parent_id.as_ref(), &at("parentId"))?,
            group: id::parse_opt(self.group_id.as_ref(), &at("groupId"))?,
            kind: self.kind,
            name: self.name,
            description: self.description,
            colour: self.colour,
        })
    }
}

/// Tags to take off things: every tag off every thing.
#[derive(InputObject)]
pub(crate) struct RemoveTagsInput {
    /// The tags.
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

impl RemoveTagsInput {
    fn read(&self) -> domain::error::Result<(Vec<TagId>, Things)> {
        let tags: Vec<TagId> = id::parse_each(&self.tag_ids, "tagIds")?;
        let things = things(&self.contact_ids, &self.account_ids, &self.conversation_ids)?;
        refuse_size(tags.len(), things.len())?;
        Ok((tags, things))
    }
}

/// What is tagged, in the order in which it was named.
type Things = Vec<(TagTarget, Uuid)>;

fn things(contacts: &[ID], accounts: &[ID], conversations: &[ID]) -> domain::error::Result<Things> {
    let contacts: Vec<ContactId> = id::parse_each(contacts, "contactIds")?;
    let accounts: Vec<AccountId> = id::parse_each(accounts, "accountIds")?;
    let conversations: Vec<ConversationId> = id::parse_each(conversations, "conversationIds")?;
    let contacts = contacts.iter().map(|id| (TagTarget::Contact, id.uuid()));
    let accounts = accounts.iter().map(|id| (TagTarget::Account, id.uuid()));
    let conversations = conversations
        .iter()
        .map(|id| (TagTarget::Conversation, id.uuid()));
    Ok(contacts.chain(accounts).chain(conversations).collect())
}

/// Refuses to tag with nothing, to tag nothing, and to tag too much at once.
fn refuse_size(tags: usize, things: usize) -> domain::error::Result<()> {
    let (path, code, message) = if tags == 0 {
        (
            "tagIds",
            UserErrorCode::Required,
            "Name at least one tag.".to_owned(),
        )
    } else if things == 0 {
        let message = "Name at least one contact, account or conversation.";
        ("contactIds", UserErrorCode::Required, message.to_owned())
    } else if things.saturating_mul(tags) > MAX_TARGETS {
        let message = format!("Ask for at most {MAX_TARGETS} taggings at once.");
        ("tagIds", UserErrorCode::LimitReached, message)
    } else {
        return Ok(());
    };
    Err(Error::refused(&[path], code, message))
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
    /// How many taggings were there and go on with the end asked for; without one they stay for good.
    renewed: usize,
    /// The tags that were made, in the order of `create`.
    created: Vec<Tag>,
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

/// Whose tags are to be taken back.
#[derive(InputObject)]
pub(crate) struct WithdrawRuleTagsInput {
    /// The rule's global id; the rule may be active or paused.
    rule_id: ID,
}

/// What became of `withdrawRuleTags`.
#[derive(SimpleObject)]
pub(crate) struct WithdrawRuleTagsPayload {
    /// The operation that does it.
    operation: Option<Operation>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct TagMutation;

#[Object]
impl TagMutation {
    /// Makes a tag. Scope: CONFIGURE, or WRITE where the workspace lets members make tags.
    #[boxed]
    async fn create_tag(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateTagInput,
    ) -> Result<CreateTagPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async { catalogue::create(ctx, actor, input.read(&[])?).await };
        let (tag, user_errors) = settle(result.await)?;
        Ok(CreateTagPayload {
            tag: tag.map(Tag::from),
            user_errors,
        })
    }

    /// Changes a tag. Scope: CONFIGURE.
    #[boxed]
    async fn update_tag(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateTagInput,
    ) -> Result<UpdateTagPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let changes = TagChanges {
                name: kept(input.name, "name")?,
                description: emptied(input.description),
                colour: kept(input.colour, "colour")?,
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
    #[boxed]
    async fn move_tag(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: MoveTagInput,
    ) -> Result<MoveTagPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let parent = optional(input.parent_id)
                .map(|id| id::parse_opt(id.as_ref(), &["parentId"]))
                .transpose()?;
            let group = optional(input.group_id)
                .map(|id| id::parse_opt(id.as_ref(), &["groupId"]))
                .transpose()?;
            let to = Destination { parent, group };
            catalogue::move_to(ctx, actor, id, to, input.keep_newest).await
        };
        let (tag, user_errors) = settle(result.await)?;
        Ok(MoveTagPayload {
            tag: tag.map(Tag::from),
            user_errors,
        })
    }

    /// Orders tags among their siblings. Scope: CONFIGURE.
    #[boxed]
    async fn order_tags(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: OrderTagsInput,
    ) -> Result<OrderTagsPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let ids = id::parse_each(&input.tag_ids, "tagIds")?;
            catalogue::order(ctx, actor, &ids).await
        };
        let (tags, user_errors) = settle(result.await)?;
        Ok(OrderTagsPayload {
            tags: tags.map(|tags| tags.into_iter().map(Tag::from).collect()),
            user_errors,
        })
    }

    /// Puts tags on contacts, accounts and conversations, up to 1,000 taggings at once, making tags on
    /// the way if asked to. A contact that was merged into another stands for that one. What somebody puts on that a rule had put on becomes theirs. Scope: WRITE.
    #[boxed]
    async fn add_tags(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: AddTagsInput,
    ) -> Result<AddTagsPayload> {
        let (ctx, actor) = writer(context)?;
        let now = ctx.clock.now();
        let result = async { tagging::tag_things(ctx, actor, input.read(now)?).await };
        let (tagged, user_errors) = settle(result.await)?;
        let tagged = tagged.unwrap_or_default();
        Ok(AddTagsPayload {
            added: tagged.added,
            renewed: tagged.renewed,
            created: tagged.created.into_iter().map(Tag::from).collect(),
            user_errors,
        })
    }

    /// Takes tags off contacts, accounts and conversations; the history keeps them. Scope: WRITE.
    #[boxed]
    async fn remove_tags(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RemoveTagsInput,
    ) -> Result<RemoveTagsPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let (tags, things) = input.read()?;
            tagging::untag_things(ctx, actor, &tags, &things, &input.reason).await
        };
        let (removed, user_errors) = settle(result.await)?;
        Ok(RemoveTagsPayload {
            removed: removed.unwrap_or_default(),
            user_errors,
        })
    }

    /// Takes back the tags that a rule has put on, except those that somebody has taken over. This
    /// goes on as an operation. Scope: CONFIGURE.
    #[boxed]
    async fn withdraw_rule_tags(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: WithdrawRuleTagsInput,
    ) -> Result<WithdrawRuleTagsPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let rule: RuleId = id::parse(&input.rule_id, &["ruleId"])?;
            tagging::withdraw(ctx, actor, rule).await
        };
        let (operation, user_errors) = settle(result.await)?;
        Ok(WithdrawRuleTagsPayload {
            operation: operation.map(Operation),
            user_errors,
        })
    }
}
