//! The schema's text at `/graphql/schema.graphql`, for tools that read a file instead of asking by
//! introspection. The same rule as for introspection holds: whoever may call may read it, and it
//! costs as much.

use std::rc::Rc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use async_graphql::Executor;

use super::{
    answer::Answer,
    budget::SCHEMA_WEIGHT,
    code::Code,
    documents,
    failure::Failure,
    log::RequestLog,
    params::header_text,
    peer,
    rate::Bucket,
    request_id::RequestId,
    run::Worker,
    session::{Authenticator, header_credential},
};

pub(crate) async fn serve<E: Executor, A: Authenticator>(
    worker: Rc<Worker<E, A>>,
    request: HttpRequest,
) -> HttpResponse {
    let transport = &worker.transport;
    let id = RequestId::of(&request, &*transport.ids, &*transport.clock);
    let mut log = RequestLog::start(id, "schema");
    let response = match pay(&worker, &request).await {
        Ok(bucket) => text(&transport.sdl, &request, bucket),
        Err(mut failure) => {
            worker.finish_failure(&mut failure, &mut log);
            refusal(&failure)
        }
    };
    log.status = response.status().as_u16();
    response
}

async fn pay<E: Executor, A: Authenticator>(
    worker: &Worker<E, A>,
    request: &HttpRequest,
) -> Result<Bucket, Failure> {
    let peer = peer::of(request);
    let caller = worker.caller(header_credential(request)?, peer).await?;
    worker.transport.rate.charge(caller.rate_key, SCHEMA_WEIGHT)
}

fn text(sdl: &str, request: &HttpRequest, bucket: Bucket) -> HttpResponse {
    let hash = documents::hash(sdl);
    let tag = format!("\"{}\"", hex::encode(&hash[..16]));
    let is_known = header_text(request, &header::IF_NONE_MATCH)
        .is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
    let status = if is_known {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    };
    let mut builder = HttpResponse::build(status);
    builder
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    bucket.announce(&mut builder);
    if is_known {
        return builder.finish();
    }
    builder
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .body(sdl.to_owned())
}

fn refusal(failure: &Failure) -> HttpResponse {
    let mut builder = HttpResponse::build(failure.code.status());
    builder
        .insert_header((header::CONTENT_TYPE, "application/json; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    if failure.code == Code::Unauthenticated {
        builder.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    if let Some(seconds) = failure.retry_after_s {
        builder.insert_header((header::RETRY_AFTER, seconds));
    }
    if let Some(bucket) = &failure.bucket {
        bucket.announce(&mut builder);
    }
    builder.body(Answer::to_failure(failure).to_bytes())
}
