//! `graph` as a flowchart of Mermaid, which issues and wikis draw (<https://mermaid.js.org/syntax/flowchart.html>).

use std::fmt::Write as _;
use std::io::{self, Write};

use super::graph::{connections, facts, hidden, labels};
use super::style::escape;
use crate::model::{Data, Graph, Overall, Report};

/// Writes the one diagram.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if let Data::Graph(graph) = &report.data { flowchart(graph, out) } else { Ok(()) }
}

/// Consumers point at sockets, sockets at their holders. Ids are made up, never names.
pub(super) fn flowchart(graph: &Graph, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "flowchart LR")?;
    let parties = graph.parties();
    for (number, party) in parties.all.iter().enumerate() {
        let pids: Vec<u32> = party.processes.iter().map(|process| process.pid).collect();
        writeln!(out, "  p{number}[{}]", label(&labels(party, &pids)))?;
    }
    for (number, socket) in graph.sockets.iter().enumerate() {
        let verdict = [&[socket.verdict.word()], &socket.codes[..]].concat().join(" ");
        writeln!(out, "  s{number}([{}])", label(&[escape(&socket.name), facts(socket), verdict]))?;
        for end in parties.consumers(socket) {
            let connections = connections(&end);
            writeln!(out, "  p{} -->|{connections}| s{number}", end.party)?;
        }
        if socket.hidden > 0 {
            writeln!(out, "  h{number}[{}] --> s{number}", label(&[hidden(socket)]))?;
        }
        for end in parties.holders(socket) {
            writeln!(out, "  s{number} --> p{}", end.party)?;
        }
    }
    for (verdict, stroke) in [(Overall::Error, "#c00"), (Overall::Warning, "#c80")] {
        let of = graph.sockets.iter().enumerate().filter(|(_, socket)| socket.verdict == verdict);
        let ids: Vec<String> = of.map(|(number, _)| format!("s{number}")).collect();
        if !ids.is_empty() {
            let class = verdict.word();
            writeln!(out, "  classDef {class} stroke:{stroke},stroke-width:3px")?;
            writeln!(out, "  class {} {class}", ids.join(","))?;
        }
    }
    Ok(())
}

/// Lines in quotes; all but the plainest characters are codes, which no version of the parser takes for its own.
fn label(lines: &[String]) -> String {
    let mut text = String::from("\"");
    for (number, line) in lines.iter().filter(|line| !line.is_empty()).enumerate() {
        text.push_str(if number > 0 { "<br/>" } else { "" });
        for character in line.chars() {
            match character {
                ' ' | '/' | '.' | ',' | ':' | '-' | '_' | '(' | ')' => text.push(character),
                _ if character.is_alphanumeric() => text.push(character),
                _ => {
                    let _ = write!(text, "#{};", u32::from(character));
                }
            }
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_hostile_name_is_codes_within_quotes() {
        let mut text = Vec::new();
        flowchart(&sample::graph(), &mut text).unwrap();
        let expected = r#"flowchart LR
  p0["python3<br/>pid 4242<br/>a.service, container web"]
  p1["a#34;#60;b#92;x0a<br/>pid 4243"]
  s0(["/tmp/a#92;x0a#92;x1b#91;31m#92;xff#34;#60;#124;#37;#96;_<br/>stream listening, queue 0/128<br/>error SD104"])
  p1 -->|2 connections| s0
  s0 --> p0
  classDef error stroke:#c00,stroke-width:3px
  class s0 error
"#;
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
