//! The health of a contact, or of an account, which is the mean of its people's, changed.

use entity::kind::{HealthBand, SubjectKind};

use super::{
    Happened, Key, TriggerKind,
    shape::{self, lets},
    words::{changes, labels},
};
use crate::{
    condition::{
        Condition, Context, Health, NumberTest, Whose, band_label,
        path::Path,
        sentence::{Phrasing, say},
    },
    error::{UserError, UserErrorCode},
};

/// In which direction a score crosses a mark.
#[derive(
    serde::Serialize, serde::Deserialize, async_graphql::Enum, Debug, Clone, Copy, PartialEq, Eq,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[graphql(name = "ScoreDirection")]
pub enum Direction {
    /// From above to below.
    Down,
    /// From below to above.
    Up,
    /// Either way.
    Either,
}

macro_rules! score_crossed {
    ($(#[$doc:meta])* $name:ident, $output:ident, $input:ident, $of:ident) => {
        shape::trigger! {
            $(#[$doc])*
            $name, $output, $input;
            required {
                /// The mark, 1 to 100. A score of exactly so much is above it.
                score: number,
                /// In which direction it is crossed.
                direction: one Direction,
            }
            optional {}
        }

        impl TriggerKind for $name {
            fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
                if !(1..=100).contains(&self.score) {
                    let message = "Choose a mark from 1 to 100.";
                    refusals.push(at.at("score").refuse(UserErrorCode::Invalid, message));
                }
            }

            shape::naming!();

            fn context(&self) -> Context {
                Context::$of
            }

            fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
                phrase_score(Whose::$of, self.score, self.direction, phrasing)
            }

            fn implies(&self) -> Vec<Condition> {
                let mark = self.score as f64;
                let score = match self.direction {
                    Direction::Down => NumberTest::below(mark),
                    Direction::Up => NumberTest::min(mark),
                    Direction::Either => return Vec::new(),
                };
                vec![Condition::Health(Box::new(Health {
                    of: Whose::$of,
                    score: Some(score),
                    ..Health::default()
                }))]
            }

            fn keys(&self) -> Vec<Key> {
                vec![Key::Health(SubjectKind::$of)]
            }

            fn accepts(&self, happened: &Happened<'_>) -> bool {
                let Happened::Health {
                    of: SubjectKind::$of,
                    score: Some(now),
                    previous: Some(before),
                    ..
                } = happened
                else {
                    return false;
                };
                crosses(self.score as f64, *before, *now, self.direction)
            }
        }
    };
}

score_crossed!(
    /// Looks at contacts as their health score crosses a mark.
    HealthScoreCrossed, RuleHealthScoreCrossedTrigger, RuleHealthScoreCrossedTriggerInput, Contact
);
score_crossed!(
    /// Looks at accounts as their health score, the mean of their people's, crosses a mark.
    AccountHealthScoreCrossed, RuleAccountHealthScoreCrossedTrigger, RuleAccountHealthScoreCrossedTriggerInput, Account
);

macro_rules! band_changed {
    ($(#[$doc:meta])* $name:ident, $output:ident, $input:ident, $of:ident) => {
        shape::trigger! {
            $(#[$doc])*
            $name, $output, $input;
            required {}
            optional {
                /// The bands they leave; empty for any.
                from: many HealthBand,
                /// The bands they reach; empty for any.
                to: many HealthBand,
            }
        }

        impl TriggerKind for $name {
            fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
                self.check_lists(at, refusals);
                shape::change(&self.from, &self.to, &at.at("to"), refusals);
            }

            shape::naming!();

            fn context(&self) -> Context {
                Context::$of
            }

            fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
                phrase_band(Whose::$of, &self.from, &self.to, phrasing)
            }

            fn implies(&self) -> Vec<Condition> {
                let in_bands = |bands: &[HealthBand]| {
                    Condition::Health(Box::new(Health {
                        of: Whose::$of,
                        bands: Some(bands.to_vec()),
                        ..Health::default()
                    }))
                };
                match (self.from.as_slice(), self.to.as_slice()) {
                    ([left], []) => vec![Condition::Not(Box::new(in_bands(&[*left])))],
                    (_, []) => Vec::new(),
                    (_, reached) => vec![in_bands(reached)],
                }
            }

            fn keys(&self) -> Vec<Key> {
                vec![Key::Health(SubjectKind::$of)]
            }

            fn accepts(&self, happened: &Happened<'_>) -> bool {
                let Happened::Health {
                    of: SubjectKind::$of,
                    band,
                    previous_band,
                    ..
                } = happened
                else {
                    return false;
                };
                band != previous_band && lets(&self.from, previous_band) && lets(&self.to, band)
            }
        }
    };
}

