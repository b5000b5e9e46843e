//! Which groups a user is given at login: the primary one of passwd(5), those of group(5) that list it, and what
//! nsswitch.conf(5) adds.

use std::path::Path;

use super::{Users, ask, decimal};
use crate::facts::getent::Answer;
use crate::facts::proc_file;
use crate::model::Gap;

impl Users {
    /// A gid by name; a number stands for itself unless it is a name. `Ok(None)`: no such group.
    pub fn gid_of(&mut self, name: &str) -> Result<Option<u32>, Gap> {
        self.group.id_of(name, self.getent.as_mut())
    }

    /// The primary group of a user. `Ok(None)`: the user is not in the database.
    pub fn primary_group(&mut self, uid: u32) -> Result<Option<u32>, Gap> {
        if let Some(known) = self.primary.get(&uid) {
            return Ok(*known);
        }
        let found = self.look_up_primary(uid)?;
        self.primary.insert(uid, found);
        Ok(found)
    }

    fn look_up_primary(&mut self, uid: u32) -> Result<Option<u32>, Gap> {
        let of_lines = |text: &[u8]| lines(text).find_map(|line| primary(line, uid));
        if let Some(gid) = of_lines(&self.file("passwd")?) {
            return Ok(Some(gid));
        }
        match ask(self.getent.as_mut(), "passwd", &uid.to_string()) {
            Answer::Found(text) => Ok(of_lines(&text)),
            Answer::NotFound | Answer::NotAsked => Ok(None),
            Answer::Failed(gap) => Err(gap),
        }
    }

    /// The supplementary groups of a user, ascending.
    pub fn groups_of(&mut self, name: &str) -> Result<Vec<u32>, Gap> {
        let mut groups: Vec<u32> =
            lines(&self.file("group")?).filter_map(|line| listing(line, name.as_bytes())).collect();
        match ask(self.getent.as_mut(), "initgroups", name) {
            Answer::Found(text) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                groups.extend(text.split_whitespace().skip(1).filter_map(decimal));
            }
            Answer::NotFound | Answer::NotAsked => {}
            Answer::Failed(gap) => return Err(gap),
        }
        groups.sort_unstable();
        groups.dedup();
        Ok(groups)
    }

    fn file(&self, name: &str) -> Result<Vec<u8>, Gap> {
        let path = Path::new("etc").join(name);
        let root = &self.passwd.root;
        match proc_file::read_in_root(root, &path.to_string_lossy(), proc_file::LARGE) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other.map_err(|error| proc_file::gap(&root.join(&path), &error)),
        }
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
}

/// `name:password:uid:gid:…`
fn primary(line: &[u8], uid: u32) -> Option<u32> {
    let mut fields = line.split(|byte| *byte == b':').skip(2);
    let mut id = || decimal(std::str::from_utf8(fields.next()?).ok()?);
    (id()? == uid).then(id)?
}

/// `name:password:gid:member,member`
fn listing(line: &[u8], user: &[u8]) -> Option<u32> {
    let mut fields = line.split(|byte| *byte == b':').skip(2);
    let gid = decimal(std::str::from_utf8(fields.next()?).ok()?)?;
    fields.next()?.split(|byte| *byte == b',').any(|member| member == user).then_some(gid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::machine::Machine;

    #[test]
    fn groups_come_from_the_viewed_root() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        std::fs::write(root.path().join("etc/passwd"), "web:x:33:34::/:\nbad:x:35\n").unwrap();
        std::fs::write(
            root.path().join("etc/group"),
            "adm:x:4:x,web\nwebx:x:5:webx\nstaff:x:50:web,b\n:::\n",
        )
        .unwrap();
        let mut users = Users::new(&Machine { root: root.path().to_path_buf(), ..Machine::default() });
        assert_eq!(users.primary_group(33), Ok(Some(34)));
        assert_eq!(users.primary_group(35), Ok(None));
        assert_eq!(users.groups_of("web"), Ok(vec![4, 50]));
        assert_eq!(users.groups_of("nobody"), Ok(vec![]));
        assert_eq!(users.gid_of("staff"), Ok(Some(50)));
        assert_eq!(users.gid_of("51"), Ok(Some(51)));
        assert_eq!(users.gid_of("nobody"), Ok(None));
    }

    #[test]
    fn a_machine_without_files_has_no_groups() {
        let root = tempfile::tempdir().unwrap();
        let mut users = Users::new(&Machine { root: root.path().to_path_buf(), ..Machine::default() });
        assert_eq!((users.primary_group(0), users.groups_of("root")), (Ok(None), Ok(vec![])));
    }
}
