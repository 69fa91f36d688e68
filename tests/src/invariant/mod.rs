//! What must hold of the repository as a whole. These tests read files; they start nothing.

mod compose;
mod docs;
mod relay;
mod resolver;
mod schema;
mod stored;
mod words;
