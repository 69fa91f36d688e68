//! What things are compared by: hashes, of which two that may be one have at least one in common. Pure.

use entity::kind::DuplicateReason;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::reason::bit;
use crate::text::reading_key;

/// Matches whoever has the same hash.
pub(super) const BOTH: i64 = 0;
/// A reading, which matches names only.
const READ: i64 = 1;
/// A name, which matches readings only.
const WRITTEN: i64 = 2;

/// Something by which a thing is compared with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Of the reason and everything that has to be the same.
    pub(super) hash: Uuid,
    /// The bit of the reason.
    pub(super) evidence: i64,
    /// Which of those with the same hash it matches: all, or those of another side.
    pub(super) side: i64,
}

/// The key of everything that has to be the same.
pub(super) fn key(reason: DuplicateReason, side: i64, same: &[&str]) -> Key {
    let mut hash = Sha256::new();
    hash.update(reason.word().as_bytes());
    for one in same {
        hash.update([0_u8]);
        hash.update(one.as_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Key {
        hash: Uuid::from_bytes(bytes),
        evidence: bit(reason),
        side,
    }
}

/// The words of a text, folded: width, case, katakana and marks between them do not matter.
pub(super) fn words(folded: &str) -> Vec<&str> {
    let words = folded.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| !word.is_empty()).collect()
}

/// The digits at the end of phone numbers that have to be the same.
const TAIL: usize = 8;

/// What is compared of a person.
#[derive(Debug, Default)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) kana: Option<String>,
    /// The account, as a text of any form.
    pub(super) account: Option<String>,
    pub(super) emails: Vec<String>,
    /// In E.164.
    pub(super) phones: Vec<String>,
}

impl Person {
    /// Everything the person is compared by.
    pub(super) fn keys(&self) -> Vec<Key> {
        let names = forms(&self.name);
        let readings = self.kana.as_deref().map(forms).unwrap_or_default();
        let mut keys = Vec::new();
        for form in names.iter().chain(&readings) {
            if let Some(account) = &self.account {
                keys.push(key(DuplicateReason::NameAndAccount, BOTH, &[form, account]));
            }
            for tail in self.phones.iter().filter_map(|phone| tail(phone)) {
                keys.push(key(DuplicateReason::NameAndPhone, BOTH, &[form, &tail]));
            }
            for local in self.emails.iter().filter_map(|email| self.local(email)) {
                keys.push(key(DuplicateReason::NameAndEmail, BOTH, &[form, &local]));
            }
        }
        keys.extend(read(&names, &readings));
        keys
    }

    /// What stands before the `@`, without what follows a `+`, whatever the order of its words. Whoever is
    /// called after the address has a name that says nothing more.
    fn local(&self, email: &str) -> Option<String> {
        let (local, _) = email.split_once('@')?;
        if self.name.trim().eq_ignore_ascii_case(local) {
            return None;
        }
        let folded = reading_key(local.split('+').next()?);
        let mut words = words(&folded);
        words.sort_unstable();
        Some(words.concat()).filter(|local| local.chars().count() >= 2)
    }
}

/// The last digits of a number; they are the same with and without codes of countries and areas.
fn tail(phone: &str) -> Option<String> {
    let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    let from = digits.len().checked_sub(TAIL)?;
    Some(digits[from..].iter().collect())
}

/// The forms in which a name is compared, without honour to the order of family and given name. In scripts
/// that write names without spaces also as it is written.
fn forms(name: &str) -> Vec<String> {
    let folded = reading_key(name);
    let written = words(&folded);
    let mut sorted = written.clone();
    sorted.sort_unstable();
    let mut forms = if folded.chars().any(|c| c >= '\u{2e80}') {
        vec![written.concat(), sorted.concat()]
    } else {
        vec![sorted.join(" ")]
    };
    forms.dedup();
    forms.retain(|form| form.chars().count() >= 2);
    forms
}

/// The keys of a name and how it is read. Names that differ are often read alike, so a reading matches only a
/// name that is written in kana, or the same name.
fn read(names: &[String], readings: &[String]) -> Vec<Key> {
    let written = || names.iter().filter(|name| is_kana(name));
    let of = |side, form: &String| key(DuplicateReason::Reading, side, &[form]);
    if readings.is_empty() || readings == names {
        return written().map(|name| of(WRITTEN, name)).collect();
    }
    let both = names.first().zip(readings.first());
    let both = both.map(|(name, kana)| {
        key(
            DuplicateReason::NameAndReading,
            BOTH,
            &[name.as_str(), kana.as_str()],
        )
    });
    let readings = readings.iter().map(|kana| of(READ, kana));
    readings.chain(both).collect()
}

