//! A `server` line: the address, and what of its options decides how it is checked (configuration manual, 5.2).

use std::time::Duration;

use super::check::Check;
use super::words::Word;
use crate::model::{Asks, HealthCheck, Target, Written};

/// The bytes of an abstract name in a socket address, without its NUL (unix(7), `sun_path`).
const ABSTRACT: usize = 107;

/// How often, and how long at most, unless something else is said.
const INTER: Duration = Duration::from_secs(2);

/// Options with one value, which must not be taken for options themselves.
const WITH_VALUE: [&[u8]; 41] = [
    b"agent-addr",
    b"agent-inter",
    b"agent-port",
    b"agent-send",
    b"alpn",
    b"ca-file",
    b"check-alpn",
    b"check-sni",
    b"ciphers",
    b"ciphersuites",
    b"cookie",
    b"crl-file",
    b"crt",
    b"downinter",
    b"error-limit",
    b"fall",
    b"fastinter",
    b"id",
    b"init-addr",
    b"log-bufsize",
    b"max-reuse",
    b"maxconn",
    b"maxqueue",
    b"minconn",
    b"namespace",
    b"npn",
    b"observe",
    b"on-error",
    b"on-marked-down",
    b"on-marked-up",
    b"pool-low-conn",
    b"pool-max-conn",
    b"redir",
    b"rise",
    b"resolve-prefer",
    b"resolvers",
    b"slowstart",
    b"sni",
    b"source",
    b"track",
    b"weight",
];

/// What the options of a server say, on top of those of `default-server`.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the line")]
pub(super) struct Options {
    check: bool,
    /// It starts in maintenance: nobody is sent to it, and nobody checks it.
    pub(super) disabled: bool,
    tls: bool,
    check_tls: bool,
    send_proxy: bool,
    check_proxy: bool,
    inter: Option<Duration>,
    /// Where the check goes instead.
    address: Option<Vec<u8>>,
    port: Option<Vec<u8>>,
    /// `proto fcgi`
    pub(super) fast_cgi: bool,
    /// Another protocol than HTTP/1.1: `proto h2`.
    other_tongue: bool,
}

impl Options {
    /// What is sent is a request of HTTP/1, and nothing before or around it.
    pub(super) const fn is_plain(&self) -> bool {
        !(self.other_tongue || self.tls || self.send_proxy)
    }

    pub(super) fn read(&mut self, words: &[Word]) {
        let mut words = words.iter().map(|word| word.text.as_slice());
        while let Some(word) = words.next() {
            match word {
                b"check" => self.check = true,
                b"no-check" => self.check = false,
                b"disabled" => self.disabled = true,
                b"enabled" => self.disabled = false,
                b"ssl" => self.tls = true,
                b"no-ssl" => self.tls = false,
                b"check-ssl" => self.check_tls = true,
                b"no-check-ssl" => self.check_tls = false,
                b"send-proxy" | b"send-proxy-v2" | b"send-proxy-v2-ssl" | b"send-proxy-v2-ssl-cn" => {
                    self.send_proxy = true;
                }
                b"check-send-proxy" => self.check_proxy = true,
                b"inter" => self.inter = words.next().and_then(time),
                b"addr" => self.address = words.next().map(<[u8]>::to_vec),
                b"port" => self.port = words.next().map(<[u8]>::to_vec),
                b"proto" => match words.next() {
                    Some(b"fcgi") => self.fast_cgi = true,
                    Some(b"h1") => self.other_tongue = false,
                    _ => self.other_tongue = true,
                },
                b"check-proto" => self.other_tongue |= words.next() != Some(b"h1"),
                _ if WITH_VALUE.contains(&word) => drop(words.next()),
                _ => {}
            }
        }
    }
}

/// A `server` line.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) address: Word,
    pub(super) options: Options,
    pub(super) written: Written,
}

impl Line {
    /// How it is checked in a section with this check and `timeout check`.
    pub(super) fn check(self, backend: &str, check: &Check, timeout: Option<Duration>) -> HealthCheck {
        let Options { check: checked, tls, check_tls, send_proxy, check_proxy, inter, address, port, .. } =
            &self.options;
        let (asks, asked_at) = check.asks();
        let elsewhere = address.is_some() || port.is_some();
        // Where the check goes elsewhere, the options of the server do not count for it.
        let asks = match asks {
            _ if !checked || self.options.disabled => Asks::Nothing,
            _ if *check_tls || (*tls && !elsewhere) => Asks::Other("TLS".into()),
            _ if *check_proxy || (*send_proxy && !elsewhere) => Asks::Other("the PROXY protocol".into()),
            Asks::Http(..) if self.options.fast_cgi || self.options.other_tongue => {
                Asks::Other("another protocol than HTTP/1".into())
            }
            asks => asks,
        };
        let address = address.as_deref().unwrap_or(&self.address.text);
        HealthCheck {
            backend: backend.to_owned(),
            server: self.name,
            target: target(address, port.as_deref()),
            asks,
            timeout: timeout.or(*inter).unwrap_or(INTER),
            written: self.written,
            asked_at,
        }
    }
}

/// The path of a Unix socket, an abstract name with its `@`; `None`: an address of another kind.
pub(super) fn path(address: &[u8]) -> Option<Vec<u8>> {
    let address =
        [&b"stream+"[..], b"dgram+"].iter().find_map(|kind| address.strip_prefix(*kind)).unwrap_or(address);
    let path = match address.strip_prefix(b"unix@") {
        Some(path) => path.to_vec(),
        None if address.starts_with(b"/") => address.to_vec(),
        None => [b"@", address.strip_prefix(b"abns@").filter(|name| !name.is_empty())?].concat(),
    };
    (!path.is_empty()).then_some(path)
}

fn target(address: &[u8], port: Option<&[u8]>) -> Option<Target> {
    if let Some(path) = path(address) {
        return Some(match path.strip_prefix(b"@") {
            // It fills its address with NULs, and all of them are of the name (HAProxy, src/tools.c).
            Some(name) if !address.starts_with(b"unix@") => {
                let mut name = name.to_vec();
                name.resize(name.len().max(ABSTRACT), 0);
                Target::Abstract(name)
            }
            _ => Target::Path(path),
        });
    }
    let text = std::str::from_utf8(address).ok()?;
    let text = ["ipv4@", "ipv6@"].iter().find_map(|kind| text.strip_prefix(kind)).unwrap_or(text);
    if text.contains(['@', '/', '$']) {
        return None;
    }
    let (host, own) = text.rsplit_once(':')?;
    let port = port.and_then(|port| std::str::from_utf8(port).ok()).unwrap_or(own);
    let _: u16 = port.parse().ok()?;
    let host =
        if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
    (!host.is_empty()).then(|| Target::Tcp(format!("{host}:{port}")))
}

/// A time: milliseconds unless a unit is said (configuration manual, 2.4).
pub(super) fn time(text: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u32 = text[..digits].parse().ok()?;
    let number = u64::from(number);
    Some(match &text[digits..] {
        "us" => Duration::from_micros(number),
        "" | "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number * 60),
        "h" => Duration::from_secs(number * 3600),
        "d" => Duration::from_secs(number * 86400),
        _ => return None,
    })
}
