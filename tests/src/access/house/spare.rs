//! What a row of the table of access uses up, made anew for the next one.
//!
//! Each thing is made anew where a row names it, or all of them are; add one to [`House::remake`], beside the words
//! it keeps.

use std::collections::BTreeSet;

use domain::{
    operation::{self, NewOperation},
    store::Query,
};
use entity::{
    id::{EnrolmentId, PlaybookId, RuleId},
    kind::OperationKind,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Door, House};

/// The words these variables name things by.
fn words<'a>(variables: &'a Value, found: &mut BTreeSet<&'a str>) {
    match variables {
        Value::String(text) => found.extend(text.strip_prefix('@')),
        Value::Array(items) => items.iter().for_each(|item| words(item, found)),
        Value::Object(members) => members.values().for_each(|value| words(value, found)),
        _ => {}
    }
}

impl House {
    /// Makes anew all that rows of the table use up.
    pub(in crate::access) async fn refresh(&mut self, door: &Door) {
        self.remake(door, None).await;
    }

    /// Makes anew what a row with these variables uses up, which is what they name.
    pub(in crate::access) async fn refresh_for(&mut self, door: &Door, variables: &Value) {
        let mut named = BTreeSet::new();
        words(variables, &mut named);
        self.remake(door, Some(&named)).await;
    }

    /// Makes anew the things with these words, or all.
    async fn remake(&mut self, door: &Door, named: Option<&BTreeSet<&str>>) {
        let wants = |words: &[&str]| {
            named.is_none_or(|named| words.iter().any(|word| named.contains(word)))
        };
        let number = self.ids.len() as u64 + u64::from(self.next("spare"));
        let name = format!("Spare {number}");
        if wants(&["member", "token", "boss_token"]) {
            self.spare_member(door, number).await;
        }
        if wants(&["upload", "import"]) {
            self.file(door).await;
        }
        if wants(&["operation"]) {
            self.spare_operation(door).await;
        }
        if wants(&["spare_inbox", "spare_target", "document"]) {
            self.spare_ways(door, number).await;
        }
        if wants(&["spare_email_source"]) {
            self.spare_email_source(door, &name).await;
        }
        if wants(&["spare_team"]) {
            self.team(door, "spare_team", &name).await;
        }
        if wants(&["spare_tag", "#spare_token"]) {
            self.spare_tag(door, &name).await;
        }
        if wants(&["tag_merge"]) {
            self.tag_merge(door, &name).await;
        }
        if wants(&["spare_group", "#spare_group_token"]) {
            self.spare_group(door, &name).await;
        }
        if wants(&["spare_rule"]) && self.ids.contains_key("topic") {
            self.spare_rule(door, &name).await;
        }
        if wants(&["spare_survey"]) {
            self.spare_survey(door, &name).await;
        }
        if wants(&["spare_segment"]) {
            self.spare_segment(door, &name).await;
        }
        if wants(&["spare_attribute"]) {
            self.spare_attribute(door, number).await;
        }
        if self.ids.contains_key("contact") {
            self.remake_about_people(door, number, wants).await;
        }
    }

    /// The same of what there can be once there is a contact.
    async fn remake_about_people(
        &mut self,
        door: &Door,
        number: u64,
        wants: impl Fn(&[&str]) -> bool,
    ) {
        if wants(&["spare_note"]) {
            self.note(door, "spare_note", "Spare").await;
        }
        if wants(&["#spare_fact"]) {
            self.spare_fact(door, number).await;
        }
        if wants(&["spare_playbook"]) {
            self.spare_playbook(door, number).await;
        }
        if wants(&["spare_task", "done_task"]) {
            self.spare_tasks(door).await;
        }
        let people = [
            "double",
            "spare_contact",
            "spare_key",
            "survivor",
            "merge",
            "suspect",
        ];
        let enrolments = ["spare_enrolment", "failed_enrolment"];
        // Nobody is enrolled twice at a time.
        if wants(&people) || wants(&enrolments) {
            self.doubles(door, number).await;
        }
        if wants(&["company", "#company_token", "company_merge"]) {
            self.companies(door, number).await;
        }
        if wants(&["company_suspect"]) {
            self.like_companies(door, number).await;
        }
        if wants(&enrolments) && self.ids.contains_key("playbook") {
            self.spare_enrolments(door).await;
        }
    }

