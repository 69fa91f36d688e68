//! What a thing has one of, found by more than its own id. The type of the key says what is wanted.

use std::collections::{BTreeSet, HashMap};

use async_graphql::{Error, dataloader::Loader as Load};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::{
    account, email, health, latest, notification, playbook,
    profile::{engagement, rfm, web},
    tag, workspace,
};
use entity::{
    id::{AccountId, ContactId, EmailEventId, HealthEntryId, PlaybookId, TagId, TargetId},
    kind::{CustomerKind, TagTarget},
};
use uuid::Uuid;

use super::{Loader, by, group};
use crate::graphql::error::fault;

/// Asks for how an account's people are doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct StandingOf(pub(crate) AccountId);

#[async_trait::async_trait]
impl Load<StandingOf> for Loader {
    type Value = account::Standing;
    type Error = Error;

    async fn load(&self, keys: &[StandingOf]) -> Result<HashMap<StandingOf, Self::Value>, Error> {
        let ids: Vec<AccountId> = keys.iter().map(|key| key.0).collect();
        let rows = account::load_standing(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| StandingOf(row.account_id)))
    }
}

/// Asks for when a contact, an account or a conversation last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ChangeOf(pub(crate) Uuid);

#[async_trait::async_trait]
impl Load<ChangeOf> for Loader {
    type Value = DateTime<Utc>;
    type Error = Error;

    async fn load(&self, keys: &[ChangeOf]) -> Result<HashMap<ChangeOf, Self::Value>, Error> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let rows = latest::load(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        let rows = rows.into_iter();
        Ok(rows
            .map(|row| (ChangeOf(row.subject_id), row.changed_at))
            .collect())
    }
}

/// Asks for how many of an account's people are in which band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BandsOf(pub(crate) AccountId);

#[async_trait::async_trait]
impl Load<BandsOf> for Loader {
    type Value = Vec<account::InBand>;
    type Error = Error;

    async fn load(&self, keys: &[BandsOf]) -> Result<HashMap<BandsOf, Self::Value>, Error> {
        let ids: Vec<AccountId> = keys.iter().map(|key| key.0).collect();
        let rows = account::load_bands(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(group(rows, |row| BandsOf(row.account_id)))
    }
}

/// Asks for where the bands of the health model in use begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BandsInUse;

#[async_trait::async_trait]
impl Load<BandsInUse> for Loader {
    type Value = health::model::Bands;
    type Error = Error;

    async fn load(&self, keys: &[BandsInUse]) -> Result<HashMap<BandsInUse, Self::Value>, Error> {
        let saved = health::current_model(&self.ctx, self.workspace)
            .await
            .map_err(fault)?;
        let bands = saved.model.definition.bands;
        Ok(keys.iter().map(|key| (*key, bands.clone())).collect())
    }
}

/// Asks for the workspace's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ZoneInUse;

#[async_trait::async_trait]
impl Load<ZoneInUse> for Loader {
    type Value = Tz;
    type Error = Error;

    async fn load(&self, keys: &[ZoneInUse]) -> Result<HashMap<ZoneInUse, Self::Value>, Error> {
        let workspace = workspace::find(&self.ctx, self.workspace)
            .await
            .map_err(fault)?;
        let zone = workspace::time_zone(&workspace);
        Ok(keys.iter().map(|key| (*key, zone)).collect())
    }
}

/// Asks for what a customer bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RfmOf(pub(crate) CustomerKind, pub(crate) Uuid);

#[async_trait::async_trait]
impl Load<RfmOf> for Loader {
    /// With today, in the workspace's time zone.
    type Value = (rfm::read::Rfm, NaiveDate);
    type Error = Error;

    async fn load(&self, keys: &[RfmOf]) -> Result<HashMap<RfmOf, Self::Value>, Error> {
        let mut found = HashMap::new();
        for kind in [CustomerKind::Contact, CustomerKind::Account] {
            let ids = keys.iter().filter(|key| key.0 == kind).map(|key| key.1);
            let ids: Vec<Uuid> = ids.collect();
            if ids.is_empty() {
                continue;
            }
            let (rows, today) = rfm::read::load(&self.ctx, self.workspace, kind, &ids)
                .await
                .map_err(fault)?;
            let each = rows.into_iter();
            found.extend(each.map(|row| (RfmOf(kind, row.subject_id), (row, today))));
        }
        Ok(found)
    }
}

/// Asks for how engaged a contact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EngagementOf(pub(crate) ContactId);

#[async_trait::async_trait]
impl Load<EngagementOf> for Loader {
    type Value = engagement::ActiveDays;
    type Error = Error;

