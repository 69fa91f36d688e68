//! Erasing a person leaves nothing of them in any column of any table, and keeps what was counted: of somebody with
//! something in every place (`whole`), in threads with others (`thread`), in the files of SQLite (`file`), and of
//! what comes meanwhile (`race`). Deleting somebody who did not ask for it is in `delete`. Here is what other
//! systems tell of them, all with one word in it, and the search for that word.

mod delete;
mod file;
mod race;
mod thread;
mod whole;

use std::collections::BTreeMap;

use domain::{
    contact,
    conversation::{self, NewMessage},
    email::{self, NewCampaign, NewEmailEvent},
    event::NewEvent,
    fact::{ContactRef, Party, ingest::Head},
    inbox,
    survey::NewSurveyAnswer,
};
use entity::{
    id::ContactId,
    kind::{Direction, EmailEventKind, IdentityKind as I, SurveyKind},
};
use serde_json::json;

use super::dump::dump;
use crate::support::{World, engine::email_event};

/// In every text of the person, so that it can be searched for.
const CANARY: &str = "kanaria";

async fn by_email(world: &World, email: &str) -> Option<ContactId> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = contact::find_by_identity(ctx, workspace, I::Email, email).await;
    found.unwrap().map(|one| one.id)
}

async fn write(world: &World, id: &str, email: &str) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let inboxes = inbox::list(ctx, owner.workspace).await.unwrap();
    conversation::ingest(ctx, owner, inboxes[0].id, vec![message(world, id, email)])
        .await
        .unwrap();
}

fn message(world: &World, id: &str, email: &str) -> NewMessage {
    NewMessage {
        external_id: format!("{CANARY} {id}"),
        thread_keys: vec![format!("{CANARY} thread")],
        whose: email.to_owned().into(),
        name: Some(format!("{CANARY} name")),
        direction: Direction::Inbound,
        author: None,
        automatic: false,
        subject: format!("{CANARY} subject"),
        body: format!("{CANARY} body"),
        sent_at: world.ctx.clock.now(),
    }
}

fn answer(world: &World, id: &str, whose: ContactRef) -> NewSurveyAnswer {
    NewSurveyAnswer {
        head: Head {
            external_id: format!("{CANARY} {id}"),
            party: Party {
                contact: Some(whose),
                account: None,
            },
            updated_at: None,
        },
        survey_key: "onboarding".to_owned(),
        kind: SurveyKind::Nps,
        score: 9,
        comment: Some(format!("{CANARY} comment")),
        answered_at: world.ctx.clock.now(),
    }
}

fn login(world: &World, id: &str, email: &str) -> NewEvent {
    NewEvent {
        external_id: format!("{CANARY} {id}"),
        whose: email.to_owned().into(),
        name: format!("{CANARY} event"),
        properties: json!({ "said": CANARY }),
        occurred_at: world.ctx.clock.now(),
    }
}

async fn mail(world: &World, id: &str, email: &str, kind: EmailEventKind) {
    let (id, key) = (format!("{CANARY} {id}"), format!("{CANARY} mail"));
    let event = NewEmailEvent {
        campaign: Some(NewCampaign {
            external_id: "spring".to_owned(),
            name: "Spring".to_owned(),
        }),
        url: (kind == EmailEventKind::Clicked).then(|| format!("https://x.example/{CANARY}")),
        user_agent: Some(CANARY.to_owned()),
        ..email_event(&id, &key, email, kind, world.ctx.clock.now())
    };
    email::ingest(&world.ctx, &world.owner, vec![event])
        .await
        .unwrap();
}

/// Where the canary is: table by table.
async fn traces(world: &World) -> BTreeMap<String, Vec<String>> {
    let mut traces = dump(world).await;
    let bytes: Vec<String> = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
    let in_hex = bytes.concat();
    for rows in traces.values_mut() {
        rows.retain(|row| {
            let row = row.to_lowercase();
            row.contains(CANARY) || row.contains(&in_hex) || row.contains("+81312345678")
        });
    }
    traces.retain(|_, rows| !rows.is_empty());
    traces
}