    /// An order, by the id of its source.
    async fn spare_fact(&mut self, door: &Door, number: u64) {
        let owner = &self.owner.clone();
        let ingest = "mutation($input: IngestOrdersInput!) { ingestOrders(input: $input) \
            { orders { id externalId } userErrors { message } } }";
        let order = json!({
            "externalId": format!("spare {number}"), "contact": { "id": self.ids["contact"] },
            "status": "PLACED", "amount": 1, "currency": "JPY", "placedAt": "2026-03-01T00:00:00Z",
        });
        let made = door
            .must(owner, ingest, json!({ "input": { "orders": [order] } }))
            .await;
        self.keep("#spare_fact", &made["orders"][0]["externalId"]);
    }

    /// A member, and a token of theirs and of the owner.
    async fn spare_member(&mut self, door: &Door, number: u64) {
        let owner = &self.owner.clone();
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
    }

    /// An operation that waits.
    async fn spare_operation(&mut self, door: &Door) {
        let owner = &self.owner.clone();
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
    }

    /// An inbox, a notification target and a registered document.
    async fn spare_ways(&mut self, door: &Door, number: u64) {
        let owner = &self.owner.clone();
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
        let document = "mutation($input: RegisterDocumentsInput!) \
            { registerDocuments(input: $input) { documents { id } userErrors { message } } }";
        let input =
            json!({ "documents": [format!("query Spare{number} {{ viewer {{ role }} }}")] });
        let made = door.must(owner, document, json!({ "input": input })).await;
        self.keep("document", &made["documents"][0]["id"]);
    }

    /// An email source in place of the last.
    async fn spare_email_source(&mut self, door: &Door, name: &str) {
        let owner = &self.owner.clone();
        if let Some(last) = self.ids.get("spare_email_source") {
            // Most rows leave it, and a workspace does not hold any number of them.
            let delete = "mutation($input: DeleteEmailSourceInput!) \
                { deleteEmailSource(input: $input) { emailSource { id } } }";
            let input = json!({ "input": { "id": last } });
            door.ask(owner, delete, &input).await;
        }
        self.email_source(door, "spare_email_source", name).await;
    }

    /// A tag, and what allows to delete it.
    async fn spare_tag(&mut self, door: &Door, name: &str) {
        let owner = &self.owner.clone();
        let tag = "mutation($input: CreateTagInput!) { createTag(input: $input) \
            { tag { id } userErrors { message } } }";
        let input = json!({ "name": name, "kind": "CONTACT" });
        let made = door.must(owner, tag, json!({ "input": input })).await;
        self.keep("spare_tag", &made["tag"]["id"]);
        let usage = "query($id: ID!) { tagUsage(id: $id) { token } }";
        let found = door
            .must(owner, usage, json!({ "id": self.ids["spare_tag"] }))
            .await;
        self.keep("#spare_token", &found["token"]);
    }

    /// A merge of two tags.
    async fn tag_merge(&mut self, door: &Door, name: &str) {
        let owner = &self.owner.clone();
        let tag = "mutation($input: CreateTagInput!) { createTag(input: $input) \
            { tag { id } userErrors { message } } }";
        let mut made = Vec::new();
        for what in ["stays", "goes"] {
            let input = json!({ "name": format!("{name} {what}"), "kind": "CONTACT" });
            let tag = door.must(owner, tag, json!({ "input": input })).await;
            made.push(tag["tag"]["id"].clone());
        }
        let merge = "mutation($input: MergeTagsInput!) { mergeTags(input: $input) \
            { merge { id } userErrors { message } } }";
        let input = json!({ "targetId": made[0], "sourceIds": [made[1]] });
        let merged = door.must(owner, merge, json!({ "input": input })).await;
        self.keep("tag_merge", &merged["merge"]["id"]);
    }

