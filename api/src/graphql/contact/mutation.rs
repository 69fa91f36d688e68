//! Making and changing contacts.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use domain::{
    contact::{self, ContactChanges, NewContact},
    error::UserError,
};

use super::Contact;
use crate::graphql::{context::writer, error::settle, id};

/// A contact to be made.
#[derive(InputObject)]
pub(crate) struct CreateContactInput {
    /// The name shown, at most 200 characters.
    name: String,
    /// The main email address; nobody else may have it.
    email: Option<String>,
    /// The id another system gave; nobody else may have it.
    external_id: Option<String>,
    /// The contact's language, as a BCP 47 tag.
    locale: Option<String>,
    /// The company.
    account_id: Option<ID>,
}

/// Changes to a contact; what is left out stays.
#[derive(InputObject)]
pub(crate) struct UpdateContactInput {
    /// The contact's global id.
    id: ID,
    /// The name shown.
    name: Option<String>,
    /// The main email address; the former one keeps recognising the contact.
    email: Option<String>,
    /// The contact's language, as a BCP 47 tag.
    locale: Option<String>,
    /// The company; `null` takes the contact out of its company.
    account_id: MaybeUndefined<ID>,
}

/// What became of `createContact`.
#[derive(SimpleObject)]
pub(crate) struct CreateContactPayload {
    /// The new contact.
    contact: Option<Contact>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `updateContact`.
#[derive(SimpleObject)]
pub(crate) struct UpdateContactPayload {
    /// The contact as it is now.
    contact: Option<Contact>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct ContactMutation;

#[Object]
impl ContactMutation {
    /// Makes a contact. Scope: WRITE.
    async fn create_contact(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateContactInput,
    ) -> Result<CreateContactPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let new = NewContact {
                account: id::parse_opt(input.account_id.as_ref(), &["accountId"])?,
                name: input.name,
                email: input.email,
                external_id: input.external_id,
                locale: input.locale,
            };
            contact::create(ctx, actor, new).await
        };
        let (contact, user_errors) = settle(result.await)?;
        Ok(CreateContactPayload {
            contact: contact.map(Contact::from),
            user_errors,
        })
    }

    /// Changes a contact. Scope: WRITE.
    async fn update_contact(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateContactInput,
    ) -> Result<UpdateContactPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let account = match &input.account_id {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(id) => Some(Some(id::parse(id, &["accountId"])?)),
            };
            let id = id::parse(&input.id, &["id"])?;
            let changes = ContactChanges {
                name: input.name,
                email: input.email,
                locale: input.locale,
                account,
            };
            contact::update(ctx, actor, id, changes).await
        };
        let (contact, user_errors) = settle(result.await)?;
        Ok(UpdateContactPayload {
            contact: contact.map(Contact::from),
            user_errors,
        })
    }
}
