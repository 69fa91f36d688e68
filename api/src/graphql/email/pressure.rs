//! Whether a contact gets too much or too little email.

use async_graphql::{Context, Result, SimpleObject};
use domain::email::{pressure::PressureLevel, rate::Rate};
use entity::id::ContactId;

use crate::graphql::{context::loader, loader::PressureOf, scalar::Date};

/// How much email a contact gets, and whether that is too much or too little. Days are those of the
/// workspace's time zone, and emails count on the day they were sent.
#[derive(SimpleObject)]
pub(crate) struct EmailPressure {
    /// Whether it is too much or too little.
    level: PressureLevel,
    /// Emails sent today and on the 6 days before.
    sent_in7_days: i64,
    /// Emails sent today and on the 27 days before.
    sent_in28_days: i64,
    /// The day of the last email.
    last_sent_on: Date,
    /// For how many days nothing was sent.
    silent_days: i64,
    /// Opened by a person, of delivered, in the last 28 days; of the emails whose opens are tracked.
    open_rate: Rate,
    /// The same in the 28 days before these.
    open_rate_before: Rate,
}

impl EmailPressure {
    /// That of a contact; nothing when no email was ever sent to it.
    pub(crate) async fn read(context: &Context<'_>, contact: ContactId) -> Result<Option<Self>> {
        let found = loader(context)?.load_one(PressureOf(contact)).await?;
        Ok(found.map(|(sent, today)| Self {
            level: sent.level(today),
            sent_in7_days: sent.sent_in_7_days,
            sent_in28_days: sent.sent_in_28_days,
            last_sent_on: Date(sent.last_sent_on),
            silent_days: (today - sent.last_sent_on).num_days(),
            open_rate: sent.open_rate(),
            open_rate_before: sent.open_rate_before(),
        }))
    }
}
