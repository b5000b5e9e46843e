//! `scan --config`: what is found in configuration alone, and at which line; as an ordinary user.

use serde_json::Value;

use crate::binary::{json, run};
use crate::world::isolated;

/// Files, and each finding as `code severity file:line`.
const EXPECTED: [(&[&str], &[&str]); 17] = [
    (&["nginx/s1.conf", "systemd/s1"], &[]),
    (&["nginx/colon.conf", "systemd/s1"], &[]),
    (&["nginx/one-edit-away.conf", "systemd/s1"], &["SD601 error nginx/one-edit-away.conf:5"]),
    (&["nginx/s1.conf"], &["SD601 error nginx/s1.conf:5"]),
    (&["nginx/no-colon.conf", "systemd/s1"], &["SD602 error nginx/no-colon.conf:3"]),
    (&["nginx/abstract.conf"], &["SD602 error nginx/abstract.conf:2"]),
    (&["nginx/silenced.conf"], &[]),
    (&["systemd/s1"], &[]),
    (&["systemd/bind", "nginx/s1.conf"], &["SD604 info systemd/bind/app.service:8"]),
    (&["systemd/bind-loose", "nginx/s1.conf"], &["SD604 warning systemd/bind-loose/app.service:7"]),
    (&["systemd/shared", "nginx/s1.conf"], &["SD605 error systemd/shared/app.service:7"]),
    (&["systemd/drop-in"], &["SD605 error systemd/drop-in/app.service.d/override.conf:2"]),
    (&["systemd/preserved", "nginx/s1.conf"], &[]),
    (&["systemd/restricted"], &["SD610 error systemd/restricted/worker.service:2"]),
    (&["systemd/removes"], &["SD611 warning systemd/removes/two.service:2"]),
    (&["systemd/sole"], &[]),
    (&["systemd/uvicorn"], &["SD611 warning systemd/uvicorn/web.service:2"]),
];

fn fixture(name: &str) -> String {
    format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Scans configuration alone.
fn scan<'f>(files: impl IntoIterator<Item = &'f str>) -> Value {
    let named = files.into_iter().map(fixture);
    json(["scan".to_owned(), "--config".to_owned()].into_iter().chain(named))
}

/// Each finding as in [`EXPECTED`].
fn found(document: &Value) -> Vec<String> {
    let root = fixture("");
    let findings = document["findings"].as_array().unwrap().iter();
    let shown = |finding: &Value| {
        let [code, severity] = ["code", "severity"].map(|name| finding[name].as_str().unwrap().to_owned());
        let at = &finding["locations"][0];
        let file = at["file"].as_str().unwrap().trim_start_matches(&root).to_owned();
        format!("{code} {severity} {file}:{}", at["line"])
    };
    findings.map(shown).collect()
}

#[test]
fn each_fault_is_found_at_its_line_and_its_nearest_neighbour_is_silent() {
    isolated("scan::each_fault_is_found_at_its_line_and_its_nearest_neighbour_is_silent", |_| {
        for (files, expected) in EXPECTED {
            let document = scan(files.iter().copied());
            assert_eq!(found(&document), expected, "{files:?}: {document:#}");
        }
    });
}

#[test]
fn one_finding_tells_the_whole_chain() {
    isolated("scan::one_finding_tells_the_whole_chain", |_| {
        let document = scan(["nginx/one-edit-away.conf", "systemd/s1"]);
        let summary = document["findings"][0]["summary"].as_str().unwrap();
        let chain = "/one-edit-away.conf:5 sends to /run/gunicorn/apps.sock, where nobody listens; \
                     app.socket listens on /run/gunicorn/app.sock (one edit away).";
        assert!(summary.ends_with(chain), "{summary}");
        assert_eq!(document["findings"][0]["certainty"], "likely", "nothing but files was looked at");
    });
}

#[test]
fn a_silenced_line_is_counted() {
    isolated("scan::a_silenced_line_is_counted", |_| {
        let document = scan(["nginx/silenced.conf"]);
        assert_eq!((&document["summary"]["suppressed"], &document["exit_code"]), (&1.into(), &0.into()));
    });
}

#[test]
fn what_debian_ships_for_nginx_is_read_without_a_finding() {
    isolated("scan::what_debian_ships_for_nginx_is_read_without_a_finding", |_| {
        let document = scan(["nginx/debian", "nginx/debian/sites-available/default"]);
        assert_eq!(found(&document), Vec::<String>::new(), "{document:#}");
        assert!(document["data"]["files"].as_u64() > Some(1), "{document:#}");
    });
}

#[test]
fn an_image_is_scanned_by_its_files() {
    isolated("scan::an_image_is_scanned_by_its_files", |world| {
        for (fixture_name, place) in [
            ("nginx/one-edit-away.conf", "etc/nginx/nginx.conf"),
            ("systemd/s1/app.socket", "etc/systemd/system/app.socket"),
            ("systemd/s1/app.service", "usr/lib/systemd/system/app.service"),
        ] {
            let place = world.path(place);
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::copy(fixture(fixture_name), place).unwrap();
        }
        let document = json(["--root".as_ref(), world.dir.as_os_str(), "scan".as_ref()]);
        let codes: Vec<&Value> =
            document["findings"].as_array().unwrap().iter().map(|finding| &finding["code"]).collect();
        assert_eq!(codes, ["SD601"], "{document:#}");
        assert_eq!(document["findings"][0]["locations"][0]["file"], "/etc/nginx/nginx.conf");
    });
}

#[test]
fn what_is_no_configuration_is_a_usage_error() {
    for (file, status) in [("README.md", 2), ("none.conf", 2), ("nginx", 1)] {
        assert_eq!(run(["scan", "--config", &fixture(file)]).status, status, "{file}");
    }
}

#[test]
fn every_format_of_scan_has_the_same_finding_and_line() {
    isolated("scan::every_format_of_scan_has_the_same_finding_and_line", |_| {
        for format in ["text", "plain", "json", "markdown", "github", "sarif", "junit"] {
            let files = [fixture("nginx/one-edit-away.conf"), fixture("systemd/s1")];
            let output = run(["scan", "--format", format, "--config", &files[0], &files[1]]);
            assert!(output.status == 1 && output.stdout.contains("SD601"), "{format}: {}", output.stdout);
        }
        let github = run(["scan", "--format", "github", "--config", &fixture("nginx/s1.conf")]).stdout;
        assert!(github.contains("line=5"), "{github}");
    });
}
