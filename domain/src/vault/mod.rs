//! Secrets at rest: integration credentials, webhook URLs, signing keys.
//!
//! A use case that stores a secret seals it with the id of its row and the purpose it serves; one
//! that uses the secret opens it with the same two. A sealed secret that was copied to another row
//! or column, or changed in a single bit, does not open. Access tokens do not belong here: they
//! are hashed, because nobody needs them back.
//!
//! The text of a sealed secret is base64 of: version (1 byte), key id (4), nonce (24), and the
//! XChaCha20-Poly1305 ciphertext with its tag. Version, key id, row and purpose are authenticated.
//!
//! To change the master key: configure the new one with the old one behind it, say that the old one is
//! replaced ([`replaced`]), seal again what [`Vault::is_outdated`] points out ([`reseal`]), then drop the
//! old one. A process that still has the old one finds out and seals nothing more. What must outlive every
//! master key is in [`lasting`]. A new column of sealed texts needs a line in [`reseal::PLACES`].

mod key;
pub mod lasting;
mod mask;
mod opaque;
pub mod replaced;
pub mod reseal;

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

pub use key::{KeyError, MasterKey};
pub use mask::mask_url;

use crate::port::Ids;
use key::KEY_ID_LEN;

const VERSION: u8 = 1;
const NONCE_LEN: usize = 24;
const HEADER_LEN: usize = 1 + KEY_ID_LEN;

/// A secret as it is stored. Useless without the master key, so it may be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(String);

impl Sealed {
    /// Takes a sealed secret from its column; whether it is sound shows when it is opened.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a secret could not be sealed or opened. Never contains any part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The stored text is not a sealed secret.
    #[error("the stored text is not a sealed secret")]
    Malformed,
    /// Sealed by a newer program.
    #[error("the secret was sealed in format {0}, which this program does not know")]
    UnknownVersion(u8),
    /// Sealed with a key that is not configured.
    #[error("the secret was sealed with key {key_id}, which is not configured")]
    UnknownKey {
        /// The key's id, see [`MasterKey::id`].
        key_id: String,
    },
    /// Changed since it was sealed, or sealed for another row or purpose.
    #[error("the secret was altered, or belongs to another row or purpose")]
    Refused,
    /// Longer than the cipher can take.
    #[error("the secret is too long to seal")]
    TooLong,
    /// The current key was replaced: what it sealed now would be lost with it.
    #[error("the secret key of this process was replaced, so that it seals nothing more")]
    Replaced,
}

/// Seals with the current master key and opens with it or an older one.
#[derive(Debug)]
pub struct Vault {
    /// The current key first.
    keys: Vec<MasterKey>,
    /// What fingerprints are made with, once [`lasting::open`] has read it.
    lasting: OnceLock<Vec<MasterKey>>,
    /// The current key has a successor elsewhere.
    is_replaced: AtomicBool,
}

impl Vault {
    /// A vault with one key.
    pub fn new(current: MasterKey) -> Self {
        Self {
            keys: vec![current],
            lasting: OnceLock::new(),
            is_replaced: AtomicBool::new(false),
        }
    }

    /// Also opens what `older` sealed; nothing new is sealed with it.
    #[must_use]
    pub fn with_older(mut self, older: MasterKey) -> Self {
        self.keys.push(older);
        self
    }

    /// Whether the current key was replaced, as far as [`replaced::look`] has found out: then nothing is
    /// sealed, and work that would have to is better left to others.
    pub fn is_replaced(&self) -> bool {
        self.is_replaced.load(Ordering::Relaxed)
    }

    /// What stands for `data` where the data itself must not be kept: the same for the same data and
    /// `purpose`, and telling nothing to whoever lacks the key. One for each key it may have been made
    /// with, the current first. The keys are those of [`lasting`]; the master keys, where nobody has
    /// opened that.
    pub fn fingerprints(&self, purpose: &str, data: &[u8]) -> Vec<Vec<u8>> {
        let text = [purpose.as_bytes(), b"\0", data].concat();
        let keys = self.lasting.get().unwrap_or(&self.keys).iter();
        keys.map(|key| hmac_sha256(key.expose(), &text)).collect()
    }

