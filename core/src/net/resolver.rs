//! Name resolution that knows only permitted addresses.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Guard;
use super::error::Refused;

/// Longest wait for the system's resolver.
const DEADLINE: Duration = Duration::from_secs(10);

/// Asks the system and drops what the guard refuses. The client connects to
/// these addresses and resolves nothing, so a name can't change its mind
/// between check and connection.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    pub(super) guard: Guard,
}

impl Resolver {
    /// The permitted addresses of a name; at least one.
    pub(super) async fn lookup(
        &self,
        name: &str,
    ) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let found = tokio::time::timeout(DEADLINE, tokio::net::lookup_host((name, 0))).await??;
        let permitted: Vec<_> = found.filter(|address| self.guard.permits(address.ip())).collect();
        if permitted.is_empty() { Err(Refused.into()) } else { Ok(permitted) }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.lookup(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
