//! The words that people write in headers and cells, in Japanese, English and Chinese.

use entity::kind::{Channel, ImportField, LifecycleStage, SubjectKind};

use crate::text::name_key;

/// How words are compared: width, case, blanks and the usual signs between words do not matter.
pub(super) fn key(word: &str) -> String {
    name_key(word)
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-' | '.' | '/' | '・' | ':' | '*'))
        .collect()
}

/// What a column of this header holds of a contact or an account.
pub(super) fn field_of(header: &str, subject: SubjectKind) -> Option<ImportField> {
    let key = key(header);
    let table = if subject == SubjectKind::Account {
        ACCOUNT_HEADERS
    } else {
        CONTACT_HEADERS
    };
    table
        .iter()
        .chain(HEADERS)
        .find(|(_, words)| words.contains(&key.as_str()))
        .map(|(field, _)| *field)
}

type Headers = &'static [(ImportField, &'static [&'static str])];

const HEADERS: Headers = &[
    (
        ImportField::Phone,
        &[
            "phone",
            "phonenumber",
            "telephone",
            "tel",
            "mobile",
            "mobilephone",
            "cell",
            "電話",
            "電話番号",
            "携帯",
            "携帯電話",
            "携帯番号",
            "tel番号",
            "电话",
            "电话号码",
            "手机",
            "手机号",
            "手机号码",
            "联系电话",
        ],
    ),
    (
        ImportField::ExternalId,
        &[
            "id",
            "externalid",
            "customerid",
            "userid",
            "contactid",
            "crmid",
            "外部id",
            "顧客id",
            "会員id",
            "顧客番号",
            "会員番号",
            "ユーザーid",
            "客户id",
            "客户编号",
            "会员编号",
            "用户id",
            "编号",
        ],
    ),
    (
        ImportField::Stage,
        &[
            "stage",
            "lifecycle",
            "lifecyclestage",
            "ステージ",
            "ライフサイクル",
            "ライフサイクルステージ",
            "阶段",
            "生命周期",
            "客户阶段",
        ],
    ),
    (
        ImportField::OwnerEmail,
        &[
            "owner",
            "owneremail",
            "assignee",
            "salesrep",
            "担当",
            "担当者",
            "担当者メール",
            "担当者メールアドレス",
            "负责人",
            "负责人邮箱",
            "跟进人",
        ],
    ),
    (
        ImportField::Tags,
        &["tags", "tag", "labels", "label", "タグ", "ラベル", "标签"],
    ),
];

const CONTACT_HEADERS: Headers = &[
    (
        ImportField::Name,
        &[
            "name",
            "fullname",
            "contactname",
            "displayname",
            "氏名",
            "名前",
            "お名前",
            "姓名",
            "顧客名",
            "連絡先",
            "名字",
            "联系人",
            "客户姓名",
            "客户名称",
        ],
    ),
    (
        ImportField::Kana,
        &[
            "kana",
            "reading",
            "furigana",
            "phoneticname",
            "カナ",
            "かな",
            "フリガナ",
            "ふりがな",
            "氏名カナ",
            "氏名(カナ)",
            "氏名フリガナ",
            "よみ",
            "読み",
            "セイメイ",
        ],
    ),
    (
        ImportField::Email,
        &[
            "email",
            "mail",
            "emailaddress",
            "mailaddress",
            "メール",
            "メールアドレス",
            "eメール",
            "邮箱",
            "邮件",
            "电子邮件",
            "电子邮箱",
            "邮箱地址",
        ],
    ),
    (
        ImportField::Locale,
        &["locale", "language", "lang", "言語", "语言"],
    ),
    (
        ImportField::AccountName,
        &[
            "company",
            "companyname",
            "account",
            "accountname",
            "organization",
            "organisation",
            "会社",
            "会社名",
            "企業",
            "企業名",
            "法人名",
            "所属",
            "公司",
            "公司名称",
            "企业",
            "企业名称",
            "单位",
        ],
    ),
    (
        ImportField::AccountDomain,
        &[
            "domain",
            "companydomain",
            "accountdomain",
            "ドメイン",
            "会社ドメイン",
            "企業ドメイン",
            "域名",
            "公司域名",
        ],
    ),
    (
        ImportField::AccountExternalId,
        &[
            "companyid",
            "accountid",
            "accountexternalid",
            "companyexternalid",
            "会社id",
            "企業id",
            "法人番号",
            "公司id",
            "企业编号",
        ],
    ),
    (
        ImportField::SourceChannel,
        &[
            "source",
            "sourcechannel",
            "channel",
            "leadsource",
            "チャネル",
            "流入元",
            "流入チャネル",
            "獲得チャネル",
            "来源",
            "渠道",
            "来源渠道",
        ],
    ),
    (
        ImportField::SourceCampaign,
        &[
            "campaign",
            "sourcecampaign",
            "utmcampaign",
            "キャンペーン",
            "流入キャンペーン",
            "活动",
            "来源活动",
            "营销活动",
        ],
    ),
    (
        ImportField::BroughtByEmail,
        &[
            "broughtby",
            "broughtbyemail",
            "referredby",
            "紹介者",
            "獲得者",
            "獲得担当者",
            "引入人",
            "推荐人",
        ],
    ),
    (
        ImportField::ArrivedAt,
        &[
            "cameinat",
            "camein",
            "arrivedat",
            "leaddate",
            "createdate",
            "獲得日",
            "獲得日時",
            "流入日",
            "获取日期",
            "获客时间",
            "进入时间",
        ],
    ),
    (
        ImportField::Subscriptions,
        &["subscriptions", "配信設定", "購読設定", "订阅设置"],
    ),
];

const ACCOUNT_HEADERS: Headers = &[
    (
        ImportField::Name,
        &[
            "name",
            "company",
            "companyname",
            "account",
            "accountname",
            "organization",
            "organisation",
            "会社",
            "会社名",
            "企業",
            "企業名",
            "法人名",
            "名称",
            "公司",
            "公司名称",
            "企业",
            "企业名称",
        ],
    ),
    (
        ImportField::Domain,
        &["domain", "emaildomain", "ドメイン", "域名"],
    ),
    (
        ImportField::Website,
        &[
            "website",
            "web",
            "url",
            "site",
            "homepage",
            "ウェブサイト",
            "webサイト",
            "サイト",
            "ホームページ",
            "网站",
            "网址",
            "官网",
        ],
    ),
    (
        ImportField::Description,
        &[
            "description",
            "about",
            "notes",
            "説明",
            "概要",
            "備考",
            "会社概要",
            "描述",
            "简介",
            "说明",
        ],
    ),
];

/// The stage a cell names.
pub(super) fn stage(cell: &str) -> Option<LifecycleStage> {
    use LifecycleStage as S;
    Some(match key(cell).as_str() {
        "subscriber" | "購読者" | "登録者" | "订阅者" => S::Subscriber,
        "lead" | "リード" | "見込み客" | "見込客" | "线索" | "潜在客户" => S::Lead,
        "qualified" | "qualifiedlead" | "mql" | "sql" | "有望" | "有望リード" | "合格线索"
        | "有效线索" => S::Qualified,
        "opportunity" | "deal" | "商談" | "商談中" | "商机" => S::Opportunity,
        "customer" | "client" | "顧客" | "客户" | "既存顧客" => S::Customer,
        "advocate" | "evangelist" | "推奨者" | "ファン" | "推荐者" => S::Advocate,
        "former" | "formercustomer" | "churned" | "元顧客" | "解約" | "前客户" | "流失" => {
            S::Former
        }
        _ => return None,
    })
}

/// The channel a cell names.
pub(super) fn channel(cell: &str) -> Option<Channel> {
    use Channel as C;
    Some(match key(cell).as_str() {
        "email" | "mail" | "メール" | "邮件" | "电子邮件" => C::Email,
        "chat" | "livechat" | "チャット" | "聊天" => C::Chat,
        "webform"
        | "form"
        | "web"
        | "website"
        | "フォーム"
        | "問い合わせフォーム"
        | "ウェブフォーム"
        | "表单"
        | "网站" => C::WebForm,
        "x" | "twitter" => C::X,
        "facebook" | "フェイスブック" | "脸书" => C::Facebook,
        "instagram" | "インスタグラム" => C::Instagram,
        "linkedin" | "领英" => C::Linkedin,
        "line" => C::Line,
        "wechat" | "微信" => C::Wechat,
        "whatsapp" => C::Whatsapp,
        "sms" | "短信" | "ショートメール" => C::Sms,
        "other" | "その他" | "其他" => C::Other,
        _ => return None,
    })
}

/// Whether a cell says yes or no.
pub(super) fn flag(cell: &str) -> Option<bool> {
    match key(cell).as_str() {
        "true" | "yes" | "y" | "1" | "on" | "はい" | "有" | "あり" | "○" | "◯" | "是" | "对" => {
            Some(true)
        }
        "false" | "no" | "n" | "0" | "off" | "いいえ" | "無" | "なし" | "×" | "否" | "无" => {
            Some(false)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_known_in_three_languages() {
        use ImportField as F;
        for (header, expected) in [
            ("E-mail", F::Email),
            ("メールアドレス", F::Email),
            ("邮箱", F::Email),
            ("ﾌﾘｶﾞﾅ", F::Kana),
            ("Company Name", F::AccountName),
            ("会社名", F::AccountName),
            ("手机号", F::Phone),
            ("External_ID", F::ExternalId),
            ("ﾀｸﾞ", F::Tags),
            ("Brought by", F::BroughtByEmail),
            ("Came in at", F::ArrivedAt),
            ("Subscriptions", F::Subscriptions),
            ("配信設定", F::Subscriptions),
        ] {
            assert_eq!(
                field_of(header, SubjectKind::Contact),
                Some(expected),
                "{header}"
            );
        }
        assert_eq!(field_of("会社名", SubjectKind::Account), Some(F::Name));
        assert_eq!(field_of("好きな色", SubjectKind::Contact), None);
    }

    #[test]
    fn every_stage_and_channel_is_known_by_its_own_word() {
        use sea_orm::Iterable as _;
        for one in LifecycleStage::iter() {
            assert_eq!(stage(one.word()), Some(one));
        }
        for one in Channel::iter() {
            assert_eq!(channel(one.word()), Some(one));
        }
        assert_eq!(stage("顧客"), Some(LifecycleStage::Customer));
        assert_eq!(channel("ＬＩＮＥ"), Some(Channel::Line));
    }
}
