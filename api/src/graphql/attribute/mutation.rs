//! Defining custom attributes, and giving things values for them.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use domain::{
    attribute::{self, AttributeChanges, AttributeOption, NewAttribute, definition},
    error::UserError,
};
use entity::kind::{AttributeType, SubjectKind};

use super::{Attribute, AttributeValue, AttributeValueInput, settings, values};
use crate::boxed;
use crate::graphql::{
    context::writer,
    error::settle,
    given::{emptied, kept},
    id,
    subject::SubjectInput,
};

/// One of the values to choose from.
#[derive(InputObject)]
pub(crate) struct AttributeOptionInput {
    /// The name programs use: 1 to 64 small letters, digits and underscores, beginning with a
    /// letter; unique in the list.
    key: String,
    /// The name shown, at most 100 characters.
    label: String,
}

impl From<AttributeOptionInput> for AttributeOption {
    fn from(option: AttributeOptionInput) -> Self {
        Self {
            key: option.key,
            label: option.label,
        }
    }
}

/// A custom attribute to be made.
#[derive(InputObject)]
pub(crate) struct CreateAttributeInput {
    /// What has it.
    subject: SubjectKind,
    /// The name programs use: 1 to 64 small letters, digits and underscores, beginning with a
    /// letter. It stays for ever.
    key: String,
    /// The name shown, at most 100 characters.
    name: String,
    /// What it means, at most 255 characters.
    #[graphql(default)]
    description: String,
    /// What it holds. It stays for ever.
    value_type: AttributeType,
    /// The values to choose from, at most 200; needed for a SELECT and a `MULTI_SELECT`.
    #[graphql(default)]
    options: Vec<AttributeOptionInput>,
}

/// Changes to a custom attribute; what is left out stays. `null` is refused where a field does not
/// say what it means.
#[derive(InputObject)]
pub(crate) struct UpdateAttributeInput {
    /// The attribute's global id.
    id: ID,
    /// The name shown, at most 100 characters.
    name: MaybeUndefined<String>,
    /// What it means, at most 255 characters; `null` for nothing.
    description: MaybeUndefined<String>,
    /// All values to choose from, in their new order; one that is in use cannot be left out.
    options: MaybeUndefined<Vec<AttributeOptionInput>>,
    /// Its place among the attributes of the same kind of thing, from 0.
    position: MaybeUndefined<i64>,
    /// Whether it is archived: it keeps its values and takes no new ones.
    archived: MaybeUndefined<bool>,
}

/// A custom attribute to be deleted.
#[derive(InputObject)]
pub(crate) struct DeleteAttributeInput {
    /// The attribute's global id; nothing may have a value for it any more.
    id: ID,
}

/// Values to be given to one thing.
#[derive(InputObject)]
pub(crate) struct SetAttributesInput {
    /// The thing.
    on: SubjectInput,
    /// The values; attributes left out keep theirs. When one does not fit, none is written.
    values: Vec<AttributeValueInput>,
}

/// What became of `createAttribute`.
#[derive(SimpleObject)]
pub(crate) struct CreateAttributePayload {
    /// The new attribute.
    attribute: Option<Attribute>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `updateAttribute`.
#[derive(SimpleObject)]
pub(crate) struct UpdateAttributePayload {
    /// The attribute as it is now.
    attribute: Option<Attribute>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `deleteAttribute`.
#[derive(SimpleObject)]
pub(crate) struct DeleteAttributePayload {
    /// The id of what was deleted.
    deleted_id: Option<ID>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `setAttributes`.
#[derive(SimpleObject)]
pub(crate) struct SetAttributesPayload {
    /// All values the thing has now.
    values: Option<Vec<AttributeValue>>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct AttributeMutation;

#[Object]
impl AttributeMutation {
    /// Makes a custom attribute. Scope: CONFIGURE.
    #[boxed]
    async fn create_attribute(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateAttributeInput,
    ) -> Result<CreateAttributePayload> {
        let (ctx, actor) = writer(context)?;
        let new = NewAttribute {
            subject: input.subject,
            key: input.key,
            name: input.name,
            description: input.description,
            value_type: input.value_type,
            options: input.options.into_iter().map(Into::into).collect(),
        };
        let (made, user_errors) = settle(definition::create(ctx, actor, new).await)?;
        Ok(CreateAttributePayload {
            attribute: made.map(Attribute),
            user_errors,
        })
    }

    /// Changes, archives or restores a custom attribute. Scope: CONFIGURE.
    #[boxed]
    async fn update_attribute(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateAttributeInput,
    ) -> Result<UpdateAttributePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let options = kept(input.options, "options")?;
            let changes = AttributeChanges {
                name: kept(input.name, "name")?,
                description: emptied(input.description),
                options: options.map(|options| options.into_iter().map(Into::into).collect()),
                position: kept(input.position, "position")?,
                archived: kept(input.archived, "archived")?,
            };
            definition::update(ctx, actor, id, changes).await
        };
        let (attribute, user_errors) = settle(result.await)?;
        Ok(UpdateAttributePayload {
            attribute: attribute.map(Attribute),
            user_errors,
        })
    }

    /// Deletes a custom attribute that nothing has a value for. Scope: CONFIGURE.
    #[boxed]
    async fn delete_attribute(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DeleteAttributeInput,
    ) -> Result<DeleteAttributePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            definition::delete(ctx, actor, id).await
        };
        let (deleted, user_errors) = settle(result.await)?;
        Ok(DeleteAttributePayload {
            deleted_id: deleted.map(ID::from),
            user_errors,
        })
    }

    /// Gives a contact, an account or a conversation values for custom attributes. Scope: WRITE.
    #[boxed]
    async fn set_attributes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SetAttributesInput,
    ) -> Result<SetAttributesPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let (subject, field) = input.on.read()?;
            let settings = settings(Some(input.values), "values")?;
            attribute::set(ctx, actor, subject, &["on", field], settings).await?;
            Ok(subject)
        };
        let (subject, user_errors) = settle(result.await)?;
        let values = match subject {
            Some(subject) => Some(values(context, subject.id).await?),
            None => None,
        };
        Ok(SetAttributesPayload {
            values,
            user_errors,
        })
    }
}
