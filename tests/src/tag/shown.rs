//! What frontends ask of the tree and of what things carry: only some groups or tags, and the way down.

use domain::tag::catalogue;
use entity::kind::TagSelection;
use serde_json::{Value, json};

use super::support::{contacts, group, put, tag, tag_in};
use crate::{access::house::Door, support::on_both};

/// The names of a list of tags.
fn names(tags: &Value) -> Vec<&str> {
    let tags = tags.as_array().expect("a list").iter();
    tags.map(|tag| tag["name"].as_str().expect("a name"))
        .collect()
}

/// The names of the tags of a list of taggings.
fn carried(taggings: &Value) -> Vec<&str> {
    let taggings = taggings.as_array().expect("a list").iter();
    taggings
        .map(|one| one["tag"]["name"].as_str().expect("a name"))
        .collect()
}

#[test]
fn a_column_shows_the_tags_of_one_group_or_some_tags_alone() {
    on_both(|world| async move {
        let owner = &world.owner;
        let industry = group(&world, "Industry", TagSelection::Multi).await;
        let (retail, hot) = (
            tag_in(&world, "Retail", industry).await,
            tag(&world, "Hot", None).await,
        );
        let who = contacts(&world, 1).await[0];
        put(&world, &[(who, retail), (who, hot)]).await;
        let door = Door::new(&world.ctx);
        let document = "query($id: ID!, $groups: [ID!], $tags: [ID!], $at: DateTime) {
            contact(id: $id) {
                industry: taggings(groupIds: $groups) { tag { name } }
                hot: taggings(tagIds: $tags) { tag { name } }
                neither: taggings(groupIds: $groups, tagIds: $tags) { tag { name } }
                then: taggings(groupIds: $groups, at: $at) { tag { name } }
                all: taggings { tag { name } }
            }
            contacts(first: 5) { nodes {
                industry: taggings(groupIds: $groups) { tag { name } }
                all: taggings { tag { name } }
            } }
        }";
        let variables = json!({
            "id": who.to_string(), "groups": [industry.to_string()], "tags": [hot.to_string()],
            "at": world.ctx.clock.now().to_rfc3339(),
        });
        let answer = door.ask(owner, document, &variables).await;
        let one = &answer["data"]["contact"];
        assert_eq!(carried(&one["industry"]), ["Retail"], "{answer}");
        assert_eq!(carried(&one["hot"]), ["Hot"]);
        assert_eq!(carried(&one["neither"]), Vec::<&str>::new());
        assert_eq!(carried(&one["then"]), ["Retail"]);
        assert_eq!(carried(&one["all"]).len(), 2);
        let listed = &answer["data"]["contacts"]["nodes"][0];
        assert_eq!(carried(&listed["industry"]), ["Retail"], "{answer}");
        assert_eq!(carried(&listed["all"]).len(), 2);

        let empty = json!({ "id": who.to_string(), "groups": [] });
        let document = "query($id: ID!, $groups: [ID!]) {
            contact(id: $id) { taggings(groupIds: $groups) { id } }
        }";
        let refused = door.ask(owner, document, &empty).await;
        assert!(refused["errors"][0].is_object(), "{refused}");
        world
    });
}

#[test]
fn the_tree_is_walked_down_from_groups_and_tags() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let industry = group(&world, "Industry", TagSelection::Multi).await;
        let retail = tag_in(&world, "Retail", industry).await;
        tag(&world, "Books", Some(retail)).await;
        tag(&world, "Food", Some(retail)).await;
        let old = tag(&world, "Old", Some(retail)).await;
        catalogue::archive(ctx, owner, old).await.unwrap();
        let door = Door::new(ctx);
        let document = "query($id: ID!) {
            tag(id: $id) { children { name } all: children(includeArchived: true) { name } }
            tags { name children { name } }
            tagGroups { tags { name children { name } } }
        }";
        let variables = json!({ "id": retail.to_string() });
        let answer = door.ask(owner, document, &variables).await;
        let data = &answer["data"];
        assert_eq!(
            names(&data["tag"]["children"]),
            ["Books", "Food"],
            "{answer}"
        );
        assert_eq!(names(&data["tag"]["all"]), ["Books", "Food", "Old"]);
        let listed = data["tags"].as_array().expect("tags").iter();
        let mut listed = listed.filter(|one| one["name"] == "Retail");
        let listed = listed.next().expect("the tag");
        assert_eq!(names(&listed["children"]), ["Books", "Food"]);
        let values = data["tagGroups"][0]["tags"]
            .as_array()
            .expect("tags")
            .iter();
        let mut values = values.filter(|one| one["name"] == "Retail");
        let value = values.next().expect("the tag");
        assert_eq!(names(&value["children"]), ["Books", "Food"]);
        world
    });
}
