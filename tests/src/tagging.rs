//! Taggings on both databases: what gives way to what, what held when, and derived tables that always
//! equal a naive recount.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    access::{Origin, token},
    account::{self, AccountFilter, NewAccount},
    action::{Action, TagAccount},
    contact::{self, ContactFilter, ContactOrder, NewContact, ProfileChanges},
    conversation::{self, ConversationFilter, NewMessage},
    error::Error,
    inbox,
    operation::{self, Limits},
    page::PageRequest,
    rule::{self, RuleChanges},
    store::Query,
    tag::{
        NewTag, NewTaggings, Place, Request, TagFilter, catalogue,
        tagging::{self, NewBulk, Which},
    },
    work::{change, due},
};
use entity::{
    id::{ContactId, Id as _, TagGroupId, TagId},
    kind::{Direction, OperationState, TagKind, TagTarget, TaggingEnd},
    operation::Model,
    tagging::Model as Tagging,
};
use proptest::{
    prelude::*,
    strategy::{Strategy, ValueTree as _},
    test_runner::TestRunner,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::support::{
    World,
    engine::{tag_contact, words},
    on_both,
};

async fn people(world: &World, count: usize) -> Vec<ContactId> {
    let mut ids = Vec::new();
    for n in 0..count {
        let new = NewContact {
            name: format!("Person {n}"),
            email: Some(format!("p{n}@customer.example")),
            ..NewContact::default()
        };
        let made = contact::create(&world.ctx, &world.owner, new).await;
        ids.push(made.unwrap().id);
    }
    ids
}

async fn tag(world: &World, name: &str, parent: Option<TagId>) -> TagId {
    world.tag(TagKind::Contact, name, parent).await
}

/// A SINGLE group with these tags, and everything below them, as its values.
async fn single_group(world: &World, tags: &[TagId]) -> TagGroupId {
    let id: TagGroupId = world.ctx.id();
    let (workspace, writer) = (world.owner.workspace, world.ctx.db.writer());
    Query::new(
        "INSERT INTO tag_group (workspace_id, id, kind, name, name_key, description, selection,
                                position, created_by, created_at, updated_at)
         VALUES ($1, $2, 'CONTACT', 'G', 'g', '', 'SINGLE', 0, $3, $4, $4)",
    )
    .bind(workspace)
    .bind(id)
    .bind(Origin::System.json())
    .bind(world.ctx.clock.now())
    .execute(writer)
    .await
    .unwrap();
    for tag in tags {
        Query::new("UPDATE tag SET group_id = $3 WHERE workspace_id = $1 AND id = $2")
            .bind(workspace)
            .bind(*tag)
            .bind(id)
            .execute(writer)
            .await
            .unwrap();
    }
    id
}

async fn put(
    world: &World,
    contact: ContactId,
    tag: TagId,
    expires_at: Option<DateTime<Utc>>,
) -> usize {
    let new = NewTaggings {
        things: vec![(TagTarget::Contact, contact.uuid())],
        tags: vec![tag],
        expires_at,
        ..NewTaggings::default()
    };
    let tagged = tagging::tag_things(&world.ctx, &world.owner, new).await;
    tagged.unwrap().added
}

async fn active(world: &World, contact: ContactId) -> Vec<Tagging> {
    tagging::load_active(&world.ctx, world.owner.workspace, &[contact.uuid()])
        .await
        .unwrap()
}

async fn active_tags(world: &World, contact: ContactId) -> Vec<TagId> {
    active(world, contact)
        .await
        .iter()
        .map(|one| one.tag_id)
        .collect()
}

/// Everything a contact was ever tagged with, oldest first.
async fn history(world: &World, contact: ContactId) -> Vec<Tagging> {
    let page = PageRequest::first(100);
    let found = tagging::history(&world.ctx, world.owner.workspace, contact.uuid(), &page);
    let mut rows: Vec<_> = found
        .await
        .unwrap()
        .rows
        .into_iter()
        .map(|(_, row)| row)
        .collect();
    rows.reverse();
    rows
}

async fn expire(world: &World) -> usize {
    tagging::expire(&world.ctx, &|| true).await.unwrap()
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, FromQueryResult)]
struct Rank {
    tag_id: Uuid,
    target_id: Uuid,
    taggings: i64,
}

#[derive(Debug, PartialEq, Eq, FromQueryResult)]
struct Count {
    tag_id: Uuid,
    target: TagTarget,
    direct: i64,
    total: i64,
}

