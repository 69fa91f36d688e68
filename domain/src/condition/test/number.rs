//! Numbers in a range.

use async_graphql::{InputObject, SimpleObject};
use serde::{Deserialize, Serialize};

use crate::{
    condition::{
        measure::{Bind, Frag},
        path::Path,
        scalar::Number,
        sentence::{Phrasing, say},
    },
    error::{UserError, UserErrorCode},
};

/// What a number must be; every part given must hold. No number passes no test.
#[derive(
    InputObject,
    SimpleObject,
    Serialize,
    Deserialize,
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
)]
#[graphql(input_name = "NumberTestInput")]
#[serde(rename_all = "camelCase", default)]
pub struct NumberTest {
    /// This or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Number>,
    /// This or less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Number>,
    /// More than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_than: Option<Number>,
    /// Less than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub less_than: Option<Number>,
    /// Exactly this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals: Option<Number>,
}

impl NumberTest {
    /// From one number to another, ends included.
    pub fn between(least: f64, greatest: f64) -> Self {
        Self {
            at_least: Some(least.into()),
            at_most: Some(greatest.into()),
            ..Self::default()
        }
    }

    /// This or more.
    pub fn min(number: f64) -> Self {
        Self {
            at_least: Some(number.into()),
            ..Self::default()
        }
    }

    /// More than this.
    pub fn above(number: f64) -> Self {
        Self {
            more_than: Some(number.into()),
            ..Self::default()
        }
    }

    /// This or less.
    pub fn max(number: f64) -> Self {
        Self {
            at_most: Some(number.into()),
            ..Self::default()
        }
    }

    /// Less than this.
    pub fn below(number: f64) -> Self {
        Self {
            less_than: Some(number.into()),
            ..Self::default()
        }
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = (&'static str, f64)> {
        [
            (">=", self.at_least),
            ("<=", self.at_most),
            (">", self.more_than),
            ("<", self.less_than),
            ("=", self.equals),
        ]
        .into_iter()
        .filter_map(|(sign, number)| Some((sign, number?.get())))
    }

    pub(crate) fn holds(&self, number: f64) -> bool {
        self.parts().all(|(sign, bound)| match sign {
            ">=" => number >= bound,
            "<=" => number <= bound,
            ">" => number > bound,
            "<" => number < bound,
            // Exactness is what was asked for.
            _ => number.total_cmp(&bound).is_eq(),
        })
    }

    pub(crate) fn frag(&self, column: &str) -> Frag {
        let mut frag = Frag::default();
        for (sign, bound) in self.parts() {
            if !frag.is_empty() {
                frag.push(" AND ");
            }
            frag.append(Frag::new(format!("{column} {sign} ?")).with(Bind::Number(bound.into())));
        }
        if frag.is_empty() {
            frag.push("1 = 1");
        }
        frag
    }

    /// Notes a test without parts and one that no number passes. `least` and `greatest` are what the
    /// number can be.
    pub(crate) fn check(
        &self,
        least: f64,
        greatest: f64,
        at: &Path,
        refusals: &mut Vec<UserError>,
    ) {
        if self.parts().next().is_none() {
            let message =
                "Say what the number must be: atLeast, atMost, moreThan, lessThan or equals.";
            refusals.push(at.refuse(UserErrorCode::Required, message));
            return;
        }
        let mut low = (least, true);
        let mut high = (greatest, true);
        for (sign, bound) in self.parts() {
            match sign {
                ">=" if bound > low.0 => low = (bound, true),
                ">" if bound >= low.0 => low = (bound, false),
                "<=" if bound < high.0 => high = (bound, true),
                "<" if bound <= high.0 => high = (bound, false),
                "=" => {
                    if bound > low.0 {
                        low = (bound, true);
                    }
                    if bound < high.0 {
                        high = (bound, true);
                    }
                }
                _ => {}
            }
        }
        let possible = low.0 < high.0 || (low.0 <= high.0 && low.1 && high.1);
        if !possible {
            let message = "No number can be that. Widen the range.";
            refusals.push(at.refuse(UserErrorCode::Contradictory, message));
        }
    }

    /// The same for what is counted, where a number that is not whole, or below zero, is a slip.
    pub(crate) fn check_count(
        &self,
        least: f64,
        greatest: f64,
        at: &Path,
        refusals: &mut Vec<UserError>,
    ) {
        let is_slip = |bound: f64| bound < 0.0 || bound.fract().abs() > 0.0;
        if self.parts().any(|(_, bound)| is_slip(bound)) {
            let message = "What is counted is a whole number from 0 on. Give such a number.";
            refusals.push(at.refuse(UserErrorCode::Invalid, message));
            return;
        }
        self.of_whole_numbers().check(least, greatest, at, refusals);
    }

    /// The same test of whole numbers: more than 2 is 3 or more.
    fn of_whole_numbers(&self) -> Self {
        let moved = |bound: Option<Number>, by: f64| bound.map(|bound| (bound.get() + by).into());
        let stricter = |one: Option<Number>, other: Option<Number>, is_least: bool| {
            let (Some(a), Some(b)) = (one, other) else {
                return one.or(other);
            };
            Some(if (a > b) == is_least { a } else { b })
        };
        Self {
            at_least: stricter(self.at_least, moved(self.more_than, 1.0), true),
            at_most: stricter(self.at_most, moved(self.less_than, -1.0), false),
            more_than: None,
            less_than: None,
            equals: self.equals,
        }
    }

    /// Whether it is only about the number one, after which things are named in the singular.
    pub(crate) fn is_of_one(&self) -> bool {
        self.parts().all(|(_, bound)| bound.total_cmp(&1.0).is_eq())
    }

    /// Whether it only asks for so many or more, which there must be.
    pub(crate) fn asks_for_some(&self) -> bool {
        self.parts()
            .all(|(sign, _)| matches!(sign, ">=" | ">" | "="))
    }

    /// “at least 4”, to stand behind a figure such as a score.
    pub(crate) fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        self.phrase_figure(phrasing, "")
    }

