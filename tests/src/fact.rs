//! Orders, invoices, tickets, opportunities and survey answers on both databases.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{
    account::{self, NewAccount},
    contact::{self, ContactChanges, NewContact},
    error::{Error, UserErrorCode},
    fact::{AccountRef, ContactRef, Filter, Of, Outcome, Party, ingest::Head},
    invoice::{self, InvoiceFilter, NewInvoice},
    opportunity::{self, NewOpportunity},
    order::{self, NewLine, NewOrder, OrderFilter},
    page::PageRequest,
    survey::{self, NewSurveyAnswer, SurveyAnswerFilter},
    ticket::{self, NewTicket, TicketFilter},
    work::change::{self, Fact, Position},
};
use entity::{
    id::{AccountId, ContactId, OrderId},
    kind::{
        IdentityKind, InvoiceStatus, OpportunityStatus, OrderStatus, SurveyKind, TicketPriority,
        TicketStatus,
    },
};

use crate::support::{World, on_both, process::until};

pub(crate) fn email(address: &str) -> Party {
    Party {
        contact: Some(ContactRef::Email(address.to_owned())),
        account: None,
    }
}

pub(crate) fn an_order(world: &World, id: &str, party: Party, minutes: i64) -> NewOrder {
    let at = world.ctx.clock.now() + TimeDelta::minutes(minutes);
    NewOrder {
        head: Head {
            external_id: id.to_owned(),
            party,
            updated_at: Some(at),
        },
        number: Some(format!("No. {id}")),
        status: OrderStatus::Placed,
        amount: 3_000_000_000,
        currency: "jpy".to_owned(),
        placed_at: at,
        lines: vec![NewLine {
            product_id: "tea".to_owned(),
            product_name: "お茶".to_owned(),
            quantity: 2.0,
            unit_price: 1_500_000_000,
        }],
    }
}

async fn outcomes(world: &World, orders: Vec<NewOrder>) -> Vec<Outcome> {
    let ingested = order::ingest(&world.ctx, &world.owner, orders).await;
    let ingested = ingested.unwrap().into_iter();
    ingested.map(|one| one.outcome).collect()
}

async fn contact_of(world: &World, address: &str) -> ContactId {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = contact::find_by_identity(ctx, workspace, IdentityKind::Email, address).await;
    found.unwrap().unwrap().id
}

async fn an_account(world: &World, name: &str, domain: Option<&str>) -> AccountId {
    let new = NewAccount {
        name: name.to_owned(),
        domain: domain.map(str::to_owned),
        external_id: Some(format!("crm {name}")),
        ..NewAccount::default()
    };
    let made = account::create(&world.ctx, &world.owner, new).await;
    made.unwrap().id
}

/// The names of everything recorded so far whose name ends like this.
async fn recorded(world: &World, ending: &str) -> Vec<(String, Option<ContactId>)> {
    let start = Position::default();
    let read =
        async || change::read(world.ctx.reader(), world.owner.workspace, start, 10_000).await;
    world.drain().await;
    let entries = read().await.unwrap().into_iter();
    let entries = entries.map(|entry| entry.expect("a readable entry"));
    entries
        .map(|entry| (entry.fact.name().to_owned(), entry.contact))
        .filter(|(name, _)| name.ends_with(ending))
        .collect()
}

