//! One turn of due items, operations, enrolments, deliveries and mails: within limits, so that other
//! workspaces have theirs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use domain::{
    notification::deliver::{self, Limits, Turn},
    operation,
    port::Work,
    survey::mail,
    work::due,
};
use entity::id::WorkspaceId;
use metrics::{counter, histogram};

use super::Inner;

/// What one turn of deliveries takes on before other workspaces have theirs.
const TURN_ITEMS: usize = 2_000;
const TURN_TIME: Duration = Duration::from_secs(30);

impl Inner {
    /// Does what is due and needs nothing but the database, of one workspace or of all.
    pub(super) async fn do_due(&self, workspace: Option<WorkspaceId>) -> anyhow::Result<()> {
        let goes_on = || !self.stop.is_cancelled();
        let done = due::run_here(&self.ctx, workspace, &goes_on)
            .await
            .context("do due items")?;
        counter!("enishi_due_attempts_total", "kind" => "here", "result" => "done")
            .increment(done as u64);
        Ok(())
    }

    /// Attempts the deliveries of one workspace that are due.
    pub(super) async fn deliver(self: &Arc<Self>, workspace: WorkspaceId) -> anyhow::Result<()> {
        if self.turn(Some(workspace)).await?.is_cut {
            // The end of the queue again, behind other workspaces.
            self.send(workspace, Work::Due);
        }
        Ok(())
    }

    pub(super) async fn deliver_everywhere(self: &Arc<Self>) -> anyhow::Result<()> {
        while self.turn(None).await?.is_cut && !self.stop.is_cancelled() {}
        Ok(())
    }

    /// Has the mails of surveys that are due sent, by a task of its own, unless one is at it: a mail
    /// server that answers slowly must keep neither deliveries nor the other hints waiting. All of
    /// them go to that one server, so one task is enough; what it just missed is found by the sweep.
    pub(super) fn ask(self: &Arc<Self>) {
        self.alone(&self.asking, "sending surveys failed", |inner| async move {
            inner.ask_everywhere().await
        });
    }

    async fn ask_everywhere(self: &Arc<Self>) -> anyhow::Result<()> {
        while self.asking_turn().await?.is_cut && !self.stop.is_cancelled() {}
        Ok(())
    }

    async fn asking_turn(self: &Arc<Self>) -> anyhow::Result<mail::Turn> {
        let goes_on = || !self.stop.is_cancelled();
        let limits = Limits {
            items: TURN_ITEMS,
            time: TURN_TIME,
            goes_on: &goes_on,
        };
        let start = Instant::now();
        let turn = mail::run_due(&self.ctx, &*self.egress, None, limits)
            .await
            .context("send mails of surveys")?;
        if turn.claimed > 0 {
            for (result, count) in [("delivered", turn.sent), ("failed", turn.failed)] {
                counter!("enishi_due_attempts_total", "kind" => "survey", "result" => result)
                    .increment(count as u64);
            }
            histogram!("enishi_due_turn_seconds", "kind" => "survey")
                .record(start.elapsed().as_secs_f64());
        }
        for (&workspace, &wait) in &turn.again {
            self.send_after(wait, workspace, Work::Survey);
        }
        Ok(turn)
    }

    /// Goes on with the operations of one workspace.
    pub(super) async fn operate(&self, workspace: WorkspaceId) -> anyhow::Result<()> {
        if self.operation_turn(Some(workspace)).await?.is_cut {
            self.send(workspace, Work::Operation);
        }
        Ok(())
    }

    pub(super) async fn operate_everywhere(&self) -> anyhow::Result<()> {
        while self.operation_turn(None).await?.is_cut && !self.stop.is_cancelled() {}
        Ok(())
    }

    /// Moves enrolments in playbooks on that are due, of one workspace or of all.
    pub(super) async fn play(
        self: &Arc<Self>,
        workspace: Option<WorkspaceId>,
    ) -> anyhow::Result<()> {
        let goes_on = || !self.stop.is_cancelled();
        let limits = operation::Limits {
            time: TURN_TIME,
            goes_on: &goes_on,
        };
        let start = Instant::now();
        let turn = domain::playbook::run_due(&self.ctx, workspace, limits)
            .await
            .context("move enrolments on")?;
        if turn.enrolments > 0 {
            counter!("enishi_due_attempts_total", "kind" => "enrolment", "result" => "step")
                .increment(turn.enrolments as u64);
            histogram!("enishi_due_turn_seconds", "kind" => "enrolment")
                .record(start.elapsed().as_secs_f64());
        }
        if let Some(workspace) = workspace.filter(|_| turn.is_cut && goes_on()) {
            // The end of the queue again, behind other workspaces; ticks do so by themselves.
            self.send(workspace, Work::Enrolment);
        }
        Ok(())
    }

    async fn operation_turn(
        &self,
        workspace: Option<WorkspaceId>,
    ) -> anyhow::Result<operation::Turn> {
        let goes_on = || !self.stop.is_cancelled();
        let limits = operation::Limits {
            time: TURN_TIME,
            goes_on: &goes_on,
        };
        let start = Instant::now();
        let turn = operation::run_due(&self.ctx, domain::operations(), workspace, limits)
            .await
            .context("go on with operations")?;
        if turn.steps > 0 {
            counter!("enishi_due_attempts_total", "kind" => "operation", "result" => "step")
                .increment(turn.steps as u64);
            histogram!("enishi_due_turn_seconds", "kind" => "operation")
                .record(start.elapsed().as_secs_f64());
        }
        Ok(turn)
    }

    async fn turn(self: &Arc<Self>, workspace: Option<WorkspaceId>) -> anyhow::Result<Turn> {
        let goes_on = || !self.stop.is_cancelled();
        let limits = Limits {
            items: TURN_ITEMS,
            time: TURN_TIME,
            goes_on: &goes_on,
        };
        let start = Instant::now();
        let turn = deliver::run_due(&self.ctx, &*self.egress, workspace, limits)
            .await
            .context("attempt deliveries")?;
        for (result, count) in [
            ("delivered", turn.delivered),
            ("failed", turn.failed),
            ("postponed", turn.postponed),
        ] {
            counter!("enishi_due_attempts_total", "kind" => "delivery", "result" => result)
                .increment(count as u64);
        }
        if turn.claimed > 0 {
            histogram!("enishi_due_turn_seconds", "kind" => "delivery")
                .record(start.elapsed().as_secs_f64());
        }
        for (&workspace, &wait) in &turn.again {
            self.send_after(wait, workspace, Work::Due);
        }
        Ok(turn)
    }
}
