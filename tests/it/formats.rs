//! One run, every format: read back by readers that know the format and not us, they all say the same in one order.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::Value;
use sockdoctor::act::broken;
use sockdoctor::report::style::escape;

use crate::binary::{json, run, sockdoctor};
use crate::process::finish;
use crate::world::{World, isolated, need, skip};

const SOON: Duration = Duration::from_secs(30);
const HOSTILE: &[u8] = b"a\n\x1b[31m\xff\"<|%`\\|@x";
const OF_INSPECT: [&str; 7] = ["text", "plain", "json", "markdown", "github", "sarif", "junit"];

/// A stale file with a hostile name, a listener without its file, a healthy one; the directories to inspect.
fn built(world: &World) -> (impl Sized, Vec<PathBuf>) {
    let dirs = ["s", "u", "h"].map(|name| world.path(name));
    for dir in &dirs {
        std::fs::create_dir(dir).unwrap();
    }
    drop(UnixListener::bind(dirs[0].join(OsStr::from_bytes(HOSTILE))).unwrap());
    let held = (broken::unlinked(&dirs[1]).unwrap(), broken::datagram(&dirs[2]).unwrap());
    let targets = vec![held.1.path.clone(), dirs[0].clone(), held.0.path.clone()];
    (held, targets)
}

/// `(code, subject)` of each finding, the subject escaped as for people.
type Found = Vec<(String, String)>;

fn in_json(text: &str) -> (Found, Vec<String>) {
    let document: Value = serde_json::from_str(text).unwrap();
    let findings = document["findings"].as_array().unwrap();
    let subject = |finding: &Value| {
        let subject = &finding["subject"];
        let exact = subject["name_b64"].as_str().map(|exact| BASE64_STANDARD.decode(exact).unwrap());
        escape(&exact.unwrap_or_else(|| subject["name"].as_str().unwrap().into()))
    };
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let found = findings.iter().map(|finding| (word(&finding["code"]), subject(finding))).collect();
    (found, findings.iter().map(|finding| word(&finding["name"])).collect())
}

fn in_text(text: &str) -> Found {
    let first = text.lines().filter(|line| line.contains(" SD") && !line.starts_with(' '));
    first
        .map(|line| {
            let (head, subject) = line.split_once("  ").unwrap();
            (head.split(' ').nth(2).unwrap().to_owned(), subject.to_owned())
        })
        .collect()
}

fn in_plain(text: &str) -> Found {
    let rows = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    rows.filter(|row| row[1] != "-").map(|row| (row[1].to_owned(), row[4].to_owned())).collect()
}

