//! On how many days a contact reacted to email.

use async_trait::async_trait;
use entity::id::ContactId;
use sea_orm::DbErr;

use super::{Signal, SignalDefinition, Source};
use crate::{
    health::model::Category,
    health::{curve::Curve, input::Input, model},
    store::Query,
};

/// Distinct days with a human act on email. The edges of the default curve are those of the tiers
/// daily, weekly, monthly and lapsed.
#[derive(Debug)]
pub(super) struct EmailActivity;

fn curve() -> Curve {
    model::steps(0.0, &[(1.0, 0.5), (4.0, 0.8), (12.0, 1.0)])
}

#[async_trait]
impl Signal for EmailActivity {
    fn definition(&self) -> &'static SignalDefinition {
        &SignalDefinition {
            name: "email.active_days",
            category: Category::Email,
            description: "Days on which the contact opened, clicked or answered an email; 0 when \
                          they did once and stopped. No data when they never did and no email \
                          whose opens are tracked was sent in three windows either: our silence \
                          says nothing about them. No data either when they did nothing and \
                          emails were sent in the window, but none whose opens are tracked.",
            unit: "days",
            weight: 30,
            window_days: Some(28),
            curve,
        }
    }

    async fn read(&self, source: &Source<'_>) -> Result<Vec<(ContactId, Input)>, DbErr> {
        // Who stopped is told from who never began, by one probe of the key: having stopped is data
        // for good, or whoever is gone would be forgotten once we write to them no more. But of emails
        // whose opens are not tracked nobody knows whether reading stopped, or only our seeing it.
        let rows = Query::new(
            "SELECT r.contact_id, COUNT(a.day)
             FROM {r} LEFT JOIN email_active_day AS a
               ON a.workspace_id = $1 AND a.contact_id = r.contact_id
              AND a.day > $2 AND a.day <= $3 AND a.acts > 0
             GROUP BY r.contact_id
             HAVING COUNT(a.day) > 0 OR ((EXISTS (
                 SELECT 1 FROM email_active_day AS o
                 WHERE o.workspace_id = $1 AND o.contact_id = r.contact_id AND o.day <= $2
                   AND o.acts > 0)
              OR EXISTS (
                 SELECT 1 FROM email_day AS d
                 WHERE d.workspace_id = $1 AND d.scope = 'CONTACT' AND d.scope_id = r.contact_id
                   AND d.day > $4 AND d.day <= $3 AND d.attempted > d.untracked))
              AND COALESCE((
                 SELECT SUM(s.attempted - s.untracked) FROM email_day AS s
                 WHERE s.workspace_id = $1 AND s.scope = 'CONTACT' AND s.scope_id = r.contact_id
                   AND s.day > $2 AND s.day <= $3), 1) > 0)",
        )
        .bind(source.workspace)
        .bind(source.before_windows(1))
        .bind(source.today)
        .bind(source.before_windows(3))
        .rows("r", source.contacts.clone())
        .raw(source.connection)
        .await?;
        rows.iter()
            .map(|row| {
                let days: i64 = row.try_get_by_index(1)?;
                Ok((row.try_get_by_index(0)?, Input::plain(days as f64)))
            })
            .collect()
    }
}
