//! Search over contacts, accounts, conversations and messages: substrings in any script, of one
//! character too, whatever their width, case and kana.
//!
//! # How it works
//!
//! Texts are folded (`fold`), taken apart into single characters, pairs and, in scripts of few
//! characters, triples and runs (`gram`), and indexed in *segments*: up to 65,536 documents in the order
//! they are shown, with compressed lists of which of them have which gram (`posting`, `segment`). A
//! segment never changes. What is new or changed waits in `search_tail` from the transaction that
//! wrote it ([`index`]), and a search reads the few that wait one by one, so that everything is found
//! from its commit on. In the background what waits becomes a small segment, small ones become large
//! ones, and each step is one transaction ([`upkeep`]). A search intersects the lists of the newest
//! segments first, the shortest lists first (`lookup`), and stops when its page is full; candidates are
//! read back and checked against the text as it is now ([`find`]), so that what is stale in the index
//! is never shown.
//!
//! The order: contacts and accounts, then conversations, then messages; among each the exact matches,
//! then the beginnings, the beginnings of words, the rest; then the newest first.
//!
//! # What it costs
//!
//! A candidate costs about 20 µs, as its texts are read from their tables, so a search is as good as its
//! candidates: those that turn out not to answer are paid for and not shown. A search that does not fill
//! its page checks all of them. Pairs alone do not hold for what is made of frequent pairs: of 200,000
//! contacts `person0` to `person199999`, 1,291 have all pairs of `person777777` (13,811 of a million),
//! which were 27 of the 30 ms of that search, and a long English message has most pairs of English.
//! Triples and runs are what leaves none of them. They do not exist for Han and Hangul, where pairs
//! are rare.
//!
//! A block of lists costs some 15 µs, and a million things of a kind have about 25 segments, each with a
//! block for every gram of the query. So when most of the segments opened had nothing, only the two
//! rarest grams are read of further ones, and the others where these two meet.
//!
//! # Why not an index of the database
//!
//! `pg_trgm` and FTS5's trigrams cannot look up one or two characters, which most Japanese and Chinese
//! names have. Measured on 1 million contacts with Japanese, Chinese and English names (46 characters
//! and pairs each), on two shared processors:
//!
//! | design | to add one contact | 21 newest with `ta` | with `gmail` | with 王 |
//! |---|---|---|---|---|
//! | PostgreSQL, GIN over an array of pairs | 70 µs | 2,360 ms | 514 ms | 45 ms |
//! | rows (gram, contact) in a B-tree, of only 100,000 contacts | 306 µs, 3.8 kB | not measured | 81 ms | not measured |
//! | SQLite, FTS5 over the pairs | 34 µs | 1 ms | 2 ms | 0.3 ms |
//! | segments, both databases | not in this run; `tests/bench search` measures them | | | |
//!
//! GIN has no order and no early end; rows are too many to write; FTS5 would do, on SQLite only, and
//! knows nothing of better and worse matches. Segments cost a write per changed thing inside its
//! transaction, are the same on both databases, and end early.
//!
//! # Who calls it
//!
//! Whoever writes a searched text calls [`index::touch`] in the same transaction: creating, changing,
//! attaching and detaching identities, merging and undoing it (for both contacts: one gained
//! identities, the other lost them). Whoever deletes things, or
//! blanks them for good as erasure does, calls [`index::forget`] before; and [`index::touch`] after if
//! rows remain. What is searched of a thing is one statement in `source`.
//!
//! It never reads user input as a query language, and its index holds no texts.

mod find;
mod fold;
mod fragment;
mod gram;
pub mod index;
mod lane;
mod lookup;
pub mod narrow;
mod needle;
mod number;
mod posting;
mod segment;
mod source;
pub mod talk;
pub mod upkeep;
mod walk;

pub use find::{Hit, find};
pub use fragment::Fragment;
pub use needle::{MAX_CHARACTERS, MAX_WORDS, Match, Needle};
pub use source::{BODY_CHARACTERS, Field, Kind};
