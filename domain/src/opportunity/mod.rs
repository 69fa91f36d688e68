//! Opportunities: deals that may come about, came about or did not, as sales systems tell them.
//!
//! Taken in by `ingest` (see [`fact`](crate::fact) for what all kinds of facts have in common).

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    id::{AccountId, Id as _, OpportunityId, WorkspaceId},
    kind::OpportunityStatus,
    opportunity,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    access::Actor,
    ctx::Ctx,
    error::{Result, UserErrorCode},
    fact::{
        Checker, Filter, Ingested, Money,
        ingest::{self, Head, Told},
        read::{Listed, Table},
    },
    page::{Page, PageRequest},
    store::{Rows, rows_by_id},
    work::change::Fact,
};

/// An opportunity as its source tells it.
#[derive(Debug, Clone)]
pub struct NewOpportunity {
    /// Its id, whose it is, and how new this is.
    pub head: Head,
    /// What it is called.
    pub name: String,
    /// Where it stands.
    pub status: OpportunityStatus,
    /// The source's own name for the step it is at.
    pub stage: Option<String>,
    /// What it would come to, in the currency's minor unit.
    pub amount: Option<i64>,
    /// The currency's ISO 4217 code; given together with the amount.
    pub currency: Option<String>,
    /// How likely it is, in per cent.
    pub probability: Option<i64>,
    /// The day it is expected to be decided.
    pub expected_close: Option<NaiveDate>,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it was decided.
    pub closed_at: Option<DateTime<Utc>>,
}

/// An opportunity's own part, checked.
#[derive(Debug, Serialize)]
pub(crate) struct Opportunity {
    name: String,
    status: OpportunityStatus,
    stage: Option<String>,
    money: Option<Money>,
    probability: Option<i64>,
    expected_close: Option<NaiveDate>,
    opened_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
}

/// Takes opportunities in, at most a thousand; the latest by the source's own time counts.
pub async fn ingest(
    ctx: &Ctx,
    actor: &Actor,
    opportunities: Vec<NewOpportunity>,
) -> Result<Vec<Ingested<OpportunityId>>> {
    ingest::ingest::<Opportunity>(ctx, actor, opportunities).await
}

impl Told for Opportunity {
    type Id = OpportunityId;
    type New = NewOpportunity;

    const TABLE: &'static str = "opportunity";
    const LIST: &'static str = "opportunities";
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "status",
        "stage",
        "amount",
        "currency",
        "probability",
        "expected_close",
        "opened_at",
        "closed_at",
    ];

    fn head(new: &NewOpportunity) -> Head {
        new.head.clone()
    }

    fn check(new: NewOpportunity, checker: &mut Checker<'_>) -> Self {
        if new.probability.is_some_and(|one| !(0..=100).contains(&one)) {
            let message = "Give the probability in per cent, from 0 to 100.";
            checker.refuse(&["probability"], UserErrorCode::Invalid, message);
        }
        if new.closed_at.is_some() && new.status == OpportunityStatus::Open {
            let message = "An open opportunity has not been decided yet.";
            checker.refuse(&["closedAt"], UserErrorCode::Contradictory, message);
        }
        let years = NaiveDate::from_ymd_opt(1900, 1, 1)..NaiveDate::from_ymd_opt(10_000, 1, 1);
        if new.expected_close.is_some() && !years.contains(&new.expected_close) {
            let message = "Give a day between the years 1900 and 9999.";
            checker.refuse(&["expectedClose"], UserErrorCode::Invalid, message);
        }
        Self {
            name: checker.name(&new.name, &["name"], 200),
            status: new.status,
            stage: checker.text(new.stage.as_deref(), &["stage"], 100),
            money: check_money(new.amount, new.currency.as_deref(), checker),
            probability: new.probability,
            expected_close: new.expected_close,
            opened_at: checker.past(new.opened_at, &["openedAt"]),
            closed_at: new.closed_at.map(|at| checker.past(at, &["closedAt"])),
        }
    }

    fn rows(rows: Rows, told: &[&Self]) -> Rows {
        let money = || told.iter().map(|one| one.money.as_ref());
        rows.texts("name", told.iter().map(|one| one.name.as_str()))
            .texts("status", told.iter().map(|one| one.status.word()))
            .opt_texts("stage", told.iter().map(|one| one.stage.clone()))
            .opt_ints(
                "amount",
                money().map(|money| money.map(|money| money.amount)),
            )
            .opt_texts(
                "currency",
                money().map(|money| money.map(|money| money.currency.clone())),
            )
            .opt_ints("probability", told.iter().map(|one| one.probability))
            .opt_dates("expected_close", told.iter().map(|one| one.expected_close))
            .times("opened_at", told.iter().map(|one| one.opened_at))
            .opt_times("closed_at", told.iter().map(|one| one.closed_at))
    }

    fn fact(&self, id: OpportunityId, account: Option<AccountId>, previous: Option<&str>) -> Fact {
        Fact::OpportunityRecorded {
            opportunity_id: id,
            account_id: account,
            status: self.status,
            previous_status: previous.and_then(OpportunityStatus::from_word),
        }
    }
}

/// An amount and its currency come together or not at all.
fn check_money(
    amount: Option<i64>,
    currency: Option<&str>,
    checker: &mut Checker<'_>,
) -> Option<Money> {
    match (amount, currency) {
        (Some(amount), Some(currency)) => Some(checker.money(amount, currency)),
        (None, None) => None,
        (amount, _) => {
            let missing = if amount.is_some() {
                "currency"
            } else {
                "amount"
            };
            let message = "Give the amount and its currency together.";
            checker.refuse(&[missing], UserErrorCode::Required, message);
            None
        }
    }
}

const TABLE: Table<OpportunityStatus> = Table::new(
    "opportunity",
    "opened",
    "t.opened_at",
    OpportunityStatus::word,
);

impl Listed for opportunity::Model {
    fn place(&self) -> (DateTime<Utc>, Uuid) {
        (self.opened_at, self.id.uuid())
    }
}

/// A page of opportunities by when they were opened, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &Filter<OpportunityStatus>,
    page: &PageRequest,
) -> Result<Page<(String, opportunity::Model)>> {
    TABLE
        .list(ctx, workspace, (filter, None), |_| {}, page)
        .await
}

/// The opportunities among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[OpportunityId],
) -> Result<Vec<opportunity::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}
