//! The reply itself: `-i` and `--body-only`.

use std::io::{self, Write};

use super::style::{Style, escape};
use crate::model::{ProbedTarget, Reply, ReplyShown};

/// Writes what was asked for of each target's reply. A body is written as it came, except to a terminal, which it
/// might command.
pub(super) fn render(
    targets: &[ProbedTarget],
    shown: ReplyShown,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    for reply in targets.iter().filter_map(|target| target.probes.last()?.reply.as_ref()) {
        if shown == ReplyShown::Whole {
            head(reply, out)?;
        }
        body(reply, style, out)?;
        if shown == ReplyShown::Whole {
            writeln!(out)?;
        }
    }
    Ok(())
}

fn head(reply: &Reply, out: &mut dyn Write) -> io::Result<()> {
    if let (Some(version), Some(status)) = (reply.version_line, reply.status) {
        writeln!(out, "{version} {status}")?;
    }
    for (name, value) in &reply.headers {
        writeln!(out, "{}: {}", escape(name), escape(value))?;
    }
    writeln!(out)
}

fn body(reply: &Reply, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if style.width.is_none() {
        return out.write_all(&reply.body);
    }
    let lines = reply.body.split_inclusive(|byte| *byte == b'\n');
    lines.into_iter().try_for_each(|line| {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        writeln!(out, "{}", escape(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_not_commanded_and_a_file_gets_every_byte() {
        let reply = Reply { body: b"a\x1b[31m\nb".to_vec(), ..Reply::default() };
        let written = |style: &Style| {
            let mut text = Vec::new();
            body(&reply, style, &mut text).unwrap();
            text
        };
        assert_eq!(written(&Style::FILE), reply.body);
        assert_eq!(written(&Style { width: Some(80), ..Style::FILE }), b"a\\x1b[31m\nb\n");
    }
}
