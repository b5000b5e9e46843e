//! The least privilege that lets a consumer in, and who has to notice it.

use super::{configured, owner, quote, socket_unit};
use crate::model::{Access, Case, Class, Consumer, Fact, Fix, Gate, IdName, Liveness, Process, Sighting};

const GROUP_WRITE: u32 = 0o020;
/// Groups whose socket commands a daemon that starts containers as root.
const GRANTS_ROOT: [&str; 4] = ["docker", "podman", "containerd", "lxd"];

/// To search a directory: this one user, and nothing else in it.
pub(super) fn search(case: &Case, access: &Access, gate: &Gate) -> Vec<Fix> {
    let who = user_word(&access.consumer);
    let path = quote::word(&case.from_here(&gate.step.path));
    let words = [b"setfacl -m u:".to_vec(), quote::word(&who), b":x ".to_vec(), path];
    let mut fixes = vec![Fix::change(
        words.concat(),
        "let this one user through the directory; it can list nothing in it",
    )];
    if gate.step.path.starts_with(b"/home") || gate.step.path.starts_with(b"/root") {
        fixes.insert(
            0,
            Fix::advice("move the socket below /run: a home directory is closed to others on purpose"),
        );
    }
    fixes
}

/// To write to the socket: by its group where that can be, for the server's next start too.
pub(super) fn write(case: &Case, access: &Access, gate: &Gate) -> Vec<Fix> {
    let server = case.server();
    if server.is_none() && matches!(case.liveness.known(), Some(Liveness::Refused { .. })) {
        // A dead file: the next bind makes another.
        return vec![for_good(case, server, &access.consumer)];
    }
    let mut fixes = vec![now(case, access, gate)];
    let restart = restart_after_joining(access, &fixes[0]);
    // A group to join has members already, whom another group of the socket would lock out.
    let joins = restart.is_some();
    fixes.extend(restart);
    if joins {
        return fixes;
    }
    if let Some((server, systemd)) = server.and_then(|server| Some((server, made_by_systemd(server)?))) {
        return by_unit(case, &access.consumer, server, systemd);
    }
    fixes.push(for_good(case, server, &access.consumer));
    fixes
}

/// What changes the file as it is.
fn now(case: &Case, access: &Access, gate: &Gate) -> Fix {
    let consumer = &access.consumer;
    let permissions = &gate.step.permissions;
    let class = gate.answer.as_ref().ok().and_then(|answer| answer.decision).map(|decision| decision.class);
    let path = quote::word(&case.from_here(&gate.step.path));
    let on_path = |command: &[u8]| [command, b" ", &path].concat();
    let until = "until the server makes its socket anew";
    // Where there is an ACL, chmod(1) changes its mask and not what the group has (acl(5)).
    let listed = matches!(permissions.acl, Fact::Known(Some(_)));
    match class {
        Some(Class::Owner) => {
            Fix::change(on_path(b"chmod u+w"), format!("its owner may not write to it; {until}"))
        }
        Some(Class::Group) => {
            let command: &[u8] = if listed { b"setfacl -m g::rw" } else { b"chmod g+w" };
            Fix::change(on_path(command), format!("its group may not write to it; {until}"))
        }
        Some(Class::AclGroup(gid)) => Fix::change(
            on_path(format!("setfacl -m g:{gid}:rw").as_bytes()),
            format!("let that group write to it; {until}"),
        ),
        Some(Class::Other) if permissions.gid == 0 && !listed => {
            let group = quote::word(consumer.group.label().as_bytes());
            let chgrp = [&b"chgrp "[..], &group, b" ", &path].concat();
            let commands = if permissions.mode & GROUP_WRITE == 0 {
                [&chgrp[..], b" && chmod g+w ", &path].concat()
            } else {
                chgrp
            };
            Fix::change(commands, format!("give it to the consumer's group; {until}"))
        }
        Some(Class::Other)
            // Who is in which group of a container, our own user database does not say.
            if permissions.mode & GROUP_WRITE != 0
                && !listed
                && consumer.user.name.is_some()
                && !consumer.is_contained() =>
        {
            join(consumer, &gate.group)
        }
        _ => {
            let acl = [&b"setfacl -m u:"[..], &quote::word(&user_word(consumer)), b":rw"].concat();
            Fix::change(on_path(&acl), format!("let this one user write to it; {until}"))
        }
    }
}

