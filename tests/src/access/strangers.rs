//! Another workspace's ids in every place that takes one.
//!
//! The places are derived from the schema: a new argument or input field of type ID is tried
//! without anybody writing a test for it. An id of somebody else's must be answered like an id of
//! nobody's, to the letter, and must change nothing.
//!
//! A place that is for one kind of id is tried with that kind and two others. `EVERY_KIND=1 tests/run -p tests
//! access::strangers` tries each place with every kind, which takes some six times as long.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use domain::{
    contact::{self, NewContact},
    port::{Hint, Work},
};
use entity::id::Id as _;
use futures::{FutureExt as _, StreamExt as _};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, Statement};
use serde_json::{Value, json};

use super::{
    house::{Door, House, canary, clear},
    place::{Place, places_of, put},
    table::{Row, rows},
};
use crate::support::{
    World, on_both,
    process::until,
    sdl::{Root, Sdl, is_required},
};

/// What our own stream is called among those of a stranger.
const OURS: &str = "ours";
/// How many changes we ourselves hear of at least.
const TOLD: usize = 5;
/// How long that may take on a busy machine.
const LIMIT: Duration = Duration::from_mins(2);

/// Queries that take an id of any kind.
const ANYTHING: &[&str] = &["node", "nodes"];

/// Conditions are read in one place whatever takes them: each of their ids is tried in as many fields
/// as this, not in all.
const CONDITIONS: usize = 2;

/// The same kind of id, of nothing.
fn nobodys(id: &str) -> String {
    let (prefix, digits) = id.split_once('_').expect("an id");
    let flipped: String = digits
        .chars()
        .map(|digit| {
            if digit == '0' {
                'e'
            } else if digit == 'e' {
                '0'
            } else {
                digit
            }
        })
        .collect();
    format!("{prefix}_{flipped}")
}

/// What the address of an export begins with.
const TICKET: &str = "/v1/exports/";

/// A mutation that answers with a file of what its filter finds, as lists answer: nothing for what is not
/// there. What is in files is tried in `record`.
const FILES: &[&str] = &["exportRecords"];

/// The answer with every id, cursor and secret made alike.
fn masked(answer: &Value) -> String {
    let text = answer.to_string();
    let mut masked = String::with_capacity(text.len());
    let mut digits = String::new();
    for letter in text.chars().chain([' ']) {
        if letter.is_ascii_hexdigit() {
            digits.push(letter);
            continue;
        }
        if digits.len() == 32 {
            masked.push('*');
        } else {
            masked.push_str(&digits);
        }
        digits.clear();
        masked.push(letter);
    }
    let Some((before, ticket)) = masked.split_once(TICKET) else {
        return masked;
    };
    let after = ticket.find('"').map_or("", |end| &ticket[end..]);
    format!("{before}{TICKET}*{after}")
}

