//! Writing notes.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::{error::UserError, note};

use super::Note;
use crate::boxed;
use crate::graphql::{context::writer, error::settle, id, subject::SubjectInput};

/// A note to be written.
#[derive(InputObject)]
pub(crate) struct AddNoteInput {
    /// What it is about.
    on: SubjectInput,
    /// The text, at most 20,000 characters.
    body: String,
}

/// A note to be rewritten.
#[derive(InputObject)]
pub(crate) struct UpdateNoteInput {
    /// The note's global id.
    id: ID,
    /// The new text, at most 20,000 characters.
    body: String,
}

/// A note to be deleted.
#[derive(InputObject)]
pub(crate) struct DeleteNoteInput {
    /// The note's global id.
    id: ID,
}

/// What became of `addNote`.
#[derive(SimpleObject)]
pub(crate) struct AddNotePayload {
    /// The new note.
    note: Option<Note>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `updateNote`.
#[derive(SimpleObject)]
pub(crate) struct UpdateNotePayload {
    /// The note as it is now.
    note: Option<Note>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `deleteNote`.
#[derive(SimpleObject)]
pub(crate) struct DeleteNotePayload {
    /// The id of what was deleted.
    deleted_id: Option<ID>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct NoteMutation;

#[Object]
impl NoteMutation {
    /// Writes a note about a contact, an account or a conversation. Scope: WRITE.
    #[boxed]
    async fn add_note(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: AddNoteInput,
    ) -> Result<AddNotePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let (subject, field) = input.on.read()?;
            note::add(ctx, actor, subject, &["on", field], &input.body).await
        };
        let (note, user_errors) = settle(result.await)?;
        Ok(AddNotePayload {
            note: note.map(Note),
            user_errors,
        })
    }

    /// Rewrites a note. Scope: WRITE.
    #[boxed]
    async fn update_note(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateNoteInput,
    ) -> Result<UpdateNotePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            note::update(ctx, actor, id, &input.body).await
        };
        let (note, user_errors) = settle(result.await)?;
        Ok(UpdateNotePayload {
            note: note.map(Note),
            user_errors,
        })
    }

    /// Deletes a note; its text is gone. Scope: WRITE.
    #[boxed]
    async fn delete_note(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DeleteNoteInput,
    ) -> Result<DeleteNotePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            note::delete(ctx, actor, id).await
        };
        let (note, user_errors) = settle(result.await)?;
        Ok(DeleteNotePayload {
            deleted_id: note.map(|note| note.id.into()),
            user_errors,
        })
    }
}
