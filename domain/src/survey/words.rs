//! What a survey says, in each language: the workspace's own texts, and ready-made ones for what it
//! has not written. Pure.

use entity::kind::SurveyKind;
use serde::{Deserialize, Serialize};

use crate::{
    error::{UserError, UserErrorCode},
    locale::Locale,
    text,
};

/// The workspace's own texts in one language; what is left out is ready-made. Stored as JSON: fields
/// are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnTexts {
    /// The language.
    pub locale: Locale,
    /// The question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// What stands above the field for a comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment_prompt: Option<String>,
    /// What is said after an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thanks: Option<String>,
    /// The subject of the mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_subject: Option<String>,
    /// What the mail says above the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_text: Option<String>,
}

/// Everything a survey says in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    /// The language.
    pub locale: Locale,
    /// The question.
    pub question: String,
    /// What stands above the field for a comment.
    pub comment_prompt: String,
    /// What is said after an answer.
    pub thanks: String,
    /// The subject of the mail.
    pub mail_subject: String,
    /// What the mail says above the question.
    pub mail_text: String,
    /// What the lowest score means.
    pub lowest: &'static str,
    /// What the highest score means.
    pub highest: &'static str,
}

/// Everything a survey of `kind` says in `locale`, where `own` are the workspace's texts.
pub fn texts(kind: SurveyKind, locale: Locale, own: &[OwnTexts]) -> Texts {
    let ready = ready(kind, locale);
    let own = own.iter().find(|one| one.locale == locale);
    let or = |field: fn(&OwnTexts) -> Option<&String>, ready: &str| {
        own.and_then(field)
            .map_or_else(|| ready.to_owned(), String::clone)
    };
    Texts {
        locale,
        question: or(|own| own.question.as_ref(), ready.question),
        comment_prompt: or(|own| own.comment_prompt.as_ref(), ready.comment_prompt),
        thanks: or(|own| own.thanks.as_ref(), ready.thanks),
        mail_subject: or(|own| own.mail_subject.as_ref(), ready.mail_subject),
        mail_text: or(|own| own.mail_text.as_ref(), ready.mail_text),
        lowest: ready.lowest,
        highest: ready.highest,
    }
}

/// The workspace's texts as stored. What cannot be read is ready-made: a form that opens is better
/// than none.
pub fn from_stored(stored: &serde_json::Value) -> Vec<OwnTexts> {
    serde_json::from_value(stored.clone()).unwrap_or_default()
}

/// Characters a question, a prompt and the thanks may have.
const TEXT_LIMIT: usize = 500;
/// Characters a subject may have.
const SUBJECT_LIMIT: usize = 150;
/// Characters the text of a mail may have.
const MAIL_LIMIT: usize = 5_000;

/// Checks texts and brings them into their stored form: what is empty is left out.
pub(super) fn check(own: Vec<OwnTexts>, errors: &mut Vec<UserError>) -> Vec<OwnTexts> {
    let mut checked: Vec<OwnTexts> = Vec::with_capacity(own.len());
    for (index, own) in own.into_iter().enumerate() {
        let index = index.to_string();
        let mut keep = |raw: Option<String>, field: &str, limit: usize, lines: bool| {
            let path = ["texts", index.as_str(), field];
            let raw = raw?;
            let raw = raw.trim();
            let text = if lines {
                text::long_text(raw, &path, limit)
            } else {
                text::short_text(raw, &path, limit)
            };
            let text = text.map_err(|error| errors.push(error)).ok()?;
            (!text.is_empty()).then_some(text)
        };
        let texts = OwnTexts {
            locale: own.locale,
            question: keep(own.question, "question", TEXT_LIMIT, false),
            comment_prompt: keep(own.comment_prompt, "commentPrompt", TEXT_LIMIT, false),
            thanks: keep(own.thanks, "thanks", TEXT_LIMIT, true),
            mail_subject: keep(own.mail_subject, "mailSubject", SUBJECT_LIMIT, false),
            mail_text: keep(own.mail_text, "mailText", MAIL_LIMIT, true),
        };
        if checked.iter().any(|other| other.locale == texts.locale) {
            let path = ["texts", index.as_str(), "locale"];
            let message = "Give the texts of each language once.";
            errors.push(UserError::new(&path, UserErrorCode::Invalid, message));
        }
        checked.push(texts);
    }
    checked
}

struct Ready {
    question: &'static str,
    comment_prompt: &'static str,
    thanks: &'static str,
    mail_subject: &'static str,
    mail_text: &'static str,
    lowest: &'static str,
    highest: &'static str,
}

