//! Who is counted, credited and tagged when a link is followed.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::{
    access::{Actor, Origin},
    contact::{ContactRef, erase, merge},
    event::{self, EventFilter, NewEvent},
    link::{self, Followed, LinkChanges, LinkFilter, NewLink, Utm, Visitor},
    page::PageRequest,
    store::Query,
    tag::{
        Request,
        catalogue::{self, Merge, UseKind},
        tagging,
    },
};
use entity::{
    id::{ContactId, Id as _, TagId, TrackedLinkId},
    kind::{Channel, TagKind},
    tracked_link::Model,
};
use serde_json::json;

use crate::support::{World, engine::contact_of, on_both, refusal::refusals};

const TARO: &str = "taro@customer.example";
const HANAKO: &str = "hanako@customer.example";

fn to_shop(name: &str) -> NewLink {
    NewLink {
        name: name.to_owned(),
        target_url: "https://shop.example/spring?size=m".to_owned(),
        ..NewLink::default()
    }
}

async fn make(world: &World, new: NewLink) -> Model {
    let made = link::create(&world.ctx, &world.owner, new).await;
    made.expect("a link")
}

async fn follow(world: &World, link: &Model, how: Followed, visitor: &Visitor) {
    let opened = link::open(&world.ctx, &link.slug).await.unwrap();
    let opened = opened.expect("the link");
    link::follow(&world.ctx, &opened, how, visitor)
        .await
        .unwrap();
}

async fn now(world: &World, id: TrackedLinkId) -> Model {
    let found = link::load(&world.ctx, world.owner.workspace, &[id]).await;
    found.unwrap().remove(0)
}

/// Clicks, scans, machines and contacts.
async fn counts(world: &World, id: TrackedLinkId) -> [i64; 4] {
    let now = now(world, id).await;
    [
        now.click_count,
        now.scan_count,
        now.machine_count,
        now.contact_count,
    ]
}

async fn people(world: &World) -> (ContactId, ContactId) {
    world
        .receive(&[("1", TARO, "Hello"), ("2", HANAKO, "Good day")])
        .await;
    (
        contact_of(world, TARO).await,
        contact_of(world, HANAKO).await,
    )
}

/// The names of what a contact did, sorted.
async fn done(world: &World, contact: ContactId) -> Vec<String> {
    let filter = EventFilter {
        contact: Some(contact),
        ..EventFilter::default()
    };
    let page = PageRequest::first(100);
    let found = event::list(&world.ctx, world.owner.workspace, &filter, &page).await;
    let mut names: Vec<String> = found
        .unwrap()
        .rows
        .into_iter()
        .map(|(_, event)| event.name)
        .collect();
    names.sort();
    names
}

async fn tags_on(world: &World, contact: ContactId) -> Vec<TagId> {
    let ids = [contact.uuid()];
    let found = tagging::load_active(&world.ctx, world.owner.workspace, &ids).await;
    found.unwrap().into_iter().map(|one| one.tag_id).collect()
}