#[test]
fn the_last_word_of_the_source_counts_whatever_the_order_of_arrival() {
    on_both(|world| async move {
        let told =
            |id: &str, minutes| an_order(&world, id, email("taro@customer.example"), minutes);
        let first = told("a", 0);
        let paid = NewOrder {
            status: OrderStatus::Paid,
            placed_at: first.placed_at,
            ..told("a", 10)
        };
        let late = NewOrder {
            status: OrderStatus::Cancelled,
            ..told("a", 5)
        };
        assert_eq!(
            outcomes(&world, vec![first.clone()]).await,
            [Outcome::Created]
        );
        assert_eq!(
            outcomes(&world, vec![first.clone()]).await,
            [Outcome::Unchanged]
        );
        let both = vec![paid.clone(), late.clone(), told("b", 0), told("b", 0)];
        assert_eq!(
            outcomes(&world, both).await,
            [
                Outcome::Updated,
                Outcome::Stale,
                Outcome::Created,
                Outcome::Unchanged
            ]
        );
        // The same told of a later moment is nothing new, but what lies between is stale from then.
        let mut again = paid.clone();
        again.head.updated_at = Some(world.ctx.clock.now() + TimeDelta::minutes(20));
        let mut between = late;
        between.head.updated_at = Some(world.ctx.clock.now() + TimeDelta::minutes(15));
        assert_eq!(
            outcomes(&world, vec![again, between, first]).await,
            [Outcome::Unchanged, Outcome::Stale, Outcome::Stale]
        );

        let contact = contact_of(&world, "taro@customer.example").await;
        let filter = OrderFilter {
            common: Filter::of(Of::Contact(contact)),
            product: Some("tea".to_owned()),
        };
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let page = order::list(ctx, workspace, &filter, &PageRequest::first(10)).await;
        let rows: Vec<_> = page.unwrap().rows.into_iter().map(|(_, row)| row).collect();
        assert_eq!(rows.len(), 2);
        let paid = rows.iter().find(|row| row.external_id == "a").unwrap();
        assert_eq!(paid.status, OrderStatus::Paid);
        assert_eq!(
            (paid.amount, paid.currency.as_str()),
            (3_000_000_000, "JPY")
        );
        let lines = order::load_lines(ctx, workspace, &[paid.id]).await.unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].unit_price, 1_500_000_000);
        let recorded = recorded(&world, "order.recorded").await;
        let of_him = ("order.recorded".to_owned(), Some(contact));
        assert_eq!(recorded, [of_him.clone(), of_him.clone(), of_him]);
        world
    });
}

#[test]
fn of_two_calls_at_once_one_tells_the_log_that_a_fact_is_new() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = NewContact {
            name: "Taro".to_owned(),
            ..NewContact::default()
        };
        let taro = contact::create(ctx, owner, new).await.unwrap().id;
        let his = || Party {
            contact: Some(ContactRef::Id(taro)),
            account: None,
        };
        for round in 0..20 {
            let id = format!("o{round}");
            let placed = an_order(&world, &id, his(), 0);
            let paid = NewOrder {
                status: OrderStatus::Paid,
                ..an_order(&world, &id, his(), 5)
            };
            let (first, second) =
                tokio::join!(outcomes(&world, vec![placed]), outcomes(&world, vec![paid]));
            let expected = [
                (Outcome::Created, Outcome::Updated),
                (Outcome::Stale, Outcome::Created),
            ];
            assert!(
                expected.contains(&(first[0], second[0])),
                "{first:?} {second:?}"
            );
        }
        world.drain().await;
        let read = change::read(ctx.reader(), owner.workspace, Position::default(), 10_000).await;
        let mut told: HashMap<OrderId, Vec<Option<OrderStatus>>> = HashMap::new();
        for entry in read.unwrap() {
            if let Fact::OrderRecorded {
                order_id,
                previous_status,
                ..
            } = entry.unwrap().fact
            {
                told.entry(order_id).or_default().push(previous_status);
            }
        }
        assert_eq!(told.len(), 20);
        for previous in told.values() {
            let (new, rest): (Vec<_>, Vec<_>) = previous.iter().partition(|one| one.is_none());
            assert_eq!(new.len(), 1, "{previous:?}");
            let is_placed = |one: &&Option<OrderStatus>| **one == Some(OrderStatus::Placed);
            assert!(rest.len() < 2 && rest.iter().all(is_placed), "{previous:?}");
        }
        let filter = OrderFilter::default();
        let page = order::list(ctx, owner.workspace, &filter, &PageRequest::first(100)).await;
        let rows = page.unwrap().rows;
        assert_eq!(rows.len(), 20);
        assert!(rows.iter().all(|(_, row)| row.status == OrderStatus::Paid));
        world
    });
}

