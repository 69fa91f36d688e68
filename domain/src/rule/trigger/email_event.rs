//! Something became known about an email to a contact.

use entity::kind::{BounceKind, EmailEventKind, EmailEventOrigin};
use sea_orm::Iterable as _;

use super::{
    Asked, Happened, Key, TriggerKind,
    shape::{self, lets_some, lets_text},
    words::{bracketed, labels},
};
use crate::{
    condition::{
        Context, TextTest,
        check::{self, MAX_IDS},
        path::Path,
        reference::IdKind,
        sentence::{Phrasing, say},
        trace::TraceNode,
    },
    email::origin::{is_human, may_be_a_machines},
    error::{UserError, UserErrorCode},
};

shape::trigger! {
    /// Looks at contacts as something becomes known about an email to them.
    #[derive(Default)]
    EmailEventSeen, RuleEmailEventTrigger, RuleEmailEventTriggerInput;
    required {
        /// What has to happen to the email; one is enough.
        kinds: many EmailEventKind,
    }
    optional {
        /// The campaigns the email belongs to; empty for every one, and for emails of none.
        campaign_ids: ids Campaign,
        /// Who caused an open, a click or a reply, as far as can be told when it becomes known; empty for
        /// people, which are `HUMAN` and `UNKNOWN`, so that mail privacy services and security scanners
        /// set nothing off. Other kinds have no such origin.
        origins: many EmailEventOrigin [skip_serializing_if = "Vec::is_empty"],
        /// What the address of the link must be that was followed; only where `kinds` is `CLICKED` alone.
        url: maybe TextTest [skip_serializing_if = "Option::is_none"],
        /// Why the email came back, one is enough; only where `kinds` is `BOUNCED` alone. Empty for whatever
        /// reason.
        bounce_kinds: many BounceKind [skip_serializing_if = "Vec::is_empty"],
    }
}

impl TriggerKind for EmailEventSeen {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        check::list(&self.kinds, MAX_IDS, &at.at("kinds"), refusals, "kind");
        self.check_lists(at, &mut Vec::new());
        shape::list(&self.campaign_ids, &at.at("campaignIds"), refusals);
        self.check_details(at, refusals);
        let at = at.at("origins");
        shape::list(&self.origins, &at, refusals);
        if !self.origins.is_empty() && !self.asks_for_origins() {
            let message = "Only opens, clicks and replies have an origin. Choose one of these kinds, or \
                           empty the list.";
            refusals.push(at.refuse(UserErrorCode::Invalid, message));
        }
    }

    shape::naming!();

    fn context(&self) -> Context {
        Context::Contact
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let kinds = self.phrase_kinds(phrasing) + &self.phrase_details(phrasing);
        let campaigns: Vec<String> = self
            .campaign_ids
            .iter()
            .map(|&id| phrasing.named(IdKind::Campaign, id))
            .collect();
        if campaigns.is_empty() {
            return say!(
                phrasing,
                format!("コンタクト宛のメールの{kinds}があり"),
                format!("an email to a contact is {kinds}"),
                format!("发给联系人的邮件被{kinds}")
            );
        }
        let campaigns = phrasing.or(&campaigns);
        say!(
            phrasing,
            format!("キャンペーン{campaigns}のメールの{kinds}があり"),
            format!("an email of {campaigns} is {kinds}"),
            format!("活动{campaigns}的邮件被{kinds}")
        )
    }

    fn note_asked(&self, asked: &mut Asked) {
        asked.emails |= self.url.is_some() || !self.bounce_kinds.is_empty();
    }

    fn judge(&self, happened: &Happened<'_>) -> Vec<TraceNode> {
        let (true, &Happened::Email { url, bounce, .. }) = (self.waits_for(happened), happened)
        else {
            return Vec::new();
        };
        let at = Path::root("trigger").at("emailEvent");
        let mut verdicts = Vec::new();
        if self.url.is_some() {
            let holds = lets_text(self.url.as_ref(), url);
            verdicts.push(TraceNode::of_trigger(&at.at("url"), holds, url));
        }
        if !self.bounce_kinds.is_empty() {
            let holds = lets_some(&self.bounce_kinds, bounce.as_ref());
            let actual = bounce.map(BounceKind::word);
            verdicts.push(TraceNode::of_trigger(&at.at("bounceKinds"), holds, actual));
        }
        verdicts
    }

    fn keys(&self) -> Vec<Key> {
        self.kinds.iter().copied().map(Key::Email).collect()
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        let (true, &Happened::Email { url, bounce, .. }) = (self.waits_for(happened), happened)
        else {
            return false;
        };
        lets_text(self.url.as_ref(), url) && lets_some(&self.bounce_kinds, bounce.as_ref())
    }
}