/// The rank index and the counters say what counting everything anew says.
async fn assert_recounted(world: &World) {
    let reader = world.ctx.db.writer();
    let kept: Vec<Rank> =
        Query::new("SELECT tag_id, target_id, taggings FROM tag_rank ORDER BY tag_id, target_id")
            .all(reader)
            .await
            .unwrap();
    let naive: Vec<Rank> = Query::new(
        "SELECT l.ancestor_id AS tag_id, g.target_id, COUNT(*) AS taggings
         FROM tagging g
         JOIN tag_closure l ON l.workspace_id = g.workspace_id AND l.tag_id = g.tag_id
         WHERE g.removed_at IS NULL
         GROUP BY l.ancestor_id, g.target_id ORDER BY l.ancestor_id, g.target_id",
    )
    .all(reader)
    .await
    .unwrap();
    assert_eq!(kept, naive, "the rank index");
    let kept: Vec<Count> = Query::new(
        "SELECT tag_id, target, CAST(SUM(direct) AS bigint) AS direct,
                CAST(SUM(total) AS bigint) AS total
         FROM tag_count GROUP BY tag_id, target HAVING SUM(direct) <> 0 OR SUM(total) <> 0
         ORDER BY tag_id, target",
    )
    .all(reader)
    .await
    .unwrap();
    let naive: Vec<Count> = Query::new(
        "SELECT l.ancestor_id AS tag_id, g.target,
                CAST(SUM(CASE WHEN l.distance = 0 THEN 1 ELSE 0 END) AS bigint) AS direct,
                COUNT(DISTINCT g.target_id) AS total
         FROM tagging g
         JOIN tag_closure l ON l.workspace_id = g.workspace_id AND l.tag_id = g.tag_id
         WHERE g.removed_at IS NULL
         GROUP BY l.ancestor_id, g.target ORDER BY l.ancestor_id, g.target",
    )
    .all(reader)
    .await
    .unwrap();
    assert_eq!(kept, naive, "the counters");
}

#[test]
fn another_value_of_a_single_group_replaces_the_first_and_history_keeps_it() {
    on_both(|world| async move {
        let who = people(&world, 1).await[0];
        let size = tag(&world, "Size", None).await;
        let (small, large) = (
            tag(&world, "Small", Some(size)).await,
            tag(&world, "Large", Some(size)).await,
        );
        let group = single_group(&world, &[small, large]).await;
        assert_eq!(put(&world, who, small, None).await, 1);
        world.clock.advance(TimeDelta::minutes(1));
        assert_eq!(put(&world, who, large, None).await, 1);
        assert_eq!(active_tags(&world, who).await, [large]);
        let past = history(&world, who).await;
        assert_eq!(past[0].ended, Some(TaggingEnd::Replaced));
        assert_eq!(past[0].successor_id, Some(past[1].id));
        assert_eq!(past[1].single_group_id, Some(group));
        assert_recounted(&world).await;
        // Both at once make no sense.
        let both = NewTaggings {
            things: vec![(TagTarget::Contact, who.uuid())],
            tags: vec![small, large],
            ..NewTaggings::default()
        };
        let refused = tagging::tag_things(&world.ctx, &world.owner, both).await;
        assert!(matches!(refused, Err(Error::Refused(_))));
        // The database itself would not have two.
        let forced = Query::new(
            "INSERT INTO tagging (workspace_id, id, tag_id, target, target_id, added_at, added_by,
                                  added_reason, single_group_id)
             SELECT workspace_id, $2, $3, target, target_id, added_at, added_by, '',
                    single_group_id FROM tagging WHERE id = $1",
        )
        .bind(past[1].id)
        .bind(world.ctx.id::<entity::id::TaggingId>())
        .bind(small)
        .execute(world.ctx.db.writer())
        .await;
        assert!(forced.is_err());
        world
    });
}

#[test]
fn of_two_who_set_a_single_group_at_once_both_succeed_and_one_value_is_left() {
    on_both(|world| async move {
        let who = people(&world, 3).await;
        let mut values = Vec::new();
        for n in 0..6 {
            values.push(tag(&world, &format!("Value {n}"), None).await);
        }
        single_group(&world, &values).await;
        for &who in &who {
            let puts = values.iter().map(|&value| put(&world, who, value, None));
            let made = futures::future::join_all(puts).await;
            assert_eq!(made.iter().sum::<usize>(), values.len());
            assert_eq!(active(&world, who).await.len(), 1);
            let replaced = history(&world, who).await;
            let replaced = replaced
                .iter()
                .filter(|one| one.ended == Some(TaggingEnd::Replaced));
            assert_eq!(replaced.count(), values.len() - 1);
        }
        assert_recounted(&world).await;
        world
    });
}

