//! Making, changing, archiving and restoring surveys.

use domain::{
    error::UserErrorCode as Code,
    locale::Locale,
    page::PageRequest,
    store::Query,
    survey::{self, NewSurvey, OwnTexts, SurveyChanges, read, words},
};
use serde_json::json;

use super::{make, mistakes, new, person};
use crate::{
    access::house::Door,
    support::{World, on_both},
};

fn own(locale: Locale, question: &str) -> OwnTexts {
    OwnTexts {
        locale,
        question: Some(question.to_owned()),
        comment_prompt: None,
        thanks: None,
        mail_subject: None,
        mail_text: None,
    }
}

async fn names(world: &World, archived: bool) -> Vec<String> {
    let page = PageRequest::first(10);
    let found = read::surveys(&world.ctx, world.owner.workspace, archived, &page).await;
    let rows = found.unwrap().rows.into_iter();
    rows.map(|(_, row)| row.name).collect()
}

#[test]
fn a_survey_is_made_changed_archived_and_restored_and_keeps_its_key() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let id = make(&world, "after closing").await;
        make(&world, "other").await;
        let taken = survey::create(ctx, owner, new("other")).await;
        assert_eq!(mistakes(taken), [("key".to_owned(), Code::Taken)]);
        let wrong = NewSurvey {
            key: " ".to_owned(),
            name: String::new(),
            wave_days: -1,
            valid_days: 0,
            ..new("x")
        };
        let paths: Vec<_> = mistakes(survey::create(ctx, owner, wrong).await)
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        assert_eq!(paths, ["key", "name", "waveDays", "validDays"]);

        let changes = SurveyChanges {
            name: Some("A new name".to_owned()),
            texts: Some(vec![own(Locale::Zh, "怎么样？")]),
            wave_days: Some(30),
            ..SurveyChanges::default()
        };
        let changed = survey::update(ctx, owner, id, changes).await.unwrap();
        assert_eq!(
            (changed.key.as_str(), changed.wave_days, changed.valid_days),
            ("after closing", 30, 30)
        );
        let stored = words::from_stored(&changed.texts);
        let zh = words::texts(changed.kind, Locale::Zh, &stored);
        assert_eq!(zh.question, "怎么样？");
        assert_eq!(names(&world, false).await, ["A new name", "Survey other"]);

        survey::set_archived(ctx, owner, id, true).await.unwrap();
        assert_eq!(names(&world, false).await, ["Survey other"]);
        assert_eq!(names(&world, true).await.len(), 2);
        let late = survey::update(ctx, owner, id, SurveyChanges::default()).await;
        assert_eq!(mistakes(late), [("id".to_owned(), Code::Invalid)]);
        let again = survey::create(ctx, owner, new("after closing")).await;
        assert_eq!(mistakes(again), [("key".to_owned(), Code::Taken)]);
        let door = Door::new(ctx);
        for (arguments, count) in [
            ("first: 9", 1),
            ("includeArchived: true", 2),
            ("archived: true", 2),
        ] {
            let document = format!("{{ surveys({arguments}) {{ totalCount }} }}");
            let found = door.must(owner, &document, json!({})).await;
            assert_eq!(found["totalCount"], count, "{document}");
        }
        survey::set_archived(ctx, owner, id, false).await.unwrap();
        assert_eq!(names(&world, false).await.len(), 2);

        let said = Query::new(
            "SELECT action FROM audit_entry WHERE workspace_id = $1 AND action LIKE 'survey.%'",
        );
        let mut said: Vec<String> = said
            .bind(owner.workspace)
            .column(ctx.reader())
            .await
            .unwrap();
        said.sort();
        let expected = [
            "survey.archive",
            "survey.create",
            "survey.create",
            "survey.restore",
            "survey.update",
        ];
        assert_eq!(said, expected);
        world
    });
}

#[test]
fn another_workspace_neither_sees_nor_changes_a_survey() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let id = make(&world, "ours").await;
        let taro = person(&world, None, None).await;
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let none = vec![("id".to_owned(), Code::NotFound)];
        let changes = SurveyChanges::default();
        let changed = survey::update(ctx, &stranger, id, changes).await;
        assert_eq!(mistakes(changed), none);
        let archived = survey::set_archived(ctx, &stranger, id, true).await;
        assert_eq!(mistakes(archived), none);
        let medium = entity::kind::SurveyMedium::Link;
        let sent = survey::send(ctx, &stranger, id, taro, medium).await;
        assert_eq!(mistakes(sent), [("surveyId".to_owned(), Code::NotFound)]);
        let theirs = survey::create(ctx, &stranger, new("ours")).await.unwrap();
        let sent = survey::send(ctx, &stranger, theirs.id, taro, medium).await;
        assert_eq!(mistakes(sent), [("contactId".to_owned(), Code::NotFound)]);
        let found = read::load_surveys(ctx, stranger.workspace, &[id]).await;
        assert!(found.unwrap().is_empty());
        assert!(
            read::load_surveys(ctx, owner.workspace, &[id])
                .await
                .unwrap()
                .len()
                == 1
        );
        world
    });
}
