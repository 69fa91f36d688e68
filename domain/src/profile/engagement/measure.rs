//! On which days contacts did something by their own choice, by channel.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    id::ContactId,
    kind::{self, Direction},
};
use sea_orm::FromQueryResult;

use super::{ActiveDays, Channel, WINDOW_DAYS};
use crate::{
    error::Result,
    report::period::midnight,
    store::{Query, Rows, Tx},
};

#[derive(FromQueryResult)]
struct DayRow {
    contact_id: ContactId,
    day: NaiveDate,
    channel: i64,
}

#[derive(FromQueryResult)]
struct MessageRow {
    contact_id: ContactId,
    sent_at: DateTime<Utc>,
    channel: kind::Channel,
}

/// Days and channels in which a contact did something.
type Acts = BTreeSet<(NaiveDate, usize)>;

/// The active days of those of `ids` who have any, in the window that ends with `today`.
pub(super) async fn measure(
    tx: &Tx<'_>,
    ids: &[ContactId],
    zone: Tz,
    today: NaiveDate,
) -> Result<BTreeMap<ContactId, ActiveDays>> {
    let before = today
        .checked_sub_days(Days::new(WINDOW_DAYS))
        .unwrap_or(today);
    let mut acts: BTreeMap<ContactId, Acts> = BTreeMap::new();
    for row in counted_days(tx, ids, before, today).await? {
        let act = (row.day, row.channel as usize);
        acts.entry(row.contact_id).or_default().insert(act);
    }
    let first = before.checked_add_days(Days::new(1)).unwrap_or(today);
    for row in messages(tx, ids, midnight(first, zone)).await? {
        let day = row.sent_at.with_timezone(&zone).date_naive();
        if day <= today {
            let act = (day, channel_of(row.channel).place());
            acts.entry(row.contact_id).or_default().insert(act);
        }
    }
    let each = acts.into_iter();
    Ok(each.map(|(id, acts)| (id, days_of(&acts))).collect())
}

fn days_of(acts: &Acts) -> ActiveDays {
    let mut active = ActiveDays::default();
    let mut last = None;
    for (day, channel) in acts {
        active.by_channel[*channel] += 1;
        // They are in the order of the days.
        active.any += i64::from(last != Some(day));
        last = Some(day);
    }
    active
}

/// The channel of engagement that a message's channel belongs to.
fn channel_of(channel: kind::Channel) -> Channel {
    use kind::Channel as C;
    match channel {
        C::Email => Channel::Email,
        C::X | C::Facebook | C::Instagram | C::Linkedin => Channel::Social,
        C::Chat | C::WebForm | C::Line | C::Wechat | C::Whatsapp | C::Sms | C::Other => {
            Channel::Messaging
        }
    }
}

/// The days that are counted by day already. Events count for the product as far as they are not the day's
/// page views.
async fn counted_days(
    tx: &Tx<'_>,
    ids: &[ContactId],
    before: NaiveDate,
    today: NaiveDate,
) -> Result<Vec<DayRow>> {
    let (web, email, product) = (
        Channel::Web.place(),
        Channel::Email.place(),
        Channel::Product.place(),
    );
    Ok(Query::new(format!(
        "SELECT r.id AS contact_id, a.day, CAST({web} AS bigint) AS channel
         FROM {{r}} CROSS JOIN web_visit_day AS a
         WHERE a.workspace_id = $1 AND a.contact_id = r.id AND a.day > $2 AND a.day <= $3
         UNION ALL
         SELECT r.id, a.day, CAST({email} AS bigint) FROM {{r}} CROSS JOIN email_active_day AS a
         WHERE a.workspace_id = $1 AND a.contact_id = r.id AND a.day > $2 AND a.day <= $3
           AND a.acts > 0
         UNION ALL
         SELECT r.id, a.day, CAST({product} AS bigint) FROM {{r}} CROSS JOIN event_day AS a
         LEFT JOIN web_visit_day AS w
           ON w.workspace_id = a.workspace_id AND w.contact_id = a.contact_id AND w.day = a.day
         WHERE a.workspace_id = $1 AND a.contact_id = r.id AND a.day > $2 AND a.day <= $3
           AND a.events > COALESCE(w.pages, 0)"
    ))
    .bind(tx.workspace)
    .bind(before)
    .bind(today)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(tx.connection())
    .await?)
}

/// What they wrote themselves since a moment.
async fn messages(tx: &Tx<'_>, ids: &[ContactId], since: DateTime<Utc>) -> Result<Vec<MessageRow>> {
    Ok(Query::new(
        "SELECT m.contact_id, m.sent_at, i.channel
         FROM {r} CROSS JOIN message AS m
         JOIN inbox AS i ON i.workspace_id = m.workspace_id AND i.id = m.inbox_id
         WHERE m.workspace_id = $1 AND m.contact_id = r.id AND m.sent_at >= $2
           AND m.direction = $3 AND NOT m.automatic",
    )
    .bind(tx.workspace)
    .bind(since)
    .bind(Direction::Inbound.word())
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(tx.connection())
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_counts_once_in_all_and_once_in_each_channel() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let acts: Acts = [
            (day("2026-03-01"), Channel::Web.place()),
            (day("2026-03-01"), Channel::Email.place()),
            (day("2026-03-02"), Channel::Email.place()),
        ]
        .into();
        let active = days_of(&acts);
        assert_eq!(active.any, 2);
        assert_eq!(active.of(Channel::Web), 1);
        assert_eq!(active.of(Channel::Email), 2);
        assert_eq!(active.of(Channel::Social), 0);
    }
}
