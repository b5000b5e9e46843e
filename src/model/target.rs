//! What the user names, in any of the spellings people paste.

use std::fmt;

use super::SocketType;

/// One thing to look at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// A path; relative ones are relative to the working directory.
    Path(Vec<u8>),
    /// A name in the abstract namespace, without its NUL.
    Abstract(Vec<u8>),
    /// A socket by its own inode.
    Inode(u32),
    /// A TCP server, `host:port`.
    Tcp(String),
}

/// Why a target could not be understood; each message says what would be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Nothing was given.
    #[error("the target is empty: give a path, @NAME or inode:N")]
    Empty,
    /// A NUL byte cannot be part of a path.
    #[error("the target holds a NUL byte, which no path can")]
    Nul,
    /// `inode:` without a number the kernel could have given.
    #[error("`{0}` is not a socket inode: use inode:N with N from `sockdoctor list` or `ss -xe`")]
    Inode(String),
    /// A percent escape that is none.
    #[error("`{0}` is not a percent-encoded socket path: write http+unix://%2Frun%2Fx.sock/")]
    Percent(String),
    /// A TCP address without host or port.
    #[error("`{0}` is not HOST:PORT")]
    Tcp(String),
    /// A scheme that names no socket.
    #[error("`{0}://` targets are not supported: use unix:, http+unix://, tcp: or http://")]
    Scheme(String),
}

impl Target {
    /// Understands `/path`, `@name`, `unix:…`, `http+unix://%2Fpath/…`, `inode:N`, `tcp:H:P`, `http://H:P/…`.
    pub fn parse(text: &[u8]) -> Result<Self, TargetError> {
        let lossy = || String::from_utf8_lossy(text).into_owned();
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        if text.contains(&0) {
            return Err(TargetError::Nul);
        }
        if let Some(rest) = text.strip_prefix(b"http+unix://") {
            let host = rest.split(|byte| *byte == b'/').next().unwrap_or_default();
            let path = percent_decode(host).ok_or_else(|| TargetError::Percent(lossy()))?;
            return Self::path_or_abstract(&path).map_err(|error| match error {
                TargetError::Empty => TargetError::Percent(lossy()),
                other => other,
            });
        }
        if let Some(rest) = text.strip_prefix(b"inode:") {
            return std::str::from_utf8(rest)
                .ok()
                .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok())
                .filter(|ino| *ino != 0)
                .map(Self::Inode)
                .ok_or_else(|| TargetError::Inode(lossy()));
        }
        if let Some(rest) = text.strip_prefix(b"http://") {
            let authority = rest.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next().unwrap_or_default();
            let authority = String::from_utf8_lossy(authority).into_owned();
            let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            return Self::tcp(if has_port { authority } else { format!("{authority}:80") }, lossy);
        }
        if let Some(rest) = text.strip_prefix(b"tcp:") {
            let rest = rest.strip_prefix(b"//").unwrap_or(rest);
            return Self::tcp(String::from_utf8_lossy(rest).into_owned(), lossy);
        }
        if let Some(rest) = text.strip_prefix(b"unix:") {
            return Self::path_or_abstract(rest);
        }
        if let Some(end) = text.windows(3).position(|window| window == b"://")
            && text[..end].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'+')
        {
            return Err(TargetError::Scheme(String::from_utf8_lossy(&text[..end]).into_owned()));
        }
        Self::path_or_abstract(text)
    }

    /// The same of a server to talk to: `127.0.0.1:5001` and `localhost:5001` are what people paste. A file of such a
    /// name is `./localhost:5001`.
    pub fn parse_server(text: &[u8]) -> Result<Self, TargetError> {
        let is_address = std::str::from_utf8(text).is_ok_and(|text| {
            let port = text.strip_prefix("localhost:").map(str::parse::<u16>);
            port.is_some_and(|port| port.is_ok()) || text.parse::<std::net::SocketAddr>().is_ok()
        });
        if is_address { Self::parse(&[b"tcp:", text].concat()) } else { Self::parse(text) }
    }

    /// The socket type that a target's spelling says its client uses: HTTP takes a stream.
    pub fn expected_type(text: &[u8]) -> Option<SocketType> {
        text.starts_with(b"http+unix://").then_some(SocketType::Stream)
    }

    /// The path of the request that an HTTP spelling names; `/` where it names none. `None`: no HTTP spelling.
    pub fn http_path(text: &[u8]) -> Option<String> {
        let rest = text.strip_prefix(b"http+unix://").or_else(|| text.strip_prefix(b"http://"))?;
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
        let path = rest[end..].split(|byte| *byte == b'#').next().unwrap_or_default();
        let path = String::from_utf8_lossy(path).into_owned();
        Some(if path.starts_with('/') { path } else { format!("/{path}") })
    }

    fn path_or_abstract(text: &[u8]) -> Result<Self, TargetError> {
        match text {
            [] => Err(TargetError::Empty),
            _ if text.contains(&0) => Err(TargetError::Nul),
            [b'@', name @ ..] => Ok(Self::Abstract(name.to_vec())),
            _ => Ok(Self::Path(text.to_vec())),
        }
    }

    /// `*:80` is how ss(8) writes a listener of both families.
    fn tcp(address: String, lossy: impl Fn() -> String) -> Result<Self, TargetError> {
        let address = address.strip_prefix("*:").map(|port| format!("[::]:{port}")).unwrap_or(address);
        let port = address
            .rsplit_once(':')
            .filter(|(host, _)| !host.is_empty())
            .map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(1..)) => Ok(Self::Tcp(address)),
            _ => Err(TargetError::Tcp(lossy())),
        }
    }

    /// The target as it is shown: a path as given, `@name`, `inode:N`, `host:port`. Not yet escaped.
    pub fn label(&self) -> Vec<u8> {
        match self {
            Self::Path(path) => path.clone(),
            Self::Abstract(name) => [b"@", name.as_slice()].concat(),
            Self::Inode(ino) => format!("inode:{ino}").into_bytes(),
            Self::Tcp(address) => address.clone().into_bytes(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.label()))
    }
}