/// The cells of a table's row, split where a parser of GitHub's markdown splits it.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut escaped) = (vec![String::new()], false);
    for character in line.strip_prefix('|').unwrap().strip_suffix('|').unwrap().chars() {
        let last = cells.last_mut().unwrap();
        match character {
            '|' if escaped => {
                last.pop();
                last.push('|');
            }
            '|' => cells.push(String::new()),
            _ => last.push(character),
        }
        escaped = character == '\\';
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

/// The tables of a document; every row has as many cells as the head. A blank line is before each, and behind each
/// list: what follows one directly belongs to its last item (GFM §5.2, "laziness").
fn tables(markdown: &str) -> Vec<Vec<Vec<String>>> {
    assert!(!markdown.chars().any(|c| c.is_control() && c != '\n'), "{markdown:?}");
    for (above, below) in markdown.lines().zip(markdown.lines().skip(1)) {
        let is_item = |line: &str| line.trim_start().starts_with("- ");
        let ends_list = !is_item(above) || below.is_empty() || is_item(below);
        let begins_table = !below.starts_with('|') || above.is_empty() || above.starts_with('|');
        assert!(ends_list && begins_table, "{above}\n{below}\nin\n{markdown}");
    }
    let mut tables: Vec<Vec<Vec<String>>> = Vec::new();
    let mut inside = false;
    for line in markdown.lines() {
        if line.starts_with('|') {
            if !inside {
                tables.push(Vec::new());
            }
            let (table, row) = (tables.last_mut().unwrap(), cells(line));
            assert!(table.first().is_none_or(|head| head.len() == row.len()), "{line}");
            table.push(row);
        }
        inside = line.starts_with('|');
    }
    tables
}

/// What stands in a code span.
fn span(text: &str) -> &str {
    let fence = text.len() - text.trim_start_matches('`').len();
    let inner = &text[fence..text.len() - fence];
    let padded = inner.strip_prefix(' ').and_then(|inner| inner.strip_suffix(' '));
    assert!(fence > 0 && !inner.split(|c| c != '`').any(|run| run.len() == fence), "{text}");
    padded.unwrap_or(inner)
}

fn in_markdown(text: &str) -> Found {
    let table = tables(text).remove(0);
    table.iter().skip(2).map(|row| (row[1].clone(), span(&row[3]).to_owned())).collect()
}

/// A workflow command: its name, its properties, its message.
type Annotation = (String, Vec<(String, String)>, String);

/// Unescaped as the runner does it.
fn command(line: &str) -> Option<Annotation> {
    let (head, message) = line.strip_prefix("::")?.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let data = |text: &str| text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
    let properties = properties.split(',').filter_map(|pair| pair.split_once('='));
    let properties = properties
        .map(|(key, value)| (key.to_owned(), data(&value.replace("%3A", ":").replace("%2C", ","))))
        .collect();
    Some((name.to_owned(), properties, data(message)))
}

fn in_github(text: &str) -> Found {
    let commands = text.lines().filter_map(command);
    commands
        .map(|(name, properties, message)| {
            assert!(["error", "warning", "notice"].contains(&name.as_str()), "{name}");
            let title = &properties.iter().find(|(key, _)| key == "title").unwrap().1;
            let subject = message.lines().next().unwrap().split_once(": ").unwrap().0;
            (title.split(' ').next().unwrap().to_owned(), subject.to_owned())
        })
        .collect()
}

/// The results, after what SARIF 2.1.0 requires of each object and GitHub in addition.
fn in_sarif(text: &str) -> Found {
    let log: Value = serde_json::from_str(text).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().ends_with("sarif-schema-2.1.0.json"));
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "sockdoctor");
    let rules = driver["rules"].as_array().unwrap();
    let mut ids = HashSet::new();
    for rule in rules {
        assert!(ids.insert(rule["id"].as_str().unwrap()), "{rule:#}");
        for text in ["shortDescription", "fullDescription", "help"] {
            assert!(rule[text]["text"].as_str().is_some_and(|text| !text.is_empty()), "{rule:#}");
        }
        let level = rule["defaultConfiguration"]["level"].as_str().unwrap();
        assert!(["error", "warning", "note"].contains(&level), "{level}");
    }
    assert!(run["invocations"][0]["executionSuccessful"].is_boolean());
    let results = run["results"].as_array().unwrap();
    let mut fingerprints = HashSet::new();
    results
        .iter()
        .map(|result| {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
            assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()), "{result:#}");
            assert!(result["message"]["text"].is_string());
            let prints = result["partialFingerprints"].as_object().unwrap();
            assert!(!prints.is_empty() && prints.values().all(Value::is_string), "{result:#}");
            assert!(fingerprints.insert(prints.values().next().unwrap().clone()), "{result:#}");
            let location = &result["locations"][0];
            let uri = location["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
            // RFC 3986: no other characters, and a percent only before two digits.
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
            assert!(uri.chars().all(allowed), "{uri}");
            let digits = |part: &str| part.len() > 1 && u8::from_str_radix(&part[..2], 16).is_ok();
            assert!(uri.split('%').skip(1).all(digits), "{uri}");
            assert!(
                location["physicalLocation"]["region"]["startLine"].as_u64().is_some_and(|line| line > 0)
            );
            let name = location["logicalLocations"][0]["fullyQualifiedName"].as_str().unwrap();
            (result["ruleId"].as_str().unwrap().to_owned(), name.to_owned())
        })
        .collect()
}

