//! The audit log on both databases: that it is complete, and that tampering shows (G29).

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use domain::{
    access::{
        Scope,
        member::{self, NewMember},
        token::{self, NewToken},
    },
    audit::{self, AuditFilter, Broken, Check, Fault, Head, Record, Who},
    contact::{self, ContactChanges, NewContact},
    notification::manage::{self, NewTarget, TargetChanges},
    page::PageRequest,
    store::Query,
};
use entity::{
    audit_entry::Model,
    id::{ContactId, WorkspaceId},
    kind::{Role, TargetKind},
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::support::{World, installation::on_each, on_both};

async fn log(world: &World) -> Vec<Model> {
    Query::new("SELECT * FROM audit_entry WHERE workspace_id = $1 ORDER BY number, id")
        .bind(world.owner.workspace)
        .all(world.ctx.reader())
        .await
        .unwrap()
}

async fn note(world: &World, n: u64) {
    let mut tx = world.ctx.begin(world.owner.workspace).await.unwrap();
    let after = json!({ "n": n });
    tx.audit(
        &world.owner,
        Record::made("test.note", format!("note_{n}"), after),
    );
    tx.commit().await.unwrap();
}

async fn person(world: &World, name: &str) -> ContactId {
    let new = NewContact {
        name: name.to_owned(),
        email: Some(format!("{name}@customer.example")),
        ..NewContact::default()
    };
    contact::create(&world.ctx, &world.owner, new)
        .await
        .unwrap()
        .id
}

async fn erase(world: &World, contact: ContactId) -> u64 {
    let mut tx = world.ctx.begin(world.owner.workspace).await.unwrap();
    let erased = audit::erase(&mut tx, Who::from(&world.owner), &[contact], true).await;
    tx.commit().await.unwrap();
    erased.unwrap()
}

async fn verify(world: &World, kept: Option<Head>) -> Result<Head, Broken> {
    let verdict = audit::verify(&world.ctx, world.owner.workspace, kept).await;
    verdict.unwrap().chain
}

#[test]
fn an_entry_says_who_did_what_and_what_was_before_and_after() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let id = person(&world, "taro").await;
        let changes = ContactChanges {
            name: Some("山田 太郎".to_owned()),
            ..ContactChanges::default()
        };
        contact::update(ctx, owner, id, changes).await.unwrap();
        let again = ContactChanges {
            name: Some("山田 太郎".to_owned()),
            ..ContactChanges::default()
        };
        contact::update(ctx, owner, id, again).await.unwrap();
        let filter = AuditFilter {
            subject: Some(id.to_string()),
            ..AuditFilter::default()
        };
        let page = PageRequest::first(10);
        let found = audit::list(ctx, owner, &filter, &page).await.unwrap();
        assert_eq!(found.rows.len(), 2, "what changes nothing is no entry");
        let entry = &found.rows[0].1;
        assert_eq!(entry.action, "contact.update");
        assert_eq!(entry.contact_id, Some(id));
        assert_eq!(entry.token_id, Some(owner.token));
        assert_eq!(entry.actor, owner.origin().json().to_string());
        assert_eq!(entry.before.as_deref(), Some(r#"{"name":"taro"}"#));
        assert_eq!(entry.after.as_deref(), Some(r#"{"name":"山田 太郎"}"#));
        assert_eq!(found.rows[1].1.action, "contact.create");

        let agent = crate::access::house::member_of(ctx, owner, Role::Agent).await;
        let refused = audit::list(ctx, &agent, &filter, &page).await;
        assert!(refused.is_err(), "for ADMINISTER only");
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let theirs = audit::list(ctx, &stranger, &filter, &page).await.unwrap();
        assert!(theirs.rows.is_empty());
        world
    });
}

#[test]
fn secrets_never_get_into_the_log() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let url = "https://hooks.slack.com/services/T1/B1/canary-one";
        let new = NewTarget::at(TargetKind::Slack, "Sales", url);
        let (target, _) = manage::create(ctx, owner, new).await.unwrap();
        let changes = TargetChanges {
            url: Some("https://hooks.slack.com/services/T1/B1/canary-two".into()),
            ..TargetChanges::default()
        };
        manage::update(ctx, owner, target.id, changes)
            .await
            .unwrap();
        let new = NewToken {
            member: None,
            name: "Token".to_owned(),
            scopes: vec![Scope::Read],
            expires_at: None,
            integration: false,
        };
        let (made, secret) = token::create(ctx, owner, new).await.unwrap();
        token::revoke(ctx, owner, made.id).await.unwrap();
        let entries = log(&world).await;
        assert_eq!(entries.len(), 4);
        let hash = audit::digits(&token::hash(secret.expose_secret()));
        for entry in entries {
            let text = format!("{entry:?}");
            for canary in [
                "canary",
                "hooks.slack.com",
                secret.expose_secret(),
                &hash,
                &hash[..8],
            ] {
                assert!(!text.contains(canary), "{canary} in {text}");
            }
        }
        world
    });
}

