//! What is counted of email events, day by day and person by person, and why.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use chrono_tz::Asia::Tokyo;
use domain::{
    email::{
        self, EmailEventFilter, Figures, NewEmailEvent,
        origin::Reason,
        read,
        report::{self, RecencyTier},
    },
    page::PageRequest,
    work::change::Fact,
};
use entity::{
    id::ContactId,
    kind::{BounceKind, EmailEventKind, EmailEventOrigin, EmailScope},
};

use super::{BROWSER, contacts, event, facts, in_campaign, ingest, workspace_totals};
use crate::support::{World, on_both, world::start};

#[test]
fn figures_count_people_and_stay_within_their_workspace() {
    on_both(|world| async move {
        let to = |n: usize| format!("c{n}@x.example");
        let mut events = Vec::new();
        for n in 0..10 {
            events.push(event(
                &format!("s{n}"),
                "m",
                &to(n),
                EmailEventKind::Sent,
                0,
            ));
        }
        for n in 0..8 {
            let id = format!("d{n}");
            events.push(event(&id, "m", &to(n), EmailEventKind::Delivered, 10));
        }
        let bounced = event("b8", "m", &to(8), EmailEventKind::Bounced, 10);
        events.push(NewEmailEvent {
            bounce: Some(BounceKind::Hard),
            ..bounced
        });
        // A person opens twice and clicks; a second person only clicks; a relay opens.
        for (id, second) in [("o0", 600), ("o1", 700)] {
            events.push(event(id, "m", &to(0), EmailEventKind::Opened, second));
        }
        for (id, n) in [("k0", 0), ("k1", 1)] {
            events.push(NewEmailEvent {
                url: Some("https://x.example/offer".to_owned()),
                user_agent: Some(BROWSER.to_owned()),
                ..event(id, "m", &to(n), EmailEventKind::Clicked, 800)
            });
        }
        events.push(NewEmailEvent {
            user_agent: Some("Mozilla/5.0".to_owned()),
            ..event("p", "m", &to(2), EmailEventKind::Opened, 900)
        });
        events.push(event("r", "m", &to(1), EmailEventKind::Replied, 3_600));
        ingest(&world, events.clone()).await;
        let stranger = World::workspace(&world.ctx, "Other", "other.example").await;
        email::ingest(&world.ctx, &stranger, events[..1].to_vec())
            .await
            .unwrap();
        world.drain().await;

        let figures = workspace_totals(&world, world.owner.workspace).await;
        let expected = Figures {
            attempted: 10,
            delivered: 8,
            human_openers: 2,
            openers: 3,
            human_clickers: 2,
            clickers: 2,
            replied: 1,
            hard_bounced: 1,
            human_opens: 2,
            machine_opens: 1,
            human_clicks: 2,
            timed_replies: 1,
            reply_seconds: 3_600,
            ..Figures::default()
        };
        assert_eq!(figures, expected);
        // Of one of the ten nothing was heard after it was sent.
        assert_eq!(figures.unknown(), 1);
        let value = |rate: email::rate::Rate| rate.value.unwrap();
        assert!((value(figures.delivery_rate()) - 0.8).abs() < 1e-9);
        assert!((value(figures.click_to_open_rate()) - 1.0).abs() < 1e-9);
        let stranger_reads = report::load_daily(
            &world.ctx,
            stranger.workspace,
            EmailScope::Workspace,
            &[world.owner.workspace.0],
            NaiveDate::MIN,
            NaiveDate::MAX,
        )
        .await
        .unwrap();
        assert!(stranger_reads.is_empty());
        world
    });
}

#[test]
fn a_late_sending_moves_the_email_to_its_own_day() {
    on_both(|world| async move {
        let opened = event("o", "m", "a@x.example", EmailEventKind::Opened, 0);
        ingest(&world, vec![opened]).await;
        world.drain().await;
        let sent = event("s", "m", "a@x.example", EmailEventKind::Sent, -3 * 86_400);
        ingest(&world, vec![sent]).await;
        world.drain().await;
        let today = start().with_timezone(&Tokyo).date_naive();
        let workspace = world.owner.workspace;
        let days = report::load_daily(
            &world.ctx,
            workspace,
            EmailScope::Workspace,
            &[workspace.0],
            today - Days::new(30),
            today,
        )
        .await
        .unwrap();
        let days: Vec<_> = days
            .iter()
            .map(|(_, day)| (day.day, day.figures.openers))
            .collect();
        assert_eq!(days, [(today - Days::new(4), 1)]);
        world
    });
}