#[test]
fn tags_come_off_at_their_time_once_however_many_look() {
    on_both(|world| async move {
        let who = people(&world, 2).await;
        let trial = tag(&world, "Trial", None).await;
        let at = world.ctx.clock.now() + TimeDelta::hours(1);
        for &who in &who {
            put(&world, who, trial, Some(at)).await;
        }
        assert_eq!(expire(&world).await, 0);
        // A person may set another end.
        let later = at + TimeDelta::hours(1);
        assert_eq!(put(&world, who[1], trial, Some(later)).await, 0);
        world.clock.advance(TimeDelta::minutes(61));
        let ended = futures::future::join_all((0..4).map(|_| expire(&world))).await;
        assert_eq!(ended.iter().sum::<usize>(), 1);
        assert!(active(&world, who[0]).await.is_empty());
        let ended = &history(&world, who[0]).await[0];
        assert_eq!(
            (ended.ended, ended.removed_at),
            (Some(TaggingEnd::Expired), Some(at))
        );
        assert_eq!(active_tags(&world, who[1]).await, [trial]);
        world.clock.advance(TimeDelta::hours(1));
        // Taking it off by hand and its own end do not both happen.
        let request = [Request::contact(who[1], trial)];
        let by_hand = tagging::untag_many(&world.ctx, &world.owner, &request, "");
        let (by_hand, by_itself) = futures::future::join(by_hand, expire(&world)).await;
        assert_eq!(by_hand.unwrap() + by_itself, 1);
        assert_recounted(&world).await;
        let past = NewTaggings {
            things: vec![(TagTarget::Contact, who[0].uuid())],
            tags: vec![trial],
            expires_at: Some(world.ctx.clock.now()),
            ..NewTaggings::default()
        };
        assert!(
            tagging::tag_things(&world.ctx, &world.owner, past)
                .await
                .is_err()
        );
        world
    });
}

#[test]
fn what_a_rule_set_can_be_taken_over_and_withdrawn_and_it_takes_nothing_away() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let hot = tag(&world, "Hot", None).await;
        let cold = tag(&world, "Cold", None).await;
        let free = tag(&world, "Free", None).await;
        single_group(&world, &[hot, cold]).await;
        let heats = world
            .rule(
                "Heat",
                words(&["buy"]),
                vec![tag_contact(hot), tag_contact(free)],
            )
            .await;
        world
            .receive(&[("1", "a@x.example", "buy"), ("2", "b@x.example", "buy")])
            .await;
        world.drain().await;
        let find = async |email: &str| {
            let kind = entity::kind::IdentityKind::Email;
            let found = contact::find_by_identity(ctx, owner.workspace, kind, email).await;
            found.unwrap().unwrap().id
        };
        let (a, b) = (find("a@x.example").await, find("b@x.example").await);
        assert_eq!(active(&world, a).await.len(), 2);

        // A member makes one theirs; the interval of the rule ends, the tag stays.
        assert_eq!(put(&world, a, free, None).await, 1);
        let taken = history(&world, a).await;
        let taken = taken.iter().find(|one| one.ended.is_some()).unwrap();
        assert_eq!(taken.ended, Some(TaggingEnd::TakenOver));
        assert_eq!(active(&world, a).await.len(), 2);
        // A member's value stays whatever the rule says.
        put(&world, b, cold, None).await;
        world.receive(&[("3", "b@x.example", "buy")]).await;
        world.drain().await;
        assert!(active_tags(&world, b).await.contains(&cold));
        assert_recounted(&world).await;

        let asked = tagging::withdraw(ctx, owner, heats.id).await.unwrap();
        let turn = operation::run_due(ctx, domain::operations(), None, Limits::none()).await;
        assert!(turn.unwrap().steps > 0);
        let done = operation::find(ctx, owner.workspace, asked.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (done.state, done.total, done.done),
            (OperationState::Done, Some(2), 2)
        );
        assert_eq!(active_tags(&world, a).await, [free]);
        assert_eq!(active_tags(&world, b).await, [cold]);
        let withdrawn = history(&world, b).await;
        let withdrawn = withdrawn
            .iter()
            .filter(|one| one.ended == Some(TaggingEnd::Withdrawn));
        assert_eq!(withdrawn.count(), 1);
        assert_recounted(&world).await;

        // Deleting a rule can do the same.
        world.receive(&[("4", "c@x.example", "buy")]).await;
        world.drain().await;
        rule::delete_and_withdraw(ctx, owner, heats.id)
            .await
            .unwrap();
        let turn = operation::run_due(ctx, domain::operations(), None, Limits::none()).await;
        assert!(turn.unwrap().steps > 0);
        assert!(active(&world, find("c@x.example").await).await.is_empty());
        world
    });
}

