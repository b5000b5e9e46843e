//! `graph` as a tree of text: a socket, below it its consumers and its holders. What the pictures share too.

use std::io::{self, Write};

use colored::Colorize;

use super::Loudness;
use super::style::{Style, escape, escape_into};
use super::text::plural;
use crate::model::{End, Graph, GraphSocket, Parties, Party, Role, Socket, SocketState};

/// Pids that are named one by one.
const NAMED: usize = 4;

/// Writes the tree; quiet: its sockets alone.
pub(super) fn render(
    graph: &Graph,
    style: &Style,
    loudness: Loudness,
    out: &mut dyn Write,
) -> io::Result<()> {
    let parties = graph.parties();
    let (branch, last) = if style.unicode { ("├─", "└─") } else { ("|-", "`-") };
    for socket in &graph.sockets {
        let (sign, name) = (style.verdict(socket.verdict), escape(&socket.name));
        let codes = [&[""], &socket.codes[..]].concat().join(" ");
        writeln!(out, "{sign}{codes}  {}  {}", name.bold(), facts(socket))?;
        if loudness == Loudness::Quiet {
            continue;
        }
        let lines = lines(socket, &parties);
        for (number, (label, line)) in lines.iter().enumerate() {
            let twig = if number + 1 == lines.len() { last } else { branch };
            writeln!(out, "    {twig} {label:<9} {line}")?;
        }
    }
    Ok(())
}

/// Writes `verdict name consumer|holder|- command pid unit container connections`, one process a line.
pub(super) fn render_plain(graph: &Graph, out: &mut dyn Write) -> io::Result<()> {
    for socket in &graph.sockets {
        let head = format!("{}\t{}", socket.verdict.word(), escape(&socket.name));
        let mut record = |what: &str, process: &crate::model::Process, connections: usize| {
            let told =
                |told: &Option<String>| told.as_ref().map_or("-".into(), |told| escape(told.as_bytes()));
            let (command, pid) = (escape(&process.command), process.pid);
            let (unit, container) = (told(&process.unit), told(&process.container));
            writeln!(out, "{head}\t{what}\t{command}\t{pid}\t{unit}\t{container}\t{connections}")
        };
        for client in &socket.consumers {
            record("consumer", &client.process, client.connections)?;
        }
        for holder in &socket.holders {
            record("holder", &holder.process, 0)?;
        }
        if socket.consumers.is_empty() && socket.holders.is_empty() {
            writeln!(out, "{head}\t-\t-\t-\t-\t-\t0")?;
        }
    }
    Ok(())
}

fn lines(socket: &GraphSocket, parties: &Parties<'_>) -> Vec<(&'static str, String)> {
    let who =
        |end: &End| parties.all.get(end.party).map(|party| described(party, &end.pids)).unwrap_or_default();
    let connected = |end: End| format!("{}: {}", who(&end), connections(&end));
    let mut lines: Vec<_> =
        parties.consumers(socket).into_iter().map(|end| ("consumer", connected(end))).collect();
    if socket.hidden > 0 {
        lines.push(("consumer", hidden(socket)));
    }
    lines.extend(parties.holders(socket).iter().map(|end| ("holder", who(end))));
    lines
}

/// `3 connections, 1 waiting`
pub(super) fn connections(end: &End) -> String {
    let all = plural(end.connections, "connection");
    if end.waiting > 0 { format!("{all}, {} waiting", end.waiting) } else { all }
}

/// Connections of processes out of sight.
pub(super) fn hidden(socket: &GraphSocket) -> String {
    format!("not visible: {}", plural(socket.hidden, "connection"))
}

/// What the kernel says of a socket, in a few words.
pub(super) fn facts(about: &GraphSocket) -> String {
    let Some(socket) = &about.socket else { return "no socket".into() };
    let mut words = vec![format!("{} {}", socket.kind.word(), socket.state.word().replace('_', " "))];
    if let Some(queue) = Socket::queue(socket).filter(|_| socket.state == SocketState::Listening) {
        words.push(format!("queue {}/{}", queue.waiting, queue.backlog));
    }
    let role = about.role.filter(|role| *role != Role::ServesPath);
    words.extend(role.map(|role| role.word().replace('_', " ")));
    words.extend(about.netns_label.as_ref().map(|label| format!("netns {}", escape(label.as_bytes()))));
    words.join(", ")
}

/// `nginx pid 700, 701 (nginx.service)`.
pub(super) fn described(party: &Party<'_>, pids: &[u32]) -> String {
    let [command, pids, place] = labels(party, pids);
    if place.is_empty() { format!("{command} {pids}") } else { format!("{command} {pids} ({place})") }
}

/// The program, its pids, and the unit and container they are in.
pub(super) fn labels(party: &Party<'_>, pids: &[u32]) -> [String; 3] {
    let Some(first) = party.processes.first() else { return Default::default() };
    let named: Vec<String> = pids.iter().take(NAMED).map(u32::to_string).collect();
    let more = pids.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let mut place = String::new();
    if let Some(unit) = party.unit {
        escape_into(unit.as_bytes(), &mut place);
    }
    if let Some(container) = &first.container {
        place.push_str(if place.is_empty() { "container " } else { ", container " });
        escape_into(container.as_bytes(), &mut place);
    }
    [escape(&first.command), format!("pid {}{more}", named.join(", ")), place]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_tree_has_the_socket_its_consumers_and_its_holders() {
        let Graph { mut sockets } = sample::graph();
        sockets[0].hidden = 1;
        let graph = Graph { sockets };
        let mut text = Vec::new();
        render(&graph, &Style { unicode: false, ..Style::FILE }, Loudness::Normal, &mut text).unwrap();
        let name = "/tmp/a\\x0a\\x1b[31m\\xff\"<|%`_";
        let expected = format!(
            "x error SD104  {name}  stream listening, queue 0/128\n\
             \x20   |- consumer  a\"<b\\x0a pid 4243: 2 connections\n\
             \x20   |- consumer  not visible: 1 connection\n\
             \x20   `- holder    python3 pid 4242 (a.service, container web)\n"
        );
        assert_eq!(String::from_utf8(text).unwrap(), expected);
        let mut text = Vec::new();
        render_plain(&graph, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.lines().all(|line| line.split('\t').count() == 8), "{text}");
        assert!(text.ends_with("\tholder\tpython3\t4242\ta.service\tweb\t0\n"), "{text}");
    }

    #[test]
    fn many_pids_are_counted() {
        let graph = sample::graph();
        let parties = graph.parties();
        assert_eq!(labels(&parties.all[1], &[1, 2, 3, 4, 5, 6])[1], "pid 1, 2, 3, 4 and 2 more");
    }
}
