//! Custom attributes: what fits, what is refused and why, and what follows.

use chrono::{DateTime, NaiveDate};
use domain::{
    account::{self, NewAccount},
    attribute::{self, AttributeChanges, AttributeOption, Setting, Value, definition},
    contact::{self, ContactChanges, ProfileChanges},
    subject::Subject,
    work::change::Fact,
};
use entity::{
    id::{AttributeId, ContactId, Id as _},
    kind::{AttributeType as T, SubjectKind as K},
};

use super::{define, facts, person, refusals};
use crate::support::{World, on_both};

fn setting(attribute: AttributeId, value: Value) -> Setting {
    Setting {
        attribute,
        value: Some(value),
    }
}

async fn set(world: &World, subject: Subject, settings: Vec<Setting>) -> domain::error::Result<()> {
    attribute::set(&world.ctx, &world.owner, subject, &["id"], settings).await
}

#[test]
fn a_value_of_every_type_is_kept_as_it_was_given_on_every_kind_of_thing() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let messages = world
            .receive(&[("1", "taro@customer.example", "Hello")])
            .await;
        let message = domain::conversation::load_messages(ctx, owner.workspace, &messages)
            .await
            .unwrap();
        let new = NewAccount {
            name: "Acme".to_owned(),
            ..NewAccount::default()
        };
        let account = account::create(ctx, owner, new).await.unwrap();
        for (kind, subject) in [
            (K::Contact, Subject::from(message[0].contact_id)),
            (K::Account, Subject::from(account.id)),
            (K::Conversation, Subject::from(message[0].conversation_id)),
        ] {
            let moment = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
            let day = NaiveDate::from_ymd_opt(2026, 2, 28).unwrap();
            let mut settings = Vec::new();
            for (value_type, value) in [
                (T::Text, Value::Text("縁".to_owned())),
                (T::Number, Value::Number(-12.5)),
                (T::Boolean, Value::Boolean(true)),
                (T::Date, Value::Date(day)),
                (T::DateTime, Value::DateTime(moment)),
                (T::Select, Value::Select("b".to_owned())),
                (
                    T::MultiSelect,
                    Value::MultiSelect(vec!["c".to_owned(), "a".to_owned()]),
                ),
                (T::Url, Value::Url("https://example.com/a".to_owned())),
            ] {
                let key = value_type.word().to_lowercase();
                let id = define(&world, kind, &key, value_type).await;
                settings.push(setting(id, value));
            }
            set(&world, subject, settings.clone()).await.unwrap();
            let before = facts(&world).await.len();
            // The same again changes nothing and tells nobody.
            set(&world, subject, settings.clone()).await.unwrap();
            assert_eq!(facts(&world).await.len(), before);
            let stored = attribute::load(ctx, owner.workspace, &[subject.id])
                .await
                .unwrap();
            assert_eq!(stored.len(), settings.len());
            let of = |index: usize| {
                let id = settings[index].attribute;
                stored.iter().find(|row| row.attribute_id == id).unwrap()
            };
            assert_eq!(of(0).text.as_deref(), Some("縁"));
            assert_eq!(of(1).number, Some(-12.5));
            assert_eq!(of(2).number, Some(1.0));
            assert_eq!(of(3).at.map(|at| at.date_naive()), Some(day));
            assert_eq!(of(4).at, Some(moment));
            assert_eq!(of(5).text.as_deref(), Some("b"));
            assert_eq!(of(6).options, serde_json::json!(["a", "c"]));
            assert_eq!(of(7).text.as_deref(), Some("https://example.com/a"));

            let clear = Setting {
                attribute: settings[0].attribute,
                value: None,
            };
            set(&world, subject, vec![clear]).await.unwrap();
            let left = attribute::load(ctx, owner.workspace, &[subject.id])
                .await
                .unwrap();
            assert_eq!(left.len(), settings.len() - 1);
            let last = facts(&world).await.pop();
            let expected = Fact::AttributeSet {
                attribute_id: settings[0].attribute,
                subject: kind,
                subject_id: subject.id,
                from: Some(serde_json::json!({ "text": "縁" })),
                to: None,
            };
            assert_eq!(last, Some(expected));
        }
        world
    });
}

#[test]
fn the_first_and_the_last_moment_that_a_value_can_be_are_kept() {
    on_both(|world| async move {
        let date = define(&world, K::Contact, "date", T::Date).await;
        let time = define(&world, K::Contact, "time", T::DateTime).await;
        let taro = person(&world, "Taro", ProfileChanges::default()).await;
        for (day, moment) in [
            ("0001-01-01", "0001-01-01T00:00:00Z"),
            ("9999-12-31", "9999-12-31T23:59:59Z"),
        ] {
            let day: NaiveDate = day.parse().unwrap();
            let moment: DateTime<chrono::Utc> = moment.parse().unwrap();
            let settings = vec![
                setting(date, Value::Date(day)),
                setting(time, Value::DateTime(moment)),
            ];
            set(&world, Subject::from(taro.id), settings).await.unwrap();
            let stored = attribute::load(&world.ctx, world.owner.workspace, &[taro.id.uuid()])
                .await
                .unwrap();
            let at = |id| stored.iter().find(|row| row.attribute_id == id).unwrap().at;
            assert_eq!(at(date).map(|at| at.date_naive()), Some(day));
            assert_eq!(at(time), Some(moment));
        }
        world
    });
}