band_changed!(
    /// Looks at contacts as they come into another health band.
    HealthBandChanged, RuleHealthBandChangedTrigger, RuleHealthBandChangedTriggerInput, Contact
);
band_changed!(
    /// Looks at accounts as the mean of their people's health comes into another band.
    AccountHealthBandChanged, RuleAccountHealthBandChangedTrigger, RuleAccountHealthBandChangedTriggerInput, Account
);

/// Whether a score goes from one side of a mark to the other in the direction.
fn crosses(mark: f64, before: f64, now: f64, direction: Direction) -> bool {
    let (falls, rises) = (before >= mark && now < mark, before < mark && now >= mark);
    match direction {
        Direction::Down => falls,
        Direction::Up => rises,
        Direction::Either => falls || rises,
    }
}

fn thing(of: Whose, phrasing: &Phrasing<'_>) -> &'static str {
    match of {
        Whose::Contact => say!(phrasing, "コンタクト", "a contact", "联系人"),
        Whose::Account => say!(phrasing, "会社", "an account", "公司"),
    }
}

fn phrase_score(of: Whose, score: i64, direction: Direction, phrasing: &Phrasing<'_>) -> String {
    let thing = thing(of, phrasing);
    match direction {
        Direction::Down => say!(
            phrasing,
            format!("{thing}の健全度スコアが{score}を下回り"),
            format!("the health score of {thing} falls below {score}"),
            format!("{thing}的健康分降到{score}以下")
        ),
        Direction::Up => say!(
            phrasing,
            format!("{thing}の健全度スコアが{score}以上になり"),
            format!("the health score of {thing} rises to {score}"),
            format!("{thing}的健康分升到{score}以上")
        ),
        Direction::Either => say!(
            phrasing,
            format!("{thing}の健全度スコアが{score}をまたぎ"),
            format!("the health score of {thing} crosses {score}"),
            format!("{thing}的健康分越过{score}")
        ),
    }
}

fn phrase_band(
    of: Whose,
    from: &[HealthBand],
    to: &[HealthBand],
    phrasing: &Phrasing<'_>,
) -> String {
    let thing = thing(of, phrasing);
    let subject = say!(
        phrasing,
        format!("{thing}の健全度の区分"),
        format!("the health band of {thing}"),
        format!("{thing}的健康等级")
    );
    let shown = |bands: &[HealthBand]| labels(bands, phrasing, band_label);
    changes(&subject, &shown(from), &shown(to), phrasing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_crossed_only_from_one_side_to_the_other() {
        for (before, now, down, up) in [
            (50.0, 39.9, true, false),
            (50.0, 40.0, false, false),
            (40.0, 39.0, true, false),
            (39.0, 40.0, false, true),
            (39.0, 20.0, false, false),
            (60.0, 80.0, false, false),
        ] {
            let happened = |of| Happened::Health {
                of,
                score: Some(now),
                previous: Some(before),
                band: HealthBand::Neutral,
                previous_band: HealthBand::Neutral,
            };
            let crosses = |direction| {
                HealthScoreCrossed {
                    score: 40,
                    direction,
                }
                .accepts(&happened(SubjectKind::Contact))
            };
            assert_eq!(crosses(Direction::Down), down, "{before} to {now}");
            assert_eq!(crosses(Direction::Up), up, "{before} to {now}");
            assert_eq!(crosses(Direction::Either), down || up);
            let of_account = AccountHealthScoreCrossed {
                score: 40,
                direction: Direction::Down,
            };
            assert_eq!(of_account.accepts(&happened(SubjectKind::Account)), down);
            assert!(!of_account.accepts(&happened(SubjectKind::Contact)));
        }
    }
}
