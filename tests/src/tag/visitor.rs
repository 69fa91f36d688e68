//! Anonymous visitors are no people yet: reports on people leave them out, lists may.

use chrono::NaiveDate;
use domain::{
    contact::{
        self, ContactFilter, ContactOrder,
        identity::{self, Given, Identify},
    },
    operation::{self, Limits},
    page::PageRequest,
    report::{
        Period,
        distribution::{self, distribution},
        purity::{self, purity, set_judgement},
        quality::{self, Finding, FindingFilter},
    },
};
use entity::{
    id::ContactId,
    kind::{IdentityKind, TagFindingKind, TagSelection, TagTarget},
};

use super::support::{contacts, group, put, tag_in};
use crate::support::{World, on_both};

async fn visitor(world: &World, number: usize, email: Option<&str>) -> ContactId {
    let given = |kind, value: &str| Given {
        kind,
        value: value.to_owned(),
    };
    let cookie = format!("cookie {number}");
    let mut identities = vec![given(IdentityKind::AnonymousId, &cookie)];
    identities.extend(email.map(|email| given(IdentityKind::Email, email)));
    let who = Identify {
        identities,
        name: None,
    };
    let found = identity::identify(&world.ctx, &world.owner, who).await;
    found.unwrap().contact.id
}

async fn listed(world: &World, is_known: Option<bool>) -> usize {
    let filter = ContactFilter {
        is_known,
        ..ContactFilter::default()
    };
    let page = PageRequest::first(100);
    let order = ContactOrder::CreatedDesc;
    let found = contact::list(&world.ctx, world.owner.workspace, filter, order, &page).await;
    found.unwrap().rows.len()
}

/// Incoming, judged and target leads of the month.
async fn leads(world: &World) -> (i64, i64, i64) {
    let day: NaiveDate = "2026-03-01".parse().unwrap();
    let ask = purity::Ask {
        period: Period::Month,
        from: day,
        to: day,
        by: None,
        as_of: None,
        sources: 20,
    };
    let found = purity(&world.ctx, world.owner.workspace, ask)
        .await
        .unwrap();
    let total = found.total.total;
    (total.incoming, total.judged, total.target)
}

/// The figures `things` and `of` of every tag that is on nearly everyone.
async fn on_everyone(world: &World) -> Vec<(f64, f64)> {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let (_, run) = quality::start(ctx, owner, None).await.unwrap();
    operation::run_due(ctx, domain::operations(), None, Limits::none())
        .await
        .unwrap();
    let filter = FindingFilter {
        kinds: vec![TagFindingKind::OnNearlyEveryone],
        ..FindingFilter::default()
    };
    let page = PageRequest::first(10);
    let found = quality::findings(ctx, owner.workspace, run.id, &filter, &page);
    let rows = found.await.unwrap().rows.into_iter();
    rows.map(|(_, row)| {
        let finding = Finding::try_from(row).unwrap();
        let figure = |name: &str| {
            let mut figures = finding.evidence.iter();
            figures.find(|figure| figure.name == name).unwrap().value
        };
        (figure("things"), figure("of"))
    })
    .collect()
}

#[test]
fn reports_count_a_visitor_from_the_moment_they_are_known() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let fit = group(&world, "Fit", TagSelection::Multi).await;
        let yes = tag_in(&world, "Yes", fit).await;
        set_judgement(ctx, owner, fit, &[yes]).await.unwrap();
        // Those made by hand have no identity at all, and are known.
        let people = contacts(&world, 24).await;
        let mut visitors = Vec::new();
        for number in 0..30 {
            visitors.push(visitor(&world, number, None).await);
        }
        let mut tagged: Vec<_> = people.iter().map(|person| (*person, yes)).collect();
        tagged.extend(visitors.iter().take(3).map(|visitor| (*visitor, yes)));
        put(&world, &tagged).await;

        let spread = async || {
            let day: NaiveDate = "2026-03-01".parse().unwrap();
            let ask = distribution::Ask {
                group: fit,
                target: TagTarget::Contact,
                period: Period::Month,
                from: day,
                to: day,
            };
            let found = distribution(ctx, owner.workspace, ask).await;
            let points = found.unwrap().unwrap().points;
            (points[0].total, points[0].without, points[0].counts.clone())
        };
        assert_eq!(leads(&world).await, (24, 24, 24));
        assert_eq!(spread().await, (24, 0, vec![24]));
        assert_eq!(on_everyone(&world).await, [(24.0, 24.0)]);
        assert_eq!(listed(&world, None).await, 54);
        assert_eq!(listed(&world, Some(true)).await, 24);
        assert_eq!(listed(&world, Some(false)).await, 30);

        // Two of them say who they are; one of those is tagged.
        visitor(&world, 0, Some("taro@customer.example")).await;
        visitor(&world, 29, Some("hanako@customer.example")).await;
        assert_eq!(leads(&world).await, (26, 25, 25));
        assert_eq!(spread().await, (26, 1, vec![25]));
        assert_eq!(on_everyone(&world).await, [(25.0, 26.0)]);
        assert_eq!(listed(&world, Some(true)).await, 26);
        world
    });
}
