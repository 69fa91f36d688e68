//! The model cases, from a rule's making to what a sales channel shows.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    client::{Client, message, text},
    installation::on_each,
    process::until,
    receiver::Receiver,
};

/// How long anything may take on a busy machine.
const SOON: Duration = Duration::from_mins(2);

async fn ingest(client: &Client, inbox: &str, messages: Vec<Value>) -> Value {
    let input = json!({ "inboxId": inbox, "messages": messages });
    client
        .change("ingestMessages", input, "messages { id outcome }")
        .await
}

async fn contact(client: &Client, email: &str, selection: &str) -> Value {
    let query =
        format!("query($email: String!) {{ contactByEmail(email: $email) {{ {selection} }} }}");
    client.must(&query, json!({ "email": email })).await
}

#[test]
fn a_message_about_partnership_gets_its_tag_and_the_firing_says_why() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let inbox = owner.inbox().await;
        let tag = owner
            .tag("CONVERSATION", "パートナーシップの問い合わせ")
            .await;
        let words = ["パートナーシップ", "コラボレーション", "アフィリエイト"];
        let condition = json!({ "keywords": { "mode": "ANY_OF", "words": words } });
        let action = json!({ "tagConversation": { "tagIds": [tag] } });
        let rule = owner.rule("提携", &condition, &action).await;
        // Half-width letters are the same letters.
        let messages = vec![
            message(
                "1",
                "taro@customer.example",
                "ﾊﾟｰﾄﾅｰｼｯﾌﾟについて相談があります",
            ),
            message("2", "hanako@customer.example", "請求書の件です"),
        ];
        ingest(&owner, &inbox, messages).await;

        let selection = "lastMessage { conversation { taggings { tag { name } addedReason \
            addedBy { kind ruleId ruleVersion } } } } \
            ruleFirings { nodes { rule { id } ruleVersion matched { __typename } outcomes { __typename } } }";
        let tagged = until("the tag", SOON, async || {
            let found = contact(&owner, "taro@customer.example", selection).await;
            let taggings = found["lastMessage"]["conversation"]["taggings"]
                .as_array()?
                .len();
            // The fields of one query are read one after the other: the firing may have been looked
            // for before the commit that brought both.
            let firings = found["ruleFirings"]["nodes"].as_array()?.len();
            (taggings > 0 && firings > 0).then_some(found)
        })
        .await;
        let tagging = &tagged["lastMessage"]["conversation"]["taggings"][0];
        assert_eq!(tagging["tag"]["name"], "パートナーシップの問い合わせ");
        assert_eq!(tagging["addedBy"]["kind"], "RULE");
        assert_eq!(tagging["addedBy"]["ruleId"], rule.as_str());
        let firings = tagged["ruleFirings"]["nodes"].as_array().expect("firings");
        assert_eq!(firings.len(), 1);
        assert_eq!(firings[0]["rule"]["id"], rule.as_str());
        assert!(!firings[0]["matched"].as_array().expect("parts").is_empty());

        installation.drain(SOON).await;
        let other = contact(&owner, "hanako@customer.example", selection).await;
        assert_eq!(other["lastMessage"]["conversation"]["taggings"], json!([]));
        assert_eq!(other["ruleFirings"]["nodes"], json!([]));
        installation
    });
}

