//! What a merge would lose is said before it is made.

use domain::{
    account::{self, NewAccount},
    attribute::{Setting, Value},
    contact::{self, NewContact, ProfileChanges, merge},
    tag::{Request, tagging},
};
use entity::{
    id::{ContactId, TagId},
    kind::{AttributeType, SubjectKind, TagSelection},
};

use super::define;
use crate::support::{World, on_both};

async fn person(world: &World, name: &str, profile: ProfileChanges) -> ContactId {
    let new = NewContact {
        name: name.to_owned(),
        email: Some(format!("{name}@customer.example")),
        locale: Some("ja".to_owned()),
        profile,
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    made.unwrap().id
}

fn shown(conflicts: &[merge::Conflict]) -> Vec<(&str, &str, &str)> {
    let each = conflicts.iter();
    each.map(|one| (one.field.as_str(), one.kept.as_str(), one.dropped.as_str()))
        .collect()
}

#[test]
fn a_preview_says_what_of_the_merged_contact_would_be_lost() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let seats = define(&world, SubjectKind::Contact, "seats", AttributeType::Number).await;
        let with = |number: f64, phone: Option<&str>| ProfileChanges {
            phone: phone.map(|phone| Some(phone.to_owned())),
            attributes: vec![Setting {
                attribute: seats,
                value: Some(Value::Number(number)),
            }],
            ..ProfileChanges::default()
        };
        let taro = person(&world, "taro", with(3.0, None)).await;
        let double = person(&world, "double", with(4.5, Some("03-1234-5678"))).await;
        let nobody = person(&world, "nobody", ProfileChanges::default()).await;
        let plan = world.group("Plan", TagSelection::Single).await;
        let free = world.value(plan, "Free").await;
        let paid = world.value(plan, "Paid").await;
        for put in [Request::contact(taro, free), Request::contact(double, paid)] {
            tagging::tag_many(ctx, owner, &[put], "").await.unwrap();
        }

        let preview = merge::preview(ctx, owner.workspace, taro, double).await;
        let preview = preview.unwrap();
        assert_eq!(
            shown(&preview.conflicts),
            [
                ("name", "taro", "double"),
                ("email", "taro@customer.example", "double@customer.example"),
                ("attributes.seats", "3", "4.5"),
            ]
        );
        assert_eq!(preview.filled, ["phone"]);
        let wanted = merge::TagConflict {
            group_id: plan,
            kept_id: free,
            dropped_id: paid,
        };
        assert_eq!(preview.tag_conflicts, [wanted]);
        // Of the attribute the survivor keeps its value, and the other one stays where it is.
        let follows: Vec<&str> = preview.rows.iter().map(|(table, _)| *table).collect();
        assert!(!follows.contains(&"attribute_value"), "{follows:?}");
        assert!(follows.contains(&"tagging"), "{follows:?}");
        let back = merge::preview(ctx, owner.workspace, nobody, double).await;
        let back = back.unwrap().rows;
        assert!(back.contains(&("attribute_value", 1)), "{back:?}");

        // It comes as it was said.
        merge::merge(ctx, owner, taro, double, "").await.unwrap();
        let carried = tagging::load_active(ctx, owner.workspace, &[taro.0]).await;
        let carried: Vec<TagId> = carried.unwrap().iter().map(|one| one.tag_id).collect();
        assert_eq!(carried, [free]);
        world
    });
}

#[test]
fn a_preview_says_what_of_the_merged_account_would_be_lost() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let made = async |name: &str, domain: &str| {
            let new = NewAccount {
                name: name.to_owned(),
                domain: Some(domain.to_owned()),
                ..NewAccount::default()
            };
            account::create(ctx, owner, new).await.unwrap().id
        };
        let stays = made("Acme", "acme.example").await;
        let goes = made("Acme KK", "acme-kk.example").await;
        let preview = account::merge::preview(ctx, owner.workspace, stays, goes).await;
        let preview = preview.unwrap();
        assert_eq!(
            shown(&preview.conflicts),
            [
                ("name", "Acme", "Acme KK"),
                ("domain", "acme.example", "acme-kk.example"),
            ]
        );
        assert!(preview.tag_conflicts.is_empty());
        world
    });
}
