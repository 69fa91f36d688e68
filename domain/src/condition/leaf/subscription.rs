//! Whether the contact wants to hear from us.

use async_graphql::{InputObject, SimpleObject};
use entity::kind::{Channel, SubscriptionState};
use serde::{Deserialize, Serialize};

use super::channel;
use crate::{
    condition::{
        Leaf, Need,
        check::{self, Checks},
        measure::{Bind, Frag, Holder, Measure, Plan, Source},
        path::Path,
        sentence::{Phrasing, say},
        test::{Ask, Element, Test},
    },
    contact::subscription::EVERYTHING,
    error::{UserError, UserErrorCode},
};

/// Tests whether the contact wants to hear from us. Of somebody who was never asked, no state holds.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[graphql(
    name = "SubscriptionCondition",
    input_name = "SubscriptionConditionInput"
)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// By which medium.
    pub channel: Channel,
    /// About what; `*` for everything of the channel.
    #[serde(default = "everything")]
    #[graphql(default_with = "everything()")]
    pub topic: String,
    /// In one of these states.
    pub states: Vec<SubscriptionState>,
}

fn everything() -> String {
    EVERYTHING.to_owned()
}

/// The state with one topic of one channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SubscriptionSource {
    channel: Channel,
    topic: String,
}

impl SubscriptionSource {
    pub(crate) fn plan(&self) -> Plan {
        let mut plan = Plan::one("subscription", "x.contact_id");
        plan.wheres = Frag::new(" AND x.channel = ? AND x.topic = ?")
            .with(Bind::Text(self.channel.word().to_owned()))
            .with(Bind::Text(self.topic.clone()));
        plan.base.push(("v", Frag::new("x.state")));
        plan.text = Some((Frag::new("b.v"), Frag::new("b.v")));
        plan
    }
}

impl Leaf for Subscription {
    fn need(&self) -> Need {
        Need::Contact
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        Checks::new(at, refusals).list("states", Some(&self.states));
        let at = at.at("topic");
        if self.topic.trim().is_empty() || self.topic.contains('\0') {
            let message = "Name the topic, or give * for everything.";
            refusals.push(at.refuse(UserErrorCode::Required, message));
        } else if check::graphemes(&self.topic, 101) > 100 || self.topic.len() > 1_600 {
            refusals.push(at.refuse(UserErrorCode::TooLong, "Use at most 100 characters."));
        }
    }

    fn asks(&self) -> Vec<Ask> {
        let source = SubscriptionSource {
            channel: self.channel,
            topic: self.topic.clone(),
        };
        let states = self.states.iter();
        let states = states.map(|state| Element::Word(state.word().to_owned()));
        let measure = Measure::new(Holder::Contact, Source::Subscription(source));
        vec![Ask::new(measure, Test::OneOf(states.collect()))]
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let channel = channel::label(phrasing, self.channel);
        let topic = if self.topic == EVERYTHING {
            String::new()
        } else {
            let topic = phrasing.quote(&self.topic);
            say!(phrasing, topic, format!(" {topic}"), topic)
        };
        let states: Vec<String> = self
            .states
            .iter()
            .map(|state| match state {
                SubscriptionState::Subscribed => {
                    say!(phrasing, "購読中", "active", "已订阅").to_owned()
                }
                SubscriptionState::Unsubscribed => {
                    say!(phrasing, "配信停止", "ended", "已退订").to_owned()
                }
                SubscriptionState::Pending => {
                    say!(phrasing, "確認待ち", "pending", "待确认").to_owned()
                }
            })
            .collect();
        let states = phrasing.or(&states);
        say!(
            phrasing,
            format!("コンタクトの{channel}{topic}の購読状態が{states}である"),
            format!("the contact's subscription to {channel}{topic} is {states}"),
            format!("联系人对{channel}{topic}的订阅状态为{states}")
        )
    }
}
