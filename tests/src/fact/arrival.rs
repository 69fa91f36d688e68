//! Facts told in any order, any number of times, by several at once; here orders.

use std::collections::HashMap;

use chrono::TimeDelta;
use domain::{
    contact::{self, NewContact},
    error::{Error, UserErrorCode},
    fact::{ContactRef, Filter, Of, Outcome, Party},
    order::{self, NewLine, NewOrder, OrderFilter},
    page::PageRequest,
    work::change::{self, Fact, Position},
};
use entity::{
    id::OrderId,
    kind::{IdentityKind, OrderStatus},
};

use super::{an_order, contact_of, email, outcomes, recorded};
use crate::support::on_both;

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
        // Whoever it is about.
        let tea = Some("tea".to_owned());
        for (ids, product, expected) in [
            (vec!["b ", "b", "z"], tea.clone(), vec!["b"]),
            (vec!["z"], None, vec![]),
            (vec![], tea, vec!["a", "b"]),
            (vec![], Some("cup".to_owned()), vec![]),
        ] {
            let common = Filter {
                external_ids: ids.into_iter().map(str::to_owned).collect(),
                ..Filter::default()
            };
            let filter = OrderFilter { common, product };
            let page = order::list(ctx, workspace, &filter, &PageRequest::first(10)).await;
            let page = page.unwrap();
            let total = page.total.count(ctx).await.unwrap();
            let found = page.rows.into_iter().map(|(_, row)| row.external_id);
            let mut found: Vec<String> = found.collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{filter:?}");
            assert_eq!(total, expected.len() as i64);
        }
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
