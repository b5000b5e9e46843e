//! Mandatory access control as far as it can be seen without being the consumer: the modules that are active, the
//! consumer's label, and records of denials that name the socket.

mod record;

use std::fs::File as Handle;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::machine::Machine;
use super::proc_file;
use crate::model::{Consumer, Denial, Fact, File, Gap, Mac, MacModule, Security};
use record::Record;

/// Where auditd, or without it the kernel's log, keeps denials.
const LOGS: [&str; 3] = ["var/log/audit/audit.log", "var/log/kern.log", "var/log/messages"];
/// How much of the end of a log is read: some 10,000 records.
const TAIL: u64 = 4 << 20;
/// How many records are kept.
const MOST: usize = 5;

/// What is known for a consumer and the socket at a path, where these are the modules.
pub fn of(
    machine: &Machine,
    security: &Security,
    consumer: &Consumer,
    path: &[u8],
    file: Option<&File>,
) -> Mac {
    let modules = match &security.modules {
        Fact::Known(names) => Fact::Known(names.iter().filter_map(|name| module(name)).collect::<Vec<_>>()),
        Fact::Unknown(gap) => Fact::Unknown(gap.clone()),
        Fact::NotAsked => Fact::NotAsked,
    };
    let active = !matches!(&modules, Fact::Known(modules) if modules.is_empty());
    let pid = consumer.process.as_ref().map_or_else(|| "self".to_owned(), |process| process.pid.to_string());
    let label = || proc_file::read(&machine.proc(pid).join("attr/current"), proc_file::SMALL).ok();
    let label = active.then(label).flatten().map(|label| without_end(&label).to_vec());
    let is_it = |record: &Record| match (&record.path, &record.name, record.inode, file) {
        (Some(named), ..) => named == path || file.is_some_and(|file| file.path == *named),
        (None, Some(name), Some(inode), Some(file)) => {
            inode == file.ino && file.path.rsplit(|byte| *byte == b'/').next() == Some(name)
        }
        _ => false,
    };
    Mac {
        denials: if active { denials(machine, is_it) } else { Fact::NotAsked },
        modules,
        enforcing: security.enforcing,
        label: label.filter(|label| !label.is_empty()),
    }
}

/// SELinux ends a context with a NUL, AppArmor a profile with a newline.
fn without_end(label: &[u8]) -> &[u8] {
    label.strip_suffix(b"\0").unwrap_or(label).trim_ascii_end()
}

/// A module that can deny a connect, by its name in `/sys/kernel/security/lsm`.
fn module(name: &str) -> Option<MacModule> {
    match name {
        "selinux" => Some(MacModule::Selinux),
        "apparmor" => Some(MacModule::Apparmor),
        "smack" | "tomoyo" => Some(MacModule::Other),
        _ => None,
    }
}

