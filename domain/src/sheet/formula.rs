//! Cells that a spreadsheet would take for a formula, made harmless by an apostrophe, and back.
//!
//! A program that opens a CSV file runs what begins with `=`, `+`, `-` or `@`, some also after
//! blanks or quotation marks, in full width, or behind a separator that the file does not mean as
//! one. Wherever such a beginning stands, [`neutralise`] puts one apostrophe before it, and
//! [`restore`] takes exactly that one away, so that what was exported is imported as it was.

use std::borrow::Cow;

/// What programs may take for the end of a cell.
fn separates(c: char) -> bool {
    matches!(c, ',' | ';' | '|' | '\t' | '\r' | '\n')
}

/// What may stand before a formula's first character.
fn is_skipped(c: char) -> bool {
    matches!(
        c,
        ' ' | '\''
            | '"'
            | '\u{a0}'
            | '\u{3000}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2060}'
            | '\u{feff}'
            | '\u{2018}'
            | '\u{2019}'
            | '\u{201c}'
            | '\u{201d}'
            | '\u{ff02}'
            | '\u{ff07}'
    )
}

fn begins_formula(c: char) -> bool {
    matches!(
        c,
        '=' | '+'
            | '-'
            | '@'
            | '\u{ff1d}'
            | '\u{ff0b}'
            | '\u{ff0d}'
            | '\u{ff20}'
            | '\u{fe62}'
            | '\u{fe63}'
            | '\u{fe66}'
            | '\u{fe6b}'
            | '\u{2212}'
    )
}

/// Whether a cell, or a piece of one behind a separator, that begins so could be run.
fn is_dangerous(rest: &str, is_start: bool) -> bool {
    // An apostrophe of the text itself must not be taken for ours on the way back.
    if is_start && rest.trim_start_matches('\'').starts_with(['\t', '\r']) {
        return true;
    }
    rest.trim_start_matches(is_skipped)
        .starts_with(begins_formula)
}

/// The cell, with an apostrophe before everything a spreadsheet could run.
pub fn neutralise(cell: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut check = |at: usize| {
        if is_dangerous(&cell[at..], at == 0) {
            out.push_str(&cell[copied..at]);
            out.push('\'');
            copied = at;
        }
    };
    check(0);
    for (at, c) in cell.char_indices() {
        if separates(c) {
            check(at + c.len_utf8());
        }
    }
    if out.is_empty() {
        return Cow::Borrowed(cell);
    }
    out.push_str(&cell[copied..]);
    Cow::Owned(out)
}

/// The cell as it was before [`neutralise`]; one that was never neutralised stays as it is.
pub fn restore(cell: &str) -> Cow<'_, str> {
    if !cell.contains('\'') {
        return Cow::Borrowed(cell);
    }
    let mut out = String::with_capacity(cell.len());
    let mut at_start = true;
    let mut is_first = true;
    let mut rest = cell;
    while let Some(c) = rest.chars().next() {
        let next = &rest[c.len_utf8()..];
        let is_ours = at_start && c == '\'' && is_dangerous(next, is_first);
        if !is_ours {
            out.push(c);
        }
        at_start = separates(c);
        is_first = false;
        rest = next;
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_run_gets_an_apostrophe() {
        for (cell, expected) in [
            ("", ""),
            ("Tanaka", "Tanaka"),
            ("=1+1", "'=1+1"),
            ("+81312345678", "'+81312345678"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("\rx", "'\rx"),
            ("＝cmd|'/C calc'!A0", "'＝cmd|'/C calc'!A0"),
            ("  =1", "'  =1"),
            ("\"=1", "'\"=1"),
            ("'=1", "''=1"),
            ("a;=1", "a;'=1"),
            ("x,\"+1", "x,'\"+1"),
            ("it's", "it's"),
            ("a-b", "a-b"),
            ("a\n- b", "a\n'- b"),
            ("'\tx", "''\tx"),
        ] {
            assert_eq!(neutralise(cell), expected, "{cell:?}");
            assert_eq!(restore(expected), cell, "{cell:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_exported_is_imported_as_it_was(
            cell in "[ '\"=+\\-@a,;\t\r\n＝＠|\u{3000}]{0,12}"
        ) {
            let safe = neutralise(&cell).into_owned();
            prop_assert_eq!(restore(&safe), cell.clone());
            // No piece, however it is cut, begins like a formula.
            for piece in safe.split(separates) {
                prop_assert!(!piece.starts_with(begins_formula), "{:?}", safe);
            }
        }
    }
}
