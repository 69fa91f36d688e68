//! What a business customer is, where it is, and what to do with it.

use entity::kind::{TagSelection::Single, TagStage};

use super::{Group, explained, region, value, words};
use crate::locale::Locale;

pub(super) fn groups(locale: Locale) -> Vec<Group> {
    vec![
        industry(),
        company_size(),
        position(),
        level(),
        Group {
            key: "b2b/region",
            name: words("都道府県", "State", "省份"),
            description: words(
                "会社または拠点の所在地。",
                "Where the company or the site is.",
                "公司或分支机构所在的省级行政区。",
            ),
            selection: Single,
            stage: TagStage::Strategic,
            colour: "#0d9488",
            tags: region::regions(locale),
        },
        Group {
            key: "b2b/city",
            name: words("重点都市", "Key city", "重点城市"),
            description: words(
                "営業上、重点を置く都市。",
                "A city that sales concentrates on.",
                "销售重点布局的城市。",
            ),
            selection: Single,
            stage: TagStage::Strategic,
            colour: "#0891b2",
            tags: region::cities(locale),
        },
        team_size(),
        lead(),
    ]
}

fn industry() -> Group {
    Group {
        key: "b2b/industry",
        name: words("業種", "Industry", "行业"),
        description: words(
            "お客様の主な事業分野。",
            "The customer's main line of business.",
            "客户的主营行业。",
        ),
        selection: Single,
        stage: TagStage::Basic,
        colour: "#7c3aed",
        tags: vec![
            value("manufacturing", "製造", "Manufacturing", "制造业"),
            value(
                "construction",
                "建設・不動産",
                "Construction & real estate",
                "建筑与房地产",
            ),
            value("retail", "小売", "Retail", "零售"),
            value("ecommerce", "EC・通販", "E-commerce", "电子商务"),
            value(
                "wholesale",
                "卸売・商社",
                "Wholesale & trading",
                "批发与贸易",
            ),
            value("it", "IT・ソフトウェア", "IT & software", "信息技术与软件"),
            value("telecom", "通信", "Telecommunications", "通信"),
            value("finance", "金融・保険", "Finance & insurance", "金融与保险"),
            value(
                "logistics",
                "運輸・物流",
                "Transport & logistics",
                "交通与物流",
            ),
            value("food", "飲食・食品", "Food & beverage", "餐饮与食品"),
            value("travel", "旅行・宿泊", "Travel & hospitality", "旅游与酒店"),
            value("healthcare", "医療・介護", "Healthcare", "医疗健康"),
            value("pharma", "医薬・バイオ", "Pharma & biotech", "医药与生物"),
            value("education", "教育", "Education", "教育"),
            value(
                "media",
                "メディア・広告",
                "Media & advertising",
                "传媒与广告",
            ),
            value(
                "professional",
                "士業・コンサルティング",
                "Professional services",
                "专业服务与咨询",
            ),
            value("staffing", "人材", "Staffing & recruiting", "人力资源服务"),
            value(
                "energy",
                "エネルギー・インフラ",
                "Energy & utilities",
                "能源与公用事业",
            ),
            value("automotive", "自動車", "Automotive", "汽车"),
            value("agriculture", "農林水産", "Agriculture", "农林牧渔"),
            value(
                "public",
                "官公庁・自治体",
                "Public sector",
                "政府与公共机构",
            ),
            value("nonprofit", "非営利団体", "Non-profit", "非营利组织"),
            value("other", "その他の業種", "Other industry", "其他行业"),
        ],
    }
}

fn company_size() -> Group {
    Group {
        key: "b2b/company-size",
        name: words("企業規模", "Company size", "企业规模"),
        description: words(
            "会社全体の従業員数。",
            "Employees of the whole company.",
            "公司员工总数。",
        ),
        selection: Single,
        stage: TagStage::Basic,
        colour: "#4f46e5",
        tags: vec![
            value("1-10", "1〜10名", "1–10 employees", "1–10人"),
            value("11-50", "11〜50名", "11–50 employees", "11–50人"),
            value("51-200", "51〜200名", "51–200 employees", "51–200人"),
            value(
                "201-1000",
                "201〜1,000名",
                "201–1,000 employees",
                "201–1000人",
            ),
            value(
                "1001-5000",
                "1,001〜5,000名",
                "1,001–5,000 employees",
                "1001–5000人",
            ),
            value("5001", "5,001名以上", "Over 5,000 employees", "5000人以上"),
        ],
    }
}

