//! What a rule found, with its proof and its cure.

use super::Written;
use super::masked::masked;

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
    /// The same as changes of a configuration file.
    pub edits: Vec<Edit>,
}

/// A change of a file's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The file.
    pub file: Vec<u8>,
    /// What goes; empty: nothing does. Beyond the end of the file: behind its last line.
    pub bytes: std::ops::Range<usize>,
    /// What comes there.
    pub text: String,
}

impl Fix {
    /// A command that only looks.
    pub fn look(command: impl Into<Vec<u8>>, text: impl Into<String>) -> Self {
        Self { text: text.into(), command: Some(command.into()), changes_state: false, edits: vec![] }
    }

    /// A command that changes something.
    pub fn change(command: impl Into<Vec<u8>>, text: impl Into<String>) -> Self {
        Self { text: text.into(), command: Some(command.into()), changes_state: true, edits: vec![] }
    }

    /// Advice that is no command.
    pub fn advice(text: impl Into<String>) -> Self {
        Self { text: text.into(), command: None, changes_state: false, edits: vec![] }
    }

    /// A change of configuration.
    pub fn edit(text: impl Into<String>, edits: impl IntoIterator<Item = Edit>) -> Self {
        Self { edits: edits.into_iter().collect(), ..Self::advice(text) }
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

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", String::from_utf8_lossy(&self.file), self.line, self.column)
    }
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
    /// What it is about, as people point at it: a configuration file with the line and column, an abstract
    /// name with its @.
    pub fn place(&self) -> Vec<u8> {
        match self.locations.first() {
            Some(at) if self.subject.kind == SubjectKind::Config => at.to_string().into_bytes(),
            _ if self.subject.kind == SubjectKind::Abstract => [b"@", &self.subject.name[..]].concat(),
            _ => self.subject.name.clone(),
        }
    }

    /// With this proof, after what it has.
    #[must_use]
    pub fn proven_by(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// With a piece of a file as proof, and its place; the same one stands once.
    #[must_use]
    pub fn written_at(mut self, written: &Written) -> Self {
        if self.locations.contains(&written.location) {
            return self;
        }
        self.evidence.push(Evidence::new(written.location.to_string(), masked(&written.text)));
        self.locations.push(written.location.clone());
        self
    }

    /// As bad as this.
    #[must_use]
    pub const fn as_severe_as(mut self, severity: Severity) -> Self {
        self.severity = severity;
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
