//! Asking contacts to answer, any number at once, in the caller's transaction.
//!
//! A contact is asked once in each wave of a survey. The contacts are held, in the order of their ids,
//! before it is looked who was asked when, so that two who ask the same person at the same moment
//! cannot both find that nobody has.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{ContactId, Id as _, SurveyId, SurveyInvitationId},
    kind::{Channel, DueKind, IdentityKind, SubscriptionState, SurveyMedium},
    survey,
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    access::{Origin, token},
    contact,
    error::Result,
    locale::Locale,
    store::{Query, Rows, Tx, dialect, rows_by_id},
    vault::reseal::{Named, Place},
    work::{
        change::{Change, Entry, Fact},
        due,
    },
    workspace,
};

/// The topic of the subscription to surveys by email; whoever has said no to it, or to all email, is
/// sent none.
pub const TOPIC: &str = "surveys";
/// What a sealed link is for; see [`crate::vault`].
pub(super) const PURPOSE: &str = "survey_invitation.token";
/// Where the sealed links are.
pub(crate) const SEALED: Place = Place {
    table: "survey_invitation",
    column: "sealed_token",
    purpose: PURPOSE,
    named: Named::ById,
};

/// One contact to be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) survey: SurveyId,
    pub(crate) contact: ContactId,
    pub(crate) medium: SurveyMedium,
    /// Who has them asked.
    pub(crate) origin: Origin,
    /// The log entry it follows from, if it follows from one.
    pub(crate) cause: Option<&'a Entry>,
    /// A mail sets off no earlier.
    pub(crate) not_before: Option<DateTime<Utc>>,
}

/// Why somebody is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotInvited {
    /// There is no such survey.
    NoSurvey,
    /// The survey is archived.
    Archived,
    /// There is no such contact.
    NoContact,
    /// They were asked in this wave, which ends then; it never ends when nothing is said.
    Already(Option<DateTime<Utc>>),
    /// They have no email address.
    NoAddress,
    /// They do not want email, or no surveys by it.
    Unsubscribed,
    /// Nobody has said where this installation is seen, so no mail can lead to its form.
    NoPublicUrl,
}

/// Somebody who is asked.
#[derive(Debug)]
pub(crate) struct Invited {
    pub(crate) id: SurveyInvitationId,
    /// What opens the form.
    pub(crate) token: SecretString,
}

/// Asks contacts, and says for each what became of it. The number of statements does not depend on
/// how many there are.
pub(crate) async fn invite(
    tx: &mut Tx<'_>,
    wanted: &[Wanted<'_>],
) -> Result<Vec<Result<Invited, NotInvited>>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let people = people(tx, wanted.iter().map(|one| one.contact).collect()).await?;
    let surveys = surveys(tx, wanted.iter().map(|one| one.survey).collect()).await?;
    let mut asked = asked(tx, wanted).await?;
    let told_no = unsubscribed(tx, wanted).await?;
    let fallback = workspace::locale_of(tx).await?;
    let mut results = Vec::with_capacity(wanted.len());
    let mut new = Vec::new();
    for one in wanted {
        let last = asked.get(&(one.survey, one.contact)).copied();
        let judged = judge(tx, one, &people, &surveys, last, &told_no);
        results.push(match judged {
            Err(reason) => Err(reason),
            Ok(survey) => {
                asked.insert((one.survey, one.contact), tx.now);
                let locale = people.get(&one.contact).and_then(Person::locale);
                let made = New::make(tx, *one, survey, locale.unwrap_or(fallback))?;
                let invited = Invited {
                    id: made.id,
                    token: made.token.clone(),
                };
                new.push(made);
                Ok(invited)
            }
        });
    }
    write(tx, &new).await?;
    Ok(results)
}