fn ready(kind: SurveyKind, locale: Locale) -> Ready {
    let (question, lowest, highest) = match (kind, locale) {
        (SurveyKind::Nps, Locale::Ja) => (
            "私たちのサービスを、親しい友人や同僚にどのくらい薦めたいと思いますか？",
            "まったく薦めない",
            "ぜひ薦めたい",
        ),
        (SurveyKind::Nps, Locale::En) => (
            "How likely are you to recommend us to a friend or colleague?",
            "Not at all likely",
            "Extremely likely",
        ),
        (SurveyKind::Nps, Locale::Zh) => (
            "您有多大可能把我们推荐给朋友或同事？",
            "完全不可能",
            "非常可能",
        ),
        (SurveyKind::Csat, Locale::Ja) => (
            "今回の対応に、どのくらい満足されましたか？",
            "とても不満",
            "とても満足",
        ),
        (SurveyKind::Csat, Locale::En) => (
            "How satisfied were you with us this time?",
            "Very dissatisfied",
            "Very satisfied",
        ),
        (SurveyKind::Csat, Locale::Zh) => ("您对这次的服务有多满意？", "非常不满意", "非常满意"),
    };
    let [comment_prompt, thanks, mail_subject, mail_text] = match locale {
        Locale::Ja => [
            "よろしければ、理由をお聞かせください。",
            "ご回答ありがとうございました。",
            "ひとつだけお聞かせください",
            "いつもありがとうございます。よりよくしていくために、ひとつだけお聞かせください。1分ほどで終わります。",
        ],
        Locale::En => [
            "If you like, tell us why.",
            "Thank you for your answer.",
            "One question for you",
            "Thank you for being with us. One question helps us to do better; it takes a minute.",
        ],
        Locale::Zh => [
            "如果方便，请告诉我们原因。",
            "感谢您的回答。",
            "想请您回答一个问题",
            "感谢您一直以来的支持。为了做得更好，想请您回答一个问题，大约需要一分钟。",
        ],
    };
    Ready {
        question,
        comment_prompt,
        thanks,
        mail_subject,
        mail_text,
        lowest,
        highest,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_workspace_has_not_written_is_ready_made() {
        let own = OwnTexts {
            locale: Locale::Ja,
            question: Some("今日はいかがでしたか？".to_owned()),
            comment_prompt: None,
            thanks: None,
            mail_subject: None,
            mail_text: None,
        };
        let own = [own];
        let ja = texts(SurveyKind::Csat, Locale::Ja, &own);
        assert_eq!(ja.question, "今日はいかがでしたか？");
        assert_eq!(ja.thanks, "ご回答ありがとうございました。");
        let en = texts(SurveyKind::Nps, Locale::En, &own);
        assert!(en.question.contains("recommend"), "{en:?}");
        for kind in [SurveyKind::Nps, SurveyKind::Csat] {
            for locale in Locale::ALL {
                let texts = texts(kind, locale, &[]);
                assert!(!texts.question.is_empty() && !texts.mail_subject.is_empty());
                assert_ne!(texts.lowest, texts.highest);
            }
        }
    }

    #[test]
    fn texts_are_kept_clean_and_once_for_each_language() {
        let given = |locale, question: &str| OwnTexts {
            locale,
            question: Some(question.to_owned()),
            comment_prompt: Some("  ".to_owned()),
            thanks: None,
            mail_subject: Some("x".repeat(SUBJECT_LIMIT + 1)),
            mail_text: None,
        };
        let mut errors = Vec::new();
        let given = vec![given(Locale::En, " How? "), given(Locale::En, "What?")];
        let checked = check(given, &mut errors);
        assert_eq!(checked[0].question.as_deref(), Some("How?"));
        assert_eq!(checked[0].comment_prompt, None);
        let paths: Vec<_> = errors.iter().map(|error| error.path.join(".")).collect();
        assert_eq!(
            paths,
            [
                "texts.0.mailSubject",
                "texts.1.mailSubject",
                "texts.1.locale"
            ]
        );
    }

    #[test]
    fn stored_texts_keep_decoding() {
        let stored = json!([{
            "locale": "ZH", "question": "q", "commentPrompt": "c", "thanks": "t",
            "mailSubject": "s", "mailText": "m",
        }, { "locale": "EN" }]);
        let read = from_stored(&stored);
        assert_eq!(serde_json::to_value(&read).unwrap(), stored);
        assert_eq!(read.len(), 2);
        assert_eq!(from_stored(&json!({ "of": "later" })), []);
    }
}
