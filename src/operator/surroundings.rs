//! Tells the address guard where the operator runs: its own addresses, and those of the API server.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use kube::Client;

use crate::http::AddressGuard;
use crate::store::in_words;

/// Pause between two looks, since addresses of both may change.
const PAUSE: Duration = Duration::from_secs(60);
/// The same while the API server did not tell its addresses yet.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// What is known without asking the API server: where its client calls it, what Kubernetes told the pod, and the
/// addresses of the pod.
pub(super) async fn look(guard: &AddressGuard, config: &kube::Config) {
    look_at_self(guard);
    let host = config
        .cluster_url
        .host()
        .unwrap_or_default()
        .trim_matches(['[', ']']);
    let told = std::env::var("KUBERNETES_SERVICE_HOST").ok();
    for host in [Some(host), told.as_deref()].into_iter().flatten() {
        match addresses_of(host).await {
            Ok(found) => guard.learn_api_server(found),
            Err(error) => {
                tracing::warn!(%host, %error, "the API server's addresses are unknown to the address guard");
            }
        }
    }
}

/// Goes on looking, and asks the API server for the address behind its Service; never ends.
pub(super) async fn keep_looking(guard: AddressGuard, config: kube::Config, client: Client) {
    let mut pause = FIRST_PAUSE;
    loop {
        match client.list_core_api_versions().await {
            Ok(versions) => {
                for server in versions.server_address_by_client_cidrs {
                    if let Some(address) = address(&server.server_address) {
                        guard.learn_api_server([address]);
                    }
                }
                pause = PAUSE;
            }
            Err(error) => tracing::debug!(
                error = in_words(&error),
                "the API server does not tell its addresses"
            ),
        }
        tokio::time::sleep(pause).await;
        look(&guard, &config).await;
    }
}

fn look_at_self(guard: &AddressGuard) {
    match if_addrs::get_if_addrs() {
        Ok(found) => guard.learn_own(found.iter().map(if_addrs::Interface::ip)),
        Err(error) => tracing::warn!(%error, "the operator's own addresses are unknown to the address guard"),
    }
}

async fn addresses_of(host: &str) -> std::io::Result<Vec<IpAddr>> {
    let found = tokio::net::lookup_host((host, 443)).await?;
    Ok(found.map(|address| address.ip()).collect())
}

/// `10.0.0.7:6443`, `[fd00::7]:6443`, or either without a port.
fn address(server: &str) -> Option<IpAddr> {
    let with_port = server.parse::<SocketAddr>().map(|address| address.ip());
    with_port.or_else(|_| server.parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_an_api_server_tells() {
        for (server, expected) in [
            ("10.0.0.7:6443", Some("10.0.0.7")),
            ("[fd00::7]:6443", Some("fd00::7")),
            ("10.0.0.7", Some("10.0.0.7")),
            ("fd00::7", Some("fd00::7")),
            ("control-plane:6443", None),
            ("", None),
        ] {
            assert_eq!(
                address(server),
                expected.map(|ip| ip.parse().unwrap()),
                "{server}"
            );
        }
    }

    #[tokio::test]
    async fn the_guard_learns_the_addresses_of_this_machine() {
        let guard = AddressGuard::operator(Vec::new(), Vec::new(), Vec::new());
        let config = kube::Config::new("https://192.168.77.7:6443".parse().unwrap());
        look(&guard, &config).await;
        assert!(guard.check("192.168.77.7".parse().unwrap()).is_err());
        for interface in if_addrs::get_if_addrs().unwrap() {
            assert!(guard.check(interface.ip()).is_err(), "{}", interface.ip());
        }
    }
}
