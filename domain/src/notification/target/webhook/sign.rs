//! Signatures by the Standard Webhooks specification: `v1` (HMAC-SHA256) and `v1a` (Ed25519).
//!
//! Signed is the delivery's id, a full stop, the time of the attempt in seconds, a full stop, and the
//! bytes of the body. Neither id nor time can contain a full stop or be chosen by anybody outside.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::port::Ids;

/// Bytes of a secret and of a private key: the specification wants 24 to 64.
const BYTES: usize = 32;
/// What the text of a secret begins with.
const SECRET_PREFIX: &str = "whsec_";
/// What the text of a public key begins with.
const PUBLIC_PREFIX: &str = "whpk_";

/// What one generation of a target's requests is signed with. Its `Debug` shows nothing of it.
pub struct SigningKey {
    secret: hmac::Key,
    pair: Ed25519KeyPair,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").finish_non_exhaustive()
    }
}

/// A key that was just made, in the texts that are stored or shown.
#[derive(Debug)]
pub struct NewKey {
    /// The secret of `v1`: `whsec_` and base64. Shown to the member once.
    pub secret: SecretString,
    /// The private key of `v1a`, in base64. Never shown.
    pub seed: SecretString,
    /// The public key of `v1a`: `whpk_` and base64.
    pub public_key: String,
}

impl NewKey {
    /// A key of random bytes.
    pub fn generate(ids: &dyn Ids) -> Self {
        let (mut secret, mut seed) = ([0; BYTES], [0; BYTES]);
        ids.fill(&mut secret);
        ids.fill(&mut seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a private key");
        Self {
            secret: format!("{SECRET_PREFIX}{}", STANDARD.encode(secret)).into(),
            seed: STANDARD.encode(seed).into(),
            public_key: format!(
                "{PUBLIC_PREFIX}{}",
                STANDARD.encode(pair.public_key().as_ref())
            ),
        }
    }
}

impl SigningKey {
    /// Reads a key from the texts of [`NewKey`]; nothing when they are not such.
    pub fn read(secret: &SecretString, seed: &SecretString) -> Option<Self> {
        let secret = secret.expose_secret().strip_prefix(SECRET_PREFIX)?;
        let secret = STANDARD.decode(secret).ok()?;
        let seed = STANDARD.decode(seed.expose_secret()).ok()?;
        Some(Self {
            secret: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            pair: Ed25519KeyPair::from_seed_unchecked(&seed).ok()?,
        })
    }
}

/// The value of `webhook-signature`: for each key both versions, with spaces between them. While a
/// key is being changed there are two, and a receiver takes the one it knows.
pub fn signature(keys: &[SigningKey], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let mut signed = format!("{id}.{timestamp_s}.").into_bytes();
    signed.extend_from_slice(body);
    let each = keys.iter().flat_map(|key| {
        let v1 = STANDARD.encode(hmac::sign(&key.secret, &signed));
        let v1a = STANDARD.encode(key.pair.sign(&signed));
        [format!("v1,{v1}"), format!("v1a,{v1a}")]
    });
    each.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::SeededIds;

    fn v1(secret: &str, id: &str, timestamp_s: i64, body: &str) -> String {
        let seed = STANDARD.encode([7; 32]).into();
        let key = SigningKey::read(&secret.into(), &seed).unwrap();
        let all = signature(&[key], id, timestamp_s, body.as_bytes());
        all.split(' ').next().unwrap().to_owned()
    }

    #[test]
    fn the_published_vectors_are_met() {
        assert_eq!(
            v1(
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                1_649_367_553,
                r#"{"email":"test@example.com","username":"test_user"}"#,
            ),
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
        );
        assert_eq!(
            v1(
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn the_first_vector_of_rfc_8032_is_met() {
        let bytes = |text: &str| hex::decode(text).unwrap();
        let seed = bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(pair.public_key().as_ref(), bytes(public));
        let signed = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb88215\
                      90a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
        assert_eq!(pair.sign(b"").as_ref(), bytes(signed));
    }

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let new = NewKey::generate(&SeededIds::new(1));
        assert!(new.secret.expose_secret().starts_with("whsec_"));
        assert!(new.public_key.starts_with("whpk_"));
        assert!(!format!("{new:?}").contains(new.secret.expose_secret()));
        let key = || SigningKey::read(&new.secret, &new.seed).unwrap();
        let one = signature(&[key()], "delivery_1", 1, b"{}");
        assert_eq!(one, signature(&[key()], "delivery_1", 1, b"{}"));
        assert_eq!(one.split(' ').count(), 2);
        let other = NewKey::generate(&SeededIds::new(2));
        let other = SigningKey::read(&other.secret, &other.seed).unwrap();
        let both = signature(&[key(), other], "delivery_1", 1, b"{}");
        assert!(both.starts_with(&one) && both.split(' ').count() == 4);
        assert!(SigningKey::read(&"whsec_*".into(), &new.seed).is_none());
    }
}
