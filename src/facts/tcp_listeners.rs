//! Processes that are told a socket's path and listen on TCP instead, as a server does whose switch is off.

use std::collections::{HashMap, HashSet};

use super::environments::parts;
use super::machine::Machine;
use super::netns_keepers::Keepers;
use super::{netns, proc_file, process, sockets};
use crate::model::{SocketIno, TcpOwner};

/// Of each path the processes that name it, in a variable about sockets or on their command line, and listen on TCP.
pub fn naming(machine: &Machine, paths: &[Vec<u8>]) -> HashMap<Vec<u8>, Vec<TcpOwner>> {
    let mut found: HashMap<Vec<u8>, Vec<TcpOwner>> = HashMap::new();
    if paths.is_empty() {
        return found;
    }
    let mut listening = None;
    for pid in process::pids(machine).unwrap_or_default() {
        let read = |name| proc_file::read(&machine.process(pid, name), proc_file::LARGE).unwrap_or_default();
        let mut named: Vec<(&Vec<u8>, Vec<u8>)> = Vec::new();
        for (source, text) in [("environ", read("environ")), ("cmdline", read("cmdline"))] {
            for part in parts(&text) {
                let path = paths.iter().find(|path| names(&part, path, source == "environ"));
                named.extend(path.map(|path| (path, [source.as_bytes(), b": ", &part].concat())));
            }
        }
        if named.is_empty() {
            continue;
        }
        let known = listening.get_or_insert_with(|| listeners(machine));
        let Some(address) = listens(machine, pid, known) else { continue };
        for (path, said) in named {
            let owners = found.entry(path.clone()).or_default();
            if owners.iter().any(|owner| owner.pid == pid || owner.address == address) {
                continue;
            }
            let command = process::command(machine, pid).unwrap_or_default();
            owners.push(TcpOwner { pid, command, address: address.clone(), said });
        }
    }
    found
}

/// `SOCKET_PATH=/run/a.sock`, `--bind`, `unix:/run/a.sock`: the path alone, so that nothing else is quoted.
fn names(part: &[u8], path: &[u8], variable: bool) -> bool {
    let Some(before) = part.strip_suffix(path) else { return false };
    let before = before.strip_suffix(b"unix://").or_else(|| before.strip_suffix(b"unix:")).unwrap_or(before);
    let Some(name) = before.strip_suffix(b"=") else { return before.is_empty() && !variable };
    // A client of a database names its socket too.
    let name = name.to_ascii_uppercase();
    let has = |word: &[u8]| name.windows(word.len()).any(|part| part == word);
    let server = [&b"SOCK"[..], b"UDS", b"BIND", b"LISTEN"].into_iter().any(has);
    server && ![&b"REDIS"[..], b"MYSQL", b"DOCKER", b"SSH", b"DBUS", b"DATABASE"].into_iter().any(has)
}

/// The first address of TCP that a process listens on.
fn listens(machine: &Machine, pid: u32, listeners: &HashMap<SocketIno, Vec<u8>>) -> Option<String> {
    let entries = std::fs::read_dir(machine.process(pid, "fd")).ok()?;
    let links = entries.flatten().filter_map(|entry| process::link(&entry.path()));
    let held: HashSet<SocketIno> = links.filter_map(|link| process::socket_ino(&link)).collect();
    let mut names: Vec<&Vec<u8>> = held.iter().filter_map(|ino| listeners.get(ino)).collect();
    names.sort_unstable();
    Some(String::from_utf8_lossy(names.first()?).into_owned())
}

/// The TCP listeners of every network namespace in reach, by inode.
fn listeners(machine: &Machine) -> HashMap<SocketIno, Vec<u8>> {
    let rows = sockets::tcp(&netns::reachable(machine, &Keepers::new()).0).items;
    let listening = rows.into_iter().filter(|row| row.queue().is_some());
    listening.map(|row| (row.ino, row.address.bytes().to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_named_by_the_server_and_not_by_a_client() {
        let named = |part: &str, variable| names(part.as_bytes(), b"/run/a.sock", variable);
        assert!(named("SOCKET_PATH=/run/a.sock", true) && named("APP_BIND=unix:/run/a.sock", true));
        assert!(named("/run/a.sock", false) && named("--bind=unix:/run/a.sock", false));
        assert!(!named("REDIS_SOCKET=/run/a.sock", true) && !named("SOCKET_PATH=/other/run/a.sock", true));
        assert!(!named("HOME=/run/a.sock", true) && !named("/run/a.sock", true));
    }

    #[test]
    fn we_find_our_own_listener() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let expected = listener.local_addr().unwrap().to_string().into_bytes();
        let machine = Machine::default();
        let listeners = listeners(&machine);
        assert!(listeners.values().any(|name| *name == expected));
        assert!(listens(&machine, std::process::id(), &listeners).is_some());
    }
}
