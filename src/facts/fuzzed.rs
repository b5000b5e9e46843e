//! What the kernel's answers are read by, for strangers' bytes: see [`crate::fuzzed`].

use super::{
    acl, cgroup, credentials, environments, inet_diag, mounts, proc_net_unix, process, status, unix_diag,
    unix_diag_row, users, vitals,
};
use crate::facts::netlink::{Message, messages};
use crate::model::NetnsId;

/// A datagram of `sock_diag(7)`, of either family.
pub(crate) fn netlink(datagram: &[u8]) {
    let rows = unix_diag::rows_of(datagram);
    // A header and the fixed fields are 32 bytes: a length that lies makes no rows.
    assert!(rows.len() <= datagram.len() / 32, "{} rows", rows.len());
    for message in messages(datagram) {
        let Message::Data(message) = message else { continue };
        let waiting = unix_diag_row::waiting(message);
        assert!(waiting.len() <= message.len());
        if let Some(row) = inet_diag::row(message) {
            let socket = row.socket(NetnsId(1));
            let _ = inet_diag::port(socket.address.bytes());
        }
    }
}

/// A file of `/proc/PID`, `/proc/net`, `/etc`, or an extended attribute: whichever it is taken for.
pub(crate) fn proc(file: &[u8]) {
    let _ = (process::Stat::parse(file), process::effective_uid(file), process::socket_ino(file));
    let _ = (cgroup::parse(file), users::entries(file), environments::parts(file), acl::decode(file));
    let (sockets, _) = proc_net_unix::parse(file, NetnsId(1));
    assert!(sockets.len() <= file.len());
    if let Ok(text) = std::str::from_utf8(file) {
        let _ = (status::field(text, "Uid"), vitals::soft_limit(text), credentials::parse(text));
        for line in text.lines() {
            let _ = credentials::range(line, |outside, _| outside);
        }
    }
}

/// `/proc/PID/mountinfo`.
pub(crate) fn mountinfo(text: &[u8]) {
    let table = mounts::parse(text);
    assert!(table.mounts.len() <= text.len());
    let uppers: Vec<Vec<u8>> =
        table.mounts.iter().filter_map(|mount| mounts::upper_directory(mount)).collect();
    for mount in &table.mounts {
        let _ = mounts::class_of(mount, &mount.point, &uppers);
        let _ = mounts::showing(&table, &mount.point);
        let _ = mounts::shows_upper(mount, &mount.point, &uppers, &table);
    }
}