#[test]
fn what_a_changed_rule_does_not_put_on_any_more_is_taken_back_if_somebody_asks_for_it() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let old = tag(&world, "Old", None).await;
        let both = tag(&world, "Both", None).await;
        let new = tag(&world, "New", None).await;
        let act = vec![tag_contact(old), tag_contact(both)];
        let rule = world.rule("Buyers", words(&["buy"]), act).await;
        world
            .receive(&[("1", "a@x.example", "buy"), ("2", "b@x.example", "buy")])
            .await;
        world.drain().await;
        let find = async |email: &str| {
            let kind = entity::kind::IdentityKind::Email;
            let found = contact::find_by_identity(ctx, owner.workspace, kind, email).await;
            found.unwrap().unwrap().id
        };
        let (a, b) = (find("a@x.example").await, find("b@x.example").await);
        // A member makes one of them theirs.
        put(&world, b, old, None).await;
        let work = async || {
            let turn = operation::run_due(ctx, domain::operations(), None, Limits::none()).await;
            turn.unwrap().steps
        };
        let changed = |withdraw| RuleChanges {
            actions: Some(vec![tag_contact(new), tag_contact(both)]),
            withdraw,
            ..RuleChanges::default()
        };
        // Neither a change nor a pause says anything about what was tagged.
        rule::update(ctx, owner, rule.id, changed(false))
            .await
            .unwrap();
        rule::set_active(ctx, owner, rule.id, false).await.unwrap();
        assert_eq!(work().await, 0);
        let sorted = |mut tags: Vec<TagId>| {
            tags.sort_unstable();
            tags
        };
        let tags = async |who| sorted(active_tags(&world, who).await);
        assert_eq!(tags(a).await, sorted(vec![old, both]));
        rule::update(ctx, owner, rule.id, changed(true))
            .await
            .unwrap();
        assert!(work().await > 0);
        assert_eq!(tags(a).await, [both]);
        assert_eq!(tags(b).await, sorted(vec![old, both]));
        assert_recounted(&world).await;
        world
    });
}

#[test]
fn a_tag_that_a_rule_now_puts_on_something_else_is_taken_back_from_what_it_was_on() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let buyer = tag(&world, "Buyer", None).await;
        let on_account = Action::TagAccount(TagAccount {
            tag_ids: vec![buyer.0],
        });
        let both = vec![tag_contact(buyer), on_account.clone()];
        let rule = world.rule("Buyers", words(&["buy"]), both).await;
        let acme = NewAccount {
            name: "Acme".to_owned(),
            ..NewAccount::default()
        };
        let acme = account::create(ctx, owner, acme).await.unwrap().id;
        let taro = NewContact {
            name: "Taro".to_owned(),
            email: Some("taro@x.example".to_owned()),
            account: Some(acme),
            ..NewContact::default()
        };
        let taro = contact::create(ctx, owner, taro).await.unwrap().id;
        world.receive(&[("1", "taro@x.example", "buy")]).await;
        world.drain().await;
        let carried = async |thing: Uuid| {
            let found = tagging::load_active(ctx, owner.workspace, &[thing]).await;
            found.unwrap().len()
        };
        assert_eq!((carried(taro.0).await, carried(acme.0).await), (1, 1));

        let changes = RuleChanges {
            actions: Some(vec![on_account]),
            withdraw: true,
            ..RuleChanges::default()
        };
        rule::update(ctx, owner, rule.id, changes).await.unwrap();
        let turn = operation::run_due(ctx, domain::operations(), None, Limits::none()).await;
        assert!(turn.unwrap().steps > 0);
        assert_eq!(carried(taro.0).await, 0, "it tags no contact any more");
        assert_eq!(carried(acme.0).await, 1, "it tags accounts still");
        assert_recounted(&world).await;
        world
    });
}

#[test]
fn what_a_program_does_is_done_by_its_token() {
    on_both(|world| async move {
        use secrecy::ExposeSecret as _;
        let who = people(&world, 1).await[0];
        let vip = tag(&world, "VIP", None).await;
        let new = token::NewToken {
            member: None,
            name: "CRM".to_owned(),
            scopes: vec![domain::access::Scope::Write],
            expires_at: None,
            integration: true,
        };
        let (made, secret) = token::create(&world.ctx, &world.owner, new).await.unwrap();
        let actor = token::authenticate(&world.ctx, secret.expose_secret()).await;
        let actor = actor.unwrap().unwrap();
        let request = [Request::contact(who, vip)];
        tagging::tag_many(&world.ctx, &actor, &request, "")
            .await
            .unwrap();
        let origin = Origin::Integration { token_id: made.id };
        assert_eq!(active(&world, who).await[0].added_by, origin.json());
        world
    });
}

