//! Attaching and detaching identities, merging, subscriptions, export and erasure.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::{
    contact::{
        self, erase, export,
        identity::{self, Given, Identify},
        merge,
        subscription::{self, NewState},
    },
    error::UserError,
    suspect,
};
use entity::{
    id::ContactId,
    kind::{Channel, IdentityKind, SubscriptionState},
};

use super::{
    Contact,
    identity::{ContactMerge, MergePreview, Subscription},
};
use crate::boxed;
use crate::graphql::{
    context::{reader, writer},
    error::{fault, settle},
    id,
    scalar::Json,
    suspect::DuplicateSuspect,
};

/// One way a contact is recognised.
#[derive(InputObject)]
pub(crate) struct IdentityInput {
    /// Which kind.
    kind: IdentityKind,
    /// The value: an address; a phone number, read as in `createContact`; a handle with its network
    /// before a colon, such as `x:enishi`; an id of at most 200 characters. Handles of networks whose names
    /// are the same in upper and lower case, such as X and Instagram, are kept in lower case; ids of all
    /// others, such as LINE and WeChat, as they are given.
    value: String,
}

impl From<IdentityInput> for Given {
    fn from(input: IdentityInput) -> Self {
        Self {
            kind: input.kind,
            value: input.value,
        }
    }
}

/// An identity of a contact, to be attached or detached.
#[derive(InputObject)]
pub(crate) struct ContactIdentityInput {
    /// The contact's global id.
    contact_id: ID,
    /// Which kind.
    kind: IdentityKind,
    /// The value; see `IdentityInput`.
    value: String,
}

impl ContactIdentityInput {
    fn read(self) -> domain::error::Result<(ContactId, Given)> {
        let id = id::parse(&self.contact_id, &["contactId"])?;
        let (kind, value) = (self.kind, self.value);
        Ok((id, Given { kind, value }))
    }
}

/// What becomes of attaching or detaching an identity.
#[derive(SimpleObject)]
pub(crate) struct ContactIdentityPayload {
    /// The contact as it is now.
    contact: Option<Contact>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

impl ContactIdentityPayload {
    fn of(result: domain::error::Result<contact::Contact>) -> Result<Self> {
        let (contact, user_errors) = settle(result)?;
        Ok(Self {
            contact: contact.map(Contact::from),
            user_errors,
        })
    }
}

/// Somebody says who they are.
#[derive(InputObject)]
pub(crate) struct IdentifyContactInput {
    /// All identities of the one person, the surest first, at most 20.
    identities: Vec<IdentityInput>,
    /// The name, used when a contact is made, or was named by nobody so far. Left out, such a contact is called
    /// after the surest identity: the address, the external id, the phone number.
    name: Option<String>,
}

/// What became of `identifyContact`.
#[derive(SimpleObject)]
pub(crate) struct IdentifyContactPayload {
    /// The contact that all identities are of.
    contact: Option<Contact>,
    /// Whether the contact was made.
    created: Option<bool>,
    /// Known contacts who seem to be the same person. Nothing was merged: that is for a person to
    /// decide.
    suspects: Option<Vec<DuplicateSuspect>>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// Two contacts who are one person.
#[derive(InputObject)]
pub(crate) struct MergeContactsInput {
    /// Who stays.
    survivor_id: ID,
    /// Who is merged into the survivor, with everything.
    merged_id: ID,
    /// Why, at most 255 characters.
    #[graphql(default)]
    reason: String,
}

/// A merge to be undone.
#[derive(InputObject)]
pub(crate) struct UnmergeContactsInput {
    /// The merge's global id.
    id: ID,
}

/// What became of a merge.
#[derive(SimpleObject)]
pub(crate) struct ContactMergePayload {
    /// The merge.
    merge: Option<ContactMerge>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// Whether a contact wants to hear about something by some medium.
#[derive(InputObject)]
pub(crate) struct SetSubscriptionInput {
    /// The contact's global id.
    contact_id: ID,
    /// By which medium.
    channel: Channel,
    /// About what, at most 64 characters; `*` for everything.
    #[graphql(default_with = "subscription::EVERYTHING.to_owned()")]
    topic: String,
    /// Whether they want it.
    state: SubscriptionState,
    /// Why, at most 255 characters.
    #[graphql(default)]
    reason: String,
}

/// What became of `setSubscription`.
#[derive(SimpleObject)]
pub(crate) struct SetSubscriptionPayload {
    /// Everything the contact said about wanting to hear from us.
    subscriptions: Option<Vec<Subscription>>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// A contact to be erased.
#[derive(InputObject)]
pub(crate) struct EraseContactInput {
    /// The contact's global id. Whoever was merged into the contact is erased as well.
    id: ID,
    /// Whether a keyed hash of each address stays, so that nothing is sent to it and no program makes the
    /// person anew. `false` is for contacts nobody asked to have erased, such as tests, mistakes and spam:
    /// their addresses may be used again. It is refused for whoever unsubscribed from anything.
    #[graphql(default = true)]
    keep_out: bool,
}

/// What became of `eraseContact`.
#[derive(SimpleObject)]
pub(crate) struct EraseContactPayload {
    /// The id of who was erased; nothing answers to it any more.
    erased_id: Option<ID>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct IdentityQuery;

#[Object]
impl IdentityQuery {
    /// What merging two contacts would do, without doing it.
    #[boxed]
    async fn preview_merge(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who would stay.")] survivor_id: ID,
        #[graphql(desc = "Who would be merged into the survivor.")] merged_id: ID,
    ) -> Result<MergePreview> {
        let (ctx, actor) = reader(context)?;
        let survivor = id::parse(&survivor_id, &["survivorId"]).map_err(fault)?;
        let merged = id::parse(&merged_id, &["mergedId"]).map_err(fault)?;
        merge::preview(ctx, actor.workspace, survivor, merged)
            .await
            .map(MergePreview)
            .map_err(fault)
    }