#[test]
fn a_contact_who_follows_a_link_is_credited_each_time_and_tagged_once() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let (taro, hanako) = people(&world).await;
        let tag = world.tag(TagKind::Contact, "Spring", None).await;
        let new = NewLink {
            channel: Some(Channel::Line),
            tags: vec![tag],
            utm: Utm {
                source: Some("line".to_owned()),
                ..Utm::default()
            },
            ..to_shop("Spring on LINE")
        };
        let link = make(&world, new).await;
        let other = make(&world, to_shop("Another")).await;
        let token = link::token(&ctx.vault, link.id, taro).unwrap();
        assert_eq!(link::token(&ctx.vault, link.id, taro), Some(token.clone()));
        assert_eq!(link::contact_of(&ctx.vault, link.id, &token), Some(taro));
        assert_eq!(link::contact_of(&ctx.vault, other.id, &token), None);

        follow(&world, &link, Followed::Click, &Visitor::Contact(taro)).await;
        follow(&world, &link, Followed::Click, &Visitor::Contact(taro)).await;
        follow(&world, &link, Followed::Scan, &Visitor::Contact(taro)).await;
        follow(&world, &link, Followed::Click, &Visitor::Unknown).await;
        follow(
            &world,
            &link,
            Followed::ByMachine,
            &Visitor::Contact(hanako),
        )
        .await;
        assert_eq!(counts(&world, link.id).await, [3, 1, 1, 1]);
        assert_eq!(counts(&world, other.id).await, [0; 4]);
        assert_eq!(
            now(&world, link.id).await.last_followed_at,
            Some(ctx.clock.now())
        );
        assert_eq!(
            done(&world, taro).await,
            ["link_clicked", "link_clicked", "qr_scanned"]
        );
        assert_eq!(done(&world, hanako).await, [""; 0]);
        let told: Vec<serde_json::Value> =
            Query::new("SELECT properties FROM event WHERE workspace_id = $1 AND name = $2")
                .bind(owner.workspace)
                .bind(link::SCANNED)
                .column(ctx.reader())
                .await
                .unwrap();
        let expected = json!({
            "linkId": link.id, "slug": link.slug, "name": "Spring on LINE", "channel": "LINE",
            "url": "https://shop.example/spring?size=m&utm_source=line",
        });
        assert_eq!(told, [expected]);

        let taggings = tagging::load_active(ctx, owner.workspace, &[taro.uuid()]).await;
        let taggings = taggings.unwrap();
        assert_eq!(taggings.len(), 1);
        let by = Origin::TrackedLink { link_id: link.id };
        assert_eq!(taggings[0].added_by, by.json());
        assert_eq!(taggings[0].added_reason, "Spring on LINE");
        assert!(tags_on(&world, hanako).await.is_empty());

        // Who takes it off is not overruled by the next click; another link may put it on.
        tagging::untag_many(ctx, owner, &[Request::contact(taro, tag)], "")
            .await
            .unwrap();
        follow(&world, &link, Followed::Click, &Visitor::Contact(taro)).await;
        assert!(tags_on(&world, taro).await.is_empty());
        let changes = LinkChanges {
            tags: Some(vec![tag]),
            ..LinkChanges::default()
        };
        link::update(ctx, owner, other.id, changes).await.unwrap();
        follow(&world, &other, Followed::Click, &Visitor::Contact(taro)).await;
        assert_eq!(tags_on(&world, taro).await, [tag]);

        world.clock.advance(TimeDelta::days(1));
        follow(&world, &link, Followed::Scan, &Visitor::Contact(hanako)).await;
        let days = link::series(ctx, &link, None, None).await.unwrap();
        assert_eq!(days.len(), 30);
        let shown: Vec<_> = days[27..]
            .iter()
            .map(|day| [day.clicks, day.scans, day.machines, day.contacts])
            .collect();
        assert_eq!(shown, [[0; 4], [4, 1, 1, 1], [0, 1, 0, 1]]);
        world
    });
}

#[test]
fn a_visitor_is_credited_if_they_are_known_and_never_made() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let link = make(&world, to_shop("Spring")).await;
        let seen = NewEvent {
            external_id: "seen".to_owned(),
            whose: ContactRef::AnonymousId("visitor-1".to_owned()).into(),
            name: "page_viewed".to_owned(),
            properties: json!({}),
            occurred_at: ctx.clock.now(),
        };
        event::ingest(ctx, owner, vec![seen]).await.unwrap();
        for id in ["visitor-1", "visitor-2", " ", "a\0b"] {
            let visitor = Visitor::Anonymous(id.to_owned());
            follow(&world, &link, Followed::Click, &visitor).await;
        }
        assert_eq!(counts(&world, link.id).await, [4, 0, 0, 1]);
        let people: Vec<ContactId> = Query::new("SELECT id FROM contact WHERE workspace_id = $1")
            .bind(owner.workspace)
            .column(ctx.reader())
            .await
            .unwrap();
        assert_eq!(people.len(), 1);
        assert_eq!(
            done(&world, people[0]).await,
            ["link_clicked", "page_viewed"]
        );
        world
    });
}

#[test]
fn many_who_follow_at_once_are_all_counted_and_tagged_once() {
    on_both(|world| async move {
        let (taro, hanako) = people(&world).await;
        let tag = world.tag(TagKind::Contact, "Spring", None).await;
        let new = NewLink {
            tags: vec![tag],
            ..to_shop("Spring")
        };
        let link = make(&world, new).await;
        let visitors = [
            Visitor::Unknown,
            Visitor::Contact(taro),
            Visitor::Contact(hanako),
        ];
        let visits =
            (0..12).map(|number| follow(&world, &link, Followed::Click, &visitors[number % 3]));
        futures::future::join_all(visits).await;
        assert_eq!(counts(&world, link.id).await, [12, 0, 0, 2]);
        for contact in [taro, hanako] {
            assert_eq!(done(&world, contact).await, ["link_clicked"; 4]);
            assert_eq!(tags_on(&world, contact).await, [tag]);
        }
        let days = link::series(&world.ctx, &link, None, None).await.unwrap();
        let today = days.last().unwrap();
        assert_eq!((today.clicks, today.contacts), (12, 2));
        world
    });
}

