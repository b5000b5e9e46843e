//! What is known of a probe, as labelled lines: the part of `probe` that is no finding.

use std::fmt::Write as _;
use std::time::Duration;

use super::style::escape;
use super::text::plural;
use crate::model::{Outcome, Probed, ProbedTarget, Protocol, Reply, Report, StepName, percentile};

/// How many bars a histogram has, and how long the longest is.
const BARS: u32 = 8;
const WIDTH: usize = 30;

/// What came of it, on one line behind the target's name.
pub(super) fn headline(target: &ProbedTarget) -> String {
    let fine = target.probes.iter().filter(|probed| probed.is_fine()).count();
    let Some(last) = target.probes.last() else { return String::new() };
    let shown = target.probes.iter().find(|probed| !probed.is_fine()).unwrap_or(last);
    let line = outcome(shown);
    if target.probes.len() == 1 { line } else { format!("{fine} of {} fine; {line}", target.probes.len()) }
}

/// Whether a finding speaks of the target.
pub(super) fn spoken_of(target: &ProbedTarget, report: &Report) -> bool {
    report.findings.iter().any(|finding| finding.subject == target.subject)
}

/// How one probe ended, in words.
pub(super) fn outcome(probed: &Probed) -> String {
    let reply = probed.reply.as_ref();
    let said = reply.map(answer).unwrap_or_default();
    let step = probed.failed_at().map_or("end", |step| step.name.word()).replace('_', " ");
    let errno = probed.errno().map(|errno| format!(": {}", errno_words(errno))).unwrap_or_default();
    match &probed.outcome {
        Outcome::Answered if said.is_empty() => "it spoke first, in a protocol not known".into(),
        Outcome::Answered => said,
        Outcome::AuthRefused => format!("reached, then refused by its authentication: {said}"),
        Outcome::Connected => {
            "connected; it said nothing, and nothing was sent: not known what it speaks".into()
        }
        Outcome::NotConnected => format!("{step} failed{errno}"),
        Outcome::NoReply => format!("connected, then not a byte in {}", duration(probed.timeout)),
        Outcome::Closed => format!("connected, then closed before a byte came{errno}"),
        Outcome::Foreign(known) => {
            let known = known.map(|protocol| format!(", but {}", protocol.title())).unwrap_or_default();
            format!(
                "it does not speak {}{known}",
                probed.protocol.map_or("what it was asked in", Protocol::title)
            )
        }
        Outcome::Unfinished(why) => {
            let so_far = if said.is_empty() { String::new() } else { format!("{said}, ") };
            format!("{so_far}reply not finished ({}){errno}", why.word().replace('_', " "))
        }
    }
}

fn answer(reply: &Reply) -> String {
    let mut words: Vec<String> = Vec::new();
    if let (Some(version), Some(status)) = (reply.version_line, reply.status) {
        words.push(format!("{version} {status}"));
    }
    if let Some(server) = &reply.server {
        let version = reply.version.as_ref().map(|version| format!(" {}", escape(version)));
        words.push(format!("{}{}", escape(server), version.unwrap_or_default()));
    }
    words.extend(reply.message.as_ref().map(|message| escape(message)));
    if words.is_empty() && reply.body_bytes > 0 {
        words.push(format!("{} bytes", reply.body_bytes));
    }
    words.join(", ")
}

/// Label and text of each line.
pub(super) fn lines(target: &ProbedTarget) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let failed = target.probes.iter().find(|probed| !probed.is_fine());
    let Some(probed) = failed.or(target.probes.last()) else { return lines };
    if let Some(asked) = &probed.asked {
        let by = probed.known_by.map(|by| by.word().replace('_', " ")).unwrap_or_default();
        let protocol = probed.protocol.map_or("", Protocol::word);
        lines.push(("asked", format!("{} ({protocol}, by: {by})", escape(asked.as_bytes()))));
    }
    if let Some((checked, verdict)) = target.checked.as_ref().zip(probed.check.as_ref()) {
        let state = if verdict.is_up() { "up" } else { "down" };
        let at = &checked.check.written.location;
        let place = format!("{}:{}", escape(&at.file), at.line);
        let label = escape(checked.check.label().as_bytes());
        lines.push(("haproxy", format!("{}: it takes {label} for {state} ({place})", verdict.word)));
    }
    lines.push(("steps", steps(probed)));
    if let Some(reply) = probed.reply.as_ref().filter(|reply| reply.status.is_some()) {
        lines.push(("body", format!("{} bytes", reply.body_bytes)));
    }
    if probed.reply.is_none() && !probed.first_bytes.is_empty() {
        let shown = &probed.first_bytes[..probed.first_bytes.len().min(64)];
        lines.push(("said", format!("{} ({} bytes)", escape(shown), probed.received)));
    }
    if target.probes.len() > 1 {
        let times = target.times();
        lines.push(("times", summary(&times)));
        lines.extend(histogram(&times).into_iter().map(|bar| ("", bar)));
    }
    lines.extend(target.cut_short.map(|why| ("stopped", why.to_owned())));
    lines
}

