//! A workspace with something of every kind in it, and a door to the schema without a network.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use api::{
    graphql::{Hub, LoaderCell, Schema},
    transport::{Bucket, Cost},
};
use async_graphql::{Request, Response, Variables};
use domain::{
    access::{
        Actor, Scope,
        member::{self, NewMember},
        token::{self, NewToken},
    },
    ctx::Ctx,
    operation::{self, Limits, NewOperation},
    port::Hint,
    store::Query,
    upload,
};
use entity::{
    id::{EnrolmentId, PlaybookId, QuarantineId, RuleId},
    kind::{OperationKind, Role},
};
use futures::{Stream, StreamExt as _};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::support::{World, engine::Receiver};

/// The schema, asked as anybody.
pub(crate) struct Door {
    ctx: Ctx,
    schema: Schema,
    pub(super) hints: broadcast::Sender<Hint>,
}

impl Door {
    pub(crate) fn new(ctx: &Ctx) -> Self {
        let hints = broadcast::channel(64).0;
        let runtime = tokio::runtime::Handle::current();
        let hub = Hub::new(ctx.clone(), hints.clone(), runtime);
        let schema = api::graphql::schema(ctx.clone(), hub);
        let ctx = ctx.clone();
        Self { ctx, schema, hints }
    }

    fn request(actor: &Actor, document: &str, variables: &Value) -> Request {
        Request::new(document)
            .variables(Variables::from_json(variables.clone()))
            .data(Arc::new(actor.clone()))
            .data::<LoaderCell>(OnceLock::new())
            // What the transport would have found and charged.
            .data(Cost {
                requested: 1,
                limit: 1,
            })
            .data(Bucket {
                limit: 1,
                remaining: 1,
                reset_s: 0,
            })
    }

    /// Runs a query or a mutation.
    pub(crate) async fn ask(&self, actor: &Actor, document: &str, variables: &Value) -> Value {
        let request = Self::request(actor, document, variables);
        plain(&self.schema.execute(request).await)
    }

    /// Runs a subscription.
    pub(crate) fn follow(
        &self,
        actor: &Actor,
        document: &str,
        variables: &Value,
    ) -> impl Stream<Item = Value> + use<> {
        let request = Self::request(actor, document, variables);
        self.schema
            .execute_stream(request)
            .map(|response| plain(&response))
    }

    /// Runs what must work, and gives back its one field.
    pub(crate) async fn must(&self, actor: &Actor, document: &str, variables: Value) -> Value {
        let mut answer = self.ask(actor, document, &variables).await;
        assert!(
            answer["errors"].is_null(),
            "{document} {variables}: {answer}"
        );
        let data = answer["data"].as_object_mut().expect("data");
        let mut field = std::mem::take(data).into_iter().next().expect("a field").1;
        let mistakes = field
            .get_mut("userErrors")
            .map(Value::take)
            .unwrap_or_default();
        let is_clean = mistakes.as_array().is_none_or(Vec::is_empty);
        assert!(is_clean, "{document} {variables}: {mistakes}");
        field
    }
}

fn plain(response: &Response) -> Value {
    serde_json::to_value(response).expect("a response")
}

/// What a workspace has, by a word for each: `contact`, `tag`, ...
pub(super) struct House {
    pub(super) owner: Actor,
    pub(super) ids: BTreeMap<String, String>,
}

/// Appears in every text of a house, so that another's answer can be searched for it.
pub(super) fn canary(name: &str) -> String {
    format!("canary-{name}")
}

