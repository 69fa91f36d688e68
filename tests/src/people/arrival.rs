//! When people came in: told by hand, by a call or by a file, and what reports make of it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    contact::{self, Contact, ContactChanges, ContactFilter, ContactOrder, ProfileChanges, merge},
    locale::Locale,
    page::PageRequest,
    report::{
        Period,
        purity::{self, By, Source},
    },
    tag::pack::{self, StarterPack},
    upsert::{self, ContactItem, MemberRef, Outcome, Told},
};
use entity::id::ContactId;

use super::{person, refusals};
use crate::support::{World, on_both};

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn arrived(text: &str) -> ProfileChanges {
    ProfileChanges {
        arrived_at: Some(Some(moment(text))),
        ..ProfileChanges::default()
    }
}

async fn read(world: &World, id: ContactId) -> Contact {
    let found = contact::find(&world.ctx, world.owner.workspace, id).await;
    found.unwrap().expect("a contact")
}

/// Who came in in January, February and March, by who brought them.
async fn incoming(world: &World) -> Vec<(Source, Vec<i64>)> {
    let ask = purity::Ask {
        period: Period::Month,
        from: "2026-01-01".parse().unwrap(),
        to: "2026-03-31".parse().unwrap(),
        by: Some(By::Member),
        as_of: None,
        sources: 20,
    };
    let found = purity::purity(&world.ctx, world.owner.workspace, ask).await;
    let sources = found.unwrap().sources.into_iter();
    sources
        .map(|one| {
            let periods = one.periods.iter().map(|figures| figures.incoming);
            (one.source, periods.collect())
        })
        .collect()
}

#[test]
fn leads_count_for_the_month_they_are_told_to_have_come_in() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        pack::apply(ctx, owner, StarterPack::B2bPortrait, Locale::En)
            .await
            .unwrap();
        let old = person(&world, "Old", arrived("2026-01-10T00:00:00Z")).await;
        let new = person(&world, "New", ProfileChanges::default()).await;
        let early = ContactItem {
            external_id: Some("crm-1".to_owned()),
            brought_by: Some(Some(MemberRef::Id(owner.member))),
            arrived_at: Some(Some(moment("2026-02-10T00:00:00Z"))),
            ..ContactItem::default()
        };
        let call = async |item: ContactItem| {
            let told = vec![Told {
                item,
                errors: Vec::new(),
            }];
            let mut done = upsert::contacts(ctx, owner, told, "").await.unwrap();
            done.remove(0)
        };
        assert_eq!(call(early.clone()).await.outcome, Outcome::Created);
        assert_eq!(call(early).await.outcome, Outcome::Unchanged);
        let nobody = ContactItem {
            external_id: Some("crm-2".to_owned()),
            brought_by: Some(Some(MemberRef::Email("nobody@staff.example".to_owned()))),
            ..ContactItem::default()
        };
        let refused = call(nobody).await.errors;
        assert_eq!(refused[0].path, ["contacts", "0", "broughtBy", "email"]);
        assert_eq!(
            incoming(&world).await,
            [
                (Source::Unknown, vec![1, 0, 1]),
                (Source::Member(owner.member), vec![0, 1, 0]),
            ]
        );
        let filter = ContactFilter {
            arrived_from: Some(moment("2026-02-01T00:00:00Z")),
            ..ContactFilter::default()
        };
        let page = PageRequest::first(10);
        let order = ContactOrder::CreatedDesc;
        let found = contact::list(ctx, owner.workspace, filter, order, &page).await;
        assert_eq!(found.unwrap().rows.len(), 2, "all but the one of January");

        let ahead = world.ctx.clock.now() + TimeDelta::days(3);
        let changes = |at| ContactChanges {
            profile: ProfileChanges {
                arrived_at: Some(at),
                ..ProfileChanges::default()
            },
            ..ContactChanges::default()
        };
        let refused = contact::update(ctx, owner, new.id, changes(Some(ahead))).await;
        assert_eq!(refusals(refused), ["arrivedAt Invalid"]);
        let taken = contact::update(ctx, owner, old.id, changes(None)).await;
        let taken = taken.unwrap();
        assert_eq!(taken.came_at(), taken.created_at);
        world
    });
}

#[test]
fn merged_contacts_came_in_when_the_first_of_them_did_until_that_is_undone() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let old = person(&world, "Old", arrived("2025-06-01T00:00:00Z")).await;
        let new = person(&world, "New", ProfileChanges::default()).await;
        let merged = merge::merge(ctx, owner, new.id, old.id, "").await.unwrap();
        assert_eq!(read(&world, new.id).await.came_at(), old.came_at());
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        assert_eq!(read(&world, new.id).await.came_at(), new.created_at);
        assert_eq!(read(&world, old.id).await.came_at(), old.came_at());
        merge::merge(ctx, owner, old.id, new.id, "").await.unwrap();
        assert_eq!(read(&world, old.id).await.came_at(), old.came_at());
        world
    });
}
