//! Contacts who seem to be one person, over GraphQL.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::{
    error::UserError,
    page::PageRequest,
    suspect::{self, SuspectFilter, SuspectOrder, Suspicion},
};
use entity::id::{ContactId, Id, SuspectId};

use super::{SuspicionFields, SuspicionFilterInput};
use crate::boxed;
use crate::graphql::{
    contact::Contact,
    context::{loader, reader, writer},
    error::{fault, settle},
    id,
    page::{Connection, connection},
};

/// Two known contacts who seem to be one person.
pub struct DuplicateSuspect(pub(crate) Suspicion<SuspectId>);

/// Two known contacts who seem to be one person. What merging them would do says
/// `previewMerge(survivorId:, mergedId:)` of the two ids; `mergeContacts` does it, `dismissDuplicateSuspect` says
/// that they are two.
#[Object]
impl DuplicateSuspect {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// One of them: who was made first.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        let found = loader(context)?.load_one(self.0.one_id).await?;
        Ok(found.map(Contact::from))
    }

    /// The other.
    #[boxed]
    async fn other(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        let found = loader(context)?.load_one(self.0.other_id).await?;
        Ok(found.map(Contact::from))
    }

    /// The reasons, and what became of it.
    #[graphql(flatten)]
    fn said(&self) -> SuspicionFields {
        SuspicionFields::from(&self.0)
    }
}

/// Which suspicions a list has; every part given must hold.
#[derive(InputObject, Default)]
pub(crate) struct DuplicateSuspectFilterInput {
    /// The reasons, and what became of them.
    #[graphql(flatten)]
    common: SuspicionFilterInput,
    /// About this contact.
    contact_id: Option<ID>,
}

impl DuplicateSuspectFilterInput {
    fn read(self) -> domain::error::Result<SuspectFilter> {
        let path = ["filter", "contactId"];
        let about: Option<ContactId> = id::parse_opt(self.contact_id.as_ref(), &path)?;
        self.common.read(about.map(Id::uuid))
    }
}

/// A suspicion to be dismissed: they are two people.
#[derive(InputObject)]
pub(crate) struct DismissDuplicateSuspectInput {
    /// The suspicion's global id.
    id: ID,
}

/// What became of `dismissDuplicateSuspect`.
#[derive(SimpleObject)]
pub(crate) struct DismissDuplicateSuspectPayload {
    /// The suspicion as it is now.
    suspect: Option<DuplicateSuspect>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct SuspectQuery;

#[Object]
impl SuspectQuery {
    /// Known contacts who seem to be one person: because identities of both were given for one, or by their
    /// names together with something else. Left to themselves, those nobody has decided, oldest first. Names that
    /// more than 20 contacts share are not compared, and anonymous visitors are left out.
    #[expect(
        clippy::too_many_arguments,
        reason = "Relay's four arguments, filter and order"
    )]
    #[boxed]
    async fn duplicate_suspects(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which ones; the open ones when left out.")] filter: Option<
            DuplicateSuspectFilterInput,
        >,
        #[graphql(desc = "How to order them.", default)] order_by: SuspectOrder,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, DuplicateSuspect>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default().read().map_err(fault)?;
        let found = suspect::list::<SuspectId>(ctx, actor.workspace, &filter, order_by, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, DuplicateSuspect))
    }
}

#[derive(Default)]
pub(crate) struct SuspectMutation;

#[Object]
impl SuspectMutation {
    /// Says that two contacts who seem to be one are two people. They are suspected again only for a reason that
    /// is not there yet. Scope: WRITE.
    #[boxed]
    async fn dismiss_duplicate_suspect(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DismissDuplicateSuspectInput,
    ) -> Result<DismissDuplicateSuspectPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id: SuspectId = id::parse(&input.id, &["id"])?;
            suspect::dismiss(ctx, actor, id).await
        };
        let (suspect, user_errors) = settle(result.await)?;
        Ok(DismissDuplicateSuspectPayload {
            suspect: suspect.map(DuplicateSuspect),
            user_errors,
        })
    }
}
