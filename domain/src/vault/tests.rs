use proptest::prelude::*;

use super::*;
use crate::port::SeededIds;

const ROW: Uuid = Uuid::from_u128(1);
const URL: &str = "slack_target.url";

fn key(byte: u8) -> MasterKey {
    MasterKey::from_bytes([byte; 32])
}

fn seal(vault: &Vault, plaintext: &str) -> Sealed {
    vault
        .seal(&SeededIds::new(7), ROW, URL, &plaintext.into())
        .unwrap()
}

fn open(vault: &Vault, sealed: &Sealed) -> Result<String, VaultError> {
    let opened = vault.open(ROW, URL, sealed)?;
    Ok(opened.expose_secret().to_owned())
}

/// The sealed secret with one bit of its bytes turned over.
fn flipped(sealed: &Sealed, bit: usize) -> Sealed {
    let mut bytes = URL_SAFE_NO_PAD.decode(sealed.as_str()).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Sealed::from_stored(URL_SAFE_NO_PAD.encode(bytes))
}

#[test]
fn a_secret_that_was_moved_to_another_row_or_purpose_does_not_open() {
    let vault = Vault::new(key(1));
    let sealed = seal(&vault, "s3cr3t");
    assert_eq!(open(&vault, &sealed).unwrap(), "s3cr3t");
    for (row, purpose) in [
        (Uuid::from_u128(2), URL),
        (ROW, "webhook.signing_key"),
        (ROW, ""),
        (ROW, "slack_target.url "),
        (Uuid::nil(), URL),
    ] {
        let outcome = vault.open(row, purpose, &sealed).map(|_| ());
        assert_eq!(outcome, Err(VaultError::Refused), "{row} {purpose}");
    }
}

#[test]
fn no_single_flipped_bit_goes_unnoticed() {
    let vault = Vault::new(key(1));
    let sealed = seal(&vault, "s3cr3t");
    let bits = URL_SAFE_NO_PAD.decode(sealed.as_str()).unwrap().len() * 8;
    for bit in 0..bits {
        let error = open(&vault, &flipped(&sealed, bit)).unwrap_err();
        let expected = match bit / 8 {
            0 => matches!(error, VaultError::UnknownVersion(_)),
            1..HEADER_LEN => matches!(error, VaultError::UnknownKey { .. }),
            _ => error == VaultError::Refused,
        };
        assert!(expected, "bit {bit}: {error}");
    }
}

#[test]
fn a_wrong_key_is_named_and_opens_nothing() {
    let sealed = seal(&Vault::new(key(1)), "s3cr3t");
    let expected = VaultError::UnknownKey {
        key_id: key(1).id(),
    };
    assert_eq!(open(&Vault::new(key(2)), &sealed), Err(expected));
}

#[test]
fn an_older_key_opens_and_new_secrets_use_the_current_one() {
    let old = seal(&Vault::new(key(1)), "s3cr3t");
    let vault = Vault::new(key(2)).with_older(key(9)).with_older(key(1));
    assert_eq!(open(&vault, &old).unwrap(), "s3cr3t");
    assert!(vault.is_outdated(&old));

    let new = seal(&vault, "s3cr3t");
    assert!(!vault.is_outdated(&new));
    assert_eq!(open(&Vault::new(key(2)), &new).unwrap(), "s3cr3t");
}

#[test]
fn a_key_that_was_replaced_opens_and_seals_nothing_more() {
    let vault = Vault::new(key(1));
    let sealed = seal(&vault, "s3cr3t");
    vault.is_replaced.store(true, Ordering::Relaxed);
    let refused = vault.seal(&SeededIds::new(7), ROW, URL, &"s3cr3t".into());
    assert_eq!(refused, Err(VaultError::Replaced));
    assert_eq!(open(&vault, &sealed).unwrap(), "s3cr3t");
}

#[test]
fn what_is_not_a_sealed_secret_is_refused_whatever_it_is() {
    let vault = Vault::new(key(1));
    let sealed = seal(&vault, "");
    for length in 0..sealed.as_str().len() {
        let cut = Sealed::from_stored(sealed.as_str()[..length].to_owned());
        assert!(open(&vault, &cut).is_err(), "{length}");
    }
    for text in ["https://hooks.slack.com/", "縁", "AQ==", "AQ", " "] {
        let stored = Sealed::from_stored(text.to_owned());
        assert_eq!(open(&vault, &stored), Err(VaultError::Malformed), "{text}");
        assert!(!vault.is_outdated(&stored));
    }
    let newer = Sealed::from_stored(URL_SAFE_NO_PAD.encode([2; 60]));
    assert_eq!(open(&vault, &newer), Err(VaultError::UnknownVersion(2)));
}

#[test]
fn the_same_secret_sealed_twice_reads_differently_and_never_shows() {
    let (vault, ids) = (Vault::new(key(1)), SeededIds::new(7));
    let secret = SecretString::from("s3cr3t");
    let one = vault.seal(&ids, ROW, URL, &secret).unwrap();
    let other = vault.seal(&ids, ROW, URL, &secret).unwrap();
    assert_ne!(one, other);
    let opened = vault.open(ROW, URL, &one).unwrap();
    assert!(!format!("{opened:?} {vault:?} {one:?}").contains("s3cr3t"));
}

/// Rows sealed today must open for ever: this text may only be added to.
#[test]
fn a_secret_sealed_in_format_1_still_opens() {
    let stored = Sealed::from_stored(
        "AeiFxvO--6hq6eDCB4ZffiToNJ1OzbyLD0YyhCTs_TuFjNZV-mt-Ox-iJR30vaFX".to_owned(),
    );
    assert_eq!(open(&Vault::new(key(1)), &stored).unwrap(), "縁");
}

proptest! {
    #[test]
    fn every_secret_comes_back(plaintext: String, purpose: String, row: u128, seed: u64) {
        let vault = Vault::new(key(1));
        let row = Uuid::from_u128(row);
        let secret = SecretString::from(plaintext.clone());
        let sealed = vault.seal(&SeededIds::new(seed), row, &purpose, &secret).unwrap();
        let opened = vault.open(row, &purpose, &sealed).unwrap();
        prop_assert_eq!(opened.expose_secret(), &plaintext);
    }

    #[test]
    fn no_stored_text_makes_the_vault_panic(text: String) {
        let stored = Sealed::from_stored(text);
        prop_assert!(open(&Vault::new(key(1)), &stored).is_err());
    }
}