/// To join the socket's group, as somebody who is known by name.
fn join(consumer: &Consumer, group: &IdName) -> Fix {
    let words = [group, &consumer.user].map(|id| quote::word(id.label().as_bytes()));
    let command = [b"usermod -aG ", &words.join(&b' ')[..]].concat();
    let root = if group.name.as_ref().is_some_and(|(name, _)| GRANTS_ROOT.contains(&name.as_str())) {
        ": that makes its user as mighty as root"
    } else {
        ""
    };
    Fix::change(command, format!("put the consumer in the socket's group{root}"))
}

/// A running process keeps the groups it started with.
fn restart_after_joining(access: &Access, fix: &Fix) -> Option<Fix> {
    let joins = fix.command.as_deref().is_some_and(|command| command.starts_with(b"usermod"));
    joins.then(|| restart(&access.consumer))
}

/// How the consumer gets the groups its user has now.
pub(super) fn restart(consumer: &Consumer) -> Fix {
    let Some(process) = &consumer.process else {
        return Fix::advice(
            "then log in again, or restart the service: a process keeps the groups it started with",
        );
    };
    let text = "restart the consumer, so that it has the group";
    match process.unit.as_deref().filter(|unit| unit.ends_with(".service")) {
        Some(unit) if process.user_unit => {
            Fix::change(quote::command("systemctl --user restart", unit.as_bytes()), text)
        }
        Some(unit) => Fix::change(quote::command("systemctl restart", unit.as_bytes()), text),
        None => {
            Fix::advice(format!("{text}: stop pid {} and start it as before, or log in again", process.pid))
        }
    }
}

/// The manager that made it for a .socket unit.
fn made_by_systemd(server: &Sighting) -> Option<&Process> {
    let manager = server.holders.known()?.iter().find(|holder| holder.process.is_manager())?;
    Some(&manager.process)
}

/// A socket that systemd makes is made anew as its unit says.
fn by_unit(case: &Case, consumer: &Consumer, server: &Sighting, systemd: &Process) -> Vec<Fix> {
    let group = consumer.group.label();
    let restart = socket_unit::restart(server, systemd);
    let unit = systemd.unit.as_deref().filter(|unit| unit.ends_with(".socket"));
    let (Some(unit), Some(restarted)) = (unit, restart.command.as_ref().filter(|_| restart.changes_state))
    else {
        let text = format!("then SocketGroup={group} and SocketMode=0660 in that unit, and restart it");
        return vec![restart, Fix::advice(text)];
    };
    let lines = format!("[Socket]\\nSocketGroup={group}\\nSocketMode=0660\\n");
    let words = [configured::drop_in(unit, "consumer", lines.as_bytes()), restarted.clone()];
    let unit = case.configured.socket_unit();
    let says = unit.and_then(|unit| Some(&unit.socket_mode.as_ref()?.written.location));
    let says = says.map(|at| format!(", as {}:{} says", String::from_utf8_lossy(&at.file), at.line));
    let says = says.unwrap_or_default();
    let text =
        format!("systemd makes this socket{says}: a chmod or chown would last until its next start only");
    vec![Fix::change(words.join(&b" && "[..]), text)]
}

/// Where the server is told, so that its next socket is right from the start.
fn for_good(case: &Case, server: Option<&Sighting>, consumer: &Consumer) -> Fix {
    let group = consumer.group.label();
    let command = server.and_then(owner::of).map(|holder| holder.process.command.clone()).unwrap_or_default();
    let setting = match command.as_slice() {
        name if name.starts_with(b"gunicorn") => format!("gunicorn --umask 007 --group {group}"),
        name if name.starts_with(b"php-fpm") => {
            format!("listen.group = {group} and listen.mode = 0660 in the pool")
        }
        name if name.starts_with(b"haproxy") => {
            format!("mode 660 group {group} behind the path of its bind line")
        }
        name if name.starts_with(b"postgres") => {
            format!("unix_socket_group = '{group}' and unix_socket_permissions = 0770")
        }
        name if name.starts_with(b"redis") => "unixsocketperm 770, and the consumer in its group".to_owned(),
        name if name.starts_with(b"dockerd") => "\"group\" in /etc/docker/daemon.json".to_owned(),
        _ => format!("group {group} and umask 007 for the server (Group=, UMask= in its unit)"),
    };
    let line = case.configured.servers().next();
    let line = line.map(|server| format!(" ({})", configured::place(server))).unwrap_or_default();
    Fix::advice(format!("for good, where the server is configured{line}: {setting}"))
}

/// The consumer's user for setfacl(1): the name where it means the same here as there.
fn user_word(consumer: &Consumer) -> Vec<u8> {
    let ours = consumer.our_view.known() == Some(&true);
    if ours {
        consumer.user.label().into_owned().into_bytes()
    } else {
        consumer.user.id.to_string().into_bytes()
    }
}
