//! What ties messages into one conversation.

use unicode_normalization::UnicodeNormalization;

use super::parse::Mail;

/// Words that mail programs put before a subject when answering or forwarding, folded as
/// [`normal_subject`] folds.
const PREFIXES: &[&str] = &[
    "re", "fw", "fwd", "aw", "wg", "sv", "vs", "vb", "antw", "antwort", "tr", "rv", "rif", "enc",
    "odp", "返信", "転送", "回复", "回復", "答复", "答復", "回覆", "转发", "轉寄", "轉發", "回信",
];

/// The message ids that tie this mail to a conversation, nearest first, each once: its own, the one
/// it answers, then `References` from the last to the first.
///
/// A conversation that knows any of them is the conversation of this mail; the nearest wins where
/// two do.
pub fn thread_keys(mail: &Mail) -> Vec<String> {
    let mut keys = vec![mail.message_id.clone()];
    for id in mail.in_reply_to.iter().chain(mail.references.iter().rev()) {
        if !keys.contains(id) {
            keys.push(id.clone());
        }
    }
    keys
}

/// A subject as two messages of one conversation share it: without `Re:`, `Fwd:`, `返信:`,
/// `RE[2]:` and their kin in any number and order, folded for width and case, blanks single.
///
/// For comparing within a short time and the same people, when no id ties messages. Never for
/// showing. The tag of a mailing list (`[sales] Re: ...`) stays, what stands after it goes.
pub fn normal_subject(subject: &str) -> String {
    let folded = subject.nfkc().collect::<String>().to_lowercase();
    let mut rest = folded.trim();
    let mut tags: Vec<&str> = Vec::new();
    loop {
        if let Some(after) = strip_prefix(rest) {
            rest = after;
        } else if let Some((tag, after)) = split_tag(rest)
            && strip_prefix(after).is_some()
        {
            // "Re: [sales] Re: [sales] x" gathers its tag once.
            if !tags.contains(&tag) {
                tags.push(tag);
            }
            rest = after;
        } else {
            break;
        }
    }
    tags.retain(|tag| !rest.starts_with(tag));
    tags.push(rest);
    tags.iter()
        .flat_map(|piece| piece.split_whitespace())
        .collect::<Vec<_>>()
        .join(" ")
}

/// What follows one prefix with its optional counter (`re[2]`, `re(3)`, `re^4`, `re2`) and colon.
fn strip_prefix(text: &str) -> Option<&str> {
    // NFKC has turned full-width colons and brackets into these.
    let (before, after) = text.split_once(':')?;
    let word = before.trim_end().trim_end_matches(|c: char| {
        c.is_ascii_digit() || matches!(c, '[' | ']' | '(' | ')' | '^' | '*')
    });
    PREFIXES
        .contains(&word.trim_end())
        .then(|| after.trim_start())
}

fn split_tag(text: &str) -> Option<(&str, &str)> {
    let end = text.strip_prefix('[')?.find(']')? + 2;
    Some((&text[..end], text[end..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answering_and_forwarding_leave_the_subject_alike() {
        for subject in [
            "Order 12",
            "Re: Order 12",
            "RE: FW:  order 12",
            "Re[2]: Order 12",
            "Re(3) : Order 12",
            "RE^4: Ｏｒｄｅｒ　12",
            "返信：Order 12",
            "転送: Re: Order 12",
            "回复: 答复： Order 12",
            "Fwd: AW: Order 12",
        ] {
            assert_eq!(normal_subject(subject), "order 12", "{subject}");
        }
    }

    #[test]
    fn a_list_tag_stays_once() {
        assert_eq!(normal_subject("[sales] Re: Order"), "[sales] order");
        assert_eq!(
            normal_subject("Re: [sales] Re: [Sales] order"),
            "[sales] order"
        );
        assert_eq!(normal_subject("Re: [sales] Order"), "[sales] order");
        assert_eq!(normal_subject("[sales] Order: new"), "[sales] order: new");
    }

    #[test]
    fn words_that_look_like_prefixes_stay() {
        assert_eq!(normal_subject("Report: May"), "report: may");
        assert_eq!(normal_subject("Re"), "re");
        assert_eq!(normal_subject("[x"), "[x");
        assert_eq!(normal_subject(""), "");
        assert_eq!(normal_subject("Re: "), "");
    }
}
