//! The pages of the manual and the completions, committed for packages: `BLESS=1 cargo test tidy` rewrites them.

use std::path::Path;
use std::time::Duration;

use crate::binary::run;
use crate::process::finish;
use crate::world::{need, skip};

const PAGES: [(&str, &str); 2] = [("1", "sockdoctor.1"), ("7", "sockdoctor-rules.7")];

/// What a command prints is what is committed for packages to install.
fn current(command: &[&str], file: &str) {
    let printed = run(command);
    assert_eq!((printed.status, printed.stderr.as_str()), (0, ""));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, printed.stdout).unwrap();
    } else {
        let same = std::fs::read_to_string(path).unwrap_or_default() == printed.stdout;
        assert!(same, "{file} is stale: BLESS=1 cargo test tidy");
    }
}

#[test]
fn the_pages_of_the_manual_are_current() {
    for (page, file) in PAGES {
        current(&["man", page], &format!("man/{file}"));
    }
}

#[test]
fn the_completions_are_current() {
    for (shell, file) in [("bash", "sockdoctor.bash"), ("zsh", "_sockdoctor"), ("fish", "sockdoctor.fish")] {
        current(&["completions", shell], &format!("completions/{file}"));
    }
}

#[test]
fn a_page_goes_by_each_of_its_names() {
    let printed = |arguments: &[&str]| run(arguments).stdout;
    for name in ["sockdoctor", "sockdoctor.1"] {
        assert_eq!(printed(&["man", name]), printed(&["man"]));
    }
    for name in ["rules", "sockdoctor-rules", "sockdoctor-rules.7"] {
        assert_eq!(printed(&["man", name]), printed(&["man", "7"]));
    }
    assert_eq!(run(["man", "2"]).status, 2);
}

/// groff(1) and man(1) read them without a complaint, and nothing is lost on the way.
#[test]
fn the_pages_are_read_without_a_warning() {
    let name = "tidy_man::the_pages_are_read_without_a_warning";
    let mut read = 0;
    for (page, file) in PAGES {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
        std::fs::write(&path, run(["man", page]).stdout).unwrap();
        for (program, arguments) in [
            ("groff", &["-man", "-ww", "-Tutf8"][..]),
            ("man", &["--warnings=w", "-E", "UTF-8", "-l"]),
            ("mandoc", &["-T", "lint", "-W", "warning"]),
        ] {
            let Some(mut reader) = need(program) else { continue };
            let output =
                finish(reader.args(arguments).arg(&path).env("LC_ALL", "C.UTF-8"), Duration::from_secs(30));
            assert_eq!(output.stderr, "", "{program} {file}");
            if program == "mandoc" {
                // A page without a date depends on its sources alone.
                let faults = output.stdout.lines().filter(|line| !line.contains("missing date"));
                assert_eq!(faults.collect::<Vec<_>>(), [""; 0]);
            } else if output.status == 0 {
                // man(1) may be there without what it formats with.
                let known = if page == "1" { "processes" } else { "superblocks" };
                assert!(output.stdout.contains(known), "{program} {file}: {}", output.stdout);
            }
            read += 1;
        }
    }
    if read == 0 {
        skip(name, "no groff, no man, no mandoc");
    }
}
