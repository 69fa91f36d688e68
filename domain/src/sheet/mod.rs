//! Tables as text: CSV as people's programs write and read it.
//!
//! - [`encoding`]: which encoding a file is in, and its cells as text;
//! - [`record`]: records out of bytes that come in pieces, with what is broken about them;
//! - [`formula`]: cells that a spreadsheet would run, made harmless and back.
//!
//! Called by `import` and `export`. Pure: nothing here reads or writes anything.

pub mod encoding;
pub mod formula;
pub mod record;
