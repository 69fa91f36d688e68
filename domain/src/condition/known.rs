//! What the database knows of some contacts, accounts and conversations, loaded for many conditions at
//! once and then asked in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use entity::id::{Id as _, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseBackend, FromQueryResult};
use uuid::Uuid;

use super::{
    facts::Holders,
    measure::{Holder, Loaded, MAX_NUMBERS, Measure, Sql},
    moment::Moment,
};
use crate::{
    error::Result,
    store::{Query, Rows},
};

/// Measures of one statement. SQLite refuses statements of more than 500 parts.
const CHUNK: usize = 40;

/// Measures, each once, by their numbers.
#[derive(Debug, Default, Clone)]
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
    /// different measures alone, one for each forty, not on of how many they are asked.
    pub(crate) async fn load(
        &mut self,
        connection: &impl ConnectionTrait,
        workspace: WorkspaceId,
        moment: &Moment,
        measures: &Measures,
        wants: &HashSet<Want>,
    ) -> Result<()> {
        let mut numbers: BTreeSet<u32> = BTreeSet::new();
        let mut holders: BTreeMap<Holder, BTreeSet<Uuid>> = BTreeMap::new();
        for &(number, id) in wants {
            if !self.values.contains_key(&(number, id)) {
                numbers.insert(number);
                holders
                    .entry(measures.holder(number))
                    .or_default()
                    .insert(id);
            }
        }
        let numbers: Vec<u32> = numbers.into_iter().collect();
        for chunk in numbers.chunks(CHUNK) {
            let query = statement(connection, workspace, moment, measures, chunk, &holders);
            let rows: Vec<Row> = query.all(connection).await?;
            for &number in chunk {
                for &id in holders.get(&measures.holder(number)).into_iter().flatten() {
                    let nothing = measures.nothing(number).clone();
                    self.values.insert((number, id), nothing);
                }
            }
            for row in rows {
                let number = row.measure as u32;
                let count = measures.nothing(number).numbers.len();
                let value = Loaded {
                    numbers: row.numbers()[..count].to_vec(),
                    text: row.t,
                };
                self.values.insert((number, row.id), value);
            }
        }
        Ok(())
    }
}

fn statement(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    moment: &Moment,
    measures: &Measures,
    chunk: &[u32],
    holders: &BTreeMap<Holder, BTreeSet<Uuid>>,
) -> Query {
    let mut query = Query::new("");
    let parts: Vec<String> = {
        let backend = connection.get_database_backend();
        let mut sql = Sql {
            query: &mut query,
            backend,
            moment,
        };
        chunk
            .iter()
            .map(|&number| {
                let measure = &measures.list[number as usize];
                let rows = format!("{{{}}}", rows_name(measure.holder));
                measure
                    .plan(backend)
                    .of_some(&mut sql, &rows, number as usize)
            })
            .collect()
    };
    query.push(&parts.join(" UNION ALL "));
    for (&holder, ids) in holders {
        let named = chunk
            .iter()
            .any(|&number| measures.holder(number) == holder);
        if named {
            let workspaces = std::iter::repeat_n(workspace.uuid(), ids.len());
            let rows = Rows::new()
                .uuids("workspace_id", workspaces)
                .uuids("id", ids.iter().copied());
            query = query.rows(rows_name(holder), rows);
        }
    }
    query
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
