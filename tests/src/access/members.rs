//! Who the members are and who did what, as those see it who only read.

use std::time::Duration;

use chrono::TimeDelta;
use domain::{
    access::{
        Origin, Scope,
        member::{self, MemberChanges, NewMember},
        token::{self, NewToken},
    },
    audit::{self, AuditFilter},
    error::{Error, UserErrorCode},
    page::PageRequest,
    store::Query,
};
use entity::{id::TaggingId, kind::Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::house::{Door, House, clear, member_of};
use crate::support::{World, installation::on_each, on_both, process::until};

#[test]
fn whoever_reads_sees_the_members_and_their_own_name() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let door = Door::new(ctx);
        let viewer = member_of(ctx, owner, Role::Viewer).await;
        let query = "{ members { id name email role removedAt } }";
        let members = door.must(&viewer, query, json!({})).await;
        let members = members.as_array().expect("members");
        assert_eq!(members.len(), 2, "{members:?}");
        let named = |name: &str| members.iter().find(|one| one["name"] == name);
        assert_eq!(named("Owner").expect("the owner")["role"], "OWNER");
        let own = named("Somebody").expect("oneself");
        assert_eq!(own["email"], "viewer@staff.example");
        let query = "{ viewer { member { id name } } }";
        let mut sender = viewer.clone();
        sender.scopes = [Scope::Ingest].into_iter().collect();
        for actor in [&viewer, &sender] {
            let found = door.must(actor, query, json!({})).await;
            assert_eq!(found["member"]["name"], "Somebody", "{found}");
            assert_eq!(found["member"]["id"], viewer.member.to_string());
        }

        let query = "query($id: ID!) { node(id: $id) { ... on Member { name removedAt } } }";
        let id = json!({ "id": viewer.member.to_string() });
        let found = door.must(owner, query, id.clone()).await;
        assert_eq!(found, json!({ "name": "Somebody", "removedAt": null }));
        member::remove(ctx, owner, viewer.member).await.unwrap();
        let found = door.must(owner, query, id).await;
        assert_eq!(found["name"], "Somebody", "who was removed is still named");
        assert!(found["removedAt"].is_string(), "{found}");
        let members = door.must(owner, "{ members { id } }", json!({})).await;
        assert_eq!(members.as_array().map(Vec::len), Some(1), "{members}");
        world
    });
}

/// Says of the tagging that `origin` added it, and asks who that was.
async fn added_by(world: &World, door: &Door, tagging: TaggingId, origin: Origin) -> Value {
    let changed =
        Query::new("UPDATE tagging SET added_by = $1 WHERE workspace_id = $2 AND id = $3")
            .bind(origin.json())
            .bind(world.owner.workspace)
            .bind(tagging)
            .execute(world.ctx.db.writer())
            .await;
    assert_eq!(changed.unwrap(), 1);
    let mut reader = world.owner.clone();
    reader.scopes = [Scope::Read].into_iter().collect();
    let query = "query($id: ID!) { node(id: $id) { ... on Tagging { addedBy { kind name memberId \
        member { name } accessTokenId ruleId ruleVersion rule { id name } playbookId \
        playbookVersion playbook { id name } } } } }";
    let id = json!({ "id": tagging.to_string() });
    door.must(&reader, query, id).await["addedBy"].take()
}

#[test]
fn whoever_did_something_has_a_name() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let door = Door::new(ctx);
        let house = House::furnish(&world, &door, owner, "a").await;
        let tagging: TaggingId = house.ids["tagging"].parse().unwrap();
        let new = NewMember {
            email: "sato@staff.example".to_owned(),
            name: "佐藤".to_owned(),
            role: Role::Agent,
        };
        let sato = member::add(ctx, owner, new).await.unwrap().id;
        member::remove(ctx, owner, sato).await.unwrap();
        let new = NewToken {
            member: None,
            name: "Web shop".to_owned(),
            scopes: vec![Scope::Ingest],
            expires_at: None,
            integration: true,
        };
        let (token, _) = token::create(ctx, owner, new).await.unwrap();

        let by = added_by(&world, &door, tagging, Origin::Member { member_id: sato }).await;
        assert_eq!(by["name"], "佐藤", "{by}");
        assert_eq!(by["member"]["name"], "佐藤", "{by}");
        assert_eq!(by["memberId"], sato.to_string());
        let rule_id = house.ids["rule"].parse().unwrap();
        let origin = Origin::Rule {
            rule_id,
            version: 1,
        };
        let by = added_by(&world, &door, tagging, origin).await;
        assert_eq!(by["name"], "canary-a rule", "{by}");
        assert_eq!(by["rule"]["id"], by["ruleId"]);
        assert_eq!(by["ruleVersion"], 1);
        assert!(by["member"].is_null() && by["playbook"].is_null(), "{by}");
        let playbook_id = house.ids["playbook"].parse().unwrap();
        let version = 1;
        let origin = Origin::Playbook {
            playbook_id,
            version,
        };
        let by = added_by(&world, &door, tagging, origin).await;
        assert_eq!(by["playbook"]["name"], by["name"], "{by}");
        assert_eq!(by["playbook"]["id"], house.ids["playbook"].as_str());
        let token_id = token.id;
        let by = added_by(&world, &door, tagging, Origin::Integration { token_id }).await;
        assert_eq!(by["name"], "Web shop", "{by}");
        assert_eq!(by["accessTokenId"], token_id.to_string());
        let by = added_by(&world, &door, tagging, Origin::Import).await;
        assert_eq!(by["kind"], "IMPORT");
        assert!(by["name"].is_null(), "{by}");

        let query = "{ accessTokens { name member { name } } \
            auditLog(filter: { actions: [\"token.create\"] }, first: 1) \
            { nodes { accessToken { name } origin { name } } } }";
        let answer = door.ask(owner, query, &json!({})).await;
        let tokens = answer["data"]["accessTokens"].as_array();
        let mut tokens = tokens.unwrap_or_else(|| panic!("{answer}")).iter();
        let shop = tokens.find(|token| token["name"] == "Web shop");
        assert_eq!(shop.expect("the token")["member"]["name"], "Owner");
        let entry = &answer["data"]["auditLog"]["nodes"][0];
        assert_eq!(entry["accessToken"]["name"], "First owner", "{answer}");
        assert_eq!(entry["origin"]["name"], "Owner");
        clear(&world).await;
        world
    });
}

