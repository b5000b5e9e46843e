//! Showing a [`Report`]: one file per format, each with its own shapes. Showing never judges.

mod checks;
mod explain;
mod facts;
pub mod json;
pub mod output;
pub mod plain;
pub mod style;
mod table;
pub mod text;

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
}

/// How much is said in text.
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
    }
}
