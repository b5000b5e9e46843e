//! What configuration says of a socket, as proof and as commands.

use super::{quote, socket_unit};
use crate::model::{
    Case, Declaration, Evidence, Finding, Fix, Gap, NoVerdict, Passed, Target, Unit, UnitState,
};

/// The first who connects to it; of a socket that nobody is told to connect to there is nothing to say.
pub(super) fn client(case: &Case) -> Result<&Declaration, NoVerdict> {
    case.configured.clients().next().ok_or(NoVerdict::NotApplicable)
}

/// For what files alone say of a path that nobody is declared to serve: `Unknown` where a unit may, whose files do not
/// tell all of the name.
pub(super) fn settled(case: &Case) -> Result<(), NoVerdict> {
    match case.configured.possible.first().filter(|_| case.files_only) {
        None => Ok(()),
        Some((name, open)) => {
            let at = path(&case.path);
            let why = format!("{name} may listen on {at}: the files that were read do not tell");
            let gap = Gap::new(open.written.location.to_string(), why);
            Err(NoVerdict::Unknown(gap.helped_by("scan the machine where it runs: that tells who listens")))
        }
    }
}

/// Where something is written, as people point at it: `nginx.conf:12`.
pub(super) fn place(declaration: &Declaration) -> String {
    let at = &declaration.written.location;
    format!("{}:{}", String::from_utf8_lossy(&at.file), at.line)
}

/// How systemd has a unit.
pub(super) fn state(state: &UnitState) -> Evidence {
    let outdated = if state.outdated { ", its files changed since it was loaded" } else { "" };
    let result = if state.result.is_empty() { String::new() } else { format!(" Result={}", state.result) };
    let detail = format!("ActiveState={}{result}{outdated}", state.active);
    Evidence::new(format!("systemctl show {}", state.name), detail)
}

/// What a process was told of descriptors that systemd passes.
pub(super) fn passed(pid: u32, passed: &Passed) -> Evidence {
    let told = match (passed.fds, passed.pid) {
        (None, _) => "no LISTEN_FDS: systemd did not start it for the socket".to_owned(),
        (Some(fds), Some(to)) => format!("LISTEN_FDS={fds} LISTEN_PID={to}; its own pid is {}", passed.own),
        (Some(fds), None) => format!("LISTEN_FDS={fds}, no LISTEN_PID"),
    };
    Evidence::new(format!("/proc/{pid}/environ"), told)
}

/// A command about a unit.
pub(super) fn systemctl(verb: &str, unit: &str) -> Vec<u8> {
    quote::command(&format!("systemctl {verb}"), unit.as_bytes())
}

/// Gives a unit lines of its own, as they stand in a format of printf(1).
pub(super) fn drop_in(unit: &str, name: &str, lines: &[u8]) -> Vec<u8> {
    let directory = format!("/etc/systemd/system/{unit}.d");
    let file = quote::word(format!("{directory}/{name}.conf").as_bytes());
    let print = [b"printf ", &quote::word(lines)[..], b" > ", &file].concat();
    let words =
        [quote::command("mkdir -p", directory.as_bytes()), print, b"systemctl daemon-reload".to_vec()];
    words.join(&b" && "[..])
}

/// Why a unit ended, in its log.
pub(super) fn log(unit: &str) -> Fix {
    Fix::look(quote::command("journalctl -n 50 --no-pager -u", unit.as_bytes()), "read why it ends")
}

/// Has the file of a .socket unit made anew, with what its files say now. A service that does not stop with it has to
/// stop first: systemd refuses to start the socket beside it.
pub(super) fn remake(case: &Case, unit: &Unit, text: &str) -> Fix {
    let stays = case.sockets.items.iter().find_map(|sighting| sighting.stop_first.as_deref());
    let stop = stays.map(|service| [systemctl("stop", service), b" && ".to_vec()].concat());
    let restart = systemctl("restart", &unit.name);
    let command = [b"systemctl daemon-reload && ".to_vec(), stop.unwrap_or_default(), restart].concat();
    Fix::change(command, text)
}