#[test]
fn a_burst_changes_a_contacts_figures_once() {
    on_both(|world| async move {
        let mut events: Vec<_> = (0..20)
            .map(|n| {
                let mail = event(
                    &n.to_string(),
                    &n.to_string(),
                    "a@x.example",
                    EmailEventKind::Sent,
                    n,
                );
                in_campaign("c", "C", mail)
            })
            .collect();
        events.push(event("b", "b", "b@x.example", EmailEventKind::Sent, 0));
        ingest(&world, events.clone()).await;
        world.drain().await;
        ingest(&world, events).await;
        // A repetition under another id brings nothing new either.
        ingest(
            &world,
            vec![event("x", "b", "b@x.example", EmailEventKind::Sent, 0)],
        )
        .await;
        world.drain().await;
        let told: Vec<bool> = facts(&world)
            .await
            .into_iter()
            .filter_map(|fact| match fact {
                Fact::EmailMetricsChanged { campaign_id, .. } => Some(campaign_id.is_some()),
                _ => None,
            })
            .collect();
        assert_eq!(told.len(), 2);
        assert_eq!(told.iter().filter(|in_campaign| **in_campaign).count(), 1);
        world
    });
}

#[test]
fn an_email_explains_which_of_its_events_were_a_machines() {
    on_both(|world| async move {
        let click = |id: &str, second| NewEmailEvent {
            url: Some(format!("https://x.example/{id}")),
            ..event(id, "m", "a@x.example", EmailEventKind::Clicked, second)
        };
        let sent = event("s", "m", "a@x.example", EmailEventKind::Sent, 0);
        let mail = in_campaign("c", "C", sent);
        ingest(&world, vec![click("late", 900), mail, click("early", 2)]).await;
        world.drain().await;
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let figures = workspace_totals(&world, workspace).await;
        assert_eq!(figures.human_clickers, 1);
        let emails = BTreeSet::from([("m", "a@x.example"), ("m", "b@x.example")]);
        let verdicts = read::load_verdicts(ctx, workspace, &emails).await.unwrap();
        assert_eq!(verdicts.len(), 3);
        let all = EmailEventFilter::default();
        let all = email::list(ctx, workspace, &all, &PageRequest::first(9)).await;
        let rows = all.unwrap().rows;
        let reasons: Vec<_> = rows
            .iter()
            .map(|(_, row)| (row.external_id.as_str(), verdicts[&row.id].reason))
            .collect();
        assert_eq!(
            reasons,
            [
                ("late", Reason::NoSign),
                ("early", Reason::ClickAtDelivery),
                ("s", Reason::NoSign),
            ]
        );

        let contact = contacts(&world).await["a@x.example"];
        let theirs = EmailEventFilter {
            contact: Some(contact),
            ..EmailEventFilter::default()
        };
        let first = email::list(ctx, workspace, &theirs, &PageRequest::first(2))
            .await
            .unwrap();
        assert!(first.has_next);
        let newest: Vec<_> = first.rows.iter().map(|(_, row)| &row.external_id).collect();
        assert_eq!(newest, ["late", "early"]);
        let rest = PageRequest {
            after: Some(first.rows[1].0.clone()),
            ..PageRequest::first(2)
        };
        let rest = email::list(ctx, workspace, &theirs, &rest).await.unwrap();
        assert_eq!(rest.rows[0].1.external_id, "s");
        let ids = [rest.rows[0].1.id];
        assert_eq!(read::load(ctx, workspace, &ids).await.unwrap().len(), 1);

        let campaigns = read::campaigns(ctx, workspace, &PageRequest::first(2))
            .await
            .unwrap();
        let id = campaigns.rows[0].1.id;
        let loaded = read::load_campaigns(ctx, workspace, &[id]).await.unwrap();
        assert_eq!(loaded[0].name, "C");
        let stranger = World::workspace(ctx, "Other", "other.example").await;
        let hidden = read::load_campaigns(ctx, stranger.workspace, &[id]).await;
        assert!(hidden.unwrap().is_empty());
        world
    });
}

#[test]
fn the_recency_tier_counts_days_on_which_a_person_acted() {
    on_both(|world| async move {
        let mut events = Vec::new();
        for day in 0..12 {
            let id = format!("o{day}");
            let second = -day * 2 * 86_400;
            events.push(event(
                &id,
                &id,
                "often@x.example",
                EmailEventKind::Opened,
                second,
            ));
            events.push(NewEmailEvent {
                origin: Some(EmailEventOrigin::MachinePrivacy),
                ..event(
                    &format!("m{day}"),
                    &id,
                    "relay@x.example",
                    EmailEventKind::Opened,
                    second,
                )
            });
        }
        let long_ago = event(
            "old",
            "old",
            "once@x.example",
            EmailEventKind::Opened,
            -40 * 86_400,
        );
        events.push(long_ago);
        ingest(&world, events).await;
        world.drain().await;
        let contacts = contacts(&world).await;
        let today = start().with_timezone(&Tokyo).date_naive();
        let ids: Vec<ContactId> = contacts.values().copied().collect();
        let recency = report::recency(&world.ctx, world.owner.workspace, &ids, today)
            .await
            .unwrap();
        let of = |address: &str| recency[&contacts[address]];
        assert_eq!(of("often@x.example").active_days, 12);
        assert_eq!(of("often@x.example").tier, RecencyTier::Daily);
        assert_eq!(of("relay@x.example").tier, RecencyTier::Lapsed);
        assert_eq!(of("once@x.example").tier, RecencyTier::Lapsed);
        world
    });
}
