//! What a rule once was, rules in each other's way, and ready-made ones.

use domain::{
    action::OutcomeResult,
    error::UserErrorCode::{NotFound, Required},
    locale::Locale,
    page::PageRequest,
    rule::{
        self, RuleChanges,
        conflict::{self, ConflictKind},
        definition::always,
        template::{self, Filling, Slot, TEMPLATES},
        trigger::{ContactTagAdded, Trigger},
        version,
    },
};
use entity::{id::TagId, kind::TagKind};
use serde_json::json;

use super::{firings, on, refused, results, tag_with};
use crate::{
    access::house::Door,
    support::{
        World,
        engine::{tag_contact, words},
        on_both,
    },
};

#[test]
fn a_rule_can_become_what_it_was() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let (one, two) = (
            world.tag(TagKind::Contact, "One", None).await,
            world.tag(TagKind::Contact, "Two", None).await,
        );
        let rule = world
            .rule("greeting", words(&["hello"]), vec![tag_contact(one)])
            .await;
        let changes = RuleChanges {
            name: Some("other".to_owned()),
            condition: Some(always()),
            actions: Some(vec![tag_contact(two)]),
            ..RuleChanges::default()
        };
        rule::update(ctx, owner, rule.id, changes).await.unwrap();
        rule::set_active(ctx, owner, rule.id, false).await.unwrap();
        let page = PageRequest::first(10);
        let kept = version::list(ctx, owner.workspace, rule.id, &page).await;
        let kept: Vec<(i64, String)> = kept
            .unwrap()
            .rows
            .into_iter()
            .map(|(_, one)| (one.version, one.name))
            .collect();
        assert_eq!(kept, [(2, "other".to_owned()), (1, "greeting".to_owned())]);
        let back = version::roll_back(ctx, owner, rule.id, 1).await.unwrap();
        assert_eq!((back.version, back.name.as_str()), (4, "greeting"));
        assert_eq!(back.definition, rule.definition);
        assert!(!back.active, "going back does not start it");
        let then = version::find(ctx, owner.workspace, rule.id, 3)
            .await
            .unwrap();
        assert_eq!(then.unwrap().name, "other");
        let elsewhere = World::workspace(ctx, "Elsewhere", "else.example").await;
        for (actor, version, path) in [
            (owner, 0, "version"),
            (owner, 5, "version"),
            (owner, i64::MAX, "version"),
            (&elsewhere, 1, "id"),
        ] {
            let error = version::roll_back(ctx, actor, rule.id, version).await;
            let expected = [(path.to_owned(), NotFound)];
            assert_eq!(refused(error.unwrap_err()), expected, "{version}");
        }
        let now = rule::find(ctx, owner.workspace, rule.id).await.unwrap();
        assert_eq!(now.unwrap().version, 4);
        world
    });
}

#[test]
fn an_update_that_changes_nothing_makes_no_version() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let one = world.tag(TagKind::Contact, "One", None).await;
        let rule = world
            .rule("greeting", words(&["hello"]), vec![tag_contact(one)])
            .await;
        let same = RuleChanges {
            name: Some(" greeting ".to_owned()),
            condition: Some(words(&["hello"])),
            actions: Some(vec![tag_contact(one)]),
            ..RuleChanges::default()
        };
        for changes in [RuleChanges::default(), same] {
            let updated = rule::update(ctx, owner, rule.id, changes).await.unwrap();
            assert_eq!(updated.version, 1);
        }
        let page = PageRequest::first(10);
        let kept = version::list(ctx, owner.workspace, rule.id, &page).await;
        assert_eq!(kept.unwrap().rows.len(), 1);
        world
    });
}

#[test]
fn a_condition_can_be_taken_away() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let one = world.tag(TagKind::Contact, "One", None).await;
        let rule = world
            .rule("greeting", words(&["hello"]), vec![tag_contact(one)])
            .await;
        let door = Door::new(ctx);
        let update = "mutation($input: UpdateRuleInput!) { updateRule(input: $input) \
                      { rule { version } userErrors { message } } }";
        let id = rule.id.to_string();
        let unchanged = json!({ "input": { "id": id } });
        let answer = door.must(owner, update, unchanged).await;
        assert_eq!(answer["rule"]["version"], 1);
        let none = json!({ "input": { "id": id, "condition": null } });
        let answer = door.must(owner, update, none).await;
        assert_eq!(answer["rule"]["version"], 2);
        let found = rule::find(ctx, owner.workspace, rule.id).await.unwrap();
        assert_eq!(found.unwrap().definition.condition, always());
        world
    });
}

