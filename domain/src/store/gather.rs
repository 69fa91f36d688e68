//! Statements that ask the same about several things at one moment, put as one.
//!
//! The rows of a list are resolved side by side, and each may have lists of its own: the conversations of fifty
//! contacts are one statement fifty times, each time about another contact. A connection that gathers
//! ([`Db::gathering`](super::Db::gathering)) lets all who are there ask first, and then puts statements of one text
//! as one; on PostgreSQL, those that differ in nothing but ids. Each gets the rows that their own would have found,
//! in its order, so the lists of the nouns know nothing of it.
//!
//! The API reads in this way below lists. Transactions and whatever writes never do, and nothing is kept.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use sea_orm::{
    ConnectionTrait as _, DatabaseBackend, DbErr, QueryResult, Statement, Value, Values,
    sea_query::ArrayType,
};
use tokio::{runtime::Handle, sync::oneshot};

use super::Connection;

/// How many are put as one at most.
const MOST: usize = 100;
/// How long the text may become for it on SQLite, where each has a part of its own. It is kept with its plan, and
/// a plan takes some times as much.
const MOST_TEXT: usize = 65_536;

/// Who asks at this moment, in groups that ask the same, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Gathering(Mutex<VecDeque<Group>>);

/// Those who are answered by one statement.
#[derive(Debug)]
struct Group {
    /// As the first has asked.
    like: Statement,
    askers: Vec<Asker>,
}

#[derive(Debug)]
struct Asker {
    values: Vec<Value>,
    answer: oneshot::Sender<Vec<QueryResult>>,
}

impl Gathering {
    /// The rows of `statement`, put together with those like it; `alone` is the same connection, which gathers
    /// nothing.
    pub(super) async fn ask(
        self: &Arc<Self>,
        alone: &Connection,
        statement: Statement,
    ) -> Result<Vec<QueryResult>, DbErr> {
        if !can_be_a_part(&statement.sql) || room(&statement) < 2 {
            return alone.query_all_raw(statement).await;
        }
        match self.join(alone, &statement).await {
            Ok(rows) => Ok(rows),
            // Nobody else asks the same. Or all failed together; each then learns why, or succeeds.
            Err(_) => alone.query_all_raw(statement).await,
        }
    }

    /// Takes a place in a group. Who opens one has it answered.
    fn join(
        self: &Arc<Self>,
        alone: &Connection,
        statement: &Statement,
    ) -> oneshot::Receiver<Vec<QueryResult>> {
        let (answer, receiver) = oneshot::channel();
        let values = values(statement).to_vec();
        let asker = Asker { values, answer };
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let group = groups.iter_mut().find(|group| group.takes(statement));
        if let Some(group) = group {
            group.askers.push(asker);
            return receiver;
        }
        // Without a runtime nobody would answer, and whoever is not answered asks alone.
        let Ok(runtime) = Handle::try_current() else {
            return receiver;
        };
        groups.push_back(Group {
            like: statement.clone(),
            askers: vec![asker],
        });
        drop(groups);
        let (gathering, alone) = (Arc::clone(self), alone.clone());
        // A task begins when those that run now have gone as far as they can. There is one for each group.
        runtime.spawn(async move {
            if let Some(group) = gathering.take_oldest() {
                group.answer(&alone).await;
            }
        });
        receiver
    }

    fn take_oldest(&self) -> Option<Group> {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        groups.pop_front()
    }
}

impl Group {
    /// Whether `statement` asks the same, and there is room for it.
    fn takes(&self, statement: &Statement) -> bool {
        let (ours, theirs) = (values(&self.like), values(statement));
        let is_postgres = statement.db_backend == DatabaseBackend::Postgres;
        self.askers.len() < room(&self.like)
            && self.like.sql == statement.sql
            && ours.len() == theirs.len()
            && ours.iter().zip(theirs).all(|(our, their)| {
                !is_postgres
                    || our == their
                    || (given_as(our).is_some() && given_as(our) == given_as(their))
            })
    }