    async fn load(
        &self,
        keys: &[EngagementOf],
    ) -> Result<HashMap<EngagementOf, Self::Value>, Error> {
        let ids: Vec<ContactId> = keys.iter().map(|key| key.0).collect();
        let found = engagement::read::load(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        let each = found.into_iter();
        Ok(each.map(|(id, days)| (EngagementOf(id), days)).collect())
    }
}

/// Asks for how engaged an account's people are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EngagementOfAccount(pub(crate) AccountId);

#[async_trait::async_trait]
impl Load<EngagementOfAccount> for Loader {
    type Value = engagement::Group;
    type Error = Error;

    async fn load(
        &self,
        keys: &[EngagementOfAccount],
    ) -> Result<HashMap<EngagementOfAccount, Self::Value>, Error> {
        let ids: Vec<AccountId> = keys.iter().map(|key| key.0).collect();
        let found = engagement::read::load_accounts(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        let each = found.into_iter();
        Ok(each
            .map(|(id, group)| (EngagementOfAccount(id), group))
            .collect())
    }
}

/// Asks for how a contact visits the web site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WebProfileOf(pub(crate) ContactId);

#[async_trait::async_trait]
impl Load<WebProfileOf> for Loader {
    type Value = web::read::Profile;
    type Error = Error;

    async fn load(
        &self,
        keys: &[WebProfileOf],
    ) -> Result<HashMap<WebProfileOf, Self::Value>, Error> {
        let ids: Vec<ContactId> = keys.iter().map(|key| key.0).collect();
        let rows = web::read::load(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| WebProfileOf(row.contact_id)))
    }
}

/// Asks for a contact's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct HealthOf(pub(crate) ContactId);

#[async_trait::async_trait]
impl Load<HealthOf> for Loader {
    type Value = entity::contact_health::Model;
    type Error = Error;

    async fn load(&self, keys: &[HealthOf]) -> Result<HashMap<HealthOf, Self::Value>, Error> {
        let ids: Vec<ContactId> = keys.iter().map(|key| key.0).collect();
        let rows = health::load(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| HealthOf(row.contact_id)))
    }
}

/// Asks for how a contact's health changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TrendOf(pub(crate) ContactId);

#[async_trait::async_trait]
impl Load<TrendOf> for Loader {
    type Value = health::trend::Trend;
    type Error = Error;

    async fn load(&self, keys: &[TrendOf]) -> Result<HashMap<TrendOf, Self::Value>, Error> {
        let ids: Vec<ContactId> = keys.iter().map(|key| key.0).collect();
        let found = health::trend::load_trends(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        let each = found.into_iter();
        Ok(each.map(|(id, trend)| (TrendOf(id), trend)).collect())
    }
}

/// Asks for who caused an email event, which the other events of the email say.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct VerdictOf {
    /// The event.
    pub(crate) id: EmailEventId,
    /// The sender's id of the email.
    pub(crate) email_key: String,
    /// The address it went to.
    pub(crate) recipient: String,
}

#[async_trait::async_trait]
impl Load<VerdictOf> for Loader {
    type Value = email::origin::Verdict;
    type Error = Error;

    async fn load(&self, keys: &[VerdictOf]) -> Result<HashMap<VerdictOf, Self::Value>, Error> {
        let emails = keys.iter();
        let emails: BTreeSet<(&str, &str)> = emails
            .map(|key| (key.email_key.as_str(), key.recipient.as_str()))
            .collect();
        let found = email::read::load_verdicts(&self.ctx, self.workspace, &emails)
            .await
            .map_err(fault)?;
        let each = keys.iter();
        Ok(each
            .filter_map(|key| Some((key.clone(), *found.get(&key.id)?)))
            .collect())
    }
}

/// Asks for how much email a contact gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PressureOf(pub(crate) ContactId);

#[async_trait::async_trait]
impl Load<PressureOf> for Loader {
    /// With today, in the workspace's time zone.
    type Value = (email::pressure::Sent, NaiveDate);
    type Error = Error;

    async fn load(&self, keys: &[PressureOf]) -> Result<HashMap<PressureOf, Self::Value>, Error> {
        let ids: Vec<ContactId> = keys.iter().map(|key| key.0).collect();
        let (rows, today) = email::pressure::load(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        let each = rows.into_iter();
        Ok(each
            .map(|row| (PressureOf(row.contact_id), (row, today)))
            .collect())
    }
}

/// Asks for when everybody's health was last computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LastNight;

#[async_trait::async_trait]
impl Load<LastNight> for Loader {
    type Value = DateTime<Utc>;
    type Error = Error;

    async fn load(&self, keys: &[LastNight]) -> Result<HashMap<LastNight, Self::Value>, Error> {
        let last = health::trend::last_night(&self.ctx, self.workspace)
            .await
            .map_err(fault)?;
        let found = last.map(|last| keys.iter().map(move |key| (*key, last)));
        Ok(found.into_iter().flatten().collect())
    }
}

/// Asks for an entry of a contact's health history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct HealthEntryOf {
    /// Whose.
    pub(crate) contact: ContactId,
    /// The moment it was computed for.
    pub(crate) as_of: DateTime<Utc>,
    /// The entry.
    pub(crate) id: HealthEntryId,
}

#[async_trait::async_trait]
impl Load<HealthEntryOf> for Loader {
    type Value = entity::health_history::Model;
    type Error = Error;