#[test]
fn rules_in_each_others_way_are_told() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let hot = world.tag(TagKind::Contact, "Hot", None).await;
        let puts = on(&world, Trigger::default(), tag_with(hot)).await;
        let takes = domain::action::Action::UntagContact(domain::action::UntagContact {
            tag_ids: vec![hot.0],
            even_if_set_by_member: false,
        });
        let takes = on(&world, Trigger::default(), vec![takes]).await;
        let found = conflict::of(ctx, workspace, takes.id).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].kind, ConflictKind::OpposedTags);
        assert_eq!(
            (found[0].others.as_slice(), found[0].tag),
            (&[puts.id][..], Some(hot))
        );
        rule::delete(ctx, &world.owner, puts.id).await.unwrap();
        let found = conflict::of(ctx, workspace, takes.id).await.unwrap();
        assert_eq!(found, []);
        world
    });
}

#[test]
fn a_circle_leads_through_the_tags_above_and_conflicts_of_many_are_found_at_once() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let parent = world.tag(TagKind::Contact, "Parent", None).await;
        let child = world.tag(TagKind::Contact, "Child", Some(parent)).await;
        let other = world.tag(TagKind::Contact, "Other", None).await;
        let added = |tag: TagId, direct_only| {
            Trigger::ContactTagAdded(ContactTagAdded {
                tag_ids: vec![tag.0],
                direct_only,
            })
        };
        let one = on(&world, added(other, false), tag_with(child)).await;
        let two = on(&world, added(parent, false), tag_with(other)).await;
        let direct = on(&world, added(parent, true), tag_with(other)).await;
        let found = conflict::of_each(ctx, workspace, &[one.id, two.id, direct.id]).await;
        let found = found.unwrap();
        assert_eq!(found[&one.id].len(), 1);
        assert_eq!(found[&one.id][0].kind, ConflictKind::TagCycle);
        assert_eq!(found[&one.id][0].others, [two.id]);
        assert_eq!(found[&two.id][0].others, [one.id]);
        assert_eq!(found[&direct.id], [], "it does not wait for the child");
        world
    });
}

#[test]
fn both_model_cases_are_ready_made() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let topic = world.tag(TagKind::Conversation, "Partnership", None).await;
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let sales = world.target("sales").await;
        let make = async |key: &str, locale: Locale| {
            let template = TEMPLATES.iter().find(|template| template.key == key);
            let needs = |slot| template.is_some_and(|template| template.slots.contains(&slot));
            let filling = Filling {
                conversation_tag: needs(Slot::ConversationTag).then_some(topic),
                contact_tag: needs(Slot::ContactTag).then_some(vip),
                target: needs(Slot::Target).then_some(sales),
            };
            template::apply(ctx, owner, key, locale, &filling, None).await
        };
        let partnership = make("partnership", Locale::Ja).await.unwrap();
        world
            .receive(&[("1", "taro@c.example", "コラボレーションのご相談です")])
            .await;
        let taro = super::contact_of(&world, "taro@c.example").await;
        world.drain().await;
        assert_eq!(
            results(&world, partnership.id).await,
            [[OutcomeResult::Tagged]]
        );
        let from_vip = make("vip-message", Locale::Ja).await.unwrap();
        let request = domain::tag::Request::contact(taro, vip);
        domain::tag::tagging::tag_many(ctx, owner, &[request], "")
            .await
            .unwrap();
        world
            .receive(&[("2", "taro@c.example", "こんにちは")])
            .await;
        world.drain().await;
        assert_eq!(firings(&world, from_vip.id).await.len(), 1);
        let receiver = crate::support::engine::Receiver::default();
        assert_eq!(world.deliver(&receiver).await.delivered, 1);

        // All others can be made too, in every language.
        for template in TEMPLATES {
            for locale in [Locale::Ja, Locale::En, Locale::Zh] {
                let made = make(template.key, locale).await;
                assert_eq!(made.unwrap().name, template.name(locale));
            }
        }
        let nothing = Filling::default();
        let error = template::apply(ctx, owner, "complaint", Locale::En, &nothing, None).await;
        let missing = refused(error.unwrap_err());
        let expected = ["conversationTagId", "targetId"].map(|path| (path.to_owned(), Required));
        assert_eq!(missing, expected);
        world
    });
}
