//! Names to addresses, with the forbidden ones taken out.
//!
//! reqwest connects to exactly the addresses handed back here, so the check and the connection
//! cannot see different answers (DNS rebinding). Literal addresses never come this way: the
//! connector skips the resolver for them, and [`super::guard::Guard::check_url`] has judged them.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::guard::Guard;

/// Asks for the addresses of a name.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// All addresses of `name`, in the order in which they should be tried.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver: hosts file, search list and DNS as configured there.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let addresses = tokio::net::lookup_host((name, 0)).await?;
        Ok(addresses.map(|address| address.ip()).collect())
    }
}

/// Every address of the name is forbidden.
#[derive(Debug, thiserror::Error)]
#[error("every address of the name is forbidden")]
pub(super) struct AllForbidden;

pub(super) struct GuardedResolver {
    pub(super) guard: Guard,
    pub(super) lookup: Arc<dyn Lookup>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.guard.clone();
        let lookup = Arc::clone(&self.lookup);
        Box::pin(async move {
            let found = lookup.lookup(name.as_str()).await?;
            let any = !found.is_empty();
            // A mixed answer keeps its public part: split-horizon names are common, and nothing
            // but that part is ever connected to.
            let permitted: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| guard.permits(*address))
                // Port 0 stands for the URL's port.
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            if any && permitted.is_empty() {
                return Err(AllForbidden.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}
