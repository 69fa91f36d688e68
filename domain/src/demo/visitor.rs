//! Visitors of the web site, told by the library of a web page: one who said who they are after a look
//! around, and one who did not.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{
    access::Actor,
    ctx::Ctx,
    error::Result,
    track::{self, Sent},
};

/// A page that was looked at: minutes after the first one, its path, and seconds on it.
const PAGES: [(i64, &str, i64); 4] = [
    (0, "/", 35),
    (2, "/pricing", 140),
    (6, "/blog/customer-health", 210),
    (12, "/pricing", 95),
];

/// Lets the library tell.
pub(super) async fn tell(ctx: &Ctx, actor: &Actor, now: DateTime<Utc>) -> Result<()> {
    let (known, unknown) = ("demo-visitor-1", "demo-visitor-2");
    let came = now - TimeDelta::hours(5);
    let mut calls = visit(known, came, "newsletter");
    calls.push(json!({
        "type": "identify", "anonymousId": known, "userId": "demo-signup-1",
        "timestamp": written(came + TimeDelta::minutes(15)),
        "traits": {
            "name": "中島 葵", "email": "nakajima@yukari-books.example", "locale": "ja",
            "company": { "id": "demo-yukari", "name": "ゆかり書房", "domain": "yukari-books.example" },
        },
    }));
    calls.extend(visit(unknown, now - TimeDelta::hours(2), "search"));
    let body = json!({ "batch": calls, "context": { "locale": "ja-JP" } });
    if let Ok(sent) = Sent::batch(body) {
        track::take_in(ctx, actor, sent).await?;
    }
    Ok(())
}

fn visit(visitor: &str, came: DateTime<Utc>, source: &str) -> Vec<Value> {
    let pages = PAGES.iter();
    let calls = pages.map(|(minutes, path, seconds)| {
        json!({
            "type": "page", "anonymousId": visitor,
            "messageId": format!("{visitor}-{minutes}"),
            "timestamp": written(came + TimeDelta::minutes(*minutes)),
            "properties": { "path": path, "dwellSeconds": seconds },
            "context": { "campaign": { "source": source } },
        })
    });
    calls.collect()
}

fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