/// Whom the rule waits for if nothing else is said, in words.
const PERSON: &[EmailEventOrigin] = &[EmailEventOrigin::Human];

impl EmailEventSeen {
    /// Whether it waits for what happened, whatever else it asks of that.
    fn waits_for(&self, happened: &Happened<'_>) -> bool {
        let Happened::Email {
            kind,
            campaign,
            origin,
            ..
        } = happened
        else {
            return false;
        };
        self.kinds.contains(kind)
            && lets_some(&self.campaign_ids, campaign.as_ref())
            && (!may_be_a_machines(*kind) || self.lets_origin(*origin))
    }

    /// Notes what is wrong with what it asks of clicks and of bounces.
    fn check_details(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let bounces = at.at("bounceKinds");
        shape::list(&self.bounce_kinds, &bounces, refusals);
        if !self.bounce_kinds.is_empty() && self.kinds != [EmailEventKind::Bounced] {
            let message = "Only what bounced came back for a reason. Let kinds be BOUNCED alone, or empty the list.";
            refusals.push(bounces.refuse(UserErrorCode::Invalid, message));
        }
        if let Some(test) = &self.url {
            let at = at.at("url");
            test.check(&at, refusals);
            if self.kinds != [EmailEventKind::Clicked] {
                let message =
                    "Only a click follows a link. Let kinds be CLICKED alone, or remove this.";
                refusals.push(at.refuse(UserErrorCode::Invalid, message));
            }
        }
    }

    /// What has to happen to the email. Who has to have caused it stands with what somebody causes: nobody
    /// bounces or delivers an email.
    fn phrase_kinds(&self, phrasing: &Phrasing<'_>) -> String {
        let (caused, others): (Vec<EmailEventKind>, Vec<EmailEventKind>) = self
            .kinds
            .iter()
            .copied()
            .partition(|&kind| may_be_a_machines(kind));
        let mut kinds = Vec::new();
        if !caused.is_empty() {
            let caused = phrasing.or(&labels(&caused, phrasing, kind_label));
            kinds.push(caused + &self.by(phrasing));
        }
        kinds.extend(labels(&others, phrasing, kind_label));
        phrasing.or(&kinds)
    }

    /// What it asks of clicks and of bounces, in brackets; nothing if that is nothing.
    fn phrase_details(&self, phrasing: &Phrasing<'_>) -> String {
        let mut details = String::new();
        if let Some(test) = &self.url {
            let link = say!(phrasing, "リンク", "the link", "链接");
            details += &bracketed(&test.phrase(phrasing, link), phrasing);
        }
        if !self.bounce_kinds.is_empty() {
            let kinds = labels(&self.bounce_kinds, phrasing, |phrasing, kind| {
                bounce_label(kind, phrasing).to_owned()
            });
            details += &bracketed(&phrasing.or(&kinds), phrasing);
        }
        details
    }

    fn asks_for_origins(&self) -> bool {
        self.kinds.iter().any(|&kind| may_be_a_machines(kind))
    }

