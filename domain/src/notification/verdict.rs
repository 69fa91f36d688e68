//! What an answer means for the delivery and for its target.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::{locale::Locale, port::EgressError};

/// What follows from one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver took it.
    Delivered,
    /// It may work later.
    Retry {
        /// The wait the receiver asked for.
        after: Option<TimeDelta>,
    },
    /// It may work later, and the receiver needs room: it said so, or did not answer in time.
    Throttled {
        /// The wait the receiver asked for.
        after: Option<TimeDelta>,
    },
    /// It will never take this one; others it may. The owners are told.
    Refused,
    /// It will not work until a person changes something: the target is switched off and its
    /// owner is told why.
    Disable {
        /// What the owner is told.
        reason: DisableReason,
    },
}

impl Verdict {
    /// The verdict on an attempt that got no answer.
    ///
    /// A forbidden address is tried again, because it comes from a name that may be repaired
    /// without anybody touching the target; a URL that cannot be called never can.
    pub fn of_error(error: &EgressError) -> Self {
        match error {
            EgressError::BadUrl(_) => Self::Disable {
                reason: DisableReason::BadUrl,
            },
            EgressError::TimedOut => Self::Throttled { after: None },
            EgressError::Forbidden | EgressError::Unreachable => Self::Retry { after: None },
        }
    }
}

/// Why a target was switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisableReason {
    /// The URL cannot be called at all.
    BadUrl,
    /// The receiver did not understand a message. Not given any more, since that is the message's
    /// fault; targets that were switched off for it keep saying so.
    InvalidPayload,
    /// The receiver does not permit it.
    NotPermitted,
    /// The channel does not exist any more, or never did.
    ChannelNotFound,
    /// The channel was archived.
    ChannelArchived,
    /// The person addressed does not exist any more.
    UserNotFound,
    /// The webhook was removed or switched off at the receiver.
    WebhookRemoved,
    /// The mail server refuses every address for good.
    RecipientsRefused,
    /// A notification could not be delivered by the whole retry schedule, and no other was meanwhile.
    RetriesExhausted,
}

impl DisableReason {
    /// The reason as told to the target's owner.
    pub fn text(self, locale: Locale) -> &'static str {
        let [ja, en, zh] = match self {
            Self::BadUrl => [
                "この URL には送信できません",
                "the URL cannot be called",
                "无法向该 URL 发送",
            ],
            Self::InvalidPayload => [
                "送信先がメッセージを受け付けませんでした",
                "the receiver did not accept the message",
                "接收方不接受该消息",
            ],
            Self::NotPermitted => [
                "送信先で許可されていません",
                "the receiver does not permit it",
                "接收方不允许此操作",
            ],
            Self::ChannelNotFound => [
                "チャンネルが見つかりません",
                "the channel was not found",
                "找不到频道",
            ],
            Self::ChannelArchived => [
                "チャンネルがアーカイブされています",
                "the channel is archived",
                "频道已归档",
            ],
            Self::UserNotFound => [
                "宛先のユーザーが見つかりません",
                "the addressed user was not found",
                "找不到目标用户",
            ],
            Self::WebhookRemoved => [
                "Webhook が削除または無効化されています",
                "the webhook was removed or switched off",
                "Webhook 已被删除或停用",
            ],
            Self::RecipientsRefused => [
                "宛先のメールアドレスがすべて拒否されました",
                "the mail server refused every address",
                "邮件服务器拒绝了所有收件地址",
            ],
            Self::RetriesExhausted => [
                "再送をすべて試みましたが届きませんでした",
                "nothing could be delivered for more than three days",
                "多次重试后仍无法送达",
            ],
        };
        match locale {
            Locale::Ja => ja,
            Locale::En => en,
            Locale::Zh => zh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_without_an_answer_disables_only_what_can_never_be_called() {
        for (error, expected) in [
            (EgressError::Forbidden, Verdict::Retry { after: None }),
            (EgressError::Unreachable, Verdict::Retry { after: None }),
            (EgressError::TimedOut, Verdict::Throttled { after: None }),
            (
                EgressError::BadUrl("no host".to_owned()),
                Verdict::Disable {
                    reason: DisableReason::BadUrl,
                },
            ),
        ] {
            assert_eq!(Verdict::of_error(&error), expected);
        }
    }

    #[test]
    fn every_reason_is_documented_by_the_word_it_is_stored_as() {
        let manual = include_str!("../../../docs/notifications.md");
        for reason in [
            DisableReason::BadUrl,
            DisableReason::InvalidPayload,
            DisableReason::NotPermitted,
            DisableReason::ChannelNotFound,
            DisableReason::ChannelArchived,
            DisableReason::UserNotFound,
            DisableReason::WebhookRemoved,
            DisableReason::RecipientsRefused,
            DisableReason::RetriesExhausted,
        ] {
            let word = serde_json::to_value(reason).unwrap();
            let row = format!("`{}`", word.as_str().unwrap());
            assert!(manual.contains(&row), "{row}");
        }
    }
}