    /// What is kept of one person: an object with `contact`, `tables` (the rows by table) and `cut`
    /// (tables with more than 500 rows, which are not whole). Rows are as in the API: ids have their prefix,
    /// things that have a name come as objects such as `tag: { id, name, path }`, amounts as `Money`.
    /// `exportPerson` gives all of it, however much there is, as a file. Scope: WRITE; to others `null` and an error.
    #[boxed]
    async fn export_contact_data(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The contact's global id.")] id: ID,
    ) -> Option<Result<Json>> {
        Some(contact_data(context, &id).await)
    }
}

async fn contact_data(context: &Context<'_>, id: &ID) -> Result<Json> {
    let (ctx, actor) = writer(context)?;
    actor.require(domain::access::Scope::Write).map_err(fault)?;
    let id = id::parse(id, &["id"]).map_err(fault)?;
    export::export(ctx, actor, id)
        .await
        .map(Json)
        .map_err(fault)
}

#[derive(Default)]
pub(crate) struct IdentityMutation;

#[Object]
impl IdentityMutation {
    /// Gives a contact another identity. Scope: WRITE.
    #[boxed]
    async fn attach_identity(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ContactIdentityInput,
    ) -> Result<ContactIdentityPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let (id, given) = input.read()?;
            identity::attach(ctx, actor, id, &given).await
        };
        ContactIdentityPayload::of(result.await)
    }

    /// Takes an identity away from a contact. Scope: WRITE.
    #[boxed]
    async fn detach_identity(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ContactIdentityInput,
    ) -> Result<ContactIdentityPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let (id, given) = input.read()?;
            identity::detach(ctx, actor, id, &given).await
        };
        ContactIdentityPayload::of(result.await)
    }

    /// Finds or makes the contact that all the identities are of. An anonymous visitor becomes who
    /// they say they are; two known contacts are never merged by this. Scope: WRITE.
    #[boxed]
    async fn identify_contact(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: IdentifyContactInput,
    ) -> Result<IdentifyContactPayload> {
        let (ctx, actor) = writer(context)?;
        let who = Identify {
            identities: input.identities.into_iter().map(Given::from).collect(),
            name: input.name,
        };
        let (found, user_errors) = settle(identity::identify(ctx, actor, who).await)?;
        let Some(found) = found else {
            return Ok(IdentifyContactPayload {
                contact: None,
                created: None,
                suspects: None,
                user_errors,
            });
        };
        let suspects = suspect::load(ctx, actor.workspace, &found.suspects)
            .await
            .map_err(fault)?;
        Ok(IdentifyContactPayload {
            contact: Some(Contact::from(found.contact)),
            created: Some(found.created),
            suspects: Some(suspects.into_iter().map(DuplicateSuspect).collect()),
            user_errors,
        })
    }

    /// Merges one contact into another, with everything that names it. It can be undone. Scope: WRITE.
    #[boxed]
    async fn merge_contacts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: MergeContactsInput,
    ) -> Result<ContactMergePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let survivor = id::parse(&input.survivor_id, &["survivorId"])?;
            let merged = id::parse(&input.merged_id, &["mergedId"])?;
            merge::merge(ctx, actor, survivor, merged, &input.reason).await
        };
        let (merge, user_errors) = settle(result.await)?;
        Ok(ContactMergePayload {
            merge: merge.map(ContactMerge),
            user_errors,
        })
    }

    /// Undoes a merge: both contacts are what they would be without it. Merges are undone from the
    /// newest. Scope: WRITE.
    #[boxed]
    async fn unmerge_contacts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UnmergeContactsInput,
    ) -> Result<ContactMergePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            merge::unmerge(ctx, actor, id).await
        };
        let (merge, user_errors) = settle(result.await)?;
        Ok(ContactMergePayload {
            merge: merge.map(ContactMerge),
            user_errors,
        })
    }

    /// Sets whether a contact wants to hear about something by some medium. Scope: WRITE.
    #[boxed]
    async fn set_subscription(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SetSubscriptionInput,
    ) -> Result<SetSubscriptionPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.contact_id, &["contactId"])?;
            let new = NewState {
                channel: input.channel,
                topic: input.topic,
                state: input.state,
                reason: input.reason,
            };
            subscription::set(ctx, actor, id, new).await
        };
        let (rows, user_errors) = settle(result.await)?;
        Ok(SetSubscriptionPayload {
            subscriptions: rows.map(|rows| rows.into_iter().map(Subscription).collect()),
            user_errors,
        })
    }

    /// Erases a person: everything that is theirs is gone, for good. Counts by campaign and
    /// workspace stay; of the addresses a keyed hash stays, so that nothing is sent to them and no
    /// program makes the person anew, unless `keepOut` says otherwise. Scope: ADMINISTER.
    #[boxed]
    async fn erase_contact(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: EraseContactInput,
    ) -> Result<EraseContactPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            if input.keep_out {
                erase::erase(ctx, actor, id).await
            } else {
                erase::delete(ctx, actor, id).await
            }
        };
        let (erased, user_errors) = settle(result.await)?;
        Ok(EraseContactPayload {
            erased_id: erased.map(ID::from),
            user_errors,
        })
    }
}
