//! Tracked links: short addresses, `/l/{slug}`, that lead to a stored URL and note who followed them.
//!
//! A link has a channel and perhaps a campaign, adds utm parameters to where it leads, and puts tags on
//! contacts who follow it. Who somebody is, is told by a token behind the slug (`personal`), or by the
//! `anonymousId` of a visitor who is known already; everybody else is counted and nothing more. Nobody
//! becomes a contact by following a link.
//!
//! - `slug`: what an address ends with; `target`: where it leads; `visitor`: who is there, and whether a
//!   machine. All pure;
//! - `qr`: the code of an address, as a picture;
//! - `personal`: addresses that name a contact without saying who it is;
//! - `manage`: makes, changes, archives and restores links;
//! - `read`: lists, days, and what loaders ask for;
//! - `follow`: one request to a link; called by `api/src/link`;
//! - `retag`: links as things that name tags.
//!
//! What a contact did becomes an event like any other, [`CLICKED`] or [`SCANNED`], so that timelines, rules,
//! segments and health know of it. Counts are kept as it is written, by the link and by its days in the
//! workspace's time zone. Nothing here sends anybody anywhere but to the URL that was stored.

mod follow;
mod manage;
mod personal;
mod qr;
mod read;
pub(crate) mod retag;
mod slug;
mod target;
mod visitor;

use url::Url;

use crate::ctx::Ctx;

pub use follow::{Followed, Opened, follow, open};
pub use manage::{LinkChanges, NewLink, TAG_LIMIT, create, set_archived, update};
pub use personal::{contact_of, token};
pub use qr::svg;
pub use read::{Day, LinkFilter, LinkTag, MAX_DAYS, list, load, load_tags, series};
pub use target::{Utm, destination};
pub use visitor::{Signs, Visitor, is_machine};

/// The name of the event when a link was followed.
pub const CLICKED: &str = "link_clicked";
/// The name of the event when it was followed from its QR code.
pub const SCANNED: &str = "qr_scanned";
/// What stands behind the question mark of an address that a QR code leads to.
pub const QR_MARKER: &str = "qr";

/// The address of a link, with the token of a personal one: whole where the installation knows how people
/// see it, else the path.
pub fn address(ctx: &Ctx, slug: &str, token: Option<&str>) -> String {
    let path = match token {
        Some(token) => format!("l/{slug}/{token}"),
        None => format!("l/{slug}"),
    };
    match ctx.link(&path) {
        Some(url) => url.into(),
        None => format!("/{path}"),
    }
}

/// What the QR code of a link says; nothing where the installation does not know how people see it.
pub fn qr_address(ctx: &Ctx, slug: &str, token: Option<&str>) -> Option<Url> {
    let mut url: Url = address(ctx, slug, token).parse().ok()?;
    url.set_query(Some(QR_MARKER));
    Some(url)
}
