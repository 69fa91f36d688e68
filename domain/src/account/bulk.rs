//! Many accounts at once, for imports and bulk calls: the same effects as `write`, in a number of statements that does
//! not depend on how many there are. The caller has checked what it gives.

use std::collections::{BTreeSet, HashMap, HashSet, hash_map::Entry};

use entity::{
    account,
    id::{AccountId, Id as _},
};
use sea_orm::ConnectionTrait as _;
use uuid::Uuid;

use super::write::audited;
use crate::{
    access::Origin,
    audit::Record,
    error::{Error, Result},
    merge::{self, Things},
    search,
    stage::{self, Moved},
    store::{Query, Rows, Tx, dialect},
    subject::Subject,
    work::change::{Change, Fact},
};

/// How often accounts are looked for while they are merged and deleted.
const TRIES: u32 = 5;

/// What accounts are found by.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// External ids.
    pub(crate) external_ids: BTreeSet<String>,
    /// Email domains.
    pub(crate) domains: BTreeSet<String>,
    /// Folded names.
    pub(crate) name_keys: BTreeSet<String>,
}

/// Accounts, by what they are found by. Of several of one name, the oldest is found. What an account was
/// found by that was merged into another leads to that other.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// All of them.
    pub(crate) by_id: HashMap<AccountId, account::Model>,
    /// By external id.
    pub(crate) by_external_id: HashMap<String, AccountId>,
    /// By email domain.
    pub(crate) by_domain: HashMap<String, AccountId>,
    /// By folded name.
    pub(crate) by_name: HashMap<String, AccountId>,
    /// What leads to an account though it is another's that was merged into it: the column, and what is
    /// in it.
    led: HashSet<(&'static str, String)>,
}

impl Found {
    /// Adds one; what is there keeps its name.
    pub(crate) fn add(&mut self, account: account::Model) {
        let id = account.id;
        if let Some(key) = account.external_id.clone() {
            self.by_external_id.entry(key).or_insert(id);
        }
        if let Some(key) = account.domain.clone() {
            self.by_domain.entry(key).or_insert(id);
        }
        self.by_name.entry(account.name_key.clone()).or_insert(id);
        self.by_id.insert(id, account);
    }

    /// Lets what `gone` is found by lead to the account it was merged into, unless there is one of that
    /// name.
    fn lead(&mut self, gone: account::Model, to: AccountId) {
        for (column, key, found) in [
            ("external_id", gone.external_id, &mut self.by_external_id),
            ("domain", gone.domain, &mut self.by_domain),
            ("name_key", Some(gone.name_key), &mut self.by_name),
        ] {
            let Some(key) = key else { continue };
            if let Entry::Vacant(place) = found.entry(key.clone()) {
                place.insert(to);
                self.led.insert((column, key));
            }
        }
    }

    /// Whether `key`, in `column`, is that of an account that was merged: it is not to be given to the one
    /// it leads to.
    pub(crate) fn is_led(&self, column: &'static str, key: &str) -> bool {
        self.led.contains(&(column, key.to_owned()))
    }
}

