//! What an address is, by the registries of special addresses, and which IPv4 addresses an IPv6 address stands for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// What kind of host an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A host of the Internet.
    Global,
    /// A host of a network of one's own.
    Private,
    /// The machine itself.
    Loopback,
    /// No host, which systems take for the machine itself.
    Unspecified,
    /// A host of the machine's own link.
    LinkLocal,
    /// A group of hosts.
    Multicast,
    /// All hosts of a link.
    Broadcast,
    /// Set aside: nothing is, or will be, served there.
    Reserved,
}

/// IANA's IPv4 Special-Purpose Address Registry; the first match counts.
///
/// The ranges for benchmarks (RFC 2544) and the future (RFC 1112) are private: clusters give them to pods (GKE) and
/// to services of a mesh (Istio).
const V4: [(Ipv4Net, Kind); 16] = [
    // All of it, since systems differ in what they do with the rest of it.
    (v4([0, 0, 0, 0], 8), Kind::Unspecified),
    (v4([10, 0, 0, 0], 8), Kind::Private),
    (v4([100, 64, 0, 0], 10), Kind::Private),
    (v4([127, 0, 0, 0], 8), Kind::Loopback),
    (v4([169, 254, 0, 0], 16), Kind::LinkLocal),
    (v4([172, 16, 0, 0], 12), Kind::Private),
    (v4([192, 0, 0, 0], 24), Kind::Reserved),
    (v4([192, 0, 2, 0], 24), Kind::Reserved),
    (v4([192, 88, 99, 0], 24), Kind::Reserved),
    (v4([192, 168, 0, 0], 16), Kind::Private),
    (v4([198, 18, 0, 0], 15), Kind::Private),
    (v4([198, 51, 100, 0], 24), Kind::Reserved),
    (v4([203, 0, 113, 0], 24), Kind::Reserved),
    (v4([224, 0, 0, 0], 4), Kind::Multicast),
    (v4([255, 255, 255, 255], 32), Kind::Broadcast),
    (v4([240, 0, 0, 0], 4), Kind::Private),
];

/// IANA's IPv6 Special-Purpose Address Registry; the first match counts, and what none of them has is not assigned.
///
/// Those that stand for an IPv4 address ([`embedded`]) are judged by that as well.
const V6: [(Ipv6Net, Kind); 14] = [
    (v6([0; 8], 128), Kind::Unspecified),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Kind::Loopback),
    (NAT64, Kind::Global),
    (NAT64_LOCAL, Kind::Private),
    (TEREDO, Kind::Global),
    (v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), Kind::Private),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), Kind::Reserved),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Kind::Reserved),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Kind::Reserved),
    (v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3), Kind::Global),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Kind::Private),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Kind::LinkLocal),
    // Site-local, which was private before RFC 3879.
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Kind::Private),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Kind::Multicast),
];

/// NAT64's well-known prefix (RFC 6052).
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
/// NAT64's prefixes for local use (RFC 8215).
const NAT64_LOCAL: Ipv6Net = v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48);
/// RFC 4380.
const TEREDO: Ipv6Net = v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32);

const fn v4([a, b, c, d]: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}

/// What kind of host `address` leads to.
pub(super) fn kind(address: IpAddr) -> Kind {
    let found = match address {
        IpAddr::V4(address) => V4
            .iter()
            .find(|(net, _)| net.contains(&address))
            .map(|(_, kind)| *kind),
        IpAddr::V6(address) => V6
            .iter()
            .find(|(net, _)| net.contains(&address))
            .map(|(_, kind)| *kind),
    };
    found.unwrap_or(match address {
        IpAddr::V4(_) => Kind::Global,
        IpAddr::V6(_) => Kind::Reserved,
    })
}

/// The IPv4 addresses to which a translator or relay may pass on what is sent to `address`.
pub(super) fn embedded(address: IpAddr) -> Vec<Ipv4Addr> {
    let IpAddr::V6(address) = address else {
        return Vec::new();
    };
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        vec![Ipv4Addr::new(a, b, c, d)]
    };
    match address.segments() {
        [.., high, low] if NAT64.contains(&address) => from(high, low),
        _ if NAT64_LOCAL.contains(&address) => local_nat64(address),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => from(high, low),
        // Teredo keeps the client's address inverted.
        [.., high, low] if TEREDO.contains(&address) => from(!high, !low),
        // ISATAP (RFC 5214), below any prefix.
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => from(high, low),
        // IPv4-compatible (RFC 4291), deprecated; `::` and `::1` are no such addresses.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => from(high, low),
        // IPv4-translated (RFC 2765).
        [0, 0, 0, 0, 0xffff, 0, high, low] => from(high, low),
        _ => Vec::new(),
    }
}

/// A network may cut its prefix from the local-use one in several lengths (RFC 6052 §2.2), which the address does not
/// tell: those are taken whose octet and suffix of zeros are where they must be.
fn local_nat64(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let octets = address.octets();
    let mut found = Vec::new();
    for (places, zeros) in [
        ([6, 7, 9, 10], &octets[11..]),
        ([7, 9, 10, 11], &octets[12..]),
        ([9, 10, 11, 12], &octets[13..]),
    ] {
        if octets[8] == 0 && zeros.iter().all(|octet| *octet == 0) {
            found.push(places);
        }
    }
    found.push([12, 13, 14, 15]);
    let address = |places: [usize; 4]| Ipv4Addr::from(places.map(|at| octets[at]));
    let mut found: Vec<_> = found.into_iter().map(address).collect();
    // Zeros are the suffix of a longer prefix, unless nothing else is there.
    if found.iter().any(|address| address.octets()[0] != 0) {
        found.retain(|address| address.octets()[0] != 0);
    }
    found
}
