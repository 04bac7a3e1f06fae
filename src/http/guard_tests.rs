use std::io;

use bytes::Bytes;
use url::{Host, Url};

use super::super::{BodyLimit, BoxFuture, HttpClient, HttpError, HttpOptions, Limits, Resolver, Transport};
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
        Err(GuardError::Own { .. }) => "own",
        Err(GuardError::Reserved { .. }) => "reserved",
        Err(GuardError::Private { .. }) => "private",
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

/// What a host name resolves to in the table.
struct Names;

const NAMES: [(&str, &str); 8] = [
    ("localhost", "127.0.0.1 ::1"),
    ("metadata.google.internal", "169.254.169.254"),
    ("kubernetes.default.svc", "10.96.0.1"),
    ("control-plane.test", "172.18.0.2"),
    ("pollinator.pollinator.svc", "10.244.1.9"),
    (
        "everywhere.test",
        "127.0.0.1 169.254.169.254 ::ffff:10.96.0.1 64:ff9b::7f00:1 224.0.0.1",
    ),
    ("nat64.test", "64:ff9b::a9fe:a9fe"),
    ("receiver.finance.svc", "10.96.7.7"),
];

impl Resolver for Names {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let name = name.trim_end_matches('.');
        let found = NAMES.iter().find(|(known, _)| *known == name);
        let found = found.map(|(_, addresses)| addresses.split(' ').map(|ip| ip.parse().unwrap()).collect());
        Box::pin(std::future::ready(
            found.ok_or_else(|| io::Error::other("no such name")),
        ))
    }
}

