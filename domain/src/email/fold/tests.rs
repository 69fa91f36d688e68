//! The fold's rules, one by one, and that nothing but the set of events matters.

use chrono_tz::Asia::Tokyo;
use entity::{
    id::{CampaignId, ContactId, WorkspaceId},
    kind::{
        BounceKind::{Block, Hard, Soft},
        EmailEventKind::{
            self, Clicked, Complained, Delivered, Opened, Replied, Sent, Unsubscribed,
        },
        EmailEventOrigin,
    },
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    sample::{bounce, click, event, open},
    *,
};
use crate::email::figures::{Delta, Figures, Unit};

const BROWSER: &str = "Mozilla/5.0 (Macintosh) Safari/605.1.15";

fn state(events: &[UnitEvent]) -> EmailState {
    fold(events, Tokyo).expect("a state")
}

#[test]
fn no_events_make_no_email() {
    assert_eq!(fold(&[], Tokyo), None);
}

#[test]
fn a_click_implies_an_open_and_an_open_implies_delivery() {
    let state = state(&[event(0, Sent), click(100, "a", BROWSER)]);
    assert!(state.delivered && state.opened && state.human_opened);
    assert!(state.clicked && state.human_clicked);
    assert_eq!((state.human_opens, state.human_clicks), (0, 1));
}

#[test]
fn a_scanners_click_implies_only_a_machines_open() {
    let state = state(&[event(0, Delivered), click(2, "a", BROWSER)]);
    assert!(state.opened && state.clicked);
    assert!(!state.human_opened && !state.human_clicked);
    assert_eq!((state.machine_clicks, state.acts.len()), (1, 0));
}

#[test]
fn a_later_click_of_a_person_restores_what_a_scanner_hid() {
    let scanned = [
        event(0, Delivered),
        click(2, "a", BROWSER),
        click(3, "b", BROWSER),
        click(600, "a", BROWSER),
    ];
    assert!(!state(&scanned).human_clicked);
    let restored = [&scanned[..], &[click(2_000, "a", BROWSER)]].concat();
    let state = state(&restored);
    assert!(state.human_clicked && state.human_opened);
    assert_eq!((state.human_clicks, state.machine_clicks), (1, 3));
}

#[test]
fn answers_complaints_and_unsubscriptions_imply_delivery_but_no_open() {
    for kind in [Replied, Complained, Unsubscribed] {
        let state = state(&[event(0, Sent), event(50, kind)]);
        assert!(state.delivered, "{kind:?}");
        assert!(!state.opened, "{kind:?}");
    }
}

#[test]
fn a_bounce_implies_neither_delivery_nor_open() {
    let state = state(&[event(0, Sent), bounce(1, Hard)]);
    assert!(state.hard_bounced && !state.delivered && !state.opened);
}

#[test]
fn a_later_delivery_cancels_a_soft_bounce_and_an_earlier_one_does_not() {
    let cancelled = state(&[event(0, Sent), bounce(10, Soft), event(20, Delivered)]);
    assert!(cancelled.delivered && !cancelled.soft_bounced);
    let cancelled = state(&[event(0, Sent), bounce(10, Soft), open(20, BROWSER)]);
    assert!(cancelled.delivered && !cancelled.soft_bounced);
    let stands = state(&[event(0, Sent), event(10, Delivered), bounce(20, Soft)]);
    assert!(!stands.delivered && stands.soft_bounced);
    for kind in [Hard, Block] {
        let stands = state(&[event(0, Sent), bounce(10, kind), event(20, Delivered)]);
        assert!(!stands.delivered && (stands.hard_bounced || stands.blocked));
    }
}

#[test]
fn ways_out_are_no_clicks() {
    let state = state(&[event(0, Sent), click(100, "unsubscribe", BROWSER)]);
    assert!(state.delivered && !state.clicked && !state.opened && !state.unsubscribed);
    assert_eq!((state.human_clicks, state.acts.len()), (0, 0));
}