impl House {
    /// Fills the workspace of `owner`.
    pub(super) async fn furnish(world: &World, door: &Door, owner: &Actor, name: &str) -> Self {
        let mut house = Self {
            owner: owner.clone(),
            ids: BTreeMap::new(),
        };
        let canary = canary(name);
        let workspace = door.must(owner, "{ workspace { id } }", json!({})).await;
        house.keep("workspace", &workspace["id"]);
        house.keep("boss", &json!(owner.member.to_string()));
        let inboxes = door.must(owner, "{ inboxes { id } }", json!({})).await;
        house.keep("inbox", &inboxes[0]["id"]);
        house.refresh(door).await;

        let account = "mutation($input: CreateAccountInput!) { createAccount(input: $input) \
            { account { id } userErrors { message } } }";
        let input = json!({ "name": canary, "domain": format!("{name}.example") });
        let made = door.must(owner, account, json!({ "input": input })).await;
        house.keep("account", &made["account"]["id"]);
        house.attribute(door, "attribute", "plan").await;
        let group = "mutation($input: CreateTagGroupInput!) { createTagGroup(input: $input) \
            { tagGroup { id } userErrors { message } } }";
        let input = json!({ "kind": "CONTACT", "name": canary, "selection": "MULTI" });
        let made = door.must(owner, group, json!({ "input": input })).await;
        house.keep("group", &made["tagGroup"]["id"]);
        for (word, kind) in [("tag", "CONTACT"), ("topic", "CONVERSATION")] {
            let tag = "mutation($input: CreateTagInput!) { createTag(input: $input) \
                { tag { id } userErrors { message } } }";
            let input = json!({ "name": format!("{canary} {word}"), "kind": kind });
            let made = door.must(owner, tag, json!({ "input": input })).await;
            house.keep(word, &made["tag"]["id"]);
        }

        house.judge_leads(door, &canary).await;
        house.make_rule(door, &canary).await;
        house.take_in(world, door, name, &canary).await;
        house.follow_up(world, door).await;
        house.notifications(world, door, &canary).await;
        house.note(door, "note", &canary).await;
        house.task(door, "task", &canary).await;
        house.playbook(door, "playbook", &canary, true).await;
        house.enrol(door, "enrolment", "contact").await;
        let onward = "mutation($input: MoveEnrolmentInput!) { moveEnrolment(input: $input) \
            { enrolment { id } userErrors { message } } }";
        let input = json!({ "id": house.ids["enrolment"], "step": "rest" });
        door.must(owner, onward, json!({ "input": input })).await;
        house.journey(door).await;
        house.segments(door, &canary).await;
        house.survey(door, "survey", &canary).await;
        house.asked(door).await;
        house.refresh(door).await;
        house
    }

    /// A custom attribute of contacts.
    async fn attribute(&mut self, door: &Door, word: &str, key: &str) {
        let owner = &self.owner.clone();
        let attribute = "mutation($input: CreateAttributeInput!) \
            { createAttribute(input: $input) { attribute { id } userErrors { message } } }";
        let input = json!({
            "subject": "CONTACT", "key": key, "name": "Plan", "valueType": "TEXT",
        });
        let made = door.must(owner, attribute, json!({ "input": input })).await;
        self.keep(word, &made["attribute"]["id"]);
    }

    /// A file that was sent, and an import of it that only says what it would do.
    async fn file(&mut self, door: &Door) {
        let (ctx, owner) = (&door.ctx, &self.owner.clone());
        let limits = upload::Limits::default();
        let made = upload::create(ctx, owner, limits, "people.csv").await;
        let made = made.expect("an upload").id;
        let bytes = b"email,name\nfile@x.example,File\n".to_vec();
        let stored = upload::append(ctx, owner, limits, made, 0, bytes).await;
        stored.expect("a piece");
        upload::complete(ctx, owner, made).await.expect("a file");
        self.keep("upload", &json!(made.to_string()));
        let import = "mutation($input: ImportContactsInput!) { importContacts(input: $input) \
            { operation { id } userErrors { message } } }";
        let input = json!({ "uploadId": made.to_string(), "dryRun": true });
        let asked = door.must(owner, import, json!({ "input": input })).await;
        self.keep("import", &asked["operation"]["id"]);
        let (kinds, workspace) = (domain::operations(), Some(owner.workspace));
        let done = operation::run_due(ctx, kinds, workspace, Limits::none()).await;
        done.expect("the import");
    }

    /// A contact with an external id.
    async fn spare_contact(&mut self, door: &Door, word: &str, key: &str) {
        let owner = &self.owner.clone();
        let contact = "mutation($input: CreateContactInput!) { createContact(input: $input) \
            { contact { id } userErrors { message } } }";
        let input = json!({ "name": "Spare", "externalId": key });
        let made = door.must(owner, contact, json!({ "input": input })).await;
        self.keep(word, &made["contact"]["id"]);
    }

