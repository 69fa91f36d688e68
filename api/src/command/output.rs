//! Standard output, for what a command was asked for.

use std::io::Write as _;

/// Writes one text and a line end. A reader that went away (`| head`) is no failure.
pub fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
