//! Making and changing segments.

use async_graphql::{Context, Object, Result, SimpleObject};
use domain::{
    condition::{ConditionInput, reference::TypedIds},
    error::{Error, UserError},
    segment::{
        self, Changes, NewSegment,
        fill::Found,
        hand::{Put, Things},
    },
};

use super::{
    Segment,
    input::{
        AddToSegmentInput, CreateSegmentInput, DeleteSegmentInput, DuplicateSegmentInput,
        RebuildSegmentInput, RemoveFromSegmentInput, SegmentAdditionInput, SegmentRemovalInput,
        SegmentThingsInput, UpdateSegmentInput,
    },
};
use crate::boxed;
use crate::graphql::{
    context::writer,
    error::settle,
    given::{emptied, kept},
    id,
    operation::Operation,
};

macro_rules! segment_payload {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(SimpleObject)]
        pub(crate) struct $name {
            /// The segment as it is now.
            segment: Option<Segment>,
            /// What to mend in the input, with the place in the condition; empty when it worked.
            user_errors: Vec<UserError>,
        }
    };
}

segment_payload!(CreateSegmentPayload, "What became of `createSegment`.");
segment_payload!(UpdateSegmentPayload, "What became of `updateSegment`.");
segment_payload!(DeleteSegmentPayload, "What became of `deleteSegment`.");
segment_payload!(RebuildSegmentPayload, "What became of `rebuildSegment`.");

/// What became of `duplicateSegment`.
#[derive(SimpleObject)]
pub(crate) struct DuplicateSegmentPayload {
    /// The new segment.
    segment: Option<Segment>,
    /// The operation that puts in the members of the other segment, where those are kept by hand and there
    /// are any; its count is `added`.
    operation: Option<Operation>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// A line that named nobody, or somebody a second time.
#[derive(SimpleObject)]
pub(crate) struct SkippedLine {
    /// Its number; the first is 1.
    line: i64,
    /// What stands in its first column.
    value: String,
}

/// What became of `addToSegment`.
#[derive(SimpleObject, Default)]
pub(crate) struct AddToSegmentPayload {
    /// The segment as it is now.
    segment: Option<Segment>,
    /// How many were put in.
    added: i64,
    /// How many were in it already.
    unchanged: i64,
    /// Lines that named nobody, or somebody a second time.
    skipped: Vec<SkippedLine>,
    /// The operation that puts in what a filter finds; its count is `added`.
    operation: Option<Operation>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `removeFromSegment`.
#[derive(SimpleObject, Default)]
pub(crate) struct RemoveFromSegmentPayload {
    /// The segment as it is now.
    segment: Option<Segment>,
    /// How many were taken out.
    removed: i64,
    /// How many were not in it.
    unchanged: i64,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

fn read(
    input: Option<ConditionInput>,
) -> domain::error::Result<Option<domain::condition::Condition>> {
    let condition = input.map(|input| input.into_condition(&TypedIds));
    condition.transpose().map_err(Error::Refused)
}

/// Puts what a nested input says below the field it stands in.
fn below_members(error: Error) -> Error {
    let Error::Refused(mut errors) = error else {
        return error;
    };
    for error in &mut errors {
        let first = error.path.first().map(String::as_str);
        if matches!(first, Some("contactIds" | "accountIds" | "csv" | "things")) {
            error.path.insert(0, "members".to_owned());
        }
    }
    Error::Refused(errors)
}

#[derive(Default)]
pub(crate) struct SegmentMutation;

#[Object]
impl SegmentMutation {
    /// Makes a segment. Scope: CONFIGURE.
    #[boxed]
    async fn create_segment(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateSegmentInput,
    ) -> Result<CreateSegmentPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let new = NewSegment {
                condition: read(input.condition)?,
                name: input.name,
                description: input.description,
                subject: input.subject,
            };
            segment::create(ctx, actor, new).await
        };
        let (segment, user_errors) = settle(result.await)?;
        Ok(CreateSegmentPayload {
            segment: segment.map(Segment),
            user_errors,
        })
    }

