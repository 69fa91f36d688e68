//! Files that were asked for over GraphQL, opened by their ticket.

use std::rc::Rc;

use actix_web::{HttpRequest, HttpResponse, http::header, web::Bytes};
use domain::{
    ctx::Ctx,
    export::{self, Download},
};
use futures::stream;
use secrecy::SecretString;

use super::{Refused, Rest, lines::broken, private};

pub(super) async fn download(
    rest: &Rc<Rest>,
    request: &HttpRequest,
) -> Result<HttpResponse, Refused> {
    let ticket = request.match_info().get("ticket").unwrap_or_default();
    let ticket = SecretString::from(ticket.to_owned());
    let (actor, download) = export::open(&rest.ctx, &ticket).await?;
    rest.charge(actor.token.0.as_u128())?;
    let name = format!("attachment; filename=\"{}\"", download.file_name());
    let mut builder = HttpResponse::Ok();
    builder
        .insert_header((header::CONTENT_TYPE, download.media_type()))
        .insert_header((header::CONTENT_DISPOSITION, name))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    let body = stream::try_unfold((rest.of(actor.workspace), download), next);
    Ok(private(&mut builder).streaming(Box::pin(body)))
}

type State = (Ctx, Download);

async fn next((ctx, mut download): State) -> Result<Option<(Bytes, State)>, actix_web::Error> {
    let piece = download.next(&ctx).await.map_err(broken)?;
    Ok(piece.map(|bytes| (Bytes::from(bytes), (ctx, download))))
}
