//! The way of a file: uploads in pieces, what expires, and the whole way over HTTP.

use std::time::Duration;

use domain::{
    error::Error,
    import,
    operation::{self, Limits},
    sheet::encoding::encode,
    upload::{self, Appended},
    work::schedule::Schedule as _,
};
use entity::kind::{OperationState, SheetEncoding};
use serde_json::{Value, json};

use super::steps::{LIMITS, count, wanted};
use crate::support::{
    World,
    client::text,
    installation::{Installation, on_each},
    on_both,
    process::until,
};

#[test]
fn an_upload_arrives_in_order_and_goes_when_its_time_has_come() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let made = upload::create(ctx, owner, LIMITS, "a.csv").await.unwrap();
        let add = |offset: i64, bytes: &'static [u8]| {
            upload::append(ctx, owner, LIMITS, made.id, offset, bytes.to_vec())
        };
        assert!(
            matches!(add(0, b"email\n").await.unwrap(), Appended::Stored(row) if row.size == 6)
        );
        assert!(
            matches!(add(0, b"email\n").await.unwrap(), Appended::Misplaced(row) if row.size == 6)
        );
        assert!(matches!(
            add(6, b"a@example.com\n").await.unwrap(),
            Appended::Stored(_)
        ));
        let early = import::start(ctx, owner, wanted(made.id)).await;
        assert!(
            matches!(early, Err(Error::Refused(errors)) if errors[0].message.contains("not complete"))
        );
        upload::complete(ctx, owner, made.id).await.unwrap();
        assert!(matches!(
            add(20, b"x").await.unwrap(),
            Appended::Misplaced(_)
        ));
        // Too large, of somebody else, or without the scope.
        let small = upload::Limits {
            max_bytes: 10,
            ..LIMITS
        };
        let other = upload::create(ctx, owner, small, "b.csv").await.unwrap();
        let large = upload::append(ctx, owner, small, other.id, 0, vec![b'a'; 11]).await;
        assert!(matches!(large, Err(Error::Refused(_))));
        let stranger = World::workspace(ctx, "Other", "other.example").await;
        let foreign = upload::append(ctx, &stranger, LIMITS, made.id, 20, b"x".to_vec()).await;
        assert!(matches!(foreign, Err(Error::Refused(_))));
        assert!(
            upload::find(ctx, stranger.workspace, made.id)
                .await
                .unwrap()
                .is_none()
        );
        let viewer = domain::access::Actor {
            scopes: domain::access::ScopeSet::of_role(entity::kind::Role::Viewer),
            ..owner.clone()
        };
        let refused = upload::create(ctx, &viewer, LIMITS, "c.csv").await;
        assert!(matches!(refused, Err(Error::Forbidden(_))));
        // A file that is being read is not deleted, and what expired goes.
        let asked = import::start(ctx, owner, wanted(made.id)).await.unwrap();
        assert!(matches!(
            upload::delete(ctx, owner, made.id).await,
            Err(Error::Refused(_))
        ));
        for n in 0..120 {
            let small = upload::create(ctx, owner, LIMITS, &format!("{n}.csv")).await;
            let small = small.unwrap().id;
            let bytes = b"email\n".to_vec();
            upload::append(ctx, owner, LIMITS, small, 0, bytes)
                .await
                .unwrap();
        }
        world.clock.advance(chrono::TimeDelta::hours(49));
        let mut progress = json!({});
        while let Some(next) = {
            let mut tx = ctx.begin(owner.workspace).await.unwrap();
            let next = upload::UploadPrune
                .step(ctx, &mut tx, progress.clone())
                .await
                .unwrap();
            tx.commit().await.unwrap();
            next
        } {
            progress = next;
        }
        assert_eq!(count(&world, "upload_chunk").await, 0);
        assert_eq!(count(&world, "upload").await, 0);
        operation::run_due(ctx, domain::operations(), None, Limits::none())
            .await
            .unwrap();
        let failed = operation::find(ctx, owner.workspace, asked.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(failed.state, OperationState::Failed);
        world
    });
}

