//! Facts that should never have been told are taken back, with all that was added up of them.

use domain::{
    audit::{self, AuditFilter},
    error::{Error, UserErrorCode},
    fact::{Filter, Of, Outcome, Party, delete},
    invoice::{self, NewInvoice},
    order,
    page::PageRequest,
    segment::{self, NewSegment},
    store::Query,
    timeline,
};
use entity::{
    id::SegmentId,
    kind::{FactKind, InvoiceStatus, SegmentSubject},
};
use serde_json::json;

use super::{an_order, contact_of, email, outcomes, recorded};
use crate::{
    segment::settle,
    support::{World, on_both},
};

const TARO: &str = "taro@customer.example";

async fn forget(world: &World, kind: FactKind, ids: &[&str]) -> Vec<(String, bool)> {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    let deleted = delete::delete(&world.ctx, &world.owner, kind, &ids).await;
    let deleted = deleted.unwrap().into_iter();
    deleted
        .map(|one| (one.external_id, one.id.is_some()))
        .collect()
}

async fn count(world: &World, table: &str) -> i64 {
    let text = format!("SELECT COUNT(*) FROM {table} WHERE workspace_id = $1");
    let count = Query::new(text)
        .bind(world.owner.workspace)
        .scalar(world.ctx.reader())
        .await;
    count.unwrap().unwrap_or_default()
}

/// Orders of Taro, as what he bought is added up.
async fn added_up(world: &World) -> Option<i64> {
    world.drain().await;
    Query::new("SELECT orders FROM rfm WHERE workspace_id = $1 AND scope = 'CONTACT'")
        .bind(world.owner.workspace)
        .scalar(world.ctx.reader())
        .await
        .unwrap()
}

async fn buyers(world: &World) -> SegmentId {
    let placed = json!({ "orders": { "statuses": ["PLACED"] } });
    let new = NewSegment {
        name: "Buyers".to_owned(),
        description: String::new(),
        subject: SegmentSubject::Contact,
        condition: Some(serde_json::from_value(placed).unwrap()),
    };
    let made = segment::create(&world.ctx, &world.owner, new).await;
    settle(world).await;
    made.unwrap().id
}

async fn members(world: &World, id: SegmentId) -> i64 {
    settle(world).await;
    let found = segment::find(&world.ctx, world.owner.workspace, id).await;
    found.unwrap().unwrap().member_count
}

#[test]
fn deleted_orders_are_in_no_sum_list_or_timeline_and_can_be_told_again() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let told = |id: &str| an_order(&world, id, email(TARO), 0);
        outcomes(&world, vec![told("a"), told("b")]).await;
        let taro = contact_of(&world, TARO).await;
        let buyers = buyers(&world).await;
        assert_eq!(added_up(&world).await, Some(2));
        assert_eq!(members(&world, buyers).await, 1);

        let gone = forget(&world, FactKind::Order, &["b", "never", " b "]).await;
        let wanted = [("b", true), ("never", false), ("b", true)];
        assert_eq!(gone, wanted.map(|(id, there)| (id.to_owned(), there)));
        assert_eq!(added_up(&world).await, Some(1));
        assert_eq!(count(&world, "order_line").await, 1);
        assert_eq!(
            recorded(&world, "fact.deleted").await,
            [("fact.deleted".to_owned(), Some(taro))]
        );
        // Again, nothing happens.
        let again = forget(&world, FactKind::Order, &["b"]).await;
        assert_eq!(again, [("b".to_owned(), false)]);
        assert_eq!(recorded(&world, "fact.deleted").await.len(), 1);
        // The same id of another kind is another thing.
        let other = forget(&world, FactKind::Ticket, &["a"]).await;
        assert_eq!(other, [("a".to_owned(), false)]);
        assert_eq!(members(&world, buyers).await, 1);

        forget(&world, FactKind::Order, &["a"]).await;
        assert_eq!(added_up(&world).await, None);
        assert_eq!(members(&world, buyers).await, 0);
        let page = PageRequest::first(10);
        let of = Of::Contact(taro);
        let lived = timeline::list(ctx, workspace, of, &[], &page)
            .await
            .unwrap();
        let orders = lived
            .rows
            .iter()
            .filter(|(_, entry)| entry.kind == entity::kind::TimelineKind::Order);
        assert_eq!(orders.count(), 0);
        let filter = order::OrderFilter {
            common: Filter::of(of),
            ..order::OrderFilter::default()
        };
        let listed = order::list(ctx, workspace, &filter, &page).await.unwrap();
        assert!(listed.rows.is_empty());
        let filter = AuditFilter {
            actions: vec!["fact.delete".to_owned()],
            ..AuditFilter::default()
        };
        let entries = audit::list(ctx, &world.owner, &filter, &page).await;
        assert_eq!(entries.unwrap().rows.len(), 2);

        assert_eq!(outcomes(&world, vec![told("a")]).await, [Outcome::Created]);
        assert_eq!(added_up(&world).await, Some(1));
        assert_eq!(members(&world, buyers).await, 1);
        world
    });
}

#[test]
fn a_fact_of_a_company_is_taken_back_and_ids_that_cannot_be_are_refused() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let company = super::an_account(&world, "Acme", None).await;
        let bill = NewInvoice {
            head: domain::fact::ingest::Head {
                external_id: "i".to_owned(),
                party: Party {
                    contact: None,
                    account: Some(domain::fact::AccountRef::Id(company)),
                },
                updated_at: None,
            },
            number: None,
            status: InvoiceStatus::Open,
            amount: 1,
            currency: "JPY".to_owned(),
            issued_at: ctx.clock.now(),
            due_at: None,
            paid_at: None,
        };
        invoice::ingest(ctx, owner, vec![bill]).await.unwrap();
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let ids = ["i".to_owned()];
        let asked = delete::delete(ctx, &stranger, FactKind::Invoice, &ids).await;
        assert_eq!(asked.unwrap()[0].id, None, "it is not theirs");
        let gone = forget(&world, FactKind::Invoice, &["i"]).await;
        assert_eq!(gone, [("i".to_owned(), true)]);
        assert_eq!(
            recorded(&world, "fact.deleted").await,
            [("fact.deleted".to_owned(), None)]
        );
        let ids = ["i".to_owned(), " ".to_owned()];
        let refused = delete::delete(ctx, owner, FactKind::Invoice, &ids).await;
        let Err(Error::Refused(errors)) = refused else {
            panic!("a blank id is refused");
        };
        assert_eq!(errors[0].code, UserErrorCode::Required);
        assert_eq!(errors[0].path, ["externalIds", "1"]);
        world.drain_of(stranger.workspace).await;
        world
    });
}
