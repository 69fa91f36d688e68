//! A share of everybody, drawn by chance and the same ever after: for trying something on some of them.
//!
//! Nothing is stored. The place of a contact or an account is calculated from its id, by a function that the key
//! chooses from a family of which any two places are independent (Carter and Wegman), in arithmetic that is the
//! same on both databases. It never changes for a key, and is another for another key.

use async_graphql::{InputObject, SimpleObject};
use sea_orm::DatabaseBackend;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    condition::{
        Leaf, Need, Whose,
        check::{self, Checks},
        measure::{Bind, Frag, Holder, Measure, Plan, Source},
        path::Path,
        sentence::{Phrasing, say},
        test::{Ask, NumberTest, Test},
    },
    error::{UserError, UserErrorCode},
};

/// A prime above every part of an id that is used, 2³¹ - 1: the products stay within 64 bits.
const PRIME: u32 = 2_147_483_647;
/// How many hexadecimal digits at the end of an id are used. Those are random.
const DIGITS: usize = 7;
/// How many digits an id has.
const ID_DIGITS: usize = 32;
/// Characters a key may have.
const MAX_KEY: usize = 100;

/// Tests by chance: each contact, or account, has a place from 0 up to 100, the same ever after for a
/// key. `lessThan: 50` are half of all, `atLeast: 50` the others. For another key everybody has another
/// place.
#[derive(
    InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default,
)]
#[graphql(
    name = "RandomShareCondition",
    input_name = "RandomShareConditionInput"
)]
#[serde(rename_all = "camelCase", default)]
pub struct RandomShare {
    /// Whose place: the contact's, or the account's, which is the same for all its people.
    #[graphql(default)]
    pub of: Whose,
    /// What it is drawn for, at most 100 characters; exactly the same wherever it is asked.
    pub key: String,
    /// The place, from 0 up to 100, which nobody has; in steps of 0.01.
    pub place: NumberTest,
}

/// The places for a key: `(id * factor + offset) mod PRIME`, of which the last four digits count.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ChanceSource {
    factor: u32,
    offset: u32,
}

impl ChanceSource {
    fn of(key: &str) -> Self {
        let digest = Sha256::digest(key.as_bytes());
        let number = |from: usize| {
            let bytes = digest.iter().skip(from).take(4);
            bytes.fold(0_u32, |number, byte| (number << 8) | u32::from(*byte))
        };
        Self {
            factor: number(0) % (PRIME - 1) + 1,
            offset: number(4) % PRIME,
        }
    }

    pub(crate) fn plan(&self, holder: Holder, backend: DatabaseBackend) -> Plan {
        let table = match holder {
            Holder::Account => "account",
            _ => "contact",
        };
        let mut plan = Plan::one(table, "x.id");
        let number = end_of_id(backend);
        let place = Frag::new(format!(
            "(({number} * CAST(? AS bigint) + CAST(? AS bigint)) % {PRIME} % 10000 / 100.0)"
        ))
        .with(Bind::Number(f64::from(self.factor).into()))
        .with(Bind::Number(f64::from(self.offset).into()));
        plan.base.push(("v", place));
        plan.numbers.push((Frag::new("b.v"), None));
        plan
    }
}

/// The last digits of the id of `x` as a number. SQLite reads no hexadecimal text.
fn end_of_id(backend: DatabaseBackend) -> String {
    if backend == DatabaseBackend::Postgres {
        let bits = DIGITS * 4;
        return format!("CAST(CAST('x' || right(x.id::text, {DIGITS}) AS bit({bits})) AS bigint)");
    }
    let digits: Vec<String> = (0..DIGITS)
        .map(|place| {
            let (at, worth) = (ID_DIGITS - place, 1 << (4 * place));
            format!("(instr('0123456789ABCDEF', substr(hex(x.id), {at}, 1)) - 1) * {worth}")
        })
        .collect();
    format!("({})", digits.join(" + "))
}

impl Leaf for RandomShare {
    fn need(&self) -> Need {
        self.of.need()
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        Checks::new(at, refusals).number("place", Some(&self.place), 0.0, 99.99);
        let at = at.at("key");
        if self.key.trim().is_empty() || self.key.contains('\0') {
            let message = "Name what the share is drawn for.";
            refusals.push(at.refuse(UserErrorCode::Required, message));
        } else if check::graphemes(&self.key, MAX_KEY + 1) > MAX_KEY || self.key.len() > 1_600 {
            let message = format!("Use at most {MAX_KEY} characters.");
            refusals.push(at.refuse(UserErrorCode::TooLong, message));
        }
    }

    fn asks(&self) -> Vec<Ask> {
        let source = Source::Chance(ChanceSource::of(&self.key));
        let measure = Measure::new(self.of.holder(), source);
        vec![Ask::new(measure, Test::Numbers(vec![self.place]))]
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let (subject, key) = (self.of.subject(phrasing), phrasing.quote(&self.key));
        let place = self.place.phrase(phrasing);
        say!(
            phrasing,
            format!("{subject}の{key}の抽選での位置（0～100）が{place}である"),
            format!("{subject}'s random place in {key}, from 0 to 100, is {place}"),
            format!("{subject}在{key}抽签中的位置（0到100）{place}")
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::UserErrorCode::{Contradictory, Required, TooLong};

    #[test]
    fn a_share_needs_a_key_and_a_place_that_there_is() {
        let long = "x".repeat(101);
        for (share, expected) in [
            (json!({"key": "spring", "place": {"lessThan": 50}}), vec![]),
            (
                json!({"key": "spring", "place": {"atLeast": 99.99}}),
                vec![],
            ),
            (
                json!({"key": "spring", "place": {"atLeast": 100}}),
                vec![Contradictory],
            ),
            (
                json!({"key": "spring", "place": {"lessThan": 0}}),
                vec![Contradictory],
            ),
            (json!({"key": " ", "place": {}}), vec![Required, Required]),
            (
                json!({"key": long, "place": {"lessThan": 50}}),
                vec![TooLong],
            ),
        ] {
            let leaf: RandomShare = serde_json::from_value(share.clone()).unwrap();
            let mut refusals = Vec::new();
            leaf.check(&Path::root("randomShare"), &mut refusals);
            let codes: Vec<UserErrorCode> = refusals.iter().map(|one| one.code).collect();
            assert_eq!(codes, expected, "{share}");
        }
    }
}
