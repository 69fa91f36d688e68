//! The chain: what is hashed, and what is found when it is checked. Pure.
//!
//! Every sealed entry has a number, from 1 without gaps, and a hash over its columns and the hash
//! before it. Of what it says before and after, the hash covers a salted digest: when a person is
//! erased, texts and salt go, and the chain still holds. Cutting entries off the end leaves a good
//! chain; only a [`Head`] kept elsewhere tells.

use std::{collections::BTreeSet, fmt, str::FromStr};

use chrono::SecondsFormat;
use entity::{
    audit_entry::Model,
    id::{ContactId, WorkspaceId},
};
use sha2::{Digest as _, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// The action of the entry that says a person was erased.
pub const ERASED: &str = "contact.erase";

/// A hash as people see it: hexadecimal digits.
pub fn digits(hash: &[u8]) -> String {
    hex::encode(hash)
}

/// What the first entry of a workspace is chained to.
pub fn beginning(workspace: WorkspaceId) -> Hash {
    let mut hash = Sha256::new();
    hash.update(b"enishi audit 1");
    hash.update(workspace.0.as_bytes());
    hash.finalize().into()
}

/// The salted digest of what an entry says.
pub fn digest(salt: &[u8], before: Option<&str>, after: Option<&str>) -> Hash {
    let mut hash = Sha256::new();
    part(&mut hash, Some(salt));
    part(&mut hash, before.map(str::as_bytes));
    part(&mut hash, after.map(str::as_bytes));
    hash.finalize().into()
}

/// The hash of `entry` as number `number` behind `previous`.
pub fn link(previous: &Hash, number: i64, entry: &Model) -> Hash {
    let at = entry.at.to_rfc3339_opts(SecondsFormat::Nanos, true);
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(number.to_be_bytes());
    let fields: [Option<&[u8]>; 10] = [
        Some(entry.workspace_id.0.as_bytes().as_slice()),
        Some(entry.id.0.as_bytes()),
        Some(at.as_bytes()),
        Some(entry.actor.as_bytes()),
        entry.token_id.as_ref().map(|id| id.0.as_bytes().as_slice()),
        entry.request_id.as_deref().map(str::as_bytes),
        Some(entry.action.as_bytes()),
        Some(entry.subject.as_bytes()),
        entry
            .contact_id
            .as_ref()
            .map(|id| id.0.as_bytes().as_slice()),
        Some(&entry.digest),
    ];
    for field in fields {
        part(&mut hash, field);
    }
    hash.finalize().into()
}

/// A part with its length before it, so that no two lists of parts give the same bytes.
fn part(hash: &mut Sha256, bytes: Option<&[u8]>) {
    match bytes {
        None => hash.update([0]),
        Some(bytes) => {
            hash.update([1]);
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
    }
}

/// The end of a chain: what has to be kept elsewhere to find out that entries were cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many entries there are.
    pub number: i64,
    /// The hash of the last.
    pub hash: Hash,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, hex::encode(self.hash))
    }
}

/// The text is not a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a head as `enishi audit head` prints it: a number, a colon and 64 hexadecimal digits")]
pub struct ParseHeadError;

impl FromStr for Head {
    type Err = ParseHeadError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, hash) = text.trim().split_once(':').ok_or(ParseHeadError)?;
        let number = number.parse().map_err(|_| ParseHeadError)?;
        let hash = hex::decode(hash).map_err(|_| ParseHeadError)?;
        let hash = Hash::try_from(hash).map_err(|_| ParseHeadError)?;
        Ok(Self { number, hash })
    }
}

/// The first place where a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The number of the entry it was found at.
    pub number: i64,
    /// What is wrong there.
    pub fault: Fault,
}