    /// Contacts to merge, to take apart, to erase, and two who seem to be one.
    async fn doubles(&mut self, door: &Door, number: u64) {
        let owner = &self.owner.clone();
        self.spare_contact(door, "double", &format!("double {number}"))
            .await;
        // In the form of an id, because everything a house keeps is one.
        let key = format!("sparekey_{number:032x}");
        self.spare_contact(door, "spare_contact", &key).await;
        self.keep("spare_key", &json!(key));
        self.spare_contact(door, "merged", &format!("merged {number}"))
            .await;
        self.spare_contact(door, "survivor", &format!("survivor {number}"))
            .await;
        let merge = "mutation($input: MergeContactsInput!) { mergeContacts(input: $input) \
            { merge { id } userErrors { message } } }";
        let input = json!({ "survivorId": self.ids["survivor"], "mergedId": self.ids["merged"] });
        let made = door.must(owner, merge, json!({ "input": input })).await;
        self.keep("merge", &made["merge"]["id"]);
        self.ids.remove("merged");
        let identify = "mutation($input: IdentifyContactInput!) { identifyContact(input: $input) \
            { suspects { id } userErrors { message } } }";
        let identities = json!([
            { "kind": "EXTERNAL_ID", "value": format!("double {number}") },
            { "kind": "EXTERNAL_ID", "value": format!("survivor {number}") },
        ]);
        let input = json!({ "identities": identities });
        let made = door.must(owner, identify, json!({ "input": input })).await;
        self.keep("suspect", &made["suspects"][0]["id"]);
    }

    /// A stage the contact came to, and what they want to hear of.
    async fn journey(&mut self, door: &Door) {
        let owner = &self.owner.clone();
        let update = "mutation($input: UpdateContactInput!) { updateContact(input: $input) \
            { contact { id } userErrors { message } } }";
        let input = json!({ "id": self.ids["contact"], "stage": "LEAD" });
        door.must(owner, update, json!({ "input": input })).await;
        let subscribe = "mutation($input: SetSubscriptionInput!) \
            { setSubscription(input: $input) { userErrors { message } } }";
        let input = json!({ "contactId": self.ids["contact"], "channel": "EMAIL",
            "state": "SUBSCRIBED" });
        door.must(owner, subscribe, json!({ "input": input })).await;
    }

    /// A note about the contact.
    async fn note(&mut self, door: &Door, word: &str, body: &str) {
        let owner = &self.owner.clone();
        let note = "mutation($input: AddNoteInput!) { addNote(input: $input) \
            { note { id } userErrors { message } } }";
        let input = json!({ "on": { "contactId": self.ids["contact"] }, "body": body });
        let made = door.must(owner, note, json!({ "input": input })).await;
        self.keep(word, &made["note"]["id"]);
    }

    /// A playbook that waits, with a tag of its own: other rows archive the house's tags.
    async fn playbook(&mut self, door: &Door, word: &str, name: &str, publish: bool) {
        let owner = &self.owner.clone();
        let tag = "mutation($input: CreateTagInput!) { createTag(input: $input) \
            { tag { id } userErrors { message } } }";
        let input = json!({ "name": format!("{name} of a playbook"), "kind": "CONTACT" });
        let tag = door.must(owner, tag, json!({ "input": input })).await;
        let save = "mutation($input: SavePlaybookInput!) { savePlaybook(input: $input) \
            { playbook { id } userErrors { path message } } }";
        let input = json!({
            "name": name, "description": name, "publish": publish, "definition": {
                "steps": [
                    { "stepId": "act", "name": name, "kind": { "actions": [
                        { "tagContact": { "tagIds": [tag["tag"]["id"]] } },
                    ] } },
                    { "stepId": "rest", "kind": { "wait": { "for": { "days": 9 } } } },
                ],
                "again": { "afterEnd": true },
            },
        });
        let made = door.must(owner, save, json!({ "input": input })).await;
        self.keep(word, &made["playbook"]["id"]);
    }

    /// A contact's way through the playbook.
    async fn enrol(&mut self, door: &Door, word: &str, contact: &str) {
        let owner = &self.owner.clone();
        let enrol = "mutation($input: EnrolContactsInput!) { enrolContacts(input: $input) \
            { enrolments { id } userErrors { path message } } }";
        let contacts = json!({ "ids": [self.ids[contact]] });
        let input = json!({ "playbookId": self.ids["playbook"], "contacts": contacts });
        let made = door.must(owner, enrol, json!({ "input": input })).await;
        self.keep(word, &made["enrolments"][0]["id"]);
    }