#[test]
fn the_first_reply_of_a_person_is_timed_from_sending() {
    let automatic = UnitEvent {
        origin: EmailEventOrigin::Scanner,
        ..event(5, Replied)
    };
    let events = [
        event(0, Sent),
        automatic.clone(),
        event(300, Replied),
        event(90, Replied),
    ];
    assert_eq!(state(&events).first_reply_seconds, Some(90));
    let only_automatic = state(&[event(0, Sent), automatic]);
    assert!(!only_automatic.replied && only_automatic.delivered);
    let unknown_start = state(&[event(90, Replied)]);
    assert!(unknown_start.replied);
    assert_eq!(unknown_start.first_reply_seconds, None);
}

#[test]
fn the_day_is_that_of_sending_in_the_workspaces_zone() {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let late = [open(120, BROWSER)];
    assert_eq!(state(&late).day, day("2026-03-02"));
    let events = [event(0, Sent), open(120, BROWSER)];
    let state = state(&events);
    assert_eq!(state.day, day("2026-03-01"));
    assert_eq!(state.acts, BTreeMap::from([(day("2026-03-02"), 1)]));
    let in_london = fold(&events, chrono_tz::Europe::London).unwrap();
    assert_eq!(in_london.acts, BTreeMap::from([(day("2026-03-01"), 1)]));
}

#[test]
fn one_event_is_enough_to_say_that_opens_are_not_tracked() {
    let sent = event(0, Sent);
    let said = UnitEvent {
        tracks_opens: false,
        ..event(10, Delivered)
    };
    assert!(!state(std::slice::from_ref(&sent)).untracked);
    let state = state(&[sent, said, open(60, BROWSER)]);
    assert!(state.untracked && state.human_opened);
}

