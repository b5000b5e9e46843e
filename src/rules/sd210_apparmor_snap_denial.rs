//! SD210: AppArmor denied it.

use super::denial;
use crate::model::{Case, MacModule, Verdict};

rule! {
    /// AppArmor denied a connect to this socket: the consumer's profile, often that of a snap, lacks the path.
    ///
    /// # What it means
    /// connect(2) answers EACCES (13) although owner, group and mode allow it.
    ///
    /// # How it is known
    /// A record of the kernel's log names the socket: `apparmor="DENIED" operation="connect"`, with the profile.
    /// Without such a record nothing is said, only that AppArmor was not evaluated.
    ///
    /// # Not to be confused with
    /// A profile in complain mode, which logs `ALLOWED`; an unconfined consumer.
    ///
    /// # Fix
    /// Allow the path in the profile (`/run/x.sock rw,`) and reload it; for a snap connect the interface that
    /// has it, or install the program as a package.
    APPARMOR_SNAP_DENIAL = "SD210", "apparmor-snap-denial", Error
}

fn check(case: &Case) -> Verdict {
    denial::findings(case, MacModule::Apparmor, &APPARMOR_SNAP_DENIAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, NoVerdict};

    #[test]
    fn fires_on_a_record_that_names_the_socket() {
        assert_eq!(check(&denial::sample(MacModule::Apparmor)).unwrap()[0].code, "SD210");
    }

    #[test]
    fn silent_on_a_record_of_another_module() {
        let mut case = denial::sample(MacModule::Selinux);
        case.accesses[0].mac.modules = Fact::Known(vec![MacModule::Selinux, MacModule::Apparmor]);
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = denial::sample(MacModule::Apparmor);
        case.accesses[0].mac.denials = Fact::Unknown(Gap::new("/var/log/kern.log", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
