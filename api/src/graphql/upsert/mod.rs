//! Contacts and accounts as other systems know them, in bulk, over GraphQL.
//!
//! An item that cannot be read is told in its place like any other that is wrong, and harms no other.

mod account;
mod contact;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, OneofObject, Result};
use domain::{
    attribute::{AttributeValueOf, Value},
    error::{self, UserError},
    fact::AccountRef,
    upsert::{self, AttributeItem, CampaignRef, Common, MemberRef, TagRef},
};
use entity::kind::LifecycleStage;

use super::{context::writer, error::settle, fact::AccountReferenceInput, given::optional, id};
use crate::boxed;

use account::{UpsertAccountsInput, UpsertAccountsPayload};
use contact::{UpsertContactsInput, UpsertContactsPayload};

/// A way to name a member: exactly one of these.
#[derive(OneofObject)]
pub(crate) enum MemberReferenceInput {
    /// By global id.
    Id(ID),
    /// By the email address the member is known by; upper and lower case are the same.
    Email(String),
}

/// A way to name a campaign: exactly one of these.
#[derive(OneofObject)]
pub(crate) enum CampaignReferenceInput {
    /// By global id.
    Id(ID),
    /// By the id the campaign has where it is sent from.
    ExternalId(String),
}

/// A way to name a tag: exactly one of these.
#[derive(OneofObject)]
pub(crate) enum TagReferenceInput {
    /// By global id.
    Id(ID),
    /// By its path as in files, such as `Industry/IT/SaaS`: the group, if it is in one, and the tags above
    /// it. A slash in a name is written `\/`, a backslash `\\`. A single name is enough where only one tag
    /// bears it.
    Path(String),
}

/// A custom attribute, named by its key, and its new value.
#[derive(InputObject)]
pub(crate) struct KeyedAttributeValueInput {
    /// The attribute's key; each at most once.
    key: String,
    /// The value; left out or `null`, the value is taken away.
    value: Option<AttributeValueOf>,
}

impl From<KeyedAttributeValueInput> for AttributeItem {
    fn from(input: KeyedAttributeValueInput) -> Self {
        Self {
            key: input.key,
            value: input.value.map(Value::from),
        }
    }
}

/// The place of an item in the input, and what could not be read of it.
struct Reader {
    list: &'static str,
    index: String,
    errors: Vec<UserError>,
}

impl Reader {
    fn new(list: &'static str, index: usize) -> Self {
        Self {
            list,
            index: index.to_string(),
            errors: Vec::new(),
        }
    }

    /// The place of what `path` names in the item.
    fn at<'p>(&'p self, path: &[&'p str]) -> Vec<&'p str> {
        let item: &[&str] = &[self.list, &self.index];
        [item, path].concat()
    }

    /// What was read; nothing where it could not be, which is noted.
    fn keep<T: Default>(&mut self, read: error::Result<T>) -> T {
        read.unwrap_or_else(|error| {
            if let error::Error::Refused(errors) = error {
                self.errors.extend(errors);
            }
            T::default()
        })
    }

    /// An id that may be left out.
    fn id<I: entity::id::Id>(&mut self, text: Option<&ID>) -> Option<I> {
        let read = id::parse_opt(text, &self.at(&["id"]));
        self.keep(read)
    }

    /// What contacts and accounts have alike.
    fn common(
        &mut self,
        owner: MaybeUndefined<MemberReferenceInput>,
        stage: MaybeUndefined<LifecycleStage>,
        attributes: Option<Vec<KeyedAttributeValueInput>>,
        tags: Option<Vec<TagReferenceInput>>,
    ) -> Common {
        let read = changed(owner, |owner| self.member(owner, "owner"));
        let owner = self.keep(read);
        let attributes = attributes.unwrap_or_default().into_iter();
        let tags = tags.unwrap_or_default().into_iter().enumerate();
        let tags = tags.filter_map(|(index, tag)| {
            let read = self.tag(index, tag).map(Some);
            self.keep(read)
        });
        Common {
            owner,
            stage: optional(stage),
            tags: tags.collect(),
            attributes: attributes.map(AttributeItem::from).collect(),
        }
    }

    fn member(&self, input: MemberReferenceInput, field: &str) -> error::Result<MemberRef> {
        Ok(match input {
            MemberReferenceInput::Id(id) => {
                MemberRef::Id(id::parse(&id, &self.at(&[field, "id"]))?)
            }
            MemberReferenceInput::Email(email) => MemberRef::Email(email),
        })
    }

    fn account(&self, input: AccountReferenceInput) -> error::Result<AccountRef> {
        Ok(match input {
            AccountReferenceInput::Id(id) => {
                AccountRef::Id(id::parse(&id, &self.at(&["account", "id"]))?)
            }
            AccountReferenceInput::ExternalId(id) => AccountRef::ExternalId(id),
            AccountReferenceInput::Domain(domain) => AccountRef::Domain(domain),
        })
    }

    fn campaign(&self, input: CampaignReferenceInput) -> error::Result<CampaignRef> {
        Ok(match input {
            CampaignReferenceInput::Id(id) => {
                CampaignRef::Id(id::parse(&id, &self.at(&["sourceCampaign", "id"]))?)
            }
            CampaignReferenceInput::ExternalId(id) => CampaignRef::ExternalId(id),
        })
    }

    fn tag(&self, index: usize, input: TagReferenceInput) -> error::Result<TagRef> {
        let index = index.to_string();
        Ok(match input {
            TagReferenceInput::Id(id) => {
                TagRef::Id(id::parse(&id, &self.at(&["tags", &index, "id"]))?)
            }
            TagReferenceInput::Path(path) => TagRef::Path(path),
        })
    }
}

/// What is said of something that can be taken away, read.
#[expect(
    clippy::option_option,
    reason = "the business tells unchanged, none and a new one apart in the same way"
)]
fn changed<I, T>(
    said: MaybeUndefined<I>,
    read: impl FnOnce(I) -> error::Result<T>,
) -> error::Result<Option<Option<T>>> {
    Ok(match said {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(read(value)?)),
    })
}

#[derive(Default)]
pub(crate) struct UpsertMutation;

#[Object]
impl UpsertMutation {
    /// Makes and changes contacts as another system knows them, up to 1,000 at once. Each is found by its
    /// global id, external id, email address, phone number and other identities; one whom nobody knows is
    /// made. What is wrong with one item keeps no other from being taken. Items that are about the same
    /// contact follow each other in their order, and repeating a call changes nothing. Two contacts are
    /// never merged by this. Scope: WRITE.
    #[boxed]
    async fn upsert_contacts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpsertContactsInput,
    ) -> Result<UpsertContactsPayload> {
        let (ctx, actor) = writer(context)?;
        let (items, reason) = input.read();
        let (done, user_errors) = settle(upsert::contacts(ctx, actor, items, &reason).await)?;
        Ok(UpsertContactsPayload::of(done, user_errors))
    }

    /// Makes and changes accounts as another system knows them, up to 1,000 at once. Each is found by its
    /// global id, external id and email domain; one that nobody knows is made. What is wrong with one
    /// item keeps no other from being taken. Items that are about the same account follow each other in
    /// their order, and repeating a call changes nothing. Scope: WRITE.
    #[boxed]
    async fn upsert_accounts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpsertAccountsInput,
    ) -> Result<UpsertAccountsPayload> {
        let (ctx, actor) = writer(context)?;
        let (items, reason) = input.read();
        let (done, user_errors) = settle(upsert::accounts(ctx, actor, items, &reason).await)?;
        Ok(UpsertAccountsPayload::of(done, user_errors))
    }
}
