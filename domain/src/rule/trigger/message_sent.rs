//! A message was sent to a contact.

use entity::kind::{Author, Channel};

use super::{
    Happened, Key, TriggerKind,
    conversation::place_phrase,
    message_received::{author_phrase, implied_place},
    shape,
};
use crate::{
    condition::{
        Condition, Context,
        matcher::Gate,
        path::Path,
        sentence::{Phrasing, say},
    },
    error::{UserError, UserErrorCode},
};

/// Who writes messages that are sent.
const SENDERS: [Author; 2] = [Author::Member, Author::Automation];

shape::trigger! {
    /// Looks at messages that are sent to contacts, by members and by programs. Each is looked at once, as it
    /// becomes known; nothing that rules do sends one.
    #[derive(Default)]
    MessageSent, RuleMessageSentTrigger, RuleMessageSentTriggerInput;
    required {}
    optional {
        /// The inboxes; empty for every one, also those made later.
        inbox_ids: ids Inbox,
        /// The channels of those inboxes; empty for every one.
        channels: many Channel,
        /// Who wrote it, members or programs; empty for both. Contacts send none, so that author is refused.
        authors: many Author,
    }
}

impl MessageSent {
    /// Which messages make the rule look.
    pub(crate) fn gate(&self) -> Gate {
        Gate {
            inbox_ids: self.inbox_ids.clone(),
            channels: self.channels.clone(),
            authors: self.senders(),
        }
    }

    fn senders(&self) -> Vec<Author> {
        let wanted = |author: &Author| shape::lets(&self.authors, author);
        SENDERS.into_iter().filter(wanted).collect()
    }
}

impl TriggerKind for MessageSent {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        self.check_lists(at, refusals);
        let at = at.at("authors");
        for (index, author) in self.authors.iter().enumerate() {
            if !SENDERS.contains(author) {
                let message =
                    "Contacts send no messages: what they write arrives. Take this author out.";
                refusals.push(at.nth(index).refuse(UserErrorCode::Contradictory, message));
            }
        }
    }

    shape::naming!();

    fn context(&self) -> Context {
        Context::Message
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let place = place_phrase(&self.inbox_ids, &self.channels, phrasing);
        let senders = self.senders().into_iter();
        let senders: Vec<String> = senders
            .map(|author| author_phrase(author, phrasing).to_owned())
            .collect();
        let senders = phrasing.or(&senders);
        say!(
            phrasing,
            format!("{place}{senders}がメッセージを送信し"),
            format!("{senders} sends a message{place}"),
            format!("{place}{senders}发送消息")
        )
    }

    fn implies(&self) -> Vec<Condition> {
        implied_place(&self.inbox_ids, &self.channels)
    }

    fn keys(&self) -> Vec<Key> {
        Vec::new()
    }

    fn accepts(&self, _happened: &Happened<'_>) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(authors: &[Author]) -> MessageSent {
        MessageSent {
            authors: authors.to_vec(),
            ..MessageSent::default()
        }
    }

    #[test]
    fn only_members_and_programs_send() {
        use Author::{Automation, Contact, Member};
        let cases: [(&[Author], &[Author], usize); 3] = [
            (&[], &[Member, Automation], 0),
            (&[Member], &[Member], 0),
            (&[Automation, Contact], &[Automation], 1),
        ];
        for (authors, senders, refused) in cases {
            let trigger = by(authors);
            assert_eq!(trigger.gate().authors, senders);
            let mut refusals = Vec::new();
            trigger.check(&Path::root("trigger"), &mut refusals);
            assert_eq!(refusals.len(), refused, "{authors:?}");
        }
    }
}