/// One file, sent in two pieces and taken in over HTTP.
async fn over_http(installation: Installation) -> Installation {
    let owner = installation.owner();
    let base = format!("http://{}/v1", owner.address);
    let post = |path: &str, body: Vec<u8>| {
        let request = owner.http.post(format!("{base}{path}"));
        request.bearer_auth(&owner.token).body(body).send()
    };
    let file = "氏名,メール,タグ\n田中,tanaka@example.com,業種/IT\n佐藤,だめ,\n";
    let file = encode(SheetEncoding::ShiftJis, file).into_owned();
    let made = post(
        "/uploads?name=people.csv&complete=false",
        file[..10].to_vec(),
    )
    .await
    .unwrap();
    assert_eq!(made.status(), 201);
    let place = made.headers()["location"].to_str().unwrap().to_owned();
    let id = place.rsplit('/').next().unwrap().to_owned();
    let url = format!("http://{}{place}", owner.address);
    let patch = |offset: &str, body: Vec<u8>| {
        let request = owner.http.patch(&url).bearer_auth(&owner.token);
        request
            .header("Upload-Offset", offset.to_owned())
            .body(body)
            .send()
    };
    let wrong = patch("3", file[3..].to_vec()).await.unwrap();
    assert_eq!(wrong.status(), 409);
    let answer: Value = serde_json::from_str(&wrong.text().await.unwrap()).unwrap();
    assert_eq!(answer["error"]["size"], 10);
    assert_eq!(answer["error"]["code"], "CONFLICT");
    let head = owner
        .http
        .head(&url)
        .bearer_auth(&owner.token)
        .send()
        .await
        .unwrap();
    assert_eq!(head.headers()["upload-offset"], "10");
    let whole = patch("10", file[10..].to_vec()).await.unwrap();
    assert_eq!(whole.status(), 200);
    // Nobody else gets in.
    for token in ["", "enishi_nobody"] {
        let answer = owner
            .http
            .get(&url)
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 401, "{token}");
    }
    let (viewer, _) = owner.member("VIEWER").await;
    let answer = owner
        .http
        .get(&url)
        .bearer_auth(&viewer.token)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403);
    let preview = "query($id: ID!) { previewImport(uploadId: $id, subject: CONTACTS) \
        { encoding delimiter complete columns { column header field } rows oddLines } }";
    let seen = owner.must(preview, json!({ "id": id })).await;
    assert_eq!(seen["encoding"], "SHIFT_JIS");
    assert_eq!(
        seen["columns"][1],
        json!({ "column": 1, "header": "メール", "field": "EMAIL" })
    );
    assert_eq!(seen["rows"][0][0], "田中");
    let input = json!({ "uploadId": id, "create": ["TAGS"] });
    let asked = owner
        .change("importContacts", input, "operation { id }")
        .await;
    let operation = text(&asked["operation"]["id"]);
    let ended = until("the import to end", Duration::from_mins(1), async || {
        let query =
            "query($id: ID!) { operation(id: $id) { state done failed encoding counts { name value } } }";
        let now = owner.must(query, json!({ "id": operation })).await;
        (now["state"] == "DONE").then_some(now)
    })
    .await;
    assert_eq!((&ended["done"], &ended["failed"]), (&json!(2), &json!(1)));
    assert_eq!(ended["encoding"], "SHIFT_JIS");
    let query = "query($id: ID!) { importLines(operationId: $id, outcome: ERROR, first: 1) \
        { totalCount nodes { line outcome problems { column field code message } } } }";
    let lines = owner.must(query, json!({ "id": operation })).await;
    assert_eq!(lines["totalCount"], 1);
    assert_eq!(lines["nodes"][0]["line"], 3);
    assert_eq!(lines["nodes"][0]["problems"][0]["field"], "EMAIL");
    let report = owner
        .http
        .get(format!("{base}/imports/{operation}/lines.csv"));
    let report = report.bearer_auth(&owner.token).send().await.unwrap();
    assert_eq!(report.status(), 200);
    let report = report.text().await.unwrap();
    assert!(
        report.contains("\"3\",\"ERROR\",\"1\",\"EMAIL\",\"INVALID\""),
        "{report}"
    );
    let missing = owner.http.get(format!("{base}/imports/{id}/lines.csv"));
    let missing = missing.bearer_auth(&owner.token).send().await.unwrap();
    assert_eq!(missing.status(), 404);
    let said: Value = serde_json::from_str(&missing.text().await.unwrap()).unwrap();
    assert_eq!(said["error"]["code"], "NOT_FOUND");
    let long = format!("/uploads?name={}", "n".repeat(300));
    let long = post(&long, Vec::new()).await.unwrap();
    assert_eq!(long.status(), 400);
    let said: Value = serde_json::from_str(&long.text().await.unwrap()).unwrap();
    assert_eq!(said["error"]["code"], "BAD_USER_INPUT");
    assert_eq!(said["error"]["argument"], "name");
    let gone = owner
        .http
        .delete(&url)
        .bearer_auth(&owner.token)
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 204);
    let gone = owner
        .http
        .get(&url)
        .bearer_auth(&owner.token)
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 404);
    installation
}

#[test]
fn a_file_is_sent_and_taken_in_over_http() {
    on_each(over_http);
}
