//! Which columns of a list its file has: those that are named, in the order in which they are.

use entity::{id::WorkspaceId, kind::SubjectKind};

use super::{What, contact, table::Column};
use crate::{
    attribute::definition,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
};

/// The columns of these names; all, where none is named. One that is not there any more is left out.
pub(super) fn chosen(columns: &[Column], names: &[String]) -> Vec<Column> {
    if names.is_empty() {
        return columns.to_vec();
    }
    let of = |name: &String| columns.iter().find(|column| column.key == *name).cloned();
    names.iter().filter_map(of).collect()
}

/// Refuses names of columns that the file does not have, and names at all of files without a choice.
pub(super) async fn refuse_unknown(
    ctx: &Ctx,
    workspace: WorkspaceId,
    what: &What,
    names: &[String],
) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let What::Contacts(..) = what else {
        let message = "The columns of this file cannot be chosen.";
        let path = ["columns"];
        return Err(Error::refused(&path, UserErrorCode::Invalid, message));
    };
    let attributes = definition::list(ctx, workspace, Some(SubjectKind::Contact)).await?;
    let own = contact::OWN.iter().map(|(key, _)| (*key).to_owned());
    let known: Vec<String> = own
        .chain(["tags".to_owned()])
        .chain(
            attributes
                .iter()
                .map(|one| format!("attributes.{}", one.key)),
        )
        .collect();
    let unknown = names.iter().enumerate();
    let errors: Vec<UserError> = unknown
        .filter(|(_, name)| !known.contains(name))
        .map(|(index, _)| {
            let message = format!("There is no such column. There are: {}.", known.join(", "));
            let path = ["columns", &index.to_string()];
            UserError::new(&path, UserErrorCode::NotFound, message)
        })
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Refused(errors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::table::columns;

    #[test]
    fn the_named_columns_stand_in_the_order_of_their_names() {
        let all = columns(&[("id", "Contact"), ("name", "Name"), ("tags", "Tags")]);
        let of = |names: &[&str]| -> Vec<String> {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let chosen = chosen(&all, &names).into_iter();
            chosen.map(|column| column.key).collect()
        };
        assert_eq!(of(&[]), ["id", "name", "tags"]);
        assert_eq!(of(&["tags", "gone", "id"]), ["tags", "id"]);
    }
}
