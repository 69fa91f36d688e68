//! Making and changing playbooks, and taking contacts into them and out.

use async_graphql::{
    Context, ID, InputObject, MaybeUndefined, Object, OneofObject, Result, SimpleObject,
};
use domain::{
    error::{Error, UserError, UserErrorCode},
    locale::Locale,
    playbook::{
        self, NewPlaybook, NotEnrolled, PlaybookChange, hand,
        template::{self, Template},
    },
};
use entity::{
    id::{ContactId, PlaybookId},
    kind::PlaybookState,
};

use super::{Enrolment, Playbook, input::PlaybookDefinitionInput};
use crate::boxed;
use crate::graphql::{
    contact::ContactFilterInput,
    context::{loader, writer},
    error::settle,
    given::{emptied, kept},
    id,
    operation::Operation,
};

/// A playbook to be made, or a change of one.
#[derive(InputObject)]
pub(crate) struct SavePlaybookInput {
    /// The playbook to be changed; a new one is made when left out.
    id: Option<ID>,
    /// The name shown, 1 to 100 characters, unlike any other playbook's; needed for a new one.
    name: MaybeUndefined<String>,
    /// What it is for, at most 2,000 characters; `null` for nothing.
    description: MaybeUndefined<String>,
    /// What it is, as a new version; needed for a new playbook. Left out, the versions stay as they are.
    definition: MaybeUndefined<PlaybookDefinitionInput>,
    /// Whether new enrolments take the new version at once; otherwise it is a draft.
    #[graphql(default = true)]
    publish: bool,
}

/// A version to be published.
#[derive(InputObject)]
pub(crate) struct PublishPlaybookVersionInput {
    /// The playbook.
    id: ID,
    /// The version that new enrolments are to take; an older one to go back to it.
    version: i64,
}

/// Whether a playbook is to be at work.
#[derive(InputObject)]
pub(crate) struct SetPlaybookStateInput {
    /// The playbook.
    id: ID,
    /// The state. Paused, timers that run out wait until it is active again. Archived is for good: every
    /// enrolment is ended, which goes on as an operation.
    state: PlaybookState,
}

/// A ready-made playbook to be made.
#[derive(InputObject)]
pub(crate) struct CreatePlaybookFromTemplateInput {
    /// Which.
    template: Template,
    /// The name it gets instead of the template's, 1 to 100 characters.
    name: Option<String>,
    /// In which language its texts are.
    #[graphql(default)]
    locale: Locale,
    /// Whether it is to be at work at once; otherwise it is a draft to be adapted first.
    #[graphql(default)]
    publish: bool,
}

/// A playbook to be made like another.
#[derive(InputObject)]
pub(crate) struct DuplicatePlaybookInput {
    /// The playbook it is made like; it may be archived.
    id: ID,
    /// The version it is made like; left out, the published one, or the newest if none is published.
    version: Option<i64>,
    /// The name it gets, 1 to 100 characters, unlike any other playbook's; left out, that of the other
    /// playbook with "(copy)" behind it.
    name: Option<String>,
    /// The language of what is put behind the name.
    #[graphql(default)]
    locale: Locale,
}

/// Contacts, by id or by a filter. Set exactly one field.
#[derive(OneofObject)]
pub(crate) enum EnrolledContactsInput {
    /// Global ids of contacts, at most 1,000; enrolled at once.
    Ids(Vec<ID>),
    /// Everybody a filter finds; this goes on as an operation.
    Filter(Box<ContactFilterInput>),
}

/// Contacts to be enrolled.
#[derive(InputObject)]
pub(crate) struct EnrolContactsInput {
    /// The playbook; it must be active and have a published version.
    playbook_id: ID,
    /// Who is to be enrolled.
    contacts: EnrolledContactsInput,
}

/// An enrolment to be ended.
#[derive(InputObject)]
pub(crate) struct CancelEnrolmentInput {
    /// The enrolment.
    id: ID,
}

/// An enrolment to be moved on at once.
#[derive(InputObject)]
pub(crate) struct MoveEnrolmentInput {
    /// The enrolment.
    id: ID,
    /// The id of the step it goes to, in the version it is on; the next step when left out.
    step: Option<String>,
}

/// An enrolment that failed and is to be tried again.
#[derive(InputObject)]
pub(crate) struct RetryEnrolmentInput {
    /// The enrolment.
    id: ID,
}

