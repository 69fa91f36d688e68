//! Points with two decimals, and how a total is split so that the parts add up.
//!
//! A score and its parts are shown with two decimals. If each part were rounded by itself, they
//! would miss the score by a cent here and there. So points are whole hundredths, the score is
//! rounded first, and the parts share exactly that many hundredths: each gets its share rounded
//! down, and the hundredths left over go to the largest remainders.

use std::{
    fmt,
    ops::{Add, Sub},
};

/// Points in hundredths: `Points(6250)` is 62.50.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Points(pub i64);

impl Points {
    /// The points as stored and as GraphQL shows them.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 100.0
    }

    /// Reads what [`as_f64`](Self::as_f64) wrote.
    pub fn from_f64(points: f64) -> Self {
        Self((points * 100.0).round() as i64)
    }
}

impl Add for Points {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Points {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl std::iter::Sum for Points {
    fn sum<I: Iterator<Item = Self>>(points: I) -> Self {
        Self(points.map(|points| points.0).sum())
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let hundredths = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

/// `numerator / denominator`, rounded half up. `denominator` is positive.
pub(crate) fn rounded(numerator: i128, denominator: i128) -> Points {
    Points((2 * numerator + denominator).div_euclid(2 * denominator) as i64)
}

/// Splits `total` by `shares`, in units of `1 / denominator` hundredths. `total` differs from the
/// sum of the shares by less than one hundredth, and equals it when every share is a whole number
/// of hundredths; a share of nothing gets nothing. Equal remainders are served in the order given.
pub(crate) fn split(total: Points, shares: &[i128], denominator: i128) -> Vec<Points> {
    let mut parts: Vec<i64> = shares
        .iter()
        .map(|share| share.div_euclid(denominator) as i64)
        .collect();
    let left = total.0 - parts.iter().sum::<i64>();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(shares[index].rem_euclid(denominator)));
    for &index in order.iter().take(usize::try_from(left).unwrap_or(0)) {
        parts[index] += 1;
    }
    parts.into_iter().map(Points).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_equal_thirds_add_up_to_the_whole() {
        let parts = split(Points(10_000), &[10_000; 3], 3);
        assert_eq!(parts, [Points(3_334), Points(3_333), Points(3_333)]);
    }

    #[test]
    fn points_are_shown_with_two_decimals_and_their_sign() {
        for (hundredths, text) in [
            (0, "0.00"),
            (5, "0.05"),
            (-5, "-0.05"),
            (6_250, "62.50"),
            (-1_234, "-12.34"),
        ] {
            assert_eq!(Points(hundredths).to_string(), text);
        }
    }

    #[test]
    fn every_score_survives_the_stored_form() {
        for hundredths in -10_000..=10_000 {
            let points = Points(hundredths);
            assert_eq!(Points::from_f64(points.as_f64()), points);
        }
    }

    #[test]
    fn halves_are_rounded_up() {
        for (numerator, denominator, expected) in
            [(1, 2, 1), (1, 3, 0), (2, 3, 1), (-1, 2, 0), (-3, 4, -1)]
        {
            assert_eq!(rounded(numerator, denominator), Points(expected));
        }
    }
}
