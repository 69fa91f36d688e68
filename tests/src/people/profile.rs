//! Owner, stage, source, phone, reading, notes; and what the log says of them.

use chrono::TimeDelta;
use domain::{
    account::{self, AccountChanges, DetailChanges, NewAccount},
    audit::{self, AuditFilter},
    contact::{self, ContactChanges, NewContact, ProfileChanges},
    note,
    page::PageRequest,
    stage::{self, NewStage},
    subject::Subject,
    work::change::Fact,
};
use entity::kind::{Channel, IdentityKind, LifecycleStage as S, SubjectKind};

use super::{facts, person, refusals};
use crate::support::on_both;

fn to(stage: Option<S>, reason: &str) -> NewStage {
    NewStage {
        stage,
        reason: reason.to_owned(),
    }
}

#[test]
fn a_stage_keeps_its_history_and_tells_from_and_to() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let profile = ProfileChanges {
            stage: Some(to(Some(S::Lead), "Came to the fair")),
            owner: Some(Some(owner.member)),
            source_channel: Some(Some(Channel::Line)),
            ..ProfileChanges::default()
        };
        let taro = person(&world, "Taro", profile).await;
        assert_eq!(
            (taro.stage, taro.owner_id),
            (Some(S::Lead), Some(owner.member))
        );
        for stage in [Some(S::Customer), Some(S::Customer), None] {
            let changes = ContactChanges {
                profile: ProfileChanges {
                    stage: Some(to(stage, "")),
                    owner: Some(None),
                    ..ProfileChanges::default()
                },
                ..ContactChanges::default()
            };
            contact::update(ctx, owner, taro.id, changes).await.unwrap();
            world.clock.advance(TimeDelta::milliseconds(1));
        }
        let page = PageRequest::first(10);
        let history = stage::history(ctx, owner.workspace, taro.id.0, &page).await;
        let steps: Vec<_> = history
            .unwrap()
            .rows
            .into_iter()
            .map(|(_, row)| (row.from_stage, row.to_stage, row.reason))
            .collect();
        let expected = [
            (Some(S::Customer), None, String::new()),
            (Some(S::Lead), Some(S::Customer), String::new()),
            (None, Some(S::Lead), "Came to the fair".to_owned()),
        ];
        assert_eq!(steps, expected);
        let told = facts(&world).await;
        let stages: Vec<_> = told
            .iter()
            .filter_map(|fact| match fact {
                Fact::StageChanged { from, to, .. } => Some((*from, *to)),
                _ => None,
            })
            .collect();
        let expected = [
            (None, Some(S::Lead)),
            (Some(S::Lead), Some(S::Customer)),
            (Some(S::Customer), None),
        ];
        assert_eq!(stages, expected);
        let owners: Vec<_> = told
            .iter()
            .filter_map(|fact| match fact {
                Fact::OwnerChanged { from, to, .. } => Some((*from, *to)),
                _ => None,
            })
            .collect();
        assert_eq!(
            owners,
            [(None, Some(owner.member)), (Some(owner.member), None)]
        );
        world
    });
}

#[test]
fn a_phone_number_is_one_persons_however_it_is_written() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let with_phone = |phone: &str| ProfileChanges {
            phone: Some(Some(phone.to_owned())),
            kana: Some(Some("ﾀﾅｶ".to_owned())),
            ..ProfileChanges::default()
        };
        // The workspace speaks Japanese, so a number without a country is one of Japan.
        let taro = person(&world, "Taro", with_phone("03-1234-5678")).await;
        assert_eq!(taro.phone.as_deref(), Some("+81312345678"));
        assert_eq!(taro.kana_key.as_deref(), Some("たなか"));
        let new = |phone: &str| NewContact {
            name: "Hanako".to_owned(),
            profile: with_phone(phone),
            ..NewContact::default()
        };
        let refused = contact::create(ctx, owner, new("+81 3 1234 5678")).await;
        assert_eq!(refusals(refused), ["phone Taken"]);
        let refused = contact::create(ctx, owner, new("12")).await;
        assert_eq!(refusals(refused), ["phone Invalid"]);
        let found =
            contact::find_by_identity(ctx, owner.workspace, IdentityKind::Phone, "+81312345678");
        assert_eq!(found.await.unwrap().map(|one| one.id), Some(taro.id));
        world
    });
}

