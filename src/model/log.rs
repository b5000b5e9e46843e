//! What the log of a server tells of its sockets: known lines, counted.

/// One log that was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogReading {
    /// A file's path, or `journal of app.service`.
    pub name: Vec<u8>,
    /// How many lines.
    pub lines: u64,
    /// How many bytes.
    pub bytes: u64,
    /// It was longer, and only its last part was read.
    pub cut: bool,
    /// How many of the lines were so long that only their beginning was judged.
    pub long_lines: u64,
    /// Lines of known families, in the order of the families.
    pub families: Vec<LoggedFamily>,
}

/// The lines of one log that tell of one kind of error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedFamily {
    /// Which kind.
    pub family: LogFamily,
    /// How many lines.
    pub count: u64,
    /// When the first and the last were written, seconds since the epoch; of lines without a time, none.
    pub first: Option<i64>,
    /// See `first`.
    pub last: Option<i64>,
    /// How many were written before the process that holds the socket began.
    pub older: u64,
    /// The first of them, cut to a line of a screen.
    pub example: Vec<u8>,
    /// Where a traceback before it says the error came from: its innermost line.
    pub from: Option<Vec<u8>>,
}

impl LoggedFamily {
    /// How many a minute between the first and the last.
    #[expect(clippy::cast_precision_loss, reason = "a rate is shown with one digit")]
    pub fn per_minute(&self) -> Option<f64> {
        let seconds = self.last? - self.first?;
        (seconds > 0 && self.count > 1).then(|| (self.count - 1) as f64 * 60.0 / seconds as f64)
    }
}

/// A kind of error that servers and proxies log about sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogFamily {
    /// No descriptor was left.
    Emfile,
    /// A descriptor was used after it was closed.
    Ebadf,
    /// The other side had left.
    Epipe,
    /// The other side tore the connection down.
    Econnreset,
    /// A gunicorn worker did not come back in time.
    WorkerTimeout,
    /// nginx met an errno on the way to its upstream.
    Nginx(i32),
    /// HAProxy found a server that does not take connections.
    HaproxySockerr,
    /// PostgreSQL could not make, share or use its socket.
    Postgres,
}

impl LogFamily {
    /// The name in every output.
    pub fn word(self) -> String {
        match self {
            Self::Emfile => "EMFILE".into(),
            Self::Ebadf => "EBADF".into(),
            Self::Epipe => "EPIPE".into(),
            Self::Econnreset => "ECONNRESET".into(),
            Self::WorkerTimeout => "WORKER TIMEOUT".into(),
            Self::Nginx(errno) => format!("nginx {errno}"),
            Self::HaproxySockerr => "HAProxy SOCKERR".into(),
            Self::Postgres => "PostgreSQL socket".into(),
        }
    }

    /// What `sockdoctor explain` takes for it.
    pub fn explained_by(self) -> String {
        match self {
            Self::WorkerTimeout => "\"WORKER TIMEOUT (pid:1)\"".into(),
            Self::Nginx(errno) => errno.to_string(),
            Self::HaproxySockerr => "SOCKERR".into(),
            Self::Postgres => "SD609".into(),
            own => own.word(),
        }
    }

    /// An errno of descriptors that a server itself met: what rules about its log judge by.
    pub const fn is_of_descriptors(self) -> bool {
        matches!(self, Self::Emfile | Self::Ebadf | Self::Epipe | Self::Econnreset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_needs_two_times() {
        let family = |count, first, last| LoggedFamily {
            family: LogFamily::Ebadf,
            count,
            first,
            last,
            older: 0,
            example: vec![],
            from: None,
        };
        assert_eq!(family(11, Some(0), Some(60)).per_minute(), Some(10.0));
        assert_eq!(family(11, Some(0), Some(0)).per_minute(), None);
        assert_eq!(family(11, None, None).per_minute(), None);
        assert_eq!(LogFamily::Ebadf.explained_by(), "EBADF");
    }
}
