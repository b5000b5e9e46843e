//! How a server fares, as labelled lines: what `inspect -v` shows below its holders.

use super::style::escape;
use super::text::plural;
use crate::model::{Health, Holder, LogReading, LoggedFamily, Sample, Sighting, Vitals, Waiting};

/// Label and text of each line.
pub(super) fn lines(health: &Health, server: Option<&Sighting>) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for (number, vitals) in health.holders.iter().enumerate() {
        lines.push((if number == 0 { "health" } else { "" }, vital(vitals, health)));
    }
    if let Some(backlog) = health.clamp {
        lines.push(("backlog", format!("{backlog} is net.core.somaxconn: more was cut to it")));
    }
    if let Some(waiting) = server.and_then(|server| server.waiting.known()) {
        lines.push(("waiting", waiting_line(waiting)));
    }
    if let Some(half_dead) = health.half_dead.known().filter(|half_dead| half_dead.count > 0) {
        lines.push(("half-dead", plural(half_dead.count, "connection") + " without a client"));
    }
    if health.samples.len() > 1 {
        for (number, sample) in health.samples.iter().enumerate() {
            lines.push((if number == 0 { "samples" } else { "" }, sample_line(sample)));
        }
        let (came, went) = health.churn();
        for (label, pids) in [("came", came), ("went", went)] {
            let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
            lines.extend((!pids.is_empty()).then(|| (label, format!("pid {}", pids.join(", ")))));
        }
    }
    lines
}

/// What the logs told; shown wherever a log was asked for.
pub(super) fn log_lines(health: &Health) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for reading in health.log.known().into_iter().flatten() {
        lines.push(("log", log_line(reading)));
        lines.extend(reading.families.iter().map(|family| ("", family_line(family))));
    }
    lines
}

fn vital(vitals: &Vitals, health: &Health) -> String {
    let mut parts = vec![format!("pid {}: state {}", vitals.pid, vitals.state)];
    parts.extend(vitals.threads.map(|count| plural(count as usize, "thread")));
    parts.extend(vitals.rss.map(|bytes| format!("{} MiB", bytes >> 20)));
    parts.extend(vitals.age.map(|seconds| format!("{seconds} s old")));
    if let Some(found) = vitals.descriptors.known() {
        let limit = if found.limit == u64::MAX { "no limit".into() } else { found.limit.to_string() };
        parts.push(format!("descriptors {}/{limit}", found.below));
    }
    let grown = health.growth(vitals.pid).filter(|grown| grown.abs() >= 1.0);
    parts.extend(grown.map(|grown| format!("{grown:+.0} descriptors a minute")));
    parts.extend(vitals.orphan.then(|| "its parent has died or is process 1".to_owned()));
    parts.join(", ")
}

fn waiting_line(waiting: &Waiting) -> String {
    let one = |holder: &Holder| format!("{} pid {}", escape(&holder.process.command), holder.process.pid);
    let mut parts: Vec<String> = waiting.clients.iter().take(8).map(one).collect();
    let more = waiting.clients.len().saturating_sub(parts.len()) + waiting.hidden;
    parts.extend((more > 0).then(|| format!("{more} more, not named")));
    parts.extend((waiting.gone > 0).then(|| format!("{} whose client has left", waiting.gone)));
    parts.join(", ")
}

fn sample_line(sample: &Sample) -> String {
    let mut parts = vec![format!("{:>5.1} s", sample.at.as_secs_f64())];
    parts.push(sample.queue.map_or_else(
        || "not there".to_owned(),
        |queue| format!("queue {}/{}", queue.waiting, queue.backlog),
    ));
    let left = sample.waiting.as_ref().map_or(0, |queue| queue.iter().filter(|ino| **ino == 0).count());
    parts.extend((left > 0).then(|| format!("{left} of them left")));
    parts.extend((!sample.half_dead.is_empty()).then(|| format!("{} half-dead", sample.half_dead.len())));
    for pulse in sample.processes.iter().take(8) {
        parts.extend(pulse.open.map(|open| format!("pid {} has {open} descriptors", pulse.pid)));
    }
    parts.join(", ")
}

