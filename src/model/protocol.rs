//! The protocols a probe speaks.

/// What a server is asked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the protocol of its title")]
pub enum Protocol {
    Http,
    Http2,
    Grpc,
    WebSocket,
    Postgres,
    Mysql,
    Redis,
    Memcached,
    FastCgi,
    Dbus,
    Docker,
    Haproxy,
    Raw,
}

impl Protocol {
    /// All, those of HTTP first.
    pub const ALL: [Self; 13] = [
        Self::Http,
        Self::Http2,
        Self::Grpc,
        Self::WebSocket,
        Self::Postgres,
        Self::Mysql,
        Self::Redis,
        Self::Memcached,
        Self::FastCgi,
        Self::Dbus,
        Self::Docker,
        Self::Haproxy,
        Self::Raw,
    ];

    /// What `--protocol` and every output call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Http2 => "http2",
            Self::Grpc => "grpc",
            Self::WebSocket => "websocket",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Redis => "redis",
            Self::Memcached => "memcached",
            Self::FastCgi => "fastcgi",
            Self::Dbus => "dbus",
            Self::Docker => "docker",
            Self::Haproxy => "haproxy",
            Self::Raw => "raw",
        }
    }

    /// What people call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Http => "HTTP/1.1",
            Self::Http2 => "HTTP/2 with prior knowledge",
            Self::Grpc => "gRPC",
            Self::WebSocket => "WebSocket",
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL or MariaDB",
            Self::Redis => "Redis",
            Self::Memcached => "memcached",
            Self::FastCgi => "FastCGI",
            Self::Dbus => "D-Bus",
            Self::Docker => "the Docker API",
            Self::Haproxy => "HAProxy's stats socket",
            Self::Raw => "raw bytes",
        }
    }

    /// By the word of `--protocol`.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.word() == word)
    }

    /// Whether a plain HTTP/1.1 request is what it takes.
    pub const fn takes_http(self) -> bool {
        matches!(self, Self::Http | Self::WebSocket | Self::Docker)
    }

    /// Whether its replies have a status, header fields and a body.
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Http2 | Self::Grpc | Self::WebSocket | Self::Docker)
    }
}
