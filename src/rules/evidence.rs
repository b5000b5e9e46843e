//! Observations as lines of proof, the same wording in every rule.

use crate::model::{
    Address, Case, Evidence, Fact, Holder, Liveness, Mount, Reached, Sighting, SocketState, Waiting,
};

/// What the kernel says about a socket.
pub(super) fn socket(sighting: &Sighting) -> Evidence {
    let socket = &sighting.socket;
    let state = match socket.state {
        SocketState::Listening => "LISTEN",
        SocketState::ShutDown => "LISTEN, receiving side shut down,",
        SocketState::Bound => "bound, not listening,",
        SocketState::Connected => "connected",
        SocketState::Unconnected => "unconnected",
    };
    let mut line = format!("{} {state} inode {}", socket.kind.word(), socket.ino.0).into_bytes();
    if let Some(path) = socket.address.path() {
        line.extend_from_slice(b", bound as ");
        line.extend_from_slice(path);
    }
    if let Some(queue) = socket.queue() {
        line.extend_from_slice(format!(", queue {}/{}", queue.waiting, queue.backlog).as_bytes());
    }
    if let Some(file) = socket.file {
        line.extend_from_slice(format!(", file inode {} on {}", file.ino.0, file.dev).as_bytes());
    }
    if let Address::Tcp(name) = &socket.address {
        return Evidence::new("inet_diag", [b"TCP ", line.as_slice(), b", on ", name].concat());
    }
    let source = if socket.file.is_some() || socket.rqlen.is_some() { "unix_diag" } else { "/proc/net/unix" };
    Evidence::new(source, line)
}

/// Who holds it, and whether they look at the files we look at.
pub(super) fn holders(sighting: &Sighting) -> Evidence {
    if sighting.holders == Fact::NotAsked {
        return Evidence::new("holders", "not looked for");
    }
    let holders = sighting.holders.known().map_or(&[][..], Vec::as_slice);
    if holders.is_empty() {
        return Evidence::new("holders", "none visible");
    }
    let names: Vec<Vec<u8>> = holders.iter().take(8).map(|holder| name(holder, holders)).collect();
    let mut line = names.join(&b", "[..]);
    if holders.len() > names.len() {
        line.extend_from_slice(format!(" and {} more", holders.len() - names.len()).as_bytes());
    }
    let view = sighting.view.known().map(|view| {
        if view.ours {
            ": same mount namespace as you"
        } else {
            ": another mount namespace or root than yours"
        }
    });
    line.extend_from_slice(view.unwrap_or_default().as_bytes());
    Evidence::new("holders", line)
}

fn name(holder: &Holder, all: &[Holder]) -> Vec<u8> {
    let process = &holder.process;
    // Parent of all that it starts, of those that took a name from it too.
    let parent_of_all =
        all.len() > 1 && !process.is_manager() && all.iter().any(|other| other.process.parent == process.pid);
    let role = if parent_of_all { " (parent)" } else { "" };
    let unit = process.unit.as_ref().map(|unit| format!(" ({unit})")).unwrap_or_default();
    let container =
        process.container.as_ref().map(|name| format!(" in container {name}")).unwrap_or_default();
    [process.command.as_slice(), format!(" pid {}{role}{unit}{container}", process.pid).as_bytes()].concat()
}

/// What stands at the path.
pub(super) fn path(case: &Case) -> Option<Evidence> {
    let walk = case.walk.known()?;
    let (at, detail) = match &walk.reached {
        Reached::Stopped { at, errno, .. } if case.client.is_none() => {
            (case.from_here(at), errno_text(*errno))
        }
        Reached::Stopped { at, errno, .. } => (at.clone(), errno_text(*errno)),
        Reached::File(file) => (case.path.clone(), {
            let links = if file.nlink == 0 { ", no link left" } else { "" };
            let mount = file.mount.as_ref().map(|mount| format!(" on {} ({})", mount.device, mount.fstype));
            let device = mount.unwrap_or_default();
            format!(
                "{}, mode {:04o}, uid {}, inode {}{device}{links}",
                file.kind.phrase(),
                file.permissions(),
                file.uid,
                file.ino
            )
        }),
    };
    let place = case.client.map(|pid| format!(" in the root of pid {pid}")).unwrap_or_default();
    Some(Evidence::new([b"lstat ", at.as_slice(), place.as_bytes()].concat(), detail))
}

