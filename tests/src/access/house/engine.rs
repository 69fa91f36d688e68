//! What acts by itself: rules, playbooks, segments, surveys, notifications; and what leads are judged by.

use serde_json::{Value, json};

use super::{Door, House};
use crate::support::{World, engine::Receiver};

impl House {
    /// What a rule needs and what follows from it.
    pub(super) async fn make_rule(&mut self, door: &Door, canary: &str) {
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

    /// Where a provider tells what became of emails.
    pub(super) async fn email_source(&mut self, door: &Door, word: &str, name: &str) {
        let owner = &self.owner.clone();
        let source = "mutation($input: CreateEmailSourceInput!) { createEmailSource(input: $input) \
            { emailSource { id } userErrors { message } } }";
        let input = json!({ "name": name, "provider": "MAILGUN", "signingKey": "key-1" });
        let made = door.must(owner, source, json!({ "input": input })).await;
        self.keep(word, &made["emailSource"]["id"]);
    }

    /// A short link.
    pub(super) async fn tracked_link(&mut self, door: &Door, word: &str, name: &str) {
        let owner = &self.owner.clone();
        let link = "mutation($input: CreateTrackedLinkInput!) { createTrackedLink(input: $input) \
            { trackedLink { id } userErrors { message } } }";
        let input = json!({ "name": name, "targetUrl": format!("https://{name}.example/") });
        let made = door.must(owner, link, json!({ "input": input })).await;
        self.keep(word, &made["trackedLink"]["id"]);
    }

    /// A playbook that waits, with a tag of its own: other rows archive the house's tags.
    pub(super) async fn playbook(&mut self, door: &Door, word: &str, name: &str, publish: bool) {
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
    pub(super) async fn enrol(&mut self, door: &Door, word: &str, contact: &str) {
        let owner = &self.owner.clone();
        let enrol = "mutation($input: EnrolContactsInput!) { enrolContacts(input: $input) \
            { enrolments { id } userErrors { path message } } }";
        let contacts = json!({ "ids": [self.ids[contact]] });
        let input = json!({ "playbookId": self.ids["playbook"], "contacts": contacts });
        let made = door.must(owner, enrol, json!({ "input": input })).await;
        self.keep(word, &made["enrolments"][0]["id"]);
    }

    /// A segment kept by hand with the contact in it, and a live one.
    pub(super) async fn segments(&mut self, door: &Door, canary: &str) {
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

    /// A survey.
    pub(super) async fn survey(&mut self, door: &Door, word: &str, key: &str) {
        let owner = &self.owner.clone();
        let survey = "mutation($input: CreateSurveyInput!) { createSurvey(input: $input) \
            { survey { id } userErrors { message } } }";
        let input = json!({ "key": key, "kind": "NPS", "name": key });
        let made = door.must(owner, survey, json!({ "input": input })).await;
        self.keep(word, &made["survey"]["id"]);
    }

    /// The contact, asked by the survey.
    pub(super) async fn asked(&mut self, door: &Door) {
        let owner = &self.owner.clone();
        let send = "mutation($input: SendSurveyInput!) { sendSurvey(input: $input) \
            { invitation { id } userErrors { message } } }";
        let (survey, contact) = (&self.ids["survey"], &self.ids["contact"]);
        let input = json!({ "surveyId": survey, "contactId": contact, "medium": "LINK" });
        let sent = door.must(owner, send, json!({ "input": input })).await;
        self.keep("invitation", &sent["invitation"]["id"]);
    }

    /// A webhook, a team, and a notification in the list of the owner.
    pub(super) async fn notifications(&mut self, world: &World, door: &Door, canary: &str) {
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

    pub(super) async fn team(&mut self, door: &Door, word: &str, name: &str) {
        let owner = &self.owner.clone();
        let team = "mutation($input: CreateTeamInput!) \
            { createTeam(input: $input) { team { id } userErrors { message } } }";
        let input = json!({ "name": name });
        let made = door.must(owner, team, json!({ "input": input })).await;
        self.keep(word, &made["team"]["id"]);
    }

    /// Values of the group one of which means a target lead, and a run of the audit of the tags.
    pub(super) async fn judge_leads(&mut self, door: &Door, canary: &str) {
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
}
