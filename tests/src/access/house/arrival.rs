//! What comes in from outside, and what follows from it.

use domain::store::Query;
use entity::id::QuarantineId;
use serde_json::{Value, json};

use super::{Door, House, canary};
use crate::support::{World, engine::Receiver};

impl House {
    /// A message, an event and an email event of one contact.
    pub(super) async fn take_in(&mut self, world: &World, door: &Door, name: &str, canary: &str) {
        let owner = &self.owner.clone();
        let email = format!("taro@{name}.example");
        let now = world.ctx.clock.now();
        let messages = "mutation($input: IngestMessagesInput!) { ingestMessages(input: $input) \
            { messages { id } userErrors { message } } }";
        let message = json!({
            "externalId": "first", "contactEmail": email, "contactName": canary,
            "subject": canary, "body": canary, "sentAt": now,
        });
        let input = json!({ "inboxId": self.ids["inbox"], "messages": [message] });
        let made = door.must(owner, messages, json!({ "input": input })).await;
        self.keep("message", &made["messages"][0]["id"]);

        let events = "mutation($input: IngestEventsInput!) { ingestEvents(input: $input) \
            { created userErrors { message } } }";
        let event = json!({
            "externalId": "first", "contactEmail": email, "name": canary, "occurredAt": now,
        });
        door.must(owner, events, json!({ "input": { "events": [event] } }))
            .await;

        let emails = "mutation($input: IngestEmailEventsInput!) \
            { ingestEmailEvents(input: $input) { events { id } userErrors { message } } }";
        let event = json!({
            "externalId": "first", "emailKey": "first", "recipient": email, "kind": "SENT",
            "occurredAt": now, "campaign": { "externalId": "spring", "name": canary },
        });
        let input = json!({ "events": [event] });
        let made = door.must(owner, emails, json!({ "input": input })).await;
        self.keep("emailevent", &made["events"][0]["id"]);

        self.take_in_facts(door, &email, canary, &json!(now)).await;

        let contact = "query($email: String!) { contactByEmail(email: $email) { id \
            lastMessage { conversation { id } } events { nodes { id } } \
            emailEvents { nodes { campaign { id } } } } }";
        let found = door.must(owner, contact, json!({ "email": email })).await;
        self.keep("contact", &found["id"]);
        self.keep("conversation", &found["lastMessage"]["conversation"]["id"]);
        let urgent = "mutation($input: UpdateConversationInput!) { updateConversation(input: $input) \
            { userErrors { message } } }";
        let input = json!({ "id": self.ids["conversation"], "priority": "HIGH" });
        door.must(owner, urgent, json!({ "input": input })).await;
        self.keep("event", &found["events"]["nodes"][0]["id"]);
        self.keep(
            "campaign",
            &found["emailEvents"]["nodes"][0]["campaign"]["id"],
        );

        let tagging = "mutation($input: AddTagsInput!) { addTags(input: $input) \
            { added userErrors { message } } }";
        let input = json!({ "tagIds": [self.ids["tag"]], "contactIds": [self.ids["contact"]] });
        door.must(owner, tagging, json!({ "input": input })).await;
        let taggings = "query($id: ID!) { contact(id: $id) { taggings { id } } }";
        let found = door
            .must(owner, taggings, json!({ "id": self.ids["contact"] }))
            .await;
        self.keep("tagging", &found["taggings"][0]["id"]);
    }

    /// An order, an invoice, a ticket, an opportunity and an answer of the contact.
    async fn take_in_facts(&mut self, door: &Door, email: &str, canary: &str, now: &Value) {
        let owner = &self.owner.clone();
        for (word, words, own) in [
            (
                "order",
                "orders",
                json!({
                    "number": canary, "status": "PAID", "amount": 1, "currency": "JPY",
                    "placedAt": now,
                    "lines": [{ "productId": "p", "productName": canary, "unitPrice": 1 }],
                }),
            ),
            (
                "invoice",
                "invoices",
                json!({
                    "number": canary, "status": "OPEN", "amount": 1, "currency": "JPY",
                    "issuedAt": now,
                }),
            ),
            (
                "ticket",
                "tickets",
                json!({ "subject": canary, "status": "OPEN", "openedAt": now }),
            ),
            (
                "opportunity",
                "opportunities",
                json!({ "name": canary, "status": "OPEN", "openedAt": now }),
            ),
            (
                "surveyAnswer",
                "answers",
                json!({
                    "surveyKey": canary, "kind": "CSAT", "score": 5, "comment": canary,
                    "answeredAt": now,
                }),
            ),
        ] {
            let name = match words {
                "answers" => "SurveyAnswers".to_owned(),
                _ => {
                    let (first, rest) = words.split_at(1);
                    format!("{}{rest}", first.to_uppercase())
                }
            };
            let document = format!(
                "mutation($input: Ingest{name}Input!) {{ ingest{name}(input: $input) \
                 {{ {words} {{ id }} userErrors {{ message }} }} }}"
            );
            let mut told = own;
            told["externalId"] = json!("first");
            told["contact"] = json!({ "email": email });
            let made = door
                .must(owner, &document, json!({ "input": { words: [told] } }))
                .await;
            self.keep(word, &made[words][0]["id"]);
        }
    }

    /// What follows from the message: a firing and a delivery that came to its end.
    pub(super) async fn follow_up(&mut self, world: &World, door: &Door) {
        world.drain_of(self.owner.workspace).await;
        world.hurry().await;
        world.deliver(&Receiver::default()).await;
        let owner = &self.owner.clone();
        let query = "{ deliveries { nodes { id firing { id } } } }";
        let found = door.must(owner, query, json!({})).await;
        self.keep("delivery", &found["nodes"][0]["id"]);
        self.keep("firing", &found["nodes"][0]["firing"]["id"]);
        let id = world.ctx.id::<QuarantineId>();
        Query::new(
            "INSERT INTO quarantine (workspace_id, id, work, item, error, at)
             VALUES ($1, $2, 'rules', $3, $4, $5)",
        )
        .bind(owner.workspace)
        .bind(id)
        .bind(json!({ "position": "0.0", "fact": null }))
        .bind(canary("error"))
        .bind(world.ctx.clock.now())
        .execute(world.ctx.db.writer())
        .await
        .expect("something set aside");
        self.keep("quarantined", &json!(id.to_string()));
    }
}
