//! What a row of the table of access uses up, made anew for the next one.

use domain::{
    operation::{self, NewOperation},
    store::Query,
};
use entity::{
    id::{EnrolmentId, PlaybookId, RuleId},
    kind::OperationKind,
};
use serde_json::json;
use uuid::Uuid;

use super::{Door, House};

impl House {
    /// Makes anew what a row of the table uses up.
    pub(in crate::access) async fn refresh(&mut self, door: &Door) {
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
        if let Some(last) = self.ids.get("spare_email_source") {
            // Most rows leave it, and a workspace does not hold any number of them.
            let delete = "mutation($input: DeleteEmailSourceInput!) \
                { deleteEmailSource(input: $input) { emailSource { id } } }";
            let input = json!({ "input": { "id": last } });
            door.ask(owner, delete, &input).await;
        }
        self.email_source(door, "spare_email_source", &format!("Spare {number}"))
            .await;
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
            self.companies(door, number).await;
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
}