/// Finds accounts in three statements, and two more where one of them was merged.
pub(crate) async fn find(tx: &Tx<'_>, wanted: &Wanted) -> Result<Found> {
    let mut rows: Vec<account::Model> = Vec::new();
    for (column, keys) in [
        ("external_id", &wanted.external_ids),
        ("domain", &wanted.domains),
        ("name_key", &wanted.name_keys),
    ] {
        if keys.is_empty() {
            continue;
        }
        let found: Vec<account::Model> = Query::new(format!(
            "SELECT a.* FROM {{r}} JOIN account a ON a.workspace_id = $1 AND a.{column} = r.key"
        ))
        .bind(tx.workspace)
        .rows("r", Rows::new().texts("key", keys.iter().cloned()))
        .all(tx.connection())
        .await?;
        rows.extend(found);
    }
    rows.retain(|row| row.deleted_at.is_none());
    rows.sort_by_key(|row| row.id);
    let (gone, rows): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|row| row.merged_into_id.is_some());
    let mut found = Found::default();
    for row in rows {
        found.add(row);
    }
    if gone.is_empty() {
        return Ok(found);
    }
    let ids = gone.iter().map(|row| row.id.uuid()).collect();
    let ways = merge::survivors(tx.connection(), tx.workspace, Things::Accounts, ids).await?;
    let ways: HashMap<Uuid, Uuid> = ways.into_iter().collect();
    let survivors: Vec<account::Model> = Query::new(
        "SELECT a.* FROM {r} JOIN account a ON a.workspace_id = $1 AND a.id = r.id ORDER BY a.id",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", ways.values().copied()))
    .all(tx.connection())
    .await?;
    for row in survivors {
        found.by_id.entry(row.id).or_insert(row);
    }
    for row in gone {
        if let Some(to) = ways.get(&row.id.uuid()) {
            found.lead(row, AccountId(*to));
        }
    }
    Ok(found)
}

/// The accounts as they are, held until the end of `tx`; without those that were merged or deleted meanwhile.
pub(crate) async fn hold(
    tx: &Tx<'_>,
    ids: &BTreeSet<AccountId>,
) -> Result<HashMap<AccountId, account::Model>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let rows: Vec<account::Model> = Query::new(format!(
        "SELECT a.* FROM account a
         WHERE a.workspace_id = $1 AND {{those}}
           AND a.merged_into_id IS NULL AND a.deleted_at IS NULL ORDER BY a.id {lock}"
    ))
    .bind(tx.workspace)
    .among("those", "a.id", ids.iter().map(|id| id.0))
    .all(tx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// Finds accounts none of which is merged into another or deleted until the end of `tx`; for who puts people
/// there, and holds these before.
pub(crate) async fn find_to_keep(tx: &Tx<'_>, wanted: &Wanted) -> Result<Found> {
    for _ in 0..TRIES {
        let found = find(tx, wanted).await?;
        let ids: Vec<Uuid> = found.by_id.keys().map(|id| id.uuid()).collect();
        let living = merge::living(tx, Things::Accounts, ids).await?;
        let mut ids = found.by_id.keys().map(|id| id.uuid());
        if ids.all(|id| living.get(&id) == Some(&id)) {
            return Ok(found);
        }
    }
    Err(Error::Overtaken(
        "accounts are merged or deleted all the time; it has to be looked at again",
    ))
}

fn rows_of<'a>(accounts: &(impl Iterator<Item = &'a account::Model> + Clone)) -> Rows {
    let each = || accounts.clone();
    Rows::new()
        .ids("id", each().map(|one| one.id))
        .texts("name", each().map(|one| one.name.as_str()))
        .texts("name_key", each().map(|one| one.name_key.as_str()))
        .opt_texts("domain", each().map(|one| one.domain.clone()))
        .opt_texts("external_id", each().map(|one| one.external_id.clone()))
        .opt_ids("owner_id", each().map(|one| one.owner_id))
        .opt_texts(
            "stage",
            each().map(|one| one.stage.map(|stage| stage.word().to_owned())),
        )
        .ints("stage_rank", each().map(|one| one.stage_rank))
        .opt_texts("website", each().map(|one| one.website.clone()))
        .opt_texts("phone", each().map(|one| one.phone.clone()))
        .opt_texts("description", each().map(|one| one.description.clone()))
}

