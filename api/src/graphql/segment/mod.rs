//! Segments over GraphQL.

mod input;
mod movement;
mod mutation;
mod query;
mod subscription;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    account::{self, AccountFilter, AccountOrder},
    condition::{ConditionInput, ConditionOutput, reference::TypedIds},
    contact::{self, ContactFilter, ContactOrder},
    locale::Locale,
    page::PageRequest,
    scalar::AsInput,
    segment::{self, MovesOf, uses::UseKind},
};
use entity::{
    id::{AccountId, ContactId},
    kind::{SegmentKind, SegmentState, SegmentSubject},
};
use uuid::Uuid;

use super::{
    access::ChangeOrigin,
    account::Account,
    condition::Called,
    contact::Contact,
    context::{loaded, loader, reader},
    error::fault,
    loader::{MembershipsOf, UsesOf},
    operation::Operation,
    page::{Connection, connection},
};
use crate::boxed;

pub(crate) use input::SegmentFilterInput;
pub(crate) use movement::SegmentMove;
pub(crate) use mutation::SegmentMutation;
pub(crate) use query::SegmentQuery;
pub(crate) use subscription::SegmentSubscription;

/// Contacts or accounts for which a condition holds, kept up to date by themselves, or a list of them
/// that is kept by hand.
#[derive(Debug, Clone)]
pub struct Segment(pub(crate) segment::Segment);

/// Contacts or accounts for which a condition holds, kept up to date by themselves, or a list of them
/// that is kept by hand.
#[Object]
impl Segment {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The name shown.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is for, in words.
    fn description(&self) -> &str {
        &self.0.description
    }

    /// What its members are.
    fn subject(&self) -> SegmentSubject {
        self.0.subject
    }

    /// Who says what its members are: a condition, or people.
    fn kind(&self) -> SegmentKind {
        self.0.kind
    }

    /// What must hold for its members; nothing when they are kept by hand.
    fn condition(&self) -> Option<ConditionOutput> {
        let condition = self.0.condition.as_ref();
        condition.map(|condition| condition.to_output(&TypedIds))
    }

    /// What must hold for its members, as `ConditionInput` takes it; nothing when they are kept by hand.
    fn condition_input(&self) -> Option<AsInput<ConditionInput>> {
        let condition = self.0.condition.as_ref();
        condition.map(|condition| AsInput(condition.to_input(&TypedIds)))
    }

    /// The condition as a sentence; nothing when the members are kept by hand.
    #[boxed]
    async fn sentence(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The language.", default)] locale: Locale,
    ) -> Result<Option<String>> {
        let Some(condition) = &self.0.condition else {
            return Ok(None);
        };
        let names = Called::of(context, &segment::references(condition)).await?;
        Ok(Some(segment::sentence(
            self.0.subject,
            condition,
            locale,
            &names,
        )))
    }

    /// Counts up with each change of the condition.
    fn version(&self) -> i64 {
        self.0.version
    }

    /// Whether its members are complete.
    fn state(&self) -> SegmentState {
        self.0.state
    }

    /// How many members it has now. While the state is `BUILDING` this grows.
    fn member_count(&self) -> i64 {
        self.0.member_count
    }

    /// The operation that evaluates everybody, while there is one; it says how far it is.
    #[boxed]
    async fn operation(&self, context: &Context<'_>) -> Result<Option<Operation>> {
        loaded(context, self.0.operation_id, Operation).await
    }

    /// When everybody was last evaluated. Since then members have followed each change.
    fn built_at(&self) -> Option<DateTime<Utc>> {
        self.0.built_at
    }

    /// Who made it.
    fn created_by(&self) -> ChangeOrigin {
        self.0.created_by.into()
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When its name, description or condition was last changed.
    fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// When it was deleted; only what still refers to it shows it.
    fn deleted_at(&self) -> Option<DateTime<Utc>> {
        self.0.deleted_at
    }

    /// Its members with the moment each came in, those who came to be known last first.
    #[boxed]
    async fn members(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, SegmentMember>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = segment::members(ctx, actor.workspace, self.0.id, &page)
            .await
            .map_err(fault)?;
        let subject = self.0.subject;
        Ok(connection(found, |row| SegmentMember { subject, row }))
    }

    /// Its members as a list of contacts; empty when they are accounts.
    #[boxed]
    async fn contacts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How to order them.", default)] order_by: ContactOrder,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Contact>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = ContactFilter {
            segments: self.filter(),
            ..ContactFilter::default()
        };
        let found = contact::list(ctx, actor.workspace, filter, order_by, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, Contact::from))
    }

    /// Its members as a list of accounts; empty when they are contacts.
    #[boxed]
    async fn accounts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How to order them.", default)] order_by: AccountOrder,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Account>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = AccountFilter {
            segments: self.filter(),
            ..AccountFilter::default()
        };
        let found = account::list(ctx, actor.workspace, &filter, order_by, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, Account))
    }

    /// Who came in and who went out, with the cause of each, newest first. The members that the first
    /// evaluation of a new segment found are not in it.
    #[boxed]
    async fn history(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, SegmentMove>> {
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        moves(context, MovesOf::Segment(self.0.id), &page).await
    }

    /// What names the segment. As long as there is something, the segment cannot be deleted.
    #[boxed]
    async fn uses(&self, context: &Context<'_>) -> Result<Vec<SegmentUse>> {
        let found = loader(context)?.load_one(UsesOf(self.0.id)).await?;
        Ok(found
            .unwrap_or_default()
            .into_iter()
            .map(|one| SegmentUse {
                kind: one.kind,
                id: one.id.into(),
                name: one.name,
            })
            .collect())
    }
}

