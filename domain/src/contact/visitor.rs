//! Telling people who are known from anonymous visitors, as SQL.
//!
//! A visitor is somebody of whom nothing but an anonymous id is known: the cookie of a browser. Lists
//! may leave them out, reports on people always do. Who is made by hand without any identity is no
//! visitor. Whether somebody is one is never stored: identities come and go by several ways, and one
//! probe of their index answers.

/// The ids of the visitors of the workspace `$1`, as `contact_id`; one who has several anonymous ids
/// is there several times. It reads the anonymous ids, however many contacts there are.
pub(crate) const VISITORS: &str = "SELECT v.contact_id FROM contact_identity v
     WHERE v.workspace_id = $1 AND v.kind = 'ANONYMOUS_ID' AND NOT EXISTS (
         SELECT 1 FROM contact_identity k WHERE k.workspace_id = $1
           AND k.contact_id = v.contact_id AND k.kind <> 'ANONYMOUS_ID')";

/// That the contact whose id is the SQL `id` is a visitor, in a statement whose `$1` is the workspace.
pub(crate) fn is_visitor(id: &str) -> String {
    let with = |test: &str| {
        format!(
            "EXISTS (SELECT 1 FROM contact_identity i WHERE i.workspace_id = $1
               AND i.contact_id = {id} AND i.kind {test} 'ANONYMOUS_ID')"
        )
    };
    format!("({} AND NOT {})", with("="), with("<>"))
}