#[test]
fn an_id_of_another_workspace_is_answered_like_one_of_nobody() {
    on_both(|world| async move {
        let sdl = Sdl::current();
        let door = Door::new(&world.ctx);
        let ours = House::furnish(&world, &door, &world.owner, "a").await;
        let stranger = World::workspace(&world.ctx, "Stranger", "stranger.example").await;
        let mut theirs = House::furnish(&world, &door, &stranger, "b").await;
        let before = contents(&world).await;
        let mut wrong = Vec::new();
        let (mut tried, mut turn) = (0, 0);
        let mut conditions: BTreeMap<(String, String), usize> = BTreeMap::new();
        for row in rows().iter().filter(|row| row.root != Root::Subscription) {
            let field = sdl.root(row.root, row.field).expect("a field");
            // A mutation says what is wrong at the top of its payload.
            let depth = if row.root == Root::Mutation { 1 } else { 2 };
            let document = sdl.operation(row.root, field, depth);
            for place in places_of(&sdl, field) {
                if let Some(inside) = place.inside_a_condition() {
                    let fields = conditions.entry(inside).or_default();
                    *fields += 1;
                    if *fields > CONDITIONS {
                        continue;
                    }
                }
                turn += 1;
                for (word, id) in tried_at(&place, row, &ours, turn) {
                    let mut answers = Vec::new();
                    let mut variables = theirs.fill(&row.variables);
                    for id in [id.to_owned(), nobodys(id)] {
                        put(&sdl, &mut variables, &place, &id);
                        let answer = door.ask(&stranger, &document, &variables).await;
                        answers.push(masked(&answer));
                    }
                    tried += 1;
                    let at = format!("{} {} = a {word}", row.field, place.name());
                    if answers[0] != answers[1] {
                        wrong.push(format!("{at}: {}\n  instead of {}", answers[0], answers[1]));
                    }
                    if is_malformed(&answers[0]) {
                        wrong.push(format!("{at} is not asked rightly: {}", answers[0]));
                    }
                    if answers[0].contains(&canary("a")) {
                        wrong.push(format!("{at} shows what is ours: {}", answers[0]));
                    }
                    let worked = row.root == Root::Mutation
                        && !FILES.contains(&row.field)
                        && is_success(&answers[0], row.field);
                    if worked {
                        wrong.push(format!("{at} was accepted: {}", answers[0]));
                    }
                }
            }
        }
        assert!(
            wrong.is_empty(),
            "{} of {tried}:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        assert!(tried > 200, "only {tried} were tried");
        assert_eq!(contents(&world).await, before, "what is ours has changed");
        clear(&world).await;
        world
    });
}

fn kind_of(id: &str) -> &str {
    id.split_once('_').map_or(id, |(kind, _)| kind)
}

/// A thing for each kind of id: `contact`, and not also `spare_contact`.
fn one_of_each_kind(house: &House) -> Vec<(&str, &str)> {
    let mut kinds = BTreeSet::new();
    let things = house.things();
    let things = things.filter(|&(_, id)| kinds.insert(kind_of(id)));
    things.collect()
}

/// The things a place is tried with: of the kind it is for, and two others by turns. An id of another kind is refused
/// by its prefix, before anybody looks for it. Where nothing says what a place is for, and where `EVERY_KIND` is set,
/// one of each kind.
fn tried_at<'h>(place: &Place, row: &Row, ours: &'h House, turn: usize) -> Vec<(&'h str, &'h str)> {
    let all = one_of_each_kind(ours);
    if std::env::var_os("EVERY_KIND").is_some() {
        return all;
    }
    let example = place.get(&row.variables).and_then(Value::as_str);
    let example = example.and_then(|text| ours.ids.get(text.strip_prefix('@')?));
    let kind = match example {
        _ if ANYTHING.contains(&row.field) => None,
        Some(id) => Some(kind_of(id)),
        None => place.kind(),
    };
    let Some(meant) = all.iter().find(|(_, id)| Some(kind_of(id)) == kind) else {
        return all;
    };
    let others = all.iter().filter(|(_, id)| Some(kind_of(id)) != kind);
    let others = others.cycle().skip(2 * turn % all.len()).take(2);
    [meant].into_iter().chain(others).copied().collect()
}

/// Whether the schema refused the question itself, so that nothing was tried. Its errors have no
/// code until the transport gives them one.
fn is_malformed(answer: &str) -> bool {
    let answer: Value = serde_json::from_str(answer).expect("JSON");
    let errors = answer["errors"].as_array().into_iter().flatten();
    errors
        .into_iter()
        .any(|error| error["extensions"]["code"].is_null())
}

fn is_success(answer: &str, field: &str) -> bool {
    let answer: Value = serde_json::from_str(answer).expect("JSON");
    let told = &answer["data"][field];
    let mistakes = told["userErrors"].as_array();
    // Where each item stands for itself, it says so itself.
    let lists = told
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::values);
    let mut items = lists.filter_map(Value::as_array).flatten();
    let is_rejected = items.any(|item| item["outcome"] == "REJECTED");
    answer["errors"].is_null() && mistakes.is_none_or(Vec::is_empty) && !is_rejected
}

