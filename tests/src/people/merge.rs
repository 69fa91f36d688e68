//! Merging and taking apart: every row comes back, also with changes in between.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use domain::{
    attribute::{Setting, Value},
    contact::{
        self, ContactChanges, ContactFilter, ContactOrder, ProfileChanges,
        erase::{PERSONAL_TABLES, erase},
        merge::{self, Follows, MERGED_TABLES},
        subscription::{self, NewState},
    },
    email::{self, NewEmailEvent},
    error::{Error, UserErrorCode},
    event::{self, NewEvent},
    note,
    page::PageRequest,
    stage::NewStage,
    store::Query,
    subject::Subject,
    tag::{self, Request, TagFilter, tagging},
    task::{self, NewTask},
};
use entity::{
    id::{ContactId, TagId},
    kind::{
        AttributeType, BounceKind, Channel, EmailEventKind, LifecycleStage, SubjectKind,
        SubscriptionState as State, TagKind, TagTarget,
    },
};

use super::{
    define,
    dump::{assert_complete, dump, naming, tables},
    refusals,
};
use crate::support::{
    World,
    engine::{a_task, contact_of, email_event},
    on_both,
};

const TARO: &str = "taro@customer.example";
const HANAKO: &str = "hanako@customer.example";

pub(super) async fn record(world: &World, id: &str, email: &str, kind: EmailEventKind) {
    let (key, now) = (format!("mail to {email}"), world.ctx.clock.now());
    let event = NewEmailEvent {
        bounce: (kind == EmailEventKind::Bounced).then_some(BounceKind::Hard),
        ..email_event(id, &key, email, kind, now)
    };
    email::ingest(&world.ctx, &world.owner, vec![event])
        .await
        .unwrap();
}

async fn act(world: &World, id: &str, email: &str) {
    let event = NewEvent {
        external_id: id.to_owned(),
        whose: email.to_owned().into(),
        name: "login".to_owned(),
        properties: serde_json::json!({}),
        occurred_at: world.ctx.clock.now(),
    };
    event::ingest(&world.ctx, &world.owner, vec![event])
        .await
        .unwrap();
}

/// Taro and Hanako with something of everything; both carry `both`, each their own tag below it.
async fn two(world: &World) -> (ContactId, ContactId, [TagId; 3]) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let both = world.tag(TagKind::Contact, "both", None).await;
    let tags = [
        both,
        world.tag(TagKind::Contact, "his", Some(both)).await,
        world.tag(TagKind::Contact, "hers", Some(both)).await,
    ];
    world
        .receive(&[("1", TARO, "Hello"), ("2", HANAKO, "Good day")])
        .await;
    let text = define(world, SubjectKind::Contact, "text", AttributeType::Text).await;
    let more = define(world, SubjectKind::Contact, "more", AttributeType::Text).await;
    for (index, email) in [TARO, HANAKO].into_iter().enumerate() {
        let id = contact_of(world, email).await;
        let mut attributes = vec![Setting {
            attribute: text,
            value: Some(Value::Text(email.to_owned())),
        }];
        if index == 1 {
            attributes.push(Setting {
                attribute: more,
                value: Some(Value::Text("hers alone".to_owned())),
            });
        }
        let changes = contact::ContactChanges {
            profile: ProfileChanges {
                phone: (index == 1).then(|| Some("03-1234-5678".to_owned())),
                stage: Some(NewStage {
                    stage: Some(LifecycleStage::Lead),
                    reason: String::new(),
                }),
                attributes,
                ..ProfileChanges::default()
            },
            ..contact::ContactChanges::default()
        };
        contact::update(ctx, owner, id, changes).await.unwrap();
        note::add(ctx, owner, Subject::from(id), &["id"], email)
            .await
            .unwrap();
        let todo = NewTask {
            contact: Some(id),
            ..a_task(&format!("Call {email}"))
        };
        task::create(ctx, owner, todo).await.unwrap();
        act(world, &format!("login {index}"), email).await;
        record(world, &format!("sent {index}"), email, EmailEventKind::Sent).await;
        record(
            world,
            &format!("open {index}"),
            email,
            EmailEventKind::Opened,
        )
        .await;
        let state = NewState {
            channel: Channel::Email,
            topic: "news".to_owned(),
            state: [State::Subscribed, State::Unsubscribed][index],
            reason: ["", "Asked us on the phone"][index].to_owned(),
        };
        subscription::set(ctx, owner, id, state).await.unwrap();
        let own = tags[index + 1];
        let requests = [Request::contact(id, both), Request::contact(id, own)];
        tagging::tag_many(ctx, owner, &requests, "").await.unwrap();
    }
    world.clock.advance(TimeDelta::minutes(1));
    (
        contact_of(world, TARO).await,
        contact_of(world, HANAKO).await,
        tags,
    )
}

