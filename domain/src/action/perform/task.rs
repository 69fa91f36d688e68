//! Making tasks for members and teams.

use chrono::TimeDelta;
use entity::id::{MemberId, TeamId};

use super::{Step, of};
use crate::{
    action::{TaskAssignee, board::Decision},
    error::Result,
    store::Tx,
    task::{self, Assignee, Draft, Made},
};

/// Makes tasks, all of them in a few statements.
pub(super) async fn write_tasks(tx: &mut Tx<'_>, steps: &[Step<'_>]) -> Result<Vec<(usize, Made)>> {
    let now = tx.now;
    let (places, drafts): (_, Vec<Draft<'_>>) = of(steps, |step| {
        let Decision::Task {
            title,
            description,
            priority,
            due_in_minutes,
            assignee,
        } = &step.decision
        else {
            return None;
        };
        let due = due_in_minutes.and_then(TimeDelta::try_minutes);
        Some(Draft {
            title,
            description,
            priority: *priority,
            due_at: due.map(|due| now + due),
            assignee: match assignee {
                TaskAssignee::Nobody => Assignee::Nobody,
                TaskAssignee::Owner => Assignee::Owner,
                TaskAssignee::Member(id) => Assignee::Member(MemberId(*id)),
                TaskAssignee::Team(id) => Assignee::Team(TeamId(*id)),
            },
            contact: step.case.contact,
            account: step.case.account,
            conversation: step.case.conversation,
            origin: step.by.origin,
            cause: step.by.cause,
        })
    });
    let made = task::make(tx, &drafts).await?;
    Ok(places.into_iter().zip(made).collect())
}
