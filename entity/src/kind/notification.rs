//! Words of targets and deliveries.

kinds! {
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
}
