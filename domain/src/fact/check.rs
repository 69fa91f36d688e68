//! Checking one item of a call: collects every mistake with its place in the input.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use super::{
    money::{self, MAX_AMOUNT, Money},
    party::Party,
};
use crate::{
    error::{UserError, UserErrorCode},
    text,
};

/// Characters of a source's id.
const ID_LIMIT: usize = 200;

/// Checks the fields of one item and remembers what is wrong with them.
#[derive(Debug)]
pub(crate) struct Checker<'e> {
    list: &'static str,
    index: String,
    now: DateTime<Utc>,
    errors: &'e mut Vec<UserError>,
}

impl<'e> Checker<'e> {
    pub(super) fn new(
        list: &'static str,
        index: usize,
        now: DateTime<Utc>,
        errors: &'e mut Vec<UserError>,
    ) -> Self {
        Self {
            list,
            index: index.to_string(),
            now,
            errors,
        }
    }

    /// Notes a mistake in the part of the item that `path` names.
    pub(crate) fn refuse(&mut self, path: &[&str], code: UserErrorCode, message: &str) {
        let error = UserError::new(&self.place(path), code, message);
        self.errors.push(error);
    }

    /// The place in the input of the part of the item that `path` names.
    fn place<'p>(&'p self, path: &[&'p str]) -> Vec<&'p str> {
        let item: &[&str] = &[self.list, &self.index];
        [item, path].concat()
    }

    fn keep<T: Default>(&mut self, result: Result<T, UserError>) -> T {
        result.unwrap_or_else(|error| {
            self.errors.push(error);
            T::default()
        })
    }

    /// An id another system gave.
    pub(crate) fn id(&mut self, raw: &str, path: &[&str]) -> String {
        let checked = text::name(raw, &self.place(path), ID_LIMIT).map_err(|mut error| {
            if error.code == UserErrorCode::Required {
                "Give the id it has in its own system.".clone_into(&mut error.message);
            }
            error
        });
        self.keep(checked)
    }

    /// A text that must not be empty.
    pub(crate) fn name(&mut self, raw: &str, path: &[&str], limit: usize) -> String {
        let checked = text::name(raw, &self.place(path), limit);
        self.keep(checked)
    }

    /// A text that may be left out; an empty one is none.
    pub(crate) fn text(
        &mut self,
        raw: Option<&str>,
        path: &[&str],
        limit: usize,
    ) -> Option<String> {
        let checked = text::short_text(raw.unwrap_or_default(), &self.place(path), limit);
        Some(self.keep(checked)).filter(|text| !text.is_empty())
    }

    /// A moment that has come: it may lie a day ahead, for clocks that go wrong.
    pub(crate) fn past(&mut self, at: DateTime<Utc>, path: &[&str]) -> DateTime<Utc> {
        if at > self.now + TimeDelta::days(1) {
            let message = "This moment lies in the future.";
            self.refuse(path, UserErrorCode::Invalid, message);
        }
        self.moment(at, path)
    }

    /// Any moment that can be stored, with the microseconds both databases keep.
    pub(crate) fn moment(&mut self, at: DateTime<Utc>, path: &[&str]) -> DateTime<Utc> {
        use chrono::Datelike as _;
        if !(1900..=9999).contains(&at.year()) {
            let message = "Give a moment between the years 1900 and 9999.";
            self.refuse(path, UserErrorCode::Invalid, message);
        }
        at.trunc_subsecs(6)
    }

    /// An amount of 0 or more in a known currency.
    pub(crate) fn money(&mut self, amount: i64, currency: &str) -> Money {
        if !(0..=MAX_AMOUNT).contains(&amount) {
            let message = "Give the amount in minor units, from 0 to 9007199254740991.";
            self.refuse(&["amount"], UserErrorCode::Invalid, message);
        }
        let currency = money::find(currency).map(|known| known.code);
        if currency.is_none() {
            let message = "Give the ISO 4217 code of a currency, such as JPY.";
            self.refuse(&["currency"], UserErrorCode::Invalid, message);
        }
        Money {
            amount,
            currency: currency.unwrap_or_default().to_owned(),
        }
    }

    /// That it is somebody's.
    pub(super) fn party(&mut self, party: &Party) {
        if party.contact.is_none() && party.account.is_none() {
            let message = "Name the contact, the account, or both.";
            self.refuse(&["contact"], UserErrorCode::Required, message);
        }
    }
}
