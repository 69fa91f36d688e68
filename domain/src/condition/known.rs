//! What the database knows of some contacts, accounts and conversations, loaded for many conditions at
//! once and then asked in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use entity::id::{Id as _, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseBackend, FromQueryResult, QueryResult};
use uuid::Uuid;

use super::{
    facts::Holders,
    measure::{Holder, Loaded, MAX_NUMBERS, Measure, Sql},
    moment::Moment,
};
use crate::{
    error::Result,
    store::{MAX_BOUND, Place, Query, Rows, attempt},
};

/// Measures of one statement. SQLite refuses statements of more than 500 parts.
const CHUNK: usize = 40;
/// How many statements that cannot be done are taken apart to find out of whom which question cannot be
/// answered; beyond that, all that they ask counts as such.
const MAX_FAILURES: usize = 200;

/// Measures, each once, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Measures {
    list: Vec<Measure>,
    numbers: HashMap<Measure, u32>,
    nothing: Vec<Loaded>,
}

impl Measures {
    /// The number of a measure.
    pub(crate) fn number(&mut self, measure: &Measure) -> u32 {
        if let Some(&number) = self.numbers.get(measure) {
            return number;
        }
        let number = self.list.len() as u32;
        self.numbers.insert(measure.clone(), number);
        // What there is without rows is the same in both databases.
        let plan = measure.plan(DatabaseBackend::Sqlite);
        self.nothing.push(Loaded::nothing(&plan));
        self.list.push(measure.clone());
        number
    }

    /// The number of a measure that has one.
    pub(crate) fn find(&self, measure: &Measure) -> Option<u32> {
        self.numbers.get(measure).copied()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All numbers there are.
    #[cfg(test)]
    pub(crate) fn numbers(&self) -> std::ops::Range<u32> {
        0..self.list.len() as u32
    }

    pub(crate) fn holder(&self, number: u32) -> Holder {
        self.list[number as usize].holder
    }

    /// The value of a measure of nobody.
    pub(crate) fn nothing(&self, number: u32) -> &Loaded {
        &self.nothing[number as usize]
    }
}

/// A value that has to be loaded: which measure, of whom.
pub(crate) type Want = (u32, Uuid);

/// Values that were loaded.
#[derive(Debug, Default)]
pub struct Known {
    values: HashMap<Want, Loaded>,
    /// What the database cannot answer.
    unanswerable: HashSet<Want>,
}

impl Known {
    /// The value of a measure, if it was loaded. Of nobody it is known without loading.
    pub(crate) fn get<'a>(
        &'a self,
        measures: &'a Measures,
        number: u32,
        holders: &Holders,
    ) -> Option<&'a Loaded> {
        match holders.id(measures.holder(number)) {
            None => Some(measures.nothing(number)),
            Some(id) => self.values.get(&(number, id)),
        }
    }

    /// Takes a value for loaded.
    #[cfg(test)]
    pub(crate) fn tell(&mut self, number: u32, holder: Uuid, value: Loaded) {
        self.values.insert((number, holder), value);
    }

    /// Loads what is wanted and not known yet. The number of statements depends on the number of
    /// different measures alone, one for each forty, not on of how many they are asked. What the
    /// database cannot answer, for what is stored or for what is asked, stays unknown, and keeps nothing
    /// else from being known.
    pub(crate) async fn load(
        &mut self,
        connection: &impl Place,
        workspace: WorkspaceId,
        moment: &Moment,
        measures: &Measures,
        wants: &HashSet<Want>,
    ) -> Result<()> {
        let mut numbers: BTreeSet<u32> = BTreeSet::new();
        let mut holders: Holding = Holding::new();
        for want in wants {
            if !self.values.contains_key(want) && !self.unanswerable.contains(want) {
                let &(number, id) = want;
                numbers.insert(number);
                holders
                    .entry(measures.holder(number))
                    .or_default()
                    .insert(id);
            }
        }
        let numbers = numbers.into_iter().collect();
        let mut parts = vec![Part { numbers, holders }];
        let mut failures = 0;
        while let Some(mut part) = parts.pop() {
            if part.numbers.is_empty() {
                continue;
            }
            let (query, taken) = statement(connection, workspace, moment, measures, &part);
            let rest = part.numbers.split_off(taken);
            parts.push(Part {
                numbers: rest,
                holders: part.holders.clone(),
            });
            match attempt(connection, query).await? {
                Some(rows) => self.keep(measures, &part, &rows)?,
                None if failures < MAX_FAILURES => {
                    failures += 1;
                    match part.halves(measures) {
                        Ok(halves) => parts.extend(halves),
                        Err(part) => self.give_up(workspace, measures, &part),
                    }
                }
                None => self.give_up(workspace, measures, &part),
            }
        }
        Ok(())
    }

    fn keep(&mut self, measures: &Measures, part: &Part, rows: &[QueryResult]) -> Result<()> {
        for want in part.wants(measures) {
            let nothing = measures.nothing(want.0).clone();
            self.values.insert(want, nothing);
        }
        for row in rows {
            let row = Row::from_query_result(row, "")?;
            let number = row.measure as u32;
            let count = measures.nothing(number).numbers.len();
            let value = Loaded {
                numbers: row.numbers()[..count].to_vec(),
                text: row.t,
            };
            self.values.insert((number, row.id), value);
        }
        Ok(())
    }

    fn give_up(&mut self, workspace: WorkspaceId, measures: &Measures, part: &Part) {
        let wants: Vec<Want> = part.wants(measures).collect();
        tracing::error!(workspace.id = %workspace, questions = wants.len(),
            holder = ?wants.first().map(|want| want.1),
            "what a condition asks cannot be answered");
        self.unanswerable.extend(wants);
    }
}

