//! Webhooks: what is sent, that the official libraries take the signatures, and changing keys.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use domain::{
    ctx::Ctx,
    error::{
        Error,
        UserErrorCode::{self, Invalid},
    },
    notification::{
        self, key,
        manage::{self, NewTarget, TargetChanges},
        target::webhook::{self, NewKey, SigningKey},
    },
    port::{Clock as _, EgressError, OutgoingRequest, SeededIds, SystemClock},
};
use entity::{
    id::TargetId,
    kind::{DeliveryState, TargetKind},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use reqwest::header::{HeaderMap, HeaderValue};
use ring::signature::{ED25519, UnparsedPublicKey};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use standardwebhooks::Webhook;
use worker::egress::guard::Guard;

use super::{attempts, greeted, mistakes, stored};
use crate::support::{
    World,
    engine::{Receiver, answer, header},
    on_both, script,
};

async fn make(world: &World) -> (TargetId, SecretString) {
    let url = "https://receiver.example/hook";
    let new = NewTarget::at(TargetKind::Webhook, "crm", url);
    let made = manage::create(&world.ctx, &world.owner, new).await;
    let (target, secret) = made.unwrap();
    (target.id, secret.unwrap())
}

#[test]
fn an_address_that_is_never_called_is_refused_when_it_is_saved() {
    on_both(|world| async move {
        let owner = &world.owner;
        let (target, _) = make(&world).await;
        let behind = |guard: Guard| Ctx {
            reach: Arc::new(guard),
            ..world.ctx.clone()
        };
        let closed = behind(Guard::default());
        let open = behind(Guard::new(vec!["127.0.0.0/8".parse().unwrap()]));
        for url in [
            "http://127.0.0.1:9000/hook",
            "http://localhost:9000/hook",
            "https://10.1.2.3/hook",
            "http://[::1]/hook",
        ] {
            for kind in [TargetKind::Webhook, TargetKind::Slack] {
                let new = NewTarget::at(kind, "inside", url);
                let Err(Error::Refused(errors)) = manage::create(&closed, owner, new).await else {
                    panic!("{url} was taken");
                };
                assert_eq!(
                    (errors[0].path.join("."), errors[0].code),
                    ("url".into(), Invalid)
                );
                assert!(errors[0].message.contains("ENISHI_EGRESS_ALLOW"));
            }
        }
        let inside = TargetChanges {
            url: Some("http://localhost:9000/hook".into()),
            ..TargetChanges::default()
        };
        let refused = manage::update(&closed, owner, target, inside.clone()).await;
        assert_eq!(mistakes(refused), [("url".to_owned(), Invalid)]);
        manage::update(&open, owner, target, inside).await.unwrap();
        // What a name stands for is asked when it is called.
        let named = NewTarget::at(TargetKind::Slack, "named", "http://chat.internal/hook");
        manage::create(&closed, owner, named).await.unwrap();
        world
    });
}

/// Whether a plain Ed25519 verification takes one of the `v1a` signatures.
fn verifies_v1a(public_key: &str, signature: &str, signed: &[u8]) -> bool {
    let key = STANDARD.decode(public_key.strip_prefix("whpk_").unwrap());
    let key = UnparsedPublicKey::new(&ED25519, key.unwrap());
    let v1a = signature
        .split(' ')
        .filter_map(|one| one.strip_prefix("v1a,"));
    v1a.filter_map(|one| STANDARD.decode(one).ok())
        .any(|one| key.verify(signed, &one).is_ok())
}

/// Whether the official library would have signed the same, which leaves out its look at the wall
/// clock: the clock of these tests is another.
fn verifies_v1(secret: &SecretString, call: &OutgoingRequest) -> bool {
    let webhook = Webhook::new(secret.expose_secret()).unwrap();
    let at = header(call, "webhook-timestamp").parse().unwrap();
    let expected = webhook.sign(&header(call, "webhook-id"), at, &call.body);
    let expected = expected.unwrap();
    let signature = header(call, "webhook-signature");
    signature.split(' ').any(|one| one == expected)
}

fn signed(call: &OutgoingRequest) -> Vec<u8> {
    let mut signed = format!(
        "{}.{}.",
        header(call, "webhook-id"),
        header(call, "webhook-timestamp")
    )
    .into_bytes();
    signed.extend_from_slice(&call.body);
    signed
}

#[test]
fn a_webhook_is_signed_anew_for_each_attempt_under_one_id() {
    on_both(|world| async move {
        let (target, secret) = make(&world).await;
        let ids = greeted(&world, target, 1).await;
        let receiver = Receiver::answering([answer(302, None, ""), answer(500, None, "broken")]);
        for minutes in [0, 1, 2] {
            world.clock.advance(TimeDelta::minutes(minutes));
            world.deliver(&receiver).await;
            world.hurry().await;
        }
        let calls = receiver.calls();
        assert_eq!(calls.len(), 3);
        let keys = key::load(&world.ctx, world.owner.workspace, &[target]).await;
        let keys = keys.unwrap();
        assert_eq!(keys.len(), 1);
        let mut times = Vec::new();
        for call in &calls {
            assert_eq!(header(call, "webhook-id"), ids[0].to_string());
            assert!(verifies_v1(&secret, call));
            let signature = header(call, "webhook-signature");
            assert!(verifies_v1a(&keys[0].public_key, &signature, &signed(call)));
            assert_eq!(call.body, calls[0].body);
            times.push(header(call, "webhook-timestamp").parse::<i64>().unwrap());
        }
        assert_eq!([times[1] - times[0], times[2] - times[0]], [60, 180]);
        let body: Value = serde_json::from_slice(&calls[0].body).unwrap();
        assert_eq!(body["type"], "rule.fired");
        assert_eq!(body["data"]["title"], "greeting");
        assert_eq!(body["data"]["contact"]["email"], "taro@customer.example");
        assert_eq!(body["data"]["message"]["excerpt"], "hello");
        assert!(calls[0].body.len() < 20_000);

        // The log holds what was sent, and no credential.
        assert_eq!(stored(&world, ids[0]).await.state, DeliveryState::Delivered);
        let attempts = attempts(&world, ids[0]).await;
        let statuses: Vec<_> = attempts.iter().map(|one| one.status).collect();
        assert_eq!(statuses, [Some(302), Some(500), Some(200)]);
        for (attempt, call) in attempts.iter().zip(&calls) {
            assert_eq!(
                attempt.request_body.as_deref().unwrap().as_bytes(),
                call.body
            );
            let headers = attempt.request_headers.clone().unwrap().to_string();
            assert!(headers.contains(&header(call, "webhook-signature")));
            assert!(!headers.contains(secret.expose_secret()) && !headers.contains("receiver"));
        }
        world
    });
}

#[test]
fn of_a_call_that_the_guard_refused_no_request_is_kept() {
    on_both(|world| async move {
        let new = NewTarget::at(TargetKind::Webhook, "crm", "https://receiver.example/hook");
        let target = world.target_of(new).await;
        let ids = greeted(&world, target, 1).await;
        let receiver = Receiver::answering([Err(EgressError::Forbidden)]);
        world.deliver(&receiver).await;
        let attempts = attempts(&world, ids[0]).await;
        assert_eq!(attempts.len(), 1);
        assert_eq!(attempts[0].request_headers, None);
        assert_eq!(attempts[0].request_body, None);
        while stored(&world, ids[0]).await.state == DeliveryState::Pending {
            world.hurry().await;
            world.deliver(&receiver).await;
        }
        world
    });
}

#[test]
fn while_keys_are_changed_old_and_new_verify_and_afterwards_only_the_new() {
    on_both(|world| async move {
        let (target, old) = make(&world).await;
        let (ctx, owner) = (&world.ctx, &world.owner);
        let (_, new) = key::rotate(ctx, owner, target, 24).await.unwrap();
        assert_ne!(old.expose_secret(), new.expose_secret());
        greeted(&world, target, 1).await;
        let receiver = Receiver::answering([answer(500, None, "")]);
        world.deliver(&receiver).await;
        world.hurry().await;
        world.clock.advance(TimeDelta::hours(25));
        world.deliver(&receiver).await;
        let calls = receiver.calls();
        assert!(verifies_v1(&old, &calls[0]) && verifies_v1(&new, &calls[0]));
        assert!(!verifies_v1(&old, &calls[1]) && verifies_v1(&new, &calls[1]));
        let both = header(&calls[0], "webhook-signature");
        assert_eq!(both.split(' ').count(), 4);

        let (_, last) = key::rotate(ctx, owner, target, 0).await.unwrap();
        let keys = key::load(ctx, owner.workspace, &[target]).await.unwrap();
        assert_eq!(keys.len(), 1);
        assert_ne!(last.expose_secret(), new.expose_secret());
        for _ in 0..4 {
            key::rotate(ctx, owner, target, 1).await.unwrap();
        }
        let invalid = [("overlapHours".to_owned(), UserErrorCode::Invalid)];
        let many = [("overlapHours".to_owned(), UserErrorCode::LimitReached)];
        assert_eq!(
            mistakes(key::rotate(ctx, owner, target, 169).await),
            invalid
        );
        assert_eq!(mistakes(key::rotate(ctx, owner, target, 1).await), many);
        let slack = world.target("slack").await;
        let kind = [("id".to_owned(), UserErrorCode::KindMismatch)];
        assert_eq!(mistakes(key::rotate(ctx, owner, slack, 1).await), kind);
        let elsewhere = World::workspace(ctx, "Elsewhere", "else.example").await;
        let absent = [("id".to_owned(), UserErrorCode::NotFound)];
        assert_eq!(
            mistakes(key::rotate(ctx, &elsewhere, target, 1).await),
            absent
        );
        world
    });
}

#[test]
fn a_receiver_that_is_gone_is_switched_off_and_one_that_needs_room_gets_it() {
    on_both(|world| async move {
        let (target, _) = make(&world).await;
        let ids = greeted(&world, target, 1).await;
        let receiver = Receiver::answering([answer(504, None, ""), answer(410, None, "")]);
        world.deliver(&receiver).await;
        let wait = stored(&world, ids[0]).await.next_attempt_at.unwrap() - world.ctx.clock.now();
        assert!(wait >= TimeDelta::seconds(60), "{wait}");
        world.hurry().await;
        world.deliver(&receiver).await;
        let (ctx, owner) = (&world.ctx, &world.owner);
        let off = manage::find(ctx, owner.workspace, target).await.unwrap();
        assert!(off.unwrap().disabled_at.is_some());
        assert_eq!(stored(&world, ids[0]).await.state, DeliveryState::Failed);
        world
    });
}

#[test]
fn everything_that_failed_can_be_sent_again_at_once() {
    on_both(|world| async move {
        let (target, _) = make(&world).await;
        let ids = greeted(&world, target, 3).await;
        let receiver = Receiver::answering([answer(410, None, "")]);
        world.deliver(&receiver).await;
        world.hurry().await;
        world.deliver(&receiver).await;
        for &id in &ids {
            assert_eq!(stored(&world, id).await.state, DeliveryState::Failed);
        }
        let (ctx, owner) = (&world.ctx, &world.owner);
        let off = [("targetId".to_owned(), UserErrorCode::Invalid)];
        assert_eq!(
            mistakes(notification::replay_failed(ctx, owner, target).await),
            off
        );
        let on = manage::TargetChanges {
            enabled: Some(true),
            ..Default::default()
        };
        manage::update(ctx, owner, target, on).await.unwrap();
        let done = notification::replay_failed(ctx, owner, target)
            .await
            .unwrap();
        assert_eq!((done.count, done.has_more), (3, false));
        for _ in 0..3 {
            world.hurry().await;
            world.deliver(&receiver).await;
        }
        let mut sent = receiver.delivery_ids();
        sent.sort();
        sent.dedup();
        assert_eq!(sent.len(), 3);
        for &id in &ids {
            assert_eq!(stored(&world, id).await.state, DeliveryState::Delivered);
        }
        let again = notification::replay_failed(ctx, owner, target)
            .await
            .unwrap();
        assert_eq!(again.count, 0);
        let elsewhere = World::workspace(ctx, "Elsewhere", "else.example").await;
        let absent = mistakes(notification::replay_failed(ctx, &elsewhere, target).await);
        assert_eq!(absent[0].1, UserErrorCode::NotFound);
        world
    });
}

#[test]
fn a_test_goes_out_at_once_whatever_the_budget() {
    on_both(|world| async move {
        let url = "https://receiver.example/hook";
        let new = NewTarget {
            digest_minutes: Some(60),
            hourly_limit: Some(1),
            ..NewTarget::at(TargetKind::Webhook, "crm", url)
        };
        let target = world.target_of(new).await;
        let receiver = Receiver::default();
        let (ctx, owner) = (&world.ctx, &world.owner);
        for _ in 0..3 {
            let test = notification::send_test(ctx, owner, target).await.unwrap();
            world.deliver(&receiver).await;
            assert_eq!(
                stored(&world, test.id).await.state,
                DeliveryState::Delivered
            );
            world.hurry().await;
        }
        let body: Value = serde_json::from_slice(&receiver.calls()[2].body).unwrap();
        assert_eq!(body["type"], "notification.test");
        world
    });
}

/// Random bodies of every kind: empty, long, every plane of Unicode.
fn body(random: &mut StdRng, n: usize) -> String {
    let length = match n % 10 {
        0 => 0,
        1 => random.random_range(1_000..20_000),
        _ => random.random_range(1..200),
    };
    let mut body = String::new();
    while body.chars().count() < length {
        body.push(match random.random_range(0..4) {
            0 => random.random_range(' '..='~'),
            1 => random.random_range('\u{3040}'..='\u{30ff}'),
            2 => random.random_range('\u{1f300}'..='\u{1f5ff}'),
            _ => random.random::<char>(),
        });
    }
    body
}

fn trials() -> usize {
    std::env::var("SIGNATURES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_000)
}

/// As many requests as [`trials`] says, signed with one key, and with two during a change.
fn requests() -> Vec<(Vec<NewKey>, String, i64, String, String)> {
    let mut random = StdRng::seed_from_u64(20);
    (0..trials())
        .map(|n| {
            let count = 1 + usize::from(n % 3 == 0);
            let keys: Vec<NewKey> = (0..count)
                .map(|part| NewKey::generate(&SeededIds::new((n * 2 + part) as u64)))
                .collect();
            let signing: Vec<SigningKey> = keys
                .iter()
                .map(|key| SigningKey::read(&key.secret, &key.seed).unwrap())
                .collect();
            // The library takes what is at most five minutes old.
            let at = SystemClock.now().timestamp() - n as i64 % 100;
            let id = format!("delivery_{n:032x}");
            let body = body(&mut random, n);
            let signature = webhook::signature(&signing, &id, at, body.as_bytes());
            (keys, id, at, body, signature)
        })
        .collect()
}

/// What a receiver's own program does: verify with the official library.
fn official(secret: &SecretString, id: &str, at: &str, signature: &str, body: &[u8]) -> bool {
    let webhook = Webhook::new(secret.expose_secret()).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("webhook-id", id),
        ("webhook-timestamp", at),
        ("webhook-signature", signature),
    ] {
        let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) else {
            return false;
        };
        headers.insert(name, value);
    }
    webhook.verify(body, &headers).is_ok()
}

