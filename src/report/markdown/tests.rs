use std::time::Duration;

use super::*;
use crate::model::{
    Deed, How, NotProbed, Overall, Probed, ProbedTarget, Removal, ReplyShown, Subject, SubjectKind, Trace,
    Victim,
};
use crate::report::sample;

#[test]
fn a_hostile_name_stays_in_its_code_span_and_its_cell() {
    let text = sample::written(&sample::hostile(), |report, out| render(report, Loudness::Normal, out));
    let expected = r#"| severity | code | rule | subject | what |
|---|---|---|---|---|
| error | SD104 | stale-socket-file | ``/tmp/a\x0a\x1b[31m\xff"<\|%`_`` | Nobody has it bound, 100%. |

## SD104 stale-socket-file: ``/tmp/a\x0a\x1b[31m\xff"<|%`_``

Nobody has it bound, 100%.

- evidence: ``lstat: socket /tmp/a\x0a\x1b[31m\xff"<|%`_``
- cause: its server died: a, b
- fix: ``rm /tmp/a\x0a\x1b[31m\xff"<|%`_``: remove it
- more: `sockdoctor explain SD104`

1 error · 1 target, 3 checks
"#;
    assert_eq!(text, expected);
}

#[test]
fn a_row_of_list_is_a_row() {
    let text = sample::written(&sample::list(), |report, out| render(report, Loudness::Quiet, out));
    let name = r#"``/tmp/a\x0a\x1b[31m\xff"<\|%`_``"#;
    assert_eq!(text, format!("| verdict | state | name |\n|---|---|---|\n| SD104 | - | {name} |\n\n"));
}

#[test]
fn code_spans_hold_what_would_end_them() {
    assert_eq!(code(b"a"), "`a`");
    assert_eq!(code(b"`a``b"), "``` `a``b ```");
    assert_eq!(code(b"a\\|b"), "`a\\x5c|b`");
    assert_eq!(code(b""), "(empty)");
}

#[test]
fn prose_holds_no_markup() {
    assert_eq!(prose(b"*a* _b_ <c> @d\n"), r"\*a\* \_b\_ \<c\> \@d\\x0a");
    let mut text = Vec::new();
    row(&[prose(b"a\\|b")], &mut text).unwrap();
    assert_eq!(text, b"| a\\\\\\|b |\n");
}

#[test]
fn words_of_our_own_keep_their_commands() {
    assert_eq!(own("a_b: `ls *` and `x`"), r"a\_b: `ls *` and `x`");
    assert_eq!(own("`odd"), r"\`odd");
}

#[test]
fn a_failure_says_what_and_what_next() {
    let text = sample::written(&sample::failed(), |report, out| render(report, Loudness::Normal, out));
    assert_eq!(text, "**sockdoctor:** no \\\\x1b \\<such\\> socket\n\nlook, again\n\n");
}

#[test]
fn a_list_ends_before_what_follows_it() {
    let left = NotProbed { label: b"/tmp/a|b".to_vec(), why: "it is not known to speak HTTP".into() };
    let subject = Subject { kind: SubjectKind::Path, name: b"/tmp/p".to_vec() };
    let targets = vec![ProbedTarget {
        label: b"/tmp/p".to_vec(),
        verdict: Overall::Ok,
        subject,
        probes: vec![Probed::sample()],
        cut_short: None,
        checked: None,
    }];
    let data = Data::Probe { targets, not_probed: vec![left], shown: ReplyShown::Line };
    let probed = Report { data, ..sample::report(vec![]) };
    let text = sample::written(&probed, |report, out| render(report, Loudness::Normal, out));
    let end =
        "- not probed: `/tmp/a|b`: it is not known to speak HTTP\n\nnothing found · 1 target, 3 checks\n";
    assert!(text.ends_with(end), "{text}");
    let quiet = sample::written(&probed, |report, out| render(report, Loudness::Quiet, out));
    assert!(!quiet.contains("not probed"), "{quiet}");

    let removal = Removal {
        path: b"/tmp/x.sock".to_vec(),
        since: Duration::from_secs(9),
        how: How::Removed,
        culprit: None,
        earlier: None,
        with_directory: false,
        victim: Victim::default(),
        listens_on: None,
    };
    let kept = Trace::sample(vec![Deed::Unlink]);
    let trace = Trace { removals: vec![removal], removals_left_out: 2, left_out: 5, ..kept };
    let watched = Report { data: Data::Watched(trace.into()), ..sample::report(vec![]) };
    let text = sample::written(&watched, |report, out| render(report, Loudness::Normal, out));
    let begin = "- `/tmp/x.sock: somebody removed it (it was there before the watch)`\n- and 2 times more\n\n| at | event |";
    let end = "\n\nand 5 events more that were not kept\n\nnothing found · 1 target, 3 checks\n";
    assert!(text.starts_with(begin) && text.ends_with(end), "{text}");
}

#[test]
fn details_stand_below_what_they_are_of() {
    let details = [("proof", "one".to_owned()), ("", "two".to_owned())];
    let mut text = Vec::new();
    item("stale  /x", &details, Loudness::Normal, &mut text).unwrap();
    item("stale  /y", &details, Loudness::Quiet, &mut text).unwrap();
    assert_eq!(text, b"- `stale  /x`\n  - proof: `one`\n  - `two`\n- `stale  /y`\n");
}