/// Whether a folded text is hiragana throughout.
fn is_kana(text: &str) -> bool {
    let is_kana = |c| matches!(c, 'ぁ'..='ゖ' | 'ゝ' | 'ゞ' | 'ー');
    text.chars().all(is_kana)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suspect::reason::reasons;

    /// Name, reading, account, address, phone number.
    type Row<'t> = (&'t str, &'t str, &'t str, &'t str, &'t str);

    fn person((name, kana, account, email, phone): Row<'_>) -> Person {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Person {
            name: name.to_owned(),
            kana: given(kana),
            account: given(account),
            emails: given(email).into_iter().collect(),
            phones: given(phone).into_iter().collect(),
        }
    }

    /// What makes the two seem to be one.
    fn seems(one: Row<'_>, other: Row<'_>) -> Vec<DuplicateReason> {
        let other = person(other).keys();
        let evidence = person(one).keys().iter().fold(0, |all, mine| {
            let same = other.iter().filter(|key| key.hash == mine.hash);
            same.filter(|key| mine.side == BOTH || mine.side != key.side)
                .fold(all, |all, key| all | key.evidence)
        });
        reasons(evidence)
    }

    #[test]
    fn people_seem_to_be_one_by_a_name_and_something_else() {
        use DuplicateReason::{NameAndAccount, NameAndEmail, NameAndPhone};
        let taro = ("Taro Yamada", "", "a", "taro@a.example", "+819012345678");
        for (other, expected) in [
            (("YAMADA, Ｔａｒｏ", "", "a", "", ""), vec![NameAndAccount]),
            (("Taro Yamada", "", "", "", "+12025345678"), vec![]),
            (
                ("Taro Yamada", "", "", "", "+12112345678"),
                vec![NameAndPhone],
            ),
            (
                ("taro yamada", "", "b", "taro+news@b.example", ""),
                vec![NameAndEmail],
            ),
            (("Taro Yamada", "", "b", "yamada@b.example", ""), vec![]),
            (("Jiro Yamada", "", "a", "taro@b.example", ""), vec![]),
        ] {
            assert_eq!(seems(taro, other), expected, "{other:?}");
            assert_eq!(seems(other, taro), expected, "{other:?}");
        }
        let dotted = ("Li Na", "", "", "li.na@a.example", "");
        let turned = ("Na Li", "", "", "na_li@b.example", "");
        assert_eq!(seems(dotted, turned), [NameAndEmail]);
        // Both are called after their addresses, which is all that is known of them.
        let named = ("info", "", "", "info@a.example", "");
        let other = ("info", "", "", "info@b.example", "");
        assert!(seems(named, other).is_empty());
    }

    #[test]
    fn readings_match_names_in_kana_and_the_same_name_only() {
        use DuplicateReason::{NameAndAccount, NameAndReading, Reading};
        let taro = ("田中 太郎", "タナカ タロウ", "a", "", "");
        for (other, expected) in [
            (("たなか たろう", "", "", "", ""), vec![Reading]),
            (("タロウ・タナカ", "", "", "", ""), vec![Reading]),
            (
                ("田中太郎", "たなかたろう", "", "", ""),
                vec![NameAndReading],
            ),
            (("田中 太朗", "タナカ タロウ", "", "", ""), vec![]),
            // Beside something else, a reading is as good as a name.
            (
                ("田中 太朗", "タナカ タロウ", "a", "", ""),
                vec![NameAndAccount],
            ),
            (("太郎 田中", "", "a", "", ""), vec![NameAndAccount]),
            (("田中 次郎", "タナカ ジロウ", "a", "", ""), vec![]),
        ] {
            assert_eq!(seems(taro, other), expected, "{other:?}");
            assert_eq!(seems(other, taro), expected, "{other:?}");
        }
        // Two of one name in kana: nothing else is known.
        let kana = ("たなか たろう", "", "", "", "");
        assert!(seems(kana, kana).is_empty());
    }
}