/// G20. `SIGNATURES=10000 tests/run -p tests notification::webhook` is the long run.
#[test]
fn signatures_verify_with_the_official_library_and_every_mutation_is_refused() {
    let mut random = StdRng::seed_from_u64(21);
    for (keys, id, at, body, signature) in requests() {
        let at = at.to_string();
        for key in &keys {
            assert!(official(&key.secret, &id, &at, &signature, body.as_bytes()));
            let signed = format!("{id}.{at}.{body}");
            assert!(verifies_v1a(&key.public_key, &signature, signed.as_bytes()));

            // One bit of the signed content, the header or the key is another.
            let mut other = signed.clone().into_bytes();
            let bit = random.random_range(0..other.len() * 8);
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!verifies_v1a(&key.public_key, &signature, &other));
            if let Ok(text) = String::from_utf8(other)
                && let Some((other_id, rest)) = text.split_once('.')
                && let Some((other_at, other_body)) = rest.split_once('.')
            {
                let taken = official(
                    &key.secret,
                    other_id,
                    other_at,
                    &signature,
                    other_body.as_bytes(),
                );
                assert!(!taken, "{text:?}");
            }
            let stranger = NewKey::generate(&SeededIds::new(u64::MAX));
            assert!(!official(
                &stranger.secret,
                &id,
                &at,
                &signature,
                body.as_bytes()
            ));
            assert!(!verifies_v1a(
                &stranger.public_key,
                &signature,
                signed.as_bytes()
            ));
        }
        // Each signature by itself, with one bit of it flipped.
        for one in signature.split(' ') {
            let (version, encoded) = one.split_once(',').unwrap();
            let mut bytes = STANDARD.decode(encoded).unwrap();
            let bit = random.random_range(0..bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let forged = format!("{version},{}", STANDARD.encode(bytes));
            for key in &keys {
                assert!(!official(&key.secret, &id, &at, &forged, body.as_bytes()));
                let signed = format!("{id}.{at}.{body}");
                assert!(!verifies_v1a(&key.public_key, &forged, signed.as_bytes()));
            }
        }
    }
}

/// G20, through the npm library.
#[tokio::test]
async fn signatures_verify_with_the_npm_library() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests.jsonl");
    let lines: Vec<String> = requests()
        .into_iter()
        .map(|(keys, id, at, body, signature)| {
            let secrets: Vec<_> = keys.iter().map(|key| key.secret.expose_secret()).collect();
            serde_json::json!({
                "secrets": secrets, "id": id, "timestamp": at, "body": body, "signature": signature,
            })
            .to_string()
        })
        .collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
    let outcome = script::run("verify-webhooks.mjs", &[file.to_str().unwrap()]).await;
    assert!(outcome.ok, "{}", outcome.said);
    let told = &outcome.lines[0];
    assert_eq!(told["requests"], trials());
    assert!(told["verified"].as_u64().unwrap() >= trials() as u64);
    assert_eq!(told["failed"], 0);
    assert_eq!(told["mutationsTaken"], 0);
    assert_eq!(told["mutationsRefused"], told["verified"]);
}