#[test]
fn a_refusal_tells_the_role_from_the_token() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let door = Door::new(ctx);
        let viewer = member_of(ctx, owner, Role::Viewer).await;
        let mut sender = owner.clone();
        sender.scopes = [Scope::Ingest].into_iter().collect();
        let create = "mutation($input: CreateContactInput!) { createContact(input: $input) \
            { contact { id } } }";
        for (actor, expected) in [
            (
                &viewer,
                "The role VIEWER does not allow this: it needs the scope WRITE.",
            ),
            (&sender, "The access token lacks the scope WRITE."),
        ] {
            let input = json!({ "input": { "name": "Nobody" } });
            let answer = door.ask(actor, create, &input).await;
            let error = &answer["errors"][0];
            assert_eq!(error["message"], expected, "{answer}");
            assert_eq!(error["extensions"]["code"], "FORBIDDEN");
        }
        let limit = door
            .must(&sender, "{ rateLimit { cost } }", json!({}))
            .await;
        assert_eq!(limit["cost"], 1, "whoever pays may know how much");

        let query = "{ accessTokens { name scopes effectiveScopes } }";
        let tokens = door.must(owner, query, json!({})).await;
        let mut tokens = tokens.as_array().expect("tokens").iter();
        let theirs = tokens.find(|token| token["name"] == "Theirs");
        let theirs = theirs.expect("the viewer's");
        assert_eq!(theirs["scopes"].as_array().map(Vec::len), Some(6));
        assert_eq!(theirs["effectiveScopes"], json!(["READ"]));
        world
    });
}

#[test]
fn what_is_for_administrators_leaves_the_rest_of_a_screen_whole() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let door = Door::new(ctx);
        let agent = member_of(ctx, owner, Role::Agent).await;
        let screen = "{ viewer { role } members { id } accessTokens { id } \
            auditLog { nodes { id } } }";
        let answer = door.ask(&agent, screen, &json!({})).await;
        let data = &answer["data"];
        assert_eq!(data["viewer"]["role"], "AGENT", "{answer}");
        assert_eq!(data["members"].as_array().map(Vec::len), Some(2));
        assert!(data["accessTokens"].is_null() && data["auditLog"].is_null());
        let errors = answer["errors"].as_array().expect("errors");
        let mut paths: Vec<_> = errors
            .iter()
            .filter(|error| error["extensions"]["code"] == "FORBIDDEN")
            .map(|error| error["path"].to_string())
            .collect();
        paths.sort();
        assert_eq!(paths, [r#"["accessTokens"]"#, r#"["auditLog"]"#]);
        let answer = door.ask(owner, screen, &json!({})).await;
        assert!(answer["errors"].is_null(), "{answer}");
        assert!(answer["data"]["accessTokens"].is_array(), "{answer}");
        world
    });
}

fn named(name: &str) -> MemberChanges {
    MemberChanges {
        name: Some(name.to_owned()),
        email: None,
    }
}

fn reached_at(email: &str) -> MemberChanges {
    MemberChanges {
        name: None,
        email: Some(email.to_owned()),
    }
}