    /// Something to do about the contact.
    async fn task(&mut self, door: &Door, word: &str, title: &str) {
        let owner = &self.owner.clone();
        let task = "mutation($input: CreateTaskInput!) { createTask(input: $input) \
            { task { id } userErrors { message } } }";
        let input = json!({ "title": title, "contactId": self.ids["contact"] });
        let made = door.must(owner, task, json!({ "input": input })).await;
        self.keep(word, &made["task"]["id"]);
    }

    /// A survey.
    async fn survey(&mut self, door: &Door, word: &str, key: &str) {
        let owner = &self.owner.clone();
        let survey = "mutation($input: CreateSurveyInput!) { createSurvey(input: $input) \
            { survey { id } userErrors { message } } }";
        let input = json!({ "key": key, "kind": "NPS", "name": key });
        let made = door.must(owner, survey, json!({ "input": input })).await;
        self.keep(word, &made["survey"]["id"]);
    }

    /// The contact, asked by the survey.
    async fn asked(&mut self, door: &Door) {
        let owner = &self.owner.clone();
        let send = "mutation($input: SendSurveyInput!) { sendSurvey(input: $input) \
            { invitation { id } userErrors { message } } }";
        let (survey, contact) = (&self.ids["survey"], &self.ids["contact"]);
        let input = json!({ "surveyId": survey, "contactId": contact, "medium": "LINK" });
        let sent = door.must(owner, send, json!({ "input": input })).await;
        self.keep("invitation", &sent["invitation"]["id"]);
    }

    /// A segment kept by hand with the contact in it, and a live one.
    async fn segments(&mut self, door: &Door, canary: &str) {
        let owner = &self.owner.clone();
        let tags = json!({ "mode": "ANY", "tagIds": [self.ids["tag"]] });
        for (word, condition) in [
            ("segment", Value::Null),
            ("live_segment", json!({ "contactTags": tags })),
        ] {
            let segment = "mutation($input: CreateSegmentInput!) { createSegment(input: $input) \
                { segment { id } userErrors { path message } } }";
            let input = json!({
                "name": format!("{canary} {word}"), "subject": "CONTACT", "condition": condition,
            });
            let made = door.must(owner, segment, json!({ "input": input })).await;
            self.keep(word, &made["segment"]["id"]);
        }
        let add = "mutation($input: AddToSegmentInput!) { addToSegment(input: $input) \
            { added userErrors { path message } } }";
        let members = json!({ "contactIds": [self.ids["contact"]] });
        let input = json!({ "id": self.ids["segment"], "members": members });
        door.must(owner, add, json!({ "input": input })).await;
    }

    /// What a rule needs and what follows from it.
    async fn make_rule(&mut self, door: &Door, canary: &str) {
        let owner = &self.owner.clone();
        let target = "mutation($input: CreateNotificationTargetInput!) \
            { createNotificationTarget(input: $input) { target { id } userErrors { message } } }";
        let url = "https://hooks.slack.com/services/T/B/secret";
        let input = json!({ "name": canary, "url": url });
        let made = door.must(owner, target, json!({ "input": input })).await;
        self.keep("target", &made["target"]["id"]);
        for (word, body) in [("rule", canary)] {
            let rule = "mutation($input: CreateRuleInput!) { createRule(input: $input) \
                { rule { id } userErrors { path message } } }";
            let input = json!({
                "name": format!("{canary} {word}"), "trigger": { "messageReceived": {} },
                "condition": { "keywords": { "mode": "ANY_OF", "words": [body] } },
                "actions": [
                    { "tagConversation": { "tagIds": [self.ids["topic"]] } },
                    { "notify": { "targetId": self.ids["target"] } },
                ],
            });
            let made = door.must(owner, rule, json!({ "input": input })).await;
            self.keep(word, &made["rule"]["id"]);
        }
    }

