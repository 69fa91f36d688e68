//! What a thing has one of, found by more than its own id. The type of the key says what is wanted.

use std::collections::{BTreeSet, HashMap};

use async_graphql::{Error, dataloader::Loader as Load};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::{
    account,
    condition::reference::{self, IdKind},
    contact, email, health, latest, notification, playbook,
    profile::{engagement, rfm, web},
    rule, tag, workspace,
};
use entity::{
    id::{
        AccountId, ContactId, EmailEventId, HealthEntryId, MergeId, PlaybookId, RuleId, TagId,
        TargetId,
    },
    kind::{CustomerKind, EmailScope, TagTarget},
};
use uuid::Uuid;

use super::{Loader, by, group};
use crate::graphql::error::fault;

/// Rows that name whose they are: the key, what it is made of, the row, its finder, and the field that names the
/// owner.
macro_rules! rows {
    ($($(#[$doc:meta])* $key:ident($id:ty) => $row:ty, $find:path, $owner:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            pub(crate) struct $key(pub(crate) $id);

            #[async_trait::async_trait]
            impl Load<$key> for Loader {
                type Value = $row;
                type Error = Error;

                async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Self::Value>, Error> {
                    let ids: Vec<$id> = keys.iter().map(|key| key.0).collect();
                    let rows = $find(&self.ctx, self.workspace, &ids).await.map_err(fault)?;
                    Ok(by(rows, |row| $key(row.$owner)))
                }
            }
        )*
    };
}

rows! {
    /// Asks for how an account's people are doing.
    StandingOf(AccountId) => account::Standing, account::load_standing, account_id;
    /// Asks for how a contact visits the web site.
    WebProfileOf(ContactId) => web::read::Profile, web::read::load, contact_id;
    /// Asks for a contact's health.
    HealthOf(ContactId) => entity::contact_health::Model, health::load, contact_id;
    /// Asks for a version of the health model.
    ModelOf(i64) => health::model::Model, health::load_models, version;
    /// Asks for a merge of contacts. Its id does not say that contacts were merged.
    ContactMergeOf(MergeId) => contact::merge::Merge, contact::merge::load, id;
    /// Asks for a merge of accounts.
    AccountMergeOf(MergeId) => account::merge::Merge, account::merge::load, id;
}

values! {
    /// Asks for how engaged a contact is.
    EngagementOf(ContactId) => engagement::ActiveDays, engagement::read::load;
    /// Asks for how engaged an account's people are.
    EngagementOfAccount(AccountId) => engagement::Group, engagement::read::load_accounts;
    /// Asks for how a contact's health changed.
    TrendOf(ContactId) => health::trend::Trend, health::trend::load_trends;
    /// Asks for how many are where in a playbook, over all versions.
    OverallOf(PlaybookId) => playbook::Overall, playbook::load_overall;
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

/// Asks for what something is called that a rule or condition names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NameOf {
    /// What kind of thing it is.
    pub(crate) kind: IdKind,
    /// Which one.
    pub(crate) id: Uuid,
}

#[async_trait::async_trait]
impl Load<NameOf> for Loader {
    type Value = String;
    type Error = Error;

    async fn load(&self, keys: &[NameOf]) -> Result<HashMap<NameOf, Self::Value>, Error> {
        let things: Vec<(IdKind, Uuid)> = keys.iter().map(|key| (key.kind, key.id)).collect();
        let names = reference::names(self.ctx.reader(), self.workspace, &things)
            .await
            .map_err(fault)?;
        let each = keys.iter();
        Ok(each
            .filter_map(|key| Some((*key, names.get(&key.id)?.clone())))
            .collect())
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

/// Asks for what became of the emails of a contact, an account, a campaign or all, day by day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EmailDaysOf {
    /// Which of these it is.
    pub(crate) scope: EmailScope,
    /// Whose.
    pub(crate) id: Uuid,
    /// The first day.
    pub(crate) from: NaiveDate,
    /// The last day.
    pub(crate) to: NaiveDate,
}

#[async_trait::async_trait]
impl Load<EmailDaysOf> for Loader {
    /// In order, without the days on which no email was sent.
    type Value = Vec<email::report::EmailDay>;
    type Error = Error;

    async fn load(&self, keys: &[EmailDaysOf]) -> Result<HashMap<EmailDaysOf, Self::Value>, Error> {
        let mut found: HashMap<EmailDaysOf, Vec<_>> = HashMap::new();
        // One span, unless several fields of the request ask for different ones.
        let spans = group(keys.to_vec(), |key| (key.scope, key.from, key.to));
        for ((scope, from, to), keys) in spans {
            let ids: Vec<Uuid> = keys.iter().map(|key| key.id).collect();
            let (ctx, workspace) = (&self.ctx, self.workspace);
            let days = email::report::load_daily(ctx, workspace, scope, &ids, from, to)
                .await
                .map_err(fault)?;
            for (id, day) in days {
                let key = EmailDaysOf {
                    scope,
                    id,
                    from,
                    to,
                };
                found.entry(key).or_default().push(day);
            }
        }
        Ok(found)
    }
}

/// Asks for how regularly a contact reads email, in the days that end with this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RecencyOf(pub(crate) ContactId, pub(crate) NaiveDate);

#[async_trait::async_trait]
impl Load<RecencyOf> for Loader {
    type Value = email::report::Recency;
    type Error = Error;

    async fn load(&self, keys: &[RecencyOf]) -> Result<HashMap<RecencyOf, Self::Value>, Error> {
        let mut found = HashMap::new();
        for (today, keys) in group(keys.to_vec(), |key| key.1) {
            let ids: Vec<ContactId> = keys.iter().map(|key| key.0).collect();
            let each = email::report::recency(&self.ctx, self.workspace, &ids, today)
                .await
                .map_err(fault)?;
            let each = each.into_iter();
            found.extend(each.map(|(id, recency)| (RecencyOf(id, today), recency)));
        }
        Ok(found)
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

/// Asks for what a rule was in a version, as firings name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DefinitionOf(pub(crate) RuleId, pub(crate) i64);

#[async_trait::async_trait]
impl Load<DefinitionOf> for Loader {
    type Value = rule::definition::Definition;
    type Error = Error;

    async fn load(
        &self,
        keys: &[DefinitionOf],
    ) -> Result<HashMap<DefinitionOf, Self::Value>, Error> {
        let keys: Vec<_> = keys.iter().map(|key| (key.0, key.1)).collect();
        let found = rule::version::load(&self.ctx, self.workspace, &keys)
            .await
            .map_err(fault)?;
        let found = found.into_iter();
        Ok(found
            .map(|((id, version), definition)| (DefinitionOf(id, version), definition))
            .collect())
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