/// What can be wrong with a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The entry of this number is not there.
    Missing,
    /// The entry is not the one that was sealed, or does not stand where it was sealed.
    Changed,
    /// What the entry says before or after is not what it said.
    ContentChanged,
    /// What the entry said is gone, and no entry tells of an erasure.
    ContentMissing,
    /// The chain ends before the head that was kept.
    CutOff,
    /// The entry is there, but it is not the one whose hash was kept.
    OtherHead,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.fault {
            Fault::Missing => "is missing",
            Fault::Changed => "was changed, or put where it does not belong",
            Fault::ContentChanged => "says something else than when it was sealed",
            Fault::ContentMissing => "has lost what it said, and no erasure explains it",
            Fault::CutOff => "is missing at the end: the chain was cut off",
            Fault::OtherHead => "is not the one whose hash was kept",
        };
        write!(f, "entry {} {what}", self.number)
    }
}

/// Goes along a chain, entry by entry.
#[derive(Debug)]
pub struct Check {
    head: Head,
    kept: Option<Head>,
    erased: BTreeSet<ContactId>,
}

impl Check {
    /// Begins at the beginning. `kept` is a head from elsewhere; `erased` are the people of whom an
    /// entry with the action [`ERASED`] tells.
    pub fn new(workspace: WorkspaceId, kept: Option<Head>, erased: BTreeSet<ContactId>) -> Self {
        let head = Head {
            number: 0,
            hash: beginning(workspace),
        };
        Self { head, kept, erased }
    }

    /// Where it stands.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Takes the next entry, in the order of their numbers.
    pub fn take(&mut self, entry: &Model) -> Result<(), Broken> {
        let number = self.head.number + 1;
        let broken = |fault| Err(Broken { number, fault });
        match entry.number {
            Some(found) if found == number => {}
            Some(found) if found > number => return broken(Fault::Missing),
            _ => return broken(Fault::Changed),
        }
        let hash = link(&self.head.hash, number, entry);
        if entry.hash.as_deref() != Some(hash.as_slice()) {
            return broken(Fault::Changed);
        }
        if let Some(fault) = self.content(entry) {
            return broken(fault);
        }
        self.head = Head { number, hash };
        match self.kept {
            Some(kept) if kept.number == number && kept.hash != hash => broken(Fault::OtherHead),
            _ => Ok(()),
        }
    }

    fn content(&self, entry: &Model) -> Option<Fault> {
        let Some(salt) = &entry.salt else {
            let explained = entry.erased_at.is_some()
                && entry.before.is_none()
                && entry.after.is_none()
                && entry.contact_id.is_some_and(|id| self.erased.contains(&id));
            return (!explained).then_some(Fault::ContentMissing);
        };
        let found = digest(salt, entry.before.as_deref(), entry.after.as_deref());
        let same = entry.digest == found && entry.erased_at.is_none();
        (!same).then_some(Fault::ContentChanged)
    }

    /// There are no more entries.
    pub fn end(self) -> Result<Head, Broken> {
        match self.kept {
            Some(kept) if kept.number > self.head.number => Err(Broken {
                number: self.head.number + 1,
                fault: Fault::CutOff,
            }),
            Some(kept) if kept.number == 0 && self.head.number == 0 && kept != self.head => {
                Err(Broken {
                    number: 0,
                    fault: Fault::OtherHead,
                })
            }
            _ => Ok(self.head),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_survives_its_text_form_and_nothing_else_is_one() {
        let head = Head {
            number: 128,
            hash: [7; 32],
        };
        assert_eq!(head.to_string().parse(), Ok(head));
        for text in [
            "",
            "1",
            "1:",
            "1:00",
            "x:00",
            &format!("1:{}", "g".repeat(64)),
        ] {
            assert_eq!(text.parse::<Head>(), Err(ParseHeadError), "{text}");
        }
    }

    #[test]
    fn the_digest_tells_texts_apart_that_join_to_the_same() {
        let salt = [0; 16];
        let texts = [
            (None, None),
            (Some(""), None),
            (None, Some("")),
            (Some("ab"), Some("c")),
            (Some("a"), Some("bc")),
        ];
        let digests: BTreeSet<Hash> = texts.iter().map(|(b, a)| digest(&salt, *b, *a)).collect();
        assert_eq!(digests.len(), texts.len());
        assert_ne!(digest(&[1; 16], None, None), digest(&salt, None, None));
    }
}
