//! The closed lists of words that rows contain: the same word in SQL, Rust and GraphQL.

use async_graphql::Enum;
use sea_orm::{DeriveActiveEnum, EnumIter, Iterable as _};
use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $text:literal,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(
                Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter,
                DeriveActiveEnum, Enum, Serialize, Deserialize,
            )]
            #[sea_orm(rs_type = "String", db_type = "Text")]
            #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
            pub enum $name {
                $(
                    $(#[$value_doc])*
                    #[sea_orm(string_value = $text)]
                    $value,
                )*
            }

            impl $name {
                /// The word as stored and as GraphQL shows it.
                pub fn word(self) -> &'static str {
                    match self {
                        $(Self::$value => $text,)*
                    }
                }

                /// The value whose stored word is `word`.
                pub fn from_word(word: &str) -> Option<Self> {
                    Self::iter().find(|value| value.word() == word)
                }
            }
        )*
    };
}

kinds! {
    /// What a member may do.
    Role {
        /// Everything, including handing the workspace over.
        Owner = "OWNER",
        /// Everything but changing owners.
        Admin = "ADMIN",
        /// Daily work: contacts, conversations, tagging.
        Agent = "AGENT",
        /// Reading only.
        Viewer = "VIEWER",
    }

    /// What a tag says something about.
    TagKind {
        /// Who a contact or an account is to us; stays across conversations.
        Contact = "CONTACT",
        /// What one conversation is about.
        Conversation = "CONVERSATION",
    }

    /// How many values of a group one thing may carry.
    TagSelection {
        /// One: another value takes the place of the one before.
        Single = "SINGLE",
        /// Any number.
        Multi = "MULTI",
    }

    /// What a group of tags is for.
    TagStage {
        /// Who the customer is: industry, size, position.
        Basic = "BASIC",
        /// Where the company wants to go: regions, team sizes.
        Strategic = "STRATEGIC",
        /// What to do with them now: the judgement of a lead.
        Operations = "OPERATIONS",
    }

    /// Who may make tags.
    TagCreation {
        /// Everybody who may tag.
        Members = "MEMBERS",
        /// Those who may change the tree.
        Administrators = "ADMINISTRATORS",
    }

    /// What carries a tag.
    TagTarget {
        /// A contact.
        Contact = "CONTACT",
        /// An account.
        Account = "ACCOUNT",
        /// A conversation.
        Conversation = "CONVERSATION",
    }

    /// What attributes, notes and stages are about.
    SubjectKind {
        /// A contact.
        Contact = "CONTACT",
        /// An account.
        Account = "ACCOUNT",
        /// A conversation.
        Conversation = "CONVERSATION",
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

    /// Why a rule that was looked at did not fire.
    MissReason {
        /// Its condition did not hold.
        Condition = "CONDITION",
        /// It fired for this contact a moment ago.
        CoolDown = "COOL_DOWN",
        /// It fires once for each, and has.
        Once = "ONCE",
        /// It already fired on the same thing in this cascade.
        Loop = "LOOP",
        /// A rule before it ended the evaluation.
        Stopped = "STOPPED",
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

    /// How a tagging ended.
    TaggingEnd {
        /// It was taken off.
        Removed = "REMOVED",
        /// Another value of its group, which takes one, was put on.
        Replaced = "REPLACED",
        /// A rule had put it on, and somebody else has put on the same: theirs goes on.
        TakenOver = "TAKEN_OVER",
        /// Its time was over.
        Expired = "EXPIRED",
        /// What its rule had put on was taken back.
        Withdrawn = "WITHDRAWN",
        /// Its tag was merged into another, whose tagging goes on.
        Merged = "MERGED",
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

    /// The medium messages come through.
    Channel {
        /// Electronic mail.
        Email = "EMAIL",
        /// A chat on a web site or in an app.
        Chat = "CHAT",
        /// A form on a web site.
        WebForm = "WEB_FORM",
        /// X, formerly Twitter.
        X = "X",
        /// Facebook.
        Facebook = "FACEBOOK",
        /// Instagram.
        Instagram = "INSTAGRAM",
        /// LinkedIn.
        Linkedin = "LINKEDIN",
        /// LINE.
        Line = "LINE",
        /// WeChat.
        Wechat = "WECHAT",
        /// WhatsApp.
        Whatsapp = "WHATSAPP",
        /// Text messages.
        Sms = "SMS",
        /// Anything else.
        Other = "OTHER",
    }

    /// Where a conversation stands.
    ConversationStatus {
        /// Somebody still has to do something.
        Open = "OPEN",
        /// It is the contact's turn, or somebody else's.
        Pending = "PENDING",
        /// Put aside until a moment, or until the contact writes again.
        Snoozed = "SNOOZED",
        /// Done, until the contact writes again.
        Closed = "CLOSED",
    }

    /// Which way a message went.
    Direction {
        /// From a contact to us.
        Inbound = "INBOUND",
        /// From us to a contact.
        Outbound = "OUTBOUND",
    }

    /// Who wrote a message.
    Author {
        /// The contact.
        Contact = "CONTACT",
        /// A person of the company.
        Member = "MEMBER",
        /// A program of the company, such as a campaign or a bot.
        Automation = "AUTOMATION",
    }

    /// What happened to an email.
    EmailEventKind {
        /// The provider accepted it for sending.
        Sent = "SENT",
        /// The receiving server took it.
        Delivered = "DELIVERED",
        /// Its images were loaded.
        Opened = "OPENED",
        /// A link in it was followed.
        Clicked = "CLICKED",
        /// The recipient answered.
        Replied = "REPLIED",
        /// It came back.
        Bounced = "BOUNCED",
        /// The recipient called it spam.
        Complained = "COMPLAINED",
        /// The recipient asked for no more.
        Unsubscribed = "UNSUBSCRIBED",
    }

    /// Who or what caused an open or a click.
    EmailEventOrigin {
        /// A person, as far as can be told.
        Human = "HUMAN",
        /// A mail privacy service that loads every image by itself.
        MachinePrivacy = "MACHINE_PRIVACY",
        /// An image proxy that fetched at delivery.
        Proxy = "PROXY",
        /// A security scanner that follows links.
        Scanner = "SCANNER",
        /// Nothing is known; counted as a person.
        Unknown = "UNKNOWN",
    }

    /// Why an email came back.
    BounceKind {
        /// The address does not exist; sending again is useless.
        Hard = "HARD",
        /// A passing hindrance.
        Soft = "SOFT",
        /// Refused by a policy or a filter.
        Block = "BLOCK",
    }

    /// What a row of daily email figures is about.
    EmailScope {
        /// The whole workspace.
        Workspace = "WORKSPACE",
        /// One campaign.
        Campaign = "CAMPAIGN",
        /// One contact.
        Contact = "CONTACT",
        /// One account: the sum over its contacts.
        Account = "ACCOUNT",
    }

    /// Where an order stands.
    OrderStatus {
        /// Ordered, not paid yet.
        Placed = "PLACED",
        /// Paid, not delivered yet.
        Paid = "PAID",
        /// Delivered.
        Fulfilled = "FULFILLED",
        /// Called off before it was delivered.
        Cancelled = "CANCELLED",
        /// The money was given back.
        Refunded = "REFUNDED",
    }

    /// Where an invoice stands. Overdue is no state of its own: it is an open invoice whose due
    /// date has passed.
    InvoiceStatus {
        /// Not sent yet.
        Draft = "DRAFT",
        /// Sent and not paid.
        Open = "OPEN",
        /// Paid in full.
        Paid = "PAID",
        /// Declared not to be owed.
        Void = "VOID",
        /// Given up: nobody expects it to be paid.
        Uncollectible = "UNCOLLECTIBLE",
    }

    /// Where a ticket stands.
    TicketStatus {
        /// We have to do something.
        Open = "OPEN",
        /// We wait for the customer or for somebody else.
        Pending = "PENDING",
        /// We consider it done; the customer may open it again.
        Solved = "SOLVED",
        /// Done for good.
        Closed = "CLOSED",
    }

    /// How pressing a ticket is.
    TicketPriority {
        /// Whenever there is time.
        Low = "LOW",
        /// As usual.
        Normal = "NORMAL",
        /// Before the usual ones.
        High = "HIGH",
        /// At once.
        Urgent = "URGENT",
    }

    /// Where an opportunity stands.
    OpportunityStatus {
        /// Not decided yet.
        Open = "OPEN",
        /// The customer bought.
        Won = "WON",
        /// The customer did not buy.
        Lost = "LOST",
    }

    /// What kind of question a survey asks.
    SurveyKind {
        /// How likely somebody is to recommend us, 0 (not at all) to 10.
        Nps = "NPS",
        /// How satisfied somebody was, 1 (not at all) to 5.
        Csat = "CSAT",
    }

    /// How somebody is asked to answer a survey.
    SurveyMedium {
        /// By an email with a link to the form.
        Email = "EMAIL",
        /// By a link to the form that a member hands on.
        Link = "LINK",
    }

    /// Where an invitation to answer a survey stands.
    SurveyInvitationState {
        /// The email is on its way.
        Waiting = "WAITING",
        /// The email was taken, or the link handed out; there is no answer yet.
        Sent = "SENT",
        /// It was answered.
        Answered = "ANSWERED",
        /// It was not answered in time.
        Expired = "EXPIRED",
        /// The email could not be sent.
        Failed = "FAILED",
    }

    /// Whether a playbook is at work.
    PlaybookState {
        /// It enrols, and its timers run.
        Active = "ACTIVE",
        /// It enrols nobody, and whoever is enrolled waits where they are.
        Paused = "PAUSED",
        /// Out of use for good; nobody is enrolled any more.
        Archived = "ARCHIVED",
    }

    /// Where an enrolment in a playbook stands.
    EnrolmentState {
        /// At a step, until a moment or until something happens.
        Waiting = "WAITING",
        /// A worker is taking it on at this moment.
        Running = "RUNNING",
        /// It came to the end of the playbook.
        Done = "DONE",
        /// A goal of the playbook was reached.
        Goal = "GOAL",
        /// A condition for leaving the playbook came to hold.
        Exited = "EXITED",
        /// It could not go on because of an error, and can be tried again.
        Failed = "FAILED",
        /// A member or a rule ended it.
        Cancelled = "CANCELLED",
    }

    /// What enrolled a contact in a playbook.
    EnrolmentSource {
        /// Somebody, by hand or through the API.
        Hand = "HAND",
        /// An action of a rule or of another playbook.
        Action = "ACTION",
        /// The contact came into a segment.
        Segment = "SEGMENT",
        /// The contact's health came into a band.
        HealthBand = "HEALTH_BAND",
        /// A tag was put on the contact.
        Tag = "TAG",
    }

    /// How an enrolment left a step.
    StepOutcome {
        /// The actions were taken.
        Acted = "ACTED",
        /// The wait was over.
        Waited = "WAITED",
        /// What was waited for came to hold.
        Met = "MET",
        /// What was waited for did not come to hold in time.
        TimedOut = "TIMED_OUT",
        /// A branch was taken.
        Branched = "BRANCHED",
        /// The playbook ended here.
        Ended = "ENDED",
        /// A goal was reached.
        Goal = "GOAL",
        /// A condition for leaving the playbook held.
        Exited = "EXITED",
        /// Somebody moved it on by hand.
        Moved = "MOVED",
        /// Somebody ended it.
        Cancelled = "CANCELLED",
        /// An error ended it.
        Failed = "FAILED",
    }

    /// A day of the week.
    Weekday {
        /// Monday.
        Monday = "MONDAY",
        /// Tuesday.
        Tuesday = "TUESDAY",
        /// Wednesday.
        Wednesday = "WEDNESDAY",
        /// Thursday.
        Thursday = "THURSDAY",
        /// Friday.
        Friday = "FRIDAY",
        /// Saturday.
        Saturday = "SATURDAY",
        /// Sunday.
        Sunday = "SUNDAY",
    }

    /// Where a task stands.
    TaskStatus {
        /// Still to be done.
        Open = "OPEN",
        /// Done.
        Done = "DONE",
        /// Not to be done any more.
        Cancelled = "CANCELLED",
    }

    /// How pressing a task is.
    TaskPriority {
        /// Whenever there is time.
        Low = "LOW",
        /// As usual.
        Normal = "NORMAL",
        /// Before the usual ones.
        High = "HIGH",
        /// At once.
        Urgent = "URGENT",
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
        /// A rule that fired on a message.
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
    }

    /// The kind of place notifications go to.
    TargetKind {
        /// A Slack incoming webhook.
        Slack = "SLACK",
        /// A webhook of one's own, signed by the Standard Webhooks specification.
        Webhook = "WEBHOOK",
        /// Email to members, teams and addresses.
        Email = "EMAIL",
        /// The list of notifications that each member has in Enishi.
        InApp = "IN_APP",
    }

    /// Where a delivery stands.
    DeliveryState {
        /// Waiting for its first or next attempt.
        Pending = "PENDING",
        /// The receiver confirmed it.
        Delivered = "DELIVERED",
        /// Given up, after the last attempt or a permanent refusal.
        Failed = "FAILED",
        /// Told together with others, in the message of another delivery.
        Folded = "FOLDED",
    }

    /// What a due item asks for.
    DueKind {
        /// Attempt a delivery.
        Delivery = "DELIVERY",
        /// Open a snoozed conversation again.
        ConversationWake = "CONVERSATION_WAKE",
        /// Go on with an operation.
        Operation = "OPERATION",
        /// Send the mail that asks a contact to answer a survey.
        SurveyInvitation = "SURVEY_INVITATION",
    }

    /// What an operation does.
    OperationKind {
        /// Puts tags on everything a filter finds, and takes others off.
        TagByFilter = "TAG_BY_FILTER",
        /// Takes back the tags that a rule has put on.
        WithdrawRuleTags = "WITHDRAW_RULE_TAGS",
        /// Brings a group of tags to one value on each thing.
        NarrowTagGroup = "NARROW_TAG_GROUP",
        /// Looks for what is wrong with the tags.
        TagQuality = "TAG_QUALITY",
        /// Carries out merges that a quality audit proposed.
        ApplyTagPlan = "APPLY_TAG_PLAN",
        /// Finds the members of segments that were made, changed or have to be looked at anew.
        BuildSegments = "BUILD_SEGMENTS",
        /// Adds everything a filter finds to a segment that is kept by hand.
        FillSegment = "FILL_SEGMENT",
        /// Takes in accounts from a file.
        ImportAccounts = "IMPORT_ACCOUNTS",
        /// Takes in contacts from a file.
        ImportContacts = "IMPORT_CONTACTS",
        /// Enrols everybody a filter finds in a playbook.
        EnrolByFilter = "ENROL_BY_FILTER",
        /// Ends every enrolment in a playbook that was archived.
        EndEnrolments = "END_ENROLMENTS",
    }

    /// What the quality audit of the tags was run for.
    TagQualityCause {
        /// It was night.
        Nightly = "NIGHTLY",
        /// Somebody asked for it.
        Asked = "ASKED",
    }

    /// What the quality audit found about tags. Each value names the figures of its evidence;
    /// `things` is how many things carry the tag, `sampled` is 1 when a sample was counted.
    TagFindingKind {
        /// It was put on nothing for a long time: `daysSincePutOn` (left out when never),
        /// `daysSinceMade`, `things`.
        Unused = "UNUSED",
        /// It was only ever put on one thing: `taggingsEver`, `things`, `daysSinceMade`.
        OneOff = "ONE_OFF",
        /// It is on nearly all things of a kind, so it tells none apart: `things`, `of`, `share`.
        OnNearlyEveryone = "ON_NEARLY_EVERYONE",
        /// Two names are the same but for width, case, kana, forms of characters, order of words or
        /// spelling: `lettersThatDiffer`, `things`, `thingsOfOther`.
        SimilarName = "SIMILAR_NAME",
        /// Two tags are on nearly the same things: `both`, `jaccard` (both of either), `things`,
        /// `thingsOfOther`.
        SameMembers = "SAME_MEMBERS",
        /// The first tag is hardly ever without the second: `share` of its things that carry the
        /// second, `lift` over chance, `both`, `jaccard`, `things`, `thingsOfOther`.
        AlwaysTogether = "ALWAYS_TOGETHER",
        /// A rule of a group is broken: `thingsWithSeveral` values of a group that allows one, or a tag
        /// that is `inAnotherGroupThanParent`, `ofAnotherKindThanGroup`, `inArchivedGroup`, or a group
        /// with 1 of `values`.
        GroupViolation = "GROUP_VIOLATION",
        /// A group has more values than people tell apart: `values`, `valuesInTail` (the tags of the
        /// finding; each with less than 1 % of the group's things), `things`, `thingsInTail`,
        /// `valuesInEffect` (values of equal use that would tell as much).
        OverDetailed = "OVER_DETAILED",
        /// No rule, segment or report names it or a tag above it: `things`.
        Unreferenced = "UNREFERENCED",
        /// What becomes of contacts with it differs from the others by no more than chance:
        /// `contacts`, `contactsWithout`, and for each outcome with enough cases (`atRisk`, `won`,
        /// `replied`) its `Share`, `ShareWithout`, `ChiSquare`, `Lift`, and the lift's 95 % interval
        /// `LiftLow` and `LiftHigh`.
        NoOutcome = "NO_OUTCOME",
    }

    /// How much a finding about tags matters.
    TagFindingSeverity {
        /// It misleads people or reports now.
        High = "HIGH",
        /// It probably does.
        Medium = "MEDIUM",
        /// It may be meant.
        Low = "LOW",
    }

    /// What a segment's members are.
    SegmentSubject {
        /// Contacts.
        Contact = "CONTACT",
        /// Accounts.
        Account = "ACCOUNT",
    }

    /// Who says what a segment's members are.
    SegmentKind {
        /// A condition; members come and go with it.
        Live = "LIVE",
        /// Members of the workspace, by hand.
        Static = "STATIC",
    }

    /// Whether a segment's members are complete.
    SegmentState {
        /// Everybody is being evaluated. Members it has already are right, others may be missing.
        Building = "BUILDING",
        /// The members are complete, and follow each change.
        Live = "LIVE",
    }

    /// How the characters of a table are written as bytes.
    SheetEncoding {
        /// Unicode, with or without a mark at the beginning.
        #[graphql(name = "UTF8")]
        Utf8 = "UTF8",
        /// What Japanese programs write, with Microsoft's additions.
        ShiftJis = "SHIFT_JIS",
        /// What Chinese programs write; GB 18030 is read too.
        Gbk = "GBK",
    }

    /// What kind of file is written.
    ExportFormat {
        /// Cells separated by commas, under a header.
        Csv = "CSV",
        /// A JSON object on each line.
        JsonLines = "JSON_LINES",
    }

    /// How the characters of a written file are turned into bytes.
    ExportEncoding {
        /// Unicode.
        #[graphql(name = "UTF8")]
        Utf8 = "UTF8",
        /// Unicode with a mark at the beginning, by which Excel knows it.
        #[graphql(name = "UTF8_BOM")]
        Utf8Bom = "UTF8_BOM",
        /// What Japanese programs read, with Microsoft's additions.
        ShiftJis = "SHIFT_JIS",
        /// What Chinese programs read.
        Gbk = "GBK",
    }

    /// What a column of a table holds of a contact or an account.
    ImportField {
        /// The name.
        Name = "NAME",
        /// How a contact's name is read.
        Kana = "KANA",
        /// A contact's email address.
        Email = "EMAIL",
        /// The phone number.
        Phone = "PHONE",
        /// The id another system gave.
        ExternalId = "EXTERNAL_ID",
        /// A contact's language, as a BCP 47 tag.
        Locale = "LOCALE",
        /// The name of a contact's company.
        AccountName = "ACCOUNT_NAME",
        /// The email domain of a contact's company.
        AccountDomain = "ACCOUNT_DOMAIN",
        /// The external id of a contact's company.
        AccountExternalId = "ACCOUNT_EXTERNAL_ID",
        /// The lifecycle stage.
        Stage = "STAGE",
        /// The email address of the member who looks after it.
        OwnerEmail = "OWNER_EMAIL",
        /// The channel a contact came through first.
        SourceChannel = "SOURCE_CHANNEL",
        /// The campaign a contact came from, by external id or name.
        SourceCampaign = "SOURCE_CAMPAIGN",
        /// Tags, as paths such as `Group/Parent/Child`, several separated by `;`.
        Tags = "TAGS",
        /// The value of a custom attribute.
        Attribute = "ATTRIBUTE",
        /// An account's email domain.
        Domain = "DOMAIN",
        /// An account's web site.
        Website = "WEBSITE",
        /// What an account is and does.
        Description = "DESCRIPTION",
    }

    /// What an import does with what is there already.
    ImportPolicy {
        /// Every cell that is not empty replaces what is there.
        Update = "UPDATE",
        /// Only what is empty is filled.
        FillEmpty = "FILL_EMPTY",
        /// It stays as it is.
        Skip = "SKIP",
    }

    /// What an import may make besides contacts and accounts of the file.
    ImportCreation {
        /// Companies that contacts name and that are not there yet.
        Accounts = "ACCOUNTS",
        /// Campaigns that are not there yet.
        Campaigns = "CAMPAIGNS",
        /// Tags that are not there yet.
        Tags = "TAGS",
    }

    /// What an import does, or would do, with one line.
    ImportOutcome {
        /// Somebody new is made.
        Create = "CREATE",
        /// What is there is changed.
        Update = "UPDATE",
        /// Nothing: it is there already, and nothing differs or the policy says so.
        Skip = "SKIP",
        /// Nothing: something is wrong with the line.
        Error = "ERROR",
    }

    /// Where an operation stands.
    OperationState {
        /// Not begun yet.
        Waiting = "WAITING",
        /// Begun; between two of its steps nothing is half done.
        Running = "RUNNING",
        /// Finished.
        Done = "DONE",
        /// Given up; what it had done before stays done.
        Failed = "FAILED",
        /// Stopped by a member; what it had done before stays done.
        Cancelled = "CANCELLED",
    }

    /// Where a due item stands.
    DueState {
        /// Not claimed yet, or to be tried again.
        Waiting = "WAITING",
        /// Claimed by a worker until its lease ends.
        Running = "RUNNING",
        /// Finished.
        Done = "DONE",
        /// Set aside after it crashed its worker three times.
        Quarantined = "QUARANTINED",
    }

    /// Where work stands that was set aside.
    QuarantineState {
        /// Out of the way, waiting for somebody to look at it.
        SetAside = "SET_ASIDE",
        /// To be tried again by the next worker that is free.
        Replaying = "REPLAYING",
        /// Tried again: done, or back in its own queue.
        Replayed = "REPLAYED",
    }
}

/// How urgent a conversation is. Stored as a number, so that an index has it in order.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    EnumIter,
    DeriveActiveEnum,
    Enum,
    Serialize,
    Deserialize,
)]
#[sea_orm(rs_type = "i64", db_type = "BigInteger")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[graphql(name = "ConversationPriority")]
pub enum Priority {
    /// It can wait.
    #[sea_orm(num_value = 0)]
    Low,
    /// As usual.
    #[sea_orm(num_value = 1)]
    Normal,
    /// Before the others.
    #[sea_orm(num_value = 2)]
    High,
    /// At once.
    #[sea_orm(num_value = 3)]
    Urgent,
}

impl Priority {
    /// The number stored; larger is more urgent.
    pub fn rank(self) -> i64 {
        match self {
            Self::Low => 0,
            Self::Normal => 1,
            Self::High => 2,
            Self::Urgent => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_word_is_the_word_graphql_and_json_show() {
        for role in Role::iter() {
            assert_eq!(serde_json::to_value(role).unwrap(), role.word());
            assert_eq!(Role::from_word(role.word()), Some(role));
        }
        for channel in Channel::iter() {
            assert_eq!(serde_json::to_value(channel).unwrap(), channel.word());
        }
    }
}