/// Of whom something is asked.
type Holding = BTreeMap<Holder, BTreeSet<Uuid>>;

/// Some questions, each asked of all its holders.
struct Part {
    numbers: Vec<u32>,
    holders: Holding,
}

impl Part {
    fn wants<'a>(&'a self, measures: &'a Measures) -> impl Iterator<Item = Want> + 'a {
        self.numbers.iter().flat_map(|&number| {
            let ids = self.holders.get(&measures.holder(number));
            ids.into_iter().flatten().map(move |&id| (number, id))
        })
    }

    /// Half of the questions each, or, of one question, half of whom it is asked of; itself, if it is one
    /// question to one.
    fn halves(self, measures: &Measures) -> std::result::Result<[Self; 2], Self> {
        if self.numbers.len() > 1 {
            let (some, others) = self.numbers.split_at(self.numbers.len() / 2);
            return Ok([some, others].map(|numbers| Self {
                numbers: numbers.to_vec(),
                holders: self.holders.clone(),
            }));
        }
        let holder = self.numbers.first().map(|&number| measures.holder(number));
        let Some((holder, ids)) =
            holder.and_then(|holder| Some((holder, self.holders.get(&holder)?)))
        else {
            return Err(self);
        };
        if ids.len() < 2 {
            return Err(self);
        }
        let ids: Vec<Uuid> = ids.iter().copied().collect();
        let (some, others) = ids.split_at(ids.len() / 2);
        Ok([some, others].map(|ids| Self {
            numbers: self.numbers.clone(),
            holders: Holding::from([(holder, ids.iter().copied().collect())]),
        }))
    }
}

/// The statement for as many of the questions as one statement takes, with their number.
fn statement(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    moment: &Moment,
    measures: &Measures,
    part: &Part,
) -> (Query, usize) {
    let mut query = Query::new("");
    let mut pieces = Vec::new();
    let backend = connection.get_database_backend();
    for &number in part.numbers.iter().take(CHUNK) {
        if query.bound() > MAX_BOUND {
            break;
        }
        let measure = &measures.list[number as usize];
        let rows = format!("{{{}}}", rows_name(measure.holder));
        let mut sql = Sql {
            query: &mut query,
            backend,
            moment,
        };
        let plan = measure.plan(backend);
        pieces.push(plan.of_some(&mut sql, &rows, number as usize));
    }
    let taken = pieces.len();
    query.push(&pieces.join(" UNION ALL "));
    for (&holder, ids) in &part.holders {
        let mut asked = part.numbers[..taken].iter();
        if asked.any(|&number| measures.holder(number) == holder) {
            let workspaces = std::iter::repeat_n(workspace.uuid(), ids.len());
            let rows = Rows::new()
                .uuids("workspace_id", workspaces)
                .uuids("id", ids.iter().copied());
            query = query.rows(rows_name(holder), rows);
        }
    }
    (query, taken)
}

fn rows_name(holder: Holder) -> &'static str {
    match holder {
        Holder::Contact => "contacts",
        Holder::Account => "accounts",
        Holder::Conversation => "conversations",
    }
}

#[derive(FromQueryResult)]
struct Row {
    measure: i64,
    id: Uuid,
    n0: Option<f64>,
    n1: Option<f64>,
    n2: Option<f64>,
    n3: Option<f64>,
    n4: Option<f64>,
    n5: Option<f64>,
    t: Option<String>,
}

impl Row {
    fn numbers(&self) -> [Option<f64>; MAX_NUMBERS] {
        [self.n0, self.n1, self.n2, self.n3, self.n4, self.n5]
    }
}
