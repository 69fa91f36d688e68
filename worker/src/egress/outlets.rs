//! Every way out of the process behind one port.

use async_trait::async_trait;
use domain::port::{
    Egress, EgressError, MailError, MailReceipt, OutgoingMail, OutgoingRequest, OutgoingResponse,
};
use url::Url;

use super::EgressClient;
use crate::mail::Mailer;

/// The outgoing HTTP client, and the mail server if this installation has one.
pub struct Outlets {
    client: EgressClient,
    mailer: Option<Mailer>,
}

impl std::fmt::Debug for Outlets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outlets")
            .field("mailer", &self.mailer)
            .finish_non_exhaustive()
    }
}

impl Outlets {
    /// Both ways out.
    pub fn new(client: EgressClient, mailer: Option<Mailer>) -> Self {
        Self { client, mailer }
    }
}

#[async_trait]
impl Egress for Outlets {
    async fn post(&self, request: OutgoingRequest) -> Result<OutgoingResponse, EgressError> {
        self.client.post(request).await
    }

    async fn get(&self, url: Url) -> Result<OutgoingResponse, EgressError> {
        self.client.get(url).await
    }

    async fn mail(&self, mail: OutgoingMail) -> Result<MailReceipt, MailError> {
        match &self.mailer {
            Some(mailer) => mailer.send(&mail).await,
            None => Err(MailError::NotSetUp),
        }
    }
}
