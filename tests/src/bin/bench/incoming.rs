//! What comes in over HTTP: how soon a message has its tag, and how much of it there may be.

use std::time::Duration;

use anyhow::{Context as _, Result};
use domain::store::Query;

use crate::{
    flows::{self, Client, Flood, RULES},
    process::Program,
    report::{count, quantile, row, say, table},
    run::Run,
};

impl Run {
    pub(super) async fn pick_ups(&self, client: &Client) -> Result<()> {
        let times = self.plan.latencies;
        let stopwatch = self.tags.last().context("the stopwatch's rule")?;
        let [asked, answered] =
            flows::pick_up(client, self.inbox, *stopwatch, times, self.ctx.clock.now()).await?;
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
        let before = flows::message_bodies("before", self.inbox, 5_000, RULES, plan.contacts, now);
        flows::flood(ctx, owner, client, before, "rules").await?;
        self.analyze().await?;
        let mut floods = vec![self.messages(programs, client, RULES).await?];
        let events = flows::email_bodies(plan.events.unwrap_or(60_000), plan.contacts, now);
        floods.push(
            self.flood(programs, client, "email events", events, "email_metrics")
                .await?,
        );
        if plan.rules > RULES {
            // The stopwatch's rule is one of them.
            flows::more_rules(ctx, owner, &self.tags, RULES..plan.rules - 1).await?;
            flows::settle(ctx, owner, None).await?;
            self.analyze().await?;
            floods.push(self.messages(programs, client, plan.rules).await?);
        }
        report(&floods);
        if let [few, .., many] = floods.as_slice()
            && plan.rules > RULES
        {
            compare(few, many);
        }
        let firings = Query::new("SELECT COUNT(*) FROM rule_firing");
        let firings: Option<i64> = firings.scalar(ctx.reader()).await?;
        say(format!(
            "\n{} firings.",
            count(firings.unwrap_or_default() as f64)
        ));
        Ok(())
    }

    /// A flood of messages through so many rules.
    async fn messages(
        &self,
        programs: &[(&str, Program)],
        client: &Client,
        rules: usize,
    ) -> Result<Measured> {
        let (plan, now) = (&self.plan, self.ctx.clock.now());
        let (name, contacts) = (format!("flood-{rules}"), plan.contacts);
        let bodies = flows::message_bodies(&name, self.inbox, plan.messages, rules, contacts, now);
        let what = format!("messages, {} rules", count(rules as f64));
        self.flood(programs, client, &what, bodies, "rules").await
    }

    async fn flood(
        &self,
        programs: &[(&str, Program)],
        client: &Client,
        what: &str,
        bodies: Vec<String>,
        projection: &str,
    ) -> Result<Measured> {
        let used = self.used(programs)?;
        let flood = flows::flood(&self.ctx, &self.owner, client, bodies, projection).await?;
        let each = |(after, before): (u64, u64)| (after - before) as f64 / flood.count as f64;
        let cpu = self.used(programs)?.into_iter().zip(used).map(each);
        Ok(Measured {
            what: what.to_owned(),
            cpu: cpu.collect(),
            flood,
        })
    }
}

/// What came in, and the microseconds of processor time for each, of every program and the database.
struct Measured {
    what: String,
    flood: Flood,
    cpu: Vec<f64>,
}

fn report(floods: &[Measured]) {
    table(
        "Coming in over HTTP, 4 connections, 500 a request",
        &[
            "what",
            "how many",
            "ingested/s",
            "with their own effects/s (target for messages 10,000)",
            "with all effects/s",
            "CPU µs each, of every program and the database",
        ],
    );
    for Measured { what, flood, cpu } in floods {
        let rate = |time: Duration| count(flood.count as f64 / time.as_secs_f64());
        let cpu: Vec<String> = cpu.iter().map(|us| format!("{us:.0}")).collect();
        row(&[
            what.clone(),
            count(flood.count as f64),
            rate(flood.ingested),
            rate(flood.evaluated),
            rate(flood.settled),
            cpu.join(" + "),
        ]);
    }
}

/// What a message costs through many rules, to what it costs through few.
fn compare(few: &Measured, many: &Measured) {
    table(
        "The same messages through many rules",
        &[
            "what",
            "CPU µs each",
            "to that of few (target 1.5)",
            "time to their own effects, to that of few",
        ],
    );
    let sum = |flood: &Measured| flood.cpu.iter().sum::<f64>();
    let seconds = |of: &Measured| of.flood.evaluated.as_secs_f64() / of.flood.count as f64;
    for one in [few, many] {
        row(&[
            one.what.clone(),
            format!("{:.0}", sum(one)),
            format!("{:.2}", sum(one) / sum(few)),
            format!("{:.2}", seconds(one) / seconds(few)),
        ]);
    }
}