fn log_line(reading: &LogReading) -> String {
    let part = if reading.cut { ", its last part" } else { "" };
    let cut = match reading.long_lines {
        0 => part.to_owned(),
        long => format!("{part}, {long} of them longer than 16 KiB and cut to that"),
    };
    let known: u64 = reading.families.iter().map(|family| family.count).sum();
    let lines = usize::try_from(reading.lines).unwrap_or(usize::MAX);
    format!("{}: {}{cut}, {known} of known errors", escape(&reading.name), plural(lines, "line"))
}

fn family_line(family: &LoggedFamily) -> String {
    let mut text = format!("{} {}", family.count, family.family.word());
    if let (Some(first), Some(last)) = (family.first, family.last) {
        let span = if first == last { time(first) } else { format!("{} to {}", time(first), time(last)) };
        text = format!("{text}, {span}");
    }
    if let Some(rate) = family.per_minute() {
        text = format!("{text}, {rate:.1} a minute");
    }
    if family.older > 0 {
        text = format!("{text}, {} before the server's start", family.older);
    }
    format!("{text}: {}   sockdoctor explain {}", escape(&family.example), family.family.explained_by())
}

/// RFC 3339, UTC.
pub(super) fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fact;

    #[test]
    fn a_process_and_each_look_are_a_line() {
        let health = Health::sampled(&[&[], &[7, 0], &[7, 0]], 5);
        let lines: Vec<String> = lines(&health, None).into_iter().map(|(_, line)| line).collect();
        assert!(
            lines[0].starts_with("pid 4242: state S, 1 thread, 1 MiB, 60 s old, descriptors 5/1024, +60")
        );
        assert_eq!(lines[2].trim_start(), "1.0 s, queue 2/5, 1 of them left, pid 4242 has 11 descriptors");
    }

    #[test]
    fn what_is_wrong_with_a_server_has_its_line() {
        let mut health = Health::sampled(&[&[], &[]], 128);
        health.clamp = Some(128);
        health.half_dead = Fact::Known(crate::model::HalfDead { count: 2, ..Default::default() });
        health.holders[0].orphan = true;
        health.samples[0].queue = None;
        health.samples[1].processes[0].pid = 7;
        let waiting = Waiting { clients: (1..=9).map(Holder::sample).collect(), hidden: 1, gone: 3 };
        let server = Sighting { waiting: Fact::Known(waiting), ..Sighting::sample() };
        let lines = lines(&health, Some(&server));
        let line = |label| &lines.iter().find(|line| line.0 == label).unwrap().1;
        assert!(line("health").ends_with(", its parent has died or is process 1"), "{lines:?}");
        assert_eq!(line("backlog"), "128 is net.core.somaxconn: more was cut to it");
        assert_eq!(line("half-dead"), "2 connections without a client");
        assert!(line("samples").contains("not there"), "{lines:?}");
        assert_eq!((line("came").as_str(), line("went").as_str()), ("pid 7", "pid 4242"));
        let waiting = line("waiting");
        assert!(
            waiting.starts_with("python3 pid 1, ") && waiting.contains("python3 pid 8, 2 more, not named")
        );
        assert!(waiting.ends_with(", 3 whose client has left"), "{waiting}");
    }

    #[test]
    fn a_hostile_log_line_stays_on_its_line() {
        let family = LoggedFamily {
            family: crate::model::LogFamily::Ebadf,
            count: 3,
            first: Some(0),
            last: Some(60),
            older: 1,
            example: b"\x1b[31m\nx".to_vec(),
            from: None,
        };
        let reading = LogReading { name: b"a\nb".to_vec(), families: vec![family], ..LogReading::default() };
        let health = Health { log: Fact::Known(vec![reading]), ..Health::default() };
        let lines = log_lines(&health);
        assert!(lines.iter().all(|(_, line)| !line.contains(['\n', '\x1b'])), "{lines:?}");
        assert!(
            lines[1].1.contains("1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z, 2.0 a minute"),
            "{lines:?}"
        );
    }
}