macro_rules! payloads {
    ($($(#[$doc:meta])* $name:ident { $field:ident: $of:ident($row:ty) };)*) => {
        $(
            $(#[$doc])*
            #[derive(SimpleObject)]
            pub(crate) struct $name {
                /// It as it is now.
                $field: Option<$of>,
                /// What to mend in the input; empty when it worked.
                user_errors: Vec<UserError>,
            }

            impl $name {
                fn of(result: domain::error::Result<$row>) -> Result<Self> {
                    let (found, user_errors) = settle(result)?;
                    Ok(Self {
                        $field: found.map($of),
                        user_errors,
                    })
                }
            }
        )*
    };
}

payloads! {
    /// What became of `savePlaybook`.
    SavePlaybookPayload { playbook: Playbook(entity::playbook::Model) };
    /// What became of `publishPlaybookVersion`.
    PublishPlaybookVersionPayload { playbook: Playbook(entity::playbook::Model) };
    /// What became of `setPlaybookState`.
    SetPlaybookStatePayload { playbook: Playbook(entity::playbook::Model) };
    /// What became of `createPlaybookFromTemplate`.
    CreatePlaybookFromTemplatePayload { playbook: Playbook(entity::playbook::Model) };
    /// What became of `duplicatePlaybook`.
    DuplicatePlaybookPayload { playbook: Playbook(entity::playbook::Model) };
    /// What became of `cancelEnrolment`.
    CancelEnrolmentPayload { enrolment: Enrolment(entity::enrolment::Model) };
    /// What became of `moveEnrolment`.
    MoveEnrolmentPayload { enrolment: Enrolment(entity::enrolment::Model) };
    /// What became of `retryEnrolment`.
    RetryEnrolmentPayload { enrolment: Enrolment(entity::enrolment::Model) };
}

/// A contact who was not enrolled, and why.
#[derive(SimpleObject)]
pub(crate) struct NotEnrolledContact {
    /// The contact's global id.
    contact_id: ID,
    /// Why.
    reason: NotEnrolled,
}

/// What became of `enrolContacts`.
#[derive(SimpleObject)]
pub(crate) struct EnrolContactsPayload {
    /// The new enrolments, when ids were given.
    enrolments: Vec<Enrolment>,
    /// The contacts who were not enrolled, when ids were given.
    not_enrolled: Vec<NotEnrolledContact>,
    /// The operation that enrols, when a filter was given; its `counts` are `enrolled`, `already` and
    /// `not_again`.
    operation: Option<Operation>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct PlaybookMutation;

#[Object]
impl PlaybookMutation {
    /// Makes a playbook, or changes one; another definition becomes a new version. Scope: CONFIGURE.
    #[boxed]
    async fn save_playbook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SavePlaybookInput,
    ) -> Result<SavePlaybookPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse_opt::<PlaybookId>(input.id.as_ref(), &["id"])?;
            let definition = kept(input.definition, "definition")?;
            let definition = definition.map(PlaybookDefinitionInput::read);
            let definition = definition.transpose().map_err(Error::Refused)?;
            let name = kept(input.name, "name")?;
            let description = emptied(input.description);
            if let Some(id) = id {
                let change = PlaybookChange {
                    name,
                    description,
                    definition,
                    publish: input.publish,
                };
                return playbook::update(ctx, actor, id, change).await;
            }
            let definition = definition.ok_or_else(|| {
                let message = "Say what the playbook is.";
                Error::refused(&["definition"], UserErrorCode::Required, message)
            })?;
            let new = NewPlaybook {
                name: name.unwrap_or_default(),
                description: description.unwrap_or_default(),
                definition,
                publish: input.publish,
            };
            playbook::create(ctx, actor, new).await
        };
        SavePlaybookPayload::of(result.await)
    }

    /// Lets new enrolments take another version; those under way stay on theirs, unless
    /// `moveEnrolmentsToVersion` takes them there. Scope: CONFIGURE.
    #[boxed]
    async fn publish_playbook_version(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: PublishPlaybookVersionInput,
    ) -> Result<PublishPlaybookVersionPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            playbook::publish(ctx, actor, id, input.version).await
        };
        PublishPlaybookVersionPayload::of(result.await)
    }

    /// Pauses, resumes or archives a playbook. One that names a tag group which was deleted has to be changed before
    /// it is resumed. Scope: CONFIGURE.
    #[boxed]
    async fn set_playbook_state(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SetPlaybookStateInput,
    ) -> Result<SetPlaybookStatePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            playbook::set_state(ctx, actor, id, input.state).await
        };
        SetPlaybookStatePayload::of(result.await)
    }

    /// Makes a playbook like another, with one published version. It is paused and enrols nobody: change it,
    /// then let it run with `setPlaybookState`. Scope: CONFIGURE.
    #[boxed]
    async fn duplicate_playbook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DuplicatePlaybookInput,
    ) -> Result<DuplicatePlaybookPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let (version, name) = (input.version, input.name);
            playbook::duplicate(ctx, actor, id, version, name, input.locale).await
        };
        DuplicatePlaybookPayload::of(result.await)
    }

    /// Makes a playbook from a ready-made one. Scope: CONFIGURE.
    #[boxed]
    async fn create_playbook_from_template(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreatePlaybookFromTemplateInput,
    ) -> Result<CreatePlaybookFromTemplatePayload> {
        let (ctx, actor) = writer(context)?;
        let mut new = NewPlaybook {
            publish: input.publish,
            ..template::playbook(input.template, input.locale)
        };
        new.name = input.name.unwrap_or(new.name);
        let result = playbook::create(ctx, actor, new).await;
        CreatePlaybookFromTemplatePayload::of(result)
    }
}