/// The unit that is to listen there.
pub(super) fn start(case: &Case, server: Option<&Declaration>) -> Option<Fix> {
    let unit = case.configured.socket_unit().or_else(|| case.configured.unit(&server?.owner))?;
    let active = case.configured.state(&unit.name).is_some_and(|state| state.active == "active");
    let text = "have it listen where its files say";
    Some(if active { remake(case, unit, text) } else { Fix::change(systemctl("start", &unit.name), text) })
}

/// With those who are declared to serve nearly this path, and the service that is declared to serve this one.
pub(super) fn told(case: &Case, finding: Finding) -> Finding {
    let configured = &case.configured;
    let finding = configured.nearly.iter().fold(finding, |finding, near| finding.written_at(&near.written));
    // The .socket unit has its own.
    let server = configured.servers().next().filter(|_| socket_unit::declared(case).is_none());
    let known = server.and_then(|server| start(case, Some(server)));
    let of_path = configured.clients().next().filter(|_| matches!(case.target, Target::Path(_)));
    let corrected = of_path.and_then(|client| correct(case, client));
    let finding = if is_filled(case) { finding.caused_by(FILLED) } else { finding };
    let live = |near: &&Declaration| !case.nearest.contains(&near.path);
    let near = configured.nearly.first().filter(live).map(|near| {
        let text = format!("{} is declared to listen on nearly this name", near.owner);
        Fix::look(quote::ours("inspect", case, &near.path), text)
    });
    finding.fixed_by(known.into_iter().chain(corrected).chain(near))
}

const FILLED: &str = "HAProxy fills the names of abns@ with NULs to 107 bytes: the name without them is another one; have both \
                      sides use a path, or abnsz@ of HAProxy 3.1";

/// A name that HAProxy made, where its server has it without the NULs.
fn is_filled(case: &Case) -> bool {
    let Target::Abstract(name) = &case.target else { return false };
    name.ends_with(b"\0") && case.nearest.iter().any(|near| near.starts_with(b"@"))
}

/// The client's line, with the path of the server that is nearly named.
pub(super) fn correct(case: &Case, client: &Declaration) -> Option<Fix> {
    let (near, owner) = near(case)?;
    // A name elsewhere that is the same may be somebody else's.
    let is_close = directory(near) == directory(&client.path)
        || strsim::osa_distance(&path(near), &path(&client.path)) <= 2;
    if !is_close || is_sibling(near, &client.path) || is_one_of_several(case) {
        return None;
    }
    let text = format!("send to {}, where {owner} listens", path(near));
    // All lines of one file: with the first alone the others would still miss it.
    let same = |other: &&Declaration| {
        other.written.location.file == client.written.location.file && other.path == client.path
    };
    let lines = case.configured.clients().filter(same).map(|other| other.written.location.line);
    Some(Fix::change(replaced_at(client, lines, near)?, text))
}

/// Whether a number is all that tells two paths apart: app1 and app2 are two servers, and neither is misspelt.
fn is_sibling(one: &[u8], other: &[u8]) -> bool {
    let bare = |path: &[u8]| path.iter().copied().filter(|byte| !byte.is_ascii_digit()).collect::<Vec<_>>();
    bare(one) == bare(other)
}

/// Whether another declared path is as near as the nearest: which was meant nobody knows.
fn is_one_of_several(case: &Case) -> bool {
    let edits = |near: &Declaration| strsim::osa_distance(&path(&near.path), &path(&case.path));
    matches!(&case.configured.nearly[..], [one, two, ..] if edits(one) == edits(two))
}

/// The nearest path that is served, and by whom: as configuration has it, else a live socket in the same directory.
/// One of the same name elsewhere may be somebody else's.
pub(super) fn near(case: &Case) -> Option<(&[u8], &str)> {
    let declared = case.configured.nearly.first().map(|near| (near.path.as_slice(), near.owner.as_str()));
    let mut beside = case.nearest.iter().filter(|name| directory(name) == directory(&case.path));
    declared.or_else(|| Some((beside.next()?.as_slice(), "a server")))
}

/// A path that is nearly that of the case, and who listens there, as a sentence goes on.
pub(super) fn beside(case: &Case, (near, owner): (&[u8], &str)) -> String {
    let edits = strsim::osa_distance(&path(near), &path(&case.path));
    let away = if edits == 1 { " (one edit away)" } else { "" };
    format!("; {owner} listens on {}{away}", path(near))
}