/// Prints `[name, classname, children]` of each case, and whether the counts of the suite are right.
const READER: &str = "
import json, sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
assert root.tag == 'testsuites', root.tag
(suite,) = root
cases = list(suite)
for attribute, tag in [('failures', 'failure'), ('errors', 'error'), ('skipped', 'skipped')]:
    assert int(suite.get(attribute)) == len(suite.findall('testcase/' + tag)), attribute
assert int(suite.get('tests')) == len(cases) and float(suite.get('time')) >= 0
print(json.dumps([[case.get('name'), case.get('classname'), [child.tag for child in case]] for case in cases]))
";

/// Each case: its name, and the tags within it.
fn in_junit(file: &OsStr) -> Option<Vec<(String, Vec<String>)>> {
    let mut python = need("python3")?;
    let output = finish(python.args(["-c", READER]).arg(file), SOON);
    assert_eq!((output.status, output.stderr.as_str()), (0, ""));
    let cases: Vec<(String, String, Vec<String>)> = serde_json::from_str(&output.stdout).unwrap();
    let names: HashSet<&str> = cases.iter().map(|case| case.0.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "two cases of one name: {cases:#?}");
    assert!(cases.iter().all(|case| case.1 == "sockdoctor.inspect"), "{cases:#?}");
    Some(cases.into_iter().map(|(name, _, tags)| (name, tags)).collect())
}

#[test]
fn all_formats_of_one_run_say_the_same_in_one_order() {
    let name = "formats::all_formats_of_one_run_say_the_same_in_one_order";
    isolated(name, |world| {
        let (_held, targets) = built(world);
        let file = |format: &str| world.path(&format!("out.{format}"));
        let mut sockdoctor = sockdoctor();
        sockdoctor.arg("inspect").args(&targets).env("LC_ALL", "C.UTF-8");
        for format in OF_INSPECT {
            sockdoctor.arg(format!("--report={format}={}", file(format).display()));
        }
        let output = finish(&mut sockdoctor, SOON);
        assert_eq!((output.status, output.stderr.as_str()), (1, ""));
        let read = |format: &str| std::fs::read_to_string(file(format)).unwrap();
        assert_eq!(read("text"), output.stdout);
        let (found, names) = in_json(&read("json"));
        assert!(
            found.iter().any(|(code, _)| code == "SD104") && found.iter().any(|(code, _)| code == "SD102")
        );
        assert!(found.len() > 2, "the strange name is a finding too: {found:?}");
        assert_eq!(in_text(&read("text")), found);
        assert_eq!(in_plain(&read("plain")), found);
        assert_eq!(in_github(&read("github")), found);
        assert_eq!(in_sarif(&read("sarif")), found);
        // A backslash before a line is written as its code there, so that no table is in doubt.
        let shown = |name: &str| name.replace("\\|", "\\x5c|");
        let expected: Found = found.iter().map(|(code, subject)| (code.clone(), shown(subject))).collect();
        assert_eq!(in_markdown(&read("markdown")), expected);
        let Some(cases) = in_junit(file("junit").as_os_str()) else { return skip(name, "no python3") };
        let expected = names.iter().zip(&found).map(|(name, (_, subject))| format!("{name} {subject}"));
        let (failed, others) = cases.split_at(found.len());
        assert_eq!(
            failed.iter().map(|case| case.0.clone()).collect::<Vec<_>>(),
            expected.collect::<Vec<_>>()
        );
        let healthy = format!("verdict {}", targets[0].display());
        assert!(others.iter().any(|case| case.0 == healthy && case.1.is_empty()), "{others:?}");
        assert_eq!(
            std::fs::read_dir(&world.dir).unwrap().count(),
            3 + OF_INSPECT.len(),
            "nothing beside them"
        );
    });
}

