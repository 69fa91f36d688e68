//! Sends a request and reads the answer, within bounds of time and size.

use std::{
    error::Error as _,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use async_trait::async_trait;
use domain::port::{Clock, Egress, EgressError, OutgoingRequest, OutgoingResponse};
use ipnet::IpNet;
use reqwest::{
    Client, RequestBuilder, Response,
    header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use super::{
    guard::Guard,
    resolver::{AllForbidden, GuardedResolver, Lookup, SystemLookup},
    retry_after,
};

/// Headers that decide how the request is framed, routed or answered. A member who could set one
/// of them could hide a second request in the first, or ask for a body that has to be unpacked.
const OWN_HEADERS: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// The bounds of every outgoing call.
#[derive(Debug, Clone)]
pub struct EgressSettings {
    /// Networks that may be called although they are not public, for private installations.
    pub allow: Vec<IpNet>,
    /// Longest time to resolve the name, connect and agree on TLS.
    pub connect_timeout: Duration,
    /// Longest time for the whole call, from its start to the end of the answer's body.
    pub timeout: Duration,
    /// How much of the answer's body is read before the connection is cut, in bytes.
    pub body_limit_bytes: usize,
}

impl Default for EgressSettings {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            body_limit_bytes: 64 * 1024,
        }
    }
}

/// The outgoing HTTP client. One per process: it keeps a few idle connections per receiver.
pub struct EgressClient {
    client: Client,
    guard: Guard,
    clock: Arc<dyn Clock>,
    body_limit_bytes: usize,
}

impl EgressClient {
    /// A client that resolves names as the operating system does and trusts the certificate
    /// authorities the operating system trusts (or those in `SSL_CERT_FILE` and `SSL_CERT_DIR`).
    pub fn new(settings: EgressSettings, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        Self::with_lookup(settings, clock, Arc::new(SystemLookup))
    }

    /// As [`Self::new`] with another source of addresses. They are checked all the same.
    pub fn with_lookup(
        settings: EgressSettings,
        clock: Arc<dyn Clock>,
        lookup: Arc<dyn Lookup>,
    ) -> anyhow::Result<Self> {
        let guard = Guard::new(settings.allow);
        let resolver = GuardedResolver {
            guard: guard.clone(),
            lookup,
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one egress client that all others are refused for"
        )]
        let client = Client::builder()
            .tls_backend_preconfigured(tls()?)
            .dns_resolver(resolver)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // A proxy would resolve the name again, behind the check.
            .no_proxy()
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            .pool_max_idle_per_host(2)
            .pool_idle_timeout(Duration::from_secs(30))
            .http1_max_headers(100)
            .user_agent(concat!("Enishi/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("building the outgoing HTTP client")?;
        Ok(Self {
            client,
            guard,
            clock,
            body_limit_bytes: settings.body_limit_bytes,
        })
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<OutgoingResponse, EgressError> {
        let started = Instant::now();
        let response = request.send().await.map_err(explain)?;
        let status = response.status().as_u16();
        let retry_after_s = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| retry_after::seconds(value, self.clock.now()));
        let body = read_text(response, self.body_limit_bytes).await?;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(OutgoingResponse {
            status,
            retry_after_s,
            body,
            duration_ms,
        })
    }
}

#[async_trait]
impl Egress for EgressClient {
    async fn post(&self, request: OutgoingRequest) -> Result<OutgoingResponse, EgressError> {
        self.guard.check_url(&request.url)?;
        let call = self.client.post(request.url);
        let call = call.headers(headers(&request.headers)?);
        self.exchange(call.body(request.body)).await
    }

    async fn get(&self, url: Url) -> Result<OutgoingResponse, EgressError> {
        self.guard.check_url(&url)?;
        self.exchange(self.client.get(url)).await
    }
}

/// TLS on ring, named here so that no process-wide default provider is needed.
fn tls() -> anyhow::Result<ClientConfig> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        // Not fatal: an installation without a certificate store may have only http receivers.
        tracing::warn!("no certificate authorities were found: no https receiver can be reached");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("choosing TLS versions")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, EgressError> {
    let refuse = || EgressError::BadUrl("a header cannot be sent".to_owned());
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse())?;
        if OWN_HEADERS.contains(&name.as_str()) {
            return Err(refuse());
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| refuse())?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

/// Reads at most `limit_bytes` of the body; dropping the rest closes the connection.
///
/// An answer that stalls or breaks before its end is no answer: whether the receiver took the
/// request is then unknown, which is what the error says.
async fn read_text(mut response: Response, limit_bytes: usize) -> Result<String, EgressError> {
    let mut bytes = Vec::new();
    while bytes.len() < limit_bytes {
        let Some(chunk) = response.chunk().await.map_err(explain)? else {
            break;
        };
        let room = limit_bytes - bytes.len();
        bytes.extend_from_slice(&chunk[..room.min(chunk.len())]);
    }
    // PostgreSQL text cannot hold a zero byte.
    let mut text = String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}");
    // The replacement character is longer than what it replaces.
    text.truncate(text.floor_char_boundary(limit_bytes));
    Ok(text)
}

/// Reduces a failure to what a member may know. A port that refuses, one that is silent and one
/// that does not speak TLS are all "unreachable"; the details go to the log, without the URL,
/// because a Slack URL is a secret.
fn explain(error: reqwest::Error) -> EgressError {
    let error = error.without_url();
    let reason = if is_forbidden(&error) {
        EgressError::Forbidden
    } else if error.is_timeout() && !error.is_connect() {
        EgressError::TimedOut
    } else {
        EgressError::Unreachable
    };
    tracing::debug!(%reason, ?error, "an outgoing call failed");
    reason
}

fn is_forbidden(error: &reqwest::Error) -> bool {
    std::iter::successors(error.source(), |&error| error.source())
        .any(<dyn std::error::Error>::is::<AllForbidden>)
}

#[cfg(test)]
mod tests;
