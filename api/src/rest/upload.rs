//! Files for imports: sent whole or in pieces, and gone on with after a broken connection.
//!
//! | request | does |
//! |---|---|
//! | `POST /v1/uploads?name=…` | makes an upload of the body; `complete=false` leaves it open for more |
//! | `PATCH /v1/uploads/{id}` with `Upload-Offset` | adds the body at that offset; `complete=false` as above |
//! | `GET` or `HEAD /v1/uploads/{id}` | says how much has arrived, also as `Upload-Offset` |
//! | `DELETE /v1/uploads/{id}` | deletes it |

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use domain::{
    access::{Actor, Scope},
    upload::{self, Appended, CHUNK},
};
use entity::{id::UploadId, upload::Model};
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::{Refused, Rest, id, parameter, private};
use crate::transport::Code;

const OFFSET: &str = "Upload-Offset";

pub(super) async fn create(
    rest: &Rest,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Refused> {
    let actor = rest.enter(request, Scope::Write).await?;
    check_body(rest, request, 0)?;
    let name = parameter(request, "name").unwrap_or_default();
    let made = upload::create(&rest.of(actor.workspace), &actor, rest.uploads, &name).await?;
    let stored = receive(rest, &actor, &made, 0, payload).await?;
    let stored = finish(rest, request, &actor, stored).await?;
    let place = format!("/v1/uploads/{}", stored.id);
    let mut builder = HttpResponse::Created();
    builder.insert_header((header::LOCATION, place));
    builder.insert_header((OFFSET, stored.size));
    Ok(private(&mut builder).json(shown(&stored)))
}

pub(super) async fn append(
    rest: &Rest,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Refused> {
    let actor = rest.enter(request, Scope::Write).await?;
    let offset = request.headers().get(OFFSET);
    let offset: Option<i64> = offset
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .filter(|offset| *offset >= 0);
    let Some(offset) = offset else {
        let message = "Say with the header Upload-Offset where this piece begins.";
        return Err(Refused::new(Code::BadRequest, message));
    };
    check_body(rest, request, offset)?;
    let found = find(rest, request, &actor).await?;
    if found.size != offset || found.completed_at.is_some() {
        return Err(misplaced(&found));
    }
    let stored = receive(rest, &actor, &found, offset, payload).await?;
    let stored = finish(rest, request, &actor, stored).await?;
    let mut builder = HttpResponse::Ok();
    builder.insert_header((OFFSET, stored.size));
    Ok(private(&mut builder).json(shown(&stored)))
}

pub(super) async fn show(rest: &Rest, request: &HttpRequest) -> Result<HttpResponse, Refused> {
    let actor = rest.enter(request, Scope::Write).await?;
    let found = find(rest, request, &actor).await?;
    let mut builder = HttpResponse::Ok();
    builder.insert_header((OFFSET, found.size));
    Ok(private(&mut builder).json(shown(&found)))
}

pub(super) async fn delete(rest: &Rest, request: &HttpRequest) -> Result<HttpResponse, Refused> {
    let actor = rest.enter(request, Scope::Write).await?;
    let id: UploadId = id(request, "upload")?;
    upload::delete(&rest.of(actor.workspace), &actor, id).await?;
    Ok(private(&mut HttpResponse::NoContent()).finish())
}

async fn find(rest: &Rest, request: &HttpRequest, actor: &Actor) -> Result<Model, Refused> {
    let id: UploadId = id(request, "upload")?;
    let found = upload::find(&rest.of(actor.workspace), actor.workspace, id).await?;
    found.ok_or_else(|| domain::error::Error::not_found(&["id"], "upload").into())
}

/// Refuses at once what could not be stored in the end.
fn check_body(rest: &Rest, request: &HttpRequest, offset: i64) -> Result<(), Refused> {
    let headers = request.headers();
    let packed = headers.get(header::CONTENT_ENCODING);
    if packed.is_some_and(|how| how.as_bytes() != b"identity") {
        let message = "Send the file as it is, without Content-Encoding.";
        return Err(Refused::new(Code::UnsupportedMediaType, message));
    }
    let form = headers.get(header::CONTENT_TYPE);
    let form = form.and_then(|form| form.to_str().ok()).unwrap_or_default();
    if form.starts_with("multipart/") {
        let message = "Send the file itself as the body, not a form.";
        return Err(Refused::new(Code::UnsupportedMediaType, message));
    }
    let length = headers.get(header::CONTENT_LENGTH);
    let length: Option<i64> = length.and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length| offset.saturating_add(length) > rest.uploads.max_bytes) {
        let message = format!("A file may have at most {} bytes.", rest.uploads.max_bytes);
        return Err(Refused::new(Code::PayloadTooLarge, message));
    }
    Ok(())
}

/// Stores the body piece by piece. What has arrived when the connection breaks stays stored.
async fn receive(
    rest: &Rest,
    actor: &Actor,
    upload: &Model,
    mut offset: i64,
    mut payload: web::Payload,
) -> Result<Model, Refused> {
    let ctx = rest.of(actor.workspace);
    let mut latest = upload.clone();
    let mut buffer: Vec<u8> = Vec::new();
    let mut broke = false;
    loop {
        let piece = payload.next().await;
        let is_end = piece.is_none();
        match piece {
            Some(Ok(bytes)) => buffer.extend_from_slice(&bytes),
            Some(Err(_)) => broke = true,
            None => {}
        }
        while buffer.len() >= CHUNK || ((is_end || broke) && !buffer.is_empty()) {
            let rest_of_it = buffer.split_off(buffer.len().min(CHUNK));
            let chunk = std::mem::replace(&mut buffer, rest_of_it);
            let length = chunk.len() as i64;
            let stored =
                upload::append(&ctx, actor, rest.uploads, upload.id, offset, chunk).await?;
            latest = match stored {
                Appended::Stored(row) => row,
                Appended::Misplaced(row) => return Err(misplaced(&row)),
            };
            offset += length;
        }
        if broke {
            return Err(broken_off(&latest));
        }
        if is_end {
            return Ok(latest);
        }
    }
}

async fn finish(
    rest: &Rest,
    request: &HttpRequest,
    actor: &Actor,
    stored: Model,
) -> Result<Model, Refused> {
    if parameter(request, "complete").as_deref() == Some("false") {
        return Ok(stored);
    }
    Ok(upload::complete(&rest.of(actor.workspace), actor, stored.id).await?)
}

/// Says which upload it is: whoever was about to begin it has not been told yet.
fn broken_off(upload: &Model) -> Refused {
    let message = "The body broke off. Go on from where the upload is.";
    let mut refused = Refused::new(Code::BadRequest, message);
    refused.more = Some(("upload", shown(upload)));
    refused
}

fn misplaced(upload: &Model) -> Refused {
    let message = if upload.completed_at.is_some() {
        "The upload is complete.".to_owned()
    } else {
        format!("The upload has {} bytes; go on from there.", upload.size)
    };
    let mut refused = Refused::new(Code::Conflict, message);
    refused.more = Some(("size", json!(upload.size)));
    refused
}

fn shown(upload: &Model) -> Value {
    json!({
        "id": upload.id, "name": upload.name, "size": upload.size,
        "complete": upload.completed_at.is_some(), "createdAt": upload.created_at,
        "expiresAt": upload.expires_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_cut_off_is_told_where_to_go_on() {
        let now = chrono::DateTime::UNIX_EPOCH;
        let upload = Model {
            workspace_id: uuid::Uuid::nil().into(),
            id: uuid::Uuid::from_u128(7).into(),
            name: "people.csv".to_owned(),
            size: 12,
            completed_at: None,
            created_by: json!({}),
            created_at: now,
            expires_at: now,
        };
        let refused = broken_off(&upload);
        assert_eq!(refused.code, Code::BadRequest);
        let (name, told) = refused.more.unwrap();
        assert_eq!(name, "upload");
        assert_eq!(told["id"], json!(upload.id));
        assert_eq!(told["size"], 12);
    }
}
