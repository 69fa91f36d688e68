//! How a program logs: lines on standard error, as text for people or JSON for collectors.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One object per line.
    Json,
}

/// What to log, and how.
#[derive(Debug, Clone)]
pub struct LogSettings {
    filter: String,
    format: Format,
}

impl LogSettings {
    /// Reads the two settings and adds what is wrong with them to `problems`.
    pub(crate) fn parse(filter: &str, format: &str, problems: &mut Vec<String>) -> Option<Self> {
        let before = problems.len();
        let parts: Vec<&str> = filter.split(',').map(str::trim).collect();
        let filter = parts.join(",");
        if EnvFilter::try_new(&filter).is_err() || !parts.into_iter().all(names_a_level) {
            let example = "give a level (info) or levels of modules (info,domain=debug)";
            problems.push(format!("ENISHI_LOG: {example}"));
        }
        let format = match format.trim().to_ascii_lowercase().as_str() {
            "text" => Format::Text,
            "json" => Format::Json,
            _ => {
                problems.push("ENISHI_LOG_FORMAT: give text or json".to_owned());
                Format::Text
            }
        };
        (problems.len() == before).then_some(Self { filter, format })
    }

    /// Starts logging, for the whole process.
    pub fn start(&self) {
        // What libraries find worth telling at `info` would drown everything else. Errors are told
        // also where the setting names modules only.
        let quiet = "error,actix_server=warn,apalis=warn,apalis_core=warn,sqlx=warn,\
                     sea_orm=warn,sea_orm_migration=warn";
        let filter = EnvFilter::try_new(format!("{quiet},{}", self.filter))
            .unwrap_or_else(|_| EnvFilter::new("info"));
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(stderr);
        // A second call (tests) keeps the first.
        let _ = match self.format {
            Format::Text => lines
                .with_ansi(stderr().is_terminal())
                .with_target(false)
                .try_init(),
            Format::Json => lines.json().flatten_event(true).try_init(),
        };
    }
}

/// Whether one part of the setting says how much is logged. A word that is no level would be taken for
/// a module of that name, and a typing error would silence everything.
fn names_a_level(part: &str) -> bool {
    part.is_empty() || part.contains(['=', '[']) || part.parse::<LevelFilter>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for (filter, is_right) in [
            ("info", true),
            ("WARN", true),
            ("off", true),
            ("info,domain=debug", true),
            ("domain=debug", true),
            ("info, domain::rule=trace,", true),
            ("inof", false),
            ("loud", false),
            ("domain", false),
            ("info,domain", false),
            ("domain=loud", false),
        ] {
            let mut problems = Vec::new();
            let read = LogSettings::parse(filter, "text", &mut problems);
            assert_eq!(read.is_some(), is_right, "{filter}");
            let told = problems.first().map_or("", String::as_str);
            assert_eq!(told.starts_with("ENISHI_LOG: "), !is_right, "{told}");
        }
    }
}
