//! Asking for segments, and trying conditions out.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use domain::{
    condition::{ConditionInput, reference::TypedIds},
    error::{Error, UserError},
    locale::Locale,
    page::PageRequest,
    segment::{self, preview},
};
use entity::{
    id::{AccountId, ContactId, SegmentId},
    kind::{SegmentKind, SegmentSubject},
};

use super::Segment;
use crate::boxed;
use crate::graphql::{
    account::Account,
    condition::Called,
    contact::Contact,
    context::{loader, reader},
    error::{fault, settle},
    id,
    page::{Connection, connection},
};

/// What a condition would find.
#[derive(SimpleObject)]
pub(crate) struct SegmentPreview {
    /// For how many it holds.
    count: i64,
    /// Whether that was counted. Among more than 20,000 an even part is evaluated, and `count` is
    /// extrapolated from it.
    is_exact: bool,
    /// How many were evaluated.
    evaluated: i64,
    /// How many there are in all.
    population: i64,
    /// Some of the contacts for whom it holds, up to 20, those who came to be known last first.
    contacts: Vec<Contact>,
    /// Some of the accounts for which it holds, up to 20.
    accounts: Vec<Account>,
    /// The condition as a sentence.
    sentence: String,
}

/// What became of `previewSegment`.
#[derive(SimpleObject)]
pub(crate) struct PreviewSegmentPayload {
    /// What the condition would find.
    preview: Option<SegmentPreview>,
    /// What to mend in the condition; empty when it could be evaluated.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct SegmentQuery;

#[Object]
impl SegmentQuery {
    /// One segment; nothing when there is none of this id.
    #[boxed]
    async fn segment(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The segment's global id.")] id: ID,
    ) -> Result<Option<Segment>> {
        let (ctx, actor) = reader(context)?;
        let Ok(id) = id::parse::<SegmentId>(&id, &["id"]) else {
            return Ok(None);
        };
        let found = segment::find(ctx, actor.workspace, id).await;
        Ok(found.map_err(fault)?.map(Segment))
    }

    /// The workspace's segments, by name.
    #[expect(
        clippy::too_many_arguments,
        reason = "Relay's four arguments and two to filter by"
    )]
    #[boxed]
    async fn segments(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only those whose members are such.")] subject: Option<SegmentSubject>,
        #[graphql(desc = "Only those whose members are kept so.")] kind: Option<SegmentKind>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Segment>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = segment::list(ctx, actor.workspace, subject, kind, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, Segment))
    }

    /// What a condition would find, whether it is saved or not. Changes nothing.
    #[boxed]
    async fn preview_segment(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whether contacts or accounts are meant.")] subject: SegmentSubject,
        #[graphql(desc = "What must hold.")] condition: ConditionInput,
        #[graphql(desc = "The language of the sentence.", default)] locale: Locale,
    ) -> Result<PreviewSegmentPayload> {
        let (ctx, actor) = reader(context)?;
        let result = async {
            let condition = condition
                .into_condition(&TypedIds)
                .map_err(Error::Refused)?;
            let found = preview::preview(ctx, actor, subject, &condition).await?;
            Ok((condition, found))
        };
        let (found, user_errors) = settle(result.await)?;
        let Some((condition, found)) = found else {
            return Ok(PreviewSegmentPayload {
                preview: None,
                user_errors,
            });
        };
        let names = Called::of(context, &segment::references(&condition)).await?;
        let loader = loader(context)?;
        let (mut contacts, mut accounts) = (Vec::new(), Vec::new());
        match subject {
            SegmentSubject::Contact => {
                let ids = found.sample.iter().map(|id| ContactId(*id));
                let mut rows = loader.load_many(ids.clone()).await?;
                contacts.extend(ids.filter_map(|id| rows.remove(&id)).map(Contact::from));
            }
            SegmentSubject::Account => {
                let ids = found.sample.iter().map(|id| AccountId(*id));
                let mut rows = loader.load_many(ids.clone()).await?;
                accounts.extend(ids.filter_map(|id| rows.remove(&id)).map(Account));
            }
        }
        Ok(PreviewSegmentPayload {
            preview: Some(SegmentPreview {
                count: found.count,
                is_exact: found.is_exact,
                evaluated: found.evaluated,
                population: found.population,
                contacts,
                accounts,
                sentence: segment::sentence(subject, &condition, locale, &names),
            }),
            user_errors,
        })
    }
}
