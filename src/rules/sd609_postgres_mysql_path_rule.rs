//! SD609: a client of a database names its socket in the wrong way.

use super::compose::{self, localhost};
use super::libpq::check;
use crate::model::{
    Certainty, Declaration, Declared, Finding, Fix, LOCALHOST, Protocol, Usage, Verdict, names_a_socket,
};

rule! {
    /// A client of a database is not given its socket in the way that database wants it.
    ///
    /// # What it means
    /// libpq takes the directory as `host`, and looks in it for `.s.PGSQL.` and the port: with the file as `host` it
    /// says "Not a directory" (ENOTDIR), else ENOENT. To MySQL's own clients `localhost` is a socket, never TCP.
    ///
    /// # How it is known
    /// `host=` of a connection string, `PGHOST` or `host` in its percent-encoded form names a file, or another
    /// directory or port than the server has: of the same project, whose volume is mounted, or of this host. Or MySQL
    /// is looked for on `localhost` by a service without files of the server's.
    ///
    /// # Not to be confused with
    /// A directory and the right port. A volume that the client lacks (SD612). The file, for MySQL.
    ///
    /// # Fix
    /// `host=/var/run/postgresql`, the directory alone, and the server's port; for MySQL `--socket=PATH`.
    POSTGRES_MYSQL_PATH_RULE = "SD609", "postgres-mysql-path-rule", Error; check, declared
}

fn declared(declared: &Declared) -> Verdict {
    Ok(declared.sockets.iter().filter_map(|client| finding(declared, client)).collect())
}

/// Whether a finding of this rule says why a client does not reach its server.
pub(super) fn explains(declared: &Declared, client: &Declaration) -> bool {
    finding(declared, client).is_some()
}

fn finding(declared: &Declared, client: &Declaration) -> Option<Finding> {
    if client.path == LOCALHOST.as_bytes() {
        return localhost::finding(&POSTGRES_MYSQL_PATH_RULE, declared, client);
    }
    if client.protocol != Some(Protocol::Postgres) || client.usage != Usage::Connects {
        return None;
    }
    let at =
        |certainty, summary: String| POSTGRES_MYSQL_PATH_RULE.finding_at(&client.written, certainty, summary);
    let (owner, path) = (&client.owner, String::from_utf8_lossy(&client.path));
    if names_a_socket(&client.path) {
        let directory =
            String::from_utf8_lossy(&client.path[..client.path.iter().rposition(|byte| *byte == b'/')?]);
        let summary = format!("{owner} gives libpq the socket file {path} as host; it wants the directory.");
        return Some(at(Certainty::Certain, summary).fixed_by([Fix::advice(format!("host={directory}"))]));
    }
    let composition = declared.composition.as_ref()?;
    let service = composition.service(owner)?;
    let is_server = |other: &&Declaration| other.usage == Usage::Binds && other.protocol == client.protocol;
    for server in declared.sockets.iter().filter(is_server).filter(|server| server.owner != *owner) {
        let (_, Some(files)) = compose::place(composition, server) else { continue };
        let shows = |mount: &&crate::model::BoundMount| {
            compose::files(composition, mount, &compose::seen(&mount.target)).as_ref() == Some(&files)
        };
        let Some(mount) = service.mounts.iter().find(shows) else { continue };
        let (whom, here) = (&server.owner, &mount.target);
        let proof = |finding: Finding| Some(finding.written_at(&mount.written).written_at(&server.written));
        if compose::directory(client) != compose::seen(here) {
            let summary = format!("{owner} looks for {whom} in {path}, and has its socket in {here}.");
            return proof(at(Certainty::Certain, summary).fixed_by([Fix::advice(format!("host={here}"))]));
        }
        let (port, theirs) = (client.port.unwrap_or(5432), server.port.unwrap_or(5432));
        if port != theirs {
            let summary =
                format!("{owner} looks for .s.PGSQL.{port} in {path}; {whom} makes .s.PGSQL.{theirs}.");
            let fix = Fix::advice(format!("port {theirs}, in both"));
            return proof(at(Certainty::Likely, summary).fixed_by([fix]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(path: &str) -> Declared {
        let socket =
            Declaration { protocol: Some(Protocol::Postgres), directory: true, ..Declaration::sample(path) };
        Declared { sockets: vec![socket], ..Declared::default() }
    }

    #[test]
    fn fires_when_host_is_the_file() {
        let findings = declared(&client("/run/postgresql/.s.PGSQL.5432")).unwrap();
        assert_eq!((findings[0].code, findings[0].fixes[0].text.as_str()), ("SD609", "host=/run/postgresql"));
    }

    #[test]
    fn silent_on_the_directory() {
        assert_eq!(declared(&client("/run/postgresql")), Ok(vec![]));
    }
}
