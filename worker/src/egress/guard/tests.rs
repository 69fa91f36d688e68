//! The table of URLs. A URL that does not even parse counts as refused: it never becomes a `Url`.

use super::*;

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Outcome {
    /// May be called, or is a name whose addresses are judged when it is resolved.
    Callable,
    /// The address is not allowed.
    Forbidden,
    /// Cannot be called whatever it points to.
    Bad,
}

use Outcome::{Bad, Callable, Forbidden};

fn outcome(guard: &Guard, text: &str) -> Outcome {
    let Ok(url) = Url::parse(text) else {
        return Bad;
    };
    match guard.check_url(&url) {
        Ok(()) => Callable,
        Err(EgressError::Forbidden) => Forbidden,
        Err(_) => Bad,
    }
}

fn check(guard: &Guard, expected: Outcome, urls: &[&str]) {
    for url in urls {
        assert_eq!(outcome(guard, url), expected, "{url}");
    }
}

#[test]
fn public_receivers_are_callable() {
    check(
        &Guard::default(),
        Callable,
        &[
            "https://hooks.slack.com/services/T0/B0/x",
            "http://example.com/",
            "https://example.com:8443/hook?a=b#c",
            "https://example.com:1024/",
            "http://example.com:8080/",
            "https://example.com./",
            "https://sub.example.co.jp/",
            "https://例え.jp/フック",
            "https://bücher.example/",
            "https://xn--r8jz45g.jp/",
            "HTTPS://EXAMPLE.COM/",
            "https:example.com",
            "https:///example.com/",
            "https:\\\\example.com\\path",
            "https://exa\tmple.com/",
            "https://8.8.8.8/",
            "https://8.8.8.8./",
            "http://134744072/",
            "http://0x08080808/",
            "http://010.8.8.010/",
            "http://8.526344/",
            "http://1.1.1.1:8000/",
            "http://172.15.255.255/",
            "http://172.32.0.0/",
            "http://100.63.255.255/",
            "http://100.128.0.0/",
            "http://169.253.255.255/",
            "http://192.167.255.255/",
            "http://198.17.255.255/",
            "http://198.20.0.0/",
            "http://223.255.255.255/",
            "http://126.255.255.255/",
            "http://128.0.0.0/",
            "http://9.255.255.255/",
            "http://11.0.0.0/",
            "https://[2606:4700:4700::1111]/",
            "https://[2001:4860:4860::8888]:8443/",
            "https://[2001:200::1]/",
            "https://[2400:cb00::1]/",
            "https://[::ffff:8.8.8.8]/",
            "https://[::ffff:808:808]/",
            "https://[64:ff9b::8.8.8.8]/",
            // Names: the resolved address decides, tested with the client.
            "http://metadata.google.internal/",
            "http://127.0.0.1.nip.io/",
            "http://db/",
            "http://0x7f000001.example/",
            "http://127.0.0.+1/",
        ],
    );
}

#[test]
fn the_own_host_is_known_by_its_name() {
    let urls = [
        "http://localhost/",
        "http://localhost.:8080/",
        "http://LOCALHOST/",
        "https://hook.localhost/",
    ];
    check(&Guard::default(), Forbidden, &urls);
    for network in ["127.0.0.0/8", "::1/128"] {
        check(&Guard::new(vec![network.parse().unwrap()]), Callable, &urls);
    }
}