#[test]
fn a_tag_is_made_and_put_on_in_one_go_or_not_at_all() {
    on_both(|world| async move {
        let who = people(&world, 1).await[0];
        let new = |name: &str| NewTag {
            kind: TagKind::Contact,
            name: name.to_owned(),
            description: String::new(),
            colour: None,
            parent: None,
            group: None,
        };
        let ask = |create| NewTaggings {
            things: vec![(TagTarget::Contact, who.uuid())],
            create,
            ..NewTaggings::default()
        };
        let (ctx, owner) = (&world.ctx, &world.owner);
        let made = tagging::tag_things(ctx, owner, ask(vec![new("New"), new("Newer")])).await;
        let made = made.unwrap();
        assert_eq!((made.added, made.created.len()), (2, 2));
        let refused = tagging::tag_things(ctx, owner, ask(vec![new("Third"), new("NEW")])).await;
        let Err(Error::Refused(errors)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(errors[0].path, ["create", "1", "name"]);
        let third = Query::new("SELECT name FROM tag WHERE name = 'Third'");
        let third: Option<String> = third.scalar(ctx.db.writer()).await.unwrap();
        assert_eq!(third, None);
        world
    });
}

/// Runs the operation to its end.
async fn finish(world: &World, asked: &Model) -> Model {
    let ctx = &world.ctx;
    let turn = operation::run_due(ctx, domain::operations(), None, Limits::none()).await;
    turn.unwrap();
    operation::find(ctx, world.owner.workspace, asked.id)
        .await
        .unwrap()
        .unwrap()
}

#[test]
fn everything_a_filter_finds_is_tagged_and_untagged_and_a_dry_run_changes_nothing() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let who = people(&world, 7).await;
        let top = tag(&world, "Top", None).await;
        let (one, two) = (
            tag(&world, "One", Some(top)).await,
            tag(&world, "Two", Some(top)).await,
        );
        single_group(&world, &[one, two]).await;
        put(&world, who[0], one, None).await;
        put(&world, who[1], two, None).await;
        let everybody = |add: &[TagId], remove: &[TagId]| NewBulk {
            which: Which::Contact(ContactFilter::default()),
            add: add.to_vec(),
            remove: remove.to_vec(),
            reason: "campaign".to_owned(),
            expires_at: None,
        };
        let asked = tagging::tag_by_filter(ctx, owner, everybody(&[one], &[]), true)
            .await
            .unwrap();
        let dry = finish(&world, &asked).await;
        assert_eq!(dry.progress["counts"]["added"], 6);
        assert_eq!((dry.total, dry.done), (Some(7), 7));
        assert!(active(&world, who[2]).await.is_empty());

        // Ids of one moment have no order.
        world.clock.advance(TimeDelta::seconds(1));
        let asked = tagging::tag_by_filter(ctx, owner, everybody(&[one], &[]), false)
            .await
            .unwrap();
        let done = finish(&world, &asked).await;
        assert_eq!((done.state, done.done), (OperationState::Done, 7));
        assert_eq!(done.progress["counts"]["added"], 6);
        for &who in &who {
            assert_eq!(active_tags(&world, who).await, [one]);
        }
        let replaced = history(&world, who[1]).await;
        assert_eq!(replaced[0].ended, Some(TaggingEnd::Replaced));
        assert_eq!(replaced[1].added_reason, "campaign");
        assert_recounted(&world).await;
        // Each has its entry in the log, which decodes like any other.
        let log = Query::new("SELECT data FROM change WHERE kind = 'tagging.added'");
        let log: Vec<serde_json::Value> = log.column(ctx.db.writer()).await.unwrap();
        let facts = log.into_iter().map(serde_json::from_value::<change::Fact>);
        let facts: Vec<_> = facts.collect::<Result<_, _>>().unwrap();
        assert_eq!(facts.len(), 8);

        // A filter on what the operation itself changes.
        let tagged = NewBulk {
            which: Which::Contact(ContactFilter {
                tags: TagFilter {
                    any: vec![top],
                    ..TagFilter::default()
                },
                ..ContactFilter::default()
            }),
            ..everybody(&[], &[one])
        };
        let asked = tagging::tag_by_filter(ctx, owner, tagged, false)
            .await
            .unwrap();
        let done = finish(&world, &asked).await;
        assert_eq!(done.progress["counts"]["removed"], 7);
        assert_recounted(&world).await;

        for (bulk, path) in [
            (everybody(&[], &[]), "addTagIds"),
            (everybody(&[one], &[one]), "removeTagIds"),
            (everybody(&[one, two], &[]), "addTagIds"),
            (everybody(&[ctx.id()], &[]), "addTagIds"),
        ] {
            let refused = tagging::tag_by_filter(ctx, owner, bulk, false).await;
            let Err(Error::Refused(errors)) = refused else {
                panic!("{path}: {refused:?}");
            };
            assert_eq!(errors[0].path, [path]);
        }
        assert_eq!(due::pending(ctx.reader()).await.unwrap(), 0);
        world
    });
}

