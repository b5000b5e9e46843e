//! One socket of `list`, or one probe of `probe`, a line: each is an entry of the document's `data.sockets[]` or
//! `data.probes[]`, and nothing else stands between them (<https://github.com/ndjson/ndjson-spec>). A command that
//! failed writes its document on one line instead, told from the others by its `schema`.

use std::io::{self, Write};

use super::json::probe::Probe;
use super::json::{self, harmless, row::Row};
use crate::model::{Data, Report};

/// Writes the rows as they come: one row of memory, however many there are.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    match &report.data {
        Data::List { sockets, .. } if report.failure.is_none() => sockets.iter().try_for_each(|socket| {
            harmless::compact(out, &Row::of(&socket))?;
            out.write_all(b"\n")
        }),
        Data::Probe { targets, shown, .. } if report.failure.is_none() => Probe::all(targets, *shown)
            .try_for_each(|probe| {
                harmless::compact(out, &probe)?;
                out.write_all(b"\n")
            }),
        Data::Watched(trace) if report.failure.is_none() => {
            let kept = if trace.streamed { &[] } else { trace.events.as_slice() };
            kept.iter().try_for_each(|event| writeln!(out, "{}", json::watched::line(event)))?;
            writeln!(out, "{}", json::watched::end(report, trace))
        }
        _ => json::render_line(report, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_hostile_name_stays_on_its_line_and_keeps_its_bytes() {
        let text = sample::written(&sample::list(), render);
        assert_eq!(
            text,
            concat!(
                r#"{"inode":null,"type":null,"state":null,"name":"/tmp/a\n\u001b[31m"#,
                "\u{fffd}",
                r#"\"<|%`_","name_b64":"L3RtcC9hChtbMzFt/yI8fCVgXw==","vfs":null,"queue":null,"holders":[],"#,
                r#""netns":null,"role":null,"file":null,"verdict":"error","codes":["SD104"]}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_failure_is_one_line_that_is_no_socket() {
        let text = sample::written(&sample::failed(), render);
        assert!(text.starts_with(r#"{"schema":"sockdoctor/v1""#) && text.lines().count() == 1, "{text}");
    }
}
