//! From names to addresses that may be called.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{AddressGuard, BoxFuture, GuardError};

/// Looks host names up.
pub trait Resolver: Send + Sync {
    /// The addresses of `name`, best first.
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The machine's own resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Keeps only addresses that may be called, so that what was checked is what is connected to.
pub(super) struct Guarded {
    pub(super) guard: AddressGuard,
    pub(super) resolver: Arc<dyn Resolver>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.guard.clone();
        let found = self.resolver.lookup(name.as_str().to_owned());
        Box::pin(async move {
            let mut refused = None;
            let allowed: Vec<SocketAddr> = found
                .await?
                .into_iter()
                .filter(|address| match guard.check(*address) {
                    Ok(()) => true,
                    Err(error) => {
                        refused.get_or_insert(error);
                        false
                    }
                })
                // The port is filled in from the URL.
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            match refused {
                Some(error) if allowed.is_empty() => Err(error.into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

/// What can be said of a name that a proxy will look up: every address it has here must be allowed, since the proxy
/// takes whichever it likes. A name that is not known here is the proxy's to judge.
pub(super) async fn check_for_proxy(
    guard: &AddressGuard,
    resolver: &dyn Resolver,
    name: &str,
) -> Result<(), GuardError> {
    let found = resolver.lookup(name.to_owned()).await.unwrap_or_default();
    found.into_iter().try_for_each(|address| guard.check(address))
}
