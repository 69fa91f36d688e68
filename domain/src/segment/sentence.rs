//! A segment as a sentence that a person can check against what they meant.

use entity::kind::SegmentSubject;

use crate::{
    condition::{
        Condition,
        reference::Names,
        sentence::{Phrasing, say},
    },
    locale::Locale,
};

/// Who is in a segment with this condition.
pub fn sentence(
    subject: SegmentSubject,
    condition: &Condition,
    locale: Locale,
    names: &dyn Names,
) -> String {
    let phrasing = Phrasing { locale, names };
    let holds = phrasing.condition(condition, true);
    match subject {
        SegmentSubject::Contact => say!(
            phrasing,
            format!("次の条件を満たすすべてのコンタクト：{holds}。"),
            format!("All contacts of whom this holds: {holds}."),
            format!("满足以下条件的所有联系人：{holds}。")
        ),
        SegmentSubject::Account => say!(
            phrasing,
            format!("次の条件を満たすすべての会社：{holds}。"),
            format!("All accounts of which this holds: {holds}."),
            format!("满足以下条件的所有公司：{holds}。")
        ),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::condition::{ContactTags, TagMode, TagTest, reference::IdKind};

    struct Vip;

    impl Names for Vip {
        fn name(&self, _: IdKind, _: Uuid) -> Option<String> {
            Some("VIP".to_owned())
        }
    }

    #[test]
    fn it_reads_naturally_in_three_languages() {
        let vip = Condition::ContactTags(ContactTags(TagTest {
            mode: TagMode::Any,
            tag_ids: vec![Uuid::from_u128(1)],
            with_descendants: true,
        }));
        for (locale, beginning) in [
            (
                Locale::Ja,
                "次の条件を満たすすべてのコンタクト：コンタクトに",
            ),
            (Locale::En, "All contacts of whom this holds: the contact "),
            (Locale::Zh, "满足以下条件的所有联系人：联系人"),
        ] {
            let said = sentence(SegmentSubject::Contact, &vip, locale, &Vip);
            assert!(
                said.starts_with(beginning) && said.contains("VIP"),
                "{said}"
            );
        }
    }
}
