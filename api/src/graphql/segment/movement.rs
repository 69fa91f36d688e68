//! The history of segments.

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::segment::{self, About, Cause};
use entity::kind::SegmentSubject;

use super::{Segment, SegmentAct, account_of, contact_of, subject_id};
use crate::boxed;
use crate::graphql::{
    access::ChangeOrigin,
    account::Account,
    attribute::Attribute,
    contact::Contact,
    context::{loaded, loader},
    tag::Tag,
};

/// A contact or an account that came into a segment or went out of it, and why.
pub(crate) struct SegmentMove(pub(crate) segment::Move);

impl SegmentMove {
    async fn of(&self, context: &Context<'_>) -> Result<Option<segment::Segment>> {
        loader(context)?.load_one(self.0.segment_id).await
    }
}

/// A contact or an account that came into a segment or went out of it, and why.
#[Object]
impl SegmentMove {
    /// The entry's id.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Whether it came in or went out.
    fn act(&self) -> SegmentAct {
        if self.0.entered {
            SegmentAct::Entered
        } else {
            SegmentAct::Left
        }
    }

    /// The segment.
    #[boxed]
    async fn segment(&self, context: &Context<'_>) -> Result<Option<Segment>> {
        Ok(self.of(context).await?.map(Segment))
    }

    /// The global id of the contact or the account.
    #[boxed]
    async fn subject_id(&self, context: &Context<'_>) -> Result<Option<ID>> {
        let segment = self.of(context).await?;
        Ok(segment.map(|segment| subject_id(segment.subject, self.0.subject_id)))
    }

    /// The contact, if the segment is one of contacts. One who was merged into another since is
    /// answered with that other.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        let segment = self.of(context).await?;
        let subject = segment.map_or(SegmentSubject::Account, |segment| segment.subject);
        contact_of(context, subject, self.0.subject_id).await
    }

    /// The account, if the segment is one of accounts.
    #[boxed]
    async fn account(&self, context: &Context<'_>) -> Result<Option<Account>> {
        let segment = self.of(context).await?;
        let subject = segment.map_or(SegmentSubject::Contact, |segment| segment.subject);
        account_of(context, subject, self.0.subject_id).await
    }

    /// When.
    fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// Why.
    fn cause(&self) -> SegmentCause {
        SegmentCause::from(&self.0.cause)
    }
}

/// What kind of cause it was.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SegmentCauseKind {
    /// Something happened that the condition asks about.
    Change,
    /// Nothing happened; time passed.
    Time,
    /// The segment's condition was changed.
    Condition,
    /// Everybody was evaluated anew.
    Rebuild,
    /// Somebody put it in or took it out.
    Hand,
    /// A contact or an account was merged into another, or taken apart from it.
    Merge,
}

/// Why something came into a segment or went out of it.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct SegmentCause {
    /// What kind of cause it was.
    kind: SegmentCauseKind,
    /// What happened, such as `tagging.added`, if something did.
    fact: Option<String>,
    /// Where that stands in the change log, as the cursor of `changes`.
    cursor: Option<String>,
    /// Who did it, if it was done by somebody.
    origin: Option<ChangeOrigin>,
    /// The version of the condition, if it was a change of the condition.
    version: Option<i64>,
    /// The merge's id, if it was a merge.
    merge_id: Option<ID>,
    #[graphql(skip)]
    about: Option<About>,
}

#[ComplexObject]
impl SegmentCause {
    /// The tag that was put on or taken off, if that was the change; of a history of an earlier release nothing.
    #[boxed]
    async fn tag(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        let tag = match self.about {
            Some(About::Tag(id)) => Some(id),
            _ => None,
        };
        loaded(context, tag, Tag::from).await
    }

    /// The other segment that was entered or left, if that was the change.
    #[boxed]
    async fn segment(&self, context: &Context<'_>) -> Result<Option<Segment>> {
        let segment = match self.about {
            Some(About::Segment(id)) => Some(id),
            _ => None,
        };
        loaded(context, segment, Segment).await
    }

    /// The custom attribute that was set, if that was the change.
    #[boxed]
    async fn attribute(&self, context: &Context<'_>) -> Result<Option<Attribute>> {
        let attribute = match self.about {
            Some(About::Attribute(id)) => Some(id),
            _ => None,
        };
        loaded(context, attribute, Attribute).await
    }

    /// The name of what the contact did, if that was the change.
    fn event_name(&self) -> Option<&str> {
        match &self.about {
            Some(About::Event(name)) => Some(name.as_str()),
            _ => None,
        }
    }
}

impl From<&Cause> for SegmentCause {
    fn from(cause: &Cause) -> Self {
        let of = |kind| Self {
            kind,
            fact: None,
            cursor: None,
            origin: None,
            version: None,
            merge_id: None,
            about: None,
        };
        match cause {
            Cause::Change {
                position,
                fact,
                origin,
                about,
                ..
            } => Self {
                about: about.clone(),
                fact: Some(fact.clone()),
                cursor: Some(position.clone()),
                origin: Some((*origin).into()),
                ..of(SegmentCauseKind::Change)
            },
            Cause::Time => of(SegmentCauseKind::Time),
            Cause::Condition { origin, version } => Self {
                origin: Some((*origin).into()),
                version: Some(*version),
                ..of(SegmentCauseKind::Condition)
            },
            Cause::Rebuild { origin, fact } => Self {
                origin: Some((*origin).into()),
                fact: fact.clone(),
                ..of(SegmentCauseKind::Rebuild)
            },
            Cause::Hand { origin } => Self {
                origin: Some((*origin).into()),
                ..of(SegmentCauseKind::Hand)
            },
            Cause::Merge { merge_id } => Self {
                merge_id: Some((*merge_id).into()),
                ..of(SegmentCauseKind::Merge)
            },
        }
    }
}