#[test]
fn lines_are_replaced_with_their_order() {
    on_both(|world| async move {
        let mut told = an_order(&world, "a", email("taro@customer.example"), 0);
        told.lines.push(NewLine {
            product_id: "cup".to_owned(),
            product_name: "Cup".to_owned(),
            quantity: 0.5,
            unit_price: -3,
        });
        assert_eq!(
            outcomes(&world, vec![told.clone()]).await,
            [Outcome::Created]
        );
        told.lines.remove(0);
        assert_eq!(
            outcomes(&world, vec![told.clone()]).await,
            [Outcome::Updated]
        );
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let filter = OrderFilter::default();
        let page = order::list(ctx, workspace, &filter, &PageRequest::first(10)).await;
        let id = page.unwrap().rows[0].1.id;
        let lines = order::load_lines(ctx, workspace, &[id]).await.unwrap();
        let lines: Vec<_> = lines
            .iter()
            .map(|line| (line.position, line.quantity))
            .collect();
        assert_eq!(lines, [(0, 0.5)]);
        world
    });
}

#[test]
fn parties_are_found_by_every_name_they_have() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let company = an_account(&world, "Kumo", Some("kumo.example")).await;
        let other = an_account(&world, "Umi", None).await;
        let new = NewContact {
            name: "Hanako".to_owned(),
            email: Some("hanako@kumo.example".to_owned()),
            external_id: Some("crm 7".to_owned()),
            account: Some(company),
            ..NewContact::default()
        };
        let hanako = contact::create(ctx, &world.owner, new).await.unwrap().id;
        let new = NewContact {
            name: "Also Hanako".to_owned(),
            ..NewContact::default()
        };
        let merged = contact::create(ctx, &world.owner, new).await.unwrap().id;
        contact::merge::merge(ctx, &world.owner, hanako, merged, "")
            .await
            .unwrap();
        let by_account = |account| Party {
            contact: None,
            account: Some(account),
        };
        let by_contact = |contact| Party {
            contact: Some(contact),
            account: None,
        };
        let both = Party {
            contact: Some(ContactRef::Id(hanako)),
            account: Some(AccountRef::Id(other)),
        };
        let parties = [
            (
                by_contact(ContactRef::Id(hanako)),
                Some(hanako),
                Some(company),
            ),
            (
                by_contact(ContactRef::ExternalId("crm 7".to_owned())),
                Some(hanako),
                Some(company),
            ),
            // The survivor is meant by the id of who was merged into her.
            (
                by_contact(ContactRef::Id(merged)),
                Some(hanako),
                Some(company),
            ),
            (email("HANAKO@kumo.example"), Some(hanako), Some(company)),
            (both, Some(hanako), Some(other)),
            (
                by_account(AccountRef::ExternalId("crm Kumo".to_owned())),
                None,
                Some(company),
            ),
            (
                by_account(AccountRef::Domain("Kumo.Example".to_owned())),
                None,
                Some(company),
            ),
        ];
        let told = (0..)
            .zip(&parties)
            .map(|(n, (party, ..))| an_order(&world, &format!("o{n}"), party.clone(), 0));
        order::ingest(ctx, &world.owner, told.collect())
            .await
            .unwrap();
        let page = PageRequest::first(10);
        let filter = OrderFilter::default();
        let rows = order::list(ctx, workspace, &filter, &page)
            .await
            .unwrap()
            .rows;
        for (n, (party, contact, account)) in parties.iter().enumerate() {
            let id = format!("o{n}");
            let row = rows
                .iter()
                .map(|(_, row)| row)
                .find(|row| row.external_id == id);
            let row = row.unwrap();
            assert_eq!(
                (row.contact_id, row.account_id),
                (*contact, *account),
                "{party:?}"
            );
        }
        let filter = OrderFilter {
            common: Filter::of(Of::Account(company)),
            product: None,
        };
        let of_company = order::list(ctx, workspace, &filter, &page).await.unwrap();
        assert_eq!(of_company.rows.len(), 6);
        world
    });
}