    /// A tag group in place of the last, and what allows to delete it.
    async fn spare_group(&mut self, door: &Door, name: &str) {
        let owner = &self.owner.clone();
        if let Some(last) = self.ids.get("spare_group") {
            // Most rows leave it, and a workspace does not hold any number of them.
            let delete = "mutation($input: DeleteTagGroupInput!) \
                { deleteTagGroup(input: $input) { deletedId } }";
            let token = &self.ids["#spare_group_token"];
            let input = json!({ "input": { "id": last, "usageToken": token } });
            door.ask(owner, delete, &input).await;
        }
        let group = "mutation($input: CreateTagGroupInput!) { createTagGroup(input: $input) \
            { tagGroup { id } userErrors { message } } }";
        let input = json!({ "name": name, "kind": "CONTACT", "selection": "MULTI" });
        let made = door.must(owner, group, json!({ "input": input })).await;
        self.keep("spare_group", &made["tagGroup"]["id"]);
        let usage = "query($id: ID!) { tagGroupUsage(id: $id) { token } }";
        let found = door
            .must(owner, usage, json!({ "id": self.ids["spare_group"] }))
            .await;
        self.keep("#spare_group_token", &found["token"]);
    }

    /// A rule.
    async fn spare_rule(&mut self, door: &Door, name: &str) {
        let owner = &self.owner.clone();
        let rule = "mutation($input: CreateRuleInput!) { createRule(input: $input) \
            { rule { id } userErrors { path message } } }";
        let input = json!({
            "name": name, "trigger": { "messageReceived": {} },
            "condition": { "keywords": { "mode": "ANY_OF", "words": ["nothing"] } },
            "actions": [{ "tagConversation": { "tagIds": [self.ids["topic"]] } }],
        });
        let made = door.must(owner, rule, json!({ "input": input })).await;
        self.keep("spare_rule", &made["rule"]["id"]);
    }

    /// A survey in place of the last.
    async fn spare_survey(&mut self, door: &Door, name: &str) {
        let owner = &self.owner.clone();
        if let Some(last) = self.ids.get("spare_survey") {
            // A workspace does not hold any number of them.
            let archive = "mutation($input: ArchiveSurveyInput!) \
                { archiveSurvey(input: $input) { survey { id } } }";
            let input = json!({ "input": { "id": last } });
            door.ask(owner, archive, &input).await;
        }
        self.survey(door, "spare_survey", name).await;
    }

    /// A segment.
    async fn spare_segment(&mut self, door: &Door, name: &str) {
        let owner = &self.owner.clone();
        let segment = "mutation($input: CreateSegmentInput!) { createSegment(input: $input) \
            { segment { id } userErrors { path message } } }";
        let input = json!({ "name": name, "subject": "CONTACT" });
        let made = door.must(owner, segment, json!({ "input": input })).await;
        self.keep("spare_segment", &made["segment"]["id"]);
    }

    /// A custom attribute in place of the last.
    async fn spare_attribute(&mut self, door: &Door, number: u64) {
        let owner = &self.owner.clone();
        if let Some(last) = self.ids.get("spare_attribute") {
            // Most rows leave it, and a workspace does not hold any number of them.
            let delete = "mutation($input: DeleteAttributeInput!) \
                { deleteAttribute(input: $input) { deletedId } }";
            let input = json!({ "input": { "id": last } });
            door.ask(owner, delete, &input).await;
        }
        self.attribute(door, "spare_attribute", &format!("spare_{number}"))
            .await;
    }

    /// A playbook in place of the last.
    async fn spare_playbook(&mut self, door: &Door, number: u64) {
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
    }

    /// A task to do, and one that is done.
    async fn spare_tasks(&mut self, door: &Door) {
        let owner = &self.owner.clone();
        self.task(door, "spare_task", "Spare").await;
        self.task(door, "done_task", "Spare").await;
        let complete = "mutation($input: CompleteTaskInput!) { completeTask(input: $input) \
            { task { id } userErrors { message } } }";
        let input = json!({ "id": self.ids["done_task"] });
        door.must(owner, complete, json!({ "input": input })).await;
    }

    /// An enrolment under way, and one that failed.
    async fn spare_enrolments(&mut self, door: &Door) {
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
