//! What went wrong with an attempt, in the language of the workspace: for the notices to its owners. What is
//! kept with the delivery is in English, for the API. Decides nothing.

use super::attempt::{Answer, Attempt};
use crate::{
    locale::Locale,
    port::{EgressError, MailError},
};

/// What went wrong; an attempt with an answer for members' lists is wrong where nobody receives it.
pub(super) fn wrong(locale: Locale, attempt: &Attempt) -> String {
    let (ja, zh) = others(&attempt.answer);
    match (locale, &attempt.answer) {
        (Locale::Ja, _) => ja,
        (Locale::Zh, _) => zh,
        (Locale::En, Answer::InApp(_)) => NOBODY.to_owned(),
        (Locale::En, _) => attempt.error().unwrap_or_default(),
    }
}

/// Nobody is there to receive it.
pub(super) const NOBODY: &str =
    "nobody receives it: the target's teams and members are gone, or nobody is in charge";

/// The same in Japanese and in Chinese.
fn others(answer: &Answer) -> (String, String) {
    match answer {
        Answer::Sealed => both(
            "通知先の認証情報を復号できませんでした",
            "无法解密通知目标的凭据",
        ),
        Answer::Slack(Ok(response)) | Answer::Webhook(Ok(response)) => {
            answered("送信先", "接收方", response.status)
        }
        Answer::Slack(Err(error)) | Answer::Webhook(Err(error)) => of_call(error),
        Answer::Mail {
            answer: Err(error), ..
        } => of_mail(error),
        Answer::Mail {
            answer: Ok(receipt),
            ..
        } => {
            let not_taken = receipt.refused.len() + receipt.deferred.len();
            let all = receipt.accepted.len() + not_taken;
            (
                format!("メールサーバーが{all}件中{not_taken}件の宛先を受け付けませんでした"),
                format!("邮件服务器未接受{all}个收件地址中的{not_taken}个"),
            )
        }
        Answer::InApp(_) => nobody(),
    }
}

fn both(ja: &str, zh: &str) -> (String, String) {
    (ja.to_owned(), zh.to_owned())
}

fn answered(ja: &str, zh: &str, status: u16) -> (String, String) {
    (
        format!("{ja}が{status}を返しました"),
        format!("{zh}返回了{status}"),
    )
}

fn nobody() -> (String, String) {
    both(
        "受け取る人がいません（チームやメンバーが存在しないか、担当者がいません）",
        "没有接收人（团队和成员已不存在，或没有负责人）",
    )
}

fn of_call(error: &EgressError) -> (String, String) {
    match error {
        EgressError::Forbidden => both("許可されていないアドレスです", "该地址不被允许"),
        EgressError::BadUrl(_) => both("このURLには接続できません", "无法访问该URL"),
        EgressError::Unreachable => both("送信先に接続できませんでした", "无法连接接收方"),
        EgressError::TimedOut => both("送信先の応答がありませんでした", "接收方未及时响应"),
    }
}

fn of_mail(error: &MailError) -> (String, String) {
    match error {
        MailError::NotSetUp => both(
            "メールの送信が設定されていません（ENISHI_SMTP_URL、ENISHI_MAIL_FROM）",
            "未设置邮件发送（ENISHI_SMTP_URL、ENISHI_MAIL_FROM）",
        ),
        MailError::NoReceiver => nobody(),
        MailError::Malformed => both("メールを作成できませんでした", "无法生成邮件"),
        MailError::Unreachable => {
            both("メールサーバーに接続できませんでした", "无法连接邮件服务器")
        }
        MailError::TimedOut => both(
            "メールサーバーの応答がありませんでした",
            "邮件服务器未及时响应",
        ),
        MailError::Deferred { status, .. } | MailError::Refused { status, .. } => {
            answered("メールサーバー", "邮件服务器", *status)
        }
    }
}