    async fn load(
        &self,
        keys: &[HealthEntryOf],
    ) -> Result<HashMap<HealthEntryOf, Self::Value>, Error> {
        let keys: Vec<_> = keys
            .iter()
            .map(|key| (key.contact, key.as_of, key.id))
            .collect();
        let rows = health::load_entries(&self.ctx, self.workspace, &keys)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| HealthEntryOf {
            contact: row.contact_id,
            as_of: row.as_of,
            id: row.id,
        }))
    }
}

/// Asks for a version of the health model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ModelOf(pub(crate) i64);

#[async_trait::async_trait]
impl Load<ModelOf> for Loader {
    type Value = health::model::Model;
    type Error = Error;

    async fn load(&self, keys: &[ModelOf]) -> Result<HashMap<ModelOf, Self::Value>, Error> {
        let versions: Vec<i64> = keys.iter().map(|key| key.0).collect();
        let models = health::load_models(&self.ctx, self.workspace, &versions)
            .await
            .map_err(fault)?;
        Ok(by(models, |model| ModelOf(model.version)))
    }
}

/// Asks for a tag's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CountsOf(pub(crate) TagId);

#[async_trait::async_trait]
impl Load<CountsOf> for Loader {
    type Value = HashMap<TagTarget, tag::TagCount>;
    type Error = Error;

    async fn load(&self, keys: &[CountsOf]) -> Result<HashMap<CountsOf, Self::Value>, Error> {
        let ids: Vec<TagId> = keys.iter().map(|key| key.0).collect();
        let rows = tag::catalogue::load_counts(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(group(rows, |row| CountsOf(row.tag_id))
            .into_iter()
            .map(|(key, counts)| (key, by(counts, |count| count.target)))
            .collect())
    }
}

/// Asks for who receives what is sent to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ReceiversOf(pub(crate) TargetId);

#[async_trait::async_trait]
impl Load<ReceiversOf> for Loader {
    type Value = notification::Receivers;
    type Error = Error;

    async fn load(&self, keys: &[ReceiversOf]) -> Result<HashMap<ReceiversOf, Self::Value>, Error> {
        let ids: Vec<TargetId> = keys.iter().map(|key| key.0).collect();
        let found = notification::receiver::load(self.ctx.reader(), self.workspace, &ids)
            .await
            .map_err(fault)?;
        let each = found.into_iter();
        Ok(each.map(|(id, one)| (ReceiversOf(id), one)).collect())
    }
}

/// Asks for a version of a playbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct VersionOf(pub(crate) PlaybookId, pub(crate) i64);

#[async_trait::async_trait]
impl Load<VersionOf> for Loader {
    type Value = playbook::Version;
    type Error = Error;

    async fn load(&self, keys: &[VersionOf]) -> Result<HashMap<VersionOf, Self::Value>, Error> {
        let keys: Vec<_> = keys.iter().map(|key| (key.0, key.1)).collect();
        let rows = playbook::load_versions(&self.ctx, self.workspace, &keys)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| VersionOf(row.playbook_id, row.version)))
    }
}

/// Asks for how many are where in a version of a playbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TalliesOf(pub(crate) PlaybookId, pub(crate) i64);

#[async_trait::async_trait]
impl Load<TalliesOf> for Loader {
    type Value = playbook::Tallies;
    type Error = Error;

    async fn load(&self, keys: &[TalliesOf]) -> Result<HashMap<TalliesOf, Self::Value>, Error> {
        let keys: Vec<_> = keys.iter().map(|key| (key.0, key.1)).collect();
        let tallies = playbook::load_tallies(&self.ctx, self.workspace, &keys)
            .await
            .map_err(fault)?;
        let tallies = tallies.into_iter();
        Ok(tallies
            .map(|((id, version), tallies)| (TalliesOf(id, version), tallies))
            .collect())
    }
}

/// Asks for how many are where in a playbook, over all versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OverallOf(pub(crate) PlaybookId);

#[async_trait::async_trait]
impl Load<OverallOf> for Loader {
    type Value = playbook::Overall;
    type Error = Error;

    async fn load(&self, keys: &[OverallOf]) -> Result<HashMap<OverallOf, Self::Value>, Error> {
        let ids: Vec<PlaybookId> = keys.iter().map(|key| key.0).collect();
        let found = playbook::load_overall(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        let found = found.into_iter();
        Ok(found
            .map(|(id, overall)| (OverallOf(id), overall))
            .collect())
    }
}
