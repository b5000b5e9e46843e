//! Whether systemd keeps a user's runtime directory when the user has logged out (user@.service(5), loginctl(1)).

use std::io::ErrorKind;

use super::machine::Machine;
use super::proc_file;
use super::users::Users;
use crate::model::{Case, Fact, Linger, Reached, Walk};

/// Of the user below whose missing runtime directory a path leads. `NotAsked`: it leads elsewhere, or no systemd
/// runs here (sd_booted(3)).
pub fn of(machine: &Machine, users: &mut Users, case: &Case) -> Fact<Linger> {
    let Some(uid) = case.walk.known().and_then(user_of_missing_directory) else { return Fact::NotAsked };
    if std::fs::symlink_metadata(machine.root.join("run/systemd/system")).is_err() {
        return Fact::NotAsked;
    }
    let user = users.user(uid);
    // The file has the user's name; without one there is no user it could be for.
    let Some((name, _)) = &user.name else { return Fact::NotAsked };
    let file = machine.root.join("var/lib/systemd/linger").join(name);
    match std::fs::symlink_metadata(&file) {
        Ok(_) => Fact::Known(Linger { user, enabled: true }),
        Err(error) if error.kind() == ErrorKind::NotFound => Fact::Known(Linger { user, enabled: false }),
        Err(error) => Fact::Unknown(proc_file::gap(&file, &error)),
    }
}

fn user_of_missing_directory(walk: &Walk) -> Option<u32> {
    let Reached::Stopped { at, errno: 2, .. } = &walk.reached else { return None };
    std::str::from_utf8(at.strip_prefix(b"/run/user/")?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(root: &std::path::Path, at: &str) -> Fact<Linger> {
        let machine = Machine { root: root.to_path_buf(), ..Machine::default() };
        let reached = Reached::Stopped { at: at.into(), rest: b"podman/podman.sock".to_vec(), errno: 2 };
        let walk = Fact::Known(Walk { steps: vec![], reached });
        of(&machine, &mut Users::new(&machine), &Case { walk, ..Case::sample() })
    }

    #[test]
    fn only_a_user_without_the_file_does_not_linger() {
        let root = tempfile::tempdir().unwrap();
        for directory in ["etc", "run/systemd/system", "var/lib/systemd/linger"] {
            std::fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        std::fs::write(root.path().join("etc/passwd"), "a:x:1000:1000::/:\nb:x:1001:1001::/:\n").unwrap();
        std::fs::write(root.path().join("var/lib/systemd/linger/b"), "").unwrap();
        let enabled = |at| asked(root.path(), at).known().map(|linger| linger.enabled);
        assert_eq!(enabled("/run/user/1000"), Some(false));
        assert_eq!(enabled("/run/user/1001"), Some(true));
        for other in ["/run/user/1002", "/run/user", "/run/user/x", "/run/user/1000/podman"] {
            assert_eq!(asked(root.path(), other), Fact::NotAsked, "{other}");
        }
    }

    #[test]
    fn without_systemd_nobody_loses_a_directory() {
        assert_eq!(asked(tempfile::tempdir().unwrap().path(), "/run/user/1000"), Fact::NotAsked);
    }
}