#[test]
fn a_text_in_the_filter_tags_exactly_what_the_list_of_the_same_filter_has() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        for (name, kana, email) in [
            ("Tanaka Hanako", None, "ht@customer.example"),
            ("田中 花子", Some("タナカ ハナコ"), "x1@customer.example"),
            ("Yamada", None, "Tanaka.Hanako@customer.example"),
            ("Tanaka Taro", None, "x2@customer.example"),
        ] {
            let new = NewContact {
                name: name.to_owned(),
                email: Some(email.to_owned()),
                profile: ProfileChanges {
                    kana: kana.map(|kana| Some(kana.to_owned())),
                    ..ProfileChanges::default()
                },
                ..NewContact::default()
            };
            contact::create(ctx, owner, new).await.unwrap();
            world.clock.advance(TimeDelta::milliseconds(1));
        }
        for (text, expected) in [
            ("hanako tanaka", 2),
            ("たなか", 1),
            ("ＴＡＮＡＫＡ", 3),
            ("nobody", 0),
            (" ", 4),
        ] {
            let filter = ContactFilter {
                text: Some(text.to_owned()),
                ..ContactFilter::default()
            };
            let page = PageRequest::first(100);
            let order = ContactOrder::CreatedAsc;
            let listed = contact::list(ctx, owner.workspace, filter.clone(), order, &page).await;
            let listed: Vec<ContactId> = listed.unwrap().rows.iter().map(|(_, c)| c.id).collect();
            assert_eq!(listed.len(), expected, "{text}");
            let tag = tag(&world, &format!("T{text}"), None).await;
            for dry_run in [true, false] {
                let bulk = NewBulk {
                    which: Which::Contact(filter.clone()),
                    add: vec![tag],
                    remove: Vec::new(),
                    reason: String::new(),
                    expires_at: None,
                };
                let asked = tagging::tag_by_filter(ctx, owner, bulk, dry_run).await;
                let done = finish(&world, &asked.unwrap()).await;
                assert_eq!(done.progress["counts"]["added"], expected, "{text}");
                assert_eq!((done.total, done.done), (Some(4), 4), "{text}");
            }
            let tagged = TagFilter {
                any: vec![tag],
                ..TagFilter::default()
            };
            assert_eq!(
                self::listed(&world, tagged).await,
                listed.into_iter().collect(),
                "{text}"
            );
        }
        let long = ContactFilter {
            text: Some("x".repeat(201)),
            ..ContactFilter::default()
        };
        let bulk = NewBulk {
            which: Which::Contact(long),
            add: vec![tag(&world, "Long", None).await],
            remove: Vec::new(),
            reason: String::new(),
            expires_at: None,
        };
        let refused = tagging::tag_by_filter(ctx, owner, bulk, false).await;
        let Err(Error::Refused(errors)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(errors[0].path, ["things", "contacts", "text"]);
        world
    });
}

#[test]
fn a_dry_run_counts_what_a_playbook_set_as_the_run_then_does() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let who = people(&world, 3).await;
        let tag = tag(&world, "Warm", None).await;
        put(&world, who[0], tag, None).await;
        put(&world, who[1], tag, None).await;
        let book = Origin::Playbook {
            playbook_id: ctx.id(),
            version: 1,
        };
        Query::new("UPDATE tagging SET added_by = $1 WHERE target_id = $2")
            .bind(book.json())
            .bind(who[0])
            .execute(ctx.db.writer())
            .await
            .unwrap();
        let bulk = NewBulk {
            which: Which::Contact(ContactFilter::default()),
            add: vec![tag],
            remove: Vec::new(),
            reason: String::new(),
            expires_at: None,
        };
        for dry_run in [true, false] {
            let asked = tagging::tag_by_filter(ctx, owner, bulk.clone(), dry_run).await;
            let done = finish(&world, &asked.unwrap()).await;
            assert_eq!(done.progress["counts"]["added"], 2, "dry run: {dry_run}");
            world.clock.advance(TimeDelta::seconds(1));
        }
        world
    });
}

