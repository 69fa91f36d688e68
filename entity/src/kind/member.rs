//! What members may do, and how far they are with what they have to do.

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
}
