//! Provinces, prefectures and states, and the cities that matter, of the country whose language a
//! pack speaks. Keys of the former are ISO 3166-2 codes.
//!
//! Names of places are those of the country itself: a company that works in several applies the pack
//! once in each language and finds all of them side by side.

use super::{Value, value};
use crate::locale::Locale;

pub(super) fn regions(locale: Locale) -> Vec<Value> {
    values(match locale {
        Locale::Ja => PREFECTURES,
        Locale::En => STATES,
        Locale::Zh => PROVINCES,
    })
}

pub(super) fn cities(locale: Locale) -> Vec<Value> {
    values(match locale {
        Locale::Ja => JAPANESE_CITIES,
        Locale::En => AMERICAN_CITIES,
        Locale::Zh => CHINESE_CITIES,
    })
}

fn values(places: &[(&'static str, &'static str)]) -> Vec<Value> {
    places
        .iter()
        .map(|&(key, name)| value(key, name, name, name))
        .collect()
}

/// Japan's prefectures, from north to south.
#[rustfmt::skip]
const PREFECTURES: &[(&str, &str)] = &[
    ("JP-01", "北海道"), ("JP-02", "青森県"), ("JP-03", "岩手県"), ("JP-04", "宮城県"),
    ("JP-05", "秋田県"), ("JP-06", "山形県"), ("JP-07", "福島県"), ("JP-08", "茨城県"),
    ("JP-09", "栃木県"), ("JP-10", "群馬県"), ("JP-11", "埼玉県"), ("JP-12", "千葉県"),
    ("JP-13", "東京都"), ("JP-14", "神奈川県"), ("JP-15", "新潟県"), ("JP-16", "富山県"),
    ("JP-17", "石川県"), ("JP-18", "福井県"), ("JP-19", "山梨県"), ("JP-20", "長野県"),
    ("JP-21", "岐阜県"), ("JP-22", "静岡県"), ("JP-23", "愛知県"), ("JP-24", "三重県"),
    ("JP-25", "滋賀県"), ("JP-26", "京都府"), ("JP-27", "大阪府"), ("JP-28", "兵庫県"),
    ("JP-29", "奈良県"), ("JP-30", "和歌山県"), ("JP-31", "鳥取県"), ("JP-32", "島根県"),
    ("JP-33", "岡山県"), ("JP-34", "広島県"), ("JP-35", "山口県"), ("JP-36", "徳島県"),
    ("JP-37", "香川県"), ("JP-38", "愛媛県"), ("JP-39", "高知県"), ("JP-40", "福岡県"),
    ("JP-41", "佐賀県"), ("JP-42", "長崎県"), ("JP-43", "熊本県"), ("JP-44", "大分県"),
    ("JP-45", "宮崎県"), ("JP-46", "鹿児島県"), ("JP-47", "沖縄県"),
];

/// Japan's designated cities and a few more that sales are made from.
#[rustfmt::skip]
const JAPANESE_CITIES: &[(&str, &str)] = &[
    ("jp-sapporo", "札幌市"), ("jp-sendai", "仙台市"), ("jp-saitama", "さいたま市"),
    ("jp-chiba", "千葉市"), ("jp-tokyo", "東京23区"), ("jp-yokohama", "横浜市"),
    ("jp-kawasaki", "川崎市"), ("jp-sagamihara", "相模原市"), ("jp-niigata", "新潟市"),
    ("jp-kanazawa", "金沢市"), ("jp-shizuoka", "静岡市"), ("jp-hamamatsu", "浜松市"),
    ("jp-nagoya", "名古屋市"), ("jp-kyoto", "京都市"), ("jp-osaka", "大阪市"), ("jp-sakai", "堺市"),
    ("jp-kobe", "神戸市"), ("jp-okayama", "岡山市"), ("jp-hiroshima", "広島市"),
    ("jp-takamatsu", "高松市"), ("jp-matsuyama", "松山市"), ("jp-kitakyushu", "北九州市"),
    ("jp-fukuoka", "福岡市"), ("jp-kumamoto", "熊本市"), ("jp-kagoshima", "鹿児島市"),
    ("jp-naha", "那覇市"),
];

/// China's provinces, municipalities and regions, in the usual order.
#[rustfmt::skip]
const PROVINCES: &[(&str, &str)] = &[
    ("CN-BJ", "北京市"), ("CN-TJ", "天津市"), ("CN-HE", "河北省"), ("CN-SX", "山西省"),
    ("CN-NM", "内蒙古自治区"), ("CN-LN", "辽宁省"), ("CN-JL", "吉林省"), ("CN-HL", "黑龙江省"),
    ("CN-SH", "上海市"), ("CN-JS", "江苏省"), ("CN-ZJ", "浙江省"), ("CN-AH", "安徽省"),
    ("CN-FJ", "福建省"), ("CN-JX", "江西省"), ("CN-SD", "山东省"), ("CN-HA", "河南省"),
    ("CN-HB", "湖北省"), ("CN-HN", "湖南省"), ("CN-GD", "广东省"), ("CN-GX", "广西壮族自治区"),
    ("CN-HI", "海南省"), ("CN-CQ", "重庆市"), ("CN-SC", "四川省"), ("CN-GZ", "贵州省"),
    ("CN-YN", "云南省"), ("CN-XZ", "西藏自治区"), ("CN-SN", "陕西省"), ("CN-GS", "甘肃省"),
    ("CN-QH", "青海省"), ("CN-NX", "宁夏回族自治区"), ("CN-XJ", "新疆维吾尔自治区"), ("CN-TW", "台湾省"),
    ("CN-HK", "香港特别行政区"), ("CN-MO", "澳门特别行政区"),
];

