//! Captured answers (`fixtures/netlink/`), broken ones, and the running kernel's own.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use nix::sys::socket::{Shutdown, shutdown};
use proptest::prelude::*;

use super::*;
use crate::model::{Address, Device, FileIno, Memory, Queue, SocketState, SocketType};

const HOSTILE: &[u8] = include_bytes!("../../../fixtures/netlink/hostile-names.bin");
const MEMORY: &[u8] = include_bytes!("../../../fixtures/netlink/memory.bin");
const SINGLE: &[u8] = include_bytes!("../../../fixtures/netlink/single.bin");
const GONE: &[u8] = include_bytes!("../../../fixtures/netlink/gone.bin");
const HERE: NetnsId = NetnsId(1);
const ALL: Ask = Ask { owners_only: false, memory: false };
const OWNERS: Ask = Ask { owners_only: true, memory: false };

fn rows(ask: Ask, captured: &[u8]) -> Vec<Socket> {
    let mut table = Table::new(ask, HERE);
    assert_eq!(table.take(captured), Ok(true));
    assert_eq!(table.unreadable, 0);
    table.rows
}

fn named<'a>(rows: &'a [Socket], name: &[u8]) -> Vec<&'a Socket> {
    rows.iter().filter(|socket| socket.address.path() == Some(name)).collect()
}

#[test]
fn hostile_names_come_through_byte_for_byte() {
    let rows = rows(ALL, HOSTILE);
    let long = [b'p'; 108];
    for path in [&b"new\nline"[..], b"esc\x1b[31m", b"\xff\xfe", b"@at", b"rel (deleted)", &long] {
        let [socket] = named(&rows, path)[..] else { panic!("{path:?}") };
        assert_eq!(
            (socket.state, socket.queue()),
            (SocketState::Listening, Some(Queue { waiting: 0, backlog: 5 }))
        );
        assert!(socket.file.is_some_and(|file| file.dev == Device { major: 254, minor: 0 }));
    }
    let names: Vec<_> = rows
        .iter()
        .filter(|row| matches!(row.address, Address::Abstract(_)))
        .map(|row| row.address.bytes())
        .collect();
    let bound: [&[u8]; 4] = [b"", b"at", b"@at", b"in\0ner\0"];
    assert!(names.len() == 5 && bound.iter().all(|name| names.contains(name)), "{names:?}");
    let autobind = names.iter().find(|name| !bound.contains(name)).unwrap();
    assert!(autobind.len() == 5 && autobind.iter().all(u8::is_ascii_hexdigit));
}

#[test]
fn every_state_is_told_apart() {
    let rows = rows(ALL, HOSTILE);
    let state = |name: &[u8]| named(&rows, name).iter().map(|row| (row.kind, row.state)).collect::<Vec<_>>();
    assert_eq!(state(b"bound"), [(SocketType::Stream, SocketState::Bound)]);
    assert_eq!(state(b"seq"), [(SocketType::Seqpacket, SocketState::Listening)]);
    assert_eq!(state(b"dgram"), [(SocketType::Dgram, SocketState::Connected)], "someone is connected to it");
    assert_eq!(state(b"dgram-connected"), [(SocketType::Dgram, SocketState::Connected)]);
    assert_eq!(state(b"shut"), [(SocketType::Stream, SocketState::ShutDown)]);
    assert!(rows.iter().any(|row| row.state == SocketState::Unconnected && row.address == Address::Unnamed));
    assert!(rows.iter().all(|row| row.uid == Some(0) && row.netns == HERE && row.memory.is_none()));
}

#[test]
fn a_full_queue_and_a_peer_that_closed() {
    let rows = rows(ALL, HOSTILE);
    let mut busy = named(&rows, b"busy");
    busy.sort_by_key(|row| row.state != SocketState::Listening);
    let [listener, accepted] = busy[..] else { panic!("{busy:?}") };
    assert_eq!(listener.queue(), Some(Queue { waiting: 2, backlog: 1 }));
    assert_eq!((accepted.state, accepted.peer, accepted.shutdown), (SocketState::Connected, None, 3));
    assert_eq!(accepted.file, listener.file);
    let clients =
        rows.iter().filter(|row| row.address == Address::Unnamed && row.state == SocketState::Connected);
    assert_eq!(clients.count(), 2);
}

#[test]
fn owners_only_keeps_datagram_receivers_and_drops_connections() {
    let all = rows(ALL, HOSTILE);
    let owners = rows(OWNERS, HOSTILE);
    assert_eq!(owners, all.iter().filter(|row| row.owns_name()).cloned().collect::<Vec<_>>());
    assert_eq!(named(&owners, b"dgram-connected").len(), 1);
    assert_eq!(named(&owners, b"busy").len(), 1);
}

#[test]
fn memory_is_read_by_its_index() {
    let rows = rows(Ask { memory: true, ..ALL }, MEMORY);
    let [listener] = named(&rows, b"bound")[..] else { panic!() };
    let Some(Memory {
        receive_alloc: 0,
        receive_limit: 212_992,
        send_alloc: 0,
        send_limit: 212_992,
        drops: 0,
    }) = listener.memory.as_deref()
    else {
        panic!("{:?}", listener.memory)
    };
}

#[test]
fn the_answer_to_a_single_request() {
    let Some(Message::Data(message)) = messages(SINGLE).next() else { panic!() };
    let socket = row::socket(message, HERE).unwrap();
    assert_eq!(socket.address, Address::Path(b"busy"[..].into()));
    assert_eq!(socket.uid, None, "never asked for in a single request");
    assert_eq!(messages(GONE).next(), Some(Message::Failed(Errno::ENOENT)));
}