fn position() -> Group {
    Group {
        key: "b2b/position",
        name: words("役職", "Position", "职位"),
        description: words(
            "相手の方の社内での立場。",
            "What the person is in the company.",
            "联系人在公司中的职位。",
        ),
        selection: Single,
        stage: TagStage::Basic,
        colour: "#9333ea",
        tags: vec![
            value(
                "owner",
                "経営者・代表",
                "Owner or founder",
                "企业主或创始人",
            ),
            value("executive", "役員", "Executive", "高管"),
            value("director", "部長", "Director", "总监"),
            value("manager", "課長", "Manager", "经理"),
            value("lead", "係長・主任", "Team lead", "主管"),
            value("specialist", "担当者", "Specialist", "专员"),
            value("procurement", "購買・調達", "Procurement", "采购"),
            value("technical", "技術担当", "Technical contact", "技术负责人"),
        ],
    }
}

fn level() -> Group {
    Group {
        key: "b2b/level",
        name: words("顧客ランク", "Customer level", "客户等级"),
        description: words(
            "取引の大きさと将来性による区分。",
            "How much the customer matters, by business done and to be expected.",
            "按成交规模与发展潜力划分。",
        ),
        selection: Single,
        stage: TagStage::Basic,
        colour: "#ca8a04",
        tags: vec![
            value("key", "重点顧客", "Key account", "重点客户"),
            value("growth", "成長顧客", "Growth account", "成长客户"),
            value("standard", "一般顧客", "Standard account", "普通客户"),
            value("small", "小口顧客", "Small account", "小型客户"),
        ],
    }
}

fn team_size() -> Group {
    Group {
        key: "b2b/team-size",
        name: words("利用チームの規模", "Team size", "团队规模"),
        description: words(
            "製品を使う部署やチームの人数。",
            "People in the team that would use the product.",
            "实际使用产品的团队人数。",
        ),
        selection: Single,
        stage: TagStage::Strategic,
        colour: "#0284c7",
        tags: vec![
            value("1", "1名", "Just one", "1人"),
            value("2-5", "2〜5名", "2–5 people", "2–5人"),
            value("6-20", "6〜20名", "6–20 people", "6–20人"),
            value("21-50", "21〜50名", "21–50 people", "21–50人"),
            value("51-200", "51〜200名", "51–200 people", "51–200人"),
            value("201", "201名以上", "Over 200 people", "200人以上"),
        ],
    }
}

fn lead() -> Group {
    Group {
        key: "b2b/lead",
        name: words("見込み判断", "Lead judgement", "线索判断"),
        description: words(
            "この見込み客に営業すべきかどうか。",
            "Whether sales should pursue this lead.",
            "该线索是否值得销售跟进。",
        ),
        selection: Single,
        stage: TagStage::Operations,
        colour: "#dc2626",
        tags: vec![
            explained(
                "target-now",
                words("対象（今すぐ）", "Target now", "目标客户（当前）"),
                words(
                    "対象に合い、今が商談の時期。",
                    "Fits, and the time is right.",
                    "符合目标，且时机成熟。",
                ),
            ),
            explained(
                "target-later",
                words(
                    "対象（今ではない）",
                    "Target, but not now",
                    "目标客户（时机未到）",
                ),
                words(
                    "対象に合うが、今は時期ではない。",
                    "Fits, but the time has not come.",
                    "符合目标，但时机未到。",
                ),
            ),
            explained(
                "not-target",
                words("対象外", "Not a target", "非目标客户"),
                words(
                    "製品やサービスの対象ではない。",
                    "Will not become a customer.",
                    "不属于目标客户群。",
                ),
            ),
            explained(
                "partner",
                words("エコパートナー", "Ecosystem partner", "生态伙伴"),
                words(
                    "販売や開発で組む相手。",
                    "Somebody to sell or build with.",
                    "可在销售或研发上合作的伙伴。",
                ),
            ),
            explained(
                "competitor",
                words("競合", "Competitor", "竞争对手"),
                words(
                    "競合他社またはその関係者。",
                    "Works for a competitor.",
                    "竞争对手或其相关人员。",
                ),
            ),
        ],
    }
}