#[test]
fn a_personal_link_follows_merges_and_forgets_who_was_erased() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let (taro, hanako) = people(&world).await;
        let both = make(&world, to_shop("Both")).await;
        let hers = make(&world, to_shop("Hers")).await;
        follow(&world, &both, Followed::Click, &Visitor::Contact(taro)).await;
        follow(&world, &both, Followed::Click, &Visitor::Contact(hanako)).await;
        follow(&world, &hers, Followed::Click, &Visitor::Contact(hanako)).await;
        let noted = async || -> BTreeSet<(TrackedLinkId, ContactId)> {
            let mut rows = BTreeSet::new();
            for contact in [taro, hanako] {
                let links: Vec<TrackedLinkId> = Query::new(
                    "SELECT link_id FROM tracked_link_contact
                     WHERE workspace_id = $1 AND contact_id = $2",
                )
                .bind(owner.workspace)
                .bind(contact)
                .column(ctx.reader())
                .await
                .unwrap();
                rows.extend(links.into_iter().map(|link| (link, contact)));
            }
            rows
        };
        let hers_alone = BTreeSet::from([(both.id, hanako), (hers.id, hanako)]);
        let mut before = hers_alone.clone();
        before.insert((both.id, taro));
        assert_eq!(noted().await, before);

        let merged = merge::merge(ctx, owner, taro, hanako, "").await.unwrap();
        follow(&world, &hers, Followed::Click, &Visitor::Contact(hanako)).await;
        assert_eq!(done(&world, taro).await, ["link_clicked"; 4]);
        assert_eq!(counts(&world, hers.id).await, [2, 0, 0, 1]);
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        assert_eq!(noted().await, before);

        erase::erase(ctx, owner, taro).await.unwrap();
        follow(&world, &both, Followed::Click, &Visitor::Contact(taro)).await;
        assert_eq!(counts(&world, both.id).await, [3, 0, 0, 2]);
        assert_eq!(noted().await, hers_alone);
        let left: Option<i64> =
            Query::new("SELECT COUNT(*) FROM event WHERE workspace_id = $1 AND contact_id = $2")
                .bind(owner.workspace)
                .bind(taro)
                .scalar(ctx.reader())
                .await
                .unwrap();
        assert_eq!(left, Some(0));
        world
    });
}

#[test]
fn a_slug_is_one_links_in_the_whole_installation_and_for_good() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let chosen = |slug: &str| NewLink {
            slug: Some(slug.to_owned()),
            ..to_shop("Spring")
        };
        let ours = make(&world, chosen("Spring")).await;
        assert_eq!(ours.slug, "spring");
        let theirs = link::create(ctx, &stranger, chosen("SPRING")).await;
        assert_eq!(refusals(theirs), ["slug Taken"]);
        let theirs = link::create(ctx, &stranger, to_shop("Spring"))
            .await
            .unwrap();
        assert_eq!(theirs.slug.len(), 10);
        assert_ne!(make(&world, to_shop("Spring")).await.slug, theirs.slug);

        // A link is followed by whoever has its address, and is counted where it belongs.
        let opened = link::open(ctx, &theirs.slug).await.unwrap().unwrap();
        let (taro, _) = people(&world).await;
        link::follow(ctx, &opened, Followed::Click, &Visitor::Contact(taro))
            .await
            .unwrap();
        assert_eq!(done(&world, taro).await, [""; 0]);
        let found = link::load(ctx, stranger.workspace, &[theirs.id])
            .await
            .unwrap();
        assert_eq!((found[0].click_count, found[0].contact_count), (1, 0));
        assert!(
            link::load(ctx, owner.workspace, &[theirs.id])
                .await
                .unwrap()
                .is_empty()
        );
        let changes = LinkChanges::default();
        let refused = link::update(ctx, owner, theirs.id, changes).await;
        assert_eq!(refusals(refused), ["id NotFound"]);
        let refused = link::set_archived(ctx, owner, theirs.id, true).await;
        assert_eq!(refusals(refused), ["id NotFound"]);

        link::set_archived(ctx, owner, ours.id, true).await.unwrap();
        let opened = link::open(ctx, "SPRING").await.unwrap().unwrap();
        assert!(opened.has_ended(ctx.clock.now()));
        assert_eq!(
            refusals(link::create(ctx, owner, chosen("spring")).await),
            ["slug Taken"]
        );
        link::set_archived(ctx, owner, ours.id, false)
            .await
            .unwrap();
        let soon = ctx.clock.now() + TimeDelta::hours(1);
        let changes = LinkChanges {
            expires_at: Some(Some(soon)),
            ..LinkChanges::default()
        };
        link::update(ctx, owner, ours.id, changes).await.unwrap();
        let opened = link::open(ctx, "spring").await.unwrap().unwrap();
        assert!(!opened.has_ended(ctx.clock.now()));
        assert!(opened.has_ended(soon));
        world.drain_of(stranger.workspace).await;
        world
    });
}

