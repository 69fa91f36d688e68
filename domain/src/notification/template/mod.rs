//! Templates: what a notification says, written by a member with the facts at hand as values.
//!
//! The language is a small part of Jinja's: values (`{{ contact.name }}`), a few filters
//! (`{{ message.excerpt | truncate(80) }}`), `{% if %}` and `{% for %}`. Nothing can be called,
//! included or assigned. [`check`] finds, when a template is saved, every value and filter that does not
//! exist, with its line and column; [`render`] fills it in later and is bounded in steps and length
//! whatever the template says. A value that is not known is empty text.
//!
//! Templates make plain text. Whoever sends it makes the whole of it safe for its target: see
//! [`super::target`]. So neither a value nor the template itself can mention a channel, disguise a
//! link or bring HTML.
//!
//! Rules and playbooks store templates in their actions and call [`check`]; deliveries call
//! [`render`].
//!
//! - [`facts`]: the values, and which there are;
//! - `filter`: the filters;
//! - `walk`: the check.

pub mod facts;
mod filter;
mod walk;

use std::{borrow::Cow, fmt, io};

use entity::kind::TargetKind;
use minijinja::{
    Environment, Output, State, UndefinedBehavior, Value,
    machinery::{self, Token},
};

pub use facts::Facts;

use crate::error::{UserError, UserErrorCode};

/// Characters a template may have.
pub const TEMPLATE_LIMIT: usize = 4_000;
/// Steps of the template engine one rendering may take.
const FUEL: u64 = 20_000;
/// How deep a template's parts may be nested.
const DEPTH: usize = 40;
/// Words and signs that one `{{ }}` or `{% %}` of a template may have.
const PARTS: usize = 200;
/// `{% %}` that a template may have.
const STATEMENTS: usize = 200;

/// What is wrong with a template, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, counted from 1; nothing when it is about the whole.
    pub line: Option<usize>,
    /// The character in the line, counted from 1.
    pub column: Option<usize>,
    /// What is wrong and what to do.
    pub message: String,
    code: UserErrorCode,
}

impl Mistake {
    fn whole(code: UserErrorCode, message: impl Into<String>) -> Self {
        Self {
            line: None,
            column: None,
            message: message.into(),
            code,
        }
    }

    /// The mistake at the byte `offset` of `text`.
    fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let line = before.rfind('\n').map_or(before, |end| &before[end + 1..]);
        Self {
            line: Some(before.matches('\n').count() + 1),
            column: Some(line.chars().count() + 1),
            message: message.into(),
            code: UserErrorCode::Invalid,
        }
    }

    fn of(text: &str, error: &minijinja::Error) -> Self {
        let said = error.detail().unwrap_or("it cannot be read").to_owned();
        match (error.range(), error.line()) {
            (Some(range), _) => Self::at(text, range.start, said),
            (None, line) => Self {
                line,
                column: None,
                message: said,
                code: UserErrorCode::Invalid,
            },
        }
    }

    /// The mistake as a user error of the input at `path`.
    pub fn user_error(&self, path: &[&str]) -> UserError {
        UserError::new(path, self.code, self.to_string())
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "Line {line}, column {column}: ")?,
            (Some(line), None) => write!(f, "Line {line}: ")?,
            _ => {}
        }
        f.write_str(&self.message)
    }
}

/// How many characters a text for a target of this kind may have; what is longer is cut.
pub fn output_limit(kind: TargetKind) -> usize {
    match kind {
        TargetKind::Slack => 2_800,
        TargetKind::Webhook => 4_000,
        TargetKind::Email => 20_000,
        TargetKind::InApp => 2_000,
    }
}