/// Every row that has to come back. What is left out records that there was a merge, or when
/// something was last computed.
async fn rows(world: &World) -> BTreeMap<String, Vec<String>> {
    let mut rows = dump(world).await;
    for table in [
        "account_standing_note",
        "audit_entry",
        "change",
        "contact_health",
        "contact_merge",
        "contact_merge_row",
        "health_history",
        "latest_change",
        "projection_cursor",
        "search_state",
        "search_tail",
        "tag_count",
    ] {
        rows.remove(table);
    }
    // What is left out has its entries.
    let timeline = rows.get_mut("timeline_entry").expect("the timeline");
    let left_out = ["HEALTH_CHANGED", "CONTACT_"];
    timeline.retain(|row| !left_out.iter().any(|kind| row.contains(kind)));
    rows
}

async fn counts(world: &World, tags: [TagId; 3]) -> Vec<(i64, i64)> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let counts = tag::catalogue::load_counts(ctx, workspace, &tags)
        .await
        .unwrap();
    let of = |tag: &TagId| {
        let mut counts = counts.iter();
        let count = counts.find(|one| one.tag_id == *tag && one.target == TagTarget::Contact);
        count.map_or((0, 0), |count| (count.direct, count.total))
    };
    tags.iter().map(of).collect()
}

async fn listed(world: &World, tag: Option<TagId>) -> BTreeSet<ContactId> {
    let filter = ContactFilter {
        tags: TagFilter {
            any: tag.into_iter().collect(),
            ..TagFilter::default()
        },
        ..ContactFilter::default()
    };
    let page = PageRequest::first(10);
    let order = ContactOrder::CreatedAsc;
    let found = contact::list(&world.ctx, world.owner.workspace, filter, order, &page).await;
    found
        .unwrap()
        .rows
        .into_iter()
        .map(|(_, one)| one.id)
        .collect()
}

#[test]
fn what_was_merged_comes_apart_row_by_row() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let (taro, hanako, tags) = two(&world).await;
        world.drain().await;
        let before = rows(&world).await;
        let counted = counts(&world, tags).await;
        assert_eq!(counted, [(2, 2), (1, 1), (1, 1)]);

        let preview = merge::preview(ctx, owner.workspace, taro, hanako)
            .await
            .unwrap();
        assert_eq!(preview.filled, ["phone"]);
        let follows: BTreeMap<_, _> = preview.rows.into_iter().collect();
        assert_eq!(follows["message"], 1);
        assert_eq!(follows["tagging"], 2);
        assert_eq!(rows(&world).await, before, "a preview changes nothing");

        let merged = merge::merge(ctx, owner, taro, hanako, "One person")
            .await
            .unwrap();
        world.drain().await;
        let one = contact::find(ctx, owner.workspace, hanako)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(one.id, taro, "the merged id is answered with the survivor");
        assert_eq!(one.phone.as_deref(), Some("+81312345678"));
        let asked = [hanako, taro];
        let answers = contact::load_answering(ctx, owner.workspace, &asked)
            .await
            .unwrap();
        assert_eq!((answers[&hanako].id, answers[&taro].id), (taro, taro));
        assert_eq!(contact_of(&world, HANAKO).await, taro);
        assert_eq!(listed(&world, None).await, BTreeSet::from([taro]));
        let hers = listed(&world, Some(tags[2])).await;
        assert_eq!(hers, BTreeSet::from([taro]));
        assert_eq!(counts(&world, tags).await, [(1, 1), (1, 1), (1, 1)]);
        let state = subscription::load(ctx, owner.workspace, &[taro])
            .await
            .unwrap();
        assert_eq!(
            state[0].state,
            State::Unsubscribed,
            "who said no goes on saying no"
        );
        assert_eq!(state[0].reason, "Asked us on the phone");
        let refused = merge::merge(ctx, owner, taro, hanako, "").await;
        assert_eq!(refusals(refused), ["mergedId NotFound"]);

        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        world.drain().await;
        let after = rows(&world).await;
        for (table, rows) in &before {
            assert_eq!(&after[table], rows, "{table}");
        }
        assert_eq!(counts(&world, tags).await, counted);
        let both = listed(&world, None).await;
        assert_eq!(both, BTreeSet::from([taro, hanako]));
        let refused = merge::unmerge(ctx, owner, merged.id).await;
        assert_eq!(refusals(refused), ["id Invalid"]);
        world
    });
}