/// China's first-tier and new first-tier cities and a few more.
#[rustfmt::skip]
const CHINESE_CITIES: &[(&str, &str)] = &[
    ("cn-beijing", "北京"), ("cn-shanghai", "上海"), ("cn-guangzhou", "广州"),
    ("cn-shenzhen", "深圳"), ("cn-chengdu", "成都"), ("cn-hangzhou", "杭州"),
    ("cn-chongqing", "重庆"), ("cn-suzhou", "苏州"), ("cn-wuhan", "武汉"), ("cn-xian", "西安"),
    ("cn-nanjing", "南京"), ("cn-changsha", "长沙"), ("cn-tianjin", "天津"),
    ("cn-zhengzhou", "郑州"), ("cn-dongguan", "东莞"), ("cn-wuxi", "无锡"),
    ("cn-ningbo", "宁波"), ("cn-qingdao", "青岛"), ("cn-hefei", "合肥"), ("cn-foshan", "佛山"),
    ("cn-xiamen", "厦门"), ("cn-jinan", "济南"), ("cn-fuzhou", "福州"), ("cn-shenyang", "沈阳"),
    ("cn-dalian", "大连"), ("cn-kunming", "昆明"),
];

/// The states of the United States and the District of Columbia.
#[rustfmt::skip]
const STATES: &[(&str, &str)] = &[
    ("US-AL", "Alabama"), ("US-AK", "Alaska"), ("US-AZ", "Arizona"),
    ("US-AR", "Arkansas"), ("US-CA", "California"), ("US-CO", "Colorado"),
    ("US-CT", "Connecticut"), ("US-DE", "Delaware"), ("US-DC", "District of Columbia"),
    ("US-FL", "Florida"), ("US-GA", "Georgia"), ("US-HI", "Hawaii"), ("US-ID", "Idaho"),
    ("US-IL", "Illinois"), ("US-IN", "Indiana"), ("US-IA", "Iowa"), ("US-KS", "Kansas"),
    ("US-KY", "Kentucky"), ("US-LA", "Louisiana"), ("US-ME", "Maine"),
    ("US-MD", "Maryland"), ("US-MA", "Massachusetts"), ("US-MI", "Michigan"),
    ("US-MN", "Minnesota"), ("US-MS", "Mississippi"), ("US-MO", "Missouri"),
    ("US-MT", "Montana"), ("US-NE", "Nebraska"), ("US-NV", "Nevada"),
    ("US-NH", "New Hampshire"), ("US-NJ", "New Jersey"), ("US-NM", "New Mexico"),
    ("US-NY", "New York"), ("US-NC", "North Carolina"), ("US-ND", "North Dakota"),
    ("US-OH", "Ohio"), ("US-OK", "Oklahoma"), ("US-OR", "Oregon"),
    ("US-PA", "Pennsylvania"), ("US-RI", "Rhode Island"), ("US-SC", "South Carolina"),
    ("US-SD", "South Dakota"), ("US-TN", "Tennessee"), ("US-TX", "Texas"),
    ("US-UT", "Utah"), ("US-VT", "Vermont"), ("US-VA", "Virginia"),
    ("US-WA", "Washington"), ("US-WV", "West Virginia"), ("US-WI", "Wisconsin"),
    ("US-WY", "Wyoming"),
];

/// The cities of the United States where most business is done.
#[rustfmt::skip]
const AMERICAN_CITIES: &[(&str, &str)] = &[
    ("us-new-york", "New York"), ("us-los-angeles", "Los Angeles"),
    ("us-chicago", "Chicago"), ("us-houston", "Houston"), ("us-phoenix", "Phoenix"),
    ("us-philadelphia", "Philadelphia"), ("us-san-antonio", "San Antonio"),
    ("us-san-diego", "San Diego"), ("us-dallas", "Dallas"), ("us-austin", "Austin"),
    ("us-san-jose", "San Jose"), ("us-san-francisco", "San Francisco"),
    ("us-seattle", "Seattle"), ("us-denver", "Denver"),
    ("us-washington", "Washington, D.C."), ("us-boston", "Boston"),
    ("us-atlanta", "Atlanta"), ("us-miami", "Miami"), ("us-minneapolis", "Minneapolis"),
    ("us-detroit", "Detroit"), ("us-portland", "Portland"),
    ("us-charlotte", "Charlotte"), ("us-nashville", "Nashville"),
    ("us-salt-lake-city", "Salt Lake City"), ("us-las-vegas", "Las Vegas"),
];