/// The survey, if the contact may be asked.
fn judge<'s>(
    tx: &Tx<'_>,
    one: &Wanted<'_>,
    people: &HashMap<ContactId, Person>,
    surveys: &'s HashMap<SurveyId, survey::Model>,
    last: Option<DateTime<Utc>>,
    told_no: &HashSet<ContactId>,
) -> Result<&'s survey::Model, NotInvited> {
    let survey = surveys.get(&one.survey).ok_or(NotInvited::NoSurvey)?;
    let person = people.get(&one.contact).ok_or(NotInvited::NoContact)?;
    if survey.archived_at.is_some() {
        return Err(NotInvited::Archived);
    }
    if let Some(last) = last {
        let wave = TimeDelta::try_days(survey.wave_days);
        let until = wave.and_then(|wave| last.checked_add_signed(wave));
        if until.is_none_or(|until| until > tx.now) {
            return Err(NotInvited::Already(until));
        }
    }
    if one.medium == SurveyMedium::Email {
        if person.email.is_none() {
            return Err(NotInvited::NoAddress);
        }
        if person.erased || told_no.contains(&one.contact) {
            return Err(NotInvited::Unsubscribed);
        }
        if tx.ctx().public_url.is_none() {
            return Err(NotInvited::NoPublicUrl);
        }
    }
    Ok(survey)
}

#[derive(FromQueryResult)]
struct PersonRow {
    id: ContactId,
    email: Option<String>,
    locale: Option<String>,
}

struct Person {
    email: Option<String>,
    language: Option<String>,
    /// Whether the address is that of somebody who was erased.
    erased: bool,
}

impl Person {
    fn locale(&self) -> Option<Locale> {
        Locale::of_tag(self.language.as_deref()?)
    }
}

