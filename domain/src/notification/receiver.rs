//! Who receives what is sent to a target of kind `EMAIL` or `IN_APP`: everybody, teams, members, whoever is in
//! charge, and for email any addresses.
//!
//! Who that is in persons is asked when a notification is sent, so that it follows the teams. Who is in charge
//! depends on what the notification is about and is asked by `charge`.

use std::collections::{BTreeMap, BTreeSet};

use entity::{
    id::{MemberId, TargetId, TeamId, WorkspaceId},
    kind::TargetKind,
};
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde::Serialize;

use crate::{
    ctx::Ctx,
    error::{Result, UserError, UserErrorCode},
    mail::EmailAddress,
    store::{Query, Rows, Tx},
};

/// Receivers a target may have.
pub const RECEIVER_LIMIT: usize = 50;
/// Persons one notification is sent to at most.
const PERSONS_LIMIT: i64 = 500;

/// Who receives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receivers {
    /// All members.
    pub everybody: bool,
    /// The members of teams.
    pub teams: Vec<TeamId>,
    /// Members by themselves.
    pub members: Vec<MemberId>,
    /// Email addresses, whoever's.
    pub addresses: Vec<String>,
    /// Whoever looks after the contact, or the account where there is no contact.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub owner: bool,
    /// Whoever deals with the conversation.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub assignee: bool,
    /// The members of a team, where neither of the two is anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<TeamId>,
}

impl Receivers {
    fn count(&self) -> usize {
        let flags = [self.everybody, self.owner, self.assignee];
        let flags = flags.into_iter().filter(|&flag| flag).count();
        flags + self.teams.len() + self.members.len() + self.addresses.len()
    }

    /// Whether who receives a notification depends on what it is about.
    pub(super) fn follow(&self) -> bool {
        self.owner || self.assignee
    }
}

/// Checks receivers for a target of `kind` and brings them into their normal form.
pub(super) async fn check(
    tx: &Tx<'_>,
    kind: TargetKind,
    mut receivers: Receivers,
    errors: &mut Vec<UserError>,
) -> Result<Receivers> {
    let mut refuse = |path: &[&str], code, message: &str| {
        let path = [&["receivers"], path].concat();
        errors.push(UserError::new(&path, code, message));
    };
    let has_receivers = matches!(kind, TargetKind::Email | TargetKind::InApp);
    if !has_receivers {
        if receivers.count() > 0 || receivers.otherwise.is_some() {
            let message = "A target of this kind goes to its address; leave the receivers out.";
            refuse(&[], UserErrorCode::KindMismatch, message);
        }
        return Ok(Receivers::default());
    }
    if receivers.count() == 0 {
        let message =
            "Say who receives it: everybody, teams, members, addresses, owner or assignee.";
        refuse(&[], UserErrorCode::Required, message);
    }
    if receivers.count() > RECEIVER_LIMIT {
        let message = format!("Name at most {RECEIVER_LIMIT} receivers; make a team of them.");
        refuse(&[], UserErrorCode::TooLong, &message);
        return Ok(receivers);
    }
    if kind == TargetKind::InApp && !receivers.addresses.is_empty() {
        let message = "Only email goes to addresses; name members or teams.";
        refuse(&["addresses"], UserErrorCode::KindMismatch, message);
    }
    if receivers.otherwise.is_some() && !receivers.follow() {
        let message =
            "A team stands in for owner or assignee. Set one of these, or name it as a team.";
        refuse(&["otherwiseTeamId"], UserErrorCode::Contradictory, message);
    }
    let mut addresses = BTreeSet::new();
    for (place, address) in receivers.addresses.iter().enumerate() {
        let parsed = EmailAddress::parse(address).ok();
        match parsed
            .map(|address| address.to_string())
            .filter(|text| text.is_ascii())
        {
            Some(address) => {
                addresses.insert(address);
            }
            None => refuse(
                &["addresses", &place.to_string()],
                UserErrorCode::Invalid,
                "Give an email address such as team@example.com.",
            ),
        }
    }
    receivers.addresses = addresses.into_iter().collect();
    for place in absent(tx, "team", "", &receivers.teams).await? {
        refuse(
            &["teamIds", &place.to_string()],
            UserErrorCode::NotFound,
            "There is no such team.",
        );
    }
    let otherwise: Vec<TeamId> = receivers.otherwise.into_iter().collect();
    if !absent(tx, "team", "", &otherwise).await?.is_empty() {
        refuse(
            &["otherwiseTeamId"],
            UserErrorCode::NotFound,
            "There is no such team.",
        );
    }
    let here = " AND t.removed_at IS NULL";
    for place in absent(tx, "member", here, &receivers.members).await? {
        refuse(
            &["memberIds", &place.to_string()],
            UserErrorCode::NotFound,
            "There is no such member.",
        );
    }
    receivers.teams = unique(receivers.teams);
    receivers.members = unique(receivers.members);
    Ok(receivers)
}

