//! Bands that do not flap: a contact whose score wanders about an edge stays where it is.

use entity::kind::HealthBand;

use super::{model::Bands, points::Points};

/// Where a contact stands: its band, and how long the score has pointed out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The band.
    pub band: HealthBand,
    /// Evaluations in a row that pointed to a better band (positive) or a worse one (negative).
    pub streak: i64,
}

/// What an evaluation is worth as a sign that a contact's band is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signs {
    /// Whether it counts towards a streak that has begun: evaluations come in bursts, and ten of them
    /// in a minute are not ten signs.
    pub(crate) counts: bool,
    /// Whether a signal is judged better than before, or has data that had none. Where none is, a
    /// score rises only because a bad one ceased to have data.
    pub(crate) gained: bool,
}

impl Standing {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self {
        band: HealthBand::Unknown,
        streak: 0,
    };
}

impl Bands {
    /// The band of `score` by the edges alone.
    pub fn of(&self, score: Points) -> HealthBand {
        if score >= Points::from_f64(self.healthy_from) {
            HealthBand::Healthy
        } else if score >= Points::from_f64(self.neutral_from) {
            HealthBand::Neutral
        } else {
            HealthBand::AtRisk
        }
    }

    /// Where a contact stands with `score` that stood at `before`. The first score is taken by the
    /// edges. A better band is come into by something that got better, never by knowing less.
    pub(crate) fn next(
        &self,
        score: Option<Points>,
        before: Option<Standing>,
        signs: Signs,
    ) -> Standing {
        let Some(score) = score else {
            return Standing::UNKNOWN;
        };
        let band = self.of(score);
        let arrived = Standing { band, streak: 0 };
        let Some(before) = before.filter(|before| before.band != HealthBand::Unknown) else {
            return arrived;
        };
        if band == before.band {
            return arrived;
        }
        let up = rank(band) > rank(before.band);
        if up && !signs.gained && before.streak <= 0 {
            return Standing {
                band: before.band,
                streak: 0,
            };
        }
        let past = if up {
            score - self.edge_above(before.band)
        } else {
            self.edge_below(before.band) - score
        };
        if past >= Points::from_f64(self.margin) {
            return arrived;
        }
        let direction = if up { 1 } else { -1 };
        let same_way = before.streak.signum() == direction;
        let streak = match (same_way, signs.counts) {
            (true, true) => before.streak + direction,
            (true, false) => before.streak,
            (false, _) => direction,
        };
        if streak.unsigned_abs() >= u64::from(self.evaluations) {
            return arrived;
        }
        Standing {
            band: before.band,
            streak,
        }
    }

    fn edge_above(&self, band: HealthBand) -> Points {
        Points::from_f64(match band {
            HealthBand::AtRisk => self.neutral_from,
            _ => self.healthy_from,
        })
    }

    fn edge_below(&self, band: HealthBand) -> Points {
        Points::from_f64(match band {
            HealthBand::Healthy => self.healthy_from,
            _ => self.neutral_from,
        })
    }
}

