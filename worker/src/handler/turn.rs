//! One turn of due items, operations, enrolments, deliveries and mails: within limits, so that other
//! workspaces have theirs.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use chrono::TimeDelta;
use domain::{
    notification::deliver::{self, Limits},
    operation, playbook,
    port::Work,
    survey::mail,
    work::due,
};
use entity::id::WorkspaceId;
use metrics::{counter, histogram};

use super::Inner;
use crate::watchdog::watch;

/// What one turn of deliveries takes on before other workspaces have theirs.
const TURN_ITEMS: usize = 2_000;
const TURN_TIME: Duration = Duration::from_secs(30);
/// For how long steps of one workspace go on for a hint: it keeps one of the few places there are for
/// hints, while what goes through all workspaces has a task of its own.
const HINT_TIME: Duration = Duration::from_secs(1);

impl Inner {
    /// Does what is due and needs nothing but the database, of one workspace or of all.
    pub(super) async fn do_due(&self, workspace: Option<WorkspaceId>) -> anyhow::Result<()> {
        let goes_on = || self.goes_on();
        let (limits, begun) = (steps(workspace, &goes_on), Instant::now());
        let in_time = || goes_on() && begun.elapsed() < limits.time;
        let turn = due::run_here(&self.ctx, workspace, &in_time)
            .await
            .context("do due items")?;
        count("here", "done", turn.done);
        if let Some(workspace) = workspace.filter(|_| turn.is_cut) {
            // The end of the queue again, behind other workspaces; what is due in all is left to the next sweep.
            self.send(workspace, Work::Due);
        }
        Ok(())
    }

    /// Attempts the deliveries of one workspace that are due.
    pub(super) async fn deliver(self: &Arc<Self>, workspace: WorkspaceId) -> anyhow::Result<()> {
        if self.delivery_turn(Some(workspace)).await? {
            // The end of the queue again, behind other workspaces.
            self.send(workspace, Work::Due);
        }
        Ok(())
    }

    pub(super) async fn deliver_everywhere(self: &Arc<Self>) -> anyhow::Result<()> {
        while self.delivery_turn(None).await? && self.goes_on() {}
        Ok(())
    }

    /// Has the mails of surveys that are due sent, by a task of its own, unless one is at it: a mail
    /// server that answers slowly must keep neither deliveries nor the other hints waiting. All of
    /// them go to that one server, so one task is enough; what it just missed is found by the sweep.
    pub(super) fn ask(self: &Arc<Self>) {
        self.alone(&self.asking, "sending surveys failed", |inner| async move {
            while inner.mail_turn().await? && inner.goes_on() {}
            Ok(())
        });
    }

    /// Goes on with the operations of one workspace.
    pub(super) async fn operate(&self, workspace: WorkspaceId) -> anyhow::Result<()> {
        if self.operation_turn(Some(workspace)).await? {
            self.send(workspace, Work::Operation);
        }
        Ok(())
    }

    pub(super) async fn operate_everywhere(&self) -> anyhow::Result<()> {
        while self.operation_turn(None).await? && self.goes_on() {}
        Ok(())
    }

    /// Moves enrolments in playbooks on that are due, of one workspace or of all.
    pub(super) async fn play(&self, workspace: Option<WorkspaceId>) -> anyhow::Result<()> {
        let is_cut = self.enrolment_turn(workspace).await?;
        if let Some(workspace) = workspace.filter(|_| is_cut && self.goes_on()) {
            // The end of the queue again, behind other workspaces; ticks do so by themselves.
            self.send(workspace, Work::Enrolment);
        }
        Ok(())
    }

    /// Says, as the turns below do, whether it stopped because of its limits.
    async fn delivery_turn(
        self: &Arc<Self>,
        workspace: Option<WorkspaceId>,
    ) -> anyhow::Result<bool> {
        let goes_on = || self.goes_on();
        // Boxed: it is large, and moved from hand to hand.
        let work = deliver::run_due(&self.ctx, &*self.egress, workspace, calls(&goes_on));
        let work = Box::pin(work);
        let turn = timed("delivery", |turn| turn.claimed, work)
            .await
            .context("attempt deliveries")?;
        count("delivery", "delivered", turn.delivered);
        count("delivery", "failed", turn.failed);
        count("delivery", "postponed", turn.postponed);
        self.come_again(&turn.again, Work::Due);
        Ok(turn.is_cut)
    }

    async fn mail_turn(self: &Arc<Self>) -> anyhow::Result<bool> {
        let goes_on = || self.goes_on();
        let work = mail::run_due(&self.ctx, &*self.egress, None, calls(&goes_on));
        let turn = timed("survey", |turn| turn.claimed, work)
            .await
            .context("send mails of surveys")?;
        count("survey", "delivered", turn.sent);
        count("survey", "failed", turn.failed);
        self.come_again(&turn.again, Work::Survey);
        Ok(turn.is_cut)
    }

    async fn operation_turn(&self, workspace: Option<WorkspaceId>) -> anyhow::Result<bool> {
        let goes_on = || self.goes_on();
        let kinds = domain::operations();
        let work = operation::run_due(&self.ctx, kinds, workspace, steps(workspace, &goes_on));
        let turn = timed("operation", |turn| turn.steps, work)
            .await
            .context("go on with operations")?;
        count("operation", "step", turn.steps);
        Ok(turn.is_cut)
    }

    async fn enrolment_turn(&self, workspace: Option<WorkspaceId>) -> anyhow::Result<bool> {
        let goes_on = || self.goes_on();
        let work = playbook::run_due(&self.ctx, workspace, steps(workspace, &goes_on));
        let turn = timed("enrolment", |turn| turn.enrolments, work)
            .await
            .context("move enrolments on")?;
        count("enrolment", "step", turn.enrolments);
        Ok(turn.is_cut)
    }

    /// Has `work` done in each workspace when there will be more of it.
    fn come_again(self: &Arc<Self>, again: &BTreeMap<WorkspaceId, TimeDelta>, work: Work) {
        for (&workspace, &wait) in again {
            self.send_after(wait, workspace, work);
        }
    }
}

/// The limits of a turn that calls others.
fn calls(goes_on: &(dyn Fn() -> bool + Sync)) -> Limits<'_> {
    Limits {
        items: TURN_ITEMS,
        time: TURN_TIME,
        goes_on,
    }
}

/// The limits of a turn of steps, each of which is work for the database alone, in one workspace or in
/// all.
fn steps(
    workspace: Option<WorkspaceId>,
    goes_on: &(dyn Fn() -> bool + Sync),
) -> operation::Limits<'_> {
    let time = workspace.map_or(TURN_TIME, |_| HINT_TIME);
    operation::Limits { time, goes_on }
}

/// Lets a turn take place, and notes how long it took if it found anything to take on.
async fn timed<T>(
    kind: &'static str,
    taken_on: fn(&T) -> usize,
    work: impl Future<Output = domain::error::Result<T>>,
) -> domain::error::Result<T> {
    let start = Instant::now();
    let turn = watch(kind, work).await?;
    if taken_on(&turn) > 0 {
        histogram!("enishi_due_turn_seconds", "kind" => kind).record(start.elapsed().as_secs_f64());
    }
    Ok(turn)
}

fn count(kind: &'static str, result: &'static str, times: usize) {
    counter!("enishi_due_attempts_total", "kind" => kind, "result" => result)
        .increment(times as u64);
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_turn_for_the_hint_of_one_workspace_is_shorter_than_one_for_all() {
        let one = steps(Some(WorkspaceId(Uuid::nil())), &|| true).time;
        assert!(one < steps(None, &|| true).time);
    }
}
