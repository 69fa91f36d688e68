//! How engaged customers are, as one index that compares across channels, people and companies.
//!
//! Counted are days on which somebody chose to do something, in the 28 that end with today: the same
//! unit in every channel, so that the channels compare. The index is 100 from 12 such days on (as many as
//! the definitions ask of a daily reader of email), and in proportion below. Deliveries, machine opens,
//! impressions and automatic answers are no acts of theirs.
//!
//! - `measure`: on which days contacts did something, by channel.
//! - `keep`: brings rows (`engagement`) in line with that.
//! - [`projection`] calls it for those who did something, the projection of web visits for visitors, and
//!   [`night`] for everybody, which also notes how the workspace stands that day (`engagement_day`).
//! - [`read`]: reads it back, for contacts, companies and the workspace.

pub(crate) mod keep;
mod measure;
pub mod night;
pub mod projection;
pub mod read;

use async_graphql::Enum;
use serde::{Deserialize, Serialize};

/// The days that are looked at: today and the 27 before it.
pub const WINDOW_DAYS: u64 = 28;

/// From so many active days on the index is 100.
pub const FULL_DAYS: i64 = 12;

/// Where customers do something by their own choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum)]
#[graphql(name = "EngagementChannel")]
pub enum Channel {
    /// The web site: pages viewed.
    Web,
    /// Email: opens and clicks by people, replies, and messages they wrote.
    Email,
    /// Social networks: messages and comments on X, Facebook, Instagram and LinkedIn.
    Social,
    /// Chats, forms and text messages: what they wrote.
    Messaging,
    /// The product and everything else that is told as events other than page views.
    Product,
}

impl Channel {
    /// Every channel, in the order in which their parts are kept.
    pub const ALL: [Self; 5] = [
        Self::Web,
        Self::Email,
        Self::Social,
        Self::Messaging,
        Self::Product,
    ];

    /// The column of its days.
    fn column(self) -> &'static str {
        match self {
            Self::Web => "web_days",
            Self::Email => "email_days",
            Self::Social => "social_days",
            Self::Messaging => "messaging_days",
            Self::Product => "product_days",
        }
    }

    /// Its place among [`ALL`](Self::ALL).
    fn place(self) -> usize {
        self as usize
    }
}

/// The columns of days: of any channel, then of each.
fn columns() -> Vec<&'static str> {
    let each = Channel::ALL.map(Channel::column);
    ["active_days"].into_iter().chain(each).collect()
}

/// Active days, of any channel and of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ActiveDays {
    /// Distinct days, whatever the channel.
    pub any: i64,
    /// By channel, in the order of [`Channel::ALL`].
    pub by_channel: [i64; 5],
}

impl ActiveDays {
    /// Those in one channel.
    pub fn of(&self, channel: Channel) -> i64 {
        self.by_channel[channel.place()]
    }

    fn add(&mut self, more: &Self) {
        self.any += more.any;
        for (sum, more) in self.by_channel.iter_mut().zip(more.by_channel) {
            *sum += more;
        }
    }

    /// The same, each as far as it counts.
    fn capped(self) -> Self {
        Self {
            any: self.any.min(FULL_DAYS),
            by_channel: self.by_channel.map(|days| days.min(FULL_DAYS)),
        }
    }
}

/// The engagement index of one contact with so many active days: 0 to 100.
pub fn index(active_days: i64) -> f64 {
    100.0 * active_days.clamp(0, FULL_DAYS) as f64 / FULL_DAYS as f64
}

/// Several people taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Group {
    /// How many they are.
    pub people: i64,
    /// How many of them did anything.
    pub engaged: i64,
    /// The sums of their active days, each as far as it counts.
    pub days: ActiveDays,
}

impl Group {
    /// The mean of their indexes; nothing of nobody.
    pub fn index(&self) -> Option<f64> {
        self.mean(self.days.any)
    }

    /// The mean of their indexes in one channel; nothing of nobody.
    pub fn index_in(&self, channel: Channel) -> Option<f64> {
        self.mean(self.days.of(channel))
    }

    fn mean(&self, days: i64) -> Option<f64> {
        let full = self.people * FULL_DAYS;
        (full > 0).then(|| 100.0 * days as f64 / full as f64)
    }

    /// Counts one more person in.
    fn add(&mut self, days: ActiveDays) {
        let capped = days.capped();
        self.people += 1;
        self.engaged += i64::from(days.any > 0);
        self.days.add(&capped);
    }

    /// Counts others in.
    fn join(&mut self, others: &Self) {
        self.people += others.people;
        self.engaged += others.engaged;
        self.days.add(&others.days);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_full_from_twelve_active_days_on() {
        let indexes = [0, 3, 12, 28].map(|days| index(days).round() as i64);
        assert_eq!(indexes, [0, 25, 100, 100]);
    }

    #[test]
    fn a_groups_index_is_the_mean_of_its_peoples() {
        let mut group = Group::default();
        let one = ActiveDays {
            any: 20,
            by_channel: [20, 3, 0, 0, 0],
        };
        group.add(one);
        group.add(ActiveDays::default());
        assert_eq!((group.people, group.engaged), (2, 1));
        assert_eq!(group.index(), Some(50.0));
        assert_eq!(group.index_in(Channel::Email), Some(12.5));
        assert_eq!(group.index_in(Channel::Product), Some(0.0));
        assert_eq!(Group::default().index(), None);
    }

    #[test]
    fn every_channel_is_kept_in_its_place() {
        for (place, channel) in Channel::ALL.into_iter().enumerate() {
            assert_eq!(channel.place(), place);
            assert_eq!(columns()[place + 1], channel.column());
        }
    }
}