/// What stands at a socket's own name where its holder looks.
pub(super) fn view(sighting: &Sighting) -> Option<Evidence> {
    let view = sighting.view.known()?;
    let place = if view.ours { String::new() } else { format!(" in the root of pid {}", view.pid) };
    let links =
        if view.links.known() == Some(&0) { "; the bound file has no name left (SIOCUNIXFILE)" } else { "" };
    let detail = match &view.walk.reached {
        Reached::Stopped { errno, .. } => format!("{}{links}", errno_text(*errno)),
        Reached::File(file) => format!("{}, inode {}", file.kind.phrase(), file.ino),
    };
    Some(Evidence::new([b"lstat ", view.path.as_slice(), place.as_bytes()].concat(), detail))
}

/// How files went that were bound, as far as it shows: with their directory or alone.
pub(super) fn unlinking<'s>(orphans: impl Iterator<Item = &'s Sighting> + Clone) -> &'static str {
    // From within another root no more can be said than that the directory is not there.
    let with_directory = orphans.clone().any(|orphan| {
        let reached = orphan.view.known().filter(|view| view.ours).map(|view| &view.walk.reached);
        matches!(reached, Some(Reached::Stopped { rest, .. }) if !rest.is_empty())
    });
    let mut names = orphans.filter_map(|orphan| orphan.socket.address.path());
    if names.any(is_temporary) {
        "it was bound under a temporary name and renamed, as HAProxy does: likely another instance took its name since"
    } else if with_directory {
        "its directory was removed after bind: likely the RuntimeDirectory= of a service that ended"
    } else {
        "it was unlinked after bind: likely a second launch on the path, or a shutdown that removes by name"
    }
}

/// `NAME.PID.tmp`, as HAProxy binds (src/sock_unix.c).
fn is_temporary(name: &[u8]) -> bool {
    let pid = name.strip_suffix(b".tmp").and_then(|name| name.rsplit(|byte| *byte == b'.').next());
    pid.is_some_and(|pid| !pid.is_empty() && pid.iter().all(u8::is_ascii_digit))
}

/// Which directory of which filesystem is mounted where.
pub(super) fn mount(source: &str, mount: &Mount) -> Evidence {
    let device = mount.device.to_string();
    let words = [device.as_bytes(), b" ", &mount.root, b" on ", &mount.point];
    Evidence::new(source, words.concat())
}

/// What the passive test said.
pub(super) fn liveness(liveness: Liveness) -> Evidence {
    let detail = match liveness {
        Liveness::Bound => "EPROTOTYPE; a socket is bound to this file".into(),
        Liveness::Refused { tries } => {
            format!(
                "ECONNREFUSED {tries} times over 300 ms: no socket of any network namespace is bound to this file"
            )
        }
        Liveness::Denied => "EACCES; instead, no socket of any network namespace has this file".into(),
        Liveness::Failed(errno) => errno_text(errno),
    };
    Evidence::new("connect with another socket type", detail)
}

/// Who waits to be accepted.
pub(super) fn waiting(waiting: &Waiting) -> Evidence {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for holder in waiting.clients.iter().take(8) {
        parts.push(
            [holder.process.command.as_slice(), format!(" pid {}", holder.process.pid).as_bytes()].concat(),
        );
    }
    let more = waiting.clients.len().saturating_sub(parts.len()) + waiting.hidden;
    parts.extend((more > 0).then(|| format!("{more} more, not named").into_bytes()));
    parts.extend(
        (waiting.gone > 0).then(|| format!("{} whose client has given up", waiting.gone).into_bytes()),
    );
    Evidence::new("waiting", parts.join(&b", "[..]))
}

/// The words of strerror(3), which the user has seen in a log.
pub(super) fn errno_text(errno: i32) -> String {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    text.rsplit_once(" (os error ").map_or(text.clone(), |(words, _)| words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_named_and_the_rest_counted() {
        let clients = vec![Holder::sample(77)];
        let detail = waiting(&Waiting { clients, hidden: 1, gone: 2 }).detail;
        assert_eq!(detail, b"python3 pid 77, 1 more, not named, 2 whose client has given up");
    }
}
