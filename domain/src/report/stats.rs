//! Shares and 2x2 tables, with what chance alone may do to them.

use async_graphql::SimpleObject;
use serde::{Deserialize, Serialize};

use crate::email::rate::wilson;

/// The 97.5 % point of the standard normal distribution: two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Chi-square with one degree of freedom at 5 %.
pub const CHI_SQUARE_5_PERCENT: f64 = 3.841_458_820_694_124;

/// A share, with what it is made of and how far chance alone may have moved it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, SimpleObject)]
pub struct Share {
    /// The share, from 0 to 1; nothing when there is nothing to take a share of.
    pub value: Option<f64>,
    /// How many have the property.
    pub numerator: i64,
    /// Of how many.
    pub denominator: i64,
    /// The lower end of the 95 % Wilson interval.
    pub low: Option<f64>,
    /// The upper end of the 95 % Wilson interval.
    pub high: Option<f64>,
}

impl Share {
    /// `numerator` of `denominator`.
    pub fn new(numerator: i64, denominator: i64) -> Self {
        let interval = wilson(numerator, denominator);
        Self {
            value: (denominator > 0).then(|| numerator as f64 / denominator as f64),
            numerator,
            denominator,
            low: interval.map(|(low, _)| low),
            high: interval.map(|(_, high)| high),
        }
    }
}

/// How often something came about with and without a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// With the property, and it came about.
    pub with: i64,
    /// All with the property.
    pub with_all: i64,
    /// Without the property, and it came about.
    pub without: i64,
    /// All without the property.
    pub without_all: i64,
}

impl Table {
    /// Pearson's chi-square, one degree of freedom, without correction; nothing when a margin is
    /// empty, because then nothing can be told.
    pub fn chi_square(&self) -> Option<f64> {
        let n = (self.with_all + self.without_all) as f64;
        let came = (self.with + self.without) as f64;
        let (rows, columns) = (
            [self.with_all as f64, self.without_all as f64],
            [came, n - came],
        );
        if rows.iter().chain(&columns).any(|margin| *margin <= 0.0) {
            return None;
        }
        let (with, without) = (self.with as f64, self.without as f64);
        let difference = with * (rows[1] - without) - (rows[0] - with) * without;
        Some(n * difference * difference / (rows[0] * rows[1] * columns[0] * columns[1]))
    }

    /// How many times as often it comes about with the property, with the 95 % interval of its
    /// logarithm (Katz); half a case is added to each cell where one is empty.
    pub fn lift(&self) -> Option<Lift> {
        if self.with_all <= 0 || self.without_all <= 0 {
            return None;
        }
        let half = if self.with == 0 || self.without == 0 {
            0.5
        } else {
            0.0
        };
        let (a, c) = (self.with as f64 + half, self.without as f64 + half);
        let (n1, n2) = (self.with_all as f64 + half, self.without_all as f64 + half);
        if a <= 0.0 || c <= 0.0 {
            return None;
        }
        let lift = (a / n1) / (c / n2);
        let error = (1.0 / a - 1.0 / n1 + 1.0 / c - 1.0 / n2).max(0.0).sqrt();
        Some(Lift {
            value: lift,
            low: (lift.ln() - Z * error).exp(),
            high: (lift.ln() + Z * error).exp(),
        })
    }

    /// The least count that chance would put into a cell; a chi-square says little below 5.
    pub fn least_expected(&self) -> f64 {
        let n = (self.with_all + self.without_all) as f64;
        let came = (self.with + self.without) as f64;
        let row = self.with_all.min(self.without_all) as f64;
        if n > 0.0 {
            row * came.min(n - came) / n
        } else {
            0.0
        }
    }
}

/// How many times as often something comes about with a property as without.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lift {
    /// The ratio.
    pub value: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end of its 95 % interval.
    pub high: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_judged_as_by_hand() {
        // 30 of 50 against 20 of 50: 100 (30*30 - 20*20)^2 / 50^4 = 4.
        let table = Table {
            with: 30,
            with_all: 50,
            without: 20,
            without_all: 50,
        };
        assert!((table.chi_square().unwrap() - 4.0).abs() < 1e-12);
        let lift = table.lift().unwrap();
        assert!((lift.value - 1.5).abs() < 1e-12);
        // ln 1.5 -+ 1.96 sqrt(1/30 - 1/50 + 1/20 - 1/50) = 0.4055 -+ 0.4080.
        assert!((lift.low - 0.9975).abs() < 1e-3, "{lift:?}");
        assert!((lift.high - 2.2556).abs() < 1e-3, "{lift:?}");
        assert!((table.least_expected() - 25.0).abs() < 1e-12);
    }

    #[test]
    fn an_empty_margin_says_nothing() {
        let nobody = Table {
            with: 0,
            with_all: 10,
            without: 0,
            without_all: 10,
        };
        assert_eq!(nobody.chi_square(), None);
        let none_without = Table {
            with: 3,
            with_all: 10,
            without: 0,
            without_all: 10,
        };
        assert!(none_without.lift().unwrap().low < none_without.lift().unwrap().value);
        assert_eq!(Share::new(0, 0).value, None);
        assert_eq!(Share::new(1, 4).value, Some(0.25));
    }
}
