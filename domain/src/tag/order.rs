//! Putting some before the rest: tags among their siblings, groups in their workspace.
//!
//! The orders of both ([`catalogue`](super::catalogue), [`group`](super::group)) say which rows they are,
//! hold them, and record what changed. Here is only who comes where, and the writing of it.

use std::collections::BTreeSet;

use entity::id::Id;

use crate::{
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Rows, Tx},
};

/// What is put in order.
pub(super) struct Ordered {
    pub(super) table: &'static str,
    /// The input that names those who come first.
    pub(super) field: &'static str,
    /// What is said of one that is not among them.
    pub(super) missing: &'static str,
    /// What is said of one that is named again.
    pub(super) twice: &'static str,
}

impl Ordered {
    /// `first` followed by the rest of `before`, or what is wrong with `first`.
    pub(super) fn arrange<I: Id>(&self, before: &[I], first: &[I]) -> Result<Vec<I>> {
        let existing: BTreeSet<I> = before.iter().copied().collect();
        let mut seen = BTreeSet::new();
        let mut errors = Vec::new();
        for (index, id) in first.iter().enumerate() {
            let index = index.to_string();
            let (code, message) = if !existing.contains(id) {
                (UserErrorCode::NotFound, self.missing)
            } else if !seen.insert(*id) {
                (UserErrorCode::Invalid, self.twice)
            } else {
                continue;
            };
            errors.push(UserError::new(&[self.field, &index], code, message));
        }
        if !errors.is_empty() {
            return Err(Error::Refused(errors));
        }
        let rest = before.iter().copied().filter(|id| !seen.contains(id));
        Ok(first.iter().copied().chain(rest).collect())
    }

    /// Numbers them from 1: one made later has place 0 and comes first until it is placed too. Gives those
    /// whose number is another than before.
    pub(super) async fn place<I: Id>(&self, tx: &Tx<'_>, ids: &[I]) -> Result<Vec<I>> {
        let table = self.table;
        let rows = Rows::new()
            .ids("id", ids.iter().copied())
            .ints("position", 1..=ids.len() as i64);
        Ok(Query::new(format!(
            "UPDATE {table} SET position = r.position, updated_at = $2
             FROM {{r}} WHERE {table}.workspace_id = $1 AND {table}.id = r.id
               AND {table}.position <> r.position
             RETURNING {table}.id"
        ))
        .bind(tx.workspace)
        .bind(tx.now)
        .rows("r", rows)
        .column(tx.connection())
        .await?)
    }
}

#[cfg(test)]
mod tests {
    use entity::id::TagId;
    use uuid::Uuid;

    use super::*;

    const TAGS: Ordered = Ordered {
        table: "tag",
        field: "tagIds",
        missing: "There is no such tag.",
        twice: "This tag is already listed.",
    };

    fn id(number: u128) -> TagId {
        TagId(Uuid::from_u128(number))
    }

    #[test]
    fn those_named_come_first_and_the_others_keep_their_order() {
        let before = [id(1), id(2), id(3), id(4)];
        let after = TAGS.arrange(&before, &[id(4), id(2)]).unwrap();
        assert_eq!(after, [id(4), id(2), id(1), id(3)]);
    }

    #[test]
    fn what_is_not_there_and_what_is_named_twice_is_refused_at_its_place() {
        let refused = TAGS.arrange(&[id(1)], &[id(1), id(9), id(1)]);
        let Err(Error::Refused(errors)) = refused else {
            panic!("{refused:?}")
        };
        let told: Vec<_> = errors
            .iter()
            .map(|error| (error.path.join("."), error.code))
            .collect();
        assert_eq!(
            told,
            [
                ("tagIds.1".to_owned(), UserErrorCode::NotFound),
                ("tagIds.2".to_owned(), UserErrorCode::Invalid),
            ]
        );
    }
}
