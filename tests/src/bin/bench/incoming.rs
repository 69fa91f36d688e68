//! What comes in over HTTP: how soon a message has its tag, and how much of it there may be.

use std::time::Duration;

use anyhow::Result;
use domain::store::Query;

use crate::{
    flows::{self, Client},
    process::Program,
    report::{count, quantile, row, say, table},
    run::Run,
};

impl Run {
    pub(super) async fn pick_ups(&self, client: &Client) -> Result<()> {
        let times = self.plan.latencies;
        let [asked, answered] = flows::pick_up(
            client,
            self.inbox,
            self.stopwatch,
            times,
            self.ctx.clock.now(),
        )
        .await?;
        table(
            "From a message to its tag at a subscriber",
            &[
                "from",
                "times",
                "p50 ms (target < 20)",
                "p99 ms",
                "highest ms",
            ],
        );
        for (from, values) in [("the request", asked), ("its answer", answered)] {
            let at = |share| format!("{:.1}", quantile(&values, share));
            row(&[
                from.to_owned(),
                times.to_string(),
                at(0.5),
                at(0.99),
                at(1.0),
            ]);
        }
        flows::settle(&self.ctx, &self.owner, None).await
    }

    pub(super) async fn floods(&self, programs: &[(&str, Program)], client: &Client) -> Result<()> {
        let plan = &self.plan;
        let (ctx, owner) = (&self.ctx, &self.owner);
        let now = ctx.clock.now();
        // A server that has been at work for a while: its tables are not empty, and its plans are
        // made for what is in them.
        let before = flows::message_bodies("before", self.inbox, 5_000, plan.contacts, now);
        flows::flood(ctx, owner, client, before, "rules").await?;
        self.analyze().await?;
        let messages =
            flows::message_bodies("flood", self.inbox, plan.messages, plan.contacts, now);
        let events = flows::email_bodies(plan.events, plan.contacts, now);
        let mut floods = Vec::new();
        for (what, bodies, projection, target) in [
            ("messages, 100 rules", messages, "rules", " (target 10,000)"),
            ("email events", events, "email_metrics", ""),
        ] {
            let used = self.used(programs)?;
            let flood = flows::flood(ctx, owner, client, bodies, projection).await?;
            let each = |(after, before): (u64, u64)| {
                format!("{:.0}", (after - before) as f64 / flood.count as f64)
            };
            let cpu: Vec<String> = self
                .used(programs)?
                .into_iter()
                .zip(used)
                .map(each)
                .collect();
            floods.push((what, flood, target, cpu));
        }
        table(
            "Coming in over HTTP, 4 connections, 500 a request",
            &[
                "what",
                "how many",
                "ingested/s",
                "with their own effects/s",
                "with all effects/s",
                "CPU µs each, of every program and the database",
            ],
        );
        for (what, flood, target, cpu) in floods {
            let rate = |time: Duration| count(flood.count as f64 / time.as_secs_f64());
            row(&[
                what.to_owned(),
                count(flood.count as f64),
                rate(flood.ingested),
                format!("{}{target}", rate(flood.evaluated)),
                rate(flood.settled),
                cpu.join(" + "),
            ]);
        }
        let firings = Query::new("SELECT COUNT(*) FROM rule_firing");
        let firings: Option<i64> = firings.scalar(ctx.reader()).await?;
        say(format!(
            "\n{} firings.",
            count(firings.unwrap_or_default() as f64)
        ));
        Ok(())
    }
}
