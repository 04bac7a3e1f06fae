//! Which addresses may be called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

/// Decides which addresses may be called, so that a manifest cannot turn the operator against its own network.
///
/// The deny list is asked first, then the allow list, then the built-in rules. Private ranges may be called.
#[derive(Clone, Debug)]
pub struct AddressGuard {
    allow: Vec<IpNet>,
    deny: Vec<IpNet>,
    api_server: Vec<IpAddr>,
    loopback: bool,
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
        Self {
            allow: allow.into_iter().map(canonical_net).collect(),
            deny: deny.into_iter().map(canonical_net).collect(),
            api_server: api_server.iter().map(IpAddr::to_canonical).collect(),
            loopback: false,
        }
    }

    /// The guard of the command line on a person's own machine: loopback may be called, and there is no API server.
    pub fn laptop(allow: Vec<IpNet>, deny: Vec<IpNet>) -> Self {
        Self {
            loopback: true,
            ..Self::operator(allow, deny, Vec::new())
        }
    }

    /// Says whether `address` may be connected to.
    pub fn check(&self, address: IpAddr) -> Result<(), GuardError> {
        let outer = address.to_canonical();
        let embedded = embedded_v4(outer).map(IpAddr::V4);
        let faces = || std::iter::once(outer).chain(embedded);
        for face in faces() {
            if let Some(net) = self.deny.iter().find(|net| net.contains(&face)) {
                return Err(GuardError::Denied { address, net: *net });
            }
        }
        if self.allows(outer) {
            return Ok(());
        }
        faces()
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
        if self.api_server.contains(&face) {
            return Err(GuardError::ApiServer { address });
        }
        if face.is_loopback() {
            return if self.loopback {
                Ok(())
            } else {
                Err(GuardError::Loopback { address })
            };
        }
        if is_unspecified(face) {
            return Err(GuardError::Unspecified { address });
        }
        if is_link_local(face) {
            return Err(GuardError::LinkLocal { address });
        }
        if face.is_multicast() {
            return Err(GuardError::Multicast { address });
        }
        if face == IpAddr::V4(Ipv4Addr::BROADCAST) {
            return Err(GuardError::Broadcast { address });
        }
        Ok(())
    }
}

/// Metadata services of clouds; those within the link-local range are listed to be called by their name.
const METADATA: [IpAddr; 8] = [
    // AWS, Azure, Google and most others; AWS container credentials; AWS EKS pod identity.
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    // Google over IPv6, Azure's wire server, Alibaba.
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
];

/// All of 0.0.0.0/8, since systems differ in what they do with the rest of it.
fn is_unspecified(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[0] == 0,
        IpAddr::V6(v6) => v6.is_unspecified(),
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// The IPv4 address to which a translator or relay would pass on what is sent to `address`.
fn embedded_v4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        // NAT64 (RFC 6052) and the /96s of its local-use prefix (RFC 8215).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 1, _, _, _, high, low] => from(high, low),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => from(high, low),
        // Teredo (RFC 4380) keeps the client's address inverted.
        [0x2001, 0, .., high, low] => from(!high, !low),
        // IPv4-compatible (RFC 4291), deprecated; `::` and `::1` are no such addresses.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => from(high, low),
        _ => None,
    }
}

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
mod tests {
    use super::*;

    const API_SERVER: &str = "10.96.0.1";

    fn nets(list: &str) -> Vec<IpNet> {
        list.split_whitespace().map(|net| net.parse().unwrap()).collect()
    }