/// The directory of a path.
fn directory(path: &[u8]) -> Option<&[u8]> {
    path.iter().rposition(|byte| *byte == b'/').map(|end| &path[..end])
}

/// A command that puts another name in the place of the path that a client's line names, and has the client read it.
pub(super) fn replaced(client: &Declaration, new: &[u8]) -> Option<Vec<u8>> {
    replaced_at(client, [client.written.location.line].into_iter(), new)
}

fn replaced_at(client: &Declaration, lines: impl Iterator<Item = u32>, new: &[u8]) -> Option<Vec<u8>> {
    let plain = |path: &[u8]| {
        path.iter().all(|byte| byte.is_ascii_graphic() && !b"|&\\[]*^$.'".contains(byte) || *byte == b'.')
    };
    if client.written.bytes.is_none() || !plain(&client.path) || !plain(new) {
        return None;
    }
    let (old, new) = (path(&client.path).replace('.', "\\."), path(new));
    let mut often = std::collections::BTreeMap::<u32, usize>::new();
    lines.for_each(|line| *often.entry(line).or_default() += 1);
    let all = |times: usize| if times > 1 { "g" } else { "" };
    let edits = often.into_iter().map(|(line, times)| format!("{line}s|{old}|{new}|{}", all(times)));
    let script = edits.collect::<Vec<_>>().join(";");
    let sed = [b"sed -i ".to_vec(), quote::word(script.as_bytes())].concat();
    let file = quote::word(&client.written.location.file);
    let mut command = [sed, b" ".to_vec(), file].concat();
    if client.owner.ends_with(".service") {
        let unit = is_of_a_unit(&client.written.location.file);
        let reload: &[u8] = if unit { b"systemctl daemon-reload && " } else { b"" };
        let restart = systemctl(if unit { "restart" } else { "reload-or-restart" }, &client.owner);
        command.extend([b" && ", reload, &restart].concat());
    }
    Some(command)
}

/// Whether a file is a unit's, or one of its drop-ins, wherever it is kept.
fn is_of_a_unit(file: &[u8]) -> bool {
    let mut names = file.rsplit(|byte| *byte == b'/');
    let kinds = [&b".service"[..], b".socket", b".service.d", b".socket.d"];
    let is_one = |name: Option<&[u8]>| name.is_some_and(|name| kinds.iter().any(|kind| name.ends_with(kind)));
    is_one(names.next()) || is_one(names.next())
}

/// Who is told the path and listens on TCP, as proof.
pub(super) fn instead(case: &Case) -> impl Iterator<Item = Evidence> {
    case.configured.instead.iter().map(|owner| {
        let listens = format!(": pid {} listens on TCP {} instead", owner.pid, owner.address);
        let detail = [owner.said.as_slice(), b", ", &owner.command, listens.as_bytes()].concat();
        Evidence::new(format!("/proc/{}", owner.pid), detail)
    })
}

/// What to do where the server listens on TCP instead.
pub(super) fn over_tcp(case: &Case, client: &Declaration) -> Vec<Fix> {
    let Some(owner) = case.configured.instead.first() else { return vec![] };
    // A wildcard is an address to listen on, and none to connect to.
    let port = owner.address.rsplit_once(':').map_or("", |(_, port)| port);
    let any = ["0.0.0.0:", "[::]:"].iter().any(|any| owner.address.starts_with(any));
    let address = if any { format!("127.0.0.1:{port}") } else { owner.address.clone() };
    let switch = format!("switch pid {} to its socket, as its settings offer, and restart it", owner.pid);
    // HAProxy takes an address where it takes a path.
    let takes_both = !client.written.text.windows(5).any(|part| part == b"unix:");
    let command = replaced(client, address.as_bytes()).filter(|_| takes_both);
    let send = command.map(|command| Fix::change(command, format!("or send to it over TCP, {address}")));
    std::iter::once(Fix::advice(switch)).chain(send).collect()
}

/// A path in the words of a sentence.
pub(super) fn path(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
