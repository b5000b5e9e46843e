//! Processes that are told a socket's path and listen on TCP instead, as a server does whose switch is off.

use std::collections::HashMap;

use super::environments::parts;
use super::machine::Machine;
use super::{proc_file, process};
use crate::model::TcpOwner;

/// LISTEN in `/proc/PID/net/tcp` (include/net/tcp_states.h).
const LISTEN: &str = "0A";

/// Of each path the processes that name it, in a variable about sockets or on their command line, and listen on TCP.
pub fn naming(machine: &Machine, paths: &[Vec<u8>]) -> HashMap<Vec<u8>, Vec<TcpOwner>> {
    let mut found: HashMap<Vec<u8>, Vec<TcpOwner>> = HashMap::new();
    if paths.is_empty() {
        return found;
    }
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
        let Some(address) = listens(machine, pid) else { continue };
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
fn listens(machine: &Machine, pid: u32) -> Option<String> {
    let entries = std::fs::read_dir(machine.process(pid, "fd")).ok()?;
    let links = entries.flatten().filter_map(|entry| process::link(&entry.path()));
    let held: Vec<u64> =
        links.filter_map(|link| process::socket_ino(&link)).map(|ino| u64::from(ino.0)).collect();
    ["net/tcp", "net/tcp6"].into_iter().find_map(|table| {
        let text = proc_file::read(&machine.process(pid, table), proc_file::LARGE).ok()?;
        listeners(&String::from_utf8_lossy(&text))
            .find(|(_, ino)| held.contains(ino))
            .map(|(address, _)| address)
    })
}

/// The listeners of a table, each with its inode (proc_net_tcp in the kernel's Documentation/networking).
fn listeners(table: &str) -> impl Iterator<Item = (String, u64)> {
    table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, local, _, LISTEN, _, _, _, _, _, ino, ..] = fields.as_slice() else { return None };
        Some((address(local)?, ino.parse().ok()?))
    })
}

/// `0100007F:1389` as `127.0.0.1:5001`: words of 32 bits in the machine's own order of bytes.
fn address(hex: &str) -> Option<String> {
    let (host, port) = hex.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words = (0..host.len() / 8).map(|at| u32::from_str_radix(host.get(at * 8..at * 8 + 8)?, 16).ok());
    let bytes: Vec<u8> =
        words.collect::<Option<Vec<u32>>>()?.iter().flat_map(|word| word.to_ne_bytes()).collect();
    Some(match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(four) => format!("{}:{port}", std::net::Ipv4Addr::from(four)),
        Err(_) => format!("[{}]:{port}", std::net::Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
    })
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
        let expected = listener.local_addr().unwrap().to_string();
        assert!(listens(&Machine::default(), std::process::id()).is_some());
        let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
        assert!(listeners(&table).any(|(address, _)| address == expected));
        assert_eq!(address("00000000000000000000000000000000:1F90").unwrap(), "[::]:8080");
    }
}
