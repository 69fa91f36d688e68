//! Records out of bytes that come in pieces, with what is broken about them.
//!
//! Works on the bytes of the file: in Shift_JIS and GBK no second byte looks like a comma, a tab, a
//! quotation mark or the end of a line, so cells are decoded after they are cut. A record may span
//! pieces and lines. What is broken costs one record, never the rest of the file: a quotation mark that
//! is never closed ends with its line.

/// Bytes one record may have. One that goes on longer has lost its closing quotation mark.
pub const MAX_RECORD: usize = 256 * 1024;
/// Cells one record may have.
pub const MAX_CELLS: usize = 500;

/// What is broken about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A quotation mark is opened and not closed before the record grows too long or the file ends.
    #[error(
        "A quotation mark is opened in this line and never closed. Close it, or double it if it is \
         part of the text."
    )]
    Unclosed,
    /// Something follows the quotation mark that closes a cell.
    #[error(
        "Something follows a closing quotation mark. Double quotation marks that are part of the \
         text."
    )]
    AfterQuote,
    /// The record is longer than [`MAX_RECORD`] or has more than [`MAX_CELLS`] cells.
    #[error("This line is too long: it has more than 256 kB or 500 cells.")]
    TooLong,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The bytes of each cell, without quotation marks around them.
    pub cells: Vec<Vec<u8>>,
    /// What is broken about it.
    pub broken: Option<Broken>,
    /// Bytes it takes, the end of its line included.
    pub bytes: usize,
    /// Line ends in it.
    pub lines: u64,
}

impl Record {
    /// Whether it is an empty line.
    pub fn is_blank(&self) -> bool {
        self.broken.is_none() && self.cells.iter().all(|cell| cell.trim_ascii().is_empty())
    }

    /// Whether it ends in its line, which is too long: what follows is no record before the next line
    /// ([`rest_of_line`]).
    pub fn is_torn(&self) -> bool {
        self.broken.is_some() && self.lines == 0
    }
}

/// Bytes that are left of the line in which `bytes` begins, and whether its end is among them. `bytes` goes on if not
/// `is_end`: a carriage return at the very end may then be half of a line end, and is left for the next piece.
pub fn rest_of_line(bytes: &[u8], is_end: bool) -> (usize, bool) {
    let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    match end {
        None => (bytes.len(), false),
        Some(end) if end + 1 == bytes.len() && bytes[end] == b'\r' && !is_end => (end, false),
        Some(end) => (end + line_end(&bytes[end..]), true),
    }
}

/// The record at the beginning of `bytes`, which goes on if not `is_end`. Nothing when there is none,
/// or when more bytes are needed to tell.
pub fn read(bytes: &[u8], delimiter: u8, is_end: bool) -> Option<Record> {
    if bytes.is_empty() {
        return None;
    }
    let window = &bytes[..bytes.len().min(MAX_RECORD)];
    let ends_here = is_end && window.len() == bytes.len();
    match scan(window, delimiter, ends_here) {
        // What follows a closing quotation mark in another line than it was opened in was most likely
        // never meant to be in it: the mark that is missing is in the first line.
        Scan::Whole(record)
            if record.broken == Some(Broken::AfterQuote) && first_line(window) < record.bytes =>
        {
            Some(give_up(window, true))
        }
        Scan::Whole(record) => Some(record),
        Scan::Open { .. } if !ends_here && window.len() < MAX_RECORD => None,
        Scan::Open { in_quotes } => Some(give_up(window, in_quotes)),
    }
}

/// The record is only its first line, or, without one, all there is.
fn give_up(window: &[u8], in_quotes: bool) -> Record {
    let bytes = first_line(window);
    let ends = window[..bytes].ends_with(b"\n") || window[..bytes].ends_with(b"\r");
    Record {
        cells: Vec::new(),
        broken: Some(if in_quotes {
            Broken::Unclosed
        } else {
            Broken::TooLong
        }),
        bytes,
        lines: u64::from(ends),
    }
}

/// Bytes of the first line, its end included; of everything, when there is only one.
fn first_line(window: &[u8]) -> usize {
    let end = window.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    end.map_or(window.len(), |end| end + line_end(&window[end..]))
}

/// Bytes of the line end that `bytes` begins with.
fn line_end(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"\r\n") { 2 } else { 1 }
}

enum Scan {
    Whole(Record),
    Open { in_quotes: bool },
}

