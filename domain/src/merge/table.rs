//! The words in which a noun's list says what follows when two of its things become one. Such a list
//! has a line for every column that names one of them.

/// What happens to the rows of the thing that is merged into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// The rows are given to the survivor, and noted by the SQL given (of the row `t`), so that they
    /// can be given back: an id,
    Moved(&'static str),
    /// or a text.
    MovedByKey(&'static str),
    /// Like the first, but a row of which the SQL given second holds stays where it is: `$1` is the
    /// workspace, `$4` the survivor. Enrolments that stay are ended, see [`crate::playbook`].
    MovedUnless(&'static str, &'static str),
    /// Like the two above, but a row whose like the survivor has waits where it is.
    MovedIfFree(&'static str),
    /// The same, noted by a text.
    MovedByKeyIfFree(&'static str),
    /// Taggings: moved, doubles are ended, rank index and counters brought in line.
    Tagged,
    /// Added to what the survivor has, and taken off again.
    Added,
    /// The rows stay; they are not read while the thing is merged, and hold again afterwards.
    Waits,
    /// Kept by a projection or a trigger, which sees the change.
    Derived,
    /// A record of what happened, which stays as it was written.
    Record,
    /// The column names something else.
    Other,
}

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct MergedTable {
    /// The table.
    pub table: &'static str,
    /// The column that names the thing.
    pub column: &'static str,
    /// What happens.
    pub follows: Follows,
}

/// A line of a list.
pub(crate) const fn line(
    table: &'static str,
    column: &'static str,
    follows: Follows,
) -> MergedTable {
    MergedTable {
        table,
        column,
        follows,
    }
}
