//! SD209: SELinux denied it.

use super::denial;
use crate::model::{Case, MacModule, Verdict};

rule! {
    /// SELinux denied a connect to this socket.
    ///
    /// # What it means
    /// connect(2) answers EACCES (13) although owner, group and mode allow it: the policy does not let the consumer's
    /// domain write to the file's type, or connect to the server's domain.
    ///
    /// # How it is known
    /// A record of the audit log names the socket: `avc: denied { connectto }`, or `{ write }` for its
    /// sock_file. Without such a record nothing is said, only that SELinux was not evaluated.
    ///
    /// # Not to be confused with
    /// A record with `permissive=1`: it was only logged. A consumer that the permission bits stop (SD201, SD202).
    ///
    /// # Fix
    /// `restorecon -Rv DIR` where the file has the wrong label; `semanage fcontext` for a place of your own;
    /// `--security-opt label=disable` for a container. `audit2why` explains a record.
    SELINUX_DENIAL = "SD209", "selinux-denial", Error
}

fn check(case: &Case) -> Verdict {
    denial::findings(case, MacModule::Selinux, &SELINUX_DENIAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, NoVerdict};

    #[test]
    fn fires_on_a_record_that_names_the_socket() {
        let found = &check(&denial::sample(MacModule::Selinux)).unwrap()[0];
        assert_eq!(found.evidence[0].source, b"/var/log/audit/audit.log");
    }

    #[test]
    fn silent_without_a_record_or_where_nothing_enforces() {
        let mut case = denial::sample(MacModule::Selinux);
        case.accesses[0].mac.denials = Fact::Known(vec![]);
        assert_eq!(check(&case), Ok(vec![]));
        case.accesses[0].mac.modules = Fact::Known(vec![]);
        assert_eq!(check(&case), Err(NoVerdict::NotApplicable));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = denial::sample(MacModule::Selinux);
        case.accesses[0].mac.denials =
            Fact::Unknown(Gap::new("/var/log/audit/audit.log", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