fn rank(band: HealthBand) -> i64 {
    match band {
        HealthBand::Healthy => 2,
        HealthBand::Neutral => 1,
        HealthBand::AtRisk | HealthBand::Unknown => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::health::model::Definition;

    /// An evaluation on a new day, at which something got better.
    const DEED: Signs = Signs {
        counts: true,
        gained: true,
    };
    /// One on a new day, at which nothing did.
    const SILENCE: Signs = Signs {
        counts: true,
        gained: false,
    };

    fn bands() -> Bands {
        Definition::default().bands
    }

    /// Follows `scores`, one a day, and lists the bands.
    fn follow(scores: &[f64]) -> Vec<HealthBand> {
        let mut standing = None;
        let mut bands_seen = Vec::new();
        for &score in scores {
            let next = bands().next(Some(Points::from_f64(score)), standing, DEED);
            bands_seen.push(next.band);
            standing = Some(next);
        }
        bands_seen
    }

    #[test]
    fn the_first_score_is_taken_by_the_edges() {
        use HealthBand::{AtRisk, Healthy, Neutral};
        for (score, band) in [
            (100.0, Healthy),
            (70.0, Healthy),
            (69.99, Neutral),
            (40.0, Neutral),
            (39.99, AtRisk),
            (0.0, AtRisk),
        ] {
            assert_eq!(follow(&[score]), [band], "{score}");
        }
    }

    #[test]
    fn a_band_is_left_past_the_margin_or_on_the_second_day() {
        use HealthBand::{AtRisk, Healthy, Neutral};
        assert_eq!(follow(&[75.0, 67.0]), [Healthy, Neutral]);
        assert_eq!(follow(&[75.0, 67.01]), [Healthy, Healthy]);
        assert_eq!(follow(&[75.0, 69.0, 69.0]), [Healthy, Healthy, Neutral]);
        assert_eq!(follow(&[30.0, 43.0]), [AtRisk, Neutral]);
        assert_eq!(follow(&[30.0, 42.0, 42.0]), [AtRisk, AtRisk, Neutral]);
        assert_eq!(follow(&[30.0, 90.0]), [AtRisk, Healthy]);
    }

    #[test]
    fn a_day_inside_the_band_starts_the_count_again() {
        use HealthBand::Healthy;
        assert_eq!(follow(&[75.0, 69.0, 71.0, 69.0, 71.0, 69.0]), [Healthy; 6]);
    }

    #[test]
    fn once_above_and_once_below_is_not_twice_in_a_row() {
        use HealthBand::Neutral;
        assert_eq!(follow(&[50.0, 71.0, 39.0, 71.0]), [Neutral; 4]);
    }

    #[test]
    fn evaluations_of_the_same_day_count_once() {
        let score = Some(Points::from_f64(69.0));
        let healthy = Standing {
            band: HealthBand::Healthy,
            streak: 0,
        };
        let same_day = Signs {
            counts: false,
            ..DEED
        };
        let first = bands().next(score, Some(healthy), same_day);
        assert_eq!((first.band, first.streak), (HealthBand::Healthy, -1));
        assert_eq!(bands().next(score, Some(first), same_day), first);
        let second_day = bands().next(score, Some(first), DEED);
        assert_eq!(second_day.band, HealthBand::Neutral);
    }

    #[test]
    fn without_a_score_nothing_is_known_and_nothing_is_remembered() {
        let healthy = Standing {
            band: HealthBand::Healthy,
            streak: -1,
        };
        assert_eq!(bands().next(None, Some(healthy), DEED), Standing::UNKNOWN);
        let back = bands().next(Some(Points(6_900)), Some(Standing::UNKNOWN), DEED);
        assert_eq!(back.band, HealthBand::Neutral);
    }

    #[test]
    fn a_better_band_is_come_into_only_by_something_that_got_better() {
        let at_risk = Standing {
            band: HealthBand::AtRisk,
            streak: 0,
        };
        // What spoke against the contact has no data any more, for days.
        let mut standing = at_risk;
        for _ in 0..5 {
            standing = bands().next(Some(Points(9_000)), Some(standing), SILENCE);
            assert_eq!(standing, at_risk);
        }
        let deed = bands().next(Some(Points(9_000)), Some(standing), DEED);
        assert_eq!(deed.band, HealthBand::Healthy);
        // A rise that a deed began is confirmed by staying.
        let begun = bands().next(Some(Points(4_200)), Some(at_risk), DEED);
        assert_eq!((begun.band, begun.streak), (HealthBand::AtRisk, 1));
        let stayed = bands().next(Some(Points(4_200)), Some(begun), SILENCE);
        assert_eq!(stayed.band, HealthBand::Neutral);
        // A worse band needs no deed.
        let healthy = Standing {
            band: HealthBand::Healthy,
            streak: 0,
        };
        let fell = bands().next(Some(Points(3_000)), Some(healthy), SILENCE);
        assert_eq!(fell.band, HealthBand::AtRisk);
    }

    proptest! {
        #[test]
        fn scores_within_the_margin_of_an_edge_and_back_never_change_the_band(
            wobble in prop::collection::vec(0_i64..300, 1..50),
        ) {
            let mut standing = bands().next(Some(Points(7_500)), None, DEED);
            for (day, wobble) in wobble.into_iter().enumerate() {
                // Every other day is on the right side of the edge.
                let score = if day % 2 == 0 { 7_000 - wobble } else { 7_000 + wobble };
                standing = bands().next(Some(Points(score)), Some(standing), DEED);
                prop_assert_eq!(standing.band, HealthBand::Healthy);
            }
        }

        #[test]
        fn a_score_that_stays_ends_in_its_own_band(
            before in 0_i64..=10_000,
            score in 0_i64..=10_000,
        ) {
            let mut standing = bands().next(Some(Points(before)), None, DEED);
            for _ in 0..2 {
                standing = bands().next(Some(Points(score)), Some(standing), DEED);
            }
            prop_assert_eq!(standing.band, bands().of(Points(score)));
            prop_assert_eq!(standing.streak, 0);
        }
    }
}