#[test]
fn every_spelling_of_an_inner_ipv4_address_is_forbidden() {
    check(
        &Guard::default(),
        Forbidden,
        &[
            // Loopback, plainly and by the number forms that URLs allow.
            "http://127.0.0.1/",
            "https://127.0.0.1/",
            "http://127.0.0.1:8080/",
            "http://127.255.255.254/",
            "http://127.0.0.1./",
            "http://127.1/",
            "http://127.0.1/",
            "http://127.1./",
            "http://2130706433/",
            "http://2130706433./",
            "http://0x7f000001/",
            "http://0x7F.1/",
            "http://0x7f.0x0.0x0.0x1/",
            "http://017700000001/",
            "http://0177.0.0.1/",
            "http://0177.0x0.0.1/",
            "http://00000177.0.0.01/",
            "http://127.0.0.0x1/",
            "http://127.65535/",
            "http://127.0x1/",
            "http://%31%32%37.0.0.1/",
            "http://127%2e0%2e0%2e1/",
            "http://１２７.0.0.1/",
            "http://①②⑦.⓪.⓪.①/",
            "http://127。0。0。1/",
            "http://127．0．0．1/",
            "http://127｡0｡0｡1/",
            "http://1\t27.0.0.1/",
            "http:127.0.0.1/",
            "http:/127.0.0.1/",
            "http:\\\\127.0.0.1\\",
            "http:///127.0.0.1/",
            "http://127.0.0.1#@example.com/",
            "http://127.0.0.1?@example.com/",
            "http://127.0.0.1\\@example.com/",
            // This network.
            "http://0/",
            "http://0.0.0.0/",
            "http://00/",
            "http://0x0/",
            "http://0x/",
            "http://0.1.2.3/",
            // Private.
            "http://10.0.0.1/",
            "http://10.255.255.255/",
            "http://10.1/",
            "http://167772161/",
            "http://012.0.0.1/",
            "http://0xa.0.0.1/",
            "http://172.16.0.0/",
            "http://172.31.255.255/",
            "http://172.16.1/",
            "http://2886729729/",
            "http://192.168.0.1/",
            "http://192.168.255.255/",
            "http://192.168.1/",
            "http://3232235777/",
            "http://0xc0a80101/",
            "http://0300.0250.1.1/",
            // Carrier-grade NAT.
            "http://100.64.0.0/",
            "http://100.127.255.255/",
            "http://100.100.100.200/latest/meta-data/",
            // Link-local and metadata.
            "http://169.254.169.254/latest/meta-data/",
            "http://169.254.169.254./",
            "http://169.254.0.1/",
            "http://169.254.170.2/v2/credentials",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://0xA9.0xFE.0xA9.0xFE/",
            "http://0251.0376.0251.0376/",
            "http://169.254.43518/",
            "http://169.16689662/",
            "http://168.63.129.16/",
            "http://192.0.0.192/",
            // Reserved of every kind.
            "http://192.0.0.1/",
            "http://192.0.2.1/",
            "http://192.88.99.1/",
            "http://198.18.0.1/",
            "http://198.19.255.255/",
            "http://198.51.100.7/",
            "http://203.0.113.255/",
            "http://224.0.0.1/",
            "http://239.255.255.250/",
            "http://240.0.0.1/",
            "http://255.255.255.255/",
            "http://4294967295/",
        ],
    );
}

#[test]
fn inner_ipv6_addresses_and_ipv4_hidden_in_ipv6_are_forbidden() {
    check(
        &Guard::default(),
        Forbidden,
        &[
            "http://[::]/",
            "http://[::1]/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://[0000::0001]:8080/",
            "http://[::127.0.0.1]/",
            "http://[::8.8.8.8]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[0:0:0:0:0:ffff:7f00:0001]/",
            "http://[::FFFF:10.0.0.1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[::ffff:0:127.0.0.1]/",
            "http://[64:ff9b::127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[64:ff9b::10.0.0.1]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[64:ff9b:1::8.8.8.8]/",
            "http://[64:ff9b:1:7f00:0:100::]/",
            "http://[100::1]/",
            "http://[2001::1]/",
            "http://[2001:0:808:808:0:0:80ff:fffe]/",
            "http://[2001:0:7f00:1::]/",
            "http://[2001:2::1]/",
            "http://[2001:10::1]/",
            "http://[2001:20::1]/",
            "http://[2001:db8::1]/",
            "http://[2002:7f00:1::]/",
            "http://[2002:a00:1::1]/",
            "http://[2002:c0a8:101::1]/",
            "http://[2002:a9fe:a9fe::]/",
            "http://[2002:808:808::1]/",
            "http://[3ffe::1]/",
            "http://[3fff::1]/",
            "http://[2400:cb00::5efe:7f00:1]/",
            "http://[2400:cb00::200:5efe:10.0.0.1]/",
            "http://[4000::1]/",
            "http://[5f00::1]/",
            "http://[fc00::1]/",
            "http://[fd00:ec2::254]/",
            "http://[fdff:ffff::1]/",
            "http://[fe80::1]/",
            "http://[fe80::a9fe:a9fe]/",
            "http://[febf::1]/",
            "http://[fec0::1]/",
            "http://[ff02::1]/",
            "http://[ff0e::1]/",
            "http://[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]/",
        ],
    );
}

