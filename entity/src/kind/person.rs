//! Words of contacts and accounts: what is known of them, how far they have come, how they are.

kinds! {
    /// What attributes, notes and stages are about.
    SubjectKind {
        /// A contact.
        Contact = "CONTACT",
        /// An account.
        Account = "ACCOUNT",
        /// A conversation.
        Conversation = "CONVERSATION",
    }

    /// Whose purchases are looked at.
    CustomerKind {
        /// People: orders that name a contact.
        Contact = "CONTACT",
        /// Companies: orders that name an account, or a contact of one.
        Account = "ACCOUNT",
    }

    /// What scores of recency, frequency and value together say of a customer. Most customers are in
    /// none of these.
    RfmSegment {
        /// Bought lately, often and for much: all three scores are 4 or 5.
        Champions = "CHAMPIONS",
        /// Bought often and for much, and not for long now: recency is 1 or 2, the others 4 or 5.
        AtRisk = "AT_RISK",
        /// Bought long ago, seldom and for little: all three scores are 1 or 2.
        Hibernating = "HIBERNATING",
    }

    /// A field of a contact that can change.
    ContactField {
        /// The name.
        Name = "NAME",
        /// How the name is read.
        Kana = "KANA",
        /// The main email address.
        Email = "EMAIL",
        /// The phone number.
        Phone = "PHONE",
        /// The language.
        Locale = "LOCALE",
        /// The company.
        Account = "ACCOUNT",
        /// The member who looks after the contact.
        Owner = "OWNER",
        /// How far the relationship has come.
        Stage = "STAGE",
        /// Where the contact came from: channel, campaign or member.
        Source = "SOURCE",
    }

    /// How far a relationship has come.
    LifecycleStage {
        /// Hears from us, nothing more.
        Subscriber = "SUBSCRIBER",
        /// Showed interest.
        Lead = "LEAD",
        /// Found worth pursuing.
        Qualified = "QUALIFIED",
        /// A deal is under way.
        Opportunity = "OPPORTUNITY",
        /// Bought.
        Customer = "CUSTOMER",
        /// Recommends us to others.
        Advocate = "ADVOCATE",
        /// Was a customer once.
        Former = "FORMER",
    }

    /// What a custom attribute holds.
    AttributeType {
        /// A line of text.
        Text = "TEXT",
        /// A number.
        Number = "NUMBER",
        /// True or false.
        Boolean = "BOOLEAN",
        /// A day.
        Date = "DATE",
        /// A moment.
        DateTime = "DATE_TIME",
        /// One of the attribute's options.
        Select = "SELECT",
        /// Any number of the attribute's options.
        MultiSelect = "MULTI_SELECT",
        /// A web address.
        Url = "URL",
    }

    /// How a contact is recognised.
    IdentityKind {
        /// An email address, in lower case.
        Email = "EMAIL",
        /// A phone number in E.164 form.
        Phone = "PHONE",
        /// A social handle, with its network before a colon.
        Handle = "HANDLE",
        /// The id another system gave.
        ExternalId = "EXTERNAL_ID",
        /// The id of a visitor nobody knows yet, such as a cookie's.
        AnonymousId = "ANONYMOUS_ID",
    }

    /// Whether a contact wants to hear from us.
    SubscriptionState {
        /// They asked for it.
        Subscribed = "SUBSCRIBED",
        /// They do not want it, or cannot be reached.
        Unsubscribed = "UNSUBSCRIBED",
        /// They were asked and have not answered.
        Pending = "PENDING",
    }

    /// What set a subscription.
    SubscriptionSource {
        /// A member, by hand or through a token of theirs.
        Member = "MEMBER",
        /// An email that came back for good.
        Bounce = "BOUNCE",
        /// The contact called an email spam.
        Complaint = "COMPLAINT",
        /// The contact unsubscribed.
        Unsubscribe = "UNSUBSCRIBE",
        /// A contact who had said no was merged into this one.
        Merge = "MERGE",
    }

    /// How a relationship is doing.
    HealthBand {
        /// Going well.
        Healthy = "HEALTHY",
        /// Worth watching.
        Neutral = "NEUTRAL",
        /// In danger of being lost.
        AtRisk = "AT_RISK",
        /// Too little is known to say.
        Unknown = "UNKNOWN",
    }

    /// What an entry of a timeline is about.
    TimelineKind {
        /// A message, in or out.
        Message = "MESSAGE",
        /// What was told about an email.
        EmailEvent = "EMAIL_EVENT",
        /// Something the contact did.
        Event = "EVENT",
        /// A tag that was put on the contact, the account or a conversation.
        TagAdded = "TAG_ADDED",
        /// A tag that was taken off again.
        TagRemoved = "TAG_REMOVED",
        /// A health score or band that changed.
        HealthChanged = "HEALTH_CHANGED",
        /// A rule that fired, whatever set it off: a message, another change, or time that passed.
        RuleFired = "RULE_FIRED",
        /// A note a member wrote.
        Note = "NOTE",
        /// A change of the lifecycle stage.
        StageChanged = "STAGE_CHANGED",
        /// A purchase, when it was placed.
        Order = "ORDER",
        /// A bill, when it was issued.
        Invoice = "INVOICE",
        /// A case of the support desk, when it was opened.
        Ticket = "TICKET",
        /// A deal, when it was opened.
        Opportunity = "OPPORTUNITY",
        /// An answer to a survey, when it was given.
        SurveyAnswer = "SURVEY_ANSWER",
        /// The contact was asked to answer a survey.
        SurveyInvited = "SURVEY_INVITED",
        /// The contact came into a playbook.
        PlaybookEntered = "PLAYBOOK_ENTERED",
        /// The contact left a playbook: it came to its end, or the enrolment says why it ended.
        PlaybookLeft = "PLAYBOOK_LEFT",
        /// The contact or the account came into a segment.
        SegmentEntered = "SEGMENT_ENTERED",
        /// The contact or the account went out of a segment.
        SegmentLeft = "SEGMENT_LEFT",
        /// A task about the contact or the account was made.
        TaskCreated = "TASK_CREATED",
        /// A task was done or cancelled, which its status says. One that is opened again has no such entry
        /// until it ends again.
        TaskEnded = "TASK_ENDED",
        /// The contact wants, or no longer wants, to hear from us.
        SubscriptionChanged = "SUBSCRIPTION_CHANGED",
        /// Somebody else looks after the contact or the account, or nobody does any more.
        OwnerChanged = "OWNER_CHANGED",
        /// A conversation was closed, opened again, put aside or woken. A new one begins with its first
        /// message.
        ConversationStatusChanged = "CONVERSATION_STATUS_CHANGED",
        /// Another contact was merged into this one.
        ContactMerged = "CONTACT_MERGED",
        /// A contact that had been merged into this one was taken apart from it again.
        ContactUnmerged = "CONTACT_UNMERGED",
        /// The contact, which had been merged into another one, was taken apart from that again.
        ContactSeparated = "CONTACT_SEPARATED",
        /// Another account was merged into this one.
        AccountMerged = "ACCOUNT_MERGED",
        /// An account that had been merged into this one was taken apart from it again.
        AccountUnmerged = "ACCOUNT_UNMERGED",
        /// The account, which had been merged into another one, was taken apart from that again.
        AccountSeparated = "ACCOUNT_SEPARATED",
    }

    /// What makes two contacts, or two accounts, seem to be one.
    DuplicateReason {
        /// Contacts: identities of both were given for one person.
        Identities = "IDENTITIES",
        /// Contacts: the same name, and phone numbers that end alike.
        NameAndPhone = "NAME_AND_PHONE",
        /// Contacts: the same name at the same account.
        NameAndAccount = "NAME_AND_ACCOUNT",
        /// Contacts: the same name, and the same part of an address before the `@`.
        NameAndEmail = "NAME_AND_EMAIL",
        /// Contacts: the same name, read alike.
        NameAndReading = "NAME_AND_READING",
        /// Contacts: the name of one is how the name of the other is read.
        Reading = "READING",
        /// Accounts: the same domain, or parts of one, as email domain or web site.
        AccountDomain = "ACCOUNT_DOMAIN",
        /// Accounts: the same name but for the legal form, such as 株式会社 or `Inc.`.
        AccountName = "ACCOUNT_NAME",
    }

    /// What became of a suspicion that two are one.
    DuplicateState {
        /// Nobody has decided yet.
        Open = "OPEN",
        /// They were merged.
        Merged = "MERGED",
        /// Somebody said that they are two.
        Dismissed = "DISMISSED",
        /// What made it seem so holds no longer, as after a change of name.
        Outdated = "OUTDATED",
    }
}
