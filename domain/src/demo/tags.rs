//! The tag trees: who customers are to us, and what conversations are about.

use std::collections::HashMap;

use entity::{id::TagId, kind::TagKind};

use crate::{
    access::Actor,
    ctx::Ctx,
    error::Result,
    tag::{NewTag, catalogue},
};

/// A tree: kind, colour, the name of its root with its description, and the tags below.
pub(super) struct Tree {
    pub(super) kind: TagKind,
    pub(super) colour: &'static str,
    pub(super) root: (&'static str, &'static str),
    pub(super) tags: &'static [&'static str],
}

/// The tag of the customers whose messages are announced.
pub(super) const VIP: &str = "VIP";
/// The tag of those who look at prices, for a while.
pub(super) const HOT: &str = "ホットリード";
/// The tag of those who bought again.
pub(super) const REGULAR: &str = "リピーター";
/// The tag of companies that make software.
pub(super) const SOFTWARE: &str = "IT・インターネット";
/// The tag of those who followed a link.
pub(super) const FOLLOWED_UP: &str = "フォロー中";
/// The tag of those whom we are helping.
pub(super) const HELPED: &str = "サポート対応中";
/// The tag of companies that sell what we sell.
pub(super) const COMPETITOR: &str = "競合";
/// The tag of conversations about working together.
pub(super) const PARTNERSHIP: &str = "パートナーシップの問い合わせ";
/// The tag of conversations in which we sent what was asked for.
pub(super) const MATERIAL: &str = "資料送付済み";

#[rustfmt::skip]
pub(super) const TREES: &[Tree] = &[
    Tree { kind: TagKind::Contact, colour: "#2563eb", root: ("関係性", "お客様との今の関係 / Engagement / 客户关系"),
        tags: &["トライアル中", REGULAR, HOT, FOLLOWED_UP, "休眠", HELPED, VIP] },
    Tree { kind: TagKind::Contact, colour: "#7c3aed", root: ("業種", "基本属性 / Industry / 行业"),
        tags: &["小売", "製造", SOFTWARE, "物流", "教育"] },
    Tree { kind: TagKind::Contact, colour: "#0891b2", root: ("企業規模", "基本属性 / Company size / 企业规模"),
        tags: &["1-50名", "51-200名", "201-1000名", "1000名以上"] },
    Tree { kind: TagKind::Contact, colour: "#ca8a04", root: ("顧客ランク", "基本属性 / Customer level / 客户等级"),
        tags: &["重点顧客", "標準顧客"] },
    Tree { kind: TagKind::Contact, colour: "#dc2626", root: ("見込み判断", "運用 / Lead judgement / 线索判断"),
        tags: &["今すぐ対象", "対象だが今ではない", "対象外", "エコパートナー", COMPETITOR] },
    Tree { kind: TagKind::Conversation, colour: "#16a34a", root: ("問い合わせ", "会話の内容 / What it is about / 咨询内容"),
        tags: &[PARTNERSHIP, "見積もり", "不具合", "請求", "使い方", "解約の相談", MATERIAL] },
];

/// Makes the tags; they are told by name, for no name is in two trees.
pub(super) async fn make(ctx: &Ctx, actor: &Actor) -> Result<HashMap<&'static str, TagId>> {
    let mut made = HashMap::new();
    for tree in TREES {
        let (root, description) = tree.root;
        let parent = make_one(ctx, actor, tree, root, description, None).await?;
        for name in tree.tags {
            made.insert(
                *name,
                make_one(ctx, actor, tree, name, "", Some(parent)).await?,
            );
        }
    }
    Ok(made)
}

async fn make_one(
    ctx: &Ctx,
    actor: &Actor,
    tree: &Tree,
    name: &str,
    description: &str,
    parent: Option<TagId>,
) -> Result<TagId> {
    let new = NewTag {
        kind: tree.kind,
        name: name.to_owned(),
        description: description.to_owned(),
        colour: Some(tree.colour.to_owned()),
        parent,
        group: None,
    };
    Ok(catalogue::create(ctx, actor, new).await?.id)
}