    /// Whether something that becomes known about an email may be what both wait for.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let kind = |kind: &EmailEventKind| {
            let mut origins = EmailEventOrigin::iter();
            other.kinds.contains(kind)
                && (!may_be_a_machines(*kind)
                    || origins.any(|one| self.lets_origin(one) && other.lets_origin(one)))
        };
        self.kinds.iter().any(kind)
    }

    fn lets_origin(&self, origin: EmailEventOrigin) -> bool {
        if self.origins.is_empty() {
            is_human(origin)
        } else {
            self.origins.contains(&origin)
        }
    }

    /// Who has to have caused it, as the end of a clause.
    fn by(&self, phrasing: &Phrasing<'_>) -> String {
        let who = if self.origins.is_empty() {
            PERSON
        } else {
            self.origins.as_slice()
        };
        let who: Vec<String> = who
            .iter()
            .map(|&one| caused_by(one, phrasing).to_owned())
            .collect();
        let who = phrasing.or(&who);
        say!(
            phrasing,
            format!("（{who}による）"),
            format!(" by {who}"),
            format!("（由{who}引起）")
        )
    }
}

/// What happens to an email, in a sentence: in Japanese a noun.
fn kind_label(phrasing: &Phrasing<'_>, kind: EmailEventKind) -> String {
    match kind {
        EmailEventKind::Sent => say!(phrasing, "送信", "sent", "发送"),
        EmailEventKind::Delivered => say!(phrasing, "到達", "delivered", "送达"),
        EmailEventKind::Opened => say!(phrasing, "開封", "opened", "打开"),
        EmailEventKind::Clicked => say!(phrasing, "クリック", "clicked", "点击"),
        EmailEventKind::Replied => say!(phrasing, "返信", "replied to", "回复"),
        EmailEventKind::Bounced => say!(phrasing, "バウンス", "bounced", "退回"),
        EmailEventKind::Complained => say!(
            phrasing,
            "迷惑メール報告",
            "reported as spam",
            "投诉为垃圾邮件"
        ),
        EmailEventKind::Unsubscribed => {
            say!(phrasing, "配信停止", "unsubscribed from", "退订")
        }
    }
    .to_owned()
}

