//! Whose a fact is, by every name contacts and accounts have.

use domain::{
    contact::{self, ContactChanges, NewContact},
    fact::{AccountRef, ContactRef, Filter, Of, Party},
    order::{self, OrderFilter},
    page::PageRequest,
};

use super::{an_account, an_order, contact_of, email, outcomes};
use crate::support::on_both;

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
