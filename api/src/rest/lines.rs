//! What an import said of each line, as a CSV file.

use std::rc::Rc;

use actix_web::{HttpRequest, HttpResponse, http::header, web::Bytes};
use domain::{access::Scope, error::Error, import};
use entity::{
    id::{OperationId, WorkspaceId},
    kind::ImportOutcome,
};
use futures::stream;

use super::{Refused, Rest, id, parameter, private};
use crate::transport::Code;

/// Lines read at once.
const PAGE: i64 = 2_000;

pub(super) async fn download(
    rest: &Rc<Rest>,
    request: &HttpRequest,
) -> Result<HttpResponse, Refused> {
    let actor = rest.enter(request, Scope::Read).await?;
    let id: OperationId = id(request, "import")?;
    let outcome = match parameter(request, "outcome") {
        None => None,
        Some(word) => Some(ImportOutcome::from_word(&word).ok_or_else(|| {
            let message = "outcome is one of CREATE, UPDATE, SKIP and ERROR.";
            Refused::new(Code::BadUserInput, message)
        })?),
    };
    import::require(&rest.of(actor.workspace), actor.workspace, id).await?;
    let state = State {
        rest: Rc::clone(rest),
        workspace: actor.workspace,
        id,
        outcome,
        after: Some(-1),
    };
    let body = stream::try_unfold(state, State::next);
    let mut builder = HttpResponse::Ok();
    builder
        .insert_header((header::CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"lines.csv\"",
        ));
    Ok(private(&mut builder).streaming(Box::pin(body)))
}

struct State {
    rest: Rc<Rest>,
    workspace: WorkspaceId,
    id: OperationId,
    outcome: Option<ImportOutcome>,
    /// The last record told, or nothing when all are.
    after: Option<i64>,
}

impl State {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, actix_web::Error> {
        let Some(after) = self.after else {
            return Ok(None);
        };
        let (ctx, outcome) = (self.rest.of(self.workspace), self.outcome);
        let lines = import::stream(&ctx, self.workspace, self.id, outcome, after, PAGE);
        let lines = lines.await.map_err(broken)?;
        let mut text = String::new();
        if after < 0 {
            text.push_str(import::REPORT_HEADER);
        }
        for line in &lines {
            line.write(&mut text);
        }
        self.after = match lines.last() {
            Some(last) if lines.len() as i64 == PAGE => Some(last.record),
            _ => None,
        };
        Ok(Some((Bytes::from(text), self)))
    }
}

/// Cuts the answer off: what was sent is not to be taken for the whole.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands where an error is turned into another"
)]
pub(super) fn broken(error: Error) -> actix_web::Error {
    tracing::error!(
        error = &error as &dyn std::error::Error,
        "a download failed"
    );
    actix_web::error::ErrorInternalServerError("the download failed")
}