#[test]
fn conversations_and_accounts_are_tagged_by_the_texts_their_lists_find_them_by() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let inbox = inbox::list(ctx, owner.workspace).await.unwrap()[0].id;
        let message = |n: usize, subject: &str, body: &str| NewMessage {
            external_id: n.to_string(),
            thread_keys: Vec::new(),
            email: format!("writer{n}@customer.example"),
            name: Some(format!("Writer {n}")),
            direction: Direction::Inbound,
            author: None,
            automatic: false,
            subject: subject.to_owned(),
            body: body.to_owned(),
            sent_at: ctx.clock.now(),
        };
        let messages = vec![
            message(1, "ＡＣＭＥ　order", "?"),
            message(2, "?", "about the ORDER of acme"),
            message(3, "order", "?"),
        ];
        conversation::ingest(ctx, owner, inbox, messages)
            .await
            .unwrap();
        for name in ["Acme Order KK", "Other"] {
            let new = NewAccount {
                name: name.to_owned(),
                ..NewAccount::default()
            };
            account::create(ctx, owner, new).await.unwrap();
        }
        let text = Some("order acme".to_owned());
        let topic = world.tag(TagKind::Conversation, "Topic", None).await;
        let kind = tag(&world, "Kind", None).await;
        for (which, tag, expected) in [
            (
                Which::Conversation(ConversationFilter {
                    text: text.clone(),
                    ..ConversationFilter::default()
                }),
                topic,
                2,
            ),
            (
                Which::Account(AccountFilter {
                    text,
                    ..AccountFilter::default()
                }),
                kind,
                1,
            ),
        ] {
            let bulk = NewBulk {
                which,
                add: vec![tag],
                remove: Vec::new(),
                reason: String::new(),
                expires_at: None,
            };
            let asked = tagging::tag_by_filter(ctx, owner, bulk, false).await;
            let done = finish(&world, &asked.unwrap()).await;
            assert_eq!(done.progress["counts"]["added"], expected);
        }
        world
    });
}

/// What may happen to taggings; numbers choose among the contacts, tags and rules there are.
#[derive(Debug, Clone)]
enum Act {
    Put(Vec<(usize, usize)>, Option<i64>),
    TakeOff(Vec<(usize, usize)>),
    Rule(usize, usize),
    Move(usize, usize),
    Everybody(usize),
    Wait(i64),
}

fn act() -> impl Strategy<Value = Act> {
    let pairs = || proptest::collection::vec((0..5_usize, 0..7_usize), 1..5);
    prop_oneof![
        4 => (pairs(), proptest::option::weighted(0.3, 1..20_i64)).prop_map(|(pairs, end)| Act::Put(pairs, end)),
        3 => pairs().prop_map(Act::TakeOff),
        2 => (0..5_usize, 0..3_usize).prop_map(|(who, rule)| Act::Rule(who, rule)),
        1 => (4..7_usize, proptest::sample::select(vec![0_usize, 4, 5, 6, 7]))
            .prop_map(|(tag, to)| Act::Move(tag, to)),
        1 => (0..7_usize).prop_map(Act::Everybody),
        2 => (1..15_i64).prop_map(Act::Wait),
    ]
}

type Carried = BTreeMap<ContactId, BTreeSet<TagId>>;

async fn carried(world: &World, who: &[ContactId]) -> Carried {
    let mut carried = Carried::new();
    for &who in who {
        carried.insert(who, active_tags(world, who).await.into_iter().collect());
    }
    carried
}

async fn listed(world: &World, tags: TagFilter) -> BTreeSet<ContactId> {
    let filter = ContactFilter {
        tags,
        ..ContactFilter::default()
    };
    let page = PageRequest::first(100);
    let found = contact::list(
        &world.ctx,
        world.owner.workspace,
        filter,
        ContactOrder::CreatedAsc,
        &page,
    );
    found
        .await
        .unwrap()
        .rows
        .into_iter()
        .map(|(_, one)| one.id)
        .collect()
}

#[derive(FromQueryResult)]
struct Link {
    tag_id: TagId,
    ancestor_id: TagId,
}

/// The filter as set logic, on what each contact carries.
fn holds(
    filter: &TagFilter,
    tags: &BTreeSet<TagId>,
    above: &[(TagId, TagId)],
    group: &[TagId],
) -> bool {
    let has = |wanted: &TagId| {
        tags.iter().any(|tag| {
            tag == wanted || (filter.with_descendants && above.contains(&(*tag, *wanted)))
        })
    };
    (filter.any.is_empty() || filter.any.iter().any(has))
        && filter.all.iter().all(has)
        && !filter.none.iter().any(has)
        && (filter.group_empty.is_empty() || !group.iter().any(|value| tags.contains(value)))
        && filter
            .untagged
            .is_none_or(|untagged| untagged == tags.is_empty())
}