fn unique<I: Ord>(ids: Vec<I>) -> Vec<I> {
    ids.into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

#[derive(FromQueryResult)]
struct Place {
    place: i64,
}

/// The places of those of `ids` that are not in a table, in their order.
async fn absent<I: entity::id::Id>(
    tx: &Tx<'_>,
    table: &str,
    only: &str,
    ids: &[I],
) -> Result<Vec<i64>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<Place> = Query::new(format!(
        "SELECT r.place FROM {{r}}
         WHERE NOT EXISTS (SELECT 1 FROM {table} t
           WHERE t.workspace_id = $1 AND t.id = r.id{only})
         ORDER BY r.place"
    ))
    .bind(tx.workspace)
    .rows(
        "r",
        Rows::new()
            .ids("id", ids.iter().copied())
            .ints("place", (0..).take(ids.len())),
    )
    .all(tx.connection())
    .await?;
    Ok(places.into_iter().map(|one| one.place).collect())
}

/// One of those who receive.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Receives {
    Everybody,
    Team(TeamId),
    Member(MemberId),
    Address(String),
    Owner,
    Assignee,
    /// The team that stands in for whoever is in charge.
    Otherwise(TeamId),
}

impl Receives {
    /// Each of them.
    fn each(receivers: &Receivers) -> Vec<Self> {
        let mut rows = Vec::new();
        rows.extend(receivers.everybody.then_some(Self::Everybody));
        rows.extend(receivers.teams.iter().copied().map(Self::Team));
        rows.extend(receivers.members.iter().copied().map(Self::Member));
        rows.extend(receivers.addresses.iter().cloned().map(Self::Address));
        rows.extend(receivers.owner.then_some(Self::Owner));
        rows.extend(receivers.assignee.then_some(Self::Assignee));
        rows.extend(receivers.otherwise.map(Self::Otherwise));
        rows
    }

    fn team(&self) -> Option<TeamId> {
        match self {
            Self::Team(team) | Self::Otherwise(team) => Some(*team),
            _ => None,
        }
    }

    fn member(&self) -> Option<MemberId> {
        match self {
            Self::Member(member) => Some(*member),
            _ => None,
        }
    }

    fn address(&self) -> Option<String> {
        match self {
            Self::Address(address) => Some(address.clone()),
            _ => None,
        }
    }
}

/// Writes who receives what is sent to a target, in place of who did.
pub(super) async fn store(tx: &Tx<'_>, target: TargetId, receivers: &Receivers) -> Result<()> {
    Query::new(
        "DELETE FROM notification_receiver
         WHERE workspace_id = $1 AND notification_target_id = $2",
    )
    .bind(tx.workspace)
    .bind(target)
    .execute(tx.connection())
    .await?;
    let rows = Receives::each(receivers);
    if rows.is_empty() {
        return Ok(());
    }
    Query::new(
        "INSERT INTO notification_receiver (workspace_id, notification_target_id, place, everybody,
                                            owner, assignee, otherwise, team_id, member_id, address)
         SELECT $1, $2, r.place, r.everybody, r.owner, r.assignee, r.otherwise, r.team_id, r.member_id,
                r.address FROM {r}",
    )
    .bind(tx.workspace)
    .bind(target)
    .rows(
        "r",
        Rows::new()
            .ints("place", 0..rows.len() as i64)
            .flags("everybody", rows.iter().map(|row| *row == Receives::Everybody))
            .flags("owner", rows.iter().map(|row| *row == Receives::Owner))
            .flags("assignee", rows.iter().map(|row| *row == Receives::Assignee))
            .flags(
                "otherwise",
                rows.iter().map(|row| matches!(row, Receives::Otherwise(_))),
            )
            .opt_ids("team_id", rows.iter().map(Receives::team))
            .opt_ids("member_id", rows.iter().map(Receives::member))
            .opt_texts("address", rows.iter().map(Receives::address)),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[derive(FromQueryResult)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the columns of a row of the table"
)]
struct Row {
    notification_target_id: TargetId,
    everybody: bool,
    owner: bool,
    assignee: bool,
    otherwise: bool,
    team_id: Option<TeamId>,
    member_id: Option<MemberId>,
    address: Option<String>,
}