    fn rule(result: Result<(), GuardError>) -> &'static str {
        match result {
            Ok(()) => "",
            Err(GuardError::Denied { .. }) => "denied",
            Err(GuardError::Loopback { .. }) => "loopback",
            Err(GuardError::Unspecified { .. }) => "unspecified",
            Err(GuardError::Metadata { .. }) => "metadata",
            Err(GuardError::LinkLocal { .. }) => "link-local",
            Err(GuardError::Multicast { .. }) => "multicast",
            Err(GuardError::Broadcast { .. }) => "broadcast",
            Err(GuardError::ApiServer { .. }) => "api server",
        }
    }

    fn check(allow: &str, deny: &str, cases: &[(&str, &str)]) {
        let guard = AddressGuard::operator(nets(allow), nets(deny), vec![API_SERVER.parse().unwrap()]);
        for (address, expected) in cases {
            assert_eq!(
                rule(guard.check(address.parse().unwrap())),
                *expected,
                "{address}"
            );
        }
    }

    #[test]
    fn built_in_rules() {
        check(
            "",
            "",
            &[
                ("127.0.0.1", "loopback"),
                ("127.255.0.9", "loopback"),
                ("::1", "loopback"),
                ("0.0.0.0", "unspecified"),
                ("0.1.2.3", "unspecified"),
                ("::", "unspecified"),
                ("169.254.169.254", "metadata"),
                ("169.254.170.2", "metadata"),
                ("fd00:ec2::254", "metadata"),
                ("fd20:ce::254", "metadata"),
                ("100.100.100.200", "metadata"),
                ("168.63.129.16", "metadata"),
                ("169.254.0.1", "link-local"),
                ("fe80::1", "link-local"),
                ("febf::1", "link-local"),
                ("224.0.0.1", "multicast"),
                ("239.255.255.255", "multicast"),
                ("ff02::1", "multicast"),
                ("255.255.255.255", "broadcast"),
                (API_SERVER, "api server"),
                // The same in other clothes.
                ("::ffff:127.0.0.1", "loopback"),
                ("::ffff:169.254.169.254", "metadata"),
                ("::ffff:10.96.0.1", "api server"),
                ("64:ff9b::7f00:1", "loopback"),
                ("64:ff9b::a9fe:a9fe", "metadata"),
                ("64:ff9b:1::a60:1", "api server"),
                ("2002:7f00:1::", "loopback"),
                ("2002:a9fe:a9fe::1", "metadata"),
                ("2001:0:1:2:3:4:80ff:fffe", "loopback"),
                ("::127.0.0.1", "loopback"),
                // What is fine.
                ("10.96.0.2", ""),
                ("10.0.0.1", ""),
                ("172.16.0.1", ""),
                ("192.168.1.1", ""),
                ("100.64.0.1", ""),
                ("fd00::1", ""),
                ("8.8.8.8", ""),
                ("2606:4700::1111", ""),
                ("64:ff9b::808:808", ""),
                ("2002:808:808::1", ""),
            ],
        );
    }

    #[test]
    fn allow_list_wins_over_built_in_rules() {
        check(
            "127.0.0.1/32 fe80::/64 10.96.0.0/16 ::ffff:169.254.0.0/112",
            "",
            &[
                ("127.0.0.1", ""),
                ("127.0.0.2", "loopback"),
                ("::ffff:127.0.0.1", ""),
                ("64:ff9b::7f00:1", ""),
                ("64:ff9b::7f00:2", "loopback"),
                ("::1", "loopback"),
                ("fe80::1", ""),
                ("fe80:0:0:1::1", "link-local"),
                (API_SERVER, ""),
                ("169.254.1.1", ""),
            ],
        );
    }

    #[test]
    fn allowing_a_translated_address_needs_no_second_entry() {
        check(
            "64:ff9b::/96",
            "",
            &[("64:ff9b::7f00:1", ""), ("127.0.0.1", "loopback")],
        );
    }

    #[test]
    fn deny_list_wins_over_everything() {
        check(
            "0.0.0.0/0 ::/0",
            "10.0.0.0/8 2001:db8::/32 ::ffff:192.168.0.0/112",
            &[
                ("10.1.2.3", "denied"),
                ("::ffff:10.1.2.3", "denied"),
                ("64:ff9b::a01:203", "denied"),
                ("2001:db8::1", "denied"),
                ("192.168.3.4", "denied"),
                ("127.0.0.1", ""),
                ("192.169.0.1", ""),
            ],
        );
    }

    #[test]
    fn a_laptop_may_call_itself_and_nothing_more() {
        let guard = AddressGuard::laptop(Vec::new(), nets("127.0.0.9/32"));
        for (address, expected) in [
            ("127.0.0.1", ""),
            ("::1", ""),
            ("::ffff:127.0.0.1", ""),
            ("127.0.0.9", "denied"),
            ("0.0.0.0", "unspecified"),
            ("169.254.169.254", "metadata"),
        ] {
            assert_eq!(rule(guard.check(address.parse().unwrap())), expected, "{address}");
        }
    }

    #[test]
    fn errors_name_the_address_and_the_remedy() {
        let guard = AddressGuard::operator(Vec::new(), nets("10.0.0.0/8"), Vec::new());
        for (address, message) in [
            (
                "::ffff:127.0.0.1",
                "::ffff:127.0.0.1 is a loopback address; if this is meant, start with --allow-address 127.0.0.1/32",
            ),
            (
                "fe80::1",
                "fe80::1 is a link-local address; if this is meant, start with --allow-address fe80::1/128",
            ),
            (
                "10.1.1.1",
                "10.1.1.1 is in 10.0.0.0/8, which --deny-address refuses",
            ),
        ] {
            assert_eq!(
                guard.check(address.parse().unwrap()).unwrap_err().to_string(),
                message
            );
        }
    }
}