#[test]
fn what_does_not_fit_is_refused_with_its_place_and_nothing_is_written() {
    on_both(|world| async move {
        let number = define(&world, K::Contact, "number", T::Number).await;
        let select = define(&world, K::Contact, "select", T::Select).await;
        let of_account = define(&world, K::Account, "number", T::Number).await;
        let taro = person(&world, "Taro", ProfileChanges::default()).await;
        let settings = vec![
            setting(number, Value::Number(1.0)),
            setting(select, Value::Text("a".to_owned())),
            setting(of_account, Value::Number(1.0)),
            setting(number, Value::Number(2.0)),
            setting(select, Value::Select("z".to_owned())),
        ];
        let changes = ContactChanges {
            name: Some("Changed".to_owned()),
            profile: ProfileChanges {
                attributes: settings.clone(),
                ..ProfileChanges::default()
            },
            ..ContactChanges::default()
        };
        let (ctx, owner) = (&world.ctx, &world.owner);
        let expected = |list: &str| {
            vec![
                format!("{list}.1.value.text KindMismatch"),
                format!("{list}.2.attributeId NotFound"),
                format!("{list}.3.attributeId Contradictory"),
                format!("{list}.4.value.option Invalid"),
            ]
        };
        let refused = contact::update(ctx, owner, taro.id, changes).await;
        assert_eq!(refusals(refused), expected("attributes"));
        let refused = set(&world, taro.id.into(), settings).await;
        assert_eq!(refusals(refused), expected("values"));
        let after = contact::find(ctx, owner.workspace, taro.id).await.unwrap();
        assert_eq!(after, Some(taro.clone()));
        let values = attribute::load(ctx, owner.workspace, &[taro.id.0]).await;
        assert!(values.unwrap().is_empty());

        let nobody = ContactId(uuid::Uuid::from_u128(7));
        let refused = set(&world, nobody.into(), Vec::new()).await;
        assert_eq!(refusals(refused), ["id NotFound"]);
        let archived = AttributeChanges {
            archived: Some(true),
            ..AttributeChanges::default()
        };
        definition::update(ctx, owner, number, archived)
            .await
            .unwrap();
        let refused = set(
            &world,
            taro.id.into(),
            vec![setting(number, Value::Number(1.0))],
        );
        assert_eq!(refusals(refused.await), ["values.0.attributeId Invalid"]);
        world
    });
}

#[test]
fn a_definition_that_is_in_use_keeps_what_is_used() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let select = define(&world, K::Contact, "plan", T::Select).await;
        let multi = define(&world, K::Contact, "plans", T::MultiSelect).await;
        let taro = person(&world, "Taro", ProfileChanges::default()).await;
        let settings = vec![
            setting(select, Value::Select("b".to_owned())),
            setting(multi, Value::MultiSelect(vec!["c".to_owned()])),
        ];
        set(&world, taro.id.into(), settings).await.unwrap();
        let options = |keys: &[&str]| AttributeChanges {
            options: Some(
                keys.iter()
                    .map(|key| AttributeOption {
                        key: (*key).to_owned(),
                        label: format!("Option {key}"),
                    })
                    .collect(),
            ),
            ..AttributeChanges::default()
        };
        let refused = definition::update(ctx, owner, select, options(&["a", "c"])).await;
        assert_eq!(refusals(refused), ["options InUse"]);
        let refused = definition::update(ctx, owner, multi, options(&["a", "b"])).await;
        assert_eq!(refusals(refused), ["options InUse"]);
        let refused = definition::update(ctx, owner, select, options(&["b", "b", "X"])).await;
        let expected = ["options.1.key Taken", "options.2.key Invalid"];
        assert_eq!(refusals(refused), expected);
        let sort_key = async || {
            let values = attribute::load(ctx, owner.workspace, &[taro.id.0]).await;
            let values = values.unwrap();
            let value = values.iter().find(|row| row.attribute_id == select);
            value.unwrap().sort_key.clone()
        };
        let before = sort_key().await;
        definition::update(ctx, owner, select, options(&["b", "d"]))
            .await
            .unwrap();
        assert!(sort_key().await < before, "b has become the first option");
        let refused = definition::delete(ctx, owner, select).await;
        assert_eq!(refusals(refused), ["id InUse"]);
        let clear = Setting {
            attribute: select,
            value: None,
        };
        set(&world, taro.id.into(), vec![clear]).await.unwrap();
        definition::delete(ctx, owner, select).await.unwrap();
        let left = definition::list(ctx, owner.workspace, None).await.unwrap();
        assert_eq!(left.iter().map(|one| one.id).collect::<Vec<_>>(), [multi]);

        let new = definition::NewAttribute {
            subject: K::Contact,
            key: "plans".to_owned(),
            name: String::new(),
            description: String::new(),
            value_type: T::Text,
            options: vec![AttributeOption {
                key: "a".to_owned(),
                label: "A".to_owned(),
            }],
        };
        let refused = definition::create(ctx, owner, new).await;
        let expected = ["name Required", "options KindMismatch", "key Taken"];
        assert_eq!(refusals(refused), expected);
        assert_eq!(multi.uuid(), left[0].id.uuid());
        world
    });
}

#[test]
fn another_workspaces_attributes_and_members_are_not_there() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let number = define(&world, K::Contact, "number", T::Number).await;
        let new = contact::NewContact {
            name: "Theirs".to_owned(),
            profile: ProfileChanges {
                owner: Some(Some(owner.member)),
                brought_by: Some(Some(owner.member)),
                attributes: vec![setting(number, Value::Number(1.0))],
                ..ProfileChanges::default()
            },
            ..contact::NewContact::default()
        };
        let refused = contact::create(ctx, &stranger, new).await;
        let expected = [
            "ownerId NotFound",
            "broughtById NotFound",
            "attributes.0.attributeId NotFound",
        ];
        assert_eq!(refusals(refused), expected);
        world
    });
}