#[test]
fn whatever_happens_the_derived_tables_are_right_and_filters_are_set_logic_now_and_then() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let who = people(&world, 5).await;
        let root = tag(&world, "Root", None).await;
        let mut tags = vec![root];
        for (name, parent) in [
            ("A", 0),
            ("B", 0),
            ("BA", 2),
            ("F", 0),
            ("FA", 4),
            ("FAA", 5),
        ] {
            let made = tag(
                &world,
                name,
                (parent > 0 || name.len() == 1).then(|| tags[parent]),
            )
            .await;
            tags.push(made);
        }
        let values = [tags[1], tags[2], tags[3]];
        let group = single_group(&world, &values).await;
        for (rule, place) in [1, 2, 5].into_iter().enumerate() {
            let word = format!("word{rule}");
            world
                .rule(&word, words(&[&word]), vec![tag_contact(tags[place])])
                .await;
        }
        let mut runner = TestRunner::deterministic();
        let acts = proptest::collection::vec(act(), 40);
        let acts = acts.new_tree(&mut runner).unwrap().current();
        let mut moments: Vec<(DateTime<Utc>, Carried)> = Vec::new();
        for (number, act) in acts.into_iter().enumerate() {
            let pairs = |pairs: &[(usize, usize)]| -> Vec<Request> {
                let pairs = pairs.iter();
                pairs
                    .map(|&(w, t)| Request::contact(who[w], tags[t]))
                    .collect()
            };
            match &act {
                Act::Put(asked, end) => {
                    for one in pairs(asked) {
                        let end = end.map(|s| ctx.clock.now() + TimeDelta::seconds(s));
                        put(&world, ContactId(one.target_id), one.tag, end).await;
                    }
                }
                Act::TakeOff(asked) => {
                    tagging::untag_many(ctx, owner, &pairs(asked), "")
                        .await
                        .unwrap();
                }
                Act::Rule(w, rule) => {
                    let (id, email) = (format!("m{number}"), format!("p{w}@customer.example"));
                    world
                        .receive(&[(&id, &email, &format!("word{rule}"))])
                        .await;
                    world.drain().await;
                }
                Act::Move(t, to) => {
                    // Into its own subtree is refused, which is as good.
                    let parent = tags.get(*to).copied();
                    let place = Place {
                        parent,
                        group: None,
                    };
                    let moved = catalogue::move_to(ctx, owner, tags[*t], place, false);
                    moved.await.ok();
                }
                Act::Everybody(t) => {
                    let bulk = NewBulk {
                        which: Which::Contact(ContactFilter::default()),
                        add: vec![tags[*t]],
                        remove: Vec::new(),
                        reason: String::new(),
                        expires_at: None,
                    };
                    let asked = tagging::tag_by_filter(ctx, owner, bulk, false)
                        .await
                        .unwrap();
                    finish(&world, &asked).await;
                }
                Act::Wait(seconds) => {
                    world.clock.advance(TimeDelta::seconds(*seconds));
                    expire(&world).await;
                }
            }
            assert_recounted(&world).await;
            let now = carried(&world, &who).await;
            for tags in now.values() {
                let held = values.iter().filter(|value| tags.contains(value)).count();
                assert!(held <= 1, "{act:?}");
            }
            moments.push((ctx.clock.now(), now));
            world.clock.advance(TimeDelta::milliseconds(10));
            expire(&world).await;
        }

        let links: Vec<Link> = Query::new("SELECT tag_id, ancestor_id FROM tag_closure")
            .all(ctx.db.writer())
            .await
            .unwrap();
        let above: Vec<_> = links
            .iter()
            .map(|link| (link.tag_id, link.ancestor_id))
            .collect();
        let some = || proptest::collection::vec(0..7_usize, 0..3);
        let filters = (
            some(),
            some(),
            some(),
            any::<bool>(),
            any::<bool>(),
            any::<Option<bool>>(),
        );
        for round in 0..120 {
            let drawn = filters.new_tree(&mut runner).unwrap().current();
            let named = |places: &[usize]| -> Vec<TagId> {
                places.iter().map(|&place| tags[place]).collect()
            };
            // Now, or at one of the moments before.
            let (at, state) = if round % 2 == 0 {
                (None, carried(&world, &who).await)
            } else {
                let (at, state) = &moments[round % moments.len()];
                (Some(*at), state.clone())
            };
            let filter = TagFilter {
                any: named(&drawn.0),
                all: named(&drawn.1),
                none: named(&drawn.2),
                with_descendants: drawn.3,
                group_empty: if drawn.4 { vec![group] } else { Vec::new() },
                untagged: drawn.5.filter(|_| round % 3 == 0),
                at,
            };
            let expected: BTreeSet<ContactId> = state
                .iter()
                .filter(|(_, tags)| holds(&filter, tags, &above, &values))
                .map(|(who, _)| *who)
                .collect();
            assert_eq!(
                listed(&world, filter.clone()).await,
                expected,
                "{filter:?} {state:?}"
            );
        }
        for (at, state) in moments {
            for (who, tags) in state {
                let found = tagging::load_at(ctx, owner.workspace, &[who.uuid()], at).await;
                let found: BTreeSet<_> = found.unwrap().iter().map(|one| one.tag_id).collect();
                assert_eq!(found, tags, "at {at}");
            }
        }
        world
    });
}
