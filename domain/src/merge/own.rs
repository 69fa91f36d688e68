//! A thing's own fields: the survivor keeps its own and takes what it lacks.

/// Defines `Own`, the fields of a row that a merge may fill, each of which may be empty. The row has
/// `updated_at`, and `stage_rank` beside `stage`.
macro_rules! own_fields {
    ($row:ty; $($field:ident: $type:ty,)*) => {
        /// What a merge may change of the survivor's row.
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        pub(super) struct Own {
            $(pub(super) $field: Option<$type>,)*
            pub(super) updated_at: chrono::DateTime<chrono::Utc>,
        }

        impl Own {
            pub(super) fn of(row: &$row) -> Self {
                Self {
                    $($field: row.$field.clone(),)*
                    updated_at: row.updated_at,
                }
            }

            /// The fields a merge gives to a survivor who lacks them.
            pub(super) fn filled(&self, loser: &Self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(
                    if self.$field.is_none() && loser.$field.is_some() {
                        names.push(stringify!($field));
                    }
                )*
                names
            }

            /// The fields of which both have a value, each another: the survivor keeps its own.
            pub(super) fn conflicts(&self, loser: &Self) -> Vec<crate::merge::Conflict> {
                let each = [$(
                    crate::merge::conflict::of(
                        stringify!($field),
                        self.$field.as_ref(),
                        loser.$field.as_ref(),
                    ),
                )*];
                each.into_iter().flatten().collect()
            }

            /// The survivor's fields, with the loser's where it has none.
            pub(super) fn with(&self, loser: &Self, now: chrono::DateTime<chrono::Utc>) -> Self {
                Self {
                    $($field: self.$field.clone().or_else(|| loser.$field.clone()),)*
                    updated_at: now,
                }
            }

            /// `now` without what the merge gave: a field goes back to `before` unless somebody has
            /// changed it since.
            pub(super) fn undone(before: &Self, after: &Self, now: &Self) -> Self {
                Self {
                    $($field: if now.$field == after.$field {
                        before.$field.clone()
                    } else {
                        now.$field.clone()
                    },)*
                    updated_at: if now.updated_at == after.updated_at {
                        before.updated_at
                    } else {
                        now.updated_at
                    },
                }
            }

            pub(super) fn put(self, row: &mut $row) {
                $(row.$field = self.$field;)*
                row.updated_at = self.updated_at;
                row.stage_rank = crate::stage::rank(row.stage);
            }
        }
    };
}

pub(crate) use own_fields;
