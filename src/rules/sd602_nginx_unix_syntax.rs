//! SD602: nginx reads a path out of its configuration that nobody meant.

use super::{configured, evidence};
use crate::model::{Case, Certainty, Declaration, Fix, NoVerdict, Usage, Verdict, names_a_socket};

rule! {
    /// nginx takes more, or other, for the path of the socket than was meant.
    ///
    /// # What it means
    /// In `proxy_pass http://unix:/a.sock/uri` the URI needs a colon before it; without one nginx connects to
    /// "/a.sock/uri" and logs "(20: Not a directory)". In `unix:@name` nginx knows no abstract names: it connects to a
    /// file named @name and logs "(2: No such file or directory)". `nginx -t` accepts both.
    ///
    /// # How it is known
    /// From the line, and from what stands at the path.
    ///
    /// # Not to be confused with
    /// `unix:/a.sock` and `unix:/a.sock:/uri`, which are right; a directory that is really named like a socket.
    ///
    /// # Fix
    /// Write the colon: `http://unix:/a.sock:/uri`. Give the server a path instead of an abstract name.
    NGINX_UNIX_SYNTAX = "SD602", "nginx-unix-syntax", Error
}

fn check(case: &Case) -> Verdict {
    let named = |mention: &&Declaration| mention.written.text.windows(5).any(|five| five == b"unix:");
    let client = configured::client(case)?;
    if !named(&client) || client.usage != Usage::Connects {
        return Err(NoVerdict::NotApplicable);
    }
    let path = &client.path;
    if case.file().is_ok_and(|file| file.is_some()) {
        return Ok(vec![]);
    }
    let place = configured::place(client);
    let (summary, fix, certainty) = if path.starts_with(b"@") {
        let name = configured::path(path);
        let summary = format!("nginx has no abstract names: {place} sends to a file named {name}.");
        (summary, Fix::advice("have the server listen on a path, and write that path"), Certainty::Certain)
    } else if let Some((socket, uri)) = divided(path) {
        let summary = format!(
            "{place} has no colon before the URI: nginx takes {} for the path of the socket.",
            configured::path(path)
        );
        let right = format!("unix:{}:{}", configured::path(socket), configured::path(uri));
        let looked = case.walk.known().is_some() && !case.files_only;
        let certainty = if looked { Certainty::Certain } else { Certainty::Likely };
        (summary, Fix::advice(format!("write {right}")), certainty)
    } else {
        return Ok(vec![]);
    };
    let finding = NGINX_UNIX_SYNTAX.finding(case, certainty, summary).written_at(&client.written);
    Ok(vec![finding.proven_by(evidence::path(case)).fixed_by([fix])])
}

/// The path of a socket, and what goes on behind it.
fn divided(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slashes = path.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/');
    slashes.map(|(at, _)| path.split_at(at)).find(|(socket, _)| names_a_socket(socket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, Walk, Written};

    fn sent_to(path: &str) -> Case {
        let mut case = Case { walk: Fact::Known(Walk::sample_missing()), ..Case::sample_stale() };
        let written = Written { text: format!("proxy_pass http://unix:{path};").into(), ..Written::sample() };
        case.configured.mentions.push(Declaration { written, ..Declaration::sample(path) });
        case
    }

    #[test]
    fn fires_without_the_colon_and_on_an_abstract_name() {
        let found = check(&sent_to("/run/a.sock/uri")).unwrap();
        assert_eq!(
            (found[0].code, found[0].fixes[0].text.as_str()),
            ("SD602", "write unix:/run/a.sock:/uri")
        );
        assert_eq!(check(&sent_to("@app")).unwrap().len(), 1);
    }

    #[test]
    fn silent_on_a_plain_path_and_where_the_file_is_there() {
        assert_eq!(check(&sent_to("/run/a.sock")), Ok(vec![]));
        let there = Case { walk: Case::sample().walk, ..sent_to("/run/a.sock/uri") };
        assert_eq!(check(&there), Ok(vec![]));
    }

    #[test]
    fn only_likely_where_nothing_was_looked_at() {
        let unseen = Case { walk: Fact::Unknown(Gap::new("/run", "denied")), ..sent_to("/run/a.sock/uri") };
        assert_eq!(check(&unseen).unwrap()[0].certainty, Certainty::Likely);
        assert_eq!(check(&Case::sample()), Err(NoVerdict::NotApplicable));
    }
}