#[test]
fn a_message_of_a_vip_reaches_slack_again_after_a_failed_attempt() {
    on_each(|installation| async move {
        let slack = Receiver::answering(&[500]).await;
        let owner = installation.owner();
        let inbox = owner.inbox().await;
        let vip = owner.tag("CONTACT", "VIP").await;
        let input = json!({ "name": "#sales", "url": slack.url("services/T/B/s3cr3t") });
        let made = owner
            .change("createNotificationTarget", input, "target { id maskedUrl }")
            .await;
        assert!(!made.to_string().contains("s3cr3t"), "{made}");
        let target = text(&made["target"]["id"]);
        let condition = json!({ "contactTags": { "mode": "ANY", "tagIds": [vip] } });
        let action = json!({ "notify": { "targetId": target } });
        owner.rule("VIP", &condition, &action).await;
        ingest(
            &owner,
            &inbox,
            vec![message("1", "taro@customer.example", "はじめまして")],
        )
        .await;
        installation.drain(SOON).await;
        assert!(slack.calls().is_empty(), "nobody is a VIP yet");

        let taro = text(&contact(&owner, "taro@customer.example", "id").await["id"]);
        let input = json!({ "tagIds": [vip], "contactIds": [taro] });
        owner.change("addTags", input, "added").await;
        ingest(
            &owner,
            &inbox,
            vec![message("2", "taro@customer.example", "至急お願いします")],
        )
        .await;
        let calls = until("two attempts", SOON, async || {
            let calls = slack.calls();
            (calls.len() == 2).then_some(calls)
        })
        .await;
        let wait = calls[1].at - calls[0].at;
        // The published wait is 5 s, give or take a tenth, and a sweep may pass by a little later.
        assert!(wait >= Duration::from_millis(4_400), "{wait:?}");
        assert_eq!(calls[0].delivery(), calls[1].delivery());
        assert!(!calls[0].delivery().is_empty() && !calls[0].key().is_empty());
        assert_eq!(calls[0].key(), calls[1].key());
        assert_eq!(calls[0].path, "/services/T/B/s3cr3t");
        assert!(
            calls[1].body.to_string().contains("至急お願いします"),
            "{}",
            calls[1].body
        );

        installation.drain(SOON).await;
        let log = "{ deliveries { nodes { id state attemptCount rule { name } contact { id } \
            attempts { nodes { number status response } } } } }";
        let log = owner.must(log, json!({})).await;
        let delivery = &log["nodes"][0];
        assert_eq!(log["nodes"].as_array().expect("deliveries").len(), 1);
        assert_eq!(delivery["id"], calls[0].delivery());
        assert_eq!(delivery["state"], "DELIVERED");
        assert_eq!(delivery["contact"]["id"], taro.as_str());
        let attempts = delivery["attempts"]["nodes"].as_array().expect("attempts");
        let statuses: Vec<_> = attempts.iter().map(|one| &one["status"]).collect();
        assert_eq!(statuses, [&json!(500), &json!(200)]);
        installation
    });
}

#[test]
fn email_events_become_figures_and_move_a_health_score_that_explains_itself() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let now = chrono::DateTime::parse_from_rfc3339(&text(
            &owner.must("{ workspace { createdAt } }", json!({})).await["createdAt"],
        ))
        .expect("a time");
        // Whoever opens and clicks in the moment of the arrival is taken for a machine.
        let event = |id: &str, kind: &str, minutes_ago: i64| {
            let at = now - chrono::TimeDelta::minutes(minutes_ago);
            json!({
                "externalId": id, "emailKey": "mail-1", "recipient": "taro@customer.example",
                "kind": kind, "occurredAt": at.to_rfc3339(),
                "campaign": { "externalId": "spring", "name": "Spring" },
            })
        };
        let sent = vec![event("e1", "SENT", 120), event("e2", "DELIVERED", 119)];
        let selection = "created duplicates";
        let first = owner
            .change("ingestEmailEvents", json!({ "events": sent }), selection)
            .await;
        assert_eq!(first["created"], 2);
        let more = vec![
            event("e2", "DELIVERED", 119),
            event("e3", "OPENED", 60),
            event("e4", "CLICKED", 58),
        ];
        let second = owner
            .change("ingestEmailEvents", json!({ "events": more }), selection)
            .await;
        assert_eq!(
            (&second["created"], &second["duplicates"]),
            (&json!(2), &json!(1))
        );

        let figures = "emailMetrics { total { attempted delivered humanOpeners humanClickers } }";
        let wanted = json!({
            "attempted": 1, "delivered": 1, "humanOpeners": 1, "humanClickers": 1,
        });
        until("the figures", SOON, async || {
            let found = contact(&owner, "taro@customer.example", figures).await;
            (found["emailMetrics"]["total"] == wanted).then_some(())
        })
        .await;
        let everywhere = owner
            .must(&format!("{{ workspace {{ {figures} }} }}"), json!({}))
            .await;
        assert_eq!(everywhere["emailMetrics"]["total"], wanted);

        let health = "healthScore health { score band asOf contributions { __typename } }";
        let health = until("a health score", SOON, async || {
            let found = contact(&owner, "taro@customer.example", health).await;
            let explained = found["health"]["contributions"].as_array()?.len();
            // Read one after the other, the two may lie on either side of a recomputation.
            let is_one = found["healthScore"] == found["health"]["score"];
            (explained > 0 && is_one).then_some(found)
        })
        .await;
        assert!(!health["health"]["asOf"].is_null());
        installation
    });
}
