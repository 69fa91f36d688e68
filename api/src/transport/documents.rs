//! Documents that clients name by their hash instead of sending them.
//!
//! Two ways lead here. With *automatic persisted queries* (Apollo's protocol) a client names the
//! SHA-256 of a text; if the text is not known the client is told so and sends both, once. What
//! was sent is remembered in memory, for the workspace that sent it: nobody finds out what another
//! workspace asks for. With *registered documents* (`documentId`) the text was registered
//! beforehand and the [`Authenticator`](super::Authenticator) finds it. `params` reads both forms,
//! `run` looks them up, and this holds the memory. It never decides whether a document may be run.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_graphql::{Extensions, Value};
use sha2::{Digest as _, Sha256};

use super::{code::Code, failure::Failure};

/// The SHA-256 of a document's text.
pub type DocumentHash = [u8; 32];

/// The hash of `text`.
pub fn hash(text: &str) -> DocumentHash {
    Sha256::digest(text.as_bytes()).into()
}

/// What stands before the digits in a `documentId`.
const ID_PREFIX: &str = "sha256:";

/// How a request says what to execute.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// The text itself.
    Text(String),
    /// The hash of a text that may have been sent before, and the text if it is sent now.
    Persisted(DocumentHash, Option<String>),
    /// The hash of a text that was registered.
    Registered(DocumentHash),
}

/// Reads a `documentId`: `sha256:` (or nothing) and 64 hexadecimal digits.
pub(crate) fn read_id(id: &str) -> Result<DocumentHash, Failure> {
    let digits = id.strip_prefix(ID_PREFIX).unwrap_or(id);
    read_digits(digits).ok_or_else(unregistered)
}

/// Reads the request extension `persistedQuery`, if there is one.
pub(crate) fn read_extension(
    extensions: Option<&Extensions>,
) -> Result<Option<DocumentHash>, Failure> {
    let Some(value) = extensions.and_then(|all| all.get("persistedQuery")) else {
        return Ok(None);
    };
    let refuse = || {
        let message = "`persistedQuery` is an object with `version`: 1 and `sha256Hash`, the \
                       document's SHA-256 in hexadecimal digits.";
        Failure::new(Code::BadRequest, message)
    };
    let Value::Object(fields) = value else {
        return Err(refuse());
    };
    match (fields.get("version"), fields.get("sha256Hash")) {
        (Some(Value::Number(version)), Some(Value::String(digits)))
            if version.as_u64() == Some(1) =>
        {
            read_digits(digits).map(Some).ok_or_else(refuse)
        }
        _ => Err(refuse()),
    }
}

/// The words of Apollo's protocol, by which its clients know that they have to send the text.
pub(crate) fn not_persisted() -> Failure {
    Failure::new(Code::PersistedQueryNotFound, "PersistedQueryNotFound")
}

pub(crate) fn unregistered() -> Failure {
    let message = "No document is registered under this id. Register it, or send `query`.";
    Failure::new(Code::PersistedQueryNotFound, message)
}

pub(crate) fn mismatch() -> Failure {
    let message = "`sha256Hash` is not the hash of `query`.";
    Failure::new(Code::BadRequest, message)
}

fn read_digits(digits: &str) -> Option<DocumentHash> {
    let mut hash = DocumentHash::default();
    hex::decode_to_slice(digits, &mut hash).ok()?;
    Some(hash)
}

type Known = HashMap<(u128, DocumentHash), Arc<str>>;

/// Texts that were sent with their hash, by workspace. One for the process; its size is bounded in
/// bytes, and what is asked for stays.
#[derive(Debug)]
pub struct DocumentMemory {
    generations: Mutex<Generations>,
    half_bytes: usize,
}

#[derive(Debug, Default)]
struct Generations {
    young: Known,
    young_bytes: usize,
    old: Known,
}

impl DocumentMemory {
    /// Keeps about `bytes` of text at most.
    pub fn new(bytes: usize) -> Self {
        Self {
            generations: Mutex::default(),
            half_bytes: bytes / 2,
        }
    }

    /// The text that `workspace` has sent.
    pub fn get(&self, workspace: u128, hash: DocumentHash) -> Option<Arc<str>> {
        let key = (workspace, hash);
        let mut generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = generations.young.get(&key) {
            return Some(Arc::clone(text));
        }
        let text = generations.old.remove(&key)?;
        generations.insert(key, Arc::clone(&text), self.half_bytes);
        Some(text)
    }

    /// Remembers a text of `workspace`.
    pub fn put(&self, workspace: u128, hash: DocumentHash, text: Arc<str>) {
        if text.len() > self.half_bytes {
            return;
        }
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((workspace, hash), text, self.half_bytes);
    }
}

impl Generations {
    fn insert(&mut self, key: (u128, DocumentHash), text: Arc<str>, half_bytes: usize) {
        if self.young_bytes + text.len() > half_bytes {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        let bytes = text.len();
        if self.young.insert(key, text).is_none() {
            self.young_bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    fn text(memory: &DocumentMemory, workspace: u128, document: &str) -> Option<Arc<str>> {
        memory.get(workspace, hash(document))
    }

    #[test]
    fn what_one_workspace_sent_is_unknown_to_another() {
        let memory = DocumentMemory::new(1000);
        memory.put(1, hash("{a}"), "{a}".into());
        assert_eq!(text(&memory, 1, "{a}").as_deref(), Some("{a}"));
        assert_eq!(text(&memory, 2, "{a}"), None);
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_what_is_asked_for() {
        let memory = DocumentMemory::new(100);
        let document = |n: usize| format!("{{a{n:08}}}");
        memory.put(1, hash("{kept}"), "{kept}".into());
        for n in 0..1000 {
            memory.put(1, hash(&document(n)), document(n).into());
            assert!(text(&memory, 1, "{kept}").is_some(), "{n}");
        }
        let left = (0..1000).filter(|n| text(&memory, 1, &document(*n)).is_some());
        assert!(left.count() <= 10);
        memory.put(1, hash(&"x".repeat(51)), "x".repeat(51).into());
        assert_eq!(text(&memory, 1, &"x".repeat(51)), None);
    }

    #[test]
    fn hashes_are_read_in_both_forms_and_nothing_else() {
        let digits = "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38";
        let expected = hash("{__typename}");
        assert_eq!(read_id(digits).unwrap(), expected);
        assert_eq!(read_id(&format!("sha256:{digits}")).unwrap(), expected);
        for bad in ["", "sha256:", "x", &digits[1..], &digits.replace('e', "g")] {
            let failure = read_id(bad).unwrap_err();
            assert_eq!(failure.code, Code::PersistedQueryNotFound, "{bad}");
        }
        let extension = |value: Value| {
            let mut extensions = Extensions::default();
            extensions.insert("persistedQuery".to_owned(), value);
            read_extension(Some(&extensions))
        };
        let good = extension(value!({"version": 1, "sha256Hash": digits}));
        assert_eq!(good.unwrap(), Some(expected));
        assert_eq!(read_extension(None).unwrap(), None);
        for bad in [
            value!(1),
            value!({}),
            value!({"version": 2, "sha256Hash": digits}),
            value!({"version": 1, "sha256Hash": "x"}),
            value!({"version": 1}),
        ] {
            assert_eq!(extension(bad).unwrap_err().code, Code::BadRequest);
        }
    }
}