    /// Seals `plaintext` for the row `row_id` and `purpose`, a constant such as
    /// `slack_target.url`.
    pub fn seal(
        &self,
        ids: &dyn Ids,
        row_id: Uuid,
        purpose: &str,
        plaintext: &SecretString,
    ) -> Result<Sealed, VaultError> {
        if self.is_replaced() {
            return Err(VaultError::Replaced);
        }
        let key = &self.keys[0];
        let mut nonce = [0; NONCE_LEN];
        ids.fill(&mut nonce);
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&key.id_bytes());
        let bound = associated_data(&sealed, row_id, purpose);
        let payload = Payload {
            msg: plaintext.expose_secret().as_bytes(),
            aad: &bound,
        };
        let ciphertext = cipher(key)
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| VaultError::TooLong)?;
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(Sealed(URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// Opens what was sealed for exactly this row and purpose.
    pub fn open(
        &self,
        row_id: Uuid,
        purpose: &str,
        sealed: &Sealed,
    ) -> Result<SecretString, VaultError> {
        let parts = Parts::of(sealed)?;
        let mut keys = self.keys_of(parts.key_id).peekable();
        if keys.peek().is_none() {
            return Err(VaultError::UnknownKey {
                key_id: hex::encode(parts.key_id),
            });
        }
        let header = [&[VERSION][..], &parts.key_id].concat();
        let bound = associated_data(&header, row_id, purpose);
        let plaintext = keys
            .find_map(|key| {
                let payload = Payload {
                    msg: &parts.ciphertext,
                    aad: &bound,
                };
                cipher(key)
                    .decrypt(&XNonce::from(parts.nonce), payload)
                    .ok()
            })
            .ok_or(VaultError::Refused)?;
        let plaintext = String::from_utf8(plaintext).map_err(|_| VaultError::Malformed)?;
        Ok(plaintext.into())
    }

    /// Whether the secret should be sealed again, because another key than the current one was
    /// used. What cannot be read at all is not outdated: opening it says what is wrong.
    pub fn is_outdated(&self, sealed: &Sealed) -> bool {
        Parts::of(sealed).is_ok_and(|parts| parts.key_id != self.keys[0].id_bytes())
    }

    /// Ids are short, so two keys might share one.
    fn keys_of(&self, key_id: [u8; KEY_ID_LEN]) -> impl Iterator<Item = &MasterKey> {
        self.keys.iter().filter(move |key| key.id_bytes() == key_id)
    }
}

/// The id of the key that sealed it, if it is sound so far; see [`MasterKey::id`].
fn key_id(sealed: &Sealed) -> Option<String> {
    let parts = Parts::of(sealed).ok()?;
    Some(hex::encode(parts.key_id))
}

struct Parts {
    key_id: [u8; KEY_ID_LEN],
    nonce: [u8; NONCE_LEN],
    ciphertext: Vec<u8>,
}

impl Parts {
    fn of(sealed: &Sealed) -> Result<Self, VaultError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(&sealed.0)
            .map_err(|_| VaultError::Malformed)?;
        match bytes.first() {
            Some(&VERSION) => {}
            Some(&version) => return Err(VaultError::UnknownVersion(version)),
            None => return Err(VaultError::Malformed),
        }
        let (header, rest) = bytes
            .split_first_chunk::<HEADER_LEN>()
            .ok_or(VaultError::Malformed)?;
        let (nonce, ciphertext) = rest
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(VaultError::Malformed)?;
        let [_, key_id @ ..] = *header;
        Ok(Self {
            key_id,
            nonce: *nonce,
            ciphertext: ciphertext.to_vec(),
        })
    }
}

fn cipher(key: &MasterKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.expose().into())
}

/// HMAC with SHA-256 (RFC 2104) under a key no longer than a block.
fn hmac_sha256(key: &[u8; 32], data: &[u8]) -> Vec<u8> {
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        for (place, key) in block.iter_mut().zip(key) {
            *place ^= key;
        }
        block
    };
    let inner = Sha256::new()
        .chain_update(pad(0x36))
        .chain_update(data)
        .finalize();
    let outer = Sha256::new().chain_update(pad(0x5c)).chain_update(inner);
    outer.finalize().to_vec()
}

/// What the ciphertext is bound to. Only the last part varies in length, so no two different
/// bindings read the same.
fn associated_data(header: &[u8], row_id: Uuid, purpose: &str) -> Vec<u8> {
    [header, row_id.as_bytes(), purpose.as_bytes()].concat()
}

#[cfg(test)]
mod tests;