fn scan(bytes: &[u8], delimiter: u8, ends_here: bool) -> Scan {
    let (mut cells, mut cell) = (Vec::new(), Vec::new());
    let (mut at, mut lines, mut broken) = (0, 0, None);
    loop {
        // At the beginning of a cell.
        let mut was_quoted = false;
        if bytes.get(at) == Some(&b'"') {
            was_quoted = true;
            at += 1;
            loop {
                let Some(length) = bytes[at..].iter().position(|&byte| byte == b'"') else {
                    return Scan::Open { in_quotes: true };
                };
                let text = &bytes[at..at + length];
                lines += line_ends(text);
                cell.extend_from_slice(text);
                at += length + 1;
                match bytes.get(at) {
                    Some(b'"') => {
                        cell.push(b'"');
                        at += 1;
                    }
                    None if !ends_here => return Scan::Open { in_quotes: true },
                    _ => break,
                }
            }
        }
        let rest = &bytes[at..];
        let is_stop = |&byte: &u8| byte == delimiter || byte == b'\n' || byte == b'\r';
        let Some(length) = rest.iter().position(is_stop) else {
            if !ends_here {
                return Scan::Open { in_quotes: false };
            }
            if was_quoted && !rest.trim_ascii().is_empty() {
                broken = Some(Broken::AfterQuote);
            }
            if !was_quoted {
                cell.extend_from_slice(rest);
            }
            cells.push(cell);
            return whole(cells, broken, bytes.len(), lines);
        };
        let text = &rest[..length];
        if was_quoted && !text.trim_ascii().is_empty() {
            broken = Some(Broken::AfterQuote);
        }
        if !was_quoted {
            cell.extend_from_slice(text);
        }
        cells.push(std::mem::take(&mut cell));
        at += length;
        if bytes[at] == delimiter {
            at += 1;
            if cells.len() >= MAX_CELLS {
                broken = Some(Broken::TooLong);
            }
            continue;
        }
        // A carriage return at the very end of a piece may be half of a line end.
        if bytes[at] == b'\r' && at + 1 == bytes.len() && !ends_here {
            return Scan::Open { in_quotes: false };
        }
        at += line_end(&bytes[at..]);
        return whole(cells, broken, at, lines + 1);
    }
}

fn whole(cells: Vec<Vec<u8>>, broken: Option<Broken>, bytes: usize, lines: u64) -> Scan {
    Scan::Whole(Record {
        cells: if broken.is_some() { Vec::new() } else { cells },
        broken,
        bytes,
        lines,
    })
}

