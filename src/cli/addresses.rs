//! The flags of what may be called, and how much of it at once.

use clap::{ArgAction, Args};
use ipnet::IpNet;

use crate::http::{AddressGuard, ClientError, HttpClient, HttpOptions, MAX_REQUESTS_PER_HOST, Proxies};

/// Which networks may be called.
#[derive(Args, Clone, Debug)]
pub(super) struct AddressArgs {
    /// Allow callbacks and sources in this network although the address guard refuses it; may be repeated
    ///
    /// Refused unless allowed: link-local with the cloud metadata services, multicast, reserved ranges, and for the
    /// operator loopback, its own addresses and the API server too.
    #[arg(
        long = "allow-address",
        env = "POLLINATOR_ALLOW_ADDRESS",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    pub(super) allow: Vec<IpNet>,
    /// Never call this network; wins over --allow-address; may be repeated
    #[arg(
        long = "deny-address",
        env = "POLLINATOR_DENY_ADDRESS",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    pub(super) deny: Vec<IpNet>,
    /// Allow callbacks and sources at private addresses, as Services of the same cluster have
    ///
    /// Private are 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 198.18.0.0/15, 240.0.0.0/4, fc00::/7,
    /// fec0::/10, 2001:2::/48 and 64:ff9b:1::/48. With false, --allow-address names those that are meant.
    #[arg(
        long = "allow-private-addresses",
        env = "POLLINATOR_ALLOW_PRIVATE_ADDRESSES",
        value_name = "BOOL",
        default_value_t = true,
        action = ArgAction::Set
    )]
    pub(super) allow_private: bool,
    /// Requests, and so connections, to one host at once, of all instances together; others wait
    #[arg(
        long,
        env = "POLLINATOR_MAX_REQUESTS_PER_HOST",
        value_name = "NUMBER",
        default_value_t = MAX_REQUESTS_PER_HOST as u32,
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    max_requests_per_host: u32,
}

impl AddressArgs {
    pub(super) fn max_requests_per_host(&self) -> usize {
        self.max_requests_per_host as usize
    }

    /// The way to the network from a person's own machine.
    pub(super) fn laptop(&self) -> Result<HttpClient, ClientError> {
        let guard = AddressGuard::laptop(self.allow.clone(), self.deny.clone()).private(self.allow_private);
        HttpClient::with(HttpOptions {
            proxies: Proxies::from_env()?,
            max_requests_per_host: self.max_requests_per_host(),
            ..HttpOptions::new(guard)
        })
    }
}