#[test]
fn one_bad_fact_refuses_the_whole_call_and_names_every_mistake() {
    on_both(|world| async move {
        let good = an_order(&world, "a", email("taro@customer.example"), 0);
        let nobody = Party {
            contact: Some(ContactRef::ExternalId("unknown".to_owned())),
            account: None,
        };
        let mut bad = an_order(&world, "", Party::default(), 60 * 24 * 3);
        bad.amount = -1;
        bad.currency = "XAU".to_owned();
        bad.lines[0].quantity = f64::NAN;
        let error = order::ingest(&world.ctx, &world.owner, vec![good.clone(), bad]).await;
        let Err(Error::Refused(errors)) = error else {
            panic!("{error:?}")
        };
        let mut paths: Vec<String> = errors.iter().map(|error| error.path.join(".")).collect();
        paths.sort_unstable();
        assert_eq!(
            paths,
            [
                "orders.1.amount",
                "orders.1.contact",
                "orders.1.currency",
                "orders.1.externalId",
                "orders.1.lines.0.quantity",
                "orders.1.placedAt",
                "orders.1.updatedAt",
            ]
        );
        let unknown = an_order(&world, "b", nobody, 0);
        let error = order::ingest(&world.ctx, &world.owner, vec![good, unknown]).await;
        let Err(Error::Refused(errors)) = error else {
            panic!("{error:?}")
        };
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].code, UserErrorCode::NotFound);
        assert_eq!(errors[0].path, ["orders", "1", "contact", "externalId"]);
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let filter = OrderFilter::default();
        let page = order::list(ctx, workspace, &filter, &PageRequest::first(10)).await;
        assert!(page.unwrap().rows.is_empty());
        let kind = IdentityKind::Email;
        let made = contact::find_by_identity(ctx, workspace, kind, "taro@customer.example").await;
        assert!(made.unwrap().is_none());
        world
    });
}