/// Every form of an address, through the client: what it is refused as, where private addresses may be called and where
/// they may not; nothing where it is let through.
#[tokio::test]
async fn every_form_of_an_address() {
    const TABLE: &[(&str, &str, &str)] = &[
        // The machine itself, in every notation that some resolver understands.
        ("127.0.0.1", "loopback", "loopback"),
        ("127.255.0.9", "loopback", "loopback"),
        ("127.1", "loopback", "loopback"),
        ("127.0.1", "loopback", "loopback"),
        ("127.0.0.1.", "loopback", "loopback"),
        ("2130706433", "loopback", "loopback"),
        ("017700000001", "loopback", "loopback"),
        ("0177.0.0.1", "loopback", "loopback"),
        ("0177.0.0.01", "loopback", "loopback"),
        ("0x7f.0.0.1", "loopback", "loopback"),
        ("0x7f.1", "loopback", "loopback"),
        ("0x7f000001", "loopback", "loopback"),
        ("0X7F000001", "loopback", "loopback"),
        ("%31%32%37.0.0.1", "loopback", "loopback"),
        ("①②⑦.⓪.⓪.①", "loopback", "loopback"),
        ("１２７．０．０．１", "loopback", "loopback"),
        ("127。0。0。1", "loopback", "loopback"),
        ("[::1]", "loopback", "loopback"),
        ("[0:0:0:0:0:0:0:1]", "loopback", "loopback"),
        ("localhost", "loopback", "loopback"),
        ("LOCALHOST", "loopback", "loopback"),
        ("localhost.", "loopback", "loopback"),
        ("user:pass@127.0.0.1", "loopback", "loopback"),
        ("good.example@127.0.0.1", "loopback", "loopback"),
        ("good.example%2f@127.0.0.1", "loopback", "loopback"),
        ("127.0.0.1#@good.example", "loopback", "loopback"),
        ("127.0.0.1\\@good.example", "loopback", "loopback"),
        ("127.0.0.1/@good.example", "loopback", "loopback"),
        ("0.0.0.0", "unspecified", "unspecified"),
        ("0", "unspecified", "unspecified"),
        ("0.1.2.3", "unspecified", "unspecified"),
        ("[::]", "unspecified", "unspecified"),
        // Its cloud's metadata service.
        ("169.254.169.254", "metadata", "metadata"),
        ("2852039166", "metadata", "metadata"),
        ("0xa9fea9fe", "metadata", "metadata"),
        ("0251.0376.0251.0376", "metadata", "metadata"),
        ("169.254.43518", "metadata", "metadata"),
        ("169.254.170.2", "metadata", "metadata"),
        ("169.254.170.23", "metadata", "metadata"),
        ("[fd00:ec2::254]", "metadata", "metadata"),
        ("[fd20:ce::254]", "metadata", "metadata"),
        ("100.100.100.200", "metadata", "metadata"),
        ("168.63.129.16", "metadata", "metadata"),
        ("192.0.0.192", "metadata", "metadata"),
        ("metadata.google.internal", "metadata", "metadata"),
        // Its link.
        ("169.254.0.1", "link-local", "link-local"),
        ("169.254.20.10", "link-local", "link-local"),
        ("[fe80::1]", "link-local", "link-local"),
        ("[febf::1]", "link-local", "link-local"),
        // The API server: its Service and what is behind it.
        ("10.96.0.1", "api server", "api server"),
        ("172.18.0.2", "api server", "api server"),
        ("kubernetes.default.svc", "api server", "api server"),
        ("control-plane.test", "api server", "api server"),
        // The operator's own ports.
        ("10.244.1.9", "own", "own"),
        ("[fd00:10:244::9]", "own", "own"),
        ("[::ffff:10.244.1.9]", "own", "own"),
        ("pollinator.pollinator.svc", "own", "own"),
        ("198.51.99.7", "own", "own"),
        // Groups.
        ("224.0.0.1", "multicast", "multicast"),
        ("239.255.255.255", "multicast", "multicast"),
        ("[ff02::1]", "multicast", "multicast"),
        ("[ff0e::1]", "multicast", "multicast"),
        ("255.255.255.255", "broadcast", "broadcast"),
        // IPv6 addresses that stand for IPv4 ones: mapped, compatible, translated, NAT64 in both prefixes and in each
        // length, 6to4, Teredo, ISATAP.
        ("[::ffff:127.0.0.1]", "loopback", "loopback"),
        ("[::ffff:7f00:1]", "loopback", "loopback"),
        ("[::ffff:169.254.169.254]", "metadata", "metadata"),
        ("[::ffff:10.96.0.1]", "api server", "api server"),
        ("[::127.0.0.1]", "loopback", "loopback"),
        ("[::a9fe:a9fe]", "metadata", "metadata"),
        ("[::ffff:0:127.0.0.1]", "loopback", "loopback"),
        ("[64:ff9b::7f00:1]", "loopback", "loopback"),
        ("[64:ff9b::169.254.169.254]", "metadata", "metadata"),
        ("[64:ff9b:1::a60:1]", "api server", "api server"),
        ("[64:ff9b:1:abcd::127.0.0.1]", "loopback", "loopback"),
        ("[64:ff9b:1:a9fe:a9:fe00::]", "metadata", "metadata"),
        ("[64:ff9b:1:aba9:fe:a9fe::]", "metadata", "metadata"),
        ("[64:ff9b:1:abcd:a9:fea9:fe00:0]", "metadata", "metadata"),
        ("[2002:7f00:1::]", "loopback", "loopback"),
        ("[2002:a9fe:a9fe::1]", "metadata", "metadata"),
        ("[2001:0:1:2:3:4:80ff:fffe]", "loopback", "loopback"),
        ("[2001:db9::5efe:7f00:1]", "loopback", "loopback"),
        ("[2606:4700::200:5efe:a9fe:a9fe]", "metadata", "metadata"),
        ("nat64.test", "metadata", "metadata"),
        ("everywhere.test", "loopback", "loopback"),
        // Set aside.
        ("192.0.0.8", "reserved", "reserved"),
        ("192.0.2.1", "reserved", "reserved"),
        ("198.51.100.1", "reserved", "reserved"),
        ("203.0.113.1", "reserved", "reserved"),
        ("192.88.99.1", "reserved", "reserved"),
        ("[2001:db8::1]", "reserved", "reserved"),
        ("[2001:20::1]", "reserved", "reserved"),
        ("[3fff::1]", "reserved", "reserved"),
        ("[100::1]", "reserved", "reserved"),
        ("[5f00::1]", "reserved", "reserved"),
        ("[4000::1]", "reserved", "reserved"),
        ("[::808:808]", "reserved", "reserved"),
        ("[64:ff9b::c000:201]", "reserved", "reserved"),
        // Networks of one's own.
        ("10.0.0.1", "", "private"),
        ("10.96.0.2", "", "private"),
        ("172.16.0.1", "", "private"),
        ("172.31.255.255", "", "private"),
        ("192.168.1.1", "", "private"),
        ("3232235777", "", "private"),
        ("100.64.0.1", "", "private"),
        ("198.18.0.1", "", "private"),
        ("240.240.0.1", "", "private"),
        ("[fd12:3456::1]", "", "private"),
        ("[fec0::1]", "", "private"),
        ("[2001:2::1]", "", "private"),
        ("[::ffff:10.0.0.1]", "", "private"),
        ("[64:ff9b::a00:1]", "", "private"),
        ("[64:ff9b:1::808:808]", "", "private"),
        ("[2002:c0a8:101::1]", "", "private"),
        ("receiver.finance.svc", "", "private"),
        // The Internet.
        ("8.8.8.8", "", ""),
        ("172.15.0.1", "", ""),
        ("172.32.0.1", "", ""),
        ("100.128.0.1", "", ""),
        ("192.0.1.1", "", ""),
        ("[2606:4700::1111]", "", ""),
        ("[::ffff:8.8.8.8]", "", ""),
        ("[64:ff9b::808:808]", "", ""),
        ("[2002:808:808::1]", "", ""),
    ];
    let guard = AddressGuard::operator(Vec::new(), Vec::new(), vec!["10.96.0.1".parse().unwrap()]);
    guard.learn_api_server(["::ffff:172.18.0.2".parse().unwrap()]);
    guard.learn_own(
        ["127.0.0.1", "10.244.1.9", "fd00:10:244::9", "198.51.99.7"].map(|ip| ip.parse().unwrap()),
    );
    for (allowed, guard) in [(true, guard.clone()), (false, guard.private(false))] {
        let client = HttpClient::with(HttpOptions {
            resolver: Arc::new(Names),
            ..HttpOptions::new(guard.clone())
        });
        let client = client.unwrap();
        for (host, private_allowed, private_refused) in TABLE {
            let expected = if allowed { private_allowed } else { private_refused };
            // As the configuration reads it.
            let url = Url::parse(&format!("http://{host}:9/path"))
                .or_else(|_| Url::parse(&format!("http://{host}")));
            let url = url.unwrap_or_else(|error| panic!("{host}: {error}"));
            if expected.is_empty() {
                // Nobody is called to prove that he may be.
                let addresses = match url.host().unwrap() {
                    Host::Ipv4(address) => vec![IpAddr::V4(address)],
                    Host::Ipv6(address) => vec![IpAddr::V6(address)],
                    Host::Domain(name) => Names.lookup(name.to_owned()).await.unwrap(),
                };
                addresses
                    .iter()
                    .for_each(|address| assert_eq!(guard.check(*address), Ok(()), "{host}"));
                continue;
            }
            let request = ::http::Request::get(url.as_str()).body(Bytes::new()).unwrap();
            let limits = Limits {
                timeout: std::time::Duration::from_secs(30),
                body: BodyLimit::Refuse(0),
            };
            match client.send(request, limits).await {
                Err(HttpError::Refused { source, .. }) => assert_eq!(rule(Err(source)), *expected, "{host}"),
                other => panic!("{host}: {other:?}"),
            }
        }
    }
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
