//! Words of emails and what is told of them.

kinds! {
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

    /// A company that sends emails for others and tells what became of them.
    EmailProvider {
        /// Amazon SES, through a topic of Amazon SNS.
        AmazonSes = "AMAZON_SES",
        /// Elastic Email.
        ElasticEmail = "ELASTIC_EMAIL",
        /// Mailgun.
        Mailgun = "MAILGUN",
        /// Postmark.
        Postmark = "POSTMARK",
        /// Twilio SendGrid.
        Sendgrid = "SENDGRID",
    }

    /// Why a request to an email source was refused. Whoever sent it is not told.
    EmailSourceRejection {
        /// The provider signs its requests, and the source has no signing key yet.
        NoKey = "NO_KEY",
        /// The signature is missing or wrong: another key, or not the provider.
        Signature = "SIGNATURE",
        /// The signature is right and too old to be believed; perhaps a clock is wrong.
        Expired = "EXPIRED",
        /// User and password are missing or wrong.
        Credentials = "CREDENTIALS",
        /// It comes from another topic than the one the source listens to.
        Topic = "TOPIC",
        /// It names a certificate that is not one of Amazon SNS.
        Certificate = "CERTIFICATE",
        /// It does not have the form of the provider.
        Unreadable = "UNREADABLE",
        /// It is larger than requests may be.
        TooLarge = "TOO_LARGE",
    }
}
