//! Reads Slack's answer: a status, and one word in the body.

use chrono::TimeDelta;

use crate::{
    notification::{DisableReason, Verdict},
    port::OutgoingResponse,
};

/// What the answer to a message means.
///
/// The status decides; the word only refines what the owner is told. Any 2xx counts as delivered,
/// because compatible receivers answer with another word than Slack's `ok`. A 4xx that is not
/// known to be permanent is tried again and ends with the schedule.
pub fn judge(response: &OutgoingResponse) -> Verdict {
    let word = response.body.trim();
    let after = response.retry_after_s.map(seconds);
    match response.status {
        200..=299 => Verdict::Delivered,
        429 => Verdict::Throttled { after },
        _ if word == "rate_limited" => Verdict::Throttled { after },
        400 | 403 | 404 | 410 => Verdict::Disable {
            reason: reason(response.status, word),
        },
        _ => Verdict::Retry { after },
    }
}

fn reason(status: u16, word: &str) -> DisableReason {
    match word {
        "channel_not_found" => DisableReason::ChannelNotFound,
        "channel_is_archived" => DisableReason::ChannelArchived,
        "user_not_found" => DisableReason::UserNotFound,
        "action_prohibited" | "posting_to_general_channel_denied" => DisableReason::NotPermitted,
        "no_service" | "no_service_id" | "no_active_hooks" | "no_team" | "team_disabled"
        | "invalid_token" => DisableReason::WebhookRemoved,
        _ => match status {
            403 => DisableReason::NotPermitted,
            404 | 410 => DisableReason::WebhookRemoved,
            _ => DisableReason::InvalidPayload,
        },
    }
}

fn seconds(seconds: u64) -> TimeDelta {
    i64::try_from(seconds)
        .ok()
        .and_then(TimeDelta::try_seconds)
        .unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
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
    fn slacks_permanent_refusals_disable_the_webhook_and_say_why() {
        for (status, body, reason) in [
            (400, "invalid_payload", DisableReason::InvalidPayload),
            (400, "invalid_blocks", DisableReason::InvalidPayload),
            (400, "user_not_found", DisableReason::UserNotFound),
            (400, "no_team", DisableReason::WebhookRemoved),
            (403, "action_prohibited", DisableReason::NotPermitted),
            (403, "invalid_token", DisableReason::WebhookRemoved),
            (403, "", DisableReason::NotPermitted),
            (404, "channel_not_found\n", DisableReason::ChannelNotFound),
            (404, "no_service", DisableReason::WebhookRemoved),
            (404, "<html>", DisableReason::WebhookRemoved),
            (410, "channel_is_archived", DisableReason::ChannelArchived),
            (410, "", DisableReason::WebhookRemoved),
        ] {
            let expected = Verdict::Disable { reason };
            assert_eq!(verdict(status, Some(9), body), expected, "{status} {body}");
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
            (413, None, "", Verdict::Retry { after: None }),
        ] {
            assert_eq!(verdict(status, retry_after_s, body), expected, "{status}");
        }
        let endless = Verdict::Throttled {
            after: Some(TimeDelta::MAX),
        };
        assert_eq!(verdict(429, Some(u64::MAX), ""), endless);
    }
}