fn steps(probed: &Probed) -> String {
    let each = probed.steps.iter().map(|step| {
        let name = step.name.word().replace('_', " ");
        match (step.done, step.errno) {
            (true, _) => format!("{name} {}", duration(step.took)),
            (false, Some(errno)) => {
                format!("{name} failed after {}: {}", duration(step.took), errno_words(errno))
            }
            (false, None) => format!("{name} not done after {}", duration(step.took)),
        }
    });
    let each: Vec<String> = each.collect();
    let total = match probed.until(StepName::Reply) {
        Some(total) => format!("; {} in all", duration(total)),
        None => String::new(),
    };
    format!("{}{total}", each.join(", "))
}

fn summary(sorted: &[Duration]) -> String {
    let at = |percent| percentile(sorted, percent).map_or_else(|| "-".into(), duration);
    let (least, most) = (sorted.first(), sorted.last());
    let ends =
        least.zip(most).map(|(least, most)| format!(", from {} to {}", duration(*least), duration(*most)));
    let mut line = format!("p50 {}, p90 {}, p99 {}{}", at(50), at(90), at(99), ends.unwrap_or_default());
    // Far outside of what nine in ten took: something else was going on.
    if let (Some(usual), Some(worst)) = (percentile(sorted, 90), most)
        && *worst > usual * 10
    {
        let count = sorted.iter().filter(|time| **time > usual * 10).count();
        let _ = write!(line, "; {} took more than ten times p90", plural(count, "probe"));
    }
    line
}

/// How many took how long, in steps of equal ratio.
fn histogram(sorted: &[Duration]) -> Vec<String> {
    let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else { return Vec::new() };
    let (low, high) = (least.as_secs_f64().max(1e-6), most.as_secs_f64().max(2e-6));
    if high / low < 1.05 {
        return Vec::new();
    }
    let ratio = (high / low).powf(1.0 / f64::from(BARS));
    let edge = |number: u32| low * ratio.powf(f64::from(number));
    let up_to = |number: u32| {
        if number == BARS {
            sorted.len()
        } else {
            sorted.partition_point(|time| time.as_secs_f64() <= edge(number))
        }
    };
    let counts: Vec<usize> =
        (0..BARS).map(|number| up_to(number + 1) - if number == 0 { 0 } else { up_to(number) }).collect();
    let longest = counts.iter().copied().max().unwrap_or(1).max(1);
    let bar = |(number, count): (u32, &usize)| {
        let length = (count * WIDTH).div_ceil(longest);
        format!(
            "{:>9} {:<WIDTH$} {count}",
            duration(Duration::from_secs_f64(edge(number + 1))),
            "#".repeat(length)
        )
    };
    (0..BARS).zip(&counts).map(bar).collect()
}

/// `0.25 ms`, `1.5 s`.
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds >= 1.0 { format!("{seconds:.2} s") } else { format!("{:.2} ms", seconds * 1e3) }
}

/// The words of strerror(3), which the user has seen in a log, and the errno's name.
fn errno_words(errno: i32) -> String {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    let words = text.rsplit_once(" (os error ").map_or(text.as_str(), |(words, _)| words);
    format!("{words} ({:?})", nix::errno::Errno::from_raw(errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_one_line() {
        let mut probed = Probed::sample();
        probed.reply.as_mut().unwrap().version_line = Some("HTTP/1.1");
        probed.reply.as_mut().unwrap().server = Some(b"gunicorn\x1b".to_vec());
        assert_eq!(outcome(&probed), "HTTP/1.1 200, gunicorn\\x1b");
        let mut failed = Probed::sample_failed(StepName::Connect, Outcome::NotConnected);
        failed.steps[0].errno = Some(11);
        assert_eq!(outcome(&failed), "connect failed: Resource temporarily unavailable (EAGAIN)");
        assert_eq!(
            steps(&probed),
            "connect 0.10 ms, send 0.05 ms, first byte 0.80 ms, reply 0.05 ms; 1.00 ms in all"
        );
    }

    #[test]
    fn every_time_stands_in_one_bar() {
        let times: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        let bars = histogram(&times);
        let count = |bar: &String| bar.rsplit(' ').next().unwrap().parse::<usize>().unwrap();
        assert_eq!((bars.len(), bars.iter().map(count).sum::<usize>()), (8, 100));
        assert_eq!(histogram(&times[..1]), Vec::<String>::new());
        assert!(summary(&times).starts_with("p50 50.00 ms, p90 90.00 ms, p99 99.00 ms"));
        let outlier = [vec![Duration::from_millis(1); 99], vec![Duration::from_secs(1)]].concat();
        assert!(summary(&outlier).ends_with("; 1 probe took more than ten times p90"));
    }
}
