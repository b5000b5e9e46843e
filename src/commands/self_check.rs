//! `self-check`: what this kernel and these privileges let the tool see, and what would help. Safe to paste into a
//! public report: it names no user, no path of one and no command line.

mod rights;
mod system;

use super::Answer;
use crate::facts::machine::Machine;
use crate::facts::sight::sight;
use crate::model::{Check, CheckState, Data, Fact, Gap, Sight, Trial};
use crate::rules::Judgement;

/// Run by root of the machine it sees what there is to see.
const AS_ROOT: &str = "sudo sockdoctor self-check";

pub(super) fn run(machine: &Machine) -> Answer {
    let checks = checks(&sight(machine));
    Answer {
        judgement: Judgement::default(),
        subjects: checks.len(),
        data: Data::Checks(checks),
        ..Answer::nothing()
    }
}

/// Every line, the widest-reaching first.
fn checks(sight: &Sight) -> Vec<Check> {
    let mut checks = vec![
        system::kernel(sight),
        system::unix_diag(sight),
        system::network_namespaces(sight),
        rights::processes(sight),
        rights::hidepid(sight),
    ];
    checks.extend(rights::capabilities(sight));
    checks.extend([
        rights::bound_file(sight),
        system::file_events(sight),
        system::path_walk(sight),
        system::getent(sight),
        rights::user_namespace(sight),
        system::user_namespaces(sight),
        system::security(sight),
        system::container(sight),
    ]);
    checks
}

fn check(
    name: &'static str,
    lets: &'static str,
    state: CheckState,
    detail: impl Into<String>,
    would_help: Option<String>,
) -> Check {
    Check { name, state, detail: detail.into(), lets, would_help }
}

fn unknown(name: &'static str, lets: &'static str, gap: &Gap) -> Check {
    check(name, lets, CheckState::Unknown, format!("{}: {}", gap.source, gap.why), gap.would_help.clone())
}

/// A line about a fact that may not have been seen.
fn known<T>(
    name: &'static str,
    lets: &'static str,
    fact: &Fact<T>,
    told: impl FnOnce(&T) -> (CheckState, String, Option<String>),
) -> Check {
    match fact {
        Fact::Known(value) => {
            let (state, detail, would_help) = told(value);
            check(name, lets, state, detail, would_help)
        }
        Fact::Unknown(gap) => unknown(name, lets, gap),
        Fact::NotAsked => check(name, lets, CheckState::Unknown, "not looked at", None),
    }
}

/// What gives the rights that are missing: nothing that is known, for who has them all.
fn more_rights(sight: &Sight) -> Option<String> {
    if rights::has_all(sight) {
        return None;
    }
    let first = sight.first_user_namespace.known().copied().unwrap_or(true);
    match (sight.root, first) {
        (false, true) => Some(AS_ROOT.into()),
        (_, false) => Some(format!("outside of this user namespace: {AS_ROOT}")),
        (true, true) => Some(format!("with all capabilities, outside of containers: {AS_ROOT}")),
    }
}

/// In the words of a trial.
fn why(trial: &Trial) -> &str {
    match trial {
        Trial::Works => "it works",
        Trial::Denied(why) | Trial::Absent(why) => why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Security, UserNamespaces};

    /// Root of a machine where everything is there.
    pub(super) fn sample() -> Sight {
        Sight {
            kernel: ("6.18.0".into(), "x86_64".into()),
            root: true,
            unix_diag: Trial::Works,
            namespaces: (3, 3),
            namespaces_hidden: false,
            processes: Fact::Known((200, 200)),
            processes_hidden: false,
            hidepid: Fact::Known(None),
            capabilities: Fact::Known(u64::MAX),
            first_user_namespace: Fact::Known(true),
            mapped_uids: Fact::Known(4_294_967_295),
            user_namespaces: UserNamespaces { most: Fact::Known(100), unprivileged: None, restricted: None },
            bound_file: Trial::Works,
            ptrace_scope: None,
            file_events: Trial::Works,
            file_events_with_pid: Trial::Works,
            path_walk: Trial::Works,
            getent: Fact::Known(true),
            security: Security {
                modules: Fact::Known(vec!["capability".into()]),
                enforcing: None,
                confinement: None,
            },
            first_pid_namespace: Fact::Known(true),
            container_cgroup: Fact::Known(false),
        }
    }

    pub(super) fn state_of(sight: &Sight, name: &str) -> CheckState {
        checks(sight).into_iter().find(|check| check.name == name).unwrap().state
    }

    #[test]
    fn root_of_a_whole_machine_needs_nothing() {
        for check in checks(&sample()) {
            assert_eq!((check.state, &check.would_help), (CheckState::Ok, &None), "{check:?}");
        }
    }

    #[test]
    fn names_are_unique_and_what_is_not_ok_says_what_would_help() {
        let denied = || Trial::Denied("Operation not permitted".into());
        let nobody = Sight {
            root: false,
            namespaces: (3, 1),
            processes: Fact::Known((1, 200)),
            capabilities: Fact::Known(0),
            bound_file: denied(),
            file_events_with_pid: denied(),
            ..sample()
        };
        let checks = checks(&nobody);
        let mut names: Vec<&str> = checks.iter().map(|check| check.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), checks.len());
        for check in &checks {
            assert_eq!(check.state == CheckState::Ok, check.would_help.is_none(), "{check:?}");
        }
        assert!(checks.iter().any(|check| check.would_help.as_deref() == Some(AS_ROOT)));
    }

    #[test]
    fn what_could_not_be_looked_at_is_unknown() {
        let gap = || Gap::new("/proc", "No such file or directory");
        let blind = Sight {
            processes: Fact::Unknown(gap()),
            hidepid: Fact::Unknown(gap()),
            capabilities: Fact::Unknown(gap()),
            first_pid_namespace: Fact::Unknown(gap()),
            getent: Fact::Unknown(gap()),
            ..sample()
        };
        for name in ["processes", "hidepid", "cap-sys-ptrace", "container", "getent"] {
            assert_eq!(state_of(&blind, name), CheckState::Unknown, "{name}");
        }
    }

    #[test]
    fn help_leads_out_of_a_user_namespace() {
        let inside = Sight { first_user_namespace: Fact::Known(false), ..sample() };
        assert!(more_rights(&inside).unwrap().starts_with("outside of this user namespace"));
        assert_eq!(more_rights(&sample()), None);
        assert_eq!(
            more_rights(&Sight { root: false, capabilities: Fact::Known(0), ..sample() }).as_deref(),
            Some(AS_ROOT)
        );
    }
}