#[test]
fn the_other_kinds_are_taken_in_and_listed_by_what_is_theirs() {
    on_both(|world| async move {
        let (ctx, workspace, now) = (&world.ctx, world.owner.workspace, world.ctx.clock.now());
        let head = |id: &str| Head {
            external_id: id.to_owned(),
            party: email("taro@customer.example"),
            updated_at: None,
        };
        let bill = |id: &str, status, due: Option<DateTime<Utc>>| NewInvoice {
            head: head(id),
            number: None,
            status,
            amount: 1_250,
            currency: "KWD".to_owned(),
            issued_at: now - TimeDelta::days(40),
            due_at: due,
            paid_at: None,
        };
        let past = Some(now - TimeDelta::days(10));
        let bills = vec![
            bill("late", InvoiceStatus::Open, past),
            bill("early", InvoiceStatus::Open, Some(now + TimeDelta::days(1))),
            bill("void", InvoiceStatus::Void, past),
        ];
        invoice::ingest(ctx, &world.owner, bills).await.unwrap();
        let overdue = async |overdue| {
            let filter = InvoiceFilter {
                overdue,
                ..InvoiceFilter::default()
            };
            let page = invoice::list(ctx, workspace, &filter, &PageRequest::first(10)).await;
            let rows = page.unwrap().rows.into_iter();
            let mut ids: Vec<_> = rows.map(|(_, row)| row.external_id).collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(overdue(Some(true)).await, ["late"]);
        assert_eq!(overdue(Some(false)).await, ["early", "void"]);

        let case = NewTicket {
            head: head("t"),
            subject: "返品".to_owned(),
            status: TicketStatus::Solved,
            priority: TicketPriority::Urgent,
            csat: Some(4),
            opened_at: now - TimeDelta::days(2),
            solved_at: Some(now - TimeDelta::days(1)),
        };
        let mut wrong = case.clone();
        (wrong.csat, wrong.status) = (Some(6), TicketStatus::Open);
        assert!(
            ticket::ingest(ctx, &world.owner, vec![wrong])
                .await
                .is_err()
        );
        ticket::ingest(ctx, &world.owner, vec![case.clone()])
            .await
            .unwrap();
        let filter = TicketFilter {
            priorities: vec![TicketPriority::Urgent],
            ..TicketFilter::default()
        };
        let page = ticket::list(ctx, workspace, &filter, &PageRequest::first(10)).await;
        let row = page.unwrap().rows.remove(0).1;
        assert_eq!((row.csat, row.solved_at), (Some(4), case.solved_at));

        let deal = NewOpportunity {
            head: head("d"),
            name: "Renewal".to_owned(),
            status: OpportunityStatus::Open,
            stage: Some("Proposal".to_owned()),
            amount: None,
            currency: None,
            probability: Some(60),
            expected_close: NaiveDate::from_ymd_opt(2027, 1, 31),
            opened_at: now - TimeDelta::days(3),
            closed_at: None,
        };
        opportunity::ingest(ctx, &world.owner, vec![deal.clone()])
            .await
            .unwrap();
        let won = NewOpportunity {
            status: OpportunityStatus::Won,
            amount: Some(5_000),
            currency: Some("EUR".to_owned()),
            expected_close: None,
            closed_at: Some(now),
            ..deal
        };
        let ingested = opportunity::ingest(ctx, &world.owner, vec![won])
            .await
            .unwrap();
        assert_eq!(ingested[0].outcome, Outcome::Updated);
        let filter = Filter {
            statuses: vec![OpportunityStatus::Won],
            ..Filter::default()
        };
        let page = opportunity::list(ctx, workspace, &filter, &PageRequest::first(10)).await;
        let row = page.unwrap().rows.remove(0).1;
        assert_eq!(
            (row.amount, row.currency.as_deref()),
            (Some(5_000), Some("EUR"))
        );
        assert_eq!((row.expected_close, row.probability), (None, Some(60)));
        world
    });
}

#[test]
fn facts_follow_their_contact_unless_the_source_named_the_account() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let told = an_account(&world, "Told", None).await;
        let joined = an_account(&world, "Joined", None).await;
        let named = Party {
            account: Some(AccountRef::Id(told)),
            ..email("taro@customer.example")
        };
        let orders = vec![
            an_order(&world, "his", email("taro@customer.example"), 0),
            an_order(&world, "named", named, 0),
        ];
        outcomes(&world, orders).await;
        let contact = contact_of(&world, "taro@customer.example").await;
        let changes = ContactChanges {
            account: Some(Some(joined)),
            ..ContactChanges::default()
        };
        contact::update(ctx, &world.owner, contact, changes)
            .await
            .unwrap();
        world.drain().await;
        for (account, id) in [(joined, "his"), (told, "named")] {
            let filter = OrderFilter {
                common: Filter::of(Of::Account(account)),
                product: None,
            };
            let page = order::list(ctx, workspace, &filter, &PageRequest::first(10)).await;
            let rows = page.unwrap().rows;
            let ids: Vec<_> = rows
                .iter()
                .map(|(_, row)| row.external_id.as_str())
                .collect();
            assert_eq!(ids, [id]);
        }
        world
    });
}

/// The answers a filter finds, as (external id, score), newest first.
async fn answers(world: &World, filter: SurveyAnswerFilter) -> Vec<(String, i64)> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let page = survey::list(ctx, workspace, &filter, &PageRequest::first(10)).await;
    let rows = page.unwrap().rows.into_iter();
    rows.map(|(_, row)| (row.external_id, row.score)).collect()
}

