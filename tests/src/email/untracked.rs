//! Emails whose opens are not tracked, as events and campaigns say it, are left out of what is made of opens.

use domain::{
    email::{CampaignChanges, NewCampaign, NewEmailEvent, campaign},
    store::Query,
};
use entity::kind::EmailEventKind::{self, Clicked, Delivered, Opened, Sent};
use serde_json::{Value, json};

use super::{BROWSER, event, in_campaign, ingest};
use crate::{
    access::house::Door,
    support::{World, on_both},
};

/// An event of an email of the campaign that tracks no opens.
fn quiet(id: &str, to: &str, kind: EmailEventKind, second: i64) -> NewEmailEvent {
    in_campaign("quiet", "", event(id, "quiet mail", to, kind, second))
}

fn click(event: NewEmailEvent) -> NewEmailEvent {
    NewEmailEvent {
        url: Some("https://x.example/offer".to_owned()),
        user_agent: Some(BROWSER.to_owned()),
        ..event
    }
}

async fn total(world: &World, door: &Door) -> Value {
    world.drain().await;
    let document = "{ workspace { emailMetrics { total { attempted opensUntracked humanOpeners
        humanOpenRate { value denominator } openRate { value } machineOpenShare { value }
        clickToOpenRate { value } clickRate { value denominator } complaintLevel } } } }";
    let found = door.must(&world.owner, document, json!({})).await;
    found["emailMetrics"]["total"].clone()
}

/// The addresses of the contacts whose open rate is at least `rate`.
async fn with_open_rate(world: &World, door: &Door, rate: f64) -> Vec<String> {
    let document = "query($condition: ConditionInput!) {
        contacts(first: 10, filter: { condition: $condition }) { nodes { email } } }";
    let test = json!({ "measure": "OPEN_RATE", "is": { "atLeast": rate } });
    let asked = json!({ "condition": { "email": { "tests": [test] } } });
    let found = door.must(&world.owner, document, asked).await;
    let nodes = found["nodes"].as_array().expect("contacts").iter();
    nodes
        .map(|contact| contact["email"].as_str().expect("an address").to_owned())
        .collect()
}

#[test]
fn emails_whose_opens_are_not_tracked_are_in_no_open_rate() {
    on_both(|world| async move {
        let (door, owner) = (Door::new(&world.ctx), &world.owner);
        let document = "mutation { createCampaign(input: { externalId: \"quiet\", name: \"Quiet\",
            tracksOpens: false }) { campaign { tracksOpens } userErrors { message } } }";
        let made = door.must(owner, document, json!({})).await;
        assert_eq!(made["campaign"]["tracksOpens"], false);

        let (a, b) = ("a@x.example", "b@x.example");
        let told = vec![
            quiet("1", a, Sent, 0),
            quiet("2", a, Delivered, 1),
            click(quiet("3", a, Clicked, 600)),
            quiet("4", b, Sent, 0),
            quiet("5", b, Delivered, 1),
        ];
        ingest(&world, told.clone()).await;
        let unknown = json!({ "value": null });
        let expected = json!({ "attempted": 2, "opensUntracked": 2, "humanOpeners": 1,
            "humanOpenRate": { "value": null, "denominator": 0 }, "openRate": unknown,
            "machineOpenShare": unknown, "clickToOpenRate": unknown,
            "clickRate": { "value": 0.5, "denominator": 2 }, "complaintLevel": null });
        assert_eq!(total(&world, &door).await, expected);
        assert!(with_open_rate(&world, &door, 0.0).await.is_empty());

        // One that is tracked is all that open rates are made of.
        let tracked = |id, kind, second| event(id, "m", b, kind, second);
        ingest(
            &world,
            vec![
                tracked("6", Sent, 0),
                tracked("7", Delivered, 1),
                tracked("8", Opened, 600),
            ],
        )
        .await;
        let found = total(&world, &door).await;
        let rate = json!({ "value": 1.0, "denominator": 1 });
        assert_eq!(
            (&found["humanOpenRate"], &found["opensUntracked"]),
            (&rate, &json!(2))
        );
        assert_eq!(with_open_rate(&world, &door, 1.0).await, [b]);

        // What comes again changes nothing, and what is told late is as if it had been told at once.
        ingest(&world, told).await;
        assert_eq!(total(&world, &door).await, found);
        let late = NewEmailEvent {
            tracks_opens: Some(false),
            ..tracked("9", Sent, 0)
        };
        ingest(&world, vec![late]).await;
        let found = total(&world, &door).await;
        let rate = json!({ "value": null, "denominator": 0 });
        assert_eq!(
            (&found["humanOpenRate"], &found["opensUntracked"]),
            (&rate, &json!(3))
        );
        assert!(with_open_rate(&world, &door, 0.0).await.is_empty());
        world
    });
}

#[test]
fn a_campaign_speaks_for_the_events_that_come_after_and_an_event_for_itself() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = NewCampaign {
            external_id: "quiet".to_owned(),
            name: "Quiet".to_owned(),
        };
        let made = campaign::create(ctx, owner, new, true).await.unwrap();
        let to = "a@x.example";
        ingest(&world, vec![quiet("1", to, Sent, 0)]).await;
        let changes = CampaignChanges {
            tracks_opens: Some(false),
            ..CampaignChanges::default()
        };
        let changed = campaign::update(ctx, owner, made.id, changes)
            .await
            .unwrap();
        assert!(!changed.tracks_opens && changed.name == "Quiet");
        let own = NewEmailEvent {
            tracks_opens: Some(true),
            ..quiet("3", to, Sent, 2)
        };
        // A new name of the campaign leaves it as it is.
        let renamed = in_campaign("quiet", "Very quiet", event("4", "m", to, Sent, 3));
        let alone = event("5", "n", to, Sent, 4);
        ingest(&world, vec![quiet("2", to, Sent, 1), own, renamed, alone]).await;
        let told: Vec<String> = Query::new(
            "SELECT e.external_id FROM email_event e
             WHERE e.workspace_id = $1 AND NOT e.tracks_opens ORDER BY e.external_id",
        )
        .bind(owner.workspace)
        .column(ctx.reader())
        .await
        .unwrap();
        assert_eq!(told, ["2", "4"]);
        world.drain().await;
        world
    });
}