/// Checks a template before it is stored. What passes renders, with whatever facts.
pub fn check(text: &str, kind: TargetKind) -> Result<(), Mistake> {
    if text.trim().is_empty() {
        let message = "Write a text, or leave it out.";
        return Err(Mistake::whole(UserErrorCode::Required, message));
    }
    if text.chars().count() > TEMPLATE_LIMIT {
        let message = format!("Shorten the template to {TEMPLATE_LIMIT} characters.");
        return Err(Mistake::whole(UserErrorCode::TooLong, message));
    }
    check_size(text)?;
    let parsed = machinery::parse(
        text,
        "template",
        minijinja::syntax::SyntaxConfig,
        machinery::WhitespaceConfig::default(),
    );
    let tree = parsed.map_err(|error| Mistake::of(text, &error))?;
    walk::check(text, &tree)?;
    // The check should have found everything; what it did not shows here and not a week later.
    run(text, &Facts::default(), kind)?;
    run(text, &Facts::sample(), kind).map(|_| ())
}

/// Fills a template in. The text is at most [`output_limit`] characters long, with an ellipsis
/// when it was cut, and is not yet safe for its target.
pub fn render(text: &str, facts: &Facts, kind: TargetKind) -> Result<String, Mistake> {
    check_size(text)?;
    run(text, facts, kind)
}

/// Refuses tags of more parts, and more tags, than a template has any use for, before anything goes
/// through its tree. To read, check and run a template each calls itself for what stands in something
/// else, such as behind a `not`, an `and` or an `elif`, and a stack that is used up ends the process.
fn check_size(text: &str) -> Result<(), Mistake> {
    let tokens = machinery::tokenize(
        text,
        false,
        minijinja::syntax::SyntaxConfig,
        machinery::WhitespaceConfig::default(),
    );
    let (mut statements, mut parts) = (0, 0);
    // What cannot be read ends here as it does where the template is parsed, which says what is wrong.
    for (token, span) in tokens.map_while(Result::ok) {
        match token {
            Token::VariableStart => parts = 0,
            Token::BlockStart => {
                statements += 1;
                parts = 0;
            }
            _ => parts += 1,
        }
        let message = if parts > PARTS {
            format!("Use at most {PARTS} words and signs between {{{{ }}}} or {{% %}}.")
        } else if statements > STATEMENTS {
            format!("Use at most {STATEMENTS} times {{% %}}.")
        } else {
            continue;
        };
        return Err(Mistake {
            code: UserErrorCode::TooLong,
            ..Mistake::at(text, span.start_offset as usize, message)
        });
    }
    Ok(())
}

fn run(text: &str, facts: &Facts, kind: TargetKind) -> Result<String, Mistake> {
    let environment = environment();
    let template = environment
        .template_from_str(text)
        .map_err(|error| Mistake::of(text, &error))?;
    let mut out = Cut {
        bytes: Vec::new(),
        // A character has four bytes at most.
        room: output_limit(kind) * 4,
        is_full: false,
    };
    let rendered = template.render_captured_to(facts, &mut out).map(|_| ());
    if let Err(error) = rendered
        && !out.is_full
    {
        return Err(if error.kind() == minijinja::ErrorKind::OutOfFuel {
            let message = "This template takes too many steps. Use fewer loops.";
            Mistake::whole(UserErrorCode::LimitReached, message)
        } else {
            Mistake::of(text, &error)
        });
    }
    let text = String::from_utf8_lossy(&out.bytes);
    Ok(cut(text.trim_end_matches('\u{fffd}').trim(), output_limit(kind)).into_owned())
}

fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit || text.chars().count() <= limit {
        return text.into();
    }
    let mut shown: String = text.chars().take(limit - 1).collect();
    shown.push('…');
    shown.into()
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEPTH);
    environment.set_formatter(show);
    filter::add(&mut environment);
    environment
}

/// What is not known is shown as nothing.
fn show(
    out: &mut Output<'_>,
    _state: &State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    out.write_str(&filter::shown(value))
        .map_err(|_| minijinja::Error::from(minijinja::ErrorKind::WriteFailure))
}

/// Takes bytes up to a limit, and then says so.
struct Cut {
    bytes: Vec<u8>,
    room: usize,
    is_full: bool,
}

impl io::Write for Cut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.room);
        self.bytes.extend_from_slice(&bytes[..taken]);
        self.room -= taken;
        if taken < bytes.len() {
            self.is_full = true;
            return Err(io::Error::other("the text is long enough"));
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
