//! Whom a workspace knows: contacts, their notes and tasks, a file of them, their doubles,
//! and accounts to be merged.

use domain::{
    operation::{self, Limits},
    store::Query,
    upload,
};
use entity::id::{AccountId, AccountSuspectId};
use serde_json::json;

use super::{Door, House};

impl House {
    /// A custom attribute of contacts.
    pub(super) async fn attribute(&mut self, door: &Door, word: &str, key: &str) {
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
    pub(super) async fn file(&mut self, door: &Door) {
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
    pub(super) async fn doubles(&mut self, door: &Door, number: u64) {
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

    /// An account.
    async fn spare_account(&mut self, door: &Door, word: &str, key: &str) {
        let owner = &self.owner.clone();
        let account = "mutation($input: CreateAccountInput!) { createAccount(input: $input) \
            { account { id } userErrors { message } } }";
        let input = json!({ "name": "Spare", "externalId": key });
        let made = door.must(owner, account, json!({ "input": input })).await;
        self.keep(word, &made["account"]["id"]);
    }

    /// Accounts to merge, to take apart and to delete.
    pub(super) async fn companies(&mut self, door: &Door, number: u64) {
        let owner = &self.owner.clone();
        for word in ["company", "went", "stayed"] {
            self.spare_account(door, word, &format!("{word} {number}"))
                .await;
        }
        let usage = "query($id: ID!) { accountUsage(id: $id) { token } }";
        let asked = json!({ "id": self.ids["company"] });
        let found = door.must(owner, usage, asked).await;
        self.keep("#company_token", &found["token"]);
        let merge = "mutation($input: MergeAccountsInput!) { mergeAccounts(input: $input) \
            { merge { id } userErrors { message } } }";
        let input = json!({ "survivorId": self.ids["stayed"], "mergedId": self.ids["went"] });
        let made = door.must(owner, merge, json!({ "input": input })).await;
        self.keep("company_merge", &made["merge"]["id"]);
        self.ids.remove("went");
        self.ids.remove("stayed");
    }

    /// Two accounts that seem to be one: noted here, as what finds them takes its time.
    pub(super) async fn like_companies(&mut self, door: &Door, number: u64) {
        for word in ["like", "alike"] {
            self.spare_account(door, word, &format!("{word} {number}"))
                .await;
        }
        let account = |word: &str| -> AccountId { self.ids[word].parse().expect("an account") };
        let (like, alike) = (account("like"), account("alike"));
        let tx = door.ctx.begin(self.owner.workspace).await;
        let tx = tx.expect("a transaction");
        let id: AccountSuspectId = tx.id();
        Query::new(
            "INSERT INTO account_suspect (workspace_id, id, account_id, other_account_id, reason,
                                          evidence, strength, created_at)
             VALUES ($1, $2, $3, $4, 'Both have the same name', 64, 70, $5)",
        )
        .bind(tx.workspace)
        .bind(id)
        .bind(like.min(alike))
        .bind(like.max(alike))
        .bind(tx.now)
        .execute(tx.connection())
        .await
        .expect("a suspicion");
        tx.commit().await.expect("a commit");
        self.keep("company_suspect", &json!(id.to_string()));
        self.ids.remove("like");
        self.ids.remove("alike");
    }

    /// A stage the contact came to, and what they want to hear of.
    pub(super) async fn journey(&mut self, door: &Door) {
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
    pub(super) async fn note(&mut self, door: &Door, word: &str, body: &str) {
        let owner = &self.owner.clone();
        let note = "mutation($input: AddNoteInput!) { addNote(input: $input) \
            { note { id } userErrors { message } } }";
        let input = json!({ "on": { "contactId": self.ids["contact"] }, "body": body });
        let made = door.must(owner, note, json!({ "input": input })).await;
        self.keep(word, &made["note"]["id"]);
    }

    /// Something to do about the contact.
    pub(super) async fn task(&mut self, door: &Door, word: &str, title: &str) {
        let owner = &self.owner.clone();
        let task = "mutation($input: CreateTaskInput!) { createTask(input: $input) \
            { task { id } userErrors { message } } }";
        let input = json!({ "title": title, "contactId": self.ids["contact"] });
        let made = door.must(owner, task, json!({ "input": input })).await;
        self.keep(word, &made["task"]["id"]);
    }
}