    /// A webhook, a team, and a notification in the list of the owner.
    async fn notifications(&mut self, world: &World, door: &Door, canary: &str) {
        let owner = &self.owner.clone();
        let target = "mutation($input: CreateNotificationTargetInput!) \
            { createNotificationTarget(input: $input) { target { id } userErrors { message } } }";
        let input = json!({
            "name": format!("{canary} webhook"), "kind": "WEBHOOK", "url": "https://a.example/hook",
        });
        let made = door.must(owner, target, json!({ "input": input })).await;
        self.keep("webhook", &made["target"]["id"]);
        self.team(door, "team", canary).await;
        let input = json!({
            "name": format!("{canary} list"), "kind": "IN_APP",
            "receivers": { "everybody": true, "teamIds": [self.ids["team"]] },
        });
        let made = door.must(owner, target, json!({ "input": input })).await;
        self.keep("list", &made["target"]["id"]);
        let test = "mutation($input: TestNotificationTargetInput!) \
            { testNotificationTarget(input: $input) { delivery { id } userErrors { message } } }";
        let input = json!({ "id": self.ids["list"] });
        door.must(owner, test, json!({ "input": input })).await;
        world.deliver(&Receiver::default()).await;
        let query = "{ inAppNotifications { nodes { id } } }";
        let found = door.must(owner, query, json!({})).await;
        self.keep("inapp", &found["nodes"][0]["id"]);
    }

    async fn team(&mut self, door: &Door, word: &str, name: &str) {
        let owner = &self.owner.clone();
        let team = "mutation($input: CreateTeamInput!) \
            { createTeam(input: $input) { team { id } userErrors { message } } }";
        let input = json!({ "name": name });
        let made = door.must(owner, team, json!({ "input": input })).await;
        self.keep(word, &made["team"]["id"]);
    }

