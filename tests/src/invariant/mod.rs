//! What must hold of the repository as a whole. These tests read sources and the schema; they start
//! nothing.

mod relay;
mod schema;
mod stored;
mod words;