    /// Renames a segment, describes it or changes its condition. Scope: CONFIGURE.
    #[boxed]
    async fn update_segment(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateSegmentInput,
    ) -> Result<UpdateSegmentPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let changes = Changes {
                condition: read(kept(input.condition, "condition")?)?,
                name: kept(input.name, "name")?,
                description: emptied(input.description),
            };
            segment::update(ctx, actor, id, changes).await
        };
        let (segment, user_errors) = settle(result.await)?;
        Ok(UpdateSegmentPayload {
            segment: segment.map(Segment),
            user_errors,
        })
    }

    /// Makes a segment like another. One with a condition is filled in the background like any other; one
    /// that is kept by hand gets the members of the other, as an operation. Scope: CONFIGURE.
    #[boxed]
    async fn duplicate_segment(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DuplicateSegmentInput,
    ) -> Result<DuplicateSegmentPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            segment::duplicate(ctx, actor, id, input.name, input.locale).await
        };
        let (made, user_errors) = settle(result.await)?;
        let (segment, filling) = made.map(|made| (made.segment, made.filling)).unzip();
        Ok(DuplicateSegmentPayload {
            segment: segment.map(Segment),
            operation: filling.flatten().map(Operation),
            user_errors,
        })
    }

    /// Deletes a segment that nothing names; see `Segment.uses`. Scope: CONFIGURE.
    #[boxed]
    async fn delete_segment(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DeleteSegmentInput,
    ) -> Result<DeleteSegmentPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async { segment::delete(ctx, actor, id::parse(&input.id, &["id"])?).await };
        let (segment, user_errors) = settle(result.await)?;
        Ok(DeleteSegmentPayload {
            segment: segment.map(Segment),
            user_errors,
        })
    }

    /// Evaluates everybody for a segment anew. Members follow each change by themselves; this is for
    /// whoever wants to be sure. Scope: CONFIGURE.
    #[boxed]
    async fn rebuild_segment(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RebuildSegmentInput,
    ) -> Result<RebuildSegmentPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async { segment::rebuild(ctx, actor, id::parse(&input.id, &["id"])?).await };
        let (segment, user_errors) = settle(result.await)?;
        Ok(RebuildSegmentPayload {
            segment: segment.map(Segment),
            user_errors,
        })
    }

    /// Puts contacts or accounts into a segment that is kept by hand. Scope: WRITE.
    #[boxed]
    async fn add_to_segment(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: AddToSegmentInput,
    ) -> Result<AddToSegmentPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let segment = id::parse(&input.id, &["id"])?;
            let named =
                |things| async move { segment::hand::add(ctx, actor, segment, &things).await };
            let put = match input.members {
                SegmentAdditionInput::ContactIds(ids) => {
                    named(Things::Contacts(id::parse_all(&ids, &["contactIds"])?)).await?
                }
                SegmentAdditionInput::AccountIds(ids) => {
                    named(Things::Accounts(id::parse_all(&ids, &["accountIds"])?)).await?
                }
                SegmentAdditionInput::Csv(text) => {
                    segment::hand::add_lines(ctx, actor, segment, &text).await?
                }
                SegmentAdditionInput::Things(things) => {
                    let found = match *things {
                        SegmentThingsInput::Contacts(filter) => {
                            let filter = filter.read(ctx, actor.workspace).await;
                            let found = filter.map(Found::Contacts);
                            found.map_err(in_things("contacts"))?
                        }
                        SegmentThingsInput::Accounts(filter) => {
                            let filter = filter.read(ctx, actor.workspace).await;
                            let found = filter.map(Found::Accounts);
                            found.map_err(in_things("accounts"))?
                        }
                    };
                    let operation = segment::fill::fill(ctx, actor, segment, found).await?;
                    let segment = segment::find(ctx, actor.workspace, segment).await?;
                    return Ok(AddToSegmentPayload {
                        segment: segment.map(Segment),
                        operation: Some(Operation(operation)),
                        ..AddToSegmentPayload::default()
                    });
                }
            };
            Ok(AddToSegmentPayload::from(put))
        };
        let (payload, user_errors) = settle(result.await.map_err(below_members))?;
        Ok(AddToSegmentPayload {
            user_errors,
            ..payload.unwrap_or_default()
        })
    }

    /// Takes contacts or accounts out of a segment that is kept by hand. Scope: WRITE.
    #[boxed]
    async fn remove_from_segment(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RemoveFromSegmentInput,
    ) -> Result<RemoveFromSegmentPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let segment = id::parse(&input.id, &["id"])?;
            let things = match input.members {
                SegmentRemovalInput::ContactIds(ids) => {
                    Things::Contacts(id::parse_all(&ids, &["contactIds"])?)
                }
                SegmentRemovalInput::AccountIds(ids) => {
                    Things::Accounts(id::parse_all(&ids, &["accountIds"])?)
                }
            };
            segment::hand::remove(ctx, actor, segment, &things).await
        };
        let (put, user_errors) = settle(result.await.map_err(below_members))?;
        Ok(match put {
            Some(put) => RemoveFromSegmentPayload {
                segment: Some(Segment(put.segment)),
                removed: put.changed,
                unchanged: put.unchanged,
                user_errors,
            },
            None => RemoveFromSegmentPayload {
                user_errors,
                ..RemoveFromSegmentPayload::default()
            },
        })
    }
}

impl From<Put> for AddToSegmentPayload {
    fn from(put: Put) -> Self {
        Self {
            segment: Some(Segment(put.segment)),
            added: put.changed,
            unchanged: put.unchanged,
            skipped: put
                .skipped
                .into_iter()
                .map(|line| SkippedLine {
                    line: line.number,
                    value: line.value,
                })
                .collect(),
            ..Self::default()
        }
    }
}

/// What reads a filter takes it for the argument of a list.
fn in_things(kind: &'static str) -> impl Fn(Error) -> Error {
    move |error| match error {
        Error::Refused(mut errors) => {
            for error in &mut errors {
                let path = ["things".to_owned(), kind.to_owned()];
                error.path.splice(0..1, path);
            }
            Error::Refused(errors)
        }
        other => other,
    }
}
