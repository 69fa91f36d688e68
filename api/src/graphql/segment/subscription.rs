//! Members as they come and go.

use async_graphql::{Context, ID, Result, SimpleObject, Subscription};
use chrono::{DateTime, Utc};
use domain::work::change::Fact;
use entity::{
    id::{AccountId, ContactId, SegmentId},
    kind::{SegmentSubject, SubjectKind},
};
use futures::Stream;

use super::{Segment, SegmentAct, account_of, contact_of, subject_id};
use crate::graphql::{
    access::ChangeOrigin, account::Account, change::follow, contact::Contact, context::loader,
    error::fault, id,
};

/// A contact or an account that came into a segment or went out of it.
#[derive(SimpleObject)]
pub(crate) struct SegmentMembersChange {
    /// Where it stands in the log; give it as `after` to go on from here.
    cursor: String,
    /// Whether it came in or went out.
    act: SegmentAct,
    /// The segment as it is now.
    segment: Option<Segment>,
    /// The global id of the contact or the account.
    subject_id: ID,
    /// The contact, if the segment is one of contacts.
    contact: Option<Contact>,
    /// The account, if the segment is one of accounts.
    account: Option<Account>,
    /// Who or what did it.
    origin: ChangeOrigin,
    /// When.
    at: DateTime<Utc>,
}

#[derive(Default)]
pub(crate) struct SegmentSubscription;

#[Subscription]
impl SegmentSubscription {
    /// Members of segments as they come and go.
    async fn segment_members_changed<'c>(
        &self,
        context: &'c Context<'c>,
        #[graphql(desc = "Only of this segment.")] segment_id: Option<ID>,
        #[graphql(desc = "Only this contact.")] contact_id: Option<ID>,
        #[graphql(desc = "Only this account, in segments of accounts.")] account_id: Option<ID>,
        #[graphql(desc = "The last cursor you have; left out, it starts now.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<SegmentMembersChange>> + 'c> {
        let segment: Option<SegmentId> =
            id::parse_opt(segment_id.as_ref(), &["segmentId"]).map_err(fault)?;
        let contact: Option<ContactId> =
            id::parse_opt(contact_id.as_ref(), &["contactId"]).map_err(fault)?;
        let account: Option<AccountId> =
            id::parse_opt(account_id.as_ref(), &["accountId"]).map_err(fault)?;
        follow(context, after, move |entry| async move {
            let (act, segment_id, kind, id) = match entry.fact {
                Fact::SegmentEntered {
                    segment_id,
                    subject,
                    subject_id,
                } => (SegmentAct::Entered, segment_id, subject, subject_id),
                Fact::SegmentLeft {
                    segment_id,
                    subject,
                    subject_id,
                } => (SegmentAct::Left, segment_id, subject, subject_id),
                _ => return None,
            };
            if segment.is_some_and(|wanted| wanted != segment_id) {
                return None;
            }
            let subject = match kind {
                SubjectKind::Account => SegmentSubject::Account,
                _ => SegmentSubject::Contact,
            };
            let no_contact =
                |wanted: ContactId| subject != SegmentSubject::Contact || wanted.0 != id;
            let no_account =
                |wanted: AccountId| subject != SegmentSubject::Account || wanted.0 != id;
            if contact.is_some_and(no_contact) || account.is_some_and(no_account) {
                return None;
            }
            let found = async {
                Ok(SegmentMembersChange {
                    cursor: entry.position.to_string(),
                    act,
                    segment: loader(context)?.load_one(segment_id).await?.map(Segment),
                    subject_id: subject_id(subject, id),
                    contact: contact_of(context, subject, id).await?,
                    account: account_of(context, subject, id).await?,
                    origin: entry.origin.into(),
                    at: entry.at,
                })
            };
            Some(found.await)
        })
        .await
    }
}
