//! Reads Slack's answer: a status, and one word in the body.

use crate::{
    notification::{DisableReason, Verdict},
    port::OutgoingResponse,
};

/// What the answer to a message means.
///
/// Any 2xx counts as delivered, because compatible receivers answer with another word than Slack's
/// `ok`. Of what Slack refuses, its word says whose fault it is: one message that it cannot read must
/// not keep all others from being sent. A 4xx that says neither is tried again and ends with the schedule.
pub fn judge(response: &OutgoingResponse) -> Verdict {
    let word = response.body.trim();
    let after = response.retry_after();
    match response.status {
        200..=299 => Verdict::Delivered,
        429 => Verdict::Throttled { after },
        _ if word == "rate_limited" => Verdict::Throttled { after },
        status @ 400..=499 => refusal(status, word).unwrap_or(Verdict::Retry { after }),
        _ => Verdict::Retry { after },
    }
}

/// Slack's words for what is wrong with a webhook, and what is told of it.
const TARGETS_FAULT: [(&str, DisableReason); 13] = [
    ("action_prohibited", DisableReason::NotPermitted),
    ("channel_is_archived", DisableReason::ChannelArchived),
    ("channel_not_found", DisableReason::ChannelNotFound),
    ("invalid_token", DisableReason::WebhookRemoved),
    ("no_active_hooks", DisableReason::WebhookRemoved),
    ("no_service", DisableReason::WebhookRemoved),
    ("no_service_id", DisableReason::WebhookRemoved),
    ("no_team", DisableReason::WebhookRemoved),
    (
        "posting_to_general_channel_denied",
        DisableReason::NotPermitted,
    ),
    ("restricted_action", DisableReason::NotPermitted),
    ("team_disabled", DisableReason::WebhookRemoved),
    ("token_revoked", DisableReason::WebhookRemoved),
    ("user_not_found", DisableReason::UserNotFound),
];

/// Slack's words for what is wrong with one message.
const MESSAGES_FAULT: [&str; 9] = [
    "invalid_attachments",
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_payload",
    "missing_text_or_fallback_or_attachments",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "too_many_attachments",
];

/// Whose fault a refusal is, by its word, and without a known one by its status.
fn refusal(status: u16, word: &str) -> Option<Verdict> {
    if let Some(&(_, reason)) = TARGETS_FAULT.iter().find(|(known, _)| *known == word) {
        return Some(Verdict::Disable { reason });
    }
    if MESSAGES_FAULT.contains(&word) {
        return Some(Verdict::Refused);
    }
    match status {
        400 | 413 | 422 => Some(Verdict::Refused),
        403 => Some(Verdict::Disable {
            reason: DisableReason::NotPermitted,
        }),
        404 | 410 => Some(Verdict::Disable {
            reason: DisableReason::WebhookRemoved,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn verdict(status: u16, retry_after_s: Option<u64>, body: &str) -> Verdict {
        judge(&OutgoingResponse {
            status,
            retry_after_s,
            body: body.to_owned(),
            duration_ms: 1,
        })
    }

    #[test]
    fn what_is_wrong_with_the_webhook_disables_it_and_says_why() {
        for (status, body, reason) in [
            (400, "user_not_found", DisableReason::UserNotFound),
            (400, "no_team", DisableReason::WebhookRemoved),
            (403, "action_prohibited", DisableReason::NotPermitted),
            (
                403,
                "posting_to_general_channel_denied",
                DisableReason::NotPermitted,
            ),
            (403, "invalid_token", DisableReason::WebhookRemoved),
            (403, "team_disabled", DisableReason::WebhookRemoved),
            (403, "", DisableReason::NotPermitted),
            (404, "channel_not_found\n", DisableReason::ChannelNotFound),
            (404, "no_active_hooks", DisableReason::WebhookRemoved),
            (404, "no_service", DisableReason::WebhookRemoved),
            (404, "no_service_id", DisableReason::WebhookRemoved),
            (404, "<html>", DisableReason::WebhookRemoved),
            (410, "channel_is_archived", DisableReason::ChannelArchived),
            (410, "", DisableReason::WebhookRemoved),
        ] {
            let expected = Verdict::Disable { reason };
            assert_eq!(verdict(status, Some(9), body), expected, "{status} {body}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_message_fails_that_one_alone() {
        for (status, body) in [
            (400, "invalid_payload"),
            (400, "invalid_blocks"),
            (400, "no_text"),
            (400, "too_many_attachments"),
            (400, "a word of tomorrow"),
            (400, ""),
            (403, "invalid_payload"),
            (404, "missing_text_or_fallback_or_attachments"),
            (413, ""),
            (422, "<html>"),
        ] {
            let found = verdict(status, Some(9), body);
            assert_eq!(found, Verdict::Refused, "{status} {body}");
        }
    }

    #[test]
    fn everything_else_is_delivered_throttled_or_tried_again() {
        let nine = Some(TimeDelta::seconds(9));
        for (status, retry_after_s, body, expected) in [
            (200, None, "ok", Verdict::Delivered),
            (204, Some(9), "", Verdict::Delivered),
            (429, Some(9), "", Verdict::Throttled { after: nine }),
            (
                429,
                None,
                "rate_limited",
                Verdict::Throttled { after: None },
            ),
            (
                400,
                None,
                "rate_limited",
                Verdict::Throttled { after: None },
            ),
            (500, None, "rollup_error", Verdict::Retry { after: None }),
            (503, Some(9), "", Verdict::Retry { after: nine }),
            (502, None, "", Verdict::Retry { after: None }),
            (302, None, "", Verdict::Retry { after: None }),
            (401, None, "", Verdict::Retry { after: None }),
            (408, None, "", Verdict::Retry { after: None }),
            (405, None, "", Verdict::Retry { after: None }),
            (500, None, "invalid_payload", Verdict::Retry { after: None }),
        ] {
            assert_eq!(verdict(status, retry_after_s, body), expected, "{status}");
        }
        let endless = Verdict::Throttled {
            after: Some(TimeDelta::MAX),
        };
        assert_eq!(verdict(429, Some(u64::MAX), ""), endless);
    }
}
