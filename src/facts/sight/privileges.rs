//! What `/proc` and `/sys` tell about our own rights and confinement.

use nix::errno::Errno;

use super::super::machine::Machine;
use super::super::status::{field, read, sysctl};
use super::super::{cgroup, mounts, proc_file, process};
use crate::model::{Fact, Gap, Security, UserNamespaces};

/// The inodes of the first namespaces (include/uapi/linux/nsfs.h, once include/linux/proc_ns.h); fixed since 3.8.
const FIRST_USER: &[u8] = b"user:[4026531837]";
const FIRST_PID: &[u8] = b"pid:[4026531836]";

/// What our own directory in `/proc` tells.
pub(super) struct Own {
    pub(super) capabilities: Fact<u64>,
    pub(super) first_user_namespace: Fact<bool>,
    pub(super) first_pid_namespace: Fact<bool>,
}

impl Own {
    pub(super) fn read(machine: &Machine) -> Self {
        let status = read(&machine.proc("self/status"));
        let first = |kind: &str, first: &[u8]| {
            let path = machine.proc("self/ns").join(kind);
            match process::link(&path) {
                Some(link) => Fact::Known(link == first),
                None => Fact::Unknown(Gap::new(path.to_string_lossy(), "it cannot be read")),
            }
        };
        let pids = status.as_deref().ok().and_then(|status| field(status, "NSpid"));
        Self {
            capabilities: of(&status, "CapEff", |digits| u64::from_str_radix(digits, 16).ok()),
            first_user_namespace: first("user", FIRST_USER),
            // A procfs of an outer namespace shows our pid in each.
            first_pid_namespace: match first("pid", FIRST_PID) {
                Fact::Unknown(_) if pids.is_some_and(|pids| pids.split_whitespace().count() > 1) => {
                    Fact::Known(false)
                }
                told => told,
            },
        }
    }
}

fn of<T>(status: &Result<String, Gap>, name: &str, parse: impl Fn(&str) -> Option<T>) -> Fact<T> {
    match status {
        Err(gap) => Fact::Unknown(gap.clone()),
        Ok(text) => match field(text, name).and_then(parse) {
            Some(value) => Fact::Known(value),
            None => Fact::Unknown(Gap::new(format!("{name} of /proc/self/status"), "it is not there")),
        },
    }
}

/// The option that `/proc` is mounted with.
pub(super) fn hidepid(machine: &Machine) -> Fact<Option<String>> {
    use std::os::unix::ffi::OsStrExt;
    let table = match mounts::of(machine, None) {
        Ok(table) => table,
        Err(gap) => return Fact::Unknown(gap),
    };
    let point = machine.proc.as_os_str().as_bytes();
    // The last one lies on top.
    match table.mounts.iter().rfind(|mount| mount.point == point && mount.fstype == "proc") {
        Some(mount) => Fact::Known(hiding(&String::from_utf8_lossy(&mount.super_options))),
        None => Fact::Unknown(Gap::new(machine.proc.to_string_lossy(), "no procfs is mounted there")),
    }
}

/// proc(5), "Mount options".
fn hiding(options: &str) -> Option<String> {
    let value = options.split(',').find_map(|option| option.strip_prefix("hidepid="))?;
    (!matches!(value, "0" | "off")).then(|| format!("hidepid={value}"))
}

/// The lengths of all ranges of `uid_map` (user_namespaces(7)).
pub(super) fn mapped_uids(machine: &Machine) -> Fact<u64> {
    match read(&machine.proc("self/uid_map")) {
        Err(gap) => Fact::Unknown(gap),
        Ok(map) => Fact::Known(
            map.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok()).sum(),
        ),
    }
}

/// The settings that allow or forbid new ones.
pub(super) fn user_namespaces(machine: &Machine) -> UserNamespaces {
    let switch = |name| sysctl(machine, name).ok().map(|value| value != 0);
    UserNamespaces {
        most: sysctl(machine, "user/max_user_namespaces").map_or_else(Fact::Unknown, Fact::Known),
        unprivileged: switch("kernel/unprivileged_userns_clone"),
        restricted: switch("kernel/apparmor_restrict_unprivileged_userns"),
    }
}

