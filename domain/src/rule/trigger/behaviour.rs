//! A contact did something: an event, something about an email, a change of health.

use entity::kind::{EmailEventKind, HealthBand};

use super::{
    Happened, Key, TriggerKind,
    conversation::any_word,
    shape::{self, lets, lets_some},
};
use crate::{
    condition::{
        Context,
        check::{self, MAX_IDS},
        path::Path,
        reference::IdKind,
        sentence::{Phrasing, say},
    },
    error::{UserError, UserErrorCode},
    text,
};

shape::trigger! {
    /// Looks at contacts as they do something that is tracked.
    EventTracked, RuleEventTrackedTrigger, RuleEventTrackedTriggerInput;
    required {
        /// The names of the events, up to 500; one of them is enough.
        names: texts,
    }
    optional {}
}

shape::trigger! {
    /// Looks at contacts as something becomes known about an email to them.
    EmailEventSeen, RuleEmailEventTrigger, RuleEmailEventTriggerInput;
    required {
        /// What has to happen to the email; one is enough.
        kinds: many EmailEventKind,
    }
    optional {
        /// The campaigns the email belongs to; empty for every one, and for emails of none.
        campaign_ids: ids Campaign,
    }
}

shape::trigger! {
    /// Looks at contacts as their health score crosses a mark.
    HealthScoreCrossed, RuleHealthScoreCrossedTrigger, RuleHealthScoreCrossedTriggerInput;
    required {
        /// The mark, 1 to 100. A score of exactly so much is above it.
        score: number,
        /// In which direction it is crossed.
        direction: one Direction,
    }
    optional {}
}

shape::trigger! {
    /// Looks at contacts as they come into another health band.
    HealthBandChanged, RuleHealthBandChangedTrigger, RuleHealthBandChangedTriggerInput;
    required {}
    optional {
        /// The bands they leave; empty for any.
        from: many HealthBand,
        /// The bands they reach; empty for any.
        to: many HealthBand,
    }
}

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

impl TriggerKind for EventTracked {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let at = at.at("names");
        check::list(&self.names, MAX_IDS, &at, refusals, "name");
        for (index, name) in self.names.iter().enumerate() {
            if name.trim().is_empty() || name.chars().count() > 100 {
                let message = "Write the name of an event, at most 100 characters.";
                refusals.push(at.nth(index).refuse(UserErrorCode::Invalid, message));
            } else if !text::is_clean(name) {
                let message = "Remove the spaces around the name: events are stored without.";
                refusals.push(at.nth(index).refuse(UserErrorCode::Invalid, message));
            }
        }
    }

    shape::naming!();

    fn context(&self) -> Context {
        Context::Contact
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let names: Vec<String> = self.names.iter().map(|name| phrasing.quote(name)).collect();
        let names = phrasing.or(&names);
        say!(
            phrasing,
            format!("コンタクトのイベント{names}が記録され"),
            format!("a contact does {names}"),
            format!("联系人发生事件{names}")
        )
    }

    fn keys(&self) -> Vec<Key> {
        self.names.iter().cloned().map(Key::Event).collect()
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        matches!(happened, Happened::Event { name } if self.names.iter().any(|one| one == name))
    }
}

impl TriggerKind for EmailEventSeen {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        check::list(&self.kinds, MAX_IDS, &at.at("kinds"), refusals, "kind");
        self.check_lists(at, &mut Vec::new());
        shape::list(&self.campaign_ids, &at.at("campaignIds"), refusals);
    }

    shape::naming!();

    fn context(&self) -> Context {
        Context::Contact
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let kinds = any_word(&self.kinds, EmailEventKind::word, phrasing);
        let campaigns: Vec<String> = self
            .campaign_ids
            .iter()
            .map(|&id| phrasing.named(IdKind::Campaign, id))
            .collect();
        if campaigns.is_empty() {
            return say!(
                phrasing,
                format!("コンタクト宛のメールが{kinds}になり"),
                format!("an email to a contact is {kinds}"),
                format!("发给联系人的邮件变为{kinds}")
            );
        }
        let campaigns = phrasing.or(&campaigns);
        say!(
            phrasing,
            format!("キャンペーン{campaigns}のメールが{kinds}になり"),
            format!("an email of {campaigns} is {kinds}"),
            format!("活动{campaigns}的邮件变为{kinds}")
        )
    }

    fn keys(&self) -> Vec<Key> {
        self.kinds.iter().copied().map(Key::Email).collect()
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        let Happened::Email { kind, campaign } = happened else {
            return false;
        };
        self.kinds.contains(kind) && lets_some(&self.campaign_ids, campaign.as_ref())
    }
}

impl TriggerKind for HealthScoreCrossed {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        if !(1..=100).contains(&self.score) {
            let message = "Choose a mark from 1 to 100.";
            refusals.push(at.at("score").refuse(UserErrorCode::Invalid, message));
        }
    }

    shape::naming!();

    fn context(&self) -> Context {
        Context::Contact
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let score = self.score;
        match self.direction {
            Direction::Down => say!(
                phrasing,
                format!("ヘルススコアが{score}を下回り"),
                format!("the health score falls below {score}"),
                format!("健康分降到{score}以下")
            ),
            Direction::Up => say!(
                phrasing,
                format!("ヘルススコアが{score}以上になり"),
                format!("the health score rises to {score}"),
                format!("健康分升到{score}以上")
            ),
            Direction::Either => say!(
                phrasing,
                format!("ヘルススコアが{score}をまたぎ"),
                format!("the health score crosses {score}"),
                format!("健康分越过{score}")
            ),
        }
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Health]
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        let Happened::Health {
            score, previous, ..
        } = happened
        else {
            return false;
        };
        let mark = self.score as f64;
        let (Some(now), Some(before)) = (score, previous) else {
            return false;
        };
        let (falls, rises) = (
            *before >= mark && *now < mark,
            *before < mark && *now >= mark,
        );
        match self.direction {
            Direction::Down => falls,
            Direction::Up => rises,
            Direction::Either => falls || rises,
        }
    }
}

impl TriggerKind for HealthBandChanged {
    shape::plumbing!();

    fn context(&self) -> Context {
        Context::Contact
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let anything = say!(phrasing, "いずれか", "any", "任意");
        let shown = |list: &[HealthBand]| {
            if list.is_empty() {
                anything.to_owned()
            } else {
                any_word(list, HealthBand::word, phrasing)
            }
        };
        let (from, to) = (shown(&self.from), shown(&self.to));
        say!(
            phrasing,
            format!("ヘルスの区分が{from}から{to}に変わり"),
            format!("the health band goes from {from} to {to}"),
            format!("健康区间从{from}变为{to}")
        )
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Health]
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        let Happened::Health {
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
            let happened = Happened::Health {
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
                .accepts(&happened)
            };
            assert_eq!(crosses(Direction::Down), down, "{before} to {now}");
            assert_eq!(crosses(Direction::Up), up, "{before} to {now}");
            assert_eq!(crosses(Direction::Either), down || up);
        }
    }
}
