//! A door without GraphQL: the same use cases, answered as hand-made JSON. What it costs more than
//! the statements is serving and reading rows; what the product costs more than this is GraphQL.

use actix_web::{App, HttpServer, Result, error::ErrorInternalServerError, web};
use chrono::Days;
use domain::{
    contact::{self, Contact, ContactFilter, ContactOrder},
    conversation::{self, ConversationFilter, ConversationOrder},
    ctx::Ctx,
    email,
    page::PageRequest,
    store::Location,
    tag::{self, TagFilter},
};
use entity::{
    id::{Id as _, WorkspaceId},
    kind::{EmailScope, TagKind, TagTarget},
};
use serde_json::{Value, json};

use crate::seed::{contact_id, tag_id};

struct State {
    ctx: Ctx,
    workspace: WorkspaceId,
}

type Shared = web::Data<State>;

/// Serves until the process ends.
pub(crate) async fn serve(
    ctx: Ctx,
    location: Location,
    workspace: WorkspaceId,
    address: &str,
) -> std::io::Result<()> {
    HttpServer::new(move || {
        let mut ctx = ctx.clone();
        ctx.db = location.open(5, None);
        App::new()
            .app_data(web::Data::new(State { ctx, workspace }))
            .route("/fixed/{n}", web::get().to(fixed))
            .route("/contact/{n}", web::get().to(one))
            .route("/list50/{n}", web::get().to(list))
            .route("/tagtree/{n}", web::get().to(tree))
            .route("/series/{n}", web::get().to(series))
            .route("/conversations/{n}", web::get().to(conversations))
    })
    .workers(2)
    .bind(address)?
    .run()
    .await
}

async fn fixed() -> web::Json<Value> {
    web::Json(json!({ "data": { "contact": { "id": "contact_0", "name": "佐藤 陽菜" } } }))
}

fn show(contact: &Contact) -> Value {
    json!({
        "id": contact.id.to_string(), "name": contact.name, "email": contact.email,
        "healthScore": contact.health_score, "healthBand": contact.health_band.word(),
    })
}

async fn one(state: Shared, n: web::Path<u64>) -> Result<web::Json<Value>> {
    let found = contact::find(&state.ctx, state.workspace, contact_id(*n)).await;
    let found = found.map_err(ErrorInternalServerError)?;
    Ok(web::Json(json!(found.as_ref().map(show))))
}

async fn list(state: Shared, n: web::Path<u64>) -> Result<web::Json<Value>> {
    let (ctx, workspace) = (&state.ctx, state.workspace);
    let filter = ContactFilter {
        tags: TagFilter {
            any: vec![tag_id(*n)],
            ..TagFilter::default()
        },
        ..ContactFilter::default()
    };
    let page = PageRequest::first(50);
    let found = contact::list(ctx, workspace, filter, ContactOrder::HealthDesc, &page).await;
    let found = found.map_err(ErrorInternalServerError)?.rows;
    let ids: Vec<_> = found.iter().map(|(_, contact)| contact.id.uuid()).collect();
    let tags = tag::tagging::load_with_tags(ctx, workspace, &ids).await;
    let tags = tags.map_err(ErrorInternalServerError)?;
    let last: Vec<_> = found
        .iter()
        .filter_map(|(_, contact)| contact.last_message_id)
        .collect();
    let messages = conversation::load_messages(ctx, workspace, &last).await;
    let messages = messages.map_err(ErrorInternalServerError)?;
    let messages: std::collections::HashMap<_, _> = messages
        .iter()
        .map(|message| (message.id, message))
        .collect();
    let nodes: Vec<Value> = found
        .iter()
        .map(|(_, contact)| {
            let names = tags.get(&contact.id.uuid()).into_iter().flatten();
            let names: Vec<&str> = names.map(|one| one.tag.name.as_str()).collect();
            let last = contact.last_message_id.and_then(|id| messages.get(&id));
            let last = last.map(|message| json!([message.subject, message.sent_at]));
            json!([show(contact), names, last])
        })
        .collect();
    Ok(web::Json(json!(nodes)))
}

async fn tree(state: Shared) -> Result<web::Json<Value>> {
    let (ctx, workspace) = (&state.ctx, state.workspace);
    let (forest, counts) = tag::catalogue::counted(ctx, workspace)
        .await
        .map_err(ErrorInternalServerError)?;
    let filter = tag::catalogue::ForestFilter {
        kind: Some(TagKind::Contact),
        ..Default::default()
    };
    let shown = forest.list(filter).map(|tag| {
        let parent = tag.parent_id.map(|id| id.to_string());
        let count = counts.get(&(tag.id, TagTarget::Contact));
        let count = count.map(|count| (count.direct, count.total));
        json!([tag.id.to_string(), tag.name, parent, count])
    });
    Ok(web::Json(shown.collect()))
}

async fn series(state: Shared, n: web::Path<u64>) -> Result<web::Json<Value>> {
    let (ctx, workspace) = (&state.ctx, state.workspace);
    let id = contact_id(*n);
    let found = contact::find(ctx, workspace, id).await;
    found.map_err(ErrorInternalServerError)?;
    let today = ctx.clock.now().date_naive();
    let (scope, from) = (EmailScope::Contact, today - Days::new(29));
    let days = email::report::load_daily(ctx, workspace, scope, &[id.uuid()], from, today).await;
    let days = days.map_err(ErrorInternalServerError)?;
    let shown = days.iter().map(|(_, day)| {
        let figures = &day.figures;
        json!([
            day.day,
            figures.delivered,
            figures.human_opens,
            figures.human_clicks
        ])
    });
    Ok(web::Json(shown.collect()))
}

async fn conversations(state: Shared) -> Result<web::Json<Value>> {
    let (ctx, workspace) = (&state.ctx, state.workspace);
    let (filter, page) = (ConversationFilter::default(), PageRequest::first(20));
    let order = ConversationOrder::default();
    let found = conversation::list(ctx, workspace, &filter, order, &page).await;
    let found = found.map_err(ErrorInternalServerError)?.rows;
    let ids: Vec<_> = found.iter().map(|(_, row)| row.contact_id).collect();
    let contacts = contact::load(ctx, workspace, &ids).await;
    let contacts = contacts.map_err(ErrorInternalServerError)?;
    let names: std::collections::HashMap<_, _> = contacts
        .iter()
        .map(|contact| (contact.id, &contact.name))
        .collect();
    let shown = found.iter().map(|(_, row)| {
        let name = names.get(&row.contact_id);
        json!([
            row.id.to_string(),
            row.subject,
            row.status.word(),
            row.last_message_at,
            name
        ])
    });
    Ok(web::Json(shown.collect()))
}