fn bounce_label(kind: BounceKind, phrasing: &Phrasing<'_>) -> &'static str {
    match kind {
        BounceKind::Hard => say!(phrasing, "恒久的な不達", "for good", "永久退信"),
        BounceKind::Soft => say!(phrasing, "一時的な不達", "for the moment", "暂时退信"),
        BounceKind::Block => say!(phrasing, "受信拒否", "as blocked", "被拒收"),
    }
}

fn caused_by(origin: EmailEventOrigin, phrasing: &Phrasing<'_>) -> &'static str {
    match origin {
        EmailEventOrigin::Human => say!(phrasing, "人", "a person", "人"),
        EmailEventOrigin::MachinePrivacy => say!(
            phrasing,
            "プライバシー保護サービス",
            "a mail privacy service",
            "邮件隐私服务"
        ),
        EmailEventOrigin::Proxy => say!(phrasing, "画像プロキシ", "an image proxy", "图片代理"),
        EmailEventOrigin::Scanner => say!(
            phrasing,
            "セキュリティスキャナー",
            "a security scanner",
            "安全扫描程序"
        ),
        EmailEventOrigin::Unknown => say!(phrasing, "不明な相手", "somebody unknown", "未知来源"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn machines_set_nothing_off_unless_they_are_asked_for() {
        use EmailEventKind::{Bounced, Clicked};
        use EmailEventOrigin::{Human, Scanner, Unknown};
        let accepts = |origins: &[EmailEventOrigin], kind, origin| {
            let seen = EmailEventSeen {
                kinds: vec![Clicked, Bounced],
                origins: origins.to_vec(),
                ..EmailEventSeen::default()
            };
            seen.accepts(&Happened::Email {
                kind,
                campaign: None,
                origin,
                url: None,
                bounce: None,
            })
        };
        for (origins, kind, origin, expected) in [
            (vec![], Clicked, Human, true),
            (vec![], Clicked, Unknown, true),
            (vec![], Clicked, Scanner, false),
            (vec![Scanner], Clicked, Scanner, true),
            (vec![Scanner], Clicked, Unknown, false),
            (vec![Human], Bounced, Unknown, true),
        ] {
            let accepted = accepts(&origins, kind, origin);
            assert_eq!(accepted, expected, "{origins:?} {origin:?}");
        }
    }

    #[test]
    fn origins_are_stored_where_there_are_any() {
        for (stored, origins) in [
            (json!({"kinds": ["CLICKED"], "campaignIds": []}), vec![]),
            (
                json!({"kinds": ["CLICKED"], "campaignIds": [], "origins": ["SCANNER"]}),
                vec![EmailEventOrigin::Scanner],
            ),
        ] {
            let seen: EmailEventSeen = serde_json::from_value(stored.clone()).unwrap();
            assert_eq!(seen.origins, origins);
            assert_eq!(json!(seen), stored);
        }
    }

    #[test]
    fn origins_of_what_has_none_are_refused() {
        let seen = EmailEventSeen {
            kinds: vec![EmailEventKind::Bounced],
            origins: vec![EmailEventOrigin::Human],
            ..EmailEventSeen::default()
        };
        let mut refusals = Vec::new();
        seen.check(&Path::root("trigger"), &mut refusals);
        let paths: Vec<String> = refusals.iter().map(|one| one.path.join(".")).collect();
        assert_eq!(paths, ["trigger.origins"]);
    }

    #[test]
    fn a_click_is_let_in_by_its_link_and_a_bounce_by_its_reason() {
        let clicked = json!({"kinds": ["CLICKED"], "url": {"contains": ["/pricing"]}});
        let bounced = json!({"kinds": ["BOUNCED"], "bounceKinds": ["HARD"]});
        let (click, bounce) = (EmailEventKind::Clicked, EmailEventKind::Bounced);
        let link = Some("https://example.com/Pricing?x=1");
        for (given, kind, url, why, accepted) in [
            (&clicked, click, link, None, true),
            (&clicked, click, Some("https://example.com/"), None, false),
            (&clicked, click, None, None, false),
            (&bounced, bounce, None, Some(BounceKind::Hard), true),
            (&bounced, bounce, None, Some(BounceKind::Soft), false),
            (&bounced, bounce, None, None, false),
        ] {
            let trigger: EmailEventSeen = serde_json::from_value(given.clone()).unwrap();
            let happened = Happened::Email {
                kind,
                campaign: None,
                origin: EmailEventOrigin::Human,
                url,
                bounce: why,
            };
            assert_eq!(
                trigger.accepts(&happened),
                accepted,
                "{given} {url:?} {why:?}"
            );
            let judged: Vec<bool> = trigger
                .judge(&happened)
                .iter()
                .map(|one| one.holds)
                .collect();
            assert_eq!(judged, [accepted], "{given} {url:?} {why:?}");
        }
    }

    #[test]
    fn what_only_clicks_or_bounces_have_is_refused_of_others() {
        for (given, expected) in [
            (
                json!({"kinds": ["CLICKED", "OPENED"], "url": {"isSet": true}}),
                "trigger.url",
            ),
            (json!({"kinds": ["CLICKED"], "url": {}}), "trigger.url"),
            (
                json!({"kinds": ["SENT"], "bounceKinds": ["HARD"]}),
                "trigger.bounceKinds",
            ),
            (
                json!({"kinds": ["BOUNCED"], "bounceKinds": ["HARD", "HARD"]}),
                "trigger.bounceKinds.1",
            ),
        ] {
            let trigger: EmailEventSeen = serde_json::from_value(given.clone()).unwrap();
            let mut refusals = Vec::new();
            trigger.check(&Path::root("trigger"), &mut refusals);
            let paths: Vec<String> = refusals.iter().map(|one| one.path.join(".")).collect();
            assert_eq!(paths, [expected], "{given}");
        }
    }
}
