//! Clients of PostgreSQL: the directory they look in, and the one its socket is in.

use super::sd609_postgres_mysql_path_rule::POSTGRES_MYSQL_PATH_RULE as RULE;
use super::{configured, evidence};
use crate::model::{
    Case, Certainty, Declaration, Finding, Fix, NoVerdict, Protocol, Rule, Usage, Verdict, Written,
    names_a_socket, postgres_file,
};

/// Where a server has its socket.
struct Server {
    directory: String,
    port: u16,
    written: Option<Written>,
}

/// What SD609 finds where a client on this machine looks for the socket in the wrong way.
pub(super) fn check(case: &Case) -> Verdict {
    let rule = &RULE;
    let of_postgres = |client: &&Declaration| client.protocol == Some(Protocol::Postgres);
    let clients: Vec<&Declaration> = case.configured.clients().filter(of_postgres).collect();
    if clients.is_empty() {
        return Err(NoVerdict::NotApplicable);
    }
    let (files, others): (Vec<&Declaration>, Vec<&Declaration>) =
        clients.into_iter().partition(|client| names_a_socket(&client.path));
    let mut found: Vec<Finding> = files.iter().filter_map(|client| of_file(case, rule, client)).collect();
    let alive = case.sockets.items.iter().any(|other| other.socket.owns_name() && other.is_alive());
    let (Some(client), false) = (others.first(), alive || case.file()?.is_some()) else { return Ok(found) };
    let declared = case.configured.servers().next().is_some();
    let Some(server) = server(case).filter(|_| !declared) else { return Ok(found) };
    case.settled()?;
    let certainty = if case.files_only { Certainty::Likely } else { case.nobody_else()? };
    found.push(elsewhere(case, rule, client, &server, certainty));
    Ok(found)
}

/// The file stands where the directory is wanted.
fn of_file(case: &Case, rule: &Rule, client: &Declaration) -> Option<Finding> {
    let end = client.path.iter().rposition(|byte| *byte == b'/')?;
    let directory = &client.path[..end];
    let path = configured::path(&client.path);
    let summary =
        format!("{} gives libpq the socket file {path} as host; it wants the directory.", client.owner);
    let finding = rule.finding(case, Certainty::Certain, summary).written_at(&client.written);
    let edit =
        configured::replaced(client, directory).map(|command| Fix::change(command, "name the directory"));
    let advice = Fix::advice(format!("host={}", configured::path(directory)));
    Some(finding.fixed_by(edit).fixed_by([advice]))
}

fn elsewhere(
    case: &Case,
    rule: &Rule,
    client: &Declaration,
    server: &Server,
    certainty: Certainty,
) -> Finding {
    let here = configured::path(client.place());
    let port = client.port.unwrap_or(5432);
    let summary = if here == server.directory {
        format!(
            "{} looks for .s.PGSQL.{port} in {here}; the server there makes .s.PGSQL.{}.",
            client.owner, server.port
        )
    } else {
        format!("{} looks for PostgreSQL in {here}; its socket is in {}.", client.owner, server.directory)
    };
    let mut finding = rule.finding(case, certainty, summary).written_at(&client.written);
    finding = finding.proven_by(evidence::path(case));
    if let Some(written) = &server.written {
        finding = finding.written_at(written);
    }
    if here != server.directory {
        let edit = configured::replaced(client, server.directory.as_bytes());
        finding = finding.fixed_by(edit.map(|command| Fix::change(command, "look where its socket is")));
        finding = finding.fixed_by([Fix::advice(format!("host={}", server.directory))]);
    }
    if port != server.port {
        finding = finding.fixed_by([Fix::advice(format!("port={}", server.port))]);
    }
    finding
}

/// The server that is nearly named: of configuration, else of those that listen.
fn server(case: &Case) -> Option<Server> {
    let of = |path: &[u8], written: Option<&Written>| {
        let port = postgres_file(path)?;
        let end = path.iter().rposition(|byte| *byte == b'/')?;
        Some(Server { directory: configured::path(&path[..end]), port, written: written.cloned() })
    };
    let near = case.configured.nearly.iter().filter(|near| near.usage != Usage::Connects);
    let mut declared = near.filter_map(|near| of(&near.socket()?, Some(&near.written)));
    declared.next().or_else(|| case.nearest.iter().find_map(|name| of(name, None)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fact;

    fn case(host: &str, nearest: &[&str]) -> Case {
        let client =
            Declaration { protocol: Some(Protocol::Postgres), directory: true, ..Declaration::sample(host) };
        let walk = Fact::Known(crate::model::Walk::sample_missing());
        let mut case = Case { walk, ..Case::sample_stale() };
        case.configured.mentions.push(client);
        case.nearest = nearest.iter().map(|name| name.as_bytes().to_vec()).collect();
        case
    }

    fn found(case: &Case) -> Vec<(String, Vec<String>)> {
        let shown =
            |finding: Finding| (finding.summary, finding.fixes.into_iter().map(|fix| fix.text).collect());
        check(case).unwrap().into_iter().map(shown).collect()
    }

    #[test]
    fn the_wrong_directory_and_the_wrong_port_are_told_apart() {
        let (summary, fixes) = found(&case("/run/wrong", &["/run/pg/.s.PGSQL.5432"])).remove(0);
        assert!(
            summary.ends_with("looks for PostgreSQL in /run/wrong; its socket is in /run/pg."),
            "{summary}"
        );
        assert_eq!(fixes, ["host=/run/pg"]);
        let (_, fixes) = found(&case("/run/pg", &["/run/pg/.s.PGSQL.5433"])).remove(0);
        assert_eq!(fixes, ["port=5433"]);
        let (_, fixes) = found(&case("/run/pg/.s.PGSQL.5432", &[])).remove(0);
        assert_eq!(fixes, ["host=/run/pg"]);
    }

    #[test]
    fn silent_where_it_listens_and_where_no_other_is_known() {
        assert_eq!(found(&case("/run/wrong", &[])), []);
        let mut there = case("/tmp", &["/run/pg/.s.PGSQL.5432"]);
        there.walk = Case::sample().walk;
        assert_eq!(found(&there), []);
        assert!(check(&Case::sample()).is_err());
    }
}
