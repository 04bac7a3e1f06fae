//! The flags of the address guard.

use clap::Args;
use ipnet::IpNet;

/// Which networks may be called.
#[derive(Args, Clone, Debug)]
pub(super) struct AddressArgs {
    /// Allow callbacks and sources in this network although the address guard refuses it; may be repeated
    ///
    /// Refused unless allowed: link-local with the cloud metadata services, multicast, and for the operator loopback
    /// and the API server too.
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
}
