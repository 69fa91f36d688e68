//! Writing answers: one pass from the result to bytes, and what every error carries.

use async_graphql::{Response, ServerError, Value};
use bytes::Bytes;
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeStruct},
};

use super::{
    bill::Bill, budget::Cost, code::Code, failure::Failure, rate::Bucket, request_id::RequestId,
};

/// What a caller is told of a fault of ours; the log has the rest under the request id.
pub(crate) const INTERNAL_MESSAGE: &str = "Something went wrong on our side. Name the request id \
    when you ask about it.";

/// Longest error message that goes out, in bytes. The library's can quote the document.
const MESSAGE_MAX_BYTES: usize = 300;

/// In the `source` of an error that has a code: the cause, which the log is told and the caller is not.
pub(crate) struct ForTheLog(pub(crate) String);

/// A GraphQL response as it goes out. `data` is absent when nothing was executed.
pub(crate) struct Answer<'a> {
    errors: &'a [ServerError],
    data: Option<&'a Value>,
    extensions: &'a std::collections::BTreeMap<String, Value>,
    cost: Option<Cost>,
    bucket: Option<Bucket>,
    actual: Option<u64>,
    deprecations: Option<&'a Value>,
}

impl<'a> Answer<'a> {
    /// The answer to an operation that got as far as the schema.
    pub(crate) fn to_response(response: &'a Response, bill: &'a Bill) -> Self {
        Self {
            errors: &response.errors,
            data: was_executed(response).then_some(&response.data),
            extensions: &response.extensions,
            cost: Some(bill.cost),
            bucket: Some(bill.bucket),
            actual: bill.actual,
            deprecations: bill.deprecations.as_deref(),
        }
    }

    /// The answer to a request that was refused.
    pub(crate) fn to_failure(failure: &'a Failure) -> Self {
        static NO_EXTENSIONS: std::collections::BTreeMap<String, Value> =
            std::collections::BTreeMap::new();
        Self {
            errors: &failure.errors,
            data: None,
            extensions: &NO_EXTENSIONS,
            cost: failure.cost,
            bucket: failure.bucket,
            actual: None,
            deprecations: None,
        }
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        to_bytes(self)
    }
}

/// Serialises what cannot fail to serialise: maps with text keys.
pub(crate) fn to_bytes(value: &impl Serialize) -> Bytes {
    let mut bytes = Vec::with_capacity(512);
    match serde_json::to_writer(&mut bytes, value) {
        Ok(()) => bytes.into(),
        Err(error) => {
            tracing::error!(%error, "An answer could not be serialised");
            Bytes::from_static(b"{\"errors\":[{\"message\":\"Internal error\"}]}")
        }
    }
}

/// Whether execution started, which decides between a request error and a result.
pub(crate) fn was_executed(response: &Response) -> bool {
    response.data != Value::Null
        || response.errors.is_empty()
        || response.errors.iter().any(|error| !error.path.is_empty())
}

/// Makes the errors of a result fit to go out: few, short, with a code and the request id, and
/// without what our own faults tell about the inside.
pub(crate) fn finish_response(response: &mut Response, id: &RequestId, errors_max: usize) {
    if response.errors.is_empty() {
        return;
    }
    response.errors.truncate(errors_max);
    for error in &mut response.errors {
        let has_code = error
            .extensions
            .as_ref()
            .is_some_and(|extensions| extensions.get("code").is_some());
        if has_code {
            if let Some(ForTheLog(cause)) = error.source::<ForTheLog>() {
                tracing::error!(request.id = %id, error = %cause, path = ?error.path,
                    "the database could not do what it was asked");
            }
            finish_error(error, None, id);
        } else if error.source.is_some() {
            // A resolver passed on an error it did not foresee.
            tracing::error!(request.id = %id, error = %error.message, path = ?error.path,
                "A resolver failed unexpectedly");
            INTERNAL_MESSAGE.clone_into(&mut error.message);
            finish_error(error, Some(Code::Internal), id);
        } else if error.path.is_empty() {
            finish_error(error, Some(Code::GraphqlValidationFailed), id);
        } else {
            // The library's own: an argument that its type or validator refused.
            finish_error(error, Some(Code::BadUserInput), id);
        }
    }
}

/// The same for a refusal.
pub(crate) fn finish_failure(failure: &mut Failure, id: &RequestId, errors_max: usize) {
    failure.errors.truncate(errors_max);
    for error in &mut failure.errors {
        let code = Code::of(error).unwrap_or(failure.code);
        finish_error(error, Some(code), id);
    }
}

fn finish_error(error: &mut ServerError, code: Option<Code>, id: &RequestId) {
    if error.message.len() > MESSAGE_MAX_BYTES {
        let end = error.message.floor_char_boundary(MESSAGE_MAX_BYTES);
        error.message.truncate(end);
        error.message.push('…');
    }
    let extensions = error.extensions.get_or_insert_default();
    if let Some(code) = code {
        extensions.set("code", code.as_str());
    }
    extensions.set("requestId", id.as_str());
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.errors.is_empty() {
            map.serialize_entry("errors", self.errors)?;
        }
        if let Some(data) = self.data {
            map.serialize_entry("data", data)?;
        }
        if self.cost.is_some() || !self.extensions.is_empty() {
            map.serialize_entry("extensions", &AnswerExtensions(self))?;
        }
        map.end()
    }
}

struct AnswerExtensions<'a>(&'a Answer<'a>);

impl Serialize for AnswerExtensions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.extensions {
            map.serialize_entry(name, value)?;
        }
        if let Some(cost) = self.0.cost {
            map.serialize_entry("cost", &CostExtension(cost, self.0))?;
        }
        if let Some(deprecations) = self.0.deprecations {
            map.serialize_entry("deprecations", deprecations)?;
        }
        map.end()
    }
}

struct CostExtension<'a>(Cost, &'a Answer<'a>);

impl Serialize for CostExtension<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(cost, answer) = self;
        let mut fields = serializer.serialize_struct("cost", 5)?;
        fields.serialize_field("requested", &cost.requested)?;
        if let Some(actual) = answer.actual {
            fields.serialize_field("actual", &actual)?;
        }
        fields.serialize_field("costLimit", &cost.limit)?;
        if let Some(bucket) = &answer.bucket {
            fields.serialize_field("limit", &bucket.limit)?;
            fields.serialize_field("remaining", &bucket.remaining)?;
        }
        fields.end()
    }
}
