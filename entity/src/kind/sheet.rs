//! Words of files: their encodings, imports and exports.

kinds! {
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
        /// The email address of the member who brought a contact.
        BroughtByEmail = "BROUGHT_BY_EMAIL",
        /// When a contact came in.
        ArrivedAt = "ARRIVED_AT",
        /// Tags, as paths such as `Group/Parent/Child`, several separated by `;`.
        Tags = "TAGS",
        /// What a contact wants to hear of and what not, as exports write it: a list in JSON such as
        /// `[{"channel": "EMAIL", "topic": "*", "state": "UNSUBSCRIBED", "reason": "Asked"}]`. Without a topic it
        /// is `*`, everything. Who unsubscribed by themselves, complained or cannot be reached stays unsubscribed.
        Subscriptions = "SUBSCRIPTIONS",
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
}
