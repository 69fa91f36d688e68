//! Words of what other systems own: orders, invoices, tickets, opportunities.

kinds! {
    /// What kind of fact other systems own and tell of.
    FactKind {
        /// A purchase.
        Order = "ORDER",
        /// A bill.
        Invoice = "INVOICE",
        /// A case of the support desk.
        Ticket = "TICKET",
        /// A deal that may come about.
        Opportunity = "OPPORTUNITY",
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
}
