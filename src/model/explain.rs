//! The answer of `explain`: what a code, an errno or a text means.

use super::Severity;

/// Where an error shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Call {
    /// A client's connect(2), and what the client meets after it.
    Connect,
    /// A server's bind(2), and what surrounds it.
    Bind,
    /// The server's work on connections.
    Serve,
}

impl Call {
    /// All, in the order they are shown.
    pub const ALL: [Self; 3] = [Self::Connect, Self::Bind, Self::Serve];

    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Bind => "bind",
            Self::Serve => "serve",
        }
    }
}

/// What was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExplainKind {
    /// A rule, by code or name.
    Rule,
    /// An errno, by name or number.
    Errno,
    /// A pasted error text.
    Text,
}

impl ExplainKind {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Errno => "errno",
            Self::Text => "text",
        }
    }
}

/// A rule as `explain` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedRule {
    /// `SD104`
    pub code: &'static str,
    /// `stale-socket-file`
    pub name: &'static str,
    /// Its usual severity.
    pub severity: Severity,
    /// Its whole explanation, headings and all.
    pub text: String,
}

impl ExplainedRule {
    /// Its first line.
    pub fn summary(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }
}

/// An errno by number, name and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedErrno {
    /// 111
    pub number: i32,
    /// `ECONNREFUSED`
    pub name: String,
    /// `Connection refused`
    pub words: &'static str,
}

/// One thing it can mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedCause {
    /// Where it shows.
    pub call: Call,
    /// The code that would be found; `None` for what no rule can see.
    pub code: Option<&'static str>,
    /// The rule's name, where it is in the registry.
    pub name: Option<&'static str>,
    /// How to tell it from the others.
    pub when: &'static str,
}

/// What a code, an errno or a text means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What was asked about.
    pub kind: ExplainKind,
    /// The rule, if a rule was asked about.
    pub rule: Option<ExplainedRule>,
    /// The errno, asked about or found in the text.
    pub errno: Option<ExplainedErrno>,
    /// The socket's path found in the text.
    pub path: Option<Vec<u8>>,
    /// What it says about the world: one sentence, or the rule's summary.
    pub says: String,
    /// Most likely first.
    pub causes: Vec<ExplainedCause>,
    /// The usual mistake.
    pub note: Option<&'static str>,
    /// The exact command that looks further.
    pub next: Option<Vec<u8>>,
}

/// The known texts of one kind of program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFamily {
    /// `nginx`
    pub name: &'static str,
    /// As the program prints them.
    pub texts: Vec<&'static str>,
}