#[test]
fn what_came_between_stays_with_whom_it_belongs_to() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let (taro, hanako, tags) = two(&world).await;
        let before = contact::find(ctx, owner.workspace, taro).await.unwrap();
        let before = before.unwrap();
        let merged = merge::merge(ctx, owner, taro, hanako, "").await.unwrap();
        world.clock.advance(TimeDelta::minutes(1));
        // In her thread, about her email, and a tag taken off and another put on by hand.
        let told = world.receive(&[("3", HANAKO, "And another thing")]).await;
        record(&world, "click", HANAKO, EmailEventKind::Clicked).await;
        let off = [Request::contact(taro, tags[2])];
        tagging::untag_many(ctx, owner, &off, "").await.unwrap();
        let new = world.tag(TagKind::Contact, "new", None).await;
        let on = [Request::contact(taro, new)];
        tagging::tag_many(ctx, owner, &on, "").await.unwrap();
        let rename = contact::ContactChanges {
            name: Some("Taro Yamada".to_owned()),
            profile: ProfileChanges {
                phone: Some(Some("090-1234-5678".to_owned())),
                ..ProfileChanges::default()
            },
            ..contact::ContactChanges::default()
        };
        contact::update(ctx, owner, taro, rename).await.unwrap();
        note::add(ctx, owner, Subject::from(taro), &["id"], "After")
            .await
            .unwrap();
        world.drain().await;

        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        world.drain().await;
        let his = contact::find(ctx, owner.workspace, taro)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(his.name, "Taro Yamada");
        assert_eq!(his.phone.as_deref(), Some("+819012345678"));
        let hers = contact::find(ctx, owner.workspace, hanako)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(hers.phone.as_deref(), Some("+81312345678"));
        let messages = domain::conversation::load_messages(ctx, owner.workspace, &told).await;
        let messages = messages.unwrap();
        assert_eq!(messages[0].contact_id, hanako);
        // Her message moved her activity and not his; what it was for him came back.
        assert_eq!(hers.last_message_id, Some(told[0]));
        assert_eq!(hers.last_activity_at, Some(messages[0].sent_at));
        assert_eq!(his.last_activity_at, before.last_activity_at);
        assert_eq!(his.last_message_id, before.last_message_id);
        let active = async |id: ContactId| {
            let found = tagging::load_active(ctx, owner.workspace, &[id.0])
                .await
                .unwrap();
            found
                .into_iter()
                .map(|one| one.tag_id)
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(active(taro).await, BTreeSet::from([tags[0], tags[1], new]));
        // Hers was taken off while they were one; the double comes back.
        assert_eq!(active(hanako).await, BTreeSet::from([tags[0]]));
        assert_eq!(counts(&world, tags).await, [(2, 2), (1, 1), (0, 0)]);
        let notes = async |id: ContactId| {
            let page = PageRequest::first(10);
            let notes = note::list(ctx, owner.workspace, id.into(), &page)
                .await
                .unwrap();
            notes
                .rows
                .into_iter()
                .map(|(_, note)| note.body)
                .collect::<Vec<_>>()
        };
        assert_eq!(notes(taro).await, ["After", TARO]);
        assert_eq!(notes(hanako).await, [HANAKO]);
        let clicks = dump(&world).await.remove("email_event").unwrap();
        assert_eq!(clicks.len(), 5);
        world
    });
}

