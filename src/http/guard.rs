//! Which addresses may be called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, PoisonError, RwLock};

use ipnet::{IpNet, Ipv4Net};

use super::address::{Kind, embedded, kind};

/// Decides which addresses may be called, so that a manifest cannot turn the operator against its own network.
///
/// The deny list is asked first, then the allow list, then the built-in rules. An address that stands for others is
/// judged by them too. Clones share what is learned later.
#[derive(Clone, Debug)]
pub struct AddressGuard {
    allow: Vec<IpNet>,
    deny: Vec<IpNet>,
    loopback: bool,
    private: bool,
    surroundings: Arc<RwLock<Surroundings>>,
}

/// Where the operator runs.
#[derive(Debug, Default)]
struct Surroundings {
    api_server: Vec<IpAddr>,
    own: Vec<IpAddr>,
}

/// Which rule refused an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// `--deny-address` names it.
    #[error("{address} is in {net}, which --deny-address refuses")]
    Denied {
        /// As it was to be connected to.
        address: IpAddr,
        /// The entry of the deny list.
        net: IpNet,
    },
    /// The machine itself.
    #[error(
        "{address} is a loopback address; if this is meant, start with --allow-address {}",
        remedy(address)
    )]
    Loopback {
        /// As it was to be connected to.
        address: IpAddr,
    },
    /// No address, which systems take for the machine itself.
    #[error(
        "{address} names no host; if this is meant, start with --allow-address {}",
        remedy(address)
    )]
    Unspecified {
        /// As it was to be connected to.
        address: IpAddr,
    },
    /// A cloud's metadata service, which hands out credentials of the machine.
    #[error(
        "{address} is a cloud metadata service; if this is meant, start with --allow-address {}",
        remedy(address)
    )]
    Metadata {
        /// As it was to be connected to.
        address: IpAddr,
    },
    /// Valid on the machine's own link only.
    #[error(
        "{address} is a link-local address; if this is meant, start with --allow-address {}",
        remedy(address)
    )]
    LinkLocal {
        /// As it was to be connected to.
        address: IpAddr,
    },
    /// A group of hosts.
    #[error(
        "{address} is a multicast address; if this is meant, start with --allow-address {}",
        remedy(address)
    )]
    Multicast {
        /// As it was to be connected to.
        address: IpAddr,
    },
    /// All hosts of a link.
    #[error(
        "{address} is a broadcast address; if this is meant, start with --allow-address {}",
        remedy(address)
    )]
    Broadcast {
        /// As it was to be connected to.
        address: IpAddr,
    },
    /// Set aside by IANA for documentation, protocols or nothing yet.
    #[error(
        "{address} is in a reserved range; if this is meant, start with --allow-address {}",
        remedy(address)
    )]
    Reserved {
        /// As it was to be connected to.
        address: IpAddr,
    },
    /// In a network of one's own, where `--allow-private-addresses=false` refuses them.
    #[error(
        "{address} is a private address, which --allow-private-addresses=false refuses; if this one is meant, start with --allow-address {}",
        remedy(address)
    )]
    Private {
        /// As it was to be connected to.
        address: IpAddr,
    },
    /// The operator's own machine or pod, where its probes and metrics are served.
    #[error(
        "{address} is the operator's own address; if this is meant, start with --allow-address {}",
        remedy(address)
    )]
    Own {
        /// As it was to be connected to.
        address: IpAddr,
    },
    /// The Kubernetes API server of the operator's own cluster.
    #[error(
        "{address} is the Kubernetes API server; if this is meant, start with --allow-address {}",
        remedy(address)
    )]
    ApiServer {
        /// As it was to be connected to.
        address: IpAddr,
    },
}

impl AddressGuard {
    /// The guard of the operator; `api_server` are the addresses under which the cluster's API server is reached.
    pub fn operator(allow: Vec<IpNet>, deny: Vec<IpNet>, api_server: Vec<IpAddr>) -> Self {
        let guard = Self {
            allow: allow.into_iter().map(canonical_net).collect(),
            deny: deny.into_iter().map(canonical_net).collect(),
            loopback: false,
            private: true,
            surroundings: Arc::default(),
        };
        guard.learn_api_server(api_server);
        guard
    }

