//! Bytes that strangers choose, and everything that reads them: what the kernel passes on of other users' names,
//! configuration files, a server's reply, a pasted log, a name in a report.
//!
//! One function for each, which panics where something is wrong. libFuzzer drives them from `fuzz/`; the tests below
//! do it with the cases of `fixtures/fuzz/` and changes of them.

use std::time::{Duration, SystemTime};

use crate::config::{
    Text, compose, gunicorn, haproxy, mysql, nginx, patch, php_fpm, postgres, redis, systemd, tmpfiles,
};
use crate::model::{
    Alarm, Case, Certainty, Data, Evidence, Fact, Failure, Finding, Fix, Gap, Host, Location, NotChecked,
    Overall, Report, Severity, Subject, SubjectKind, Target,
};
use crate::report::style::Style;
use crate::report::{Format, Loudness, render};
use crate::symptoms::log::Reader;
use crate::{facts, probe, rules, symptoms};

/// A target, by the name of its directory in `fixtures/fuzz/`.
pub type Drive = fn(&[u8]);

/// All of them.
pub const TARGETS: [(&str, Drive); 7] = [
    ("netlink", facts::fuzzed::netlink),
    ("proc", facts::fuzzed::proc),
    ("mountinfo", facts::fuzzed::mountinfo),
    ("config", config),
    ("reply", reply),
    ("symptom", symptom),
    ("report", report),
];

/// The target of this name.
pub fn target(name: &str) -> Option<Drive> {
    TARGETS.iter().find(|(own, _)| *own == name).map(|(_, drive)| *drive)
}

/// A configuration file; the first byte chooses whose.
fn config(bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else { return };
    let file: Text = (b"dir/file.conf".to_vec(), text.to_vec());
    // An include leads to itself: that must come to an end.
    let again = vec![file.clone()];
    let mut load = |_: &[u8]| Ok(again.clone());
    match choice % 12 {
        0 => drop((
            nginx::is_it(text),
            nginx::is_whole(text),
            nginx::read(std::slice::from_ref(&file), &mut load),
        )),
        1 => drop(systemd::unit("a@b.service", &[file.clone(), file])),
        2 => drop(systemd::unit("a@b.socket", &[file.clone(), file])),
        3 => {
            let lines = tmpfiles::lines(&file.0, text);
            drop((tmpfiles::aged(&lines, b"/tmp/a/b"), tmpfiles::directories(&file.0, text)));
        }
        4 => drop((haproxy::is_it(text), haproxy::read(&[file.clone(), file]))),
        5 => drop((php_fpm::is_it(text), php_fpm::read(&file, &mut load))),
        6 => drop((postgres::is_it(text), postgres::read(&file, &mut |_, _| Ok(again.clone())))),
        7 => drop((mysql::is_it(text), mysql::read(&file, &mut |_, _| Ok(again.clone())))),
        8 => drop((redis::is_it(text), redis::read(&file, &mut load))),
        9 => {
            let mut variables = compose::Variables::default();
            variables.read(text);
            drop(compose::read(&[file.clone(), file], &variables, &["a".to_owned()]));
        }
        10 => {
            let words: Vec<Vec<u8>> = text.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
            drop((gunicorn::configured(&file.0, text), gunicorn::launch(&words)));
            drop(crate::config::clients::of_command(&words));
        }
        _ => {
            let text = String::from_utf8_lossy(text);
            drop((patch::unified(b"f", &text, &[]), crate::config::silenced::is(&text, 3, "SD104")));
        }
    }
}

/// What a server answers, through the probe and every rule, to every format.
fn reply(bytes: &[u8]) {
    let Some(probed) = probe::fuzzed::reply(bytes) else { return };
    let target = Target::Path(b"/x.sock".to_vec());
    let case = Case { probe: Fact::Known(Box::new(probed)), ..Case::new(target, b"/x.sock".to_vec()) };
    let judged = rules::judge(&case, rules::ALL, |_| true);
    let named = rules::ALL.iter().filter(|rule| judged.findings.iter().any(|found| found.code == rule.code));
    let rules = named.copied().collect();
    shown(&Report { findings: judged.findings, not_checked: judged.not_checked, rules, ..blank() });
}