/// Makes accounts.
pub(crate) async fn make(
    tx: &mut Tx<'_>,
    origin: Origin,
    reason: &str,
    made: &[account::Model],
) -> Result<()> {
    if made.is_empty() {
        return Ok(());
    }
    let written = Query::new(
        "INSERT INTO account (workspace_id, id, name, name_key, domain, external_id, owner_id,
             stage, stage_rank, website, phone, description, created_at, updated_at)
         SELECT $1, r.id, r.name, r.name_key, r.domain, r.external_id, r.owner_id, r.stage,
             r.stage_rank, r.website, r.phone, r.description, $2, $2
         FROM {r} WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows_of(&made.iter()))
    .execute(tx.connection())
    .await?;
    if usize::try_from(written).ok() != Some(made.len()) {
        return Err(Error::Overtaken(
            "somebody else made an account meanwhile; it has to be looked at again",
        ));
    }
    let ids: Vec<_> = made.iter().map(|one| one.id.uuid()).collect();
    search::index::touch(tx, search::Kind::Account, &ids).await?;
    for one in made {
        tx.audit(origin, Record::made("account.create", one.id, audited(one)));
        let fact = Fact::AccountCreated { account_id: one.id };
        tx.record(Change::new(origin, None, fact));
    }
    let moved = made.iter().map(|one| Moved {
        subject: Subject::from(one.id),
        owner: (None, one.owner_id),
        stage: (None, one.stage),
    });
    stage::set_each(tx, origin, reason, &moved.collect::<Vec<Moved>>()).await
}

/// Changes accounts, told as they were and as they are to be.
pub(crate) async fn change(
    tx: &mut Tx<'_>,
    origin: Origin,
    reason: &str,
    changed: &[(account::Model, account::Model)],
) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    Query::new(
        "UPDATE account SET name = r.name, name_key = r.name_key, domain = r.domain,
             external_id = r.external_id, owner_id = r.owner_id, stage = r.stage,
             stage_rank = r.stage_rank, website = r.website, phone = r.phone,
             description = r.description, updated_at = $2
         FROM {r} WHERE account.workspace_id = $1 AND account.id = r.id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows_of(&changed.iter().map(|(_, after)| after)))
    .execute(tx.connection())
    .await?;
    let ids: Vec<_> = changed.iter().map(|(_, after)| after.id.uuid()).collect();
    search::index::touch(tx, search::Kind::Account, &ids).await?;
    for (before, after) in changed {
        let record = Record::changed("account.update", after.id, audited(before), audited(after));
        tx.audit(origin, record);
        let fact = Fact::AccountChanged {
            account_id: after.id,
        };
        tx.record(Change::new(origin, None, fact));
    }
    let moved = changed.iter().map(|(before, after)| Moved {
        subject: Subject::from(after.id),
        owner: (before.owner_id, after.owner_id),
        stage: (before.stage, after.stage),
    });
    stage::set_each(tx, origin, reason, &moved.collect::<Vec<Moved>>()).await
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn account(id: u128, name_key: &str, domain: Option<&str>) -> account::Model {
        account::Model {
            workspace_id: Uuid::from_u128(1).into(),
            id: Uuid::from_u128(id).into(),
            name: name_key.to_owned(),
            name_key: name_key.to_owned(),
            domain: domain.map(str::to_owned),
            external_id: None,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            owner_id: None,
            stage: None,
            stage_rank: 0,
            website: None,
            phone: None,
            description: None,
            merged_into_id: None,
            archived_at: None,
            deleted_at: None,
        }
    }

    #[test]
    fn what_a_merged_account_is_found_by_leads_to_the_survivor_and_is_not_given_to_it() {
        let stays = account(2, "acme", Some("acme.example"));
        let to = stays.id;
        let mut found = Found::default();
        found.add(stays);
        found.add(account(4, "umbrella", None));
        found.lead(account(3, "acme kk", Some("acme-kk.example")), to);
        found.lead(account(5, "umbrella", None), to);
        assert_eq!(found.by_domain["acme-kk.example"], to);
        assert_eq!(found.by_name["acme kk"], to);
        assert!(found.is_led("domain", "acme-kk.example") && found.is_led("name_key", "acme kk"));
        assert!(!found.is_led("domain", "acme.example") && !found.is_led("external_id", "acme kk"));
        let other = AccountId(Uuid::from_u128(4));
        assert_eq!(
            found.by_name["umbrella"], other,
            "one that is there keeps its name"
        );
        assert!(!found.is_led("name_key", "umbrella"));
    }
}
