//! Handles, `network:name`: which spellings of one are the same.
//!
//! People write names such as `x:Enishi` in upper and lower case as they like; ids that a network gives,
//! such as an openid of WeChat, tell the two apart, and whoever answers by one needs it as it was given.
//! So only the networks listed are folded. Handles of all networks were, once: those kept from then stay
//! as they are and go on being found by the spelling they were made of.

use entity::kind::IdentityKind;

use super::bulk::{self, Key};
use crate::{error::Result, store::Tx, text::name_key};

/// The networks whose names are the same in upper and lower case.
const FOLDED: &[&str] = &[
    "bluesky",
    "discord",
    "facebook",
    "github",
    "gitlab",
    "instagram",
    "linkedin",
    "mastodon",
    "pinterest",
    "reddit",
    "snapchat",
    "telegram",
    "threads",
    "tiktok",
    "twitch",
    "twitter",
    "x",
    "youtube",
];

/// A handle in the form in which it is compared; `None` if it is none.
pub(super) fn normal(handle: &str) -> Option<String> {
    let (network, name) = handle.split_once([':', '：'])?;
    let network = name_key(network);
    if network.is_empty() || name.is_empty() {
        return None;
    }
    let name = if FOLDED.contains(&network.as_str()) {
        name_key(name)
    } else {
        name.to_owned()
    };
    Some(format!("{network}:{name}"))
}

/// The spelling under which an identity may be kept from the time when all handles were folded, if that
/// is another.
pub(super) fn former(kind: IdentityKind, value: &str) -> Option<String> {
    let folded = (kind == IdentityKind::Handle).then(|| name_key(value))?;
    (folded != value).then_some(folded)
}

/// Brings identities to the spelling under which somebody has them. Holds nothing: that is for whoever
/// goes on, who holds all identities in one order.
pub(super) async fn as_kept(tx: &Tx<'_>, keys: &mut [Key]) -> Result<()> {
    let asked: Vec<Key> = keys
        .iter()
        .filter_map(|key| Some([key.clone(), former_key(key)?]))
        .flatten()
        .collect();
    let kept = bulk::kept(tx, &asked).await?;
    for key in keys {
        let Some(folded) = former_key(key) else {
            continue;
        };
        if kept.contains(&folded) && !kept.contains(&*key) {
            *key = folded;
        }
    }
    Ok(())
}

fn former_key((kind, value): &Key) -> Option<Key> {
    former(*kind, value).map(|folded| (*kind, folded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_and_ids_are_kept() {
        for (raw, expected) in [
            ("x:Enishi", Some("x:enishi")),
            ("X:ENISHI", Some("x:enishi")),
            ("Instagram：Ｅｎｉｓｈｉ", Some("instagram:enishi")),
            ("LINE:U4af4980629", Some("line:U4af4980629")),
            (
                "wechat:oLVPpjqs9BhvzwPj5A-vTYAX3GLc",
                Some("wechat:oLVPpjqs9BhvzwPj5A-vTYAX3GLc"),
            ),
            ("chat:A:B", Some("chat:A:B")),
            ("enishi", None),
            (":enishi", None),
            ("x:", None),
        ] {
            assert_eq!(normal(raw).as_deref(), expected, "{raw}");
        }
    }

    #[test]
    fn only_what_would_have_been_folded_has_a_former_spelling() {
        let of = |value| former(IdentityKind::Handle, value);
        assert_eq!(of("line:U4AF"), Some("line:u4af".to_owned()));
        assert_eq!(of("line:u4af"), None);
        assert_eq!(of("x:enishi"), None);
        assert_eq!(former(IdentityKind::ExternalId, "A"), None);
    }
}
