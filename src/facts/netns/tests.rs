//! Namespaces made with unshare(1), which takes root.
#![expect(clippy::print_stdout, reason = "a test that could not run says so")]

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use super::*;
use crate::facts::sockets::{self, Ask};
use crate::model::{Address, Socket, SocketState};

const OWNERS: Ask = Ask { owners_only: true, memory: false };

fn skip(test: &str, why: &str) {
    assert!(std::env::var_os("SOCKDOCTOR_NO_SKIP").is_none(), "{test}: {why}");
    println!("SKIP {test}: {why}");
}

/// A process in a network namespace of its own, for as long as this lives.
struct Elsewhere(Child);

impl Elsewhere {
    fn new(test: &str) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            skip(test, "unshare --net takes root");
            return None;
        }
        let mut child = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo ready; read line"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line != "ready\n" {
            child.wait().unwrap();
            skip(test, "unshare --net is refused");
            return None;
        }
        Some(Self(child))
    }

    fn id(&self) -> NetnsId {
        NetnsId(std::fs::metadata(format!("/proc/{}/ns/net", self.0.id())).unwrap().ino())
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn name(test: &str) -> Vec<u8> {
    format!("sockdoctor-test-{test}-{}", std::process::id()).into_bytes()
}

fn listen(name: &[u8]) -> UnixListener {
    UnixListener::bind_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap()
}

fn called<'a>(rows: &'a [Socket], name: &[u8]) -> Vec<&'a Socket> {
    rows.iter().filter(|row| matches!(&row.address, Address::Abstract(given) if **given == *name)).collect()
}

#[test]
fn ours_comes_first_and_needs_no_thread() {
    let (namespaces, _) = reachable(&Machine::default(), &Keepers::new());
    assert!(namespaces[0].ours && namespaces[1..].iter().all(|namespace| !namespace.ours));
    let here = thread::current().id();
    assert_eq!(inside(&namespaces[0], || thread::current().id()), Ok(here));
}

#[test]
fn a_socket_in_a_foreign_namespace_is_seen_and_seen_to_go() {
    let Some(elsewhere) = Elsewhere::new("a_socket_in_a_foreign_namespace_is_seen_and_seen_to_go") else {
        return;
    };
    let (namespaces, _) = reachable(&Machine::default(), &Keepers::new());
    let namespace = namespaces.iter().find(|namespace| namespace.id == elsewhere.id()).unwrap();
    let name = name("foreign");
    let listener = inside(namespace, || listen(&name)).unwrap();

    let sockets = sockets::all(&Machine::default(), OWNERS, &Keepers::new());
    let [socket] = called(&sockets.rows, &name)[..] else { panic!() };
    assert_eq!((socket.netns, socket.state), (elsewhere.id(), SocketState::Listening));
    assert_ne!(socket.netns, sockets.own);
    assert_eq!(sockets::again(&sockets.namespaces, socket), Ok(Some(socket.clone())));
    let reused = Socket { cookie: socket.cookie + 1, ..socket.clone() };
    assert_eq!(sockets::again(&sockets.namespaces, &reused), Ok(None), "its inode is another socket's");
    drop(listener);
    assert_eq!(sockets::again(&sockets.namespaces, socket), Ok(None));
    let lost = Socket { netns: NetnsId(1), ..socket.clone() };
    assert!(sockets::again(&sockets.namespaces, &lost).is_err());
}

#[test]
fn a_namespace_that_is_only_mounted_has_its_name() {
    let Some(elsewhere) = Elsewhere::new("a_namespace_that_is_only_mounted_has_its_name") else { return };
    let root = tempfile::tempdir().unwrap();
    let named = root.path().join("run/netns");
    std::fs::create_dir_all(&named).unwrap();
    std::fs::create_dir_all(root.path().join("proc/self")).unwrap();
    let [blue, red] = ["blue", "red"].map(|name| named.join(name));
    for name in [&blue, &red] {
        symlink(format!("/proc/{}/ns/net", elsewhere.0.id()), name).unwrap();
    }
    let row = |id: u64, point: &str| format!("9 8 0:4 net:[{id}] {point} rw - nsfs nsfs rw\n");
    let id = elsewhere.id();
    let table = row(id.0, blue.to_str().unwrap()) + &row(1, red.to_str().unwrap());
    std::fs::write(root.path().join("proc/self/mountinfo"), table).unwrap();

    let machine = Machine { root: root.path().into(), proc: root.path().join("proc"), ..Machine::default() };
    let (namespaces, gaps) = reachable(&machine, &Keepers::new());
    let [ours, mounted] = &namespaces[..] else { panic!("{namespaces:?}") };
    assert!(ours.ours && ours.id != id);
    assert_eq!((mounted.id, mounted.label.as_deref()), (id, Some("blue")));
    let there = inside(mounted, || std::fs::metadata("/proc/thread-self/ns/net").unwrap().ino());
    assert_eq!(there, Ok(id.0));
    let changed = gaps.iter().find(|gap| gap.source == "net:[1] (red)").unwrap();
    assert_eq!(changed.why, "Stale file handle", "its mount point leads elsewhere");
}

/// Set where the next test starts its other half, as another user.
const AS_NOBODY: &str = "SOCKDOCTOR_TEST_AS_NOBODY";

/// The other half of the next test.
#[test]
fn as_seen_by_nobody() {
    if std::env::var_os(AS_NOBODY).is_none() {
        return;
    }
    let mut name = Vec::new();
    std::io::stdin().read_to_end(&mut name).unwrap();
    let sockets = sockets::all(&Machine::default(), OWNERS, &Keepers::new());
    let [socket] = called(&sockets.rows, &name)[..] else { panic!("{:?}", sockets.gaps) };
    assert_eq!((socket.state, socket.file, socket.queue()), (SocketState::Listening, None, None));
    let source = format!("net:[{}]", socket.netns.0);
    let gap = sockets.gaps.iter().find(|gap| gap.source == source).unwrap();
    assert_eq!(gap.why, "Permission denied: no queue, no file identity");
    assert_eq!(gap.would_help.as_deref(), Some("run it as root"));
    assert_eq!(sockets::again(&sockets.namespaces, socket), Ok(Some(socket.clone())));
    let own = sockets.rows.iter().filter(|row| row.netns == sockets.own);
    assert!(own.clone().count() > 0 && own.clone().all(|row| row.rqlen.is_some()), "ours is seen in full");
    println!("seen by {}", nix::unistd::geteuid());
}

#[test]
fn an_ordinary_user_sees_names_in_foreign_namespaces_and_what_is_missing() {
    let test = "an_ordinary_user_sees_names_in_foreign_namespaces_and_what_is_missing";
    let Some(elsewhere) = Elsewhere::new(test) else { return };
    let (namespaces, _) = reachable(&Machine::default(), &Keepers::new());
    let namespace = namespaces.iter().find(|namespace| namespace.id == elsewhere.id()).unwrap();
    let (foreign, own) = (name("nobody"), name("nobody-own"));
    let _listeners = (inside(namespace, || listen(&foreign)).unwrap(), listen(&own));

    let stdin = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(stdin.path(), &foreign).unwrap();
    let outcome = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "facts::netns::tests::as_seen_by_nobody", "--nocapture"])
        .env(AS_NOBODY, "1")
        .stdin(File::open(stdin.path()).unwrap())
        .uid(65534)
        .gid(65534)
        .output();
    match outcome {
        Err(error) => skip(test, &format!("uid 65534 cannot start this program: {error}")),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.contains("seen by 65534"), "{said}\n{complaint}");
        }
    }
}