/// Who receives what is sent to each of `targets`, as far as they have receivers.
pub async fn load(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    targets: &[TargetId],
) -> Result<BTreeMap<TargetId, Receivers>> {
    let rows: Vec<Row> = Query::new(
        "SELECT v.notification_target_id, v.everybody, v.owner, v.assignee, v.otherwise, v.team_id,
                v.member_id, v.address
         FROM {r} JOIN notification_receiver v
           ON v.workspace_id = $1 AND v.notification_target_id = r.id
         ORDER BY v.notification_target_id, v.place",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("id", targets.iter().copied()))
    .all(connection)
    .await?;
    let mut found: BTreeMap<TargetId, Receivers> = BTreeMap::new();
    for row in rows {
        let receivers = found.entry(row.notification_target_id).or_default();
        receivers.everybody |= row.everybody;
        receivers.owner |= row.owner;
        receivers.assignee |= row.assignee;
        if row.otherwise {
            receivers.otherwise = row.team_id;
            continue;
        }
        receivers.teams.extend(row.team_id);
        receivers.members.extend(row.member_id);
        receivers.addresses.extend(row.address);
    }
    Ok(found)
}

/// The members a target's notifications go to now, each once, whatever they are about. SQL of the row `v` of
/// `notification_receiver` and the row `m` of `member`.
const RECEIVES: &str = "m.removed_at IS NULL AND (v.everybody OR m.id = v.member_id
    OR NOT v.otherwise AND EXISTS (SELECT 1 FROM team_member g WHERE g.workspace_id = v.workspace_id
               AND g.team_id = v.team_id AND g.member_id = m.id))";

/// The members a target's notifications go to now, whatever they are about.
pub(super) async fn members(tx: &Tx<'_>, target: TargetId) -> Result<Vec<MemberId>> {
    Ok(Query::new(format!(
        "SELECT m.id FROM member m WHERE m.workspace_id = $1 AND EXISTS (
             SELECT 1 FROM notification_receiver v
             WHERE v.workspace_id = $1 AND v.notification_target_id = $2 AND {RECEIVES})
         ORDER BY m.id LIMIT $3"
    ))
    .bind(tx.workspace)
    .bind(target)
    .bind(PERSONS_LIMIT)
    .column(tx.connection())
    .await?)
}

#[derive(FromQueryResult)]
struct Addressed {
    workspace_id: WorkspaceId,
    notification_target_id: TargetId,
    address: String,
}

/// The addresses that mail for each of `targets` goes to now, whatever it is about, each once.
pub(super) async fn addresses(
    ctx: &Ctx,
    targets: &[(WorkspaceId, TargetId)],
) -> Result<BTreeMap<(WorkspaceId, TargetId), BTreeSet<String>>> {
    if targets.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = Rows::new()
        .ids("workspace_id", targets.iter().map(|target| target.0))
        .ids("id", targets.iter().map(|target| target.1));
    let rows: Vec<Addressed> = Query::new(format!(
        "SELECT v.workspace_id, v.notification_target_id, COALESCE(v.address, m.email) AS address
         FROM {{r}} JOIN notification_receiver v
           ON v.workspace_id = r.workspace_id AND v.notification_target_id = r.id
         LEFT JOIN member m ON v.address IS NULL AND m.workspace_id = v.workspace_id AND {RECEIVES}
         WHERE v.address IS NOT NULL OR m.id IS NOT NULL"
    ))
    .rows("r", rows)
    .all(ctx.db.writer())
    .await?;
    let mut found: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        let target = (row.workspace_id, row.notification_target_id);
        let addresses = found.entry(target).or_default();
        if addresses.len() < PERSONS_LIMIT as usize {
            addresses.insert(row.address);
        }
    }
    Ok(found)
}