#[test]
fn a_socket_met_twice_is_one_row() {
    let mut table = Table::new(ALL, HERE);
    assert_eq!(table.take(HOSTILE), Ok(true));
    let once = table.rows.clone();
    assert_eq!(table.take(HOSTILE), Ok(true));
    table.distinct();
    assert_eq!(table.rows, once);
}

#[test]
fn a_bad_attribute_costs_that_attribute_alone() {
    let Some(Message::Data(message)) = messages(SINGLE).next() else { panic!() };
    let mut message = message.to_vec();
    let vfs = 16 + 12;
    message[vfs] = 0xff;
    let socket = row::socket(&message, HERE).unwrap();
    assert_eq!(socket.address, Address::Path(b"busy"[..].into()));
    assert_eq!(socket.file, None);
}

#[test]
fn an_answer_cut_anywhere_gives_its_whole_rows_and_an_unfinished_dump() {
    for end in 0..HOSTILE.len() {
        let mut table = Table::new(ALL, HERE);
        assert_ne!(table.take(&HOSTILE[..end]), Ok(true), "{end}");
    }
    let Some(Message::Data(message)) = messages(SINGLE).next() else { panic!() };
    for end in 0..message.len() {
        assert_eq!(row::socket(&message[..end], HERE).is_some(), end >= 16, "{end}");
    }
}

proptest! {
    #[test]
    fn flipped_bits_never_panic(flips in prop::collection::vec((0..MEMORY.len(), 0..8_u32), 1..32)) {
        let mut bytes = MEMORY.to_vec();
        for (index, bit) in flips {
            bytes[index] ^= 1 << bit;
        }
        let mut table = Table::new(ALL, HERE);
        let _ = table.take(&bytes);
        prop_assert!(table.rows.len() <= MEMORY.len() / 32);
    }
}

fn attempts(outcomes: &[(usize, Result<(), Errno>)]) -> (Result<Seen<Vec<Socket>>, Errno>, usize) {
    let sample = rows(ALL, HOSTILE);
    let mut made = 0;
    let settled = settle(|| {
        let (count, outcome) = outcomes[made];
        made += 1;
        let mut table = Table::new(ALL, HERE);
        table.rows = sample[..count].to_vec();
        (table, outcome)
    });
    (settled, made)
}

#[test]
fn a_lost_datagram_is_asked_for_again_once() {
    let (settled, made) = attempts(&[(1, Err(Errno::ENOBUFS)), (3, Ok(()))]);
    assert_eq!((settled.unwrap().complete().map(Vec::len), made), (Ok(3), 2));
    let (settled, made) = attempts(&[(1, Err(Errno::ENOBUFS)), (2, Err(Errno::ENOBUFS))]);
    let settled = settled.unwrap();
    assert_eq!((settled.items.len(), settled.gaps.len(), made), (2, 1, 2));
}

#[test]
fn a_dump_that_breaks_is_partial_and_one_that_never_began_an_error() {
    let (settled, _) = attempts(&[(2, Err(Errno::ETIMEDOUT))]);
    let settled = settled.unwrap();
    assert_eq!(settled.items.len(), 2);
    assert!(settled.gaps[0].why.contains("timed out"), "{:?}", settled.gaps);
    assert_eq!(attempts(&[(0, Err(Errno::EPERM))]).0, Err(Errno::EPERM));
}

fn listening(name: &str) -> (UnixListener, SocketIno) {
    let name = format!("sockdoctor-test-{name}-{}", std::process::id());
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap();
    let ino = ino(&listener);
    (listener, ino)
}

fn ino(socket: &impl std::os::fd::AsFd) -> SocketIno {
    SocketIno(FileIno::from_stat(rustix::fs::fstat(socket).unwrap().st_ino).0)
}

#[test]
fn a_live_listener_is_in_the_dump_and_in_the_single_answer() {
    let (listener, ino) = listening("live");
    let client = UnixStream::connect_addr(&listener.local_addr().unwrap()).unwrap();
    let all = dump(Ask { owners_only: true, memory: true }, HERE).unwrap();
    assert!(all.gaps.is_empty());
    let dumped = all.items.iter().find(|row| row.ino == ino).unwrap();
    let single = one(ino, true, HERE).unwrap().unwrap();
    assert_eq!(single, Socket { uid: None, ..dumped.clone() });
    assert_eq!(dumped.uid, Some(nix::unistd::geteuid().as_raw()));
    assert_eq!(dumped.queue().unwrap().waiting, 1);
    assert!(all.items.iter().all(Socket::owns_name));

    shutdown(listener.as_raw_fd(), Shutdown::Read).unwrap();
    assert_eq!(one(ino, false, HERE).unwrap().unwrap().state, SocketState::ShutDown);
    drop((listener, client));
    assert_eq!(one(ino, false, HERE), Ok(None));
}

#[test]
fn the_file_a_live_socket_is_bound_to() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let socket = one(ino(&listener), false, HERE).unwrap().unwrap();
    let file = std::fs::symlink_metadata(&path).unwrap();
    assert_eq!(socket.file.unwrap().ino, FileIno::from_stat(std::os::unix::fs::MetadataExt::ino(&file)));
    assert!(File::open(&path).is_err(), "a socket file cannot be opened");
}
