//! What accounts are compared by: the name without its legal form, and domains. Pure.

use entity::kind::DuplicateReason;
use url::Url;

use super::key::{BOTH, Key, key, words};
use crate::text::reading_key;

/// Legal forms that are words of their own, in front of a name or behind it.
const ABBREVIATED: &[&str] = &["株", "有", "同", "名", "資"];

/// Legal forms behind a name, without their dots.
#[rustfmt::skip]
const BEHIND: &[&str] = &[
    "ab", "ag", "aps", "as", "bv", "co", "company", "corp", "corporation", "gk", "gmbh", "inc",
    "incorporated", "kabushiki", "kaisha", "kg", "kk", "limited", "llc", "llp", "lp", "ltd", "mbh",
    "nv", "ohg", "oy", "oyj", "plc", "pte", "pty", "sa", "sarl", "sas", "se", "sl", "spa", "srl",
    "ug",
];

/// Legal forms that are written without a space, in front of a name or behind it; what ends with another
/// stands before it.
const JOINED: &[&str] = &[
    "株式会社",
    "有限会社",
    "合同会社",
    "合資会社",
    "合名会社",
    "一般社団法人",
    "一般財団法人",
    "公益社団法人",
    "公益財団法人",
    "特定非営利活動法人",
    "医療法人",
    "学校法人",
    "股份有限公司",
    "有限责任公司",
    "有限責任公司",
    "有限公司",
    "股份公司",
];

/// Domains below which everybody has a page.
const SHARED: &[&str] = &[
    "blogspot.com",
    "facebook.com",
    "github.io",
    "instagram.com",
    "jimdofree.com",
    "linkedin.com",
    "myshopify.com",
    "notion.site",
    "wixsite.com",
    "wordpress.com",
];

/// What is compared of an account.
#[derive(Debug, Default)]
pub(super) struct Company {
    pub(super) name: String,
    pub(super) domain: Option<String>,
    pub(super) website: Option<String>,
}

impl Company {
    /// Everything the account is compared by.
    pub(super) fn keys(&self) -> Vec<Key> {
        let name = core(&self.name);
        let name = (name.chars().count() >= 2).then_some(name);
        let name = name.map(|name| key(DuplicateReason::AccountName, BOTH, &[&name]));
        let hosts = [self.domain.clone(), self.website.as_deref().and_then(host)];
        let domains = hosts.into_iter().flatten();
        let domains = domains.filter_map(|host| registered(&host));
        let domains =
            domains.map(|domain| key(DuplicateReason::AccountDomain, BOTH, &[domain.as_str()]));
        domains.chain(name).collect()
    }
}

/// The folded name without its legal form and without spaces.
fn core(name: &str) -> String {
    let folded = reading_key(name).replace(['.', '\'', '’'], "");
    let mut words = words(&folded);
    while words.len() > 1
        && words
            .last()
            .is_some_and(|word| BEHIND.contains(word) || ABBREVIATED.contains(word))
    {
        words.pop();
    }
    while words.len() > 1 && words.first().is_some_and(|word| ABBREVIATED.contains(word)) {
        words.remove(0);
    }
    let mut core = words.concat();
    while let Some(shorter) = without_joined(&core) {
        core = shorter;
    }
    core
}

fn without_joined(name: &str) -> Option<String> {
    JOINED.iter().find_map(|&form| {
        let rest = name.strip_prefix(form).or_else(|| name.strip_suffix(form));
        rest.filter(|rest| !rest.is_empty()).map(str::to_owned)
    })
}

/// The host of a web site that is its own: a page of somebody else's site says nothing.
fn host(website: &str) -> Option<String> {
    let url = Url::parse(website).ok()?;
    let is_own = url.path() == "/" && url.query().is_none();
    url.host_str().filter(|_| is_own).map(str::to_owned)
}

/// The part of a domain that is registered, by how such names are built: below `co.jp` and its like it has
/// three labels, else two.
fn registered(host: &str) -> Option<String> {
    let host = host.to_ascii_lowercase();
    let labels: Vec<&str> = host.trim_start_matches("www.").split('.').collect();
    let [.., second, last] = labels.as_slice() else {
        return None;
    };
    let is_below = labels.len() > 2 && last.len() == 2 && second.len() <= 3;
    let kept = if is_below { 3 } else { 2 };
    let domain = labels[labels.len() - kept..].join(".");
    (!SHARED.contains(&domain.as_str())).then_some(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legal_form_of_a_company_does_not_matter() {
        for (name, expected) in [
            ("株式会社アクメ", "あくめ"),
            ("アクメ㈱", "あくめ"),
            ("(株) アクメ", "あくめ"),
            ("ｱｸﾒ 有限会社", "あくめ"),
            ("杭州云帆科技有限公司", "杭州云帆科技"),
            ("深圳云帆股份有限公司", "深圳云帆"),
            ("Acme, Inc.", "acme"),
            ("ACME Co., Ltd.", "acme"),
            ("Acme K.K.", "acme"),
            ("Acme GmbH & Co. KG", "acme"),
            ("Blue Sky S.p.A.", "bluesky"),
            ("AS Roma", "asroma"),
            // Nothing else would be left.
            ("Limited", "limited"),
            ("株式会社", "株式会社"),
        ] {
            assert_eq!(core(name), expected, "{name}");
        }
    }

    #[test]
    fn domains_are_compared_by_the_part_that_is_registered() {
        for (host, expected) in [
            ("acme.example", Some("acme.example")),
            ("WWW.acme.example", Some("acme.example")),
            ("mail.acme.example", Some("acme.example")),
            ("acme.co.jp", Some("acme.co.jp")),
            ("shop.acme.co.jp", Some("acme.co.jp")),
            ("acme.myshopify.com", None),
            ("localhost", None),
        ] {
            assert_eq!(registered(host).as_deref(), expected, "{host}");
        }
        let own = host("https://www.acme.example/");
        assert_eq!(own.as_deref(), Some("www.acme.example"));
        assert_eq!(host("https://pages.example/acme"), None);
    }

    #[test]
    fn accounts_without_anything_to_compare_have_no_keys() {
        let company = |name: &str, domain: Option<&str>| Company {
            name: name.to_owned(),
            domain: domain.map(str::to_owned),
            website: None,
        };
        assert!(company("—", None).keys().is_empty());
        assert_eq!(company("Acme", Some("acme.example")).keys().len(), 2);
    }
}