#[test]
fn the_format_does_not_change_the_exit_status() {
    isolated("formats::the_format_does_not_change_the_exit_status", |world| {
        let (_held, targets) = built(world);
        let [healthy, _, unlinked] = [0, 1, 2].map(|number: usize| targets[number].to_str().unwrap());
        for (arguments, status) in [
            (&["inspect", healthy, "--fail-on", "warning"][..], 0),
            (&["inspect", unlinked], 1),
            (&["inspect", unlinked, "--fail-on", "never"], 0),
            (&["inspect", ""], 2),
            (&["inspect", unlinked, "--nonsense"], 2),
            (&["inspect", "inode:1"], 3),
        ] {
            for format in OF_INSPECT {
                let output = run(arguments.iter().chain(&["--format", format]));
                assert_eq!(output.status, status, "{arguments:?} {format}: {}", output.stderr);
                // A failure is said in every format that has a place for it.
                let silent = status > 1 && ["text", "plain"].contains(&format);
                assert_eq!(output.stdout.is_empty(), silent, "{arguments:?} {format}: {}", output.stdout);
            }
        }
        let failed = run(["inspect", "inode:1", "--format", "sarif"]).stdout;
        let failed: Value = serde_json::from_str(&failed).unwrap();
        assert_eq!(failed["runs"][0]["invocations"][0]["executionSuccessful"], false);
        let failed = run(["inspect", "inode:1", "--format", "github"]).stdout;
        assert!(
            command(failed.lines().next().unwrap()).is_some_and(|(name, ..)| name == "error"),
            "{failed}"
        );
    });
}

#[test]
fn a_line_of_ndjson_is_an_entry_of_the_document() {
    isolated("formats::a_line_of_ndjson_is_an_entry_of_the_document", |world| {
        let (_held, _) = built(world);
        let _hostile = UnixListener::bind(world.dir.join(OsStr::from_bytes(HOSTILE))).unwrap();
        let pattern = format!("{}/**", world.dir.display());
        let lines = run(["list", "--match", &pattern, "--format", "ndjson"]);
        assert_eq!((lines.status, lines.stderr.as_str()), (0, ""));
        let rows: Vec<Value> = lines.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(rows.len() > 2, "{rows:#?}");
        assert_eq!(Value::from(rows), json(["list", "--match", &pattern])["data"]["sockets"]);
        // A failure is its document, on one line.
        let failed = run(["list", "--match", "nothing/*", "--format", "ndjson"]);
        assert_eq!((failed.status, failed.stdout.lines().count()), (3, 1), "{}", failed.stdout);
        let failed: Value = serde_json::from_str(&failed.stdout).unwrap();
        assert!(failed["schema"] == "sockdoctor/v1" && failed["error"]["message"].is_string(), "{failed:#}");
    });
}

#[test]
fn every_command_has_markdown() {
    isolated("formats::every_command_has_markdown", |world| {
        let (_held, targets) = built(world);
        let _hostile = UnixListener::bind(world.dir.join(OsStr::from_bytes(HOSTILE))).unwrap();
        let target = targets[1].to_str().unwrap();
        let stale = broken::stale(&world.dir).unwrap();
        let stale = stale.path.to_str().unwrap();
        let document = world.write("host.json", &run(["inspect", stale, "--json"]).stdout);
        let compose = format!("{}/fixtures/compose/long-syntax.yml", env!("CARGO_MANIFEST_DIR"));
        for (arguments, least) in [
            (&["inspect", target][..], 1),
            (&["inspect", "-v", target], 2),
            (&["inspect", "-q", target], 1),
            (&["list"], 1),
            (&["list", "--fields", "name,holders,unit,owner"], 1),
            (&["demo"], 1),
            (&["demo", "--list"], 1),
            (&["explain", "SD102"], 0),
            (&["explain", "ECONNREFUSED"], 1),
            (&["explain", "connect() to unix:/run/a|b`.sock failed (2: No such file or directory)"], 1),
            (&["explain", "--list"], 2),
            (&["access", target, "--as", "root"], 1),
            (&["access", stale, "--as", "root"], 1),
            (&["preflight", world.dir.to_str().unwrap()], 1),
            (&["preflight", "--compose", &compose], 1),
            (&["probe", stale], 2),
            (&["clean", stale, target], 0),
            (&["guard", stale, "--failures", "1", "--dry-run"], 0),
            (&["graph"], 0),
            (&["merge", document.to_str().unwrap()], 1),
            (&["self-check"], 1),
        ] {
            let output = run(arguments.iter().chain(&["--format", "markdown"]));
            assert!(output.status < 2 && output.stderr.is_empty(), "{arguments:?}: {}", output.stderr);
            let tables = tables(&output.stdout);
            assert!(tables.len() >= least, "{arguments:?}: {}", output.stdout);
            assert!(tables.iter().all(|table| table.len() > 2), "{arguments:?}: {}", output.stdout);
        }
    });
}