#[test]
fn stored_states_keep_decoding() {
    let sample: serde_json::Value =
        serde_json::from_str(include_str!("../samples/state.json")).unwrap();
    let decoded: EmailState = serde_json::from_value(sample.clone()).unwrap();
    assert_eq!(serde_json::json!(decoded), sample);
    let bare: EmailState = serde_json::from_str(r#"{"day":"2026-03-01"}"#).unwrap();
    assert_eq!(
        serde_json::json!(bare),
        serde_json::json!({"day": "2026-03-01"})
    );
}

fn any_event() -> impl Strategy<Value = UnitEvent> {
    let kinds = [
        Sent,
        Delivered,
        Opened,
        Clicked,
        Replied,
        EmailEventKind::Bounced,
        Complained,
        Unsubscribed,
    ];
    let origins = [
        EmailEventOrigin::Unknown,
        EmailEventOrigin::Unknown,
        EmailEventOrigin::Human,
        EmailEventOrigin::MachinePrivacy,
        EmailEventOrigin::Scanner,
    ];
    let agents = [BROWSER, "Mozilla/5.0", "GoogleImageProxy", "curl/8"];
    (
        select(kinds.to_vec()),
        select(origins.to_vec()),
        option::of(select(vec![Hard, Soft, Block])),
        option::of(select(vec!["a", "b", "unsubscribe", "?enishi_hidden"])),
        option::of(select(agents.to_vec())),
        option::of(select(vec!["here", "there"])),
        prop::bool::weighted(0.9),
        // Close together, so that windows overlap and times tie; and some far away.
        prop_oneof![0..30_i64, 0..2_000_i64, 80_000..90_000_i64],
    )
        .prop_map(
            |(kind, origin, reason, link, agent, address, tracks_opens, second)| UnitEvent {
                origin,
                tracks_opens,
                bounce: reason.filter(|_| kind == EmailEventKind::Bounced),
                url: link.map(|link| format!("https://example.com/{link}")),
                user_agent: agent.map(str::to_owned),
                ip_hash: address.map(str::to_owned),
                ..event(second, kind)
            },
        )
}

/// The email of `events`, as the roll-ups have it.
fn unit(events: &[UnitEvent]) -> Unit {
    Unit {
        contact: ContactId(uuid::Uuid::from_u128(1)),
        account: None,
        campaign: Some(CampaignId(uuid::Uuid::from_u128(2))),
        state: state(events),
    }
}

/// Events whose ids follow their places, as if they had been taken in in this order.
fn numbered(events: Vec<UnitEvent>) -> Vec<UnitEvent> {
    let number = |(index, event): (usize, UnitEvent)| UnitEvent {
        id: EmailEventId(uuid::Uuid::from_u128(index as u128 + 1)),
        ..event
    };
    events.into_iter().enumerate().map(number).collect()
}

proptest! {
    #[test]
    fn order_and_repetition_change_nothing(
        (events, shuffled, repeats) in vec(any_event(), 1..24).prop_flat_map(|events| {
            let count = events.len();
            (Just(events.clone()), Just(events).prop_shuffle(), vec(0..count, 0..12))
        })
    ) {
        let expected = fold(&numbered(events), Tokyo);
        // Taken in in another order, and so with other ids.
        let shuffled = numbered(shuffled);
        prop_assert_eq!(&fold(&shuffled, Tokyo), &expected);
        let repeated: Vec<UnitEvent> = repeats
            .iter()
            .map(|&index| shuffled[index].clone())
            .chain(shuffled.iter().rev().cloned())
            .collect();
        prop_assert_eq!(&fold(&repeated, Tokyo), &expected);
    }

    #[test]
    fn states_imply_each_other_whatever_happened(events in vec(any_event(), 1..24)) {
        let state = fold(&numbered(events), Tokyo).unwrap();
        prop_assert!(!state.human_clicked || (state.clicked && state.human_opened));
        prop_assert!(!state.clicked || state.opened);
        prop_assert!(!state.human_opened || state.opened);
        let seen = state.opened || state.replied || state.complained || state.unsubscribed;
        prop_assert!(!seen || state.delivered);
        prop_assert!(state.human_clicked == (state.human_clicks > 0));
        prop_assert!(state.first_reply_seconds.is_none() || state.replied);
    }

    #[test]
    fn counting_with_each_event_leaves_what_counting_once_does(
        events in vec(any_event(), 1..16)
    ) {
        let workspace = WorkspaceId(uuid::Uuid::from_u128(3));
        let events = numbered(events);
        let mut counted = Delta::default();
        for known in 1..=events.len() {
            if known > 1 {
                counted.remove(workspace, &unit(&events[..known - 1]));
            }
            counted.add(workspace, &unit(&events[..known]));
        }
        counted.prune();
        let mut once = Delta::default();
        once.add(workspace, &unit(&events));
        prop_assert_eq!(counted, once);
    }

    #[test]
    fn no_rate_is_more_than_a_whole(
        emails in vec((vec(any_event(), 1..6), any::<bool>()), 1..8)
    ) {
        let mut sum = Figures::default();
        for (events, is_untracked) in emails {
            let mut state = fold(&numbered(events), Tokyo).unwrap();
            state.untracked |= is_untracked;
            sum += Figures::of(&state);
        }
        for rate in [
            sum.delivery_rate(),
            sum.human_open_rate(),
            sum.open_rate(),
            sum.machine_open_share(),
            sum.click_rate(),
            sum.click_to_open_rate(),
            sum.reply_rate(),
            sum.unsubscribe_rate(),
            sum.complaint_rate(),
        ] {
            prop_assert!((0..=rate.denominator).contains(&rate.numerator), "{rate:?}");
            prop_assert_eq!(rate.value.is_none(), rate.denominator == 0);
        }
    }

    #[test]
    fn one_more_event_takes_no_state_away_but_a_machines_or_a_bounces(
        events in vec(any_event(), 1..16)
    ) {
        // Delivery by implication, complaints and unsubscriptions are monotone without exception.
        let all = numbered(events);
        let before = fold(&all[..all.len() - 1], Tokyo).unwrap_or_default();
        let after = fold(&all, Tokyo).unwrap();
        prop_assert!(!before.opened || after.opened);
        prop_assert!(!before.clicked || after.clicked);
        prop_assert!(!before.complained || after.complained);
        prop_assert!(!before.unsubscribed || after.unsubscribed);
        prop_assert!(!before.replied || after.replied);
    }
}
