//! Words of surveys.

kinds! {
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
}
