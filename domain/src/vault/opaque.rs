//! Ids that go out in addresses and come back: nobody else can make one, or read which it is.
//!
//! An id is encrypted with XChaCha20-Poly1305 under a key of its purpose, and bound to what it is an id for.
//! The nonce is a fingerprint of what is encrypted, so that the same id always looks the same, and two
//! different ids never share a nonce. Keys are those of [`lasting`](super::lasting): what went out goes on
//! being read when the master key changes. The text is base64url of 16 bytes of nonce and 32 of ciphertext.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use uuid::Uuid;

use super::{MasterKey, NONCE_LEN, Vault, hmac_sha256};

/// Bytes of the nonce that are told; the rest are zero.
const TOLD_LEN: usize = 16;
/// Characters of the text: 48 bytes as base64url.
const CHARS: usize = 64;

impl Vault {
    /// What stands for `id` where it must not be seen: the same for the same id, `purpose` and `bound`, which
    /// says what it is an id for. Nothing only if the cipher fails.
    pub fn opaque(&self, purpose: &str, bound: Uuid, id: Uuid) -> Option<String> {
        let key = self.lasting.get().unwrap_or(&self.keys).first()?;
        let chance = derived(
            key,
            purpose,
            &[&bound.as_bytes()[..], id.as_bytes()].concat(),
        )?;
        let told = chance.first_chunk::<TOLD_LEN>()?;
        let payload = Payload {
            msg: id.as_bytes(),
            aad: bound.as_bytes(),
        };
        let cipher = cipher(key, purpose)?;
        let ciphertext = cipher.encrypt(&nonce(told), payload).ok()?;
        Some(URL_SAFE_NO_PAD.encode([&told[..], &ciphertext].concat()))
    }

    /// The id that `text` stands for, if it was made by [`opaque`](Self::opaque) with the same `purpose` and
    /// `bound`.
    pub fn read_opaque(&self, purpose: &str, bound: Uuid, text: &str) -> Option<Uuid> {
        if text.len() != CHARS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (told, ciphertext) = bytes.split_first_chunk::<TOLD_LEN>()?;
        let keys = self.lasting.get().unwrap_or(&self.keys).iter();
        let mut opened = keys.filter_map(|key| {
            let payload = Payload {
                msg: ciphertext,
                aad: bound.as_bytes(),
            };
            let cipher = cipher(key, purpose)?;
            cipher.decrypt(&nonce(told), payload).ok()
        });
        Uuid::from_slice(&opened.next()?).ok()
    }
}

fn nonce(told: &[u8; TOLD_LEN]) -> XNonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[..TOLD_LEN].copy_from_slice(told);
    XNonce::from(nonce)
}

/// The key that nothing else is encrypted with.
fn cipher(key: &MasterKey, purpose: &str) -> Option<XChaCha20Poly1305> {
    let key = derived(key, purpose, b"key")?;
    Some(XChaCha20Poly1305::new((&key).into()))
}

/// What a key makes of `data`. Fingerprints of what is stored begin with other purposes.
fn derived(key: &MasterKey, purpose: &str, data: &[u8]) -> Option<[u8; 32]> {
    let text = [&b"opaque\0"[..], purpose.as_bytes(), b"\0", data].concat();
    hmac_sha256(key.expose(), &text).try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(byte: u8) -> Vault {
        Vault::new(MasterKey::from_bytes([byte; 32]))
    }

    #[test]
    fn an_opaque_id_is_always_the_same_and_comes_back() {
        let (vault, link, id) = (vault(1), Uuid::from_u128(7), Uuid::from_u128(8));
        let text = vault.opaque("test", link, id).unwrap();
        assert_eq!(
            vault.opaque("test", link, id).as_deref(),
            Some(text.as_str())
        );
        assert_eq!(text.len(), CHARS);
        assert_eq!(vault.read_opaque("test", link, &text), Some(id));
        assert_ne!(
            vault.opaque("test", link, link).as_deref(),
            Some(text.as_str())
        );
    }

    #[test]
    fn whoever_lacks_the_key_or_changes_anything_reads_nothing() {
        let (ours, link, id) = (vault(1), Uuid::from_u128(7), Uuid::from_u128(8));
        let text = ours.opaque("test", link, id).unwrap();
        assert_eq!(vault(2).read_opaque("test", link, &text), None);
        assert_eq!(ours.read_opaque("other", link, &text), None);
        assert_eq!(ours.read_opaque("test", id, &text), None);
        for place in 0..CHARS {
            let mut changed: Vec<char> = text.chars().collect();
            changed[place] = if changed[place] == 'A' { 'B' } else { 'A' };
            let changed: String = changed.into_iter().collect();
            assert_eq!(ours.read_opaque("test", link, &changed), None, "{place}");
        }
        for text in ["", "x", &"A".repeat(CHARS), &text[1..]] {
            assert_eq!(ours.read_opaque("test", link, text), None, "{text}");
        }
    }

    #[test]
    fn what_an_older_key_made_is_still_read() {
        let (link, id) = (Uuid::from_u128(7), Uuid::from_u128(8));
        let text = vault(1).opaque("test", link, id).unwrap();
        let newer = vault(2).with_older(MasterKey::from_bytes([1; 32]));
        assert_eq!(newer.read_opaque("test", link, &text), Some(id));
    }
}
