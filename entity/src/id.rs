//! One id type per table.
//!
//! An id is a `UUIDv7`: it sorts by the time it was made, which keyset pages rely on. Its text form,
//! `contact_` followed by 32 hexadecimal digits, is the same in GraphQL, URLs and logs; the prefix
//! tells the type, so an id of one table can never be taken for that of another.

use std::{fmt, str::FromStr};

use sea_orm::{DbErr, DeriveValueType, TryFromU64, TryGetable};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::Uuid;

/// What every id type offers.
pub trait Id:
    Copy + Eq + Ord + fmt::Display + FromStr<Err = ParseIdError> + From<Uuid> + TryGetable
{
    /// The word before the underscore in the text form.
    const PREFIX: &'static str;

    /// The id as stored.
    fn uuid(self) -> Uuid;
}

/// The text is not an id of the wanted type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseIdError {
    /// The prefix that was expected.
    pub expected: &'static str,
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "not an id of the form {}_ followed by 32 hexadecimal digits",
            self.expected
        )
    }
}

impl std::error::Error for ParseIdError {}

fn parse(text: &str, prefix: &'static str) -> Result<Uuid, ParseIdError> {
    let refuse = || ParseIdError { expected: prefix };
    let digits = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .filter(|digits| digits.len() == 32)
        .ok_or_else(refuse)?;
    if digits
        .bytes()
        .any(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    {
        return Err(refuse());
    }
    Uuid::try_parse(digits).map_err(|_| refuse())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType)]
            pub struct $name(pub Uuid);

            impl Id for $name {
                const PREFIX: &'static str = $prefix;

                fn uuid(self) -> Uuid {
                    self.0
                }
            }

            impl From<Uuid> for $name {
                fn from(uuid: Uuid) -> Self {
                    Self(uuid)
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, concat!($prefix, "_{}"), self.0.as_simple())
                }
            }

            impl FromStr for $name {
                type Err = ParseIdError;

                fn from_str(text: &str) -> Result<Self, Self::Err> {
                    parse(text, $prefix).map(Self)
                }
            }

            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                    text.parse().map_err(D::Error::custom)
                }
            }

            impl TryFromU64 for $name {
                fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                    Err(DbErr::ConvertFromU64(stringify!($name)))
                }
            }
        )*

        /// Every prefix in use, for tests that walk over all id types.
        pub const PREFIXES: &[&str] = &[$($prefix),*];
    };
}

ids! {
    /// A tenant.
    WorkspaceId = "workspace";
    /// A person of the company.
    MemberId = "member";
    /// A credential.
    AccessTokenId = "token";
    /// A customer company.
    AccountId = "account";
    /// A customer person.
    ContactId = "contact";
    /// A custom attribute's definition.
    AttributeId = "attribute";
    /// Two contacts made one.
    MergeId = "merge";
    /// A suspicion that two contacts are one person.
    SuspectId = "suspect";
    /// A suspicion that two accounts are one company.
    AccountSuspectId = "accountsuspect";
    /// One change of what a contact wants to hear.
    SubscriptionChangeId = "subscriptionchange";
    /// What became of a conversation at one moment.
    ConversationStepId = "conversationstep";
    /// One change of who looks after a contact or an account.
    OwnerChangeId = "ownerchange";
    /// One step from a lifecycle stage to another.
    StageChangeId = "stagechange";
    /// Something a member wrote down.
    NoteId = "note";
    /// A label.
    TagId = "tag";
    /// A dimension that labels are values of.
    TagGroupId = "group";
    /// One tag on one target, from its adding to its removal.
    TaggingId = "tagging";
    /// Tags made one by one call.
    TagMergeId = "tagmerge";
    /// One contact's way through a playbook.
    EnrolmentId = "enrolment";
    /// Something a member has to do.
    TaskId = "task";
    /// A run of the quality audit of the tags.
    TagQualityRunId = "qualityrun";
    /// Something such a run found.
    TagFindingId = "finding";
    /// A place messages come from.
    InboxId = "inbox";
    /// A thread with a contact.
    ConversationId = "conversation";
    /// A piece of a conversation.
    MessageId = "message";
    /// Something a contact did.
    EventId = "event";
    /// A purchase.
    OrderId = "order";
    /// A bill.
    InvoiceId = "invoice";
    /// A case of the support desk.
    TicketId = "ticket";
    /// A deal that may come about.
    OpportunityId = "opportunity";
    /// A question that is sent to contacts.
    SurveyId = "survey";
    /// One contact asked to answer a survey.
    SurveyInvitationId = "surveyinvitation";
    /// One try to send the mail of an invitation.
    SurveyAttemptId = "surveyattempt";
    /// An answer to a survey.
    SurveyAnswerId = "surveyanswer";
    /// A saved condition over contacts or accounts.
    SegmentId = "segment";
    /// A trigger, a condition and actions.
    RuleId = "rule";
    /// One match of one rule.
    FiringId = "firing";
    /// A look of a rule at something it did not fire on.
    MissId = "miss";
    /// A sequence of steps that contacts are enrolled in.
    PlaybookId = "playbook";
    /// One going into a segment or out of it.
    SegmentMoveId = "segmentmove";
    /// A place notifications go to.
    TargetId = "target";
    /// One notification on its way.
    DeliveryId = "delivery";
    /// One try to deliver.
    AttemptId = "attempt";
    /// What a webhook target's requests are signed with.
    WebhookKeyId = "webhookkey";
    /// One notification in a member's list.
    InAppNotificationId = "inapp";
    /// Members who are told together.
    TeamId = "team";
    /// A campaign that emails belong to.
    CampaignId = "campaign";
    /// One provider event about one email.
    EmailEventId = "emailevent";
    /// A place where a provider tells what became of emails.
    EmailSourceId = "emailsource";
    /// A short link that notes who followed it.
    TrackedLinkId = "trackedlink";
    /// A registered GraphQL document.
    DocumentId = "document";
    /// A version of the health model.
    HealthModelId = "healthmodel";
    /// One evaluation in a contact's health history.
    HealthEntryId = "healthentry";
    /// Something to do at a time.
    DueItemId = "due";
    /// A long piece of work that somebody asked for.
    OperationId = "operation";
    /// A file that was sent to be imported.
    UploadId = "upload";
    /// A file that was asked for.
    ExportId = "export";
    /// What somebody changed of the configuration or of a person's data.
    AuditEntryId = "audit";
    /// Work set aside after repeated failure.
    QuarantineId = "quarantine";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_form() {
        let id = ContactId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));
        assert_eq!(id.to_string(), "contact_01900000000070008000000000000001");
        assert_eq!(id.to_string().parse::<ContactId>().unwrap(), id);
    }

    #[test]
    fn another_tables_id_and_sloppy_spellings_are_refused() {
        for text in [
            "tag_01900000000070008000000000000001",
            "contact_01900000-0000-7000-8000-000000000001",
            "contact_0190000000007000800000000000000A",
            "contact_",
            "contact",
            "",
        ] {
            assert!(text.parse::<ContactId>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_prefix_is_used_once() {
        let mut prefixes = PREFIXES.to_vec();
        prefixes.sort_unstable();
        prefixes.dedup();
        assert_eq!(prefixes.len(), PREFIXES.len());
    }
}