#[test]
fn a_member_is_renamed_and_reached_elsewhere_without_losing_anything() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let agent = member_of(ctx, owner, Role::Agent).await;
        let changes = MemberChanges {
            name: Some(" 鈴木 花子 ".to_owned()),
            email: Some("Suzuki@Staff.example".to_owned()),
        };
        let changed = member::update(ctx, owner, Some(agent.member), changes).await;
        let changed = changed.unwrap();
        assert_eq!(changed.name, "鈴木 花子");
        assert_eq!(changed.email, "suzuki@staff.example");
        assert_eq!((changed.id, changed.role), (agent.member, Role::Agent));

        let same = reached_at("suzuki@staff.example");
        let same = member::update(ctx, owner, Some(agent.member), same).await;
        assert!(same.is_ok(), "one's own address is free: {same:?}");
        let nothing = member::update(ctx, owner, Some(agent.member), MemberChanges::default());
        assert_eq!(nothing.await.unwrap(), changed);
        let filter = AuditFilter {
            actions: vec!["member.update".to_owned()],
            ..AuditFilter::default()
        };
        let page = PageRequest::first(10);
        let found = audit::list(ctx, owner, &filter, &page).await.unwrap();
        assert_eq!(found.rows.len(), 1, "what changes nothing is no entry");
        let entry = &found.rows[0].1;
        assert!(
            entry
                .before
                .as_deref()
                .is_some_and(|text| text.contains("Somebody"))
        );
        assert!(
            entry
                .after
                .as_deref()
                .is_some_and(|text| text.contains("suzuki@"))
        );

        for (changes, field, code) in [
            (named("  "), "name", UserErrorCode::Required),
            (reached_at("nowhere"), "email", UserErrorCode::Invalid),
            (
                reached_at("OWNER@example.com"),
                "email",
                UserErrorCode::Taken,
            ),
        ] {
            let refused = member::update(ctx, owner, Some(agent.member), changes).await;
            let Err(Error::Refused(errors)) = refused else {
                panic!("{refused:?}")
            };
            assert_eq!(errors[0].path, [field]);
            assert_eq!(errors[0].code, code);
        }
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let theirs = member::update(ctx, owner, Some(stranger.member), named("Ours")).await;
        assert!(matches!(theirs, Err(Error::Refused(_))), "{theirs:?}");
        world
    });
}

#[test]
fn who_writes_gives_themselves_a_name_and_no_more() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let agent = member_of(ctx, owner, Role::Agent).await;
        let viewer = member_of(ctx, owner, Role::Viewer).await;
        let admin = member_of(ctx, owner, Role::Admin).await;
        for id in [None, Some(agent.member)] {
            let own = member::update(ctx, &agent, id, named("Suzuki")).await;
            assert_eq!(own.unwrap().name, "Suzuki");
        }
        let mut program = agent.clone();
        program.integration = true;
        let elsewhere = reached_at("elsewhere@staff.example");
        for (actor, id, changes) in [
            (&agent, None, elsewhere.clone()),
            (&agent, Some(viewer.member), named("Other")),
            (&program, None, named("Robot")),
            (&viewer, None, named("Me")),
        ] {
            let refused = member::update(ctx, actor, id, changes).await;
            assert!(
                matches!(refused, Err(Error::RoleForbids { .. })),
                "{refused:?}"
            );
        }
        let own = member::update(ctx, &admin, None, elsewhere).await;
        assert_eq!(own.unwrap().email, "elsewhere@staff.example");
        let boss = member::update(ctx, &admin, Some(owner.member), named("Boss")).await;
        assert!(matches!(boss, Err(Error::OwnersOnly)), "{boss:?}");
        world
    });
}

#[test]
fn the_use_of_a_token_is_noted_every_few_minutes() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = NewToken {
            member: None,
            name: "Used".to_owned(),
            scopes: vec![Scope::Read],
            expires_at: None,
            integration: false,
        };
        let (made, secret) = token::create(ctx, owner, new).await.unwrap();
        assert_eq!(made.last_used_at, None);
        let hash = token::hash(secret.expose_secret());
        let last_use = async || {
            let tokens = token::list(ctx, owner.workspace).await.unwrap();
            let used = tokens.into_iter().find(|token| token.id == made.id);
            used.expect("the token").last_used_at
        };
        let mut noted = None;
        for (minutes, is_due) in [(0, true), (0, false), (4, false), (1, true), (60, true)] {
            world.clock.advance(TimeDelta::minutes(minutes));
            let now = ctx.clock.now();
            let found = token::look_up(ctx, hash).await.unwrap().expect("a token");
            assert_eq!(found.is_use_due(now), is_due, "{minutes} minutes later");
            // Whoever notes it all the same, as another process may, writes no more often.
            token::note_use(ctx, &found.actor).await.unwrap();
            if is_due {
                noted = Some(now);
            }
            assert_eq!(last_use().await, noted, "{minutes} minutes later");
        }
        let tokens = token::list(ctx, owner.workspace).await.unwrap();
        let mut others = tokens.iter().filter(|token| token.id != made.id);
        assert!(others.all(|token| token.last_used_at.is_none()));
        world
    });
}

#[test]
fn a_token_that_is_used_says_so() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let limit = Duration::from_mins(1);
        until("the use to be noted", limit, async || {
            let query = "{ accessTokens { lastUsedAt } }";
            let tokens = owner.must(query, json!({})).await;
            tokens[0]["lastUsedAt"].is_string().then_some(())
        })
        .await;
        installation
    });
}