#[test]
fn every_record_for_scripts_has_the_fields_of_its_kind() {
    isolated("formats::every_record_for_scripts_has_the_fields_of_its_kind", |world| {
        let stale = world.dir.join(OsStr::from_bytes(HOSTILE));
        drop(UnixListener::bind(&stale).unwrap());
        let _held = broken::datagram(&world.dir).unwrap();
        let (stale, dir) = (stale.as_os_str(), world.dir.as_os_str());
        let word = OsStr::new;
        let pasted = "connect() to unix:/run/a.sock failed (2: No such file or directory)";
        // A finding has 6.
        for (arguments, fields) in [
            (vec![word("explain"), word("SD102")], &[5][..]),
            (vec![word("explain"), word("ECONNREFUSED")], &[4, 5]),
            (vec![word("explain"), word(pasted)], &[2, 4, 5]),
            (vec![word("explain"), word("--list")], &[3, 5]),
            (vec![word("demo"), word("--list")], &[3]),
            (vec![word("access"), stale, word("--as"), word("root")], &[3, 5, 6]),
            (vec![word("self-check")], &[5]),
            (vec![word("clean"), dir], &[4]),
            (vec![word("guard"), stale, word("--failures"), word("1"), word("--dry-run")], &[4, 6]),
            (vec![word("graph")], &[8]),
            (vec![word("preflight"), dir], &[5, 6]),
            (vec![word("inspect"), stale], &[6]),
            (vec![word("list")], &[9]),
        ] {
            let output = run(arguments.iter().copied().chain(["--format", "plain"].map(word)));
            assert!(output.status < 2 && output.stderr.is_empty(), "{arguments:?}: {}", output.stderr);
            let shown = |c: char| !c.is_control() || matches!(c, '\t' | '\n');
            assert!(output.stdout.chars().all(shown), "{arguments:?}: {:?}", output.stdout);
            let mut found: Vec<usize> = output.stdout.lines().map(|line| line.split('\t').count()).collect();
            found.sort_unstable();
            found.dedup();
            assert_eq!(found, fields, "{arguments:?}: {}", output.stdout);
        }
    });
}

#[test]
fn a_format_that_a_command_has_not_is_refused_before_anything_is_done() {
    isolated("formats::a_format_that_a_command_has_not_is_refused_before_anything_is_done", |world| {
        let file = world.path("out");
        for (command, format, has) in [
            ("list", "sarif", "text, plain, json, markdown, ndjson, openmetrics, nagios"),
            ("inspect", "ndjson", "text, plain, json, markdown, github, sarif, junit, openmetrics, nagios"),
            ("demo", "junit", "text, plain, json, markdown"),
            ("explain", "github", "text, plain, json, markdown"),
        ] {
            let words =
                if ["inspect", "explain"].contains(&command) { vec![command, "/x"] } else { vec![command] };
            let report = format!("{format}={}", file.display());
            for flags in [&["--format", format][..], &["--report", &report]] {
                let output = run(words.iter().chain(flags));
                assert_eq!((output.status, output.stdout.as_str()), (2, ""), "{words:?} {flags:?}");
                assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
                assert!(output.stderr.trim_end().ends_with(&format!("it has {has}")), "{}", output.stderr);
            }
            let document = json(words.iter().chain(&["--report", &report]));
            assert_eq!(document["exit_code"], 2, "{document:#}");
            assert!(!file.exists());
        }
    });
}

