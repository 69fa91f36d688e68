//! The master key and its text form.

use std::str::FromStr;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use secrecy::{ExposeSecret, SecretBox};
use sha2::{Digest, Sha256};

/// How many bytes of a key's hash name it.
pub(super) const KEY_ID_LEN: usize = 4;

const KEY_LEN: usize = 32;

/// 32 random bytes under which secrets are sealed. Wiped from memory when dropped; its `Debug`
/// shows nothing.
#[derive(Debug)]
pub struct MasterKey(SecretBox<[u8; KEY_LEN]>);

impl MasterKey {
    /// The key made of these bytes.
    pub fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// A name for the key that gives nothing of it away, 8 hexadecimal digits. For logs and for
    /// telling which key an old secret needs.
    pub fn id(&self) -> String {
        hex::encode(self.id_bytes())
    }

    pub(super) fn id_bytes(&self) -> [u8; KEY_ID_LEN] {
        let mut hash = Sha256::new();
        hash.update(b"enishi master key id");
        hash.update(self.0.expose_secret());
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
        [a, b, c, d]
    }

    pub(super) fn expose(&self) -> &[u8; KEY_LEN] {
        self.0.expose_secret()
    }
}

/// What is wrong with the text of a key. Never repeats the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing was given.
    #[error("the key is empty")]
    Empty,
    /// As long as a key in hexadecimal, with something else in it.
    #[error("character {position} of the key is not a hexadecimal digit")]
    NotHex {
        /// Which character, counted from 1.
        position: usize,
    },
    /// Neither notation.
    #[error("the key is neither 64 hexadecimal digits nor base64")]
    NotBase64,
    /// Readable, but not 32 bytes.
    #[error("the key is {bytes} bytes long; it must be 32")]
    Length {
        /// How many bytes were given.
        bytes: usize,
    },
}

impl FromStr for MasterKey {
    type Err = KeyError;

    /// Reads 64 hexadecimal digits, or base64 of 32 bytes in either alphabet, padded or not. White
    /// space around it is ignored, since keys come from files with a last line break.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        let bytes = SecretBox::new(Box::new(decode(text)?));
        let bytes: &[u8] = bytes.expose_secret();
        let key = bytes
            .try_into()
            .map_err(|_| KeyError::Length { bytes: bytes.len() })?;
        Ok(Self::from_bytes(key))
    }
}

fn decode(text: &str) -> Result<Vec<u8>, KeyError> {
    let other = text.chars().position(|char| !char.is_ascii_hexdigit());
    match other {
        // A hexadecimal key of the wrong length is told so, and not taken for base64. Base64 of a
        // key is 43 digits without its padding, and an odd number is never hexadecimal.
        None if text.len().is_multiple_of(2) => hex::decode(text).map_err(|_| KeyError::NotBase64),
        Some(index) if text.chars().count() == 2 * KEY_LEN => Err(KeyError::NotHex {
            position: index + 1,
        }),
        _ => {
            let text = text.trim_end_matches('=');
            STANDARD_NO_PAD
                .decode(text)
                .or_else(|_| URL_SAFE_NO_PAD.decode(text))
                .map_err(|_| KeyError::NotBase64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: [u8; 32] = [0xfb; 32];

    #[test]
    fn a_key_is_read_from_hexadecimal_and_from_base64() {
        let hex = "fb".repeat(32);
        let base64 = "+/v7".repeat(10) + "+/s";
        let url_safe = base64.replace('+', "-").replace('/', "_");
        for text in [
            hex.clone(),
            hex.to_uppercase(),
            format!(" {hex}\n"),
            base64.clone(),
            format!("{base64}="),
            url_safe.clone(),
            format!("{url_safe}=\r\n"),
        ] {
            assert_eq!(
                text.parse::<MasterKey>().unwrap().expose(),
                &BYTES,
                "{text}"
            );
        }
    }

    #[test]
    fn a_bad_key_is_refused_with_what_is_wrong_and_without_the_key() {
        let one_wrong = "a".repeat(40) + "g" + &"a".repeat(23);
        for (text, expected) in [
            ("", KeyError::Empty),
            (" \n", KeyError::Empty),
            (one_wrong.as_str(), KeyError::NotHex { position: 41 }),
            (&"a".repeat(32), KeyError::Length { bytes: 16 }),
            (&"a".repeat(66), KeyError::Length { bytes: 33 }),
            ("c2hvcnQ=", KeyError::Length { bytes: 5 }),
            ("correct horse battery staple", KeyError::NotBase64),
            (&"+/v7".repeat(11), KeyError::Length { bytes: 33 }),
            (&("+/v7".repeat(10) + "+/t"), KeyError::NotBase64),
            (&"鍵".repeat(64), KeyError::NotHex { position: 1 }),
        ] {
            let error = text.parse::<MasterKey>().unwrap_err();
            assert_eq!(error, expected, "{text:?}");
            assert!(text.trim().is_empty() || !error.to_string().contains(text.trim()));
        }
    }

    #[test]
    fn a_keys_id_tells_keys_apart_and_its_debug_shows_nothing() {
        let (one, other) = (MasterKey::from_bytes(BYTES), MasterKey::from_bytes([1; 32]));
        assert_eq!(one.id().len(), 8);
        assert_eq!(one.id(), MasterKey::from_bytes(BYTES).id());
        assert_ne!(one.id(), other.id());
        assert!(!format!("{one:?}").contains("251"));
    }
}