impl Segment {
    fn filter(&self) -> segment::Filter {
        segment::Filter {
            all: vec![self.0.id],
            ..segment::Filter::default()
        }
    }
}

/// Something that names a segment.
#[derive(SimpleObject)]
pub(crate) struct SegmentUse {
    /// What kind of thing it is.
    kind: UseKind,
    /// Its global id.
    id: ID,
    /// Its name.
    name: String,
}

/// A member of a segment.
pub(crate) struct SegmentMember {
    subject: SegmentSubject,
    row: segment::Entered,
}

/// A member of a segment.
#[Object]
impl SegmentMember {
    /// The member's global id.
    fn subject_id(&self) -> ID {
        subject_id(self.subject, self.row.subject_id)
    }

    /// The member, if the segment is one of contacts.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        contact_of(context, self.subject, self.row.subject_id).await
    }

    /// The member, if the segment is one of accounts.
    #[boxed]
    async fn account(&self, context: &Context<'_>) -> Result<Option<Account>> {
        account_of(context, self.subject, self.row.subject_id).await
    }

    /// When it came in.
    fn entered_at(&self) -> DateTime<Utc> {
        self.row.entered_at
    }
}

/// The global id of a member.
pub(crate) fn subject_id(subject: SegmentSubject, id: Uuid) -> ID {
    match subject {
        SegmentSubject::Contact => ContactId(id).into(),
        SegmentSubject::Account => AccountId(id).into(),
    }
}

pub(crate) async fn contact_of(
    context: &Context<'_>,
    subject: SegmentSubject,
    id: Uuid,
) -> Result<Option<Contact>> {
    if subject != SegmentSubject::Contact {
        return Ok(None);
    }
    let found = loader(context)?.load_one(ContactId(id)).await?;
    Ok(found.map(Contact::from))
}

pub(crate) async fn account_of(
    context: &Context<'_>,
    subject: SegmentSubject,
    id: Uuid,
) -> Result<Option<Account>> {
    if subject != SegmentSubject::Account {
        return Ok(None);
    }
    let found = loader(context)?.load_one(AccountId(id)).await?;
    Ok(found.map(Account))
}

/// A segment that a contact or an account is in.
#[derive(SimpleObject)]
pub(crate) struct SegmentMembership {
    /// The segment.
    segment: Segment,
    /// Since when.
    entered_at: DateTime<Utc>,
}

/// What something is in, by the names of the segments.
pub(crate) async fn memberships(
    context: &Context<'_>,
    subject: Uuid,
) -> Result<Vec<SegmentMembership>> {
    let loader = loader(context)?;
    let found = loader.load_one(MembershipsOf(subject)).await?;
    let found = found.unwrap_or_default();
    let segments = loader
        .load_many(found.iter().map(|one| one.segment_id))
        .await?;
    Ok(found
        .into_iter()
        .filter_map(|one| {
            let segment = segments.get(&one.segment_id)?.clone();
            Some(SegmentMembership {
                segment: Segment(segment),
                entered_at: one.entered_at,
            })
        })
        .collect())
}

/// A page of a history of segments.
pub(crate) async fn moves(
    context: &Context<'_>,
    of: MovesOf,
    page: &PageRequest,
) -> Result<Connection<String, SegmentMove>> {
    let (ctx, actor) = reader(context)?;
    let found = segment::history(ctx, actor.workspace, of, page)
        .await
        .map_err(fault)?;
    Ok(connection(found, SegmentMove))
}

/// Whether something came into a segment or went out of it.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SegmentAct {
    /// It came in.
    Entered,
    /// It went out.
    Left,
}