    /// What follows from the message: a firing and a delivery that came to its end.
    async fn follow_up(&mut self, world: &World, door: &Door) {
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

    /// A message, an event and an email event of one contact.
    async fn take_in(&mut self, world: &World, door: &Door, name: &str, canary: &str) {
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

    /// Values of the group one of which means a target lead, and a run of the audit of the tags.
    async fn judge_leads(&mut self, door: &Door, canary: &str) {
        let owner = &self.owner.clone();
        let tag = "mutation($input: CreateTagInput!) { createTag(input: $input) \
            { tag { id } userErrors { message } } }";
        for word in ["value", "other_value"] {
            let name = format!("{canary} {word}");
            let input = json!({ "name": name, "kind": "CONTACT", "groupId": self.ids["group"] });
            let made = door.must(owner, tag, json!({ "input": input })).await;
            self.keep(word, &made["tag"]["id"]);
        }
        let set = "mutation($input: SetLeadJudgementInput!) { setLeadJudgement(input: $input) \
            { judgement { isChosen } userErrors { message } } }";
        let input = json!({ "groupId": self.ids["group"], "targetTagIds": [self.ids["value"]] });
        door.must(owner, set, json!({ "input": input })).await;
        let run = "mutation($input: StartTagQualityRunInput!) \
            { startTagQualityRun(input: $input) { run { id } userErrors { message } } }";
        let made = door.must(owner, run, json!({ "input": {} })).await;
        self.keep("run", &made["run"]["id"]);
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

    /// Makes anew what a row of the table uses up.
    pub(super) async fn refresh(&mut self, door: &Door) {
        let owner = &self.owner.clone();
        let number = self.ids.len() as u64 + u64::from(self.next("spare"));
        let member = "mutation($input: AddMemberInput!) { addMember(input: $input) \
            { member { id } userErrors { message } } }";
        let input = json!({
            "email": format!("spare{number}@staff.example"), "name": "Spare", "role": "AGENT",
        });
        let made = door.must(owner, member, json!({ "input": input })).await;
        self.keep("member", &made["member"]["id"]);
        let token = "mutation($input: CreateAccessTokenInput!) \
            { createAccessToken(input: $input) { accessToken { id } userErrors { message } } }";
        for (word, whose) in [("token", "member"), ("boss_token", "boss")] {
            let input = json!({
                "name": "Spare", "scopes": ["READ"], "memberId": self.ids[whose],
            });
            let made = door.must(owner, token, json!({ "input": input })).await;
            self.keep(word, &made["accessToken"]["id"]);
        }
        self.file(door).await;
        let mut tx = door
            .ctx
            .begin(owner.workspace)
            .await
            .expect("a transaction");
        let new = NewOperation {
            kind: OperationKind::WithdrawRuleTags,
            request: json!({ "rule_id": RuleId(Uuid::nil()) }),
            total: None,
            dry_run: true,
            origin: owner.origin(),
        };
        let asked = operation::start(&door.ctx, &mut tx, new).await;
        tx.commit().await.expect("a commit");
        self.keep(
            "operation",
            &json!(asked.expect("an operation").id.to_string()),
        );
        let inbox = "mutation($input: CreateInboxInput!) { createInbox(input: $input) \
            { inbox { id } userErrors { message } } }";
        let input = json!({ "name": format!("Spare {number}"), "channel": "CHAT" });
        let made = door.must(owner, inbox, json!({ "input": input })).await;
        self.keep("spare_inbox", &made["inbox"]["id"]);
        let target = "mutation($input: CreateNotificationTargetInput!) \
            { createNotificationTarget(input: $input) { target { id } userErrors { message } } }";
        let url = "https://hooks.slack.com/services/T/B/spare";
        let input = json!({ "name": format!("Spare {number}"), "url": url });
        let made = door.must(owner, target, json!({ "input": input })).await;
        self.keep("spare_target", &made["target"]["id"]);
        self.team(door, "spare_team", &format!("Spare {number}"))
            .await;
        let document = "mutation($input: RegisterDocumentsInput!) \
            { registerDocuments(input: $input) { documents { id } userErrors { message } } }";
        let input =
            json!({ "documents": [format!("query Spare{number} {{ viewer {{ role }} }}")] });
        let made = door.must(owner, document, json!({ "input": input })).await;
        self.keep("document", &made["documents"][0]["id"]);
        let tag = "mutation($input: CreateTagInput!) { createTag(input: $input) \
            { tag { id } userErrors { message } } }";
        let input = json!({ "name": format!("Spare {number}"), "kind": "CONTACT" });
        let made = door.must(owner, tag, json!({ "input": input })).await;
        self.keep("spare_tag", &made["tag"]["id"]);
        let usage = "query($id: ID!) { tagUsage(id: $id) { token } }";
        let found = door
            .must(owner, usage, json!({ "id": self.ids["spare_tag"] }))
            .await;
        self.keep("#spare_token", &found["token"]);
        if let Some(topic) = self.ids.get("topic") {
            let rule = "mutation($input: CreateRuleInput!) { createRule(input: $input) \
                { rule { id } userErrors { path message } } }";
            let input = json!({
                "name": format!("Spare {number}"), "trigger": { "messageReceived": {} },
                "condition": { "keywords": { "mode": "ANY_OF", "words": ["nothing"] } },
                "actions": [{ "tagConversation": { "tagIds": [topic] } }],
            });
            let made = door.must(owner, rule, json!({ "input": input })).await;
            self.keep("spare_rule", &made["rule"]["id"]);
        }
        if let Some(last) = self.ids.get("spare_survey") {
            // A workspace does not hold any number of them.
            let archive = "mutation($input: ArchiveSurveyInput!) \
                { archiveSurvey(input: $input) { survey { id } } }";
            let input = json!({ "input": { "id": last } });
            door.ask(owner, archive, &input).await;
        }
        self.survey(door, "spare_survey", &format!("Spare {number}"))
            .await;
        let segment = "mutation($input: CreateSegmentInput!) { createSegment(input: $input) \
            { segment { id } userErrors { path message } } }";
        let input = json!({ "name": format!("Spare {number}"), "subject": "CONTACT" });
        let made = door.must(owner, segment, json!({ "input": input })).await;
        self.keep("spare_segment", &made["segment"]["id"]);
        if let Some(last) = self.ids.get("spare_attribute") {
            // Most rows leave it, and a workspace does not hold any number of them.
            let delete = "mutation($input: DeleteAttributeInput!) \
                { deleteAttribute(input: $input) { deletedId } }";
            let input = json!({ "input": { "id": last } });
            door.ask(owner, delete, &input).await;
        }
        self.attribute(door, "spare_attribute", &format!("spare_{number}"))
            .await;
        if self.ids.contains_key("contact") {
            self.note(door, "spare_note", "Spare").await;
            if let Some(last) = self.ids.get("spare_playbook") {
                // A workspace does not hold any number of them.
                let last: PlaybookId = last.parse().expect("an id");
                Query::new("UPDATE playbook SET state = 'ARCHIVED' WHERE id = $1")
                    .bind(last)
                    .execute(door.ctx.db.writer())
                    .await
                    .expect("an end");
            }
            self.playbook(door, "spare_playbook", &format!("Spare {number}"), false)
                .await;
            self.task(door, "spare_task", "Spare").await;
            self.task(door, "done_task", "Spare").await;
            let complete = "mutation($input: CompleteTaskInput!) { completeTask(input: $input) \
                { task { id } userErrors { message } } }";
            let input = json!({ "id": self.ids["done_task"] });
            door.must(owner, complete, json!({ "input": input })).await;
            self.doubles(door, number).await;
            if self.ids.contains_key("playbook") {
                self.enrol(door, "spare_enrolment", "spare_contact").await;
                self.enrol(door, "failed_enrolment", "survivor").await;
                let failed: EnrolmentId = self.ids["failed_enrolment"].parse().expect("an id");
                Query::new(
                    "UPDATE enrolment SET state = 'FAILED', due_at = NULL, ended_at = $2
                     WHERE id = $1",
                )
                .bind(failed)
                .bind(door.ctx.clock.now())
                .execute(door.ctx.db.writer())
                .await
                .expect("a failure");
            }
        }
    }

    fn keep(&mut self, word: &str, id: &Value) {
        let id = id.as_str().unwrap_or_else(|| panic!("no id for {word}"));
        self.ids.insert(word.to_owned(), id.to_owned());
    }

    /// A number not given for this word before.
    pub(super) fn next(&mut self, word: &str) -> u32 {
        let counter = self.ids.entry(format!("#{word}")).or_default();
        let next = counter.parse::<u32>().unwrap_or_default() + 1;
        *counter = next.to_string();
        next
    }

    /// Puts this house's ids in place of `@word`, and a fresh number in place of `#`.
    pub(super) fn fill(&mut self, variables: &Value) -> Value {
        match variables {
            Value::String(text) => {
                if let Some(word) = text.strip_prefix('@') {
                    let id = self.ids.get(word);
                    return json!(id.unwrap_or_else(|| panic!("the house has no {word}")));
                }
                if text.contains('#') {
                    let number = self.next("fill");
                    return json!(text.replace('#', &number.to_string()));
                }
                variables.clone()
            }
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(members) => {
                let filled = members
                    .iter()
                    .map(|(name, value)| (name.clone(), self.fill(value)));
                Value::Object(filled.collect())
            }
            other => other.clone(),
        }
    }

    /// The ids of things, without the counters.
    pub(super) fn things(&self) -> impl Iterator<Item = (&str, &str)> {
        let things = self.ids.iter().filter(|(word, _)| !word.starts_with('#'));
        things.map(|(word, id)| (word.as_str(), id.as_str()))
    }
}

/// Does what the mutations of a test have left to do.
pub(super) async fn clear(world: &World) {
    world.drain().await;
    world.hurry().await;
    world.deliver(&Receiver::default()).await;
    let turn = operation::run_due(&world.ctx, domain::operations(), None, Limits::none()).await;
    turn.expect("a turn");
}

/// A member of the owner's workspace with this role, through a token with every scope of it.
pub(crate) async fn member_of(ctx: &Ctx, owner: &Actor, role: Role) -> Actor {
    let new = NewMember {
        email: format!("{}@staff.example", role.word().to_lowercase()),
        name: "Somebody".to_owned(),
        role,
    };
    let member = member::add(ctx, owner, new).await.expect("a member");
    let new = NewToken {
        member: Some(member.id),
        name: "Theirs".to_owned(),
        scopes: Scope::ALL.to_vec(),
        expires_at: None,
        integration: false,
    };
    let (_, secret) = token::create(ctx, owner, new).await.expect("a token");
    let actor = token::authenticate(ctx, secret.expose_secret()).await;
    actor.expect("a look-up").expect("an actor")
}
