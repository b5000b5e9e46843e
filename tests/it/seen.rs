//! What `sockdoctor inspect` said, and what most tests assert of it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::binary::{document, sockdoctor};
use crate::process::finish;

/// The one document of an `inspect`.
pub(crate) struct Inspected(pub(crate) Value);

/// Inspects a target.
pub(crate) fn inspect(target: impl AsRef<OsStr>) -> Inspected {
    inspect_by(&mut sockdoctor(), target)
}

/// Inspects a target by a command that ends in the program; its flags come last, as they are mostly typed.
pub(crate) fn inspect_by(program: &mut Command, target: impl AsRef<OsStr>) -> Inspected {
    Inspected(document(&finish(program.arg("inspect").arg(target).arg("--json"), Duration::from_secs(30))))
}

impl Inspected {
    /// The facts of the only target.
    pub(crate) fn target(&self) -> &Value {
        let targets = self.0["data"]["targets"].as_array().unwrap();
        assert_eq!(targets.len(), 1, "{}", self.0);
        &targets[0]
    }

    /// All findings' codes, the cause first.
    pub(crate) fn codes(&self) -> Vec<&str> {
        self.findings().map(|finding| finding["code"].as_str().unwrap()).collect()
    }

    pub(crate) fn findings(&self) -> impl Iterator<Item = &Value> {
        self.0["findings"].as_array().unwrap().iter()
    }

    /// All fixes of all findings.
    pub(crate) fn fixes(&self) -> impl Iterator<Item = &Value> {
        self.findings().flat_map(|finding| finding["fix"].as_array().unwrap())
    }

    /// The evidence of the cause as one text.
    pub(crate) fn proof(&self) -> String {
        self.0["findings"][0]["evidence"].to_string()
    }

    pub(crate) fn file_state(&self) -> &str {
        self.target()["file"]["state"].as_str().unwrap()
    }

    /// A socket of the target by its inode.
    pub(crate) fn socket(&self, ino: u64) -> &Value {
        let sockets = self.target()["sockets"].as_array().unwrap();
        let mut found = sockets.iter().filter(|socket| socket["inode"] == ino);
        found.next().unwrap_or_else(|| panic!("no socket {ino}: {}", self.0))
    }

    /// Pids of those who hold a socket, in order.
    pub(crate) fn holders(&self, ino: u64) -> Vec<i64> {
        let holders = self.socket(ino)["holders"].as_array().unwrap();
        let mut pids: Vec<i64> = holders.iter().map(|holder| holder["pid"].as_i64().unwrap()).collect();
        pids.sort_unstable();
        pids.dedup();
        pids
    }

    /// The check that stayed open, by its code.
    pub(crate) fn not_checked(&self, code: &str) -> Option<&Value> {
        self.0["not_checked"].as_array().unwrap().iter().find(|gap| gap["code"] == code)
    }

    /// An error that comes first, and all that follows from it.
    #[track_caller]
    pub(crate) fn is_broken_by(&self, code: &str, certainty: &str) {
        let first = &self.0["findings"][0];
        let words = ["code", "severity", "certainty"].map(|key| first[key].as_str().unwrap_or_default());
        assert_eq!(words, [code, "error", certainty], "{:#}", self.0);
        self.ends_with(1, "error");
    }

    /// No error, no warning, and a live socket that serves the path.
    #[track_caller]
    pub(crate) fn is_healthy(&self) {
        let summary = &self.0["summary"];
        assert_eq!((&summary["error"], &summary["warning"]), (&0.into(), &0.into()), "{:#}", self.0);
        assert_eq!(self.0["exit_code"], 0, "{:#}", self.0);
        assert!(["ok", "info"].contains(&self.0["verdict"].as_str().unwrap()), "{:#}", self.0);
        assert_eq!(self.file_state(), "socket", "{:#}", self.0);
        assert_eq!(self.target()["socket"]["role"], "serves_path", "{:#}", self.0);
    }

    /// The exit status, and the verdict over the run and over its only target.
    #[track_caller]
    pub(crate) fn ends_with(&self, status: i32, verdict: &str) {
        assert_eq!(self.0["exit_code"], status, "{:#}", self.0);
        assert_eq!(self.0["verdict"], verdict, "{:#}", self.0);
        assert_eq!(self.target()["verdict"], verdict, "{:#}", self.0);
    }

    /// At most likely, and nothing that it prints changes the system or advises to.
    #[track_caller]
    pub(crate) fn leaves_the_file_alone(&self) {
        assert!(self.findings().all(|finding| finding["certainty"] == "likely"), "{:#}", self.0);
        for fix in self.fixes() {
            assert_eq!(fix["changes_state"], false, "{:#}", self.0);
            let said = format!("{} {}", fix["text"], fix["command"]).to_lowercase();
            let words: Vec<&str> = said.split(|c: char| !c.is_ascii_alphanumeric()).collect();
            let removal = ["rm", "mv", "rmdir", "remove", "delete", "unlink", "move", "clean", "kill"];
            assert!(!words.iter().any(|word| removal.contains(word)), "{said}: {:#}", self.0);
        }
    }

    /// Pastes the first command that changes the system into `shell`.
    #[track_caller]
    pub(crate) fn paste_fix(&self, shell: &str) {
        let fix = self.fixes().find(|fix| fix["changes_state"] == true);
        let command = fix.and_then(|fix| fix["command"].as_str()).unwrap_or_else(|| panic!("{:#}", self.0));
        let output = finish(Command::new(shell).args(["-c", command]), Duration::from_secs(10));
        assert_eq!(output.status, 0, "{command}: {}{}", output.stdout, output.stderr);
    }
}

/// The inode of the file at a path, symlinks not followed.
pub(crate) fn file_ino(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&std::fs::symlink_metadata(path).unwrap())
}

/// A path as JSON has it, where it is plain.
pub(crate) fn text(path: &Path) -> &str {
    std::str::from_utf8(path.as_os_str().as_bytes()).unwrap()
}
