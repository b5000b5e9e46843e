//! The answer of one command, before any format is chosen.

use std::time::{Duration, SystemTime};

use super::{
    Alarm, Case, Check, ExplainedRule, Explanation, Finding, Gap, Listing, NotProbed, ProbedTarget, Rule,
    Severity, TextFamily,
};

/// The verdict over a run, a target or a row. Ordered: what needs attention first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Overall {
    /// Something broken.
    Error,
    /// Something that will break.
    Warning,
    /// The question stays open.
    Unknown,
    /// Something worth knowing.
    Info,
    /// Looked at, nothing found.
    Ok,
}

impl Overall {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl From<Severity> for Overall {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
        }
    }
}

/// The machine and who looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// `uname -r`.
    pub kernel: String,
    /// Our network namespace.
    pub netns: Option<u64>,
    /// Our mount namespace.
    pub mntns: Option<u64>,
    /// Our effective uid.
    pub uid: u32,
}

/// A rule without a verdict because a fact could not be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotChecked {
    /// The rule; `None` for a gap that belongs to no rule.
    pub code: Option<&'static str>,
    /// What could not be seen, and why.
    pub gap: Gap,
}

/// Why the command itself failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// One line.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

/// A target of `inspect` with its verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedTarget {
    /// All that is known.
    pub case: Case,
    /// What it amounts to.
    pub verdict: Overall,
    /// Owner and group of the file, by name where they have one.
    pub owner: Option<(super::IdName, super::IdName)>,
    /// Findings about it that were not asked for.
    pub left_out: usize,
}

/// A column of `list`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the field of the same name")]
pub enum SocketField {
    Verdict,
    State,
    Type,
    Queue,
    File,
    Mode,
    Owner,
    Holders,
    Unit,
    Netns,
    Inode,
    Peer,
    Uid,
    Memory,
    Name,
}

impl SocketField {
    /// All, in the order of their titles.
    pub const ALL: [Self; 15] = [
        Self::Verdict,
        Self::State,
        Self::Type,
        Self::Queue,
        Self::File,
        Self::Mode,
        Self::Owner,
        Self::Holders,
        Self::Unit,
        Self::Netns,
        Self::Inode,
        Self::Peer,
        Self::Uid,
        Self::Memory,
        Self::Name,
    ];

    /// What `--fields` and `--sort` call it; its title in capitals.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::State => "state",
            Self::Type => "type",
            Self::Queue => "queue",
            Self::File => "file",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Holders => "holders",
            Self::Unit => "unit",
            Self::Netns => "netns",
            Self::Inode => "inode",
            Self::Peer => "peer",
            Self::Uid => "uid",
            Self::Memory => "memory",
            Self::Name => "name",
        }
    }

    /// By the word of `--fields`.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.word() == word)
    }
}

/// A demonstration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoEntry {
    /// `listener-unlinked`: the name of the rule it shows.
    pub name: &'static str,
    /// The rule's code.
    pub code: &'static str,
    /// What is built.
    pub builds: &'static str,
}

/// How much of a reply is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplyShown {
    /// Its status, and what else fits on a line.
    #[default]
    Line,
    /// Its head and its body too.
    Whole,
    /// Its body, and nothing else.
    BodyOnly,
}

/// A configuration file that was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedFile {
    /// Its name, as it was given.
    pub file: Vec<u8>,
    /// What it amounts to.
    pub verdict: Overall,
    /// How many services it has.
    pub services: usize,
    /// How often it names a socket.
    pub sockets: usize,
}

/// The command's own facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// Nothing beside the findings.
    None,
    /// `inspect`.
    Inspect(Vec<InspectedTarget>),
    /// `access`: the target as each view has it, with its consumers; who is stopped first.
    Access(Vec<InspectedTarget>),
    /// `list`: the rows and the columns asked for.
    List {
        /// The rows and what they speak of.
        sockets: Listing,
        /// Columns, in order.
        fields: Vec<SocketField>,
    },
    /// `preflight`: the directories, the worst first.
    Preflight(Vec<InspectedTarget>),
    /// `probe`.
    Probe {
        /// Each target with its probes.
        targets: Vec<ProbedTarget>,
        /// Listeners that were left alone.
        not_probed: Vec<NotProbed>,
        /// How much of the reply is shown.
        shown: ReplyShown,
    },
    /// `demo`: what was built and what the diagnosis was.
    Demo {
        /// Which one.
        demo: DemoEntry,
        /// Whether the right code came first.
        recognised: bool,
        /// What was inspected.
        inspected: Vec<InspectedTarget>,
    },
    /// `demo --list`.
    Demos(Vec<DemoEntry>),
    /// `explain`.
    Explained(Box<Explanation>),
    /// `explain --list`.
    Explainable {
        /// Every rule, in code order.
        rules: Vec<ExplainedRule>,
        /// The error texts that are known.
        texts: Vec<TextFamily>,
    },
    /// `preflight --compose`.
    Compose {
        /// In the order they were given.
        files: Vec<CheckedFile>,
        /// Their fixes in unified format, where those were asked for.
        patch: Option<Vec<u8>>,
    },
    /// `scan`.
    Scan {
        /// What configuration says of sockets.
        declarations: Vec<super::Declaration>,
        /// How many files were read.
        files: usize,
        /// How many sockets of the host were looked at.
        sockets: usize,
        /// HAProxy's checks that were made.
        checks: Vec<super::Checked>,
        /// The names that sockets have or configuration gives, as far as they could be seen.
        served: Vec<super::Served>,
    },
    /// `clean`.
    Clean {
        /// Whether what was proven was to be removed.
        applied: bool,
        /// Named ones first.
        candidates: Vec<super::Candidate>,
    },
    /// `guard`: the last pass.
    Guard(Box<super::GuardPass>),
    /// `graph`.
    Graph(super::Graph),
    /// `merge`.
    Merged(super::Merged),
    /// `self-check`.
    Checks(Vec<Check>),
    /// `wait`.
    Waited {
        /// In the order they were given.
        targets: Vec<super::Waited>,
        /// Why it stopped.
        ending: super::Ending,
    },
    /// `watch`.
    Watched(std::sync::Arc<super::Trace>),
}

/// The answer of one command.
#[derive(Debug, Clone)]
pub struct Report {
    /// The subcommand.
    pub command: &'static str,
    /// The machine and who looked.
    pub host: Host,
    /// When it began.
    pub started: SystemTime,
    /// How long it took.
    pub duration: Duration,
    /// What it amounts to.
    pub verdict: Overall,
    /// The process's exit status.
    pub exit_code: u8,
    /// What a monitoring system is told.
    pub alarm: Alarm,
    /// Why the command itself failed, if it did.
    pub failure: Option<Failure>,
    /// Ranked: the cause first.
    pub findings: Vec<Finding>,
    /// Findings that another explains.
    pub suppressed: usize,
    /// Findings of rules that were not asked for.
    pub left_out: usize,
    /// How many checks reached a verdict.
    pub checks: usize,
    /// The ones that did not.
    pub not_checked: Vec<NotChecked>,
    /// How many things were looked at.
    pub subjects: usize,
    /// The rules that ran, in code order.
    pub rules: Vec<&'static Rule>,
    /// The command's own facts.
    pub data: Data,
}

impl Report {
    /// How many findings of a severity there are; of `merge` those of all hosts, each once.
    pub fn count(&self, severity: Severity) -> usize {
        match &self.data {
            Data::Merged(merged) => merged.findings.iter().filter(|found| found.severity == severity).count(),
            _ => self.findings.iter().filter(|finding| finding.severity == severity).count(),
        }
    }
}
