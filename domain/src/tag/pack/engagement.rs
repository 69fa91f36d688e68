//! How close the relationship is.

use entity::kind::{TagSelection, TagStage};

use super::{Group, explained, words};

pub(super) fn groups() -> Vec<Group> {
    vec![Group {
        key: "engagement",
        name: words("関係性", "Engagement", "客户互动"),
        description: words(
            "お客様と今どのような関係にあるか。複数付けられます。",
            "Where the relationship stands today. Several may apply.",
            "客户与我们目前的关系，可多选。",
        ),
        selection: TagSelection::Multi,
        stage: TagStage::Operations,
        colour: "#2563eb",
        tags: vec![
            explained(
                "trial",
                words("トライアル中", "Trial user", "试用用户"),
                words(
                    "無料トライアルまたは試用期間中。",
                    "Is trying the product and has not bought it yet.",
                    "正在试用产品，尚未购买。",
                ),
            ),
            explained(
                "repeat",
                words("リピーター", "Repeat buyer", "复购客户"),
                words(
                    "二回以上ご購入いただいたお客様。",
                    "Has bought more than once.",
                    "购买过两次及以上。",
                ),
            ),
            explained(
                "hot",
                words("ホットリード", "Hot lead", "高意向线索"),
                words(
                    "購入の意向が強く、すぐに連絡すべき見込み客。",
                    "Shows strong interest; get in touch now.",
                    "购买意向强烈，应尽快联系。",
                ),
            ),
            explained(
                "follow-up",
                words("フォロー中", "In follow-up", "跟进中"),
                words(
                    "担当者が継続的に連絡している。",
                    "Somebody is in regular contact.",
                    "已有人负责并持续联系。",
                ),
            ),
            explained(
                "dormant",
                words("休眠", "Dormant", "沉睡客户"),
                words(
                    "しばらくやり取りも利用もない。",
                    "No contact and no use for quite a while.",
                    "较长时间没有互动或使用。",
                ),
            ),
            explained(
                "vip",
                words("VIP", "VIP", "VIP"),
                words(
                    "特に大切にすべきお客様。",
                    "Deserves special care.",
                    "需要重点维护的客户。",
                ),
            ),
        ],
    }]
}