fn line_ends(text: &[u8]) -> u64 {
    let mut count = 0;
    for (at, byte) in text.iter().enumerate() {
        let is_end = match byte {
            b'\n' => true,
            b'\r' => text.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        count += u64::from(is_end);
    }
    count
}

/// The delimiters there are.
pub const DELIMITERS: &[u8] = b",;\t";

/// The delimiter that the first line of a file names, as Excel writes and reads it (`sep=;`), and the bytes of that
/// line, which is no record. `beginning` is without the mark of an encoding.
pub fn named_delimiter(beginning: &[u8]) -> Option<(u8, usize)> {
    let bytes = first_line(beginning);
    let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let end = beginning[..bytes].iter().position(ends).unwrap_or(bytes);
    let line = match &beginning[..end] {
        [b'"', inner @ .., b'"'] => inner,
        line => line,
    };
    let (word, delimiter) = line.split_at_checked(b"sep=".len())?;
    let &[delimiter] = delimiter else {
        return None;
    };
    let is_said = word.eq_ignore_ascii_case(b"sep=") && DELIMITERS.contains(&delimiter);
    is_said.then_some((delimiter, bytes))
}

/// The delimiter of a file that begins with `beginning`: the one that cuts its first records into the
/// most cells, alike in number.
pub fn delimiter_of(beginning: &[u8], is_whole: bool) -> u8 {
    let score = |delimiter: u8| {
        let (mut rest, mut widths) = (beginning, Vec::new());
        while widths.len() < 20
            && let Some(record) = read(rest, delimiter, is_whole)
        {
            if !record.is_blank() && record.broken.is_none() {
                widths.push(record.cells.len());
            }
            rest = &rest[record.bytes..];
        }
        let first = widths.first().copied().unwrap_or_default();
        let alike = widths.iter().filter(|&&width| width == first).count();
        // Cells alike in all records say more than many cells in a few.
        (first > 1).then_some((alike * 100 / widths.len().max(1), first))
    };
    DELIMITERS
        .iter()
        .copied()
        .max_by_key(|&delimiter| (score(delimiter), delimiter == b','))
        .unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Vec<(Vec<String>, Option<Broken>, u64)> {
        let (mut rest, mut records) = (text, Vec::new());
        while let Some(record) = read(rest, b',', true) {
            let cells = record.cells.iter();
            let cells = cells.map(|cell| String::from_utf8_lossy(cell).into_owned());
            records.push((cells.collect(), record.broken, record.lines));
            rest = &rest[record.bytes..];
        }
        assert!(rest.is_empty());
        records
    }

    fn cells(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|&cell| cell.to_owned()).collect()
    }

    #[test]
    fn quoted_cells_may_hold_commas_quotes_and_lines() {
        let records = all(b"a,\"b,\r\nc\"\"d\",\ne,\"\",g\rh");
        assert_eq!(
            records,
            [
                (cells(&["a", "b,\r\nc\"d", ""]), None, 2),
                (cells(&["e", "", "g"]), None, 1),
                (cells(&["h"]), None, 0),
            ]
        );
    }

    #[test]
    fn broken_quotes_cost_one_record() {
        assert_eq!(
            all(b"a,\"b\nc,d\ne,f\n"),
            [
                (vec![], Some(Broken::Unclosed), 1),
                (cells(&["c", "d"]), None, 1),
                (cells(&["e", "f"]), None, 1),
            ]
        );
        assert_eq!(
            all(b"\"a\"b,c\nd,5\" disk\n\"e\" ,f\n"),
            [
                (vec![], Some(Broken::AfterQuote), 1),
                (cells(&["d", "5\" disk"]), None, 1),
                (cells(&["e", "f"]), None, 1),
            ]
        );
        // The mark that is missing is in the first of the two lines.
        assert_eq!(
            all(b"\"a\nb,\"c\nd\",e\n"),
            [
                (vec![], Some(Broken::Unclosed), 1),
                (cells(&["b", "c\nd", "e"]), None, 2),
            ]
        );
    }

    #[test]
    fn what_never_ends_is_cut_and_not_kept() {
        let long = vec![b'a'; MAX_RECORD + 10];
        let first = read(&long, b',', true).unwrap();
        assert_eq!(
            (first.broken, first.bytes),
            (Some(Broken::TooLong), MAX_RECORD)
        );
        let mut open = b"x,\"".to_vec();
        open.resize(MAX_RECORD + 5, b'a');
        open[10] = b'\n';
        let first = read(&open, b',', false).unwrap();
        assert_eq!(
            (first.broken, first.bytes, first.lines),
            (Some(Broken::Unclosed), 11, 1)
        );
        let wide = [b"a,".repeat(600), b"\nb\n".to_vec()].concat();
        assert_eq!(all(&wide)[0].1, Some(Broken::TooLong));
        assert_eq!(all(&wide)[1].0, cells(&["b"]));
    }

    #[test]
    fn a_record_is_the_same_wherever_the_pieces_end() {
        let text = "名前,\"a\"\"b\r\nc\",d\r\n次,e,f\n".as_bytes();
        let whole = read(text, b',', true).unwrap();
        for end in 1..text.len() {
            match read(&text[..end], b',', false) {
                None => assert!(end <= whole.bytes, "{end}"),
                Some(record) => assert_eq!(record, whole, "{end}"),
            }
        }
    }

    #[test]
    fn a_first_line_may_name_the_delimiter_and_nothing_else_does() {
        for (text, expected) in [
            ("sep=;\r\na;b", Some((b';', 7))),
            ("SEP=,\na,b", Some((b',', 6))),
            ("sep=\t\ra\tb", Some((b'\t', 6))),
            ("\"sep=;\"\r\na", Some((b';', 9))),
            ("sep=;", Some((b';', 5))),
            ("sep=|\na", None),
            ("sep=;;\na", None),
            ("sep=\na", None),
            ("sep;name\na;b", None),
            ("\nsep=;\n", None),
            ("\"", None),
            ("", None),
        ] {
            assert_eq!(named_delimiter(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn the_delimiter_is_the_one_that_cuts_alike() {
        for (text, expected) in [
            ("a,b;c\n1,2;3\n", b','),
            ("a;b;c\n1;2,5;3\n", b';'),
            ("a\tb\n1,2\t3\n", b'\t'),
            ("name\nx\n", b','),
            ("", b','),
        ] {
            assert_eq!(delimiter_of(text.as_bytes(), true), expected, "{text:?}");
        }
    }
}