/// Records that name the socket, newest first. Unknown where no log could be read.
fn denials(machine: &Machine, is_it: impl Fn(&Record) -> bool) -> Fact<Vec<Denial>> {
    let mut found = Vec::new();
    let mut unread = None;
    let mut read_one = false;
    for log in LOGS {
        let path = machine.root.join(log);
        match tail(machine, log) {
            Ok(text) => {
                read_one = true;
                let lines = text.split(|byte| *byte == b'\n').rev();
                let records = lines.filter_map(|line| Some((record::parse(line)?, line)));
                let fitting = records.filter(|(record, _)| is_it(record));
                found.extend(fitting.map(|(record, line)| denial(record, line, log)));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => unread = Some(proc_file::gap(&path, &error)),
        }
    }
    found.truncate(MOST);
    match unread {
        _ if !found.is_empty() => Fact::Known(found),
        Some(gap) => Fact::Unknown(gap),
        None if read_one => Fact::Known(found),
        None => {
            let gap = Gap::new(format!("/{}", LOGS[0]), "there is no audit log");
            Fact::Unknown(gap.helped_by("journalctl -k -g 'avc|apparmor'"))
        }
    }
}

fn denial(record: Record, line: &[u8], log: &str) -> Denial {
    let Record { module, operation, subject, object, command, pid, .. } = record;
    Denial { module, operation, subject, object, command, pid, log: format!("/{log}"), record: line.to_vec() }
}

/// The end of a file of the machine, from a whole line on.
fn tail(machine: &Machine, name: &str) -> std::io::Result<Vec<u8>> {
    let mut file = Handle::from(proc_file::open_in_root(&machine.root, Path::new(name))?);
    let length = file.metadata()?.len();
    let start = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start))?;
    let mut text = Vec::new();
    file.take(TAIL).read_to_end(&mut text)?;
    if start > 0 {
        let line = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| end + 1);
        text.drain(..line);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(module: &str, log: Option<&str>) -> (tempfile::TempDir, Machine) {
        let root = tempfile::tempdir().unwrap();
        for directory in ["sys/kernel/security", "var/log/audit"] {
            std::fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        std::fs::write(root.path().join("sys/kernel/security/lsm"), format!("capability,{module}")).unwrap();
        if let Some(log) = log {
            let fixture = format!("{}/fixtures/audit/{log}", env!("CARGO_MANIFEST_DIR"));
            std::fs::copy(fixture, root.path().join("var/log/audit/audit.log")).unwrap();
        }
        let machine = Machine { root: root.path().to_path_buf(), ..Machine::default() };
        (root, machine)
    }

    fn seen(machine: &Machine, path: &str, inode: u64) -> Mac {
        let file = File { path: path.into(), ino: inode, ..File::sample() };
        let security = crate::facts::sight::security(machine);
        of(machine, &security, &Consumer::sample(33, &[]), path.as_bytes(), Some(&file))
    }

    #[test]
    fn a_record_counts_for_the_socket_it_names() {
        let (_root, machine) = machine("selinux", Some("selinux.log"));
        let mac = seen(&machine, "/run/gunicorn/app.sock", 1542);
        let operations: Vec<_> =
            mac.denials.known().unwrap().iter().map(|denial| denial.operation.as_slice()).collect();
        assert_eq!(operations, [&b"write"[..], b"connectto"], "the newest first");
        assert_eq!(mac.word(), "denied_by_record");
        assert_eq!(seen(&machine, "/run/other.sock", 7).word(), "not_evaluated");
    }

    #[test]
    fn without_a_module_nothing_is_asked() {
        let (_root, machine) = machine("yama", Some("selinux.log"));
        let mac = seen(&machine, "/run/gunicorn/app.sock", 1542);
        assert_eq!((mac.word(), mac.denials), ("none", Fact::NotAsked));
    }

    #[test]
    fn a_log_that_is_not_there_or_cannot_be_read_is_a_gap() {
        let (root, machine) = machine("apparmor", None);
        assert!(seen(&machine, "/run/docker.sock", 7).denials.gap().is_some());
        std::fs::create_dir(root.path().join("var/log/kern.log")).unwrap();
        let gap = seen(&machine, "/run/docker.sock", 7).denials;
        assert!(gap.gap().is_some_and(|gap| gap.source.contains("kern.log")), "{gap:?}");
    }

    #[test]
    fn a_long_log_is_read_from_a_whole_line_near_its_end() {
        let (root, machine) = machine("selinux", None);
        let line = [&b"x".repeat(1023)[..], b"\n"].concat();
        let log = line.repeat(usize::try_from(TAIL).unwrap() / line.len() + 1);
        let fixture = format!("{}/fixtures/audit/selinux.log", env!("CARGO_MANIFEST_DIR"));
        let records = std::fs::read(fixture).unwrap();
        let path = root.path().join("var/log/audit/audit.log");
        std::fs::write(&path, [&log[..], &records].concat()).unwrap();
        let read = tail(&machine, LOGS[0]).unwrap();
        assert!(read.starts_with(&line) && read.ends_with(&records) && read.len() as u64 <= TAIL);
        assert_eq!(seen(&machine, "/run/gunicorn/app.sock", 1542).denials.known().unwrap().len(), 2);
        // What lies before that is not read.
        std::fs::write(&path, [&records[..], &log].concat()).unwrap();
        assert_eq!(seen(&machine, "/run/gunicorn/app.sock", 1542).denials.known().unwrap().len(), 0);
    }

    #[test]
    fn the_label_comes_without_what_ends_it() {
        let (root, mut machine) = machine("apparmor", Some("selinux.log"));
        machine.proc = root.path().join("proc");
        std::fs::create_dir_all(machine.proc.join("self/attr")).unwrap();
        let label = |text: &[u8]| {
            std::fs::write(machine.proc.join("self/attr/current"), text).unwrap();
            seen(&machine, "/run/x.sock", 7).label
        };
        assert_eq!(label(b"unconfined\n").as_deref(), Some(&b"unconfined"[..]));
        assert_eq!(
            label(b"system_u:system_r:init_t:s0\0").as_deref(),
            Some(&b"system_u:system_r:init_t:s0"[..])
        );
        assert_eq!(label(b"\n"), None);
    }
}
