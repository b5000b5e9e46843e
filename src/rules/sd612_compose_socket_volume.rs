//! SD612: a Compose file gives a socket no place that its two ends have in common.

use super::compose::{self, host_directory, identity, meeting, read_only, socket_file, startup, volumes};
use crate::model::{Declared, Verdict};

rule! {
    /// The Compose file gives a socket a place where server and client will not meet.
    ///
    /// # What it means
    /// A socket needs a directory that both containers have, on a filesystem of their own kernel. A directory of
    /// the host is none where containers run in a virtual machine (macOS, Windows: PostgreSQL says "could not set
    /// permissions of file"); a mounted socket file dies with the server's next start; two volumes are two places;
    /// what is read-only takes no socket; and a client that does not wait for its server comes too early.
    ///
    /// # How it is known
    /// From the files alone: images that are known, variables, command lines and healthchecks name the sockets; the
    /// mounts say where each service has them. With `--target-os` for that system, else for this one: what a
    /// directory of the host lies on stands in mountinfo.
    ///
    /// # Not to be confused with
    /// One named volume in both services, which is right; `:ro` for a client, which may connect all the same; a
    /// directory of the host whose server runs on the host, on Linux.
    ///
    /// # Fix
    /// A named volume at the directory of the socket in both services, and `depends_on` with
    /// `condition: service_healthy`. `sockdoctor preflight --compose FILE --diff` prints the change as a patch.
    COMPOSE_SOCKET_VOLUME = "SD612", "compose-socket-volume", Warning; declared
}

fn declared(declared: &Declared) -> Verdict {
    let composition = compose::of(declared)?;
    let rule = &COMPOSE_SOCKET_VOLUME;
    let checks = [
        host_directory::findings,
        socket_file::findings,
        meeting::findings,
        read_only::findings,
        volumes::findings,
        startup::findings,
        identity::findings,
    ];
    Ok(checks.iter().flat_map(|findings| findings(rule, declared, composition)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BoundMount, Composition, MountSource, NoVerdict, Severity, TargetOs};

    fn both_mount(source: &str, target_os: TargetOs) -> Declared {
        let host = source.starts_with('/');
        let source = if host { MountSource::Host(source.into()) } else { MountSource::Volume(source.into()) };
        let service = |name| crate::model::Service {
            mounts: vec![BoundMount::sample(source.clone(), "/var/run/postgresql")],
            ..crate::model::Service::sample(name)
        };
        let composition =
            Composition { services: vec![service("db"), service("app")], ..Composition::default() };
        Declared { composition: Some(composition), target: Some(target_os), ..Declared::default() }
    }

    #[test]
    fn fires_on_a_directory_of_the_host() {
        for (os, severity) in [(TargetOs::Macos, Severity::Error), (TargetOs::Linux, Severity::Warning)] {
            let findings = declared(&both_mount("/srv/socket", os)).unwrap();
            let found: Vec<_> = findings.iter().map(|finding| (finding.code, finding.severity)).collect();
            assert_eq!(found, [("SD612", severity)]);
        }
    }

    #[test]
    fn silent_on_one_named_volume_in_both_services() {
        assert_eq!(declared(&both_mount("db_socket", TargetOs::Macos)), Ok(vec![]));
    }

    #[test]
    fn not_applicable_without_a_composition() {
        assert_eq!(declared(&Declared::default()), Err(NoVerdict::NotApplicable));
    }
}
