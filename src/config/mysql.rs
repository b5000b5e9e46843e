//! MySQL and MariaDB: the socket of the server and of its clients (my.cnf).

use super::Text;
use super::included::Included;
use super::ini;
use crate::model::{Declaration, Gap, Protocol, Usage};

/// Gives the files that an include names: a file, or with `true` those of a directory that end in `.cnf`.
pub type Load<'l> = dyn FnMut(&[u8], bool) -> Result<Vec<Text>, Gap> + 'l;

/// What the files of one installation say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mysql {
    /// The server's socket, and those of its clients. Of several lines of one group the last one counts.
    pub sockets: Vec<Declaration>,
    /// What was not read.
    pub gaps: Vec<Gap>,
}

/// Reads a main file, and what it includes.
pub fn read(main: &Text, load: &mut Load<'_>) -> Mysql {
    let mut found = Mysql::default();
    file(main, &mut found, load, &mut Included::default(), 0);
    found
}

/// Whether a text is one of MySQL or MariaDB: a group that only they have.
pub fn is_it(text: &[u8]) -> bool {
    let own = |line: &[u8]| {
        let name = line.trim_ascii().strip_prefix(b"[").and_then(|line| line.strip_suffix(b"]"));
        name.is_some_and(|name| {
            name.starts_with(b"mysql")
                || name.starts_with(b"mariadb")
                || matches!(name, b"client-server" | b"client-mariadb")
        })
    };
    text.split(|byte| *byte == b'\n').any(own)
}

fn file(
    (file_name, text): &Text,
    found: &mut Mysql,
    load: &mut Load<'_>,
    included: &mut Included,
    depth: u32,
) {
    if !included.more(file_name, depth, &mut found.gaps) {
        return;
    }
    for line in ini::lines(file_name, text, b"#;") {
        let follows =
            [(&b"!includedir"[..], true), (b"!include", false)].into_iter().find_map(|(word, directory)| {
                let rest = line.name.strip_prefix(word)?;
                rest.first()
                    .is_some_and(u8::is_ascii_whitespace)
                    .then(|| (rest.trim_ascii().to_vec(), directory))
            });
        if let Some((path, directory)) = follows {
            if !included.more(file_name, depth, &mut found.gaps) {
                continue;
            }
            match load(&path, directory) {
                Ok(texts) => texts.iter().for_each(|text| file(text, found, load, included, depth + 1)),
                Err(gap) => found.gaps.push(gap),
            }
            continue;
        }
        if line.name != b"socket" || !line.value.starts_with(b"/") {
            continue;
        }
        // `[client-server]` is read by both.
        let (serves, connects) = match line.section.as_slice() {
            b"client-server" => (true, true),
            b"server" | b"mysqld" | b"mariadb" | b"mariadbd" => (true, false),
            name if name.starts_with(b"mysqld-") || name.starts_with(b"mariadb-") => (true, false),
            b"client" | b"client-mariadb" | b"mysql" | b"mysqldump" | b"mysqladmin" | b"mariadb-client" => {
                (false, true)
            }
            _ => continue,
        };
        let group = String::from_utf8_lossy(&line.section).into_owned();
        for (usage, is_it, owner) in
            [(Usage::Binds, serves, "mysqld".to_owned()), (Usage::Connects, connects, format!("[{group}]"))]
        {
            if is_it {
                found.sockets.retain(|known| known.owner != owner);
                found.sockets.push(Declaration {
                    owner,
                    usage,
                    path: line.value.clone(),
                    directory: false,
                    protocol: Some(Protocol::Mysql),
                    port: None,
                    written: line.written.clone(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_line_of_a_group_counts_and_included_ones_are_read() {
        let main = "[client-server]\nsocket = /run/mysqld/mysqld.sock\n!includedir /etc/mysql/conf.d/\n!include /etc/x.cnf\n";
        let mut asked = Vec::new();
        let mut load = |path: &[u8], directory: bool| {
            asked.push((String::from_utf8_lossy(path).into_owned(), directory));
            let text =
                if directory { "[mysqld]\nsocket=/srv/my.sock # moved\n[client]\nport=1\n" } else { "" };
            Ok(vec![(b"conf.d/a.cnf".to_vec(), text.into())])
        };
        let found = read(&(b"my.cnf".to_vec(), main.into()), &mut load);
        let shown: Vec<(&[u8], Usage, u32)> = found
            .sockets
            .iter()
            .map(|one| (one.path.as_slice(), one.usage, one.written.location.line))
            .collect();
        assert_eq!(
            shown,
            [(&b"/run/mysqld/mysqld.sock"[..], Usage::Connects, 2), (b"/srv/my.sock", Usage::Binds, 2)]
        );
        assert_eq!(asked, [("/etc/mysql/conf.d/".into(), true), ("/etc/x.cnf".into(), false)]);
        assert!(is_it(main.as_bytes()) && is_it(b"[mysqld]\n") && !is_it(b"[www]\npm = static\n"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in "(\\[mysqld\\]|\\[client-server\\]|socket|=|/a|!include|!includedir| |\\n|\"|#)*") {
            let again = (b"f".to_vec(), text.clone().into_bytes());
            let _ = (is_it(text.as_bytes()), read(&again, &mut |_, _| Ok(vec![])));
        }
    }
}