#[test]
fn a_survey_answer_is_taken_once_counts_as_activity_and_is_told_to_the_log() {
    on_both(|world| async move {
        let (ctx, workspace, now) = (&world.ctx, world.owner.workspace, world.ctx.clock.now());
        let answer = |id: &str, kind, score, minutes| NewSurveyAnswer {
            head: Head {
                external_id: id.to_owned(),
                party: email("taro@customer.example"),
                updated_at: Some(now + TimeDelta::minutes(minutes)),
            },
            survey_key: "onboarding".to_owned(),
            kind,
            score,
            comment: Some(" 使いやすい ".to_owned()),
            answered_at: now + TimeDelta::minutes(minutes),
        };
        let wrong = vec![
            answer("a", SurveyKind::Nps, 11, 0),
            answer("b", SurveyKind::Csat, 0, 0),
            answer("c", SurveyKind::Csat, 6, 0),
            answer("d", SurveyKind::Nps, -1, 0),
        ];
        let Err(Error::Refused(errors)) = survey::ingest(ctx, &world.owner, wrong).await else {
            panic!("scores off their scale were taken");
        };
        let paths: Vec<String> = errors.iter().map(|error| error.path.join(".")).collect();
        let expected = [
            "answers.0.score",
            "answers.1.score",
            "answers.2.score",
            "answers.3.score",
        ];
        assert_eq!(paths, expected);

        let told = vec![
            answer("nps", SurveyKind::Nps, 0, 1),
            answer("csat", SurveyKind::Csat, 5, 2),
        ];
        for outcome in [Outcome::Created, Outcome::Unchanged] {
            let ingested = survey::ingest(ctx, &world.owner, told.clone())
                .await
                .unwrap();
            assert!(ingested.iter().all(|one| one.outcome == outcome));
        }
        let mended = vec![answer("nps", SurveyKind::Nps, 10, 3)];
        let ingested = survey::ingest(ctx, &world.owner, mended).await.unwrap();
        assert_eq!(ingested[0].outcome, Outcome::Updated);

        let contact = contact_of(&world, "taro@customer.example").await;
        let of_him = SurveyAnswerFilter {
            common: Filter::of(Of::Contact(contact)),
            survey_key: Some("onboarding".to_owned()),
        };
        let both = [("nps".to_owned(), 10), ("csat".to_owned(), 5)];
        assert_eq!(answers(&world, of_him).await, both);
        let nps = SurveyAnswerFilter {
            common: Filter {
                statuses: vec![SurveyKind::Nps],
                ..Filter::default()
            },
            survey_key: None,
        };
        assert_eq!(answers(&world, nps).await, both[..1]);
        let other = SurveyAnswerFilter {
            survey_key: Some("renewal".to_owned()),
            ..SurveyAnswerFilter::default()
        };
        assert!(answers(&world, other).await.is_empty());

        // What other databases of the server are doing may hold the log back for a moment.
        let read = until(
            "the log to be readable",
            Duration::from_secs(20),
            async || {
                let read = change::read(ctx.reader(), workspace, Position::default(), 10_000).await;
                let read = read.unwrap();
                let answered = read.iter().filter(|entry| {
                    let fact = entry.as_ref().map(|entry| &entry.fact);
                    matches!(fact, Ok(Fact::SurveyAnswered { .. }))
                });
                (answered.count() == 3).then_some(read)
            },
        )
        .await;
        let mut told = Vec::new();
        for entry in read {
            if let Fact::SurveyAnswered {
                survey_key,
                score,
                is_new,
                ..
            } = entry.unwrap().fact
            {
                told.push((survey_key, score, is_new));
            }
        }
        told.sort_unstable();
        let of = |score, is_new| ("onboarding".to_owned(), score, is_new);
        assert_eq!(told, [of(0, true), of(5, true), of(10, false)]);
        world
    });
}
