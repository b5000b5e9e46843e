//! Names of users and groups: the files of the viewed root first, then, for the running system, `getent`.
//!
//! `getpwuid(3)` is not asked: in a static build it does not see what nsswitch.conf names, and it may hang.

mod membership;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::model::{Gap, IdName, NameSource};

use super::getent::{Answer, Getent};
use super::machine::Machine;
use super::proc_file;

/// The users and groups of one machine. Read when first asked for, and remembered.
#[derive(Debug)]
pub struct Users {
    passwd: Database,
    group: Database,
    /// The primary groups that were asked for.
    primary: HashMap<u32, Option<u32>>,
    /// `None` for another root: it answers for the running system.
    getent: Option<Getent>,
}

impl Users {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(machine: &Machine) -> Self {
        Self {
            passwd: Database::new(machine, "passwd"),
            group: Database::new(machine, "group"),
            primary: HashMap::new(),
            getent: (machine.root == Path::new("/")).then(Getent::new),
        }
    }

    /// A uid with its name (passwd(5)).
    pub fn user(&mut self, uid: u32) -> IdName {
        self.passwd.name_of(uid, self.getent.as_mut())
    }

    /// A gid with its name (group(5)).
    pub fn group(&mut self, gid: u32) -> IdName {
        self.group.name_of(gid, self.getent.as_mut())
    }

    /// The uid of a user by name; a number stands for itself unless it is a name. `Ok(None)`: no such user.
    pub fn uid_of(&mut self, name: &str) -> Result<Option<u32>, Gap> {
        self.passwd.id_of(name, self.getent.as_mut())
    }
}

fn ask(getent: Option<&mut Getent>, database: &str, key: &str) -> Answer {
    getent.map_or(Answer::NotAsked, |getent| getent.ask(database, key))
}

/// `/etc/passwd` or `/etc/group`, and every number that was looked up.
#[derive(Debug)]
struct Database {
    root: PathBuf,
    name: &'static str,
    files: Option<Result<Names, Gap>>,
    known: HashMap<u32, IdName>,
}

impl Database {
    fn new(machine: &Machine, name: &'static str) -> Self {
        Self { root: machine.root.clone(), name, files: None, known: HashMap::new() }
    }

    fn name_of(&mut self, id: u32, getent: Option<&mut Getent>) -> IdName {
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        let found = self.look_up(id, getent);
        self.known.entry(id).or_insert(found).clone()
    }

    fn look_up(&mut self, id: u32, getent: Option<&mut Getent>) -> IdName {
        if let Some(name) = self.files().as_ref().ok().and_then(|names| names.by_id.get(&id)) {
            return IdName { id, name: Some((name.clone(), NameSource::Files)) };
        }
        match ask(getent, self.name, &id.to_string()) {
            Answer::Found(text) => {
                let name = Names::parse(&text).by_id.remove(&id);
                IdName { id, name: name.map(|name| (name, NameSource::Getent)) }
            }
            _ => IdName::unnamed(id),
        }
    }

    fn id_of(&mut self, name: &str, getent: Option<&mut Getent>) -> Result<Option<u32>, Gap> {
        let files = self.files();
        if let Some(id) = files.as_ref().ok().and_then(|names| names.by_name.get(name)) {
            return Ok(Some(*id));
        }
        let unread = files.as_ref().err().cloned();
        if let Some(id) = decimal(name) {
            // -1 is no id: `chown(2)` and `setresuid(2)` take it as "leave it".
            return Ok((id != u32::MAX).then_some(id));
        }
        match ask(getent, self.name, name) {
            Answer::Found(text) => Ok(text.split(|byte| *byte == b'\n').find_map(entry).map(|(_, id)| id)),
            Answer::NotFound => Ok(None),
            Answer::NotAsked => unread.map_or(Ok(None), Err),
            Answer::Failed(gap) => Err(gap),
        }
    }

    fn files(&mut self) -> &Result<Names, Gap> {
        self.files.get_or_insert_with(|| read(&self.root, &format!("etc/{}", self.name)))
    }
}

#[derive(Debug, Default)]
struct Names {
    by_id: HashMap<u32, String>,
    by_name: HashMap<String, u32>,
}

