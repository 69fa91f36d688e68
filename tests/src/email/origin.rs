//! Who caused an event, as the API tells it.

use std::collections::BTreeSet;

use domain::email::NewEmailEvent;
use entity::{
    Scoped as _, email_event,
    kind::{EmailEventKind, EmailEventOrigin},
};
use serde_json::json;

use super::{BROWSER, contacts, event, ingest};
use crate::{access::house::Door, support::on_both};

#[test]
fn an_event_says_whether_it_counts_as_a_persons_and_why() {
    on_both(|world| async move {
        let to = "a@x.example";
        let act = |id: &str, kind, second, agent: &str| NewEmailEvent {
            user_agent: Some(agent.to_owned()),
            url: (kind == EmailEventKind::Clicked).then(|| "https://x.example/".to_owned()),
            ..event(id, "m", to, kind, second)
        };
        let told = vec![
            event("1", "m", to, EmailEventKind::Delivered, 0),
            act("2", EmailEventKind::Clicked, 2, "a scanner of no name"),
            act("3", EmailEventKind::Opened, 600, "Mozilla/5.0"),
            act("4", EmailEventKind::Clicked, 7_200, BROWSER),
            NewEmailEvent {
                origin: Some(EmailEventOrigin::Human),
                ..act("5", EmailEventKind::Opened, 7_300, "Mozilla/5.0")
            },
        ];
        ingest(&world, told).await;
        let contact = contacts(&world).await[to];
        let door = Door::new(&world.ctx);
        let document = "query($id: ID!) { contact(id: $id) { emailEvents(first: 10) {
            nodes { kind origin originReason } } } }";
        let variables = json!({ "id": contact.to_string() });
        let found = door.must(&world.owner, document, variables).await;
        // Newest first.
        let expected = [
            ("OPENED", "HUMAN", json!("PROVIDER_VERDICT")),
            ("CLICKED", "UNKNOWN", json!("NO_SIGN")),
            ("OPENED", "MACHINE_PRIVACY", json!("PRIVACY_AGENT")),
            ("CLICKED", "SCANNER", json!("CLICK_AT_DELIVERY")),
            ("DELIVERED", "UNKNOWN", json!(null)),
        ];
        let expected = expected.map(|(kind, origin, reason)| {
            json!({ "kind": kind, "origin": origin, "originReason": reason })
        });
        assert_eq!(found["emailEvents"]["nodes"], json!(expected));
        world
    });
}

#[test]
fn clicks_from_the_address_of_a_scanner_are_told_though_no_address_is_kept() {
    on_both(|world| async move {
        let to = "a@x.example";
        let from = |id: &str, email: &str, kind, second, ip: &str| NewEmailEvent {
            ip: Some(ip.to_owned()),
            url: Some("https://x.example/".to_owned()),
            ..event(id, email, to, kind, second)
        };
        let clicked = EmailEventKind::Clicked;
        let hidden = NewEmailEvent {
            url: Some("https://x.example/?enishi_hidden".to_owned()),
            ..from("2", "m", clicked, 600, "192.0.2.1")
        };
        let told = vec![
            from("1", "m", EmailEventKind::Delivered, 0, "198.51.100.9"),
            hidden,
            from("3", "m", clicked, 700, "192.0.2.1"),
            from("4", "m", clicked, 701, "192.0.2.2"),
            from("5", "n", clicked, 702, "192.0.2.1"),
        ];
        ingest(&world, told).await;
        let contact = contacts(&world).await[to];
        let door = Door::new(&world.ctx);
        let document = "query($id: ID!) { contact(id: $id) {
            emailEvents(first: 10, filter: { kinds: [CLICKED] }) { nodes { externalId originReason } } } }";
        let variables = json!({ "id": contact.to_string() });
        let found = door.must(&world.owner, document, variables).await;
        let expected = [
            ("5", "NO_SIGN"),
            ("4", "NO_SIGN"),
            ("3", "AFTER_SCANNER"),
            ("2", "HIDDEN_LINK"),
        ];
        let expected =
            expected.map(|(id, reason)| json!({ "externalId": id, "originReason": reason }));
        assert_eq!(found["emailEvents"]["nodes"], json!(expected));

        let rows = email_event::Entity::of(world.owner.workspace);
        let rows = rows.all(world.ctx.reader()).await.unwrap();
        let kept: Vec<String> = rows.into_iter().filter_map(|row| row.ip_hash).collect();
        // None of the delivery, one of both clicks of the scanner, and another one in the other email.
        assert_eq!(kept.len(), 4);
        assert!(kept.iter().all(|hash| hash.len() == 64), "{kept:?}");
        assert_eq!(kept.iter().collect::<BTreeSet<_>>().len(), 3);
        world.drain().await;
        world
    });
}
