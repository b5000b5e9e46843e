//! php-fpm: the sockets of its pools, and who is to have them (php-fpm.conf, www.conf).

use super::included::Included;
use super::ini::{self, Line};
use super::{Load, Text};
use crate::model::{Declaration, Gap, Protocol, Setting, Usage};

/// How many pools are told apart.
const POOLS: usize = 1000;

/// A pool: a socket of its own, and processes behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// `www`
    pub name: String,
    /// Its socket, where it listens on one.
    pub socket: Option<Declaration>,
    /// `listen.owner`
    pub owner: Option<Setting<Vec<u8>>>,
    /// `listen.group`
    pub group: Option<Setting<Vec<u8>>>,
    /// `listen.mode`
    pub mode: Option<Setting<u32>>,
    /// Its ACL decides instead of the owner and the mode (`listen.acl_users`, `listen.acl_groups`).
    pub listed: bool,
    /// `listen.backlog`
    pub backlog: Option<Setting<i64>>,
}

/// What the files of one php-fpm say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PhpFpm {
    /// Its pools, in the order of the files.
    pub pools: Vec<Pool>,
    /// What was not read.
    pub gaps: Vec<Gap>,
}

/// Reads a main file, and what it includes.
pub fn read(main: &Text, load: &mut Load<'_>) -> PhpFpm {
    let mut reader = Reader { lines: Vec::new(), gaps: Vec::new(), included: Included::default(), load };
    reader.file(main, &[], 0);
    let mut found = PhpFpm { pools: Vec::new(), gaps: reader.gaps };
    for line in reader.lines.iter().filter(|line| !line.section.is_empty() && line.section != b"global") {
        let name = String::from_utf8_lossy(&line.section).into_owned();
        let known = found.pools.iter().position(|pool| pool.name == name);
        if known.is_none() {
            if found.pools.len() >= POOLS {
                let file = String::from_utf8_lossy(&line.written.location.file);
                found.gaps.push(Gap::new(file, format!("only the first {POOLS} pools were read")));
                break;
            }
            found.pools.push(Pool::new(name));
        }
        let at = known.unwrap_or(found.pools.len() - 1);
        found.pools[at].read(line);
    }
    found
}

/// Whether a text is one of php-fpm: a pool that listens, or what only its main file has.
pub fn is_it(text: &[u8]) -> bool {
    let own: [&[u8]; 4] =
        [b"pm.max_children", b"emergency_restart_threshold", b"process_control_timeout", b"listen.owner"];
    ini::lines(b"", text, b";").iter().any(|line| match line.name.as_slice() {
        b"pm" => matches!(line.value.as_slice(), b"dynamic" | b"static" | b"ondemand"),
        b"include" => line.section == b"global",
        b"pid" => line.section == b"global" && line.value.windows(3).any(|part| part == b"fpm"),
        name => own.contains(&name),
    })
}

struct Reader<'l> {
    lines: Vec<Line>,
    gaps: Vec<Gap>,
    included: Included,
    load: &'l mut Load<'l>,
}

impl Reader<'_> {
    fn file(&mut self, (file, text): &Text, section: &[u8], depth: u32) {
        if !self.included.more(file, depth, &mut self.gaps) {
            return;
        }
        for mut line in ini::lines(file, text, b";") {
            if line.section.is_empty() {
                line.section = section.to_vec();
            }
            if line.name != b"include" {
                self.lines.push(line);
                continue;
            }
            if !self.included.more(file, depth, &mut self.gaps) {
                continue;
            }
            match (self.load)(&line.value) {
                Ok(texts) => texts.iter().for_each(|text| self.file(text, &line.section, depth + 1)),
                Err(gap) => self.gaps.push(gap),
            }
        }
    }
}

impl Pool {
    const fn new(name: String) -> Self {
        Self { name, socket: None, owner: None, group: None, mode: None, listed: false, backlog: None }
    }