#[test]
fn reports_beside_text_are_whole_and_their_own() {
    isolated("formats::reports_beside_text_are_whole_and_their_own", |world| {
        let (_held, targets) = built(world);
        let target = targets[2].to_str().unwrap();
        let [sarif, document] = ["x.sarif", "x.json"].map(|name| world.path(name));
        let (one, two) = (format!("sarif={}", sarif.display()), format!("json={}", document.display()));
        let text = run(["inspect", target]);
        // Before and behind the command.
        let output = run(["--report", &one, "inspect", target, "--report", &two]);
        assert_eq!((output.status, &output.stdout, output.stderr.as_str()), (1, &text.stdout, ""));
        let read = |path| std::fs::read_to_string(path).unwrap();
        assert_eq!(in_sarif(&read(&sarif)), in_json(&read(&document)).0);

        // What cannot be written is said once, in every document, and hides nothing.
        let nowhere = format!("junit={}/none/x", world.dir.display());
        let output = run(["inspect", target, "--report", &nowhere, "--report", &two]);
        assert_eq!((output.status, &output.stdout), (2, &text.stdout));
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        let document: Value = serde_json::from_str(&read(&document)).unwrap();
        assert!(document["exit_code"] == 2 && document["error"]["message"].is_string(), "{document:#}");
        assert_ne!(document["findings"], Value::Array(Vec::new()));

        let same = format!("json={}/./x.json", world.dir.display());
        for flags in [
            &["-o", world.path("x.json").to_str().unwrap(), "--report", &same][..],
            &["--report", &two, "--report", &same],
            &["--report", "json"],
            &["--report", "json="],
            &["--report", "yaml=x"],
        ] {
            let output = run(["inspect", target].iter().chain(flags));
            assert_eq!((output.status, output.stdout.as_str()), (2, ""), "{flags:?}: {}", output.stderr);
        }
        // A device is written to, not replaced.
        let output = run(["inspect", target, "--report", "junit=/dev/null"]);
        assert_eq!((output.status, &output.stdout), (1, &text.stdout));
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    });
}

#[test]
fn a_step_of_github_actions_gets_its_summary() {
    isolated("formats::a_step_of_github_actions_gets_its_summary", |world| {
        let (_held, targets) = built(world);
        let summary = world.write("summary", "before\n");
        let step = |format: &str, summary: &std::path::Path| {
            let mut sockdoctor = sockdoctor();
            sockdoctor.arg("inspect").args(&targets).env("GITHUB_STEP_SUMMARY", summary);
            finish(sockdoctor.args(["--format", format]), SOON)
        };
        assert_eq!(step("json", &summary).status, 1);
        assert_eq!(std::fs::read_to_string(&summary).unwrap(), "before\n", "only for its own format");
        let output = step("github", &summary);
        let written = std::fs::read_to_string(&summary).unwrap();
        let markdown = written.strip_prefix("before\n").unwrap();
        let shown: Found = in_github(&output.stdout);
        assert_eq!(in_markdown(markdown).len(), shown.len());
        // What the file has room for, and no more.
        std::fs::write(&summary, vec![b'\n'; (1 << 20) - 300]).unwrap();
        step("github", &summary);
        assert!(std::fs::metadata(&summary).unwrap().len() <= 1 << 20);
        // A step that cannot reach its file is told, and fails by what was found only.
        let output = step("github", &world.path("none/summary"));
        assert_eq!((output.status, output.stderr.lines().count()), (1, 1), "{}", output.stderr);
    });
}