#[test]
fn merges_are_undone_from_the_newest() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        world
            .receive(&[
                ("1", "a@x.example", ""),
                ("2", "b@x.example", ""),
                ("3", "c@x.example", ""),
            ])
            .await;
        let a = contact_of(&world, "a@x.example").await;
        let b = contact_of(&world, "b@x.example").await;
        let c = contact_of(&world, "c@x.example").await;
        world.drain().await;
        let before = rows(&world).await;
        let first = merge::merge(ctx, owner, b, a, "").await.unwrap();
        world.clock.advance(TimeDelta::seconds(1));
        let second = merge::merge(ctx, owner, c, b, "").await.unwrap();
        let one = contact::find(ctx, owner.workspace, a)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(one.id, c, "however long the way is");
        let refused = merge::unmerge(ctx, owner, first.id).await;
        assert_eq!(refusals(refused), ["id Invalid"]);
        merge::unmerge(ctx, owner, second.id).await.unwrap();
        merge::unmerge(ctx, owner, first.id).await.unwrap();
        world.drain().await;
        assert_eq!(rows(&world).await, before);
        let refused = merge::merge(ctx, owner, a, a, "").await;
        assert_eq!(refusals(refused), ["mergedId Contradictory"]);
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let refused = merge::merge(ctx, &stranger, a, b, "").await;
        assert_eq!(refusals(refused), ["survivorId NotFound"]);
        world
    });
}

#[test]
fn what_cannot_be_done_to_a_merged_contact_says_into_whom_it_was_merged() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        world
            .receive(&[("1", "a@x.example", ""), ("2", "b@x.example", "")])
            .await;
        let stays = contact_of(&world, "a@x.example").await;
        let goes = contact_of(&world, "b@x.example").await;
        merge::merge(ctx, owner, stays, goes, "").await.unwrap();
        let changed = contact::update(ctx, owner, goes, ContactChanges::default()).await;
        let merged = merge::merge(ctx, owner, stays, goes, "").await;
        let shown = merge::preview(ctx, owner.workspace, goes, stays).await;
        let noted = note::add(ctx, owner, goes.into(), &["subjectId"], "Hello").await;
        let erased = erase(ctx, owner, goes).await;
        let survivor = format!("Name that one: {stays}.");
        for told in [
            changed.err(),
            merged.err(),
            shown.err(),
            noted.err(),
            erased.err(),
        ] {
            let Some(Error::Refused(errors)) = &told else {
                panic!("{told:?}");
            };
            assert_eq!(errors[0].code, UserErrorCode::NotFound);
            assert!(errors[0].message.contains(&survivor), "{errors:?}");
        }
        world
    });
}

#[test]
fn every_table_that_names_a_contact_has_its_line() {
    on_both(|world| async move {
        let listed: BTreeSet<(String, String)> = MERGED_TABLES
            .iter()
            .map(|line| (line.table.to_owned(), line.column.to_owned()))
            .collect();
        let found = naming(&world, "contact").await;
        assert_complete("MERGED_TABLES", &listed, &found);
        let erased: BTreeSet<String> = PERSONAL_TABLES
            .iter()
            .map(|line| line.table.to_owned())
            .collect();
        let all: BTreeSet<String> = tables(&world).await.into_iter().collect();
        assert_complete("PERSONAL_TABLES", &erased, &all);
        world
    });
}

#[test]
fn nobody_elses_rows_are_read_to_find_those_of_a_person() {
    on_both(|world| async move {
        // PostgreSQL chooses by what is in the tables, of which there is nothing here.
        if world.ctx.db.backend() != sea_orm::DatabaseBackend::Sqlite {
            return world;
        }
        let moved = MERGED_TABLES.iter().filter(|line| {
            !matches!(
                line.follows,
                Follows::Record | Follows::Derived | Follows::Other
            )
        });
        let moved = moved.map(|line| (line.table, format!("t.{} = $2", line.column)));
        let erased = PERSONAL_TABLES.iter().flat_map(|line| {
            let conditions = line.personal.conditions().iter();
            conditions.map(move |one| {
                let one = one.replace("{r}", "(SELECT p.value AS id FROM json_each($2) p) r");
                (line.table, one)
            })
        });
        // What an audit of the tags carries about is of one run, and goes with it.
        let asked = moved.chain(erased);
        for (table, condition) in asked.filter(|(table, _)| !table.starts_with("tag_quality_")) {
            let plan = Query::new(format!(
                "EXPLAIN QUERY PLAN SELECT 1 FROM {table} t WHERE t.workspace_id = $1 AND {condition}"
            ))
            .bind(world.owner.workspace)
            .bind("[]".to_owned())
            .raw(world.ctx.reader())
            .await
            .unwrap();
            for row in plan {
                let detail: String = row.try_get("", "detail").unwrap();
                let reads = detail.starts_with("SCAN t ") || detail.starts_with("SEARCH t ");
                assert!(
                    !reads || detail.contains(" AND "),
                    "{table}: {condition}: {detail}"
                );
            }
        }
        world
    });
}
