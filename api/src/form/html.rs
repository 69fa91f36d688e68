//! The pages of a survey, and those that only say something, as HTML in which nothing of what people wrote is
//! markup.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{
    locale::Locale,
    survey::{
        form::{COMMENT_LIMIT, Form},
        scale,
    },
    text::escape_html as escape,
};
use sha2::{Digest as _, Sha256};

/// How the pages look. Named by its hash in the policy, so not a byte may change on the way.
const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:1rem/1.6 system-ui,sans-serif;margin:0;padding:1.5rem}\
main{max-width:40rem;margin:0 auto}\
fieldset{border:0;margin:0 0 1.5rem;padding:0}\
legend{font-size:1.25rem;font-weight:600;margin-bottom:1rem;padding:0}\
.scores{display:flex;flex-wrap:wrap;gap:.5rem}\
.scores label{border:1px solid;border-radius:.5rem;cursor:pointer;min-width:2.75rem;\
padding:.5rem;text-align:center}\
.scores label:has(:checked){background:#1d4ed8;border-color:#1d4ed8;color:#fff}\
.scores label:focus-within{outline:3px solid #f59e0b}\
.ends{display:flex;justify-content:space-between;font-size:.875rem;margin:.5rem 0 0}\
textarea{box-sizing:border-box;font:inherit;width:100%;padding:.5rem}\
button{border:0;border-radius:.5rem;background:#1d4ed8;color:#fff;cursor:pointer;font:inherit;\
margin-top:1rem;padding:.75rem 1.5rem}\
.mistake{border-left:4px solid #dc2626;padding-left:.75rem}\
footer{font-size:.875rem;margin-top:3rem}\
footer button{background:none;color:inherit;padding:0;text-decoration:underline}";

/// What the pages may do: show themselves and send their form to where they came from.
pub(crate) static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
});

/// What is to be mended in a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mistake {
    /// No score, or none of the scale, was chosen.
    NoScore,
    /// The comment is too long.
    LongComment,
}

/// A page that only says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    /// There is no such form, or not any more.
    Gone,
    /// It may work later.
    Later,
    /// What was sent could not be read.
    Unreadable,
    /// No more surveys will come.
    Stopped,
    /// There is no such link.
    NoLink,
    /// A link leads nowhere any more.
    LinkEnded,
}

fn page(locale: Locale, title: &str, main: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex, nofollow\">\n<title>{}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n{main}</main>\n</body>\n</html>\n",
        locale.tag(),
        escape(title)
    )
}

/// The form, with a score chosen and a comment written already, if there are.
pub(super) fn form(
    form: &Form,
    chosen: Option<i64>,
    comment: &str,
    mistake: Option<Mistake>,
) -> String {
    let locale = form.texts.locale;
    let [send, answered, stop] = match locale {
        Locale::Ja => [
            "送信する",
            "すでにご回答いただいています。もう一度送信すると、前の回答と置き換わります。",
            "アンケートのメールを今後受け取らない",
        ],
        Locale::En => [
            "Send",
            "You have answered already. If you send the form again, it takes the place of your \
             former answer.",
            "Send me no more surveys by email",
        ],
        Locale::Zh => [
            "提交",
            "您已经回答过。再次提交会替换之前的回答。",
            "以后不再接收问卷邮件",
        ],
    };
    let mut main = String::new();
    if let Some(mistake) = mistake {
        let said = said(locale, mistake);
        main.push_str(&format!("<p class=\"mistake\" role=\"alert\">{said}</p>\n"));
    } else if form.answered {
        main.push_str(&format!("<p>{answered}</p>\n"));
    }
    main.push_str(&format!(
        "<form method=\"post\">\n<fieldset>\n<legend>{}</legend>\n<div class=\"scores\">\n",
        escape(&form.texts.question)
    ));
    for score in scale(form.kind) {
        let checked = if chosen == Some(score) {
            " checked"
        } else {
            ""
        };
        main.push_str(&format!(
            "<label><input type=\"radio\" name=\"score\" value=\"{score}\" required{checked}> \
             {score}</label>\n"
        ));
    }
    let (range, texts) = (scale(form.kind), &form.texts);
    main.push_str(&format!(
        "</div>\n<p class=\"ends\"><span>{} = {}</span><span>{} = {}</span></p>\n</fieldset>\n\
         <label for=\"comment\">{}</label>\n\
         <textarea id=\"comment\" name=\"comment\" rows=\"5\" maxlength=\"{COMMENT_LIMIT}\">\n{}\
         </textarea>\n<button type=\"submit\">{send}</button>\n</form>\n\
         <footer>\n<p>{}</p>\n<form method=\"post\">\n\
         <button type=\"submit\" name=\"stop\" value=\"1\">{stop}</button>\n</form>\n</footer>\n",
        range.start(),
        escape(texts.lowest),
        range.end(),
        escape(texts.highest),
        escape(&texts.comment_prompt),
        escape(comment),
        escape(&form.sender),
    ));
    page(locale, &texts.question, &main)
}