fn percent_decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'%' {
            let digits = [*bytes.next()?, *bytes.next()?];
            let digits = std::str::from_utf8(&digits).ok().filter(|text| !text.starts_with('+'))?;
            decoded.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            decoded.push(*byte);
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_understood() {
        for (text, target) in [
            ("/run/x.sock", Target::Path(b"/run/x.sock".to_vec())),
            ("unix:/run/x.sock", Target::Path(b"/run/x.sock".to_vec())),
            ("./@x", Target::Path(b"./@x".to_vec())),
            ("@x", Target::Abstract(b"x".to_vec())),
            ("unix:@x", Target::Abstract(b"x".to_vec())),
            ("http+unix://%2Frun%2Fx.sock/health", Target::Path(b"/run/x.sock".to_vec())),
            ("inode:31200", Target::Inode(31200)),
            ("tcp:127.0.0.1:5001", Target::Tcp("127.0.0.1:5001".into())),
            ("http://127.0.0.1:5001/health", Target::Tcp("127.0.0.1:5001".into())),
            ("http://localhost", Target::Tcp("localhost:80".into())),
            ("tcp:*:5001", Target::Tcp("[::]:5001".into())),
            ("tcp:[::]:5001", Target::Tcp("[::]:5001".into())),
        ] {
            assert_eq!(Target::parse(text.as_bytes()), Ok(target), "{text}");
        }
    }

    #[test]
    fn http_takes_a_stream_and_a_bare_path_says_nothing() {
        assert_eq!(Target::expected_type(b"http+unix://%2Frun%2Fx.sock/"), Some(SocketType::Stream));
        assert_eq!(Target::expected_type(b"/run/x.sock"), None);
        assert_eq!(Target::expected_type(b"unix:/run/x.sock"), None);
    }

    #[test]
    fn an_http_spelling_names_what_to_ask_for() {
        for (text, path) in [
            ("http+unix://%2Frun%2Fx.sock/health?a=b#c", Some("/health?a=b")),
            ("http+unix://%2Frun%2Fx.sock", Some("/")),
            ("http://127.0.0.1:5001?a", Some("/?a")),
            ("/run/x.sock", None),
        ] {
            assert_eq!(Target::http_path(text.as_bytes()).as_deref(), path, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_target_says_so() {
        for text in [
            "",
            "unix:",
            "inode:abc",
            "inode:",
            "inode:+5",
            "inode:0",
            "inode:99999999999",
            "tcp:5001",
            "tcp::1",
            "tcp:h:0",
            "http+unix://",
            "http+unix://%zz",
            "http+unix://%+1",
            "http+unix://%2Fa%00b",
            "https://x",
        ] {
            assert!(Target::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(Target::parse(b"a\0b"), Err(TargetError::Nul));
    }
}
