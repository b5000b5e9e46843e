//! What `guard` prints of a pass: how it ended, what the tries said, why, and what was done.

use std::io::{self, Write};
use std::time::Duration;

use super::Loudness;
use super::json::rfc3339;
use super::style::{Style, escape};
use super::text::{labelled, plural};
use crate::model::{GuardPass, Probed};

/// `recovered  /run/app.sock`
pub(super) fn headline(pass: &GuardPass) -> String {
    format!("{}  {}", pass.outcome.word().replace('_', " "), escape(&pass.label))
}

/// The lines below it, each with its label.
pub(super) fn details(pass: &GuardPass) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for (number, probed) in pass.tries.iter().enumerate() {
        lines.push((if number == 0 { "tries" } else { "" }, said(probed)));
    }
    if let Some(cause) = &pass.cause {
        let code = cause.code.map(|code| format!("{code} {}: ", cause.name.unwrap_or_default()));
        lines.push(("cause", format!("{}{}", code.unwrap_or_default(), escape(cause.summary.as_bytes()))));
    }
    if let Some(repair) = &pass.repair {
        let command = escape(&repair.line);
        let status = repair.status.map(|status| format!(", exit status {status}"));
        let took = if repair.took.is_zero() {
            String::new()
        } else {
            format!(", {:.1} s", repair.took.as_secs_f64())
        };
        lines.push(("repair", format!("{command}{}{took}", status.unwrap_or_default())));
    }
    lines.extend(pass.why.as_ref().map(|why| ("why", escape(why.as_bytes()))));
    let next = pass.repairs.next.map(|next| format!(", the next one not before {}", rfc3339(next)));
    let (made, allowed) = (plural(pass.repairs.made, "repair"), pass.repairs.allowed);
    let window = humantime::format_duration(pass.repairs.window);
    if pass.cause.is_some() || pass.repairs.made > 0 {
        lines.push(("record", format!("{made} of {allowed} in {window}{}", next.unwrap_or_default())));
    }
    if pass.passes > 1 {
        lines.push(("passes", format!("{}, {} of them recovered it", pass.passes, pass.recovered)));
    }
    lines
}

/// What one try came to.
fn said(probed: &Probed) -> String {
    let outcome = probed.outcome.word().replace('_', " ");
    let errno = probed.errno().map(|errno| format!(", {:?}", nix::errno::Errno::from_raw(errno)));
    let status =
        probed.reply.as_ref().and_then(|reply| reply.status).map(|status| format!(", status {status}"));
    let took = milliseconds(probed.total());
    format!("{outcome}{}{}, {took}", errno.unwrap_or_default(), status.unwrap_or_default())
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Writes all of it for people.
pub(super) fn render(
    pass: &GuardPass,
    style: &Style,
    loudness: Loudness,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{}", headline(pass))?;
    if loudness == Loudness::Quiet {
        return Ok(());
    }
    details(pass).iter().try_for_each(|(label, line)| labelled(style, label, line, out))
}

/// `outcome target code why`
pub(super) fn render_plain(pass: &GuardPass, out: &mut dyn Write) -> io::Result<()> {
    let code = pass.cause.as_ref().and_then(|cause| cause.code).unwrap_or("-");
    let why = pass.why.as_ref().map_or_else(|| "-".to_owned(), |why| escape(why.as_bytes()));
    writeln!(out, "{}\t{}\t{code}\t{why}", pass.outcome.word(), escape(&pass.label))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_pass_says_what_was_tried_and_escapes_what_strangers_chose() {
        let pass = sample::guard();
        assert_eq!(headline(&pass), "backing off  /run/x\\x0a");
        let lines = details(&pass);
        assert_eq!(lines[0], ("tries", "answered, status 200, 1.0 ms".to_owned()));
        assert_eq!(lines[1], ("why", "so\\x1b".to_owned()));
        assert_eq!(lines[2], ("record", "1 repair of 3 in 1h".to_owned()));
    }
}
