//! Words of the work core: operations, due items, what was set aside.

kinds! {
    /// What an operation does.
    OperationKind {
        /// Puts tags on everything a filter finds, and takes others off.
        TagByFilter = "TAG_BY_FILTER",
        /// Sets owner, lifecycle stage and subscriptions of everything a filter finds.
        UpdateByFilter = "UPDATE_BY_FILTER",
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
        /// Takes enrolments under way to another version of their playbook.
        MoveEnrolments = "MOVE_ENROLMENTS",
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
