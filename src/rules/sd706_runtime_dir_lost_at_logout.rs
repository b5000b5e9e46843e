//! SD706: the user's runtime directory went with the last session.

use super::{evidence, quote};
use crate::model::{Case, Certainty, Evidence, Fix, Verdict};

rule! {
    /// The directory of the user's sockets is gone, because the user has logged out.
    ///
    /// # What it means
    /// /run/user/UID exists while the user has a session. At the last logout systemd stops the user's services and
    /// removes it, with every socket in it: rootless containers and `systemctl --user` units are gone until the next login.
    ///
    /// # How it is known
    /// The path leads below /run/user/UID, which does not exist, and no file in /var/lib/systemd/linger keeps it.
    ///
    /// # Not to be confused with
    /// A user who is logged in, or who lingers: then the directory is there and only the socket is missing (SD101).
    ///
    /// # Fix
    /// `loginctl enable-linger USER`.
    RUNTIME_DIR_LOST_AT_LOGOUT = "SD706", "runtime-dir-lost-at-logout", Error
}

fn check(case: &Case) -> Verdict {
    let linger = case.linger.get()?;
    if linger.enabled || case.file()?.is_some() {
        return Ok(vec![]);
    }
    let user = linger.user.label();
    let enable = quote::command("loginctl enable-linger", user.as_bytes());
    let file = format!("/var/lib/systemd/linger/{user}");
    let finding = RUNTIME_DIR_LOST_AT_LOGOUT
        .finding(
            case,
            Certainty::Certain,
            format!("/run/user/{} is gone: {user} has no session and does not linger.", linger.user.id),
        )
        .proven_by(evidence::path(case))
        .proven_by([Evidence::new(format!("lstat {file}"), "No such file or directory")])
        .fixed_by([Fix::change(enable, "start the user's services at boot, and keep them after logout")]);
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, IdName, Linger, NoVerdict};

    fn logged_out(enabled: bool) -> Case {
        let linger = Fact::Known(Linger { user: IdName::unnamed(1000), enabled });
        Case { linger, ..Case::sample_missing() }
    }

    #[test]
    fn fires_when_the_user_does_not_linger() {
        let found = &check(&logged_out(false)).unwrap()[0];
        assert_eq!(found.fixes[0].command.as_deref(), Some(&b"loginctl enable-linger 1000"[..]));
    }

    #[test]
    fn silent_for_who_lingers_and_for_other_paths() {
        assert_eq!(check(&logged_out(true)), Ok(vec![]));
        assert_eq!(check(&Case::sample_missing()), Err(NoVerdict::NotApplicable));
    }

    #[test]
    fn unknown_is_not_ok() {
        let gap = Gap::new("/var/lib/systemd/linger", "Permission denied");
        let case = Case { linger: Fact::Unknown(gap), ..Case::sample_missing() };
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