    fn read(&mut self, line: &Line) {
        let setting = || Some(Setting { value: line.value.clone(), written: line.written.clone() });
        match line.name.as_slice() {
            b"listen" => self.socket = self.declaration(line),
            b"listen.owner" => self.owner = setting(),
            b"listen.group" => self.group = setting(),
            b"listen.acl_users" | b"listen.acl_groups" => self.listed |= !line.value.is_empty(),
            b"listen.mode" => {
                let text = std::str::from_utf8(&line.value).ok();
                let mode = text.and_then(|text| u32::from_str_radix(text, 8).ok());
                self.mode = mode.map(|value| Setting { value, written: line.written.clone() });
            }
            b"listen.backlog" => {
                let number = std::str::from_utf8(&line.value).ok().and_then(|text| text.parse().ok());
                self.backlog = number.map(|value| Setting { value, written: line.written.clone() });
            }
            _ => {}
        }
    }

    /// `$pool` is the name of the pool. A value that is no path is an address of TCP.
    fn declaration(&self, line: &Line) -> Option<Declaration> {
        let text = String::from_utf8_lossy(&line.value).replace("$pool", &self.name);
        let path = text.into_bytes();
        path.starts_with(b"/").then(|| Declaration {
            owner: format!("php-fpm pool {}", self.name),
            usage: Usage::Binds,
            path,
            directory: false,
            protocol: Some(Protocol::FastCgi),
            port: None,
            written: line.written.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pools_are_read_through_includes() {
        let main = "[global]\npid = /run/php/php8.2-fpm.pid\ninclude=/etc/php/8.2/fpm/pool.d/*.conf\n";
        let pool = "[www]\nuser = www-data\nlisten = /run/php/$pool.sock\n;listen.mode = 0660\nlisten.owner = www-data\n\
                    listen.group = www-data\nlisten.mode = 0600\nlisten.backlog = 511\npm = dynamic\n[tcp]\nlisten = 127.0.0.1:9000\n";
        let mut load = |pattern: &[u8]| {
            assert_eq!(pattern, b"/etc/php/8.2/fpm/pool.d/*.conf");
            Ok(vec![(b"www.conf".to_vec(), pool.into())])
        };
        let found = read(&(b"php-fpm.conf".to_vec(), main.into()), &mut load);
        let [www, tcp] = found.pools.as_slice() else { panic!("{found:?}") };
        let socket = www.socket.as_ref().unwrap();
        assert_eq!((socket.path.as_slice(), socket.written.location.line), (&b"/run/php/www.sock"[..], 3));
        assert_eq!((www.mode.as_ref().unwrap().value, www.backlog.as_ref().unwrap().value), (0o600, 511));
        assert_eq!((&www.owner.as_ref().unwrap().value[..], tcp.socket.is_none()), (&b"www-data"[..], true));
        assert!(is_it(main.as_bytes()) && is_it(pool.as_bytes()));
        assert!(!is_it(b"[mysqld]\nsocket = /x\n") && !is_it(b"[Service]\nExecStart=/x\n"));
    }

    #[test]
    fn a_circle_ends() {
        let text = (b"a".to_vec(), b"include=a\n".to_vec());
        let again = text.clone();
        let found = read(&text, &mut |_| Ok(vec![again.clone()]));
        assert_eq!(found.gaps.len(), 1);
    }

    #[test]
    fn what_is_not_read_is_said() {
        let refused = Gap::new("pool.d", "Permission denied");
        let main = (b"a".to_vec(), b"include=pool.d/*\n".to_vec());
        assert_eq!(read(&main, &mut |_| Err(refused.clone())).gaps, vec![refused.clone()]);
        let many: Vec<String> = (0..=POOLS).map(|number| format!("[p{number}]\nlisten=/x\n")).collect();
        let found = read(&(b"many".to_vec(), many.concat().into()), &mut |_| Ok(vec![]));
        assert_eq!((found.pools.len(), found.gaps.len()), (POOLS, 1));
        assert!(found.gaps[0].why.starts_with("only the first"), "{:?}", found.gaps);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in "(\\[www\\]|listen|listen.mode|=|/a|[$]pool|\"|;|\\n| |é)*") {
            let _ = (is_it(text.as_bytes()), read(&(b"f".to_vec(), text.into()), &mut |_| Ok(vec![])));
        }
    }
}