    fn statement(&self) -> Statement {
        let asked: Vec<&[Value]> = self.askers.iter().map(|asker| &asker.values[..]).collect();
        as_one(&self.like, &asked)
    }

    /// Answers everybody, unless it is only one, or it fails.
    async fn answer(mut self, alone: &Connection) {
        self.askers.retain(|asker| !asker.answer.is_closed());
        if self.askers.len() < 2 {
            return;
        }
        let asking = alone.query_all_raw(self.statement());
        let Some(found) = self.while_awaited(asking).await else {
            return;
        };
        let found = found.and_then(|rows| shares(rows, self.askers.len()));
        match found {
            Ok(found) => {
                for (asker, rows) in self.askers.into_iter().zip(found) {
                    // Whoever has gone meanwhile needs no answer.
                    let _ = asker.answer.send(rows);
                }
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "statements put as one cannot be done and are put one by one"
            ),
        }
    }

    /// What `asking` finds, unless all who asked have gone before: then it is given up, as each would give up its
    /// own. Otherwise a connection that is dead and does not show it would stay lent long after their request.
    async fn while_awaited<T>(&mut self, asking: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            found = asking => Some(found),
            () = self.all_gone() => None,
        }
    }

    async fn all_gone(&mut self) {
        for asker in &mut self.askers {
            asker.answer.closed().await;
        }
    }
}

/// The rows of each of `count` askers, who are numbered from 1.
fn shares(rows: Vec<QueryResult>, count: usize) -> Result<Vec<Vec<QueryResult>>, DbErr> {
    let mut shares: Vec<Vec<QueryResult>> = (0..count).map(|_| Vec::new()).collect();
    for row in rows {
        let number: i64 = row.try_get("", "asked_by")?;
        let place = usize::try_from(number - 1).ok();
        // SQLite's statement may have parts that nobody asks.
        if let Some(share) = place.and_then(|place| shares.get_mut(place)) {
            share.push(row);
        }
    }
    Ok(shares)
}

/// Whether a statement can be a part of another: it reads, and the order of its rows holds there, which it does
/// of a part with a limit. An `OFFSET` is added where it has none.
fn can_be_a_part(text: &str) -> bool {
    let reads = ["SELECT ", "WITH "];
    let ordered = text.rsplit_once("ORDER BY");
    reads.iter().any(|word| text.trim_start().starts_with(word))
        && ordered.is_none_or(|(_, end)| end.contains("LIMIT"))
        && !text.contains("OFFSET")
}

fn values(statement: &Statement) -> &[Value] {
    match &statement.values {
        Some(values) => &values.0,
        None => &[],
    }
}

/// How many are put as one with a statement like this.
fn room(like: &Statement) -> usize {
    match like.db_backend {
        DatabaseBackend::Postgres if values(like).iter().any(|one| given_as(one).is_some()) => MOST,
        DatabaseBackend::Postgres => 1,
        // Of what is made of parts itself, such as a timeline, each by itself is done sooner.
        _ if like.sql.contains("UNION ALL") => 1,
        // A power of two, as the number of parts is.
        _ => {
            let fitting = (MOST_TEXT / like.sql.len().max(1)).clamp(1, MOST);
            1 << fitting.ilog2()
        }
    }
}

/// The statement for all who ask, each with its values. Its rows are those of the first, then of the second and so
/// on, each marked with the number of the asker behind its own columns.
fn as_one(like: &Statement, asked: &[&[Value]]) -> Statement {
    let (sql, values) = match like.db_backend {
        DatabaseBackend::Postgres => lateral(like, asked),
        _ => parts(like, asked),
    };
    Statement {
        sql,
        values: Some(Values(values)),
        db_backend: like.db_backend,
    }
}