fn said(locale: Locale, mistake: Mistake) -> &'static str {
    let [ja, en, zh] = match mistake {
        Mistake::NoScore => [
            "数字をひとつ選んでください。",
            "Choose one of the numbers.",
            "请选择一个数字。",
        ],
        Mistake::LongComment => [
            "コメントは 2,000 文字以内で入力してください。",
            "Shorten your comment to 2,000 characters.",
            "请将意见缩短到 2,000 个字符以内。",
        ],
    };
    match locale {
        Locale::Ja => ja,
        Locale::En => en,
        Locale::Zh => zh,
    }
}

/// What is shown after an answer.
pub(super) fn thanks(form: &Form) -> String {
    let locale = form.texts.locale;
    let change = match locale {
        Locale::Ja => "回答を変更する",
        Locale::En => "Change my answer",
        Locale::Zh => "修改回答",
    };
    let lines: Vec<String> = form.texts.thanks.lines().map(escape).collect();
    let main = format!(
        "<p role=\"status\">{}</p>\n<p><a href=\"?\">{change}</a></p>\n\
         <footer>\n<p>{}</p>\n</footer>\n",
        lines.join("<br>\n"),
        escape(&form.sender)
    );
    page(locale, &form.texts.thanks, &main)
}

/// A page that only says something.
pub(crate) fn note(locale: Locale, note: Note) -> String {
    let [ja, en, zh] = match note {
        Note::Gone => [
            "このページは見つからないか、回答期限を過ぎています。",
            "This page was not found, or the time to answer is over.",
            "未找到该页面，或已超过回答期限。",
        ],
        Note::Later => [
            "ただいま処理できません。しばらくしてからもう一度お試しください。",
            "This does not work right now. Please try again in a while.",
            "暂时无法处理，请稍后再试。",
        ],
        Note::Unreadable => [
            "送信された内容を読み取れませんでした。前のページからもう一度お試しください。",
            "What was sent could not be read. Please go back and try again.",
            "无法读取提交的内容，请返回后重试。",
        ],
        Note::Stopped => [
            "今後、アンケートのメールはお送りしません。",
            "We will send you no more surveys by email.",
            "以后不会再向您发送问卷邮件。",
        ],
        Note::NoLink => [
            "このリンクは見つかりません。",
            "This link was not found.",
            "未找到该链接。",
        ],
        Note::LinkEnded => [
            "このリンクは現在ご利用いただけません。",
            "This link does not work any more.",
            "该链接已失效。",
        ],
    };
    let text = match locale {
        Locale::Ja => ja,
        Locale::En => en,
        Locale::Zh => zh,
    };
    page(locale, text, &format!("<p role=\"status\">{text}</p>\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_style_and_nothing_from_elsewhere() {
        let shown = note(Locale::En, Note::Gone);
        let style = shown.split("<style>").nth(1).unwrap();
        let style = style.split("</style>").next().unwrap();
        let hash = STANDARD.encode(Sha256::digest(style.as_bytes()));
        assert!(
            POLICY.contains(&format!("style-src 'sha256-{hash}'")),
            "{}",
            *POLICY
        );
        assert!(POLICY.starts_with("default-src 'none'; "));
        assert!(!POLICY.contains("http") && !POLICY.contains("unsafe"));
    }

    #[test]
    fn notes_are_whole_pages_in_their_language() {
        for (locale, tag) in [
            (Locale::Ja, "ja"),
            (Locale::En, "en"),
            (Locale::Zh, "zh-Hans"),
        ] {
            for one in [
                Note::Gone,
                Note::Later,
                Note::Unreadable,
                Note::Stopped,
                Note::NoLink,
                Note::LinkEnded,
            ] {
                let shown = note(locale, one);
                assert!(shown.contains(&format!("<html lang=\"{tag}\">")), "{shown}");
                assert!(!shown.contains("<script"), "{shown}");
            }
        }
    }
}
