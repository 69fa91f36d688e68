//! Entries that this release cannot read, as those of a newer one after a downgrade.

use domain::{
    page::PageRequest,
    store::Query,
    work::{
        quarantine::{self, QuarantineFilter},
        replay,
    },
};
use entity::{id::ContactId, kind::QuarantineState};
use serde_json::{Value, json};

use super::{Harm, Marking, claim, contacts, marks, work_on};
use crate::support::{World, on_both};

/// Puts `data` in the place of what an entry says.
async fn write(world: &World, contact: ContactId, data: &Value) {
    Query::new(
        "UPDATE change SET data = $3
         WHERE workspace_id = $1 AND contact_id = $2 AND kind = 'contact.created'",
    )
    .bind(world.owner.workspace)
    .bind(contact)
    .bind(data.clone())
    .execute(world.ctx.db.writer())
    .await
    .expect("an update");
}

/// Gives an entry of one kind another, with what it says.
async fn rename(world: &World, contact: ContactId, [from, to]: [&str; 2], data: &Value) {
    Query::new(
        "UPDATE change SET kind = $4, data = $5
         WHERE workspace_id = $1 AND contact_id = $2 AND kind = $3",
    )
    .bind(world.owner.workspace)
    .bind(contact)
    .bind(from)
    .bind(to)
    .bind(data.clone())
    .execute(world.ctx.db.writer())
    .await
    .expect("an update");
}

async fn read(world: &World, contact: ContactId) -> Value {
    let data: Option<String> = Query::new(
        "SELECT CAST(data AS text) FROM change
         WHERE workspace_id = $1 AND contact_id = $2 AND kind = 'contact.created'",
    )
    .bind(world.owner.workspace)
    .bind(contact)
    .scalar(world.ctx.reader())
    .await
    .expect("a look");
    serde_json::from_str(&data.expect("an entry")).expect("JSON")
}

#[test]
fn an_entry_of_a_kind_that_nobody_knows_is_passed_over_and_not_set_aside() {
    on_both(|world| async move {
        let ids = contacts(&world, 3).await;
        let said = read(&world, ids[1]).await;
        let unknown = json!({ "kind": "from.the.future" });
        rename(
            &world,
            ids[1],
            ["contact.created", "from.the.future"],
            &unknown,
        )
        .await;
        let marking = Marking::new(ContactId(uuid::Uuid::nil()), Harm::None);
        assert_eq!(work_on(&world, &marking).await, 0);
        assert_eq!(marks(&world).await.len(), 2);
        let page = PageRequest::first(10);
        let filter = QuarantineFilter::default();
        let aside = quarantine::list(&world.ctx, world.owner.workspace, &filter, &page).await;
        assert!(aside.expect("a list").rows.is_empty());
        rename(
            &world,
            ids[1],
            ["from.the.future", "contact.created"],
            &said,
        )
        .await;
        world
    });
}

#[test]
fn an_entry_that_cannot_be_read_is_set_aside_and_replayed_whole_by_a_release_that_can() {
    on_both(|world| async move {
        let ids = contacts(&world, 12).await;
        let newer = ids[5];
        let said = read(&world, newer).await;
        let cannot = json!({ "kind": "from.the.future", "depth": [1] });
        write(&world, newer, &cannot).await;
        let marking = Marking::new(ContactId(uuid::Uuid::nil()), Harm::None);
        assert_eq!(work_on(&world, &marking).await, 0);
        assert_eq!(marks(&world).await.len(), 11);
        let filter = QuarantineFilter {
            state: Some(QuarantineState::SetAside),
            work: Some("test.marking".to_owned()),
        };
        let page = PageRequest::first(10);
        let aside = quarantine::list(&world.ctx, world.owner.workspace, &filter, &page).await;
        let mut aside = aside.expect("a list").rows;
        assert_eq!(aside.len(), 1);
        let (_, item) = aside.pop().expect("one");
        assert_eq!(item.item["fact"], cannot);

        // As it is, it cannot be replayed either.
        let mut item = claim(&world, item).await;
        let tried = replay::replay_entry(&world.ctx, &marking, &item).await;
        assert!(tried.is_err());
        // What a later release makes of it, it makes for the contact.
        item.item["fact"] = said;
        replay::replay_entry(&world.ctx, &marking, &item)
            .await
            .expect("a replay");
        let marked = marks(&world).await;
        assert_eq!(marked.len(), 12);
        assert!(marked.iter().all(|(_, mark)| mark == "x"), "{marked:?}");
        write(&world, newer, &item.item["fact"]).await;
        world
    });
}
