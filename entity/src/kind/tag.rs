//! Words of tags, groups, taggings and the audit of the tags.

kinds! {
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

    /// How a tagging ended.
    TaggingEnd {
        /// It was taken off.
        Removed = "REMOVED",
        /// Another value of its group, which takes one, was put on.
        Replaced = "REPLACED",
        /// A rule had put it on, and somebody else has put on the same: theirs goes on.
        TakenOver = "TAKEN_OVER",
        /// It was given another end, or none: it goes on as its successor.
        Renewed = "RENEWED",
        /// Its time was over.
        Expired = "EXPIRED",
        /// What its rule had put on was taken back.
        Withdrawn = "WITHDRAWN",
        /// It was to stay while the contact or account is in a segment, which this has left.
        ReasonEnded = "REASON_ENDED",
        /// Its tag was merged into another, whose tagging goes on.
        Merged = "MERGED",
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
        /// No rule, segment, playbook, report or tracked link names it, a tag above it or its group:
        /// `things`.
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
}
