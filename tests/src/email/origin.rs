//! Who caused an event, as the API tells it.

use domain::email::NewEmailEvent;
use entity::kind::{EmailEventKind, EmailEventOrigin};
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
