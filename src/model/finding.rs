//! What a rule found, with its proof and its cure.

/// How bad it is. Ordered: `Info < Warning < Error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Will break, or is unsafe.
    Warning,
    /// Broken now.
    Error,
}

impl Severity {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How sure it is. Ordered: `Likely < Certain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Certainty {
    /// A heuristic; the evidence says what would settle it.
    Likely,
    /// Follows from the facts.
    Certain,
}

impl Certainty {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// What kind of thing a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubjectKind {
    /// A socket's path.
    Path,
    /// A name of the abstract namespace, without its NUL.
    Abstract,
    /// A directory.
    Directory,
    /// `127.0.0.1:5001`
    Tcp,
    /// A socket without a name, by its inode.
    Inode,
    /// A configuration file.
    Config,
    /// The machine.
    Host,
}

impl SubjectKind {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Abstract => "abstract",
            Self::Directory => "directory",
            Self::Tcp => "tcp",
            Self::Inode => "inode",
            Self::Config => "config",
            Self::Host => "host",
        }
    }
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// Kind of thing.
    pub kind: SubjectKind,
    /// Its name: bytes chosen by strangers.
    pub name: Vec<u8>,
}

/// One observed value and where it was observed; both may quote hostile bytes, which renderers escape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// `unix_diag`, `lstat`, `mountinfo`, `/proc/812/status`.
    pub source: Vec<u8>,
    /// What it said.
    pub detail: Vec<u8>,
}

impl Evidence {
    /// An observation.
    pub fn new(source: impl Into<Vec<u8>>, detail: impl Into<Vec<u8>>) -> Self {
        Self { source: source.into(), detail: detail.into() }
    }
}

/// One thing to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in words.
    pub text: String,
    /// The exact command, its arguments quoted for a POSIX shell; `None` when it is not a command.
    pub command: Option<Vec<u8>>,
    /// Whether running it changes anything.
    pub changes_state: bool,
}

impl Fix {
    /// A command that only looks.
    pub fn look(command: impl Into<Vec<u8>>, text: impl Into<String>) -> Self {
        Self { text: text.into(), command: Some(command.into()), changes_state: false }
    }

    /// A command that changes something.
    pub fn change(command: impl Into<Vec<u8>>, text: impl Into<String>) -> Self {
        Self { text: text.into(), command: Some(command.into()), changes_state: true }
    }

    /// Advice that is no command.
    pub fn advice(text: impl Into<String>) -> Self {
        Self { text: text.into(), command: None, changes_state: false }
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub file: Vec<u8>,
    /// 1-based.
    pub line: u32,
    /// 1-based, in characters.
    pub column: u32,
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `SD102`; stable for ever.
    pub code: &'static str,
    /// `listener-unlinked`; stable for ever.
    pub name: &'static str,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub certainty: Certainty,
    /// About what.
    pub subject: Subject,
    /// One full sentence about the world.
    pub summary: String,
    /// The proof.
    pub evidence: Vec<Evidence>,
    /// How it came to be, as far as the facts tell; `None` when they do not.
    pub cause: Option<String>,
    /// What to do, best first.
    pub fixes: Vec<Fix>,
    /// Where it is written, for findings about declarations.
    pub locations: Vec<Location>,
}

impl Finding {
    /// With this proof, after what it has.
    #[must_use]
    pub fn proven_by(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// With how it came to be.
    #[must_use]
    pub fn caused_by(mut self, cause: &str) -> Self {
        self.cause = Some(cause.to_owned());
        self
    }

    /// With these things to do, after what it has; the same one stands once.
    #[must_use]
    pub fn fixed_by(mut self, fixes: impl IntoIterator<Item = Fix>) -> Self {
        for fix in fixes {
            if !self.fixes.contains(&fix) {
                self.fixes.push(fix);
            }
        }
        self
    }
}
