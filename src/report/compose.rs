//! What `preflight --compose` says of files about which there is nothing to say, and the patch.

use std::io::{self, Write};

use super::style::{Style, escape, escape_lines};
use super::text::plural;
use crate::model::{CheckedFile, Report};

/// Those without a finding.
pub(super) fn silent<'r>(
    files: &'r [CheckedFile],
    report: &'r Report,
) -> impl Iterator<Item = &'r CheckedFile> {
    files.iter().filter(|file| !report.findings.iter().any(|finding| finding.subject.name == file.file))
}

/// How much of it was looked at.
pub(super) fn looked_at(file: &CheckedFile) -> String {
    format!("{}, {} named", plural(file.services, "service"), plural(file.sockets, "socket"))
}

/// A line for each file without a finding.
pub(super) fn lines(
    files: &[CheckedFile],
    report: &Report,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    silent(files, report).try_for_each(|file| {
        let verdict = style.verdict(file.verdict);
        writeln!(out, "{verdict}  {}  {}", escape(&file.file), looked_at(file))
    })
}

/// The patch, so that it can be applied.
pub(super) fn patch(patch: &[u8], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(escape_lines(patch).as_bytes())
}
