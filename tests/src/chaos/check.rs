//! What has to be there after the storm: each thing that was acknowledged and each effect of it, once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use domain::store::{Db, Query};
use entity::{
    id::{DeliveryId, RuleId, SegmentId, TagId},
    kind::DeliveryState,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Blow, Course, Planned, Stage, VIPS};
use crate::support::receiver::{Call, Receiver};

/// How long a call may be on its way to where its moment is noted, on a busy machine.
const ON_ITS_WAY: Duration = Duration::from_secs(3);
/// Calls under way when somebody is struck, at most: each target is called once at a time.
const UNDER_WAY: usize = VIPS;
/// Two leases of a projection: within that time 99 of 100 strikes are got over.
const RESUMED: Duration = Duration::from_secs(20);

#[derive(Debug, FromQueryResult)]
struct Fired {
    external_id: String,
    rule_id: RuleId,
    times: i64,
}

#[derive(Debug, FromQueryResult)]
struct Tagged {
    tag_id: TagId,
    target_id: Uuid,
    times: i64,
}

#[derive(Debug, FromQueryResult)]
struct Delivered {
    id: DeliveryId,
    state: DeliveryState,
}

/// Compares what is there with what was planned; says what the receiver saw.
pub(super) async fn check(
    database: &Db,
    stage: &Stage,
    planned: &[Planned],
    slack: &Receiver,
    course: &Course,
    is_long: bool,
) -> String {
    check_messages(database, planned).await;
    check_firings(database, stage, planned).await;
    check_taggings(database, stage, planned).await;
    check_followers(database, stage).await;
    let calls = slack.calls();
    let received = check_deliveries(database, planned, &calls).await;
    let repeated = check_repetitions(&calls, &course.struck, is_long);
    let resumed = check_resuming(&calls, course, is_long);
    format!("{received} deliveries received, {repeated}; {resumed}")
}

/// What was acknowledged is there, and nothing else.
async fn check_messages(database: &Db, planned: &[Planned]) {
    let reader = database.reader();
    let stored: Vec<String> = Query::new("SELECT external_id FROM message")
        .column(reader)
        .await
        .expect("messages");
    let once: BTreeSet<&str> = stored.iter().map(String::as_str).collect();
    let sent: BTreeSet<&str> = planned.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(stored.len(), once.len(), "a message is there twice");
    assert_eq!(
        once, sent,
        "the messages are not those that were acknowledged"
    );
}

/// Each rule fired once where it should.
async fn check_firings(database: &Db, stage: &Stage, planned: &[Planned]) {
    let reader = database.reader();
    let fired: Vec<Fired> = Query::new(
        "SELECT m.external_id, f.rule_id, COUNT(*) AS times FROM rule_firing f
         JOIN message m ON m.workspace_id = f.workspace_id AND m.id = f.message_id
         GROUP BY m.external_id, f.rule_id",
    )
    .all(reader)
    .await
    .expect("firings");
    let fired: BTreeMap<(String, String), i64> = fired
        .into_iter()
        .map(|one| ((one.external_id, one.rule_id.to_string()), one.times))
        .collect();
    let wanted: BTreeMap<(String, String), i64> = planned
        .iter()
        .flat_map(|one| {
            stage
                .firings(one)
                .map(|rule| ((one.id.clone(), rule.to_owned()), 1))
        })
        .collect();
    let missing: Vec<_> = wanted
        .keys()
        .filter(|key| !fired.contains_key(*key))
        .collect();
    assert!(
        missing.is_empty(),
        "{} firings are missing: {missing:?}",
        missing.len()
    );
    assert_eq!(fired, wanted, "a rule fired twice, or where it should not");
}

/// Each tag is once on what a rule found.
async fn check_taggings(database: &Db, stage: &Stage, planned: &[Planned]) {
    let reader = database.reader();
    let tagged: Vec<Tagged> = Query::new(
        "SELECT tag_id, target_id, COUNT(*) AS times FROM tagging GROUP BY tag_id, target_id",
    )
    .all(reader)
    .await
    .expect("taggings");
    assert!(
        tagged.iter().all(|one| one.times == 1),
        "a tag is on something twice"
    );
    let carriers = |tag: &str| {
        let things = tagged.iter().filter(|one| one.tag_id.to_string() == tag);
        things
            .map(|one| one.target_id)
            .collect::<BTreeSet<_>>()
            .len()
    };
    let emails = |wanted: fn(&Planned) -> bool| {
        let those = planned.iter().filter(|one| wanted(one));
        those.map(|one| &one.email).collect::<BTreeSet<_>>().len()
    };
    assert_eq!(
        carriers(&stage.partner),
        emails(|one| one.is_about_partners)
    );
    assert_eq!(carriers(&stage.trial), emails(|one| one.is_about_trials));
}