#[test]
fn writers_and_sealers_at_once_do_not_fork_the_chain() {
    on_both(|world| async move {
        let world = std::sync::Arc::new(world);
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let sealers: Vec<_> = (0..3)
            .map(|_| {
                let (world, stop) = (world.clone(), stop.clone());
                tokio::spawn(async move {
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        let workspace = world.owner.workspace;
                        let run =
                            domain::work::projection::run(&world.ctx, &audit::Seal, workspace);
                        run.await.unwrap();
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let world = world.clone();
                tokio::spawn(async move {
                    for n in 0..12 {
                        note(&world, writer * 100 + n).await;
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        for sealer in sealers {
            sealer.await.unwrap();
        }
        world.drain().await;
        let head = verify(&world, None).await.unwrap();
        assert_eq!(head.number, 8 * 12);
        let numbers: Vec<_> = log(&world).await.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, (1..=96).map(Some).collect::<Vec<_>>());
        std::sync::Arc::into_inner(world).unwrap()
    });
}

#[test]
fn the_database_refuses_to_change_what_is_sealed_and_erasure_leaves_the_chain_whole() {
    on_both(|world| async move {
        let canary = person(&world, "canary").await;
        // Sealed before the others are made: entries of one moment have no order of their own.
        world.drain().await;
        for n in 0..5 {
            note(&world, n).await;
        }
        world.drain().await;
        let writer = world.ctx.db.writer();
        for statement in [
            "UPDATE audit_entry SET subject = 'x' WHERE number = 2",
            "UPDATE audit_entry SET before = NULL, after = NULL, salt = NULL WHERE number = 2",
            "UPDATE audit_entry SET number = 99 WHERE number = 2",
            "UPDATE audit_entry SET number = NULL, hash = NULL WHERE number = 2",
            "UPDATE audit_entry SET after = '{}' WHERE number = 1",
            "DELETE FROM audit_entry WHERE number = 6",
            "DELETE FROM audit_entry",
        ] {
            let refused = writer.execute_unprepared(statement).await;
            assert!(refused.is_err(), "{statement}");
        }
        assert_eq!(verify(&world, None).await.unwrap().number, 6);
        assert_eq!(erase(&world, canary).await, 1);
        let text = format!("{:?}", log(&world).await);
        assert!(!text.contains("canary"), "{text}");
        // Good before the erasure's own entry is sealed, and afterwards.
        verify(&world, None).await.unwrap();
        world.drain().await;
        assert_eq!(verify(&world, None).await.unwrap().number, 7);
        note(&world, 6).await;
        world.drain().await;

        // Somebody who owns the database can take the guard away; then the chain tells.
        let head = audit::head(&world.ctx, world.owner.workspace)
            .await
            .unwrap();
        let drop: &[&str] = if writer.get_database_backend() == DatabaseBackend::Postgres {
            &["ALTER TABLE audit_entry DISABLE TRIGGER USER"]
        } else {
            &[
                "DROP TRIGGER audit_entry_no_change",
                "DROP TRIGGER audit_entry_no_delete",
            ]
        };
        for statement in drop {
            let owner = world.ctx.db.owner();
            owner.execute_unprepared(statement).await.unwrap();
        }
        // From the end to the beginning: what is found is the first of all faults so far.
        for (statement, number, fault) in [
            ("DELETE FROM audit_entry WHERE number = 8", 8, Fault::CutOff),
            (
                "UPDATE audit_entry SET after = '{\"n\":9}' WHERE number = 5",
                5,
                Fault::ContentChanged,
            ),
            (
                "UPDATE audit_entry SET actor = '{}' WHERE number = 4",
                4,
                Fault::Changed,
            ),
            (
                "UPDATE audit_entry SET after = NULL, salt = NULL, erased_at = at WHERE number = 3",
                3,
                Fault::ContentMissing,
            ),
            (
                "DELETE FROM audit_entry WHERE number = 2",
                2,
                Fault::Missing,
            ),
            // The erasure's own entry: nothing explains any more why the first says nothing.
            (
                "DELETE FROM audit_entry WHERE number = 7",
                1,
                Fault::ContentMissing,
            ),
        ] {
            writer.execute_unprepared(statement).await.unwrap();
            let broken = verify(&world, Some(head)).await.unwrap_err();
            assert_eq!(broken, Broken { number, fault }, "{statement}");
        }
        world
    });
}

/// Chance that is the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }
}

fn check(workspace: WorkspaceId, kept: Head, copy: &[Model]) -> Result<Head, Broken> {
    let erased: BTreeSet<ContactId> = copy
        .iter()
        .filter(|entry| entry.action == audit::ERASED)
        .filter_map(|entry| entry.contact_id)
        .collect();
    let mut check = Check::new(workspace, Some(kept), erased);
    copy.iter().try_for_each(|entry| check.take(entry))?;
    check.end()
}

/// Changes one column of one entry, as somebody would who wants it to say something else.
fn edit(dice: &mut Dice, entry: &mut Model) -> &'static str {
    match dice.roll(13) {
        0 => {
            entry.at += TimeDelta::microseconds(1);
            "at"
        }
        1 => {
            entry.actor = entry.actor.replace("MEMBER", "SYSTEM");
            "actor"
        }
        2 => {
            entry.token_id = None;
            "token"
        }
        3 => {
            entry.request_id = Some("x".to_owned());
            "request"
        }
        4 => {
            entry.action.push('x');
            "action"
        }
        5 => {
            entry.subject.pop();
            "subject"
        }
        6 => {
            entry.contact_id = match entry.contact_id {
                Some(_) => None,
                None => Some(ContactId(entry.id.0)),
            };
            "contact"
        }
        7 => {
            entry.before = Some("{}".to_owned());
            "before"
        }
        8 => {
            entry.after = entry.after.is_none().then(|| "{}".to_owned());
            "after"
        }
        9 => {
            let digest = audit::digest(&[0; 16], None, Some("{}"));
            entry.salt = Some(vec![0; 16]);
            (entry.before, entry.after) = (None, Some("{}".to_owned()));
            entry.digest = digest.to_vec();
            "everything it says, digest included"
        }
        10 => {
            entry.hash = entry
                .hash
                .as_ref()
                .map(|hash| hash.iter().map(|b| !b).collect());
            "hash"
        }
        11 => {
            entry.number = entry.number.map(|number| number + 1);
            "number"
        }
        _ => {
            let unerased = entry.erased_at.is_none();
            entry.erased_at = unerased.then_some(entry.at);
            "erased"
        }
    }
}

fn tamper(dice: &mut Dice, workspace: WorkspaceId, copy: &mut Vec<Model>) -> String {
    let place = dice.roll(copy.len());
    let other = (place + 1 + dice.roll(copy.len() - 1)) % copy.len();
    match dice.roll(7) {
        0 | 1 => format!("edit {} of {place}", edit(dice, &mut copy[place])),
        2 => {
            copy.remove(place);
            format!("delete {place}")
        }
        3 => {
            copy.swap(place, other);
            format!("swap the rows {place} and {other}")
        }
        4 => {
            // With the numbers put right.
            copy.swap(place, other);
            let number = copy[place].number;
            copy[place].number = copy[other].number;
            copy[other].number = number;
            format!("reorder {place} and {other}")
        }
        5 => {
            let keep = dice.roll(copy.len());
            copy.truncate(keep);
            format!("cut off after {keep}")
        }
        _ => {
            // An edit, and the whole chain from there on made anew: only the head tells.
            copy[place].subject.push('x');
            let mut previous = match place {
                0 => audit::beginning(workspace),
                _ => copy[place - 1].hash.clone().unwrap().try_into().unwrap(),
            };
            for entry in &mut copy[place..] {
                previous = audit::link(&previous, entry.number.unwrap(), entry);
                entry.hash = Some(previous.to_vec());
            }
            format!("edit {place} and make the chain anew")
        }
    }
}

#[test]
fn a_thousand_random_edits_deletions_reorderings_and_cuts_are_all_detected() {
    on_both(|world| async move {
        let taro = person(&world, "taro").await;
        person(&world, "hanako").await;
        let new = NewMember {
            email: "new@staff.example".to_owned(),
            name: "New".to_owned(),
            role: Role::Agent,
        };
        let added = member::add(&world.ctx, &world.owner, new).await.unwrap();
        for n in 0..40 {
            note(&world, n).await;
        }
        member::remove(&world.ctx, &world.owner, added.id)
            .await
            .unwrap();
        erase(&world, taro).await;
        note(&world, 40).await;
        world.drain().await;
        let workspace = world.owner.workspace;
        let whole = log(&world).await;
        let kept = audit::head(&world.ctx, workspace).await.unwrap();
        assert_eq!(check(workspace, kept, &whole), Ok(kept));
        assert_eq!(kept.number, whole.len() as i64);
        let mut dice = Dice(29);
        let mut trials = 0;
        while trials < 1_000 {
            let mut copy = whole.clone();
            let what = tamper(&mut dice, workspace, &mut copy);
            if copy == whole {
                continue; // an edit that leaves the column as it was
            }
            trials += 1;
            let found = check(workspace, kept, &copy);
            assert!(found.is_err(), "trial {trials}: {what} was not detected");
        }
        world
    });
}

#[test]
fn all_workspaces_are_verified_by_one_command() {
    on_each(|mut installation| async move {
        installation.workspace("Elsewhere").await;
        let (ended, said) = installation.command(&["audit", "verify"]).await;
        assert!(ended.success(), "{said}");
        assert!(said.contains("(Elsewhere)"), "{said}");
        let good = said.lines().filter(|line| line.starts_with("good: "));
        assert_eq!(good.count(), 2, "{said}");
        installation
    });
}

#[test]
fn a_backlog_is_sealed_without_comparing_everything_with_everything() {
    const BACKLOG: usize = 20_000;
    on_both(|world| async move {
        let db = &world.ctx.db;
        let owner = db.owner();
        note(&world, 1).await;
        world.drain().await;
        let mut id = "randomblob(16)";
        if db.backend() == DatabaseBackend::Postgres {
            id = "gen_random_uuid()";
            // Whoever looks now finds every entry sealed.
            for statement in [
                "ALTER TABLE audit_entry SET (autovacuum_enabled = off)",
                "ANALYZE audit_entry",
            ] {
                owner.execute_unprepared(statement).await.unwrap();
            }
        }
        let columns = "at, actor, token_id, request_id, action, subject, contact_id, before, after,
            salt, digest, erased_at";
        let fill = format!(
            "WITH RECURSIVE copies(n) AS
               (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < {BACKLOG})
             INSERT INTO audit_entry (workspace_id, id, {columns})
             SELECT workspace_id, {id}, {columns}
             FROM (SELECT * FROM audit_entry LIMIT 1) AS one CROSS JOIN copies"
        );
        owner.execute_unprepared(&fill).await.unwrap();
        note(&world, 2).await;
        let began = Instant::now();
        world.drain().await;
        let took = began.elapsed();
        let query = Query::new("SELECT COUNT(*) FROM audit_entry WHERE number IS NULL");
        let left: Option<i64> = query.scalar(world.ctx.reader()).await.unwrap();
        assert_eq!(left, Some(0));
        // Some seconds, and minutes the other way.
        assert!(took < Duration::from_secs(30), "{took:?}");
        world
    });
}
