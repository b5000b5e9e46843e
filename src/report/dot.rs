//! `graph` in the language of Graphviz (<https://graphviz.org/doc/info/lang.html>), for dot(1).

use std::io::{self, Write};

use super::graph::{connections, facts, hidden, labels};
use super::style::escape;
use crate::model::{Data, Overall, Report};

/// Writes the one digraph: consumers point at sockets, sockets at their holders. Ids are made up, never names.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Data::Graph(graph) = &report.data else { return Ok(()) };
    writeln!(out, "digraph sockdoctor {{\n  rankdir=LR;\n  node [shape=box];")?;
    let parties = graph.parties();
    for (number, party) in parties.all.iter().enumerate() {
        let pids: Vec<u32> = party.processes.iter().map(|process| process.pid).collect();
        writeln!(out, "  p{number} [label={}];", label(&labels(party, &pids)))?;
    }
    for (number, socket) in graph.sockets.iter().enumerate() {
        let verdict = [&[socket.verdict.word()], &socket.codes[..]].concat().join(" ");
        let text = label(&[escape(&socket.name), facts(socket), verdict]);
        let color = match socket.verdict {
            Overall::Error => ", color=red, penwidth=2",
            Overall::Warning => ", color=orange, penwidth=2",
            Overall::Unknown | Overall::Info | Overall::Ok => "",
        };
        writeln!(out, "  s{number} [shape=ellipse, label={text}{color}];")?;
        for end in parties.consumers(socket) {
            let connections = label(&[connections(&end)]);
            writeln!(out, "  p{} -> s{number} [label={connections}];", end.party)?;
        }
        if socket.hidden > 0 {
            writeln!(out, "  h{number} [label={}];\n  h{number} -> s{number};", label(&[hidden(socket)]))?;
        }
        for end in parties.holders(socket) {
            writeln!(out, "  s{number} -> p{};", end.party)?;
        }
    }
    writeln!(out, "}}")
}

/// Lines in quotes. In a label a backslash is an escape (`escString`), and `&` begins an entity of HTML.
fn label(lines: &[String]) -> String {
    let escaped = |line: &String| line.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;");
    let lines: Vec<String> = lines.iter().filter(|line| !line.is_empty()).map(escaped).collect();
    format!("\"{}\"", lines.join("\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_hostile_name_stays_in_its_quotes() {
        let report = Report { data: Data::Graph(sample::graph()), ..sample::report(vec![]) };
        let expected = r#"digraph sockdoctor {
  rankdir=LR;
  node [shape=box];
  p0 [label="python3\npid 4242\na.service, container web"];
  p1 [label="a\"<b\\x0a\npid 4243"];
  s0 [shape=ellipse, label="/tmp/a\\x0a\\x1b[31m\\xff\"<|%`_\nstream listening, queue 0/128\nerror SD104", color=red, penwidth=2];
  p1 -> s0 [label="2 connections"];
  s0 -> p0;
}
"#;
        assert_eq!(sample::written(&report, render), expected);
        assert_eq!(label(&["a&lt;".into()]), "\"a&amp;lt;\"");
    }
}
