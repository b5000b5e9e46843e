//! Showing a [`Report`]: one file per format, each with its own shapes. Showing never judges.

mod access;
mod checks;
mod clean;
mod compose;
mod dot;
mod explain;
mod facts;
mod github;
mod graph;
mod guard;
mod health;
pub mod json;
mod junit;
mod levels;
mod lines;
mod markdown;
mod merged;
mod mermaid;
mod nagios;
mod ndjson;
mod openmetrics;
pub mod output;
pub mod plain;
mod preflight;
mod probe;
mod reply;
#[cfg(test)]
mod sample;
mod sarif;
pub mod style;
mod table;
pub mod text;
mod waited;
pub mod watched;

pub(crate) use github::{SUMMARY_LIMIT, summary};

use std::io::{self, Write};

use crate::model::Report;
use style::Style;

/// An output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// For people.
    Text,
    /// One record a line, fields separated by tabs.
    Plain,
    /// One document, `sockdoctor schema`.
    Json,
    /// For tickets and chats.
    Markdown,
    /// One JSON object a line.
    Ndjson,
    /// Annotations of GitHub Actions.
    Github,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML, for test reports.
    Junit,
    /// Gauges for Prometheus.
    Openmetrics,
    /// One line for Nagios, Icinga and Sensu.
    Nagios,
    /// A diagram that issues and wikis draw.
    Mermaid,
    /// A digraph for Graphviz.
    Dot,
}

impl Format {
    /// All, those of every command first.
    pub const ALL: [Self; 12] = [
        Self::Text,
        Self::Plain,
        Self::Json,
        Self::Markdown,
        Self::Ndjson,
        Self::Github,
        Self::Sarif,
        Self::Junit,
        Self::Openmetrics,
        Self::Nagios,
        Self::Mermaid,
        Self::Dot,
    ];

    /// What `--format` calls it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Plain => "plain",
            Self::Json => "json",
            Self::Markdown => "markdown",
            Self::Ndjson => "ndjson",
            Self::Github => "github",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Openmetrics => "openmetrics",
            Self::Nagios => "nagios",
            Self::Mermaid => "mermaid",
            Self::Dot => "dot",
        }
    }

    /// By the word of `--format`.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }

    /// Whether a command has it: what is for findings is with the commands that judge what they are pointed at.
    pub fn is_of(self, command: &str) -> bool {
        match self {
            Self::Text | Self::Plain | Self::Json | Self::Markdown => true,
            Self::Ndjson => matches!(command, "list" | "probe" | "watch"),
            Self::Github | Self::Sarif | Self::Junit => matches!(command, "inspect" | "preflight" | "scan"),
            Self::Openmetrics | Self::Nagios => {
                matches!(command, "list" | "inspect" | "probe" | "scan" | "guard")
            }
            Self::Mermaid | Self::Dot => command == "graph",
        }
    }

    /// Whether it says itself that a command failed; of the others stderr says so, and they stay empty. Gauges of a
    /// run without an answer would look like an answer: the last ones get old instead.
    pub const fn tells_failure(self) -> bool {
        !matches!(self, Self::Text | Self::Plain | Self::Openmetrics | Self::Mermaid | Self::Dot)
    }
}

/// How much is said in text and markdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    /// One line a finding.
    Quiet,
    /// Findings with their proof.
    Normal,
    /// All facts too.
    Verbose,
}

/// Writes a report in a format.
pub fn render(
    report: &Report,
    format: Format,
    style: &Style,
    loudness: Loudness,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Text => text::render(report, style, loudness, out),
        Format::Plain => plain::render(report, loudness, out),
        Format::Json => json::render(report, out),
        Format::Markdown => markdown::render(report, loudness, out),
        Format::Ndjson => ndjson::render(report, out),
        Format::Github => github::render(report, out),
        Format::Sarif => sarif::render(report, out),
        Format::Junit => junit::render(report, out),
        Format::Openmetrics => openmetrics::render(report, out),
        Format::Nagios => nagios::render(report, out),
        Format::Mermaid => mermaid::render(report, out),
        Format::Dot => dot::render(report, out),
    }
}
