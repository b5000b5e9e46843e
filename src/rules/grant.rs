//! The least privilege that lets a consumer in, and who has to notice it.

use super::{configured, owner, passage, quote, socket_unit};
use crate::model::{
    Access, Asked, Case, Class, Consumer, Fact, Fix, Gate, IdName, Liveness, Process, Sighting,
};

const GROUP_WRITE: u32 = 0o020;
/// Groups whose socket commands a daemon that starts containers as root.
const GRANTS_ROOT: [&str; 4] = ["docker", "podman", "containerd", "lxd"];

/// To search a directory, and to come past what denies behind it.
pub(super) fn search(case: &Case, access: &Access, gate: &Gate) -> Vec<Fix> {
    let next = passage::behind(access, gate).flat_map(|gate| match gate.asked {
        Asked::Search => through(case, access, gate),
        Asked::Write => write(case, access, gate),
        Asked::Follow => vec![],
    });
    through(case, access, gate).into_iter().chain(next).collect()
}

/// To search one directory: this one user, and nothing else in it.
fn through(case: &Case, access: &Access, gate: &Gate) -> Vec<Fix> {
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
        // A group that the consumer shares would let its other members in too.
        Some(Class::Other)
            if permissions.gid == 0 && !listed && consumer.group.label() == consumer.user.label() =>
        {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Acl, Fact, Holder, NameSource};

    fn named(uid: u32, name: &str) -> IdName {
        IdName { name: Some((name.into(), NameSource::Files)), ..IdName::unnamed(uid) }
    }

    /// What is to be done, and the commands for it.
    fn fixes(case: &Case) -> Vec<(String, String)> {
        let access = &case.accesses[0];
        let text = |bytes: Option<Vec<u8>>| String::from_utf8(bytes.unwrap_or_default()).unwrap();
        write(case, access, &access.gates[2]).into_iter().map(|fix| (text(fix.command), fix.text)).collect()
    }

    fn before(uid: u32, groups: &[u32], mode: u32) -> Case {
        Case::sample_before(Consumer::sample(uid, groups), 0o755, mode)
    }

    /// Held by a process that is changed.
    fn held(mut case: Case, change: impl FnOnce(&mut Process)) -> Case {
        let mut process = (*Holder::sample(4242).process).clone();
        change(&mut process);
        case.sockets.items[0].holders = Fact::Known(vec![Holder { process: Arc::new(process), fd: 3 }]);
        case
    }

    #[test]
    fn the_class_that_decides_is_the_one_that_is_changed() {
        let first = |case: &Case| fixes(case).remove(0).0;
        assert_eq!(first(&before(0, &[], 0o466)), "chmod u+w /tmp/x.sock");
        assert_eq!(first(&before(33, &[50], 0o640)), "chmod g+w /tmp/x.sock");
        assert_eq!(first(&before(33, &[], 0o640)), "setfacl -m u:33:rw /tmp/x.sock");
        let mut listed = before(33, &[50], 0o640);
        listed.accesses[0].gates[2].step.permissions.acl = Fact::Known(Some(Acl { entries: vec![] }));
        assert_eq!(first(&listed), "setfacl -m g::rw /tmp/x.sock", "chmod would change the mask");
        // Root's group is nobody's to join.
        let mut roots = before(33, &[], 0o640);
        roots.accesses[0].gates[2].step.permissions.gid = 0;
        assert_eq!(first(&roots), "chgrp 33 /tmp/x.sock && chmod g+w /tmp/x.sock");
        let mut shared = roots.clone();
        shared.accesses[0].consumer.group = named(65534, "nogroup");
        assert_eq!(first(&shared), "setfacl -m u:33:rw /tmp/x.sock", "others are in that group");
        roots.accesses[0].gates[2].step.permissions.mode = 0o660;
        assert_eq!(first(&roots), "chgrp 33 /tmp/x.sock");
    }

    #[test]
    fn who_joins_a_group_is_restarted_and_told_what_the_group_can_do() {
        let mut case = before(33, &[], 0o660);
        case.accesses[0].consumer.user = named(33, "www-data");
        case.accesses[0].gates[2].group = named(50, "docker");
        let found = fixes(&case);
        assert_eq!(found[0].0, "usermod -aG docker www-data");
        assert!(found[0].1.contains("as mighty as root"), "{found:?}");
        assert!(found[1].1.starts_with("then log in again") && found.len() == 2, "{found:?}");

        let mut process = (*Holder::sample(7).process).clone();
        process.unit = Some("web.service".into());
        case.accesses[0].consumer.process = Some(Arc::new(process.clone()));
        assert_eq!(fixes(&case)[1].0, "systemctl restart web.service");
        process.user_unit = true;
        case.accesses[0].consumer.process = Some(Arc::new(process.clone()));
        assert_eq!(fixes(&case)[1].0, "systemctl --user restart web.service");
        process.unit = Some("session-1.scope".into());
        case.accesses[0].consumer.process = Some(Arc::new(process.clone()));
        assert!(fixes(&case)[1].1.contains("stop pid 7 and start it as before"));
        // The names of a container are not ours.
        process.container = Some("web".into());
        case.accesses[0].consumer.process = Some(Arc::new(process));
        assert!(fixes(&case)[0].0.starts_with("setfacl -m u:"));
    }

    #[test]
    fn a_socket_that_systemd_makes_is_changed_in_its_unit() {
        let systemd = |unit: &str, pid| {
            let unit = Some(unit.to_owned());
            fixes(&held(before(33, &[], 0o660), |process| {
                (process.pid, process.command, process.unit) = (pid, b"systemd".to_vec(), unit);
            }))
        };
        let found = systemd("web.socket", 1);
        let [write, reload, restart] = ["SocketGroup=33", "daemon-reload", "systemctl restart web.socket"]
            .map(|part| found[0].0.find(part).unwrap());
        assert!(write < reload && reload < restart && found.len() == 1, "{found:?}");
        assert!(found[0].0.contains("/etc/systemd/system/web.socket.d/consumer.conf"), "{found:?}");
        let unknown = systemd("init.scope", 1);
        assert!(unknown[0].0.starts_with("systemctl list-sockets"), "{unknown:?}");
        assert!(unknown[1].1.contains("SocketGroup=33 and SocketMode=0660 in that unit"), "{unknown:?}");
    }

    #[test]
    fn for_good_it_is_told_the_server_in_its_own_words() {
        let told = |command: &str| {
            let case = held(before(33, &[], 0o640), |process| process.command = command.into());
            fixes(&case).pop().unwrap().1
        };
        for (command, setting) in [
            ("gunicorn: maste", "gunicorn --umask 007 --group 33"),
            ("php-fpm8.2", "listen.group = 33 and listen.mode = 0660"),
            ("haproxy", "mode 660 group 33"),
            ("postgres", "unix_socket_group = '33' and unix_socket_permissions = 0770"),
            ("redis-server", "unixsocketperm 770"),
            ("dockerd", "/etc/docker/daemon.json"),
            ("python3", "(Group=, UMask= in its unit)"),
        ] {
            assert!(told(command).contains(setting), "{command}: {}", told(command));
        }
        // What a dead server left is not worth a change: the next bind makes another file.
        let mut dead = before(33, &[], 0o640);
        dead.sockets.items.clear();
        dead.liveness = Fact::Known(Liveness::Refused { tries: 3 });
        let found = fixes(&dead);
        assert!(found.len() == 1 && found[0].0.is_empty(), "{found:?}");
    }

    #[test]
    fn a_home_directory_is_rather_left_than_opened() {
        let searched = |path: &str| {
            let mut case = before(33, &[], 0o666);
            case.accesses[0].gates[1].step.path = path.into();
            let access = &case.accesses[0];
            search(&case, access, &access.gates[1])
        };
        assert_eq!(searched("/srv/a").len(), 1);
        assert_eq!(searched("/srv/a")[0].command.as_deref(), Some(&b"setfacl -m u:33:x /srv/a"[..]));
        let home = searched("/home/ann");
        assert!(home.len() == 2 && home[0].text.starts_with("move the socket below /run"), "{home:?}");
    }
}
