//! Tokens that are for a time: they work until then, and what is open ends with them.

use std::time::{Duration, Instant};

use chrono::{SecondsFormat, TimeDelta};
use domain::{
    access::{
        Scope,
        token::{self, NewToken},
    },
    error::{Error, UserErrorCode},
    port::{Clock as _, SystemClock},
    store::Query,
};
use reqwest::{StatusCode, header};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::{
    client::{Client, text},
    installation::{Installation, on_each},
    on_both,
    socket::{Heard, Socket},
};

const CHANGES: &str = "subscription($after: String) { changes(after: $after) { cursor } }";
/// How long the token of the test with programs works once everything is open.
const LEFT: Duration = Duration::from_secs(4);
/// How long an open stream may outlive its token on a busy machine.
const FELT: Duration = Duration::from_mins(1);

/// Moves the end of the token with this name. A token that was made for seconds might be over before anything is
/// open.
async fn cut_short(installation: &Installation, name: &str) {
    let database = installation.database();
    let expires_at = SystemClock.now() + TimeDelta::seconds(LEFT.as_secs() as i64);
    let moved = Query::new("UPDATE access_token SET expires_at = $1 WHERE name = $2")
        .bind(expires_at)
        .bind(name)
        .execute(database.owner())
        .await;
    assert_eq!(moved.expect("an update"), 1);
}

#[test]
fn a_token_works_until_its_time_has_come() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let now = ctx.clock.now();
        let until = |expires_at| NewToken {
            member: None,
            name: "For an hour".to_owned(),
            scopes: vec![Scope::Read],
            expires_at: Some(expires_at),
            integration: false,
        };
        for past in [now - TimeDelta::hours(1), now] {
            match token::create(ctx, owner, until(past)).await {
                Err(Error::Refused(errors)) => {
                    assert_eq!(errors[0].path, ["expiresAt"]);
                    assert_eq!(errors[0].code, UserErrorCode::Invalid);
                }
                other => panic!("{other:?}"),
            }
        }
        let new = until(now + TimeDelta::hours(1));
        let (_, secret) = token::create(ctx, owner, new).await.unwrap();
        let hash = token::hash(secret.expose_secret());
        for (minutes, works) in [(0, true), (59, true), (1, false), (60 * 24, false)] {
            world.clock.advance(TimeDelta::minutes(minutes));
            let found = token::authenticate_hash(ctx, hash).await.unwrap();
            assert_eq!(found.is_some(), works, "{minutes} minutes later");
        }
        world
    });
}

#[test]
fn several_tokens_are_looked_up_as_each_alone() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let hour = ctx.clock.now() + TimeDelta::hours(1);
        let mut hashes = vec![token::hash("enishi_nonsense")];
        let mut ids = Vec::new();
        for expires_at in [None, None, Some(hour), Some(hour + TimeDelta::hours(1))] {
            let new = NewToken {
                member: None,
                name: "One of several".to_owned(),
                scopes: vec![Scope::Read],
                expires_at,
                integration: false,
            };
            let (made, secret) = token::create(ctx, owner, new).await.unwrap();
            hashes.push(token::hash(secret.expose_secret()));
            ids.push(made.id);
        }
        token::revoke(ctx, owner, ids[1]).await.unwrap();
        world.clock.advance(TimeDelta::hours(1));
        let found = token::look_up_each(ctx, &hashes).await.unwrap();
        for hash in &hashes {
            let alone = token::look_up(ctx, *hash).await.unwrap();
            let actor = found.get(hash).map(|one| &one.actor);
            assert_eq!(actor, alone.as_ref().map(|one| &one.actor));
        }
        let mut theirs: Vec<_> = found.values().map(|one| one.actor.token).collect();
        theirs.sort();
        let mut good = [ids[0], ids[3]];
        good.sort();
        assert_eq!(theirs, good);
        assert!(token::look_up_each(ctx, &[]).await.unwrap().is_empty());
        world
    });
}

#[test]
fn what_is_open_ends_with_the_token() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let input = json!({ "name": "Somebody" });
        owner.change("createContact", input, "contact { id }").await;
        let expires_at = SystemClock.now() + TimeDelta::hours(1);
        let input = json!({
            "name": "Short", "scopes": ["READ"],
            "expiresAt": expires_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        });
        let made = owner
            .change(
                "createAccessToken",
                input,
                "secret accessToken { expiresAt }",
            )
            .await;
        assert!(made["accessToken"]["expiresAt"].is_string(), "{made}");
        let short = Client {
            token: text(&made["secret"]),
            ..owner.clone()
        };
        let from = json!({ "after": "0.0" });
        let mut socket = Socket::subscribe(&short, CHANGES, &from).await;
        socket.next().await;
        let body = json!({ "query": CHANGES, "variables": from }).to_string();
        let stream = short
            .http
            .post(short.url())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "text/event-stream")
            .bearer_auth(&short.token)
            .body(body)
            .send();
        let stream = stream.await.expect("a stream");
        assert_eq!(stream.status(), StatusCode::OK);

        let began = Instant::now();
        cut_short(&installation, "Short").await;
        let ended = tokio::time::timeout(FELT, stream.text()).await;
        let events = ended.expect("the stream to end").expect("its events");
        assert!(events.contains("cursor"), "{events}");
        let closed = loop {
            match socket.heard().await {
                Heard::Next(_) => {}
                other => break other,
            }
        };
        assert!(matches!(closed, Heard::Closed(Some(4403))), "{closed:?}");
        let took = began.elapsed();
        assert!(took >= LEFT, "{took:?}");
        let (status, refused) = short
            .post(json!({ "query": "{ viewer { role } }" }).to_string())
            .await
            .expect("an answer");
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{refused}");
        let code = &refused["errors"][0]["extensions"]["code"];
        assert_eq!(*code, Value::from("UNAUTHENTICATED"));
        installation
    });
}