#[test]
fn urls_that_are_not_a_plain_http_call_are_refused() {
    check(
        &Guard::default(),
        Bad,
        &[
            // Other schemes.
            "file:///etc/passwd",
            "ftp://example.com/",
            "gopher://127.0.0.1:6379/_FLUSHALL",
            "ws://example.com/",
            "wss://example.com/",
            "data:text/plain,x",
            "javascript:alert(1)",
            "unix:/var/run/docker.sock",
            "dict://127.0.0.1:11211/",
            "ldap://127.0.0.1/",
            "blob:https://example.com/x",
            "httpss://example.com/",
            // Credentials, which also disguise the host.
            "https://user@example.com/",
            "https://user:pass@example.com/",
            "https://:pass@example.com/",
            "https://example.com@127.0.0.1/",
            "https://example.com%40@127.0.0.1/",
            "https://example.com:80@127.0.0.1/",
            "https://hooks.slack.com@evil.example/",
            // No host, or none that can be one.
            "",
            "https://",
            "https:///",
            "https://./",
            "https://../",
            "https://:80/",
            "/relative",
            "//example.com/",
            "example.com",
            "http://exa mple.com/",
            "http://exa%00mple.com/",
            "http://exa<mple.com/",
            "http://exa|mple.com/",
            "http://[::1/",
            "http://::1/",
            "http://[127.0.0.1]/",
            "http://[::1%25lo]/",
            "http://[fe80::1%25eth0]/",
            "http://[fe80::1%eth0]/",
            "http://[::1.2.3]/",
            "http://[1:2:3:4:5:6:7:8:9]/",
            // Numbers that are no address.
            "http://256.0.0.1/",
            "http://1.2.3.4.5/",
            "http://127.0.0.0.1/",
            "http://4294967296/",
            "http://0x100000000/",
            "http://09.0.0.1/",
            "http://127.0.0.x1.1/",
            "http://127.0.0.1%00/",
            "http://127.0.0.1%20/",
            // Other services' ports.
            "http://example.com:0/",
            "http://example.com:22/",
            "http://example.com:25/",
            "http://example.com:465/",
            "http://example.com:2375/",
            "http://example.com:3306/",
            "http://example.com:5432/",
            "http://example.com:6379/",
            "http://8.8.8.8:53/",
            "http://127.0.0.1:6379/",
            "http://example.com:11211/",
            "http://example.com:65536/",
            "http://example.com:-1/",
            "http://example.com:80x/",
        ],
    );
}

#[test]
fn an_allowed_network_permits_its_own_addresses_in_every_spelling_and_no_others() {
    let guard = Guard::new(vec![
        "127.0.0.0/8".parse().unwrap(),
        "10.1.0.0/16".parse().unwrap(),
        "fd00:1::/32".parse().unwrap(),
    ]);
    check(
        &guard,
        Callable,
        &[
            "http://127.0.0.1:8080/",
            "http://2130706433/",
            "http://[::ffff:127.0.0.1]/",
            "http://[64:ff9b::127.0.0.1]/",
            "http://10.1.255.255/",
            "http://[fd00:1::9]/",
            "https://8.8.8.8/",
        ],
    );
    check(
        &guard,
        Forbidden,
        &[
            "http://10.0.255.255/",
            "http://10.2.0.0/",
            "http://[::1]/",
            "http://[::127.0.0.1]/",
            "http://[2002:7f00:1::]/",
            "http://[fd00:2::9]/",
            "http://169.254.169.254/",
        ],
    );
    check(
        &guard,
        Bad,
        &[
            "http://127.0.0.1:5432/",
            "http://127.0.0.1:6379/",
            "http://user@127.0.0.1/",
            "file://127.0.0.1/",
        ],
    );
}

/// Every way in which a URL can spell an IPv4 address.
fn spellings(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let bits = address.to_bits();
    let (mid, low) = (bits & 0xff_ffff, bits & 0xffff);
    let wide: String = address
        .to_string()
        .chars()
        .map(|char| match char {
            '.' => '。',
            digit => char::from_u32(digit as u32 + ('０' as u32 - '0' as u32)).unwrap(),
        })
        .collect();
    vec![
        format!("{address}"),
        format!("{address}."),
        format!("{bits}"),
        format!("{bits:#x}"),
        format!("{bits:#X}"),
        format!("0{bits:o}"),
        format!("{a}.{mid}"),
        format!("{a}.{b}.{low}"),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("{a:#x}.0{b:o}.{low}"),
        wide,
        format!("[::ffff:{address}]"),
        format!("[::ffff:{:x}:{low:x}]", bits >> 16),
        format!("[64:ff9b::{address}]"),
        format!("[2002:{:x}:{low:x}::]", bits >> 16),
        format!("[2001:0:{:x}:{low:x}::]", bits >> 16),
        format!("[2001::{:x}:{:x}]", !bits >> 16, !low & 0xffff),
        format!("[::{address}]"),
        format!("[2400:cb00::5efe:{address}]"),
    ]
}

#[test]
fn the_ends_of_every_forbidden_range_are_forbidden_in_every_spelling() {
    let guard = Guard::default();
    for network in FORBIDDEN_V4 {
        for address in [network.network(), network.broadcast()] {
            for host in spellings(address) {
                check(&guard, Forbidden, &[&format!("https://{host}/")]);
            }
        }
    }
    for network in FORBIDDEN_V6 {
        for address in [network.network(), network.broadcast()] {
            check(&guard, Forbidden, &[&format!("https://[{address}]/")]);
        }
    }
}