#[test]
fn a_stranger_who_lists_and_follows_everything_sees_nothing_of_ours() {
    on_both(|world| async move {
        let sdl = Sdl::current();
        let door = Door::new(&world.ctx);
        let stranger = World::workspace(&world.ctx, "Stranger", "stranger.example").await;
        let mut ours = House::furnish(&world, &door, &world.owner, "a").await;
        let fields = sdl.fields(Root::Query.name()).into_iter();
        for field in fields.filter(|one| !one.arguments.iter().any(|one| is_required(&one.node))) {
            let document = sdl.operation(Root::Query, field, 3);
            let answer = door.ask(&stranger, &document, &json!({})).await.to_string();
            assert!(
                !answer.contains(&canary("a")),
                "{}: {answer}",
                field.name.node
            );
        }

        // From the very beginning of the log, and with each of our ids as a filter.
        let mut streams = Vec::new();
        let changes = "subscription { changes { subjectId contactId } }";
        let stream = door.follow(&world.owner, changes, &json!({}));
        streams.push((OURS.to_owned(), Box::pin(stream)));
        for field in sdl.fields(Root::Subscription.name()) {
            let document = sdl.operation(Root::Subscription, field, 1);
            let mut variables = vec![json!({ "after": "0.0" })];
            for place in places_of(&sdl, field) {
                for (_, id) in ours.things() {
                    let mut with_id = json!({});
                    put(&sdl, &mut with_id, &place, id);
                    variables.push(with_id);
                }
            }
            for variables in variables {
                let stream = door.follow(&stranger, &document, &variables);
                streams.push((format!("{} {variables}", field.name.node), Box::pin(stream)));
            }
        }
        let requests: Vec<_> = rows()
            .iter()
            .filter(|row| row.root == Root::Mutation)
            .map(|row| {
                let field = sdl.root(row.root, row.field).expect("a field");
                (sdl.operation(row.root, field, 0), ours.fill(&row.variables))
            })
            .collect();
        let told = AtomicUsize::new(0);
        let wake = || {
            for workspace in [world.owner.workspace, stranger.workspace] {
                let work = Work::Changes;
                let _ = door.hints.send(Hint {
                    workspace: workspace.uuid(),
                    work,
                });
            }
        };
        // A stream begins when it is first asked, and finds the end of the log then.
        let done = async {
            until("our own stream to begin", LIMIT, async || {
                let new = NewContact {
                    name: "Heard of".to_owned(),
                    ..NewContact::default()
                };
                let made = contact::create(&world.ctx, &world.owner, new).await;
                made.expect("a contact");
                wake();
                (told.load(Ordering::SeqCst) > 0).then_some(())
            })
            .await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            let before = told.load(Ordering::SeqCst);
            for (document, variables) in &requests {
                door.ask(&world.owner, document, variables).await;
            }
            until("what we do to be told", LIMIT, async || {
                wake();
                (told.load(Ordering::SeqCst) > before + TOLD).then_some(())
            })
            .await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        let done = done.shared();
        let heard = streams.iter_mut().map(async |(name, stream)| {
            let counted = stream.inspect(|_| {
                if name.as_str() == OURS {
                    told.fetch_add(1, Ordering::SeqCst);
                }
            });
            let answers: Vec<_> = counted.take_until(done.clone()).collect().await;
            let named = answers
                .into_iter()
                .map(|answer| format!("{name}: {answer}"));
            named.collect::<Vec<_>>()
        });
        let heard = futures::future::join_all(heard).await.concat();
        let control = heard.iter().filter(|answer| answer.starts_with("ours:"));
        assert!(
            control.count() > TOLD,
            "we ourselves hear what happens: {heard:?}"
        );
        let is_ours = |answer: &str| {
            let told = answer.split_once("\"data\":{").map(|(_, told)| told);
            told.is_some_and(|told| ours.things().any(|(_, id)| told.contains(id)))
        };
        let leaks: Vec<_> = heard
            .iter()
            .filter(|answer| !answer.starts_with("ours:") && is_ours(answer))
            .collect();
        assert!(leaks.is_empty(), "{leaks:?}");
        drop((done, streams));
        clear(&world).await;
        world
    });
}

/// Every row of the first workspace, as text.
async fn contents(world: &World) -> Vec<String> {
    let connection = world.ctx.reader();
    let backend = connection.get_database_backend();
    let is_postgres = backend == DatabaseBackend::Postgres;
    let tables = if is_postgres {
        "SELECT table_name FROM information_schema.columns
         WHERE column_name = 'workspace_id' AND table_schema = 'public' ORDER BY 1"
    } else {
        "SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c
         WHERE m.type = 'table' AND c.name = 'workspace_id' ORDER BY 1"
    };
    let texts = async |statement: String| -> Vec<String> {
        let statement = Statement::from_string(backend, statement);
        let rows = connection
            .query_all_raw(statement)
            .await
            .expect("a statement");
        rows.iter()
            .map(|row| row.try_get_by_index(0).expect("a text"))
            .collect()
    };
    let workspace = world.owner.workspace.0;
    let mut contents = Vec::new();
    for table in texts(tables.to_owned()).await {
        let statement = if is_postgres {
            format!(
                "SELECT CAST(t AS text) FROM {table} t WHERE workspace_id = '{workspace}' ORDER BY 1"
            )
        } else {
            let columns = format!("SELECT name FROM pragma_table_info('{table}')");
            let columns: Vec<_> = texts(columns)
                .await
                .iter()
                .map(|name| format!("quote(\"{name}\")"))
                .collect();
            let (columns, id) = (columns.join(" || ',' || "), workspace.simple());
            format!("SELECT {columns} FROM {table} WHERE workspace_id = X'{id}' ORDER BY 1")
        };
        let rows = texts(statement).await;
        contents.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
    }
    assert!(contents.len() > 20, "{contents:?}");
    contents
}