/// A contact with the tag is in the segment, went through the playbook once, and nobody else did.
async fn check_followers(database: &Db, stage: &Stage) {
    let reader = database.reader();
    let ids = async |what: &str| -> Vec<Uuid> {
        let query = Query::new(format!("SELECT {what}"));
        query.column(reader).await.expect("ids")
    };
    let tagged: Vec<Tagged> =
        Query::new("SELECT tag_id, target_id, COUNT(*) AS times FROM tagging GROUP BY 1, 2")
            .all(reader)
            .await
            .expect("taggings");
    let carriers = |tag: &str| -> BTreeSet<Uuid> {
        let things = tagged.iter().filter(|one| one.tag_id.to_string() == tag);
        things.map(|one| one.target_id).collect()
    };
    let wanted = carriers(&stage.trial);
    assert_eq!(carriers(&stage.followed), wanted, "who was followed up");
    let segments: Vec<SegmentId> = Query::new("SELECT DISTINCT segment_id FROM segment_member")
        .column(reader)
        .await
        .expect("segments");
    assert!(
        segments.iter().all(|id| id.to_string() == stage.triers),
        "{segments:?}"
    );
    for (what, found) in [
        ("members", ids("subject_id FROM segment_member").await),
        ("enrolments", ids("contact_id FROM enrolment").await),
        (
            "enrolments that came to the end",
            ids("contact_id FROM enrolment WHERE state = 'DONE'").await,
        ),
        ("tasks", ids("contact_id FROM task").await),
    ] {
        assert_eq!(found.len(), wanted.len(), "{what}");
        let found: BTreeSet<Uuid> = found.into_iter().collect();
        assert_eq!(found, wanted, "{what}");
    }
}

/// Each delivery came, whenever it came under one key; says how many there are.
async fn check_deliveries(database: &Db, planned: &[Planned], calls: &[Call]) -> usize {
    let reader = database.reader();
    let delivered: Vec<Delivered> = Query::new("SELECT id, state FROM delivery")
        .all(reader)
        .await
        .expect("deliveries");
    let wanted = planned.iter().filter(|one| one.vip.is_some()).count();
    assert_eq!(delivered.len(), wanted, "deliveries");
    let lost: Vec<_> = delivered
        .iter()
        .filter(|one| one.state != DeliveryState::Delivered)
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
    let mut keys: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for call in calls {
        keys.entry(call.delivery()).or_default().insert(call.key());
    }
    let ids: BTreeSet<String> = delivered.iter().map(|one| one.id.to_string()).collect();
    let received: BTreeSet<String> = keys.keys().map(|&id| id.to_owned()).collect();
    assert_eq!(received, ids, "what was received is not what was asked for");
    let changed: Vec<_> = keys.values().filter(|keys| keys.len() != 1).collect();
    assert!(
        changed.is_empty(),
        "a repetition came under another key: {changed:?}"
    );
    ids.len()
}

/// A receiver hears of a delivery again only where somebody was struck between the two calls: each target is called
/// once at a time, so that a strike finds one call to each. Says how many calls came again, and how late. In the long
/// form, which has the machine for itself, they are few.
fn check_repetitions(calls: &[Call], struck: &[Blow], is_long: bool) -> String {
    let mut deliveries: BTreeMap<&str, Vec<Instant>> = BTreeMap::new();
    for call in calls {
        deliveries.entry(call.delivery()).or_default().push(call.at);
    }
    let (mut repeated, mut longest) = (0, Duration::ZERO);
    for (id, moments) in &mut deliveries {
        moments.sort();
        // All but the last call were followed by another.
        for pair in moments.windows(2) {
            let (at, again) = (pair[0], pair[1]);
            // Who is struck before the answer is written down has to call again, however long that takes.
            let is_explained = struck
                .iter()
                .any(|(from, to)| *from <= again && at <= *to + ON_ITS_WAY);
            assert!(is_explained, "{id} was sent again without a strike");
            repeated += 1;
            longest = longest.max(again - at);
        }
    }
    let most = struck.len() * UNDER_WAY;
    assert!(repeated <= most, "{repeated} repetitions, {most} explained");
    // Calls take moments: most are not under way when somebody is struck.
    assert!(
        !is_long || repeated <= deliveries.len() / 2,
        "{repeated} repetitions of {} deliveries",
        deliveries.len()
    );
    format!("{repeated} of them again under the same id, {longest:.1?} later at most")
}

/// How long it took after each blow until a receiver was called. In the long form it is seldom longer than two
/// leases; a short one has too few blows to say more than how it was.
fn check_resuming(calls: &[Call], course: &Course, is_long: bool) -> String {
    let mut moments: Vec<Instant> = calls.iter().map(|call| call.at).collect();
    moments.sort();
    let blows = course.struck.iter().map(|(_, to)| *to);
    let mut waits: Vec<Duration> = blows
        .filter(|to| *to < course.brought)
        .filter_map(|to| Some(*moments.iter().find(|at| **at > to)? - to))
        .collect();
    waits.sort();
    let p99 = p99(&waits);
    assert!(
        !is_long || p99 <= RESUMED,
        "p99 from a strike to the next call: {p99:.1?}"
    );
    format!(
        "p99 from a strike to the next call {p99:.1?} of {}",
        waits.len()
    )
}

/// The value that 99 of 100 do not exceed, of sorted ones.
fn p99(sorted: &[Duration]) -> Duration {
    let place = (sorted.len() * 99).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
}

#[test]
fn one_of_a_hundred_may_be_later() {
    let waits: Vec<Duration> = (1..=100).map(Duration::from_secs).collect();
    assert_eq!(p99(&waits), Duration::from_secs(99));
    assert_eq!(p99(&waits[..50]), Duration::from_secs(50));
    assert_eq!(p99(&[]), Duration::ZERO);
}