/// What is typed or pasted: targets, error texts, logs.
fn symptom(text: &[u8]) {
    let _ = (Target::parse(text), Target::parse_server(text), Target::http_path(text));
    let _ = (Target::expected_type(text), symptoms::recognise(text));
    let mut log = Reader::new(b"a.log", Some(0));
    // Pieces end anywhere.
    for piece in text.chunks(1 + text.len() / 3) {
        log.take(piece);
    }
    drop(log.finish(true));
}

/// Names in every place of a report, in every format.
fn report(bytes: &[u8]) {
    let (name, rest) = bytes.split_at(bytes.len() / 2);
    let text = String::from_utf8_lossy(rest).into_owned();
    let kinds = [SubjectKind::Path, SubjectKind::Abstract, SubjectKind::Config, SubjectKind::Host];
    let severities = [Severity::Error, Severity::Warning, Severity::Info];
    let finding = |kind: SubjectKind, severity| Finding {
        code: "SD104",
        name: "stale-socket-file",
        severity,
        certainty: Certainty::Likely,
        subject: Subject { kind, name: name.to_vec() },
        summary: text.clone(),
        evidence: vec![Evidence::new(text.clone(), name)],
        cause: Some(text.clone()),
        fixes: vec![Fix::change([b"rm ", name].concat(), text.clone())],
        locations: vec![Location { file: name.to_vec(), line: 1, column: 2 }],
    };
    let findings =
        kinds.into_iter().zip(severities.into_iter().cycle()).map(|(kind, bad)| finding(kind, bad));
    let gap = Gap::new(text.clone(), text.clone()).helped_by(text.clone());
    shown(&Report {
        findings: findings.collect(),
        not_checked: vec![NotChecked { code: Some("SD104"), gap }],
        failure: Some(Failure { message: text.clone(), hint: Some(text.clone()) }),
        ..blank()
    });
}

fn blank() -> Report {
    Report {
        command: "inspect",
        host: Host { kernel: "6.18".into(), netns: None, mntns: None, uid: 0 },
        started: SystemTime::UNIX_EPOCH,
        duration: Duration::ZERO,
        verdict: Overall::Error,
        exit_code: 1,
        alarm: Alarm::Critical,
        failure: None,
        findings: Vec::new(),
        suppressed: 0,
        left_out: 0,
        checks: 0,
        not_checked: Vec::new(),
        subjects: 1,
        rules: rules::ALL.iter().copied().filter(|rule| rule.code == "SD104").collect(),
        data: Data::None,
    }
}

/// Every format of it, read back by a reader that knows the format and not us.
fn shown(report: &Report) {
    for format in Format::ALL {
        let mut out = Vec::new();
        let written = render(report, format, &Style::FILE, Loudness::Verbose, &mut out);
        assert!(written.is_ok(), "{}: {written:?}", format.word());
        let text = std::str::from_utf8(&out);
        assert!(text.is_ok(), "{}: not UTF-8", format.word());
        read_back(format, text.unwrap_or_default(), report);
    }
}

fn read_back(format: Format, text: &str, report: &Report) {
    let tabs = format == Format::Plain;
    let raw = text.chars().find(|c| c.is_control() && *c != '\n' && !(tabs && *c == '\t'));
    assert_eq!(raw, None, "raw in {}: {text:?}", format.word());
    let count = match format {
        Format::Json => {
            let document: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
            document["findings"].as_array().map(Vec::len)
        }
        Format::Sarif => {
            let document: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
            document["runs"][0]["results"].as_array().map(Vec::len)
        }
        Format::Junit => {
            assert_xml(text);
            None
        }
        Format::Ndjson => {
            let each = text.lines().map(serde_json::from_str::<serde_json::Value>);
            each.for_each(|line| assert!(line.is_ok(), "{line:?}: {text}"));
            None
        }
        _ => None,
    };
    if matches!(format, Format::Json | Format::Sarif) {
        assert_eq!(count, Some(report.findings.len()), "{}: {text}", format.word());
    }
}

/// Well-formed, and no character in it that XML 1.0 does not have (§ 2.2), not even as a reference.
fn assert_xml(text: &str) {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(Event::Eof) => return,
            Ok(Event::GeneralRef(reference)) => {
                let character = reference.resolve_char_ref();
                assert!(character.is_ok_and(|c| c.is_none_or(is_xml)), "{reference:?}: {text}");
            }
            Ok(_) => {}
            Err(error) => panic!("{error}: {text}"),
        }
    }
}

fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests;
