//! What is counted per scope and day.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use entity::{
    id::{AccountId, CampaignId, ContactId, WorkspaceId},
    kind::EmailScope,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fold::EmailState;

macro_rules! figures {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts over emails, each of which counts on one day: sums over days and scopes count no
        /// email twice. The names are the columns of `email_day`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
        pub struct Figures {
            $($(#[$doc])* pub $name: i64,)*
        }

        impl Figures {
            /// The names, in the order of [`values`](Self::values).
            pub const COLUMNS: &'static [&'static str] = &[$(stringify!($name)),*];

            /// The counts, in the order of [`COLUMNS`](Self::COLUMNS).
            pub fn values(&self) -> [i64; Self::COLUMNS.len()] {
                [$(self.$name),*]
            }

            /// Counts in the order of [`COLUMNS`](Self::COLUMNS).
            pub fn from_values(values: [i64; Self::COLUMNS.len()]) -> Self {
                let [$($name),*] = values;
                Self { $($name),* }
            }
        }

        impl std::ops::AddAssign for Figures {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)*
            }
        }

        impl std::ops::SubAssign for Figures {
            fn sub_assign(&mut self, other: Self) {
                $(self.$name -= other.$name;)*
            }
        }
    };
}

figures! {
    /// Emails the sender or its provider accepted. Definitions, "Attempted".
    attempted,
    /// Emails that arrived: attempted less those that came back for good. Definitions, "Delivered".
    delivered,
    /// Emails a person opened, implied opens included. Definitions, "Open rate, human".
    human_openers,
    /// Emails anybody or anything opened, implied opens included. Definitions, "Open rate, all".
    openers,
    /// Emails in which a person followed a link. Definitions, "Click rate".
    human_clickers,
    /// Emails in which anybody or anything followed a link.
    clickers,
    /// Emails a person answered. Definitions, "Reply rate".
    replied,
    /// Emails that came back for good. Definitions, "Hard / soft bounce rate".
    hard_bounced,
    /// Emails that came back for a passing reason, without a later delivery.
    soft_bounced,
    /// Emails a policy refused: "policy blocks counted apart".
    blocked,
    /// Emails the recipient called spam. Definitions, "Complaint rate".
    complained,
    /// Emails after which the recipient asked for no more. Definitions, "Unsubscribe rate".
    unsubscribed,
    /// Opens by people, each one counted.
    human_opens,
    /// Opens by machines, each one counted.
    machine_opens,
    /// Clicks by people, each one counted, ways out left aside.
    human_clicks,
    /// Clicks by machines, each one counted, ways out left aside.
    machine_clicks,
    /// Answered emails of which the time to the first reply is known.
    timed_replies,
    /// The sum of the times to the first reply, in seconds.
    reply_seconds,
    /// Emails whose opens are not tracked: they are left out of the open rates, so what is counted above
    /// is counted of them apart. Definitions, "Open rate": "null if tracking is off".
    untracked,
    /// Of those, the emails that arrived.
    untracked_delivered,
    /// Of those, the emails a person opened: implied opens, unless opens are told nevertheless.
    untracked_human_openers,
    /// Of those, the emails anybody or anything opened.
    untracked_openers,
    /// Of those, the emails in which a person followed a link.
    untracked_human_clickers,
}

impl Figures {
    /// What one email adds.
    pub fn of(state: &EmailState) -> Self {
        let untracked = |is_so: bool| i64::from(state.untracked && is_so);
        Self {
            attempted: 1,
            delivered: state.delivered.into(),
            human_openers: state.human_opened.into(),
            openers: state.opened.into(),
            human_clickers: state.human_clicked.into(),
            clickers: state.clicked.into(),
            replied: state.replied.into(),
            hard_bounced: state.hard_bounced.into(),
            soft_bounced: state.soft_bounced.into(),
            blocked: state.blocked.into(),
            complained: state.complained.into(),
            unsubscribed: state.unsubscribed.into(),
            human_opens: state.human_opens,
            machine_opens: state.machine_opens,
            human_clicks: state.human_clicks,
            machine_clicks: state.machine_clicks,
            timed_replies: state.first_reply_seconds.is_some().into(),
            reply_seconds: state.first_reply_seconds.unwrap_or_default(),
            untracked: untracked(true),
            untracked_delivered: untracked(state.delivered),
            untracked_human_openers: untracked(state.human_opened),
            untracked_openers: untracked(state.opened),
            untracked_human_clickers: untracked(state.human_clicked),
        }
    }

    /// Emails of which nothing says that they arrived or came back: they are under way or, after 72 hours,
    /// will not be known. Definitions, "Delivered": "explicit delivery event, or implied; otherwise unknown".
    /// An email that was reported both ways, such as one that was opened after a block, counts as two
    /// known ones.
    pub fn unknown(&self) -> i64 {
        let returned = self.hard_bounced + self.soft_bounced + self.blocked;
        (self.attempted - self.delivered - returned).max(0)
    }

    /// Whether nothing is counted.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// One email as the roll-ups have it: whose it is and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The recipient.
    pub contact: ContactId,
    /// The recipient's account.
    pub account: Option<AccountId>,
    /// The campaign it belongs to.
    pub campaign: Option<CampaignId>,
    /// Where it stands.
    pub state: EmailState,
}

/// A row of the daily roll-up: the scope, whose figures, and the day.
pub type DayKey = (EmailScope, Uuid, NaiveDate);

/// What roll-ups have to be changed by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delta {
    /// Per scope and day.
    pub days: BTreeMap<DayKey, Figures>,
    /// Acts of people, per contact and the day they happened on.
    pub acts: BTreeMap<(ContactId, NaiveDate), i64>,
}

impl Delta {
    /// Counts `unit` in.
    pub fn add(&mut self, workspace: WorkspaceId, unit: &Unit) {
        let figures = Figures::of(&unit.state);
        for key in unit.day_keys(workspace) {
            *self.days.entry(key).or_default() += figures;
        }
        for (day, acts) in &unit.state.acts {
            *self.acts.entry((unit.contact, *day)).or_default() += acts;
        }
    }

    /// Counts `unit` out.
    pub fn remove(&mut self, workspace: WorkspaceId, unit: &Unit) {
        let figures = Figures::of(&unit.state);
        for key in unit.day_keys(workspace) {
            *self.days.entry(key).or_default() -= figures;
        }
        for (day, acts) in &unit.state.acts {
            *self.acts.entry((unit.contact, *day)).or_default() -= acts;
        }
    }

    /// Forgets what came to nothing.
    pub fn prune(&mut self) {
        self.days.retain(|_, figures| !figures.is_zero());
        self.acts.retain(|_, acts| *acts != 0);
    }
}

impl Unit {
    /// The rows the email counts in.
    fn day_keys(&self, workspace: WorkspaceId) -> impl Iterator<Item = DayKey> {
        let day = self.state.day;
        [
            Some((EmailScope::Workspace, workspace.0)),
            Some((EmailScope::Contact, self.contact.0)),
            self.campaign.map(|id| (EmailScope::Campaign, id.0)),
            self.account.map(|id| (EmailScope::Account, id.0)),
        ]
        .into_iter()
        .flatten()
        .map(move |(scope, id)| (scope, id, day))
    }
}
