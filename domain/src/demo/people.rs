//! The customers: companies and the people in them.

/// The language a contact writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Ja,
    Zh,
    En,
}

impl Language {
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }
}

/// A company: its name, its domain, its language, its tags below the B2B portrait, its people
/// (name and the part of the address before the @).
pub(super) struct Company {
    pub(super) name: &'static str,
    pub(super) domain: &'static str,
    pub(super) language: Language,
    pub(super) tags: [&'static str; 4],
    pub(super) people: [(&'static str, &'static str); 5],
}

macro_rules! companies {
    ($($language:ident $name:literal $domain:literal $tags:tt $people:tt)*) => {
        &[$(Company {
            name: $name,
            domain: $domain,
            language: Language::$language,
            tags: $tags,
            people: $people,
        },)*]
    };
}

#[rustfmt::skip]
pub(super) const COMPANIES: &[Company] = companies! {
    Ja "株式会社あおば商事" "aoba-shoji.example" ["小売", "51-200名", "重点顧客", "今すぐ対象"]
        [("佐藤 健", "sato"), ("高橋 美咲", "takahashi"), ("渡辺 翔太", "watanabe"), ("小林 由美", "kobayashi"), ("加藤 大輔", "kato")]
    Ja "みなと工業株式会社" "minato-kogyo.example" ["製造", "201-1000名", "標準顧客", "今すぐ対象"]
        [("鈴木 一郎", "suzuki"), ("伊藤 さくら", "ito"), ("山本 拓也", "yamamoto"), ("吉田 愛", "yoshida"), ("山田 直樹", "yamada")]
    Ja "さくらデザイン合同会社" "sakura-design.example" ["IT・インターネット", "1-50名", "標準顧客", "対象だが今ではない"]
        [("中村 結衣", "nakamura"), ("松本 蓮", "matsumoto"), ("井上 千夏", "inoue"), ("木村 悠斗", "kimura"), ("林 奈々", "hayashi")]
    Ja "北斗物流株式会社" "hokuto-logistics.example" ["物流", "201-1000名", "重点顧客", "エコパートナー"]
        [("斎藤 誠", "saito"), ("清水 彩", "shimizu"), ("山口 亮", "yamaguchi"), ("森 真由美", "mori"), ("池田 剛", "ikeda")]
    Zh "杭州云帆科技有限公司" "yunfan-tech.example" ["IT・インターネット", "201-1000名", "重点顧客", "今すぐ対象"]
        [("王伟", "wang.wei"), ("李娜", "li.na"), ("张敏", "zhang.min"), ("刘洋", "liu.yang"), ("陈静", "chen.jing")]
    Zh "深圳智造设备有限公司" "zhizao-sz.example" ["製造", "1000名以上", "標準顧客", "今すぐ対象"]
        [("杨帆", "yang.fan"), ("赵磊", "zhao.lei"), ("黄婷", "huang.ting"), ("周杰", "zhou.jie"), ("吴芳", "wu.fang")]
    Zh "上海悦享零售有限公司" "yuexiang-retail.example" ["小売", "51-200名", "標準顧客", "対象だが今ではない"]
        [("徐丽", "xu.li"), ("孙鹏", "sun.peng"), ("马超", "ma.chao"), ("朱琳", "zhu.lin"), ("胡斌", "hu.bin")]
    Zh "成都锦程教育咨询" "jincheng-edu.example" ["教育", "1-50名", "標準顧客", "対象外"]
        [("郭雪", "guo.xue"), ("何军", "he.jun"), ("高燕", "gao.yan"), ("林涛", "lin.tao"), ("罗欣", "luo.xin")]
    En "Northwind Outfitters" "northwind-outfitters.example" ["小売", "51-200名", "重点顧客", "今すぐ対象"]
        [("Emma Clarke", "emma"), ("Liam Walker", "liam"), ("Olivia Hughes", "olivia"), ("Noah Bennett", "noah"), ("Ava Foster", "ava")]
    En "Harbor & Pine Foods" "harborpine.example" ["小売", "201-1000名", "標準顧客", "今すぐ対象"]
        [("Sophia Reyes", "sophia"), ("Mason Brooks", "mason"), ("Isabella Grant", "isabella"), ("Lucas Meyer", "lucas"), ("Mia Sullivan", "mia")]
    En "Brightwell Learning" "brightwell-learning.example" ["教育", "1-50名", "標準顧客", "対象だが今ではない"]
        [("Charlotte Dean", "charlotte"), ("Ethan Cole", "ethan"), ("Amelia Stone", "amelia"), ("James Okafor", "james"), ("Harper Lind", "harper")]
    En "Quillon Systems" "quillon.example" ["IT・インターネット", "1000名以上", "標準顧客", "競合"]
        [("Benjamin Cho", "benjamin"), ("Evelyn Marsh", "evelyn"), ("Henry Novak", "henry"), ("Grace Patel", "grace"), ("Daniel Ruiz", "daniel")]
};