impl Names {
    /// passwd(5) and group(5) alike: name, password, number. The first line of a name or number counts.
    fn parse(text: &[u8]) -> Self {
        let mut names = Self::default();
        for line in text.split(|byte| *byte == b'\n') {
            let Some((name, id)) = entry(line) else { continue };
            names.by_id.entry(id).or_insert_with(|| name.clone());
            names.by_name.entry(name).or_insert(id);
        }
        names
    }
}

/// The entries that a text has.
#[cfg(any(test, fuzzing))]
pub(super) fn entries(text: &[u8]) -> usize {
    Names::parse(text).by_id.len()
}

fn entry(line: &[u8]) -> Option<(String, u32)> {
    let mut fields = line.split(|byte| *byte == b':');
    // `+` and `-` begin what nsswitch.conf(5) calls compat entries.
    let name = fields.next().filter(|name| !matches!(name, [] | [b'#' | b'+' | b'-', ..]))?;
    let id = decimal(std::str::from_utf8(fields.nth(1)?).ok()?)?;
    Some((String::from_utf8_lossy(name).into_owned(), id))
}

fn decimal(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A missing file has no names in it: scratch containers have none.
fn read(root: &Path, name: &str) -> Result<Names, Gap> {
    match proc_file::read_in_root(root, name, proc_file::LARGE) {
        Ok(text) => Ok(Names::parse(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Names::default()),
        Err(error) => Err(proc_file::gap(&root.join(name), &error)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PASSWD: &[u8] = b"# comment\nroot:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\n+::::::\nweb:x:33:33::/:\n1000:x:7:7::/:\nbad:x:+5:5::/:\nshort:x\n\xff\x1b:x:34:34::/:\n";

    fn machine(passwd: &[u8]) -> (tempfile::TempDir, Machine) {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        std::fs::write(root.path().join("etc/passwd"), passwd).unwrap();
        std::fs::write(root.path().join("etc/group"), "staff:x:50:a,b\n").unwrap();
        let machine = Machine { root: root.path().to_path_buf(), ..Machine::default() };
        (root, machine)
    }

    #[test]
    fn names_come_from_the_viewed_root() {
        let (_root, machine) = machine(PASSWD);
        let mut users = Users::new(&machine);
        assert_eq!(users.user(0).name, Some(("root".into(), NameSource::Files)));
        assert_eq!(users.user(34).label(), "\u{fffd}\u{1b}");
        assert_eq!(users.user(5), IdName::unnamed(5));
        assert_eq!(users.group(50).label(), "staff");
        assert_eq!(users.group(33), IdName::unnamed(33));
    }

    #[test]
    fn a_user_is_found_by_name_and_by_number() {
        let (_root, machine) = machine(PASSWD);
        let mut users = Users::new(&machine);
        for (name, uid) in [
            ("web", Some(33)),
            ("toor", Some(0)),
            ("1000", Some(7)),
            ("1001", Some(1001)),
            ("4294967295", None),
            ("+5", None),
            ("nobody-here", None),
            ("", None),
        ] {
            assert_eq!(users.uid_of(name), Ok(uid), "{name}");
        }
    }

    #[test]
    fn a_root_without_files_has_numbers_only() {
        let root = tempfile::tempdir().unwrap();
        let mut users = Users::new(&Machine { root: root.path().to_path_buf(), ..Machine::default() });
        assert_eq!(users.user(0), IdName::unnamed(0));
        assert_eq!(users.uid_of("root"), Ok(None));
    }

    #[test]
    fn a_passwd_that_cannot_be_read_is_a_gap() {
        let (root, machine) = machine(b"");
        let path = root.path().join("etc/passwd");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(Users::new(&machine).uid_of("web").unwrap_err().why, "Is a directory");
    }

    #[test]
    fn the_running_system_knows_root() {
        let mut users = Users::new(&Machine::default());
        assert_eq!(users.user(0).label(), "root");
        assert_eq!(users.uid_of("root"), Ok(Some(0)));
        assert_eq!(users.uid_of("-s"), Ok(None));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..300)) {
            Names::parse(&text);
        }
    }
}