/// The contacts who are there, held until the end.
async fn people(tx: &Tx<'_>, ids: BTreeSet<ContactId>) -> Result<HashMap<ContactId, Person>> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let rows: Vec<PersonRow> = Query::new(format!(
        "SELECT c.id, c.email, c.locale FROM contact c WHERE c.workspace_id = $1
           AND c.id IN (SELECT r.id FROM {{r}}) AND c.merged_into_id IS NULL
         ORDER BY c.id {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", ids))
    .all(tx.connection())
    .await?;
    let addresses = rows.iter().filter_map(|row| row.email.as_deref());
    let erased = contact::are_suppressed(tx, IdentityKind::Email, addresses).await?;
    let erased: HashSet<String> = erased.into_iter().map(str::to_owned).collect();
    let people = rows.into_iter().map(|row| {
        let person = Person {
            erased: row.email.as_ref().is_some_and(|one| erased.contains(one)),
            email: row.email,
            language: row.locale,
        };
        (row.id, person)
    });
    Ok(people.collect())
}

async fn surveys(tx: &Tx<'_>, ids: BTreeSet<SurveyId>) -> Result<HashMap<SurveyId, survey::Model>> {
    let ids: Vec<SurveyId> = ids.into_iter().collect();
    let rows: Vec<survey::Model> = rows_by_id(tx.connection(), tx.workspace, &ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

#[derive(FromQueryResult)]
struct Asked {
    survey_id: SurveyId,
    contact_id: ContactId,
    created_at: DateTime<Utc>,
}

/// When who was last asked by which survey. A mail that could not be sent asked nobody.
async fn asked(
    tx: &Tx<'_>,
    wanted: &[Wanted<'_>],
) -> Result<BTreeMap<(SurveyId, ContactId), DateTime<Utc>>> {
    let pairs: BTreeSet<(SurveyId, ContactId)> =
        wanted.iter().map(|one| (one.survey, one.contact)).collect();
    let rows: Vec<Asked> = Query::new(
        "SELECT i.survey_id, i.contact_id, i.created_at FROM {r} JOIN survey_invitation i
           ON i.workspace_id = $1 AND i.contact_id = r.contact_id AND i.survey_id = r.survey_id
         WHERE i.failed_at IS NULL",
    )
    .bind(tx.workspace)
    .rows(
        "r",
        Rows::new()
            .ids("survey_id", pairs.iter().map(|pair| pair.0))
            .ids("contact_id", pairs.iter().map(|pair| pair.1)),
    )
    .all(tx.connection())
    .await?;
    let mut last = BTreeMap::new();
    for row in rows {
        let at = last
            .entry((row.survey_id, row.contact_id))
            .or_insert(row.created_at);
        *at = row.created_at.max(*at);
    }
    Ok(last)
}

/// Those among the contacts who do not want email, or no surveys by it.
async fn unsubscribed(tx: &Tx<'_>, wanted: &[Wanted<'_>]) -> Result<HashSet<ContactId>> {
    let mailed = wanted
        .iter()
        .filter(|one| one.medium == SurveyMedium::Email);
    let ids: BTreeSet<ContactId> = mailed.map(|one| one.contact).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<ContactId> = Query::new(
        "SELECT s.contact_id FROM {r}
         JOIN subscription s ON s.workspace_id = $1 AND s.contact_id = r.id
         WHERE s.channel = $2 AND s.topic IN ($3, $4) AND s.state = $5",
    )
    .bind(tx.workspace)
    .bind(Channel::Email.word())
    .bind(contact::subscription::EVERYTHING)
    .bind(TOPIC)
    .bind(SubscriptionState::Unsubscribed.word())
    .rows("r", Rows::new().ids("id", ids))
    .column(tx.connection())
    .await?;
    Ok(found.into_iter().collect())
}

/// An invitation about to be written.
struct New<'a> {
    id: SurveyInvitationId,
    wanted: Wanted<'a>,
    locale: Locale,
    token: SecretString,
    sealed: Option<String>,
    expires_at: DateTime<Utc>,
    /// How long a mail waits before it sets off.
    wait: TimeDelta,
}

impl<'a> New<'a> {
    fn make(
        tx: &Tx<'_>,
        wanted: Wanted<'a>,
        survey: &survey::Model,
        locale: Locale,
    ) -> Result<Self> {
        let (ctx, id) = (tx.ctx(), tx.id::<SurveyInvitationId>());
        let mut random = [0; 32];
        ctx.ids.fill(&mut random);
        let token = SecretString::from(URL_SAFE_NO_PAD.encode(random));
        let sealed = match wanted.medium {
            SurveyMedium::Link => None,
            SurveyMedium::Email => {
                let sealed = ctx.vault.seal(&*ctx.ids, id.uuid(), PURPOSE, &token)?;
                Some(sealed.as_str().to_owned())
            }
        };
        let wait = wanted
            .not_before
            .map_or(TimeDelta::zero(), |at| at - tx.now);
        Ok(Self {
            id,
            wanted,
            locale,
            token,
            sealed,
            expires_at: tx.now + TimeDelta::days(survey.valid_days),
            wait: wait.max(TimeDelta::zero()),
        })
    }

    fn is_mail(&self) -> bool {
        self.wanted.medium == SurveyMedium::Email
    }
}

/// Writes invitations, and has the mails among them sent.
async fn write(tx: &mut Tx<'_>, new: &[New<'_>]) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let (now, each) = (tx.now, || new.iter());
    let rows = Rows::new()
        .ids("id", each().map(|one| one.id))
        .ids("survey_id", each().map(|one| one.wanted.survey))
        .ids("contact_id", each().map(|one| one.wanted.contact))
        .texts("medium", each().map(|one| one.wanted.medium.word()))
        .texts("locale", each().map(|one| one.locale.word()))
        .blobs(
            "token_hash",
            each().map(|one| token::hash(one.token.expose_secret()).to_vec()),
        )
        .opt_texts("sealed_token", each().map(|one| one.sealed.clone()))
        .json("made_by", each().map(|one| one.wanted.origin.json()))
        .times("expires_at", each().map(|one| one.expires_at))
        .opt_times(
            "next_attempt_at",
            each().map(|one| one.is_mail().then(|| now + one.wait)),
        )
        .opt_times("sent_at", each().map(|one| (!one.is_mail()).then_some(now)));
    Query::new(
        "INSERT INTO survey_invitation (workspace_id, id, survey_id, contact_id, medium, locale,
             token_hash, sealed_token, made_by, created_at, expires_at, attempts, next_attempt_at,
             sent_at)
         SELECT $1, r.id, r.survey_id, r.contact_id, r.medium, r.locale, r.token_hash,
                r.sealed_token, r.made_by, $2, r.expires_at, 0, r.next_attempt_at, r.sent_at
         FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    let mails = each().filter(|one| one.is_mail());
    let items: Vec<_> = mails
        .map(|one| due::NewItem {
            kind: DueKind::SurveyInvitation,
            subject: one.id.uuid(),
            wait: one.wait,
        })
        .collect();
    let ctx = tx.ctx();
    due::add(ctx, tx, &items).await?;
    for one in new {
        let fact = Fact::SurveyInvited {
            invitation_id: one.id,
            survey_id: one.wanted.survey,
        };
        let (origin, contact) = (one.wanted.origin, Some(one.wanted.contact));
        tx.record(match one.wanted.cause {
            Some(cause) => Change::caused(cause, origin, contact, fact),
            None => Change::new(origin, contact, fact),
        });
    }
    Ok(())
}
