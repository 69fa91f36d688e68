//! Finding rows of one workspace only.

use sea_orm::{EntityTrait, Select};

use crate::id::WorkspaceId;

/// A table whose rows belong to a workspace. `Entity::find` is not to be used on it outside this
/// trait: a query without a workspace is a leak waiting for its day.
pub trait Scoped: EntityTrait {
    /// The rows of `workspace`.
    fn of(workspace: WorkspaceId) -> Select<Self>;
}

/// Makes the `Entity` of the calling module [`Scoped`] by its column `workspace_id`.
macro_rules! scoped {
    () => {
        impl crate::Scoped for Entity {
            fn of(workspace: crate::id::WorkspaceId) -> sea_orm::Select<Self> {
                use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
                Self::find().filter(Column::WorkspaceId.eq(workspace))
            }
        }
    };
}

pub(crate) use scoped;
