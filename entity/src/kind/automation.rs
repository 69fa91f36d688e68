//! Words of rules, segments and playbooks.

kinds! {
    /// Why a rule that was looked at did not fire.
    MissReason {
        /// Its condition did not hold.
        Condition = "CONDITION",
        /// Its trigger did not let in what happened, for what that had with it: the properties of an event, the
        /// link of a click, why an email bounced, the comment of an answer.
        Trigger = "TRIGGER",
        /// It fired for this contact a moment ago.
        CoolDown = "COOL_DOWN",
        /// It fires once for each, and has.
        Once = "ONCE",
        /// It already fired on the same thing in this cascade.
        Loop = "LOOP",
        /// A rule before it ended the evaluation.
        Stopped = "STOPPED",
        /// Rules and playbooks had led to each other in too many steps before; the condition was not asked.
        TooDeep = "TOO_DEEP",
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
        /// Ended by a member, a rule, another playbook or a merge, or with its playbook; `ending` says which.
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
        /// Somebody moved it on by hand, or took it to another version.
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
}