/// The LSMs, and how we are confined.
pub(super) fn security(machine: &Machine) -> Security {
    let sys = machine.root.join("sys");
    let enforcing = read(&sys.join("fs/selinux/enforce")).ok().map(|text| text.trim() == "1");
    let apparmor = read(&sys.join("module/apparmor/parameters/enabled")).is_ok_and(|text| text.trim() == "Y");
    let label = proc_file::read(&machine.proc("self/attr/current"), proc_file::SMALL);
    let unlabelled = label.as_ref().is_err_and(|error| error.raw_os_error() == Some(Errno::EINVAL as i32));
    let label = label.map(|label| String::from_utf8_lossy(&label).into_owned()).ok();
    let modules = match read(&sys.join("kernel/security/lsm")) {
        Ok(text) => {
            Fact::Known(text.trim().split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect())
        }
        Err(_) if enforcing.is_some() => Fact::Known(vec!["selinux".into()]),
        Err(_) if apparmor => Fact::Known(vec!["apparmor".into()]),
        // What a process without any label is told (security_getprocattr in the kernel's security/security.c).
        Err(_) if unlabelled => Fact::Known(Vec::new()),
        Err(gap) => Fact::Unknown(Gap { would_help: None, ..gap }),
    };
    Security { modules, enforcing, confinement: label.as_deref().and_then(confinement) }
}

/// Of a label (`proc_pid_attr(5)`) what says how, and not the name of a profile, which can be a path.
fn confinement(label: &str) -> Option<String> {
    let label = label.trim_end_matches(['\0', '\n']);
    if let Some((_, mode)) = label.rsplit_once(" (") {
        return Some(format!("confined ({mode}"));
    }
    match label.split(':').nth(2) {
        Some(domain) if domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => {
            Some(format!("in the domain {domain}"))
        }
        _ => (label == "unconfined").then(|| label.to_owned()),
    }
}

/// Whether our own cgroup is one that a container runtime made.
pub(super) fn container_cgroup(machine: &Machine) -> Fact<bool> {
    match read(&machine.proc("self/cgroup")) {
        Err(gap) => Fact::Unknown(gap),
        Ok(text) => Fact::Known(cgroup::parse(text.as_bytes()).container.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_status_are_read_and_a_missing_one_is_a_gap() {
        let status = Ok("Name:\tCapEff:\nCapEff:\t000001ffffffffff\nNSpid:\t7\t1\n".to_owned());
        let hex = |digits: &str| u64::from_str_radix(digits, 16).ok();
        assert_eq!(of(&status, "CapEff", hex), Fact::Known(0x1ff_ffff_ffff));
        assert!(of(&status, "CapPrm", hex).gap().is_some());
        assert!(of(&Err(Gap::new("x", "y")), "CapEff", hex).gap().is_some());
    }

    #[test]
    fn only_a_hidepid_that_hides_is_one() {
        assert_eq!(hiding("rw,gid=4,hidepid=invisible").as_deref(), Some("hidepid=invisible"));
        assert_eq!(hiding("rw,hidepid=2").as_deref(), Some("hidepid=2"));
        assert!(["rw", "rw,hidepid=0", "rw,hidepid=off"].iter().all(|options| hiding(options).is_none()));
    }

    #[test]
    fn a_label_tells_how_and_never_whose() {
        let told = |label| confinement(label);
        assert_eq!(told("unconfined\n").as_deref(), Some("unconfined"));
        assert_eq!(told("/home/x/bin/y (enforce)\n").as_deref(), Some("confined (enforce)"));
        assert_eq!(
            told("system_u:system_r:container_t:s0:c1\0").as_deref(),
            Some("in the domain container_t")
        );
        assert_eq!(told("kernel"), None);
    }

    #[test]
    fn a_machine_without_any_of_it_is_unknown() {
        let nowhere =
            Machine { root: "/nonexistent".into(), proc: "/nonexistent".into(), ..Machine::default() };
        let security = security(&nowhere);
        assert!(security.modules.gap().is_some() && security.confinement.is_none());
        assert!(user_namespaces(&nowhere).most.gap().is_some());
        assert!(Own::read(&nowhere).first_pid_namespace.gap().is_some());
    }
}
