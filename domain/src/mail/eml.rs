//! A single message in a file of its own.

use std::io::{self, Read};

use super::MAX_MAIL_BYTES;
use super::mbox::RawMail;

/// Why a single-message file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum EmlError {
    /// The file is larger than [`MAX_MAIL_BYTES`].
    #[error("the message is larger than {MAX_MAIL_BYTES} bytes")]
    TooLarge,
    /// The file could not be read.
    #[error("the message could not be read")]
    Io(#[from] io::Error),
}

/// Reads a whole .eml file. Never holds more than [`MAX_MAIL_BYTES`] and one byte.
///
/// Some programs save a single message with its mbox separator; that line is dropped.
pub fn read_eml(source: impl Read) -> Result<RawMail, EmlError> {
    let mut bytes = Vec::new();
    source
        .take(MAX_MAIL_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() > MAX_MAIL_BYTES {
        return Err(EmlError::TooLarge);
    }
    if bytes.starts_with(b"From ") {
        let end = bytes
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(bytes.len(), |at| at + 1);
        bytes.drain(..end);
    }
    Ok(RawMail { offset: 0, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_line_is_not_part_of_the_message() {
        let mail = read_eml(&b"From a Thu Aug 22 12:00:00 2002\r\nSubject: x\r\n\r\n"[..]).unwrap();
        assert_eq!(mail.bytes, b"Subject: x\r\n\r\n");
        assert_eq!(
            read_eml(&b"From: a@b\n\nhi"[..]).unwrap().bytes,
            b"From: a@b\n\nhi"
        );
    }

    #[test]
    fn a_file_over_the_limit_is_refused_without_reading_on() {
        assert!(matches!(
            read_eml(io::repeat(b'x')),
            Err(EmlError::TooLarge)
        ));
    }
}