/// What PostgreSQL takes a value for that may be another for each asker, with the type of the array it travels in;
/// nothing, if it has to be the same for all. An array of arrays would be flattened, so their texts travel.
fn given_as(value: &Value) -> Option<(&'static str, &'static str)> {
    match value {
        Value::Uuid(Some(_)) => Some(("uuid", "uuid[]")),
        Value::Array(ArrayType::Uuid, Some(_)) => Some(("uuid[]", "text[]")),
        Value::Array(ArrayType::ChronoDateTimeUtc, Some(_)) => Some(("timestamptz[]", "text[]")),
        _ => None,
    }
}

/// PostgreSQL: the ids travel as arrays, and the statement is run for each of their rows by the plan it would have
/// alone: with `OFFSET` it is planned by itself, and behind row-level security a test of what came from outside may
/// use an index. What is joined sideways is joined in a loop, so the rows stay in order.
fn lateral(like: &Statement, asked: &[&[Value]]) -> (String, Vec<Value>) {
    let mut values = values(like).to_vec();
    let (mut arrays, mut names) = (Vec::new(), String::new());
    for (index, value) in values.iter_mut().enumerate() {
        let Some((_, array)) = given_as(value) else {
            continue;
        };
        let each = asked.iter().filter_map(|values| values.get(index));
        let each: Vec<Value> = each.map(in_array).collect();
        let kind = if array == "uuid[]" {
            ArrayType::Uuid
        } else {
            ArrayType::String
        };
        *value = Value::Array(kind, Some(Box::new(each)));
        let place = index + 1;
        arrays.push(format!("${place}::{array}"));
        names.push_str(&format!("v{place}, "));
    }
    let own = self::values(like);
    let text = with_other_places(&like.sql, |place| {
        let (kind, _) = given_as(own.get(place.checked_sub(1)?)?)?;
        Some(format!("CAST(asker.v{place} AS {kind})"))
    });
    let arrays = arrays.join(", ");
    let text = format!(
        "SELECT found.*, asker.asked_by
         FROM UNNEST({arrays}) WITH ORDINALITY AS asker({names}asked_by)
         CROSS JOIN LATERAL ({text} OFFSET 0) AS found"
    );
    (text, values)
}

/// A value as an element of the array of all askers' values.
fn in_array(value: &Value) -> Value {
    let Value::Array(_, Some(elements)) = value else {
        return value.clone();
    };
    let elements = elements.iter().filter_map(|element| match element {
        Value::Uuid(Some(id)) => Some(id.to_string()),
        Value::ChronoDateTimeUtc(Some(at)) => Some(format!("\"{}\"", at.to_rfc3339())),
        _ => None,
    });
    let elements: Vec<String> = elements.collect();
    Value::from(format!("{{{}}}", elements.join(",")))
}

/// SQLite joins nothing sideways: each asker has a part. Of parts there are a power of two, so that the texts whose
/// plans are kept are few; those that nobody asks look for what has no id.
fn parts(like: &Statement, asked: &[&[Value]]) -> (String, Vec<Value>) {
    let mut all = Vec::new();
    let mut texts = Vec::new();
    for number in 0..asked.len().next_power_of_two() {
        let before = all.len();
        match asked.get(number) {
            Some(values) => all.extend_from_slice(values),
            None => all.extend(values(like).iter().map(without_id)),
        }
        let text = with_other_places(&like.sql, |place| Some(format!("${}", before + place)));
        let number = number + 1;
        texts.push(format!(
            "SELECT found.*, {number} AS asked_by FROM ({text}) AS found"
        ));
    }
    (texts.join(" UNION ALL "), all)
}

fn without_id(value: &Value) -> Value {
    match value {
        Value::Uuid(_) => Value::Uuid(None),
        other => other.clone(),
    }
}

