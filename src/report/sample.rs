//! Reports to test the formats with: one name that holds what each format might take for its own.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::model::{
    Alarm, Certainty, Data, Evidence, Failure, Finding, Fix, Gap, Graph, GraphSocket, GuardOutcome,
    GuardPass, Holder, Host, Listed, ListedRow, Listing, Location, NotChecked, Overall, Probed, Process,
    RepairCount, Report, Rule, Severity, SocketField, Subject, SubjectKind,
};

/// A newline, an escape sequence, a byte that is no UTF-8, and `"`, `<`, `|`, `%`, a backtick, `_`.
pub(super) const HOSTILE: &[u8] = b"/tmp/a\n\x1b[31m\xff\"<|%`_";

static RULE: Rule = Rule {
    code: "SD104",
    name: "stale-socket-file",
    severity: Severity::Error,
    explain: " Nobody has it bound.\n\n # What it means\n The server\n died.\n\n # Fix\n Restart it.\n",
    check: Rule::no_case,
    declared: Rule::no_declaration,
};

/// One finding about a name, everything in it quoting that name.
pub(super) fn finding(severity: Severity, name: &[u8]) -> Finding {
    Finding {
        code: RULE.code,
        name: RULE.name,
        severity,
        certainty: Certainty::Certain,
        subject: Subject { kind: SubjectKind::Path, name: name.to_vec() },
        summary: "Nobody has it bound, 100%.".into(),
        evidence: vec![Evidence::new("lstat", [b"socket ", name].concat())],
        cause: Some("its server died: a, b".into()),
        fixes: vec![Fix::change([b"rm ", name].concat(), "remove it")],
        locations: Vec::new(),
    }
}

/// The same with a place in a file.
pub(super) fn located(severity: Severity, name: &[u8]) -> Finding {
    let location = Location { file: b"/etc/a:b,c d.conf".to_vec(), line: 12, column: 9 };
    Finding { locations: vec![location], ..finding(severity, name) }
}

/// What `inspect` answers with these findings.
pub(super) fn report(findings: Vec<Finding>) -> Report {
    Report {
        command: "inspect",
        host: Host { kernel: "6.18".into(), netns: None, mntns: None, uid: 0 },
        started: SystemTime::UNIX_EPOCH,
        duration: Duration::from_millis(1500),
        verdict: Overall::Error,
        exit_code: 1,
        alarm: Alarm::Critical,
        failure: None,
        findings,
        suppressed: 0,
        left_out: 0,
        checks: 3,
        not_checked: Vec::new(),
        subjects: 1,
        rules: vec![&RULE],
        data: Data::None,
    }
}

/// One finding about [`HOSTILE`].
pub(super) fn hostile() -> Report {
    report(vec![finding(Severity::Error, HOSTILE)])
}

/// The same, and a check that was not possible.
pub(super) fn with_gap() -> Report {
    let gap = Gap::new("unix_diag", "Operation not permitted").helped_by("sudo sockdoctor");
    Report { not_checked: vec![NotChecked { code: Some(RULE.code), gap }], ..hostile() }
}

/// A `list` of one file without a socket.
pub(super) fn list() -> Report {
    let row = ListedRow {
        about: Listed::File(HOSTILE.into()),
        file: None,
        verdict: Overall::Error,
        role: None,
        holders: None,
        codes: ["SD104"].into(),
    };
    let sockets = Listing { rows: vec![row], ..Listing::default() };
    let fields = vec![SocketField::Verdict, SocketField::State, SocketField::Name];
    Report { command: "list", data: Data::List { sockets, fields }, ..report(Vec::new()) }
}

/// A socket with a hostile name, its holder in a container, and a consumer with a hostile name of its own.
pub(super) fn graph() -> Graph {
    let held = Holder::sample(4242);
    let (unit, container) = (Some("a.service".into()), Some("web".into()));
    let holder = Process { unit, container, ..(*held.process).clone() };
    let consumer = Process { pid: 4243, command: b"a\"<b\n".to_vec(), ..(*held.process).clone() };
    let [holder, consumer] =
        [holder, consumer].map(|process| Holder { process: Arc::new(process), ..held.clone() });
    let socket = GraphSocket::sample(HOSTILE, &[holder], &[consumer]);
    Graph { sockets: vec![GraphSocket { verdict: Overall::Error, codes: vec!["SD104"], ..socket }] }
}

/// A pass that did not repair, with a hostile name and reason.
pub(super) fn guard() -> GuardPass {
    let window = Duration::from_secs(3600);
    GuardPass {
        label: b"/run/x\n".to_vec(),
        outcome: GuardOutcome::BackingOff,
        tries: vec![Probed::sample()],
        cause: None,
        why: Some("so\x1b".into()),
        repair: None,
        repairs: RepairCount { made: 1, allowed: 3, window, next: None },
        passes: 1,
        recovered: 0,
    }
}

/// A command that failed.
pub(super) fn failed() -> Report {
    let failure = Failure { message: "no \x1b <such> socket".into(), hint: Some("look, again".into()) };
    Report {
        failure: Some(failure),
        exit_code: 3,
        alarm: Alarm::Unknown,
        verdict: Overall::Unknown,
        ..report(Vec::new())
    }
}

/// What a format makes of a report.
pub(super) fn written(
    report: &Report,
    render: impl FnOnce(&Report, &mut dyn Write) -> io::Result<()>,
) -> String {
    let mut text = Vec::new();
    render(report, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}