#[test]
fn an_accounts_details_are_kept_and_taken_away() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = NewAccount {
            name: "Acme".to_owned(),
            details: DetailChanges {
                website: Some(Some("https://acme.example".to_owned())),
                phone: Some(Some("03-1234-5678".to_owned())),
                description: Some(Some("Anvils\nand more".to_owned())),
                owner: Some(Some(owner.member)),
                stage: Some(to(Some(S::Customer), "Signed")),
                ..DetailChanges::default()
            },
            ..NewAccount::default()
        };
        let acme = account::create(ctx, owner, new).await.unwrap();
        assert_eq!(acme.website.as_deref(), Some("https://acme.example/"));
        assert_eq!(acme.phone.as_deref(), Some("+81312345678"));
        assert_eq!(acme.stage, Some(S::Customer));
        let changes = AccountChanges {
            details: DetailChanges {
                website: Some(None),
                stage: Some(to(Some(S::Former), "Left")),
                ..DetailChanges::default()
            },
            ..AccountChanges::default()
        };
        let acme = account::update(ctx, owner, acme.id, changes).await.unwrap();
        assert_eq!(acme.website, None);
        assert_eq!(acme.description.as_deref(), Some("Anvils\nand more"));
        let stored = account::find(ctx, owner.workspace, acme.id).await.unwrap();
        assert_eq!(stored, Some(acme.clone()));
        let page = PageRequest::first(10);
        let history = stage::history(ctx, owner.workspace, acme.id.0, &page).await;
        assert_eq!(history.unwrap().rows.len(), 2);
        let wrong = AccountChanges {
            details: DetailChanges {
                website: Some(Some("ftp://acme.example".to_owned())),
                phone: Some(Some("no".to_owned())),
                ..DetailChanges::default()
            },
            ..AccountChanges::default()
        };
        let refused = account::update(ctx, owner, acme.id, wrong).await;
        assert_eq!(refusals(refused), ["website Invalid", "phone Invalid"]);
        world
    });
}

#[test]
fn a_note_is_written_rewritten_and_deleted_with_its_text() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let taro = person(&world, "Taro", ProfileChanges::default()).await;
        let subject = Subject::from(taro.id);
        let first = note::add(ctx, owner, subject, &["id"], "Likes tea")
            .await
            .unwrap();
        world.clock.advance(TimeDelta::milliseconds(1));
        let second = note::add(ctx, owner, subject, &["id"], "Likes coffee")
            .await
            .unwrap();
        note::update(ctx, owner, first.id, "Likes green tea")
            .await
            .unwrap();
        let listed = async || {
            let page = PageRequest::first(10);
            let notes = note::list(ctx, owner.workspace, subject, &page)
                .await
                .unwrap();
            let bodies = notes.rows.into_iter().map(|(_, note)| note.body);
            bodies.collect::<Vec<_>>()
        };
        assert_eq!(listed().await, ["Likes coffee", "Likes green tea"]);
        let gone = note::delete(ctx, owner, second.id).await.unwrap();
        assert_eq!(gone.body, "");
        assert_eq!(listed().await, ["Likes green tea"]);
        let refused = note::delete(ctx, owner, second.id).await;
        assert_eq!(refusals(refused), ["id NotFound"]);
        let refused = note::add(ctx, owner, subject, &["id"], " \n").await;
        assert_eq!(refusals(refused), ["body Required"]);
        // The audit log tells each of it, and keeps none of the texts.
        let actions = ["note.add", "note.update", "note.delete"];
        let filter = AuditFilter {
            actions: actions.map(str::to_owned).to_vec(),
            ..AuditFilter::default()
        };
        let page = PageRequest::first(10);
        let found = audit::list(ctx, owner, &filter, &page).await.unwrap();
        assert_eq!(found.rows.len(), 4);
        for (_, entry) in &found.rows {
            let said = [entry.before.as_deref(), entry.after.as_deref()];
            let said = said.map(Option::unwrap_or_default).concat();
            assert!(!said.contains("Likes"), "{said}");
            assert!(said.contains("\"characters\":"), "{said}");
        }
        let told = facts(&world).await;
        let about = (SubjectKind::Contact, taro.id.0);
        let notes: Vec<_> = told
            .iter()
            .filter_map(|fact| match fact {
                Fact::NoteAdded {
                    subject,
                    subject_id,
                    ..
                }
                | Fact::NoteChanged {
                    subject,
                    subject_id,
                    ..
                }
                | Fact::NoteDeleted {
                    subject,
                    subject_id,
                    ..
                } => {
                    assert_eq!((*subject, *subject_id), about);
                    Some(fact.name())
                }
                _ => None,
            })
            .collect();
        let expected = ["note.added", "note.added", "note.changed", "note.deleted"];
        assert_eq!(notes, expected);
        world
    });
}