#[derive(Default)]
pub(crate) struct EnrolmentMutation;

#[Object]
impl EnrolmentMutation {
    /// Enrols contacts in a playbook. Scope: WRITE.
    #[boxed]
    async fn enrol_contacts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: EnrolContactsInput,
    ) -> Result<EnrolContactsPayload> {
        let (ctx, actor) = writer(context)?;
        let mut payload = EnrolContactsPayload {
            enrolments: Vec::new(),
            not_enrolled: Vec::new(),
            operation: None,
            user_errors: Vec::new(),
        };
        let id = id::parse::<PlaybookId>(&input.playbook_id, &["playbookId"]);
        match input.contacts {
            EnrolledContactsInput::Ids(ids) => {
                let result = async {
                    let (id, mut contacts) = (id?, Vec::with_capacity(ids.len()));
                    for (index, text) in ids.iter().enumerate() {
                        let path = ["contacts", "ids", &index.to_string()];
                        contacts.push(id::parse::<ContactId>(text, &path)?);
                    }
                    playbook::enrol_contacts(ctx, actor, id, &contacts).await
                };
                let (enrolled, user_errors) = settle(result.await)?;
                payload.user_errors = user_errors;
                let enrolled = enrolled.unwrap_or_default();
                let not = enrolled.not.into_iter();
                payload.not_enrolled = not
                    .map(|(contact, reason)| NotEnrolledContact {
                        contact_id: contact.into(),
                        reason,
                    })
                    .collect();
                if !enrolled.made.is_empty() {
                    let ids: Vec<_> = enrolled.made.into_values().collect();
                    let found = loader(context)?.load_many(ids).await?;
                    payload.enrolments = found.into_values().map(Enrolment).collect();
                    payload.enrolments.sort_by_key(|one| one.0.id);
                }
            }
            EnrolledContactsInput::Filter(filter) => {
                let result = async {
                    let filter = filter.read(ctx, actor.workspace).await;
                    let filter = filter.map_err(|error| error.below(&["contacts"]))?;
                    playbook::enrol_by_filter(ctx, actor, id?, filter).await
                };
                let (operation, user_errors) = settle(result.await)?;
                payload.operation = operation.map(Operation);
                payload.user_errors = user_errors;
            }
        }
        Ok(payload)
    }

    /// Ends an enrolment that is under way. Scope: WRITE.
    #[boxed]
    async fn cancel_enrolment(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CancelEnrolmentInput,
    ) -> Result<CancelEnrolmentPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            hand::cancel(ctx, actor, id).await
        };
        CancelEnrolmentPayload::of(result.await)
    }

    /// Moves an enrolment on at once, whatever it waits for. Scope: WRITE.
    #[boxed]
    async fn move_enrolment(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: MoveEnrolmentInput,
    ) -> Result<MoveEnrolmentPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            hand::move_on(ctx, actor, id, input.step.as_deref()).await
        };
        MoveEnrolmentPayload::of(result.await)
    }

    /// Lets an enrolment that an error stopped go on from the step it failed at. Scope: WRITE.
    #[boxed]
    async fn retry_enrolment(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RetryEnrolmentInput,
    ) -> Result<RetryEnrolmentPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            hand::retry(ctx, actor, id).await
        };
        RetryEnrolmentPayload::of(result.await)
    }
}
