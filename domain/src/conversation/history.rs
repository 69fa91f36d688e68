//! What became of conversations: who closed, opened or assigned them or made them more urgent, and when.
//!
//! Entered by everything that changes a conversation, in the transaction of the change and beside its
//! fact: the log is forgotten after a while, and the history is not. Read by members.

use entity::{
    conversation_step,
    id::{ConversationId, ConversationStepId, WorkspaceId},
    kind::{ConversationStepKind, Priority},
};

use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    page::{Keyset, Page, PageRequest},
    store::{Query, Rows, Tx, rows_by_id},
    work::change::Fact,
};

/// Enters what `facts` say became of conversations, in their order, and who made it so.
pub(super) async fn enter(tx: &Tx<'_>, facts: &[(Origin, Fact)]) -> Result<()> {
    let mut steps: Vec<conversation_step::Model> = facts
        .iter()
        .filter_map(|(origin, fact)| step(tx, *origin, fact))
        .collect();
    if steps.is_empty() {
        return Ok(());
    }
    // The history is in the order of the ids, and those of one moment are in none.
    let mut ids: Vec<ConversationStepId> = steps.iter().map(|one| one.id).collect();
    ids.sort_unstable();
    for (step, id) in steps.iter_mut().zip(ids) {
        step.id = id;
    }
    let each = || steps.iter();
    let rows = Rows::new()
        .ids("id", each().map(|one| one.id))
        .ids("conversation_id", each().map(|one| one.conversation_id))
        .texts("kind", each().map(|one| one.kind.word()))
        .opt_texts(
            "from_status",
            each().map(|one| one.from_status.map(|status| status.word().to_owned())),
        )
        .opt_texts(
            "to_status",
            each().map(|one| one.to_status.map(|status| status.word().to_owned())),
        )
        .opt_ids("from_assignee_id", each().map(|one| one.from_assignee_id))
        .opt_ids("to_assignee_id", each().map(|one| one.to_assignee_id))
        .opt_ints(
            "from_priority",
            each().map(|one| one.from_priority.map(Priority::rank)),
        )
        .opt_ints(
            "to_priority",
            each().map(|one| one.to_priority.map(Priority::rank)),
        )
        .json("by_origin", each().map(|one| one.by_origin.clone()));
    Query::new(
        "INSERT INTO conversation_step (workspace_id, id, conversation_id, kind, from_status,
             to_status, from_assignee_id, to_assignee_id, from_priority, to_priority, at, by_origin)
         SELECT $1, r.id, r.conversation_id, r.kind, r.from_status, r.to_status,
                r.from_assignee_id, r.to_assignee_id, r.from_priority, r.to_priority, $2,
                r.by_origin
         FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

fn step(tx: &Tx<'_>, origin: Origin, fact: &Fact) -> Option<conversation_step::Model> {
    let begun = |conversation_id: ConversationId, kind| conversation_step::Model {
        workspace_id: tx.workspace,
        id: tx.id::<ConversationStepId>(),
        conversation_id,
        kind,
        from_status: None,
        to_status: None,
        from_assignee_id: None,
        to_assignee_id: None,
        from_priority: None,
        to_priority: None,
        at: tx.now,
        by_origin: origin.json(),
    };
    match fact {
        Fact::ConversationStatusChanged {
            conversation_id,
            from,
            to,
        } => Some(conversation_step::Model {
            from_status: *from,
            to_status: *to,
            ..begun(*conversation_id, ConversationStepKind::Status)
        }),
        Fact::ConversationAssigned {
            conversation_id,
            from,
            to,
        } => Some(conversation_step::Model {
            from_assignee_id: *from,
            to_assignee_id: *to,
            ..begun(*conversation_id, ConversationStepKind::Assignee)
        }),
        Fact::ConversationPriorityChanged {
            conversation_id,
            from,
            to,
        } => Some(conversation_step::Model {
            from_priority: Some(*from),
            to_priority: Some(*to),
            ..begun(*conversation_id, ConversationStepKind::Priority)
        }),
        _ => None,
    }
}

/// A page of what became of a conversation, newest first.
pub async fn history(
    ctx: &Ctx,
    workspace: WorkspaceId,
    conversation: ConversationId,
    page: &PageRequest,
) -> Result<Page<(String, conversation_step::Model)>> {
    let keyset = Keyset {
        order: "step",
        key: None,
        id: "s.id",
        descending: true,
    };
    let query = Query::new(
        "SELECT s.* FROM conversation_step s WHERE s.workspace_id = $1 AND s.conversation_id = $2",
    )
    .bind(workspace)
    .bind(conversation);
    keyset
        .list_by_id(ctx, query, page, |row: &conversation_step::Model| row.id)
        .await
}

/// The steps among `ids`, in no particular order; for loaders.
pub async fn load_steps(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[ConversationStepId],
) -> Result<Vec<conversation_step::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}