    /// The guard of the command line on a person's own machine: loopback may be called, and there is no API server.
    pub fn laptop(allow: Vec<IpNet>, deny: Vec<IpNet>) -> Self {
        Self {
            loopback: true,
            ..Self::operator(allow, deny, Vec::new())
        }
    }

    /// The same guard, which lets private addresses through or not; it does unless told otherwise, since most callbacks
    /// are Services of the same cluster.
    #[must_use]
    pub fn private(self, allowed: bool) -> Self {
        Self {
            private: allowed,
            ..self
        }
    }

    /// Adds addresses of the API server to those that are known.
    pub fn learn_api_server(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        let mut surroundings = self.surroundings.write().unwrap_or_else(PoisonError::into_inner);
        for address in addresses.into_iter().map(|address| address.to_canonical()) {
            if !surroundings.api_server.contains(&address) {
                surroundings.api_server.push(address);
            }
        }
    }

    /// Tells the addresses of the operator's own machine or pod, in place of those told before.
    pub fn learn_own(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        let own = addresses
            .into_iter()
            .map(|address| address.to_canonical())
            .collect();
        self.surroundings
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .own = own;
    }

    /// Says whether `address` may be connected to.
    pub fn check(&self, address: IpAddr) -> Result<(), GuardError> {
        let outer = address.to_canonical();
        // What it stands for comes first, as the more telling refusal.
        let mut faces: Vec<IpAddr> = embedded(outer).into_iter().map(IpAddr::V4).collect();
        faces.push(outer);
        for face in &faces {
            if let Some(net) = self.deny.iter().find(|net| net.contains(face)) {
                return Err(GuardError::Denied { address, net: *net });
            }
        }
        if self.allows(outer) {
            return Ok(());
        }
        faces
            .into_iter()
            .filter(|face| !self.allows(*face))
            .try_for_each(|face| self.built_in(face, address))
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.allow.iter().any(|net| net.contains(&address))
    }

    /// `face` is what is judged, `address` what the caller asked for.
    fn built_in(&self, face: IpAddr, address: IpAddr) -> Result<(), GuardError> {
        if METADATA.contains(&face) {
            return Err(GuardError::Metadata { address });
        }
        let surroundings = self.surroundings.read().unwrap_or_else(PoisonError::into_inner);
        if surroundings.api_server.contains(&face) {
            return Err(GuardError::ApiServer { address });
        }
        match kind(face) {
            Kind::Loopback if self.loopback => Ok(()),
            Kind::Loopback => Err(GuardError::Loopback { address }),
            Kind::Unspecified => Err(GuardError::Unspecified { address }),
            Kind::LinkLocal => Err(GuardError::LinkLocal { address }),
            Kind::Multicast => Err(GuardError::Multicast { address }),
            Kind::Broadcast => Err(GuardError::Broadcast { address }),
            Kind::Reserved => Err(GuardError::Reserved { address }),
            Kind::Global | Kind::Private if surroundings.own.contains(&face) => {
                Err(GuardError::Own { address })
            }
            Kind::Private if !self.private => Err(GuardError::Private { address }),
            Kind::Global | Kind::Private => Ok(()),
        }
    }
}

/// Metadata services of clouds; those within the link-local range are listed to be called by their name.
const METADATA: [IpAddr; 9] = [
    // AWS, Azure, Google and most others; AWS container credentials; AWS EKS pod identity.
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    // Google over IPv6, Azure's wire server, Alibaba, Oracle.
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
];

/// An IPv4-mapped IPv6 network is the IPv4 network it stands for, as addresses are compared in that form.
fn canonical_net(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    let (Some(v4), Some(length)) = (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) else {
        return net;
    };
    Ipv4Net::new(v4, length).map_or(net, IpNet::V4)
}

/// The smallest `--allow-address` that lets `address` through.
fn remedy(address: &IpAddr) -> IpNet {
    IpNet::from(address.to_canonical())
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