    /// “at least 4 JPY”, with a unit that is the same in the three languages.
    pub(crate) fn phrase_figure(&self, phrasing: &Phrasing<'_>, unit: &str) -> String {
        let zh = ["不低于", "不高于", "高于", "低于", "恰好为"];
        self.worded(phrasing, [unit; 3], zh)
    }

    /// “at least 4 days”, of what is counted, with what stands behind each number in the three languages.
    pub(crate) fn phrase_in(&self, phrasing: &Phrasing<'_>, units: [&str; 3]) -> String {
        let zh = ["至少", "不超过", "超过", "少于", "恰好"];
        self.worded(phrasing, units, zh)
    }

    fn worded(
        &self,
        phrasing: &Phrasing<'_>,
        [ja, en, zh]: [&str; 3],
        [least, most, more, less, just]: [&str; 5],
    ) -> String {
        let parts: Vec<String> = self
            .parts()
            .map(|(sign, bound)| match sign {
                ">=" => say!(
                    phrasing,
                    format!("{bound}{ja}以上"),
                    format!("at least {bound}{en}"),
                    format!("{least}{bound}{zh}")
                ),
                "<=" => say!(
                    phrasing,
                    format!("{bound}{ja}以下"),
                    format!("at most {bound}{en}"),
                    format!("{most}{bound}{zh}")
                ),
                ">" => say!(
                    phrasing,
                    format!("{bound}{ja}超"),
                    format!("more than {bound}{en}"),
                    format!("{more}{bound}{zh}")
                ),
                "<" => say!(
                    phrasing,
                    format!("{bound}{ja}未満"),
                    format!("less than {bound}{en}"),
                    format!("{less}{bound}{zh}")
                ),
                _ => say!(
                    phrasing,
                    format!("ちょうど{bound}{ja}"),
                    format!("exactly {bound}{en}"),
                    format!("{just}{bound}{zh}")
                ),
            })
            .collect();
        parts.join(say!(phrasing, "かつ", " and ", "且"))
    }

    /// The same test of amounts whose unit is `factor` times as large.
    pub(crate) fn in_units_of(&self, factor: f64) -> Self {
        let scaled = |bound: Option<Number>| bound.map(|bound| (bound.get() / factor).into());
        Self {
            at_least: scaled(self.at_least),
            at_most: scaled(self.at_most),
            more_than: scaled(self.more_than),
            less_than: scaled(self.less_than),
            equals: scaled(self.equals),
        }
    }
}