/// `text` with what `other` has in place of `$1`, `$2` and so on.
fn with_other_places(text: &str, other: impl Fn(usize) -> Option<String>) -> String {
    let mut pieces = text.split('$');
    let mut made = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let place = &piece[..piece.len() - rest.len()];
        if let Some(other) = place.parse::<usize>().ok().and_then(&other) {
            made.push_str(&other);
        } else {
            made.push('$');
            made.push_str(place);
        }
        made.push_str(rest);
    }
    made
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        time::Duration,
    };

    use tokio::time::timeout;
    use uuid::Uuid;

    use super::*;

    const LIST: &str =
        "SELECT c.* FROM conversation c WHERE c.workspace_id = $1 AND c.contact_id = $2
        AND c.status = $3 ORDER BY c.id LIMIT $4";

    fn uuid(number: u128) -> Value {
        Uuid::from_u128(number).into()
    }

    /// The open conversations of a contact.
    fn list(backend: DatabaseBackend, contact: u128) -> Statement {
        let values = [uuid(1), uuid(contact), "OPEN".into(), 3_i64.into()];
        Statement::from_sql_and_values(backend, LIST, values)
    }

    fn group(like: Statement, count: usize) -> Group {
        let askers = (0..count).map(|_| Asker {
            values: values(&like).to_vec(),
            answer: oneshot::channel().0,
        });
        let askers = askers.collect();
        Group { like, askers }
    }

    #[test]
    fn those_who_differ_in_ids_alone_ask_together() {
        for backend in [DatabaseBackend::Postgres, DatabaseBackend::Sqlite] {
            let group = group(list(backend, 2), 1);
            assert!(group.takes(&list(backend, 3)));
            let mut other = list(backend, 3);
            other.sql.push(' ');
            assert!(!group.takes(&other), "another text");
            for (place, value) in [
                (1, Value::Uuid(None)),
                (2, "CLOSED".into()),
                (3, 4_i64.into()),
            ] {
                let mut other = list(backend, 3);
                if let Some(values) = &mut other.values {
                    values.0[place] = value;
                }
                let takes = backend == DatabaseBackend::Sqlite;
                assert_eq!(group.takes(&other), takes, "{other}");
            }
        }
    }

    #[test]
    fn a_group_has_room_for_a_hundred_and_its_text_stays_short_on_sqlite() {
        let postgres = group(list(DatabaseBackend::Postgres, 2), 100);
        assert!(!postgres.takes(&list(DatabaseBackend::Postgres, 2)));
        let without_id = Statement::from_string(DatabaseBackend::Postgres, "SELECT 1");
        assert_eq!(room(&without_id), 1);
        let mut long = list(DatabaseBackend::Sqlite, 2);
        assert_eq!(room(&long), 64);
        long.sql.push_str(&" ".repeat(6_000));
        assert_eq!(room(&long), 8);
        long.sql.push_str(&" ".repeat(100_000));
        assert_eq!(room(&long), 1);
        let mut compound = list(DatabaseBackend::Sqlite, 2);
        compound.sql = format!("SELECT * FROM ({LIST}) UNION ALL SELECT * FROM ({LIST})");
        assert_eq!(room(&compound), 1);
    }

    #[tokio::test]
    async fn a_statement_is_given_up_when_all_who_asked_have_gone() {
        let mut group = group(list(DatabaseBackend::Postgres, 2), 2);
        let (answer, still_there) = oneshot::channel();
        group.askers[1].answer = answer;
        assert_eq!(group.while_awaited(ready(1)).await, Some(1));
        let waiting = group.while_awaited(pending::<()>());
        let waited = timeout(Duration::from_millis(20), waiting).await;
        assert!(waited.is_err(), "one is still there");
        drop(still_there);
        let waiting = group.while_awaited(pending::<()>());
        let waited = timeout(Duration::from_secs(10), waiting).await;
        assert_eq!(waited, Ok(None));
    }

    #[test]
    fn postgres_runs_a_statement_for_each_row_of_given_ids() {
        let first = list(DatabaseBackend::Postgres, 2);
        let second = list(DatabaseBackend::Postgres, 3);
        let one = as_one(&first, &[values(&first), values(&second)]);
        for part in [
            "c.workspace_id = CAST(asker.v1 AS uuid) AND c.contact_id = CAST(asker.v2 AS uuid)",
            "c.status = $3 ORDER BY c.id LIMIT $4 OFFSET 0) AS found",
            "UNNEST($1::uuid[], $2::uuid[]) WITH ORDINALITY AS asker(v1, v2, asked_by)",
        ] {
            assert!(one.sql.contains(part), "{}", one.sql);
        }
        let ids = vec![uuid(2), uuid(3)];
        let bound = values(&one);
        assert_eq!(bound[1], Value::Array(ArrayType::Uuid, Some(Box::new(ids))));
        assert_eq!(bound[2..], values(&first)[2..]);
    }

    #[test]
    fn lists_of_ids_travel_as_texts() {
        let ids = |ids: &[u128]| {
            let ids = ids.iter().map(|id| uuid(*id)).collect();
            Value::Array(ArrayType::Uuid, Some(Box::new(ids)))
        };
        let ask = |values: Value| {
            let text = "SELECT t.* FROM task t WHERE t.id = ANY($1)";
            Statement::from_sql_and_values(DatabaseBackend::Postgres, text, [values])
        };
        let (first, second) = (ask(ids(&[1, 2])), ask(ids(&[])));
        assert!(group(first.clone(), 1).takes(&second));
        let one = as_one(&first, &[values(&first), values(&second)]);
        for part in ["UNNEST($1::text[])", "t.id = ANY(CAST(asker.v1 AS uuid[]))"] {
            assert!(one.sql.contains(part), "{}", one.sql);
        }
        let (one_id, other_id) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let texts = vec![format!("{{{one_id},{other_id}}}").into(), "{}".into()];
        let texts = Value::Array(ArrayType::String, Some(Box::new(texts)));
        assert_eq!(values(&one), [texts]);
    }

    #[test]
    fn sqlite_gets_a_part_for_each_and_a_power_of_two_of_them() {
        let asked = [2, 3, 4].map(|contact| list(DatabaseBackend::Sqlite, contact));
        let each: Vec<&[Value]> = asked.iter().map(values).collect();
        let one = as_one(&asked[0], &each);
        assert_eq!(one.sql.matches("UNION ALL").count(), 3, "{}", one.sql);
        for part in [
            "SELECT found.*, 1 AS asked_by FROM (SELECT c.*",
            "c.workspace_id = $1 AND c.contact_id = $2",
            "c.workspace_id = $13 AND c.contact_id = $14",
            "c.status = $15 ORDER BY c.id LIMIT $16) AS found",
        ] {
            assert!(one.sql.contains(part), "{}", one.sql);
        }
        let bound = values(&one);
        assert_eq!(bound[9], uuid(4));
        assert_eq!(bound[12..14], [Value::Uuid(None), Value::Uuid(None)]);
        assert_eq!(bound[15], 3_i64.into());
    }

    #[test]
    fn only_what_reads_in_an_order_that_holds_is_a_part() {
        for (text, can_be) in [
            (LIST, true),
            ("SELECT COUNT(*) FROM (SELECT 1) counted", true),
            ("WITH x AS (SELECT 1) SELECT * FROM x", true),
            ("SELECT * FROM rule ORDER BY position", false),
            (
                "SELECT * FROM (SELECT 1 ORDER BY 1 LIMIT 1) x ORDER BY 1",
                false,
            ),
            ("SELECT * FROM rule ORDER BY id LIMIT 1 OFFSET $1", false),
            ("DELETE FROM rule", false),
        ] {
            assert_eq!(can_be_a_part(text), can_be, "{text}");
        }
    }

    #[test]
    fn other_signs_than_places_stay() {
        let text = "$1 = x ->> '$[0]' AND $12 = $2 -- $";
        let other = |place: usize| (place != 2).then(|| format!("<{place}>"));
        let made = with_other_places(text, other);
        assert_eq!(made, "<1> = x ->> '$[0]' AND <12> = $2 -- $");
    }
}
