//! Owners, modes and ACLs of files, and commands as somebody would paste them.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::{Output, finish};
use crate::world::need;

/// Gives a file an owner, a group and then a mode.
pub(crate) fn permit(path: &Path, mode: u32, uid: u32, gid: u32) {
    chown(path, Some(uid), Some(gid)).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Adds entries to the ACL of a file; a mask that is not among them is computed.
pub(crate) fn setfacl(entries: &str, path: &Path) {
    let done = finish(need("setfacl").unwrap().args(["-m", entries]).arg(path), Duration::from_secs(10));
    assert_eq!(done.status, 0, "{entries}: {}", done.stderr);
}

/// Runs a command by `sh`, which finds setfacl(1) also where it was only unpacked.
pub(crate) fn paste(command: &str) -> Output {
    let setfacl = need("setfacl").unwrap();
    let script = format!("setfacl() {{ \"$SETFACL\" \"$@\"; }}; {command}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).env("SETFACL", setfacl.get_program());
    shell.envs(setfacl.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let done = finish(&mut shell, Duration::from_secs(10));
    assert_eq!((done.status, done.stderr.as_str()), (0, ""), "{command}");
    done
}

/// The commands of the cause that change something.
pub(crate) fn changes(document: &serde_json::Value) -> Vec<String> {
    let fixes = document["findings"][0]["fix"].as_array().cloned().unwrap_or_default();
    let changes = fixes.iter().filter(|fix| fix["changes_state"] == true);
    changes.map(|fix| fix["command"].as_str().unwrap().to_owned()).collect()
}
