//! SD110: a socket bound under a relative name.

use super::evidence;
use crate::model::{Case, Certainty, Evidence, Fix, NoVerdict, Sighting, Target, Verdict};

rule! {
    /// The socket is bound under a relative name, which only its server's directory gives a place.
    ///
    /// # What it means
    /// Who connects by that name from another directory means another file, or none. systemd-tmpfiles knows live
    /// sockets by their absolute names: it removes this one when it is old, though it is served.
    ///
    /// # How it is known
    /// The name the kernel has begins with no slash and is not abstract. Said of a socket asked for by inode or
    /// listed, and of one whose name no longer leads to its file.
    ///
    /// # Not to be confused with
    /// An absolute path that leads to the socket's own file: clients that use it are fine, whatever name was
    /// given to bind(2).
    ///
    /// # Fix
    /// Give the server an absolute path.
    RELATIVE_SOCKET_PATH = "SD110", "relative-socket-path", Warning
}

fn check(case: &Case) -> Verdict {
    let relevant: fn(&Case, &Sighting) -> bool = match case.target {
        Target::Inode(_) => {
            |case, sighting| matches!(case.target, Target::Inode(ino) if ino == sighting.socket.ino.0)
        }
        Target::Path(_) => |_, sighting| !sighting.relation.serves && sighting.relation.names_path,
        Target::Abstract(_) | Target::Tcp(_) => return Err(NoVerdict::NotApplicable),
    };
    let owners = case.sockets.items.iter().filter(|sighting| sighting.socket.owns_name());
    let relative = owners.filter(|sighting| relevant(case, sighting)).filter_map(|sighting| {
        let name = sighting.socket.address.path()?;
        (!name.starts_with(b"/")).then_some(sighting)
    });
    let found = relative.map(|sighting| {
        let summary =
            "The socket is bound under a relative name: its place depends on a process's directory.";
        let place = match &case.path {
            path if path.is_empty() => {
                Evidence::new("/proc/PID/cwd", "not readable: where it lies is not known")
            }
            path => Evidence::new("where its file is, as far as can be told", path.as_slice()),
        };
        RELATIVE_SOCKET_PATH
            .finding(case, Certainty::Certain, summary)
            .proven_by([evidence::socket(sighting), place, evidence::holders(sighting)])
            .fixed_by([Fix::advice("give the server an absolute path in its configuration, then restart it")])
    });
    Ok(found.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Fact, Gap};

    fn relative() -> Case {
        let mut case = Case::sample();
        case.sockets.items[0].socket.address = Address::Path(b"x.sock".as_slice().into());
        case
    }

    #[test]
    fn fires_on_a_socket_asked_for_by_inode() {
        let mut case = relative();
        case.target = Target::Inode(case.sockets.items[0].socket.ino.0);
        assert_eq!(check(&case).unwrap()[0].code, "SD110");
    }

    #[test]
    fn silent_when_an_absolute_path_leads_to_it() {
        assert_eq!(check(&relative()), Ok(vec![]));
    }

    #[test]
    fn fires_when_the_name_leads_to_its_file_no_more() {
        let mut case = relative();
        case.sockets.items[0].relation.serves = false;
        assert_eq!(check(&case).unwrap().len(), 1);
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = relative();
        case.target = Target::Inode(case.sockets.items[0].socket.ino.0);
        case.walk = Fact::Unknown(Gap::new("lstat", "Permission denied"));
        assert_eq!(check(&case).unwrap().len(), 1, "the name is enough, wherever it lies");
    }
}
