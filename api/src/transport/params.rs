//! The parameters of a GraphQL request, from a query string or a JSON body.

use actix_web::{HttpRequest, http::header};
use async_graphql::{Extensions, Variables};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    body::Packing,
    code::Code,
    documents::{self, Given},
    failure::Failure,
};

/// What to execute. The same on every transport.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params {
    #[serde(default)]
    pub(crate) query: Option<String>,
    /// The id of a registered document, in place of `query`.
    #[serde(default)]
    pub(crate) document_id: Option<String>,
    #[serde(default)]
    pub(crate) operation_name: Option<String>,
    #[serde(default)]
    pub(crate) variables: Variables,
    #[serde(default)]
    pub(crate) extensions: Option<Extensions>,
}

/// One text for every mistake in the shape: serde's own quotes what it was given.
const SHAPE: &str = "A GraphQL request is a JSON object in which `query` (or \
    `documentId`) is a string, and `operationName` (a string), `variables` and `extensions` (objects) may be added.";

impl Params {
    /// Reads a query string.
    pub(crate) fn from_query_string(text: &str) -> Result<Self, Failure> {
        let mut params = Self::default();
        let mut seen = [false; 5];
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            let slot = match &*name {
                "query" => 0,
                "operationName" => 1,
                "variables" => 2,
                "extensions" => 3,
                "documentId" => 4,
                _ => continue,
            };
            if std::mem::replace(&mut seen[slot], true) {
                return Err(bad_request("A parameter is given twice."));
            }
            match slot {
                0 => params.query = Some(value.into_owned()),
                1 => params.operation_name = Some(value.into_owned()),
                2 => params.variables = json_parameter(&value)?,
                4 => params.document_id = Some(value.into_owned()),
                _ => params.extensions = json_parameter(&value)?,
            }
        }
        Ok(params)
    }

    /// Reads a body that has been received.
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, Failure> {
        match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => return Err(bad_request("The body is empty.")),
            Some(b'[') => {
                return Err(bad_request(
                    "Batches are not supported; send one request per operation.",
                ));
            }
            Some(_) => {}
        }
        serde_json::from_slice(body).map_err(|error| json_failure(&error))
    }

    /// The document, which every request must give in one of the ways there are.
    pub(crate) fn document(&mut self) -> Result<Given, Failure> {
        let query = self.query.take().filter(|query| !query.trim().is_empty());
        if let Some(id) = self.document_id.take() {
            if query.is_some() {
                return Err(bad_request("Give `query` or `documentId`, not both."));
            }
            return documents::read_id(&id).map(Given::Registered);
        }
        match (documents::read_extension(self.extensions.as_ref())?, query) {
            (Some(hash), query) => Ok(Given::Persisted(hash, query)),
            (None, Some(query)) => Ok(Given::Text(query)),
            (None, None) => Err(bad_request("The parameter `query` is missing.")),
        }
    }
}

/// Refuses a body that is not JSON in UTF-8, plain or packed; says which. Browsers ask before they
/// send this type to another site, which they do not for the types of plain forms.
pub(crate) fn check_content_type(request: &HttpRequest) -> Result<Packing, Failure> {
    let content_type = header_text(request, &header::CONTENT_TYPE).unwrap_or_default();
    let mut pieces = content_type.split(';').map(str::trim);
    let is_json = pieces
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let is_utf8 = pieces
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .all(|(_, value)| {
            let value = value.trim().trim_matches('"');
            value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("utf8")
        });
    match Packing::of(request) {
        Some(packing) if is_json && is_utf8 => Ok(packing),
        _ => Err(Failure::new(
            Code::UnsupportedMediaType,
            "The body must be application/json in UTF-8, without a content encoding or with gzip.",
        )),
    }
}

pub(crate) fn header_text<'a>(
    request: &'a HttpRequest,
    name: &header::HeaderName,
) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

fn json_parameter<T: DeserializeOwned + Default>(text: &str) -> Result<T, Failure> {
    if text.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_str(text).map_err(|error| json_failure(&error))
}

fn json_failure(error: &serde_json::Error) -> Failure {
    if error.is_data() {
        return bad_request(SHAPE);
    }
    bad_request(format!(
        "The text is not JSON: line {}, column {}.",
        error.line(),
        error.column()
    ))
}

pub(crate) fn bad_request(message: impl Into<String>) -> Failure {
    Failure::new(Code::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_string_gives_all_four_parameters() {
        let mut params = Params::from_query_string(
            "query=query%20A%7Ba%7D&operationName=A&variables=%7B%22x%22%3A1%7D&extensions=&other=1",
        )
        .unwrap();
        assert_eq!(
            params.document().unwrap(),
            Given::Text("query A{a}".to_owned())
        );
        assert_eq!(params.operation_name.as_deref(), Some("A"));
        assert_eq!(params.variables.len(), 1);
    }

    #[test]
    fn a_parameter_given_twice_is_refused() {
        assert!(Params::from_query_string("query={a}&query={b}").is_err());
    }

    #[test]
    fn parameters_of_the_wrong_type_are_refused_without_being_quoted() {
        for body in [
            r#"{"query": {"secret": 1}}"#,
            r#"{"query": "{a}", "variables": "secret"}"#,
            r#"{"query": "{a}", "variables": ["secret"]}"#,
            r#"{"query": "{a}", "operationName": ["secret"]}"#,
            r#"{"query": "{a}", "extensions": "secret"}"#,
            r#"[{"query": "{secret}"}]"#,
            r#"{"query": secret}"#,
            "",
            "\"secret\"",
        ] {
            let failure = Params::from_json(body.as_bytes()).unwrap_err();
            assert_eq!(failure.code, Code::BadRequest, "{body}");
            assert!(!failure.errors[0].message.contains("secret"), "{body}");
        }
    }

    #[test]
    fn null_stands_for_an_optional_parameter_that_is_absent() {
        let body = r#"{"query":"{a}","operationName":null,"variables":null,"extensions":null}"#;
        assert!(Params::from_json(body.as_bytes()).is_ok());
    }
}