#[test]
fn every_mistake_is_told_with_its_place_and_nothing_is_half_made() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let foreign = foreign_tag(&world, &stranger).await;
        let topic = world.tag(TagKind::Conversation, "Topic", None).await;
        let wrong = NewLink {
            name: " ".to_owned(),
            slug: Some("a/b".to_owned()),
            target_url: "javascript:alert(1)".to_owned(),
            campaign: Some(world.ctx.id()),
            tags: vec![foreign],
            utm: Utm {
                term: Some("x".repeat(201)),
                ..Utm::default()
            },
            expires_at: Some(ctx.clock.now()),
            ..NewLink::default()
        };
        let expected = [
            "name Required",
            "slug Invalid",
            "targetUrl Invalid",
            "utm.term TooLong",
            "expiresAt Invalid",
            "campaignId NotFound",
            "tagIds.0 NotFound",
        ];
        assert_eq!(refusals(link::create(ctx, owner, wrong).await), expected);
        let wrong = NewLink {
            tags: vec![topic],
            ..to_shop("Spring")
        };
        let refused = link::create(ctx, owner, wrong).await;
        assert_eq!(refusals(refused), ["tagIds.0 KindMismatch"]);
        let page = PageRequest::first(10);
        let found = link::list(ctx, owner.workspace, &LinkFilter::default(), &page).await;
        assert!(found.unwrap().rows.is_empty());

        let link = make(&world, to_shop("Ｓｐｒｉｎｇ sale")).await;
        let changes = LinkChanges {
            name: Some("Summer".to_owned()),
            target_url: Some("ftp://shop.example/".to_owned()),
            ..LinkChanges::default()
        };
        let refused = link::update(ctx, owner, link.id, changes).await;
        assert_eq!(refusals(refused), ["targetUrl Invalid"]);
        assert_eq!(now(&world, link.id).await, link);
        for (text, expected) in [("spring", 1), ("SALE", 1), ("summer", 0), ("%", 0)] {
            let filter = LinkFilter {
                text: Some(text.to_owned()),
                ..LinkFilter::default()
            };
            let found = link::list(ctx, owner.workspace, &filter, &page).await;
            assert_eq!(found.unwrap().rows.len(), expected, "{text}");
        }
        world.drain_of(stranger.workspace).await;
        world
    });
}

async fn foreign_tag(world: &World, owner: &Actor) -> TagId {
    let new = domain::tag::NewTag::named(TagKind::Contact, "Theirs");
    let made = catalogue::create(&world.ctx, owner, new).await;
    made.expect("a tag").id
}

#[test]
fn a_link_keeps_its_tags_from_going_and_follows_when_they_are_merged() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let (taro, _) = people(&world).await;
        let old = world.tag(TagKind::Contact, "Old", None).await;
        let new = world.tag(TagKind::Contact, "New", None).await;
        let link = NewLink {
            tags: vec![old],
            ..to_shop("Spring")
        };
        let link = make(&world, link).await;
        let usage = async |tag: TagId| {
            let usage = catalogue::usage(ctx, owner.workspace, tag).await;
            usage.unwrap().expect("a tag")
        };
        let found = usage(old).await;
        let uses: Vec<_> = found
            .uses
            .iter()
            .map(|one| (one.kind, one.name.as_str(), one.active))
            .collect();
        assert_eq!(uses, [(UseKind::TrackedLink, "Spring", true)]);
        let refused = catalogue::delete(ctx, owner, old, &found.token).await;
        assert_eq!(refusals(refused), ["id InUse"]);

        let merge = Merge {
            sources: vec![old],
            target: new,
            keep_newest: false,
        };
        catalogue::merge(ctx, owner, merge).await.unwrap();
        follow(&world, &link, Followed::Click, &Visitor::Contact(taro)).await;
        assert_eq!(tags_on(&world, taro).await, [new]);

        link::set_archived(ctx, owner, link.id, true).await.unwrap();
        let token = usage(new).await.token;
        catalogue::delete(ctx, owner, new, &token).await.unwrap();
        link::set_archived(ctx, owner, link.id, false)
            .await
            .unwrap();
        follow(&world, &link, Followed::Click, &Visitor::Contact(taro)).await;
        assert!(tags_on(&world, taro).await.is_empty());
        world
    });
}
