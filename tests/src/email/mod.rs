//! Email events and figures on both databases.
//!
//! - `arrival`: taking events in;
//! - `campaign`: campaigns made and changed by hand;
//! - `figure`: what is counted, and why;
//! - `hook`: what providers tell, over real HTTP;
//! - `origin`: who caused an event, as the API tells it;
//! - `pressure`: too much and too little;
//! - `recount`: the roll-ups beside a recount of everything;
//! - `source`: where providers tell, and Amazon SES, whose certificates have to be fetched;
//! - `untracked`: emails whose opens are not tracked;
//! - `zone`: the roll-ups when the workspace is given another time zone.

mod arrival;
mod campaign;
mod figure;
mod hook;
mod origin;
mod pressure;
mod recount;
mod source;
mod untracked;
mod zone;

use std::collections::BTreeMap;

use chrono::{Days, TimeDelta};
use chrono_tz::Asia::Tokyo;
use domain::{
    email::{self, Figures, NewCampaign, NewEmailEvent, report},
    store::Query,
    work::change::Fact,
};
use entity::{
    Scoped as _, contact as contact_row,
    id::{ContactId, WorkspaceId},
    kind::{EmailEventKind, EmailScope},
};

use crate::support::{World, engine::email_event, world::start};

const BROWSER: &str = "Mozilla/5.0 (Macintosh) Safari/605.1.15";

fn event(id: &str, email: &str, to: &str, kind: EmailEventKind, second: i64) -> NewEmailEvent {
    let at = start() - TimeDelta::days(1) + TimeDelta::seconds(second);
    email_event(id, email, to, kind, at)
}

fn in_campaign(key: &str, name: &str, event: NewEmailEvent) -> NewEmailEvent {
    let campaign = NewCampaign {
        external_id: key.to_owned(),
        name: name.to_owned(),
    };
    NewEmailEvent {
        campaign: Some(campaign),
        ..event
    }
}

async fn ingest(world: &World, events: Vec<NewEmailEvent>) -> email::IngestOutcome {
    email::ingest(&world.ctx, &world.owner, events)
        .await
        .unwrap()
}

/// Everything in the change log, whether or not other tests' transactions still hold it back.
async fn facts(world: &World) -> Vec<Fact> {
    let facts: Vec<serde_json::Value> =
        Query::new("SELECT data FROM change WHERE workspace_id = $1 ORDER BY tx, seq")
            .bind(world.owner.workspace)
            .column(world.ctx.reader())
            .await
            .unwrap();
    facts
        .into_iter()
        .map(|fact| serde_json::from_value(fact).unwrap())
        .collect()
}

async fn workspace_totals(world: &World, workspace: WorkspaceId) -> Figures {
    let day = start().with_timezone(&Tokyo).date_naive();
    let from = day - Days::new(60);
    let (scope, ids) = (EmailScope::Workspace, [workspace.0]);
    let days = report::load_daily(&world.ctx, workspace, scope, &ids, from, day).await;
    let mut total = Figures::default();
    for (_, day) in days.unwrap() {
        total += day.figures;
    }
    total
}

async fn contacts(world: &World) -> BTreeMap<String, ContactId> {
    contact_row::Entity::of(world.owner.workspace)
        .all(world.ctx.reader())
        .await
        .unwrap()
        .into_iter()
        .filter_map(|contact| Some((contact.email?, contact.id)))
        .collect()
}
