//! Databases that a service is told to connect to.

use super::lines::Line;
use super::{Reader, narrowed, words};
use crate::config::clients::{self, Named};
use crate::model::{Declaration, Usage, Written};

impl Reader<'_> {
    /// Databases that its environment and its command line name.
    pub(super) fn clients(&self) -> Vec<Declaration> {
        let text = |word: Vec<u8>| String::from_utf8_lossy(&word).into_owned();
        let assignments = self.lines.list("Service", &["Environment"]).into_iter().flat_map(|line| {
            let pairs = words::of(&line.value)
                .into_iter()
                .map(text)
                .map(|word| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())));
            pairs.flatten().map(move |pair| (line, pair)).collect::<Vec<_>>()
        });
        let assignments: Vec<(&Line, (String, String))> = assignments.collect();
        let variables: Vec<(String, String)> = assignments.iter().map(|(_, pair)| pair.clone()).collect();
        let line_of = |named: &Named| {
            let own = assignments.iter().rev().find(|(_, (name, _))| *name == named.by);
            own.map(|(line, _)| *line)
        };
        let mut found: Vec<Declaration> = clients::of_environment(&variables)
            .into_iter()
            .filter_map(|named| Some(self.client(line_of(&named)?, named)))
            .collect();
        for line in self.lines.list("Service", &["ExecStart"]) {
            let named = clients::of_command(&words::command(&line.value)).into_iter();
            found.extend(named.map(|named| self.client(line, named)));
        }
        found
    }

    /// Its line is quoted without what is secret in it.
    fn client(&self, line: &Line, named: Named) -> Declaration {
        let written = narrowed(&line.written, named.path.as_bytes(), &line.value);
        Declaration {
            owner: self.name.to_owned(),
            usage: Usage::Connects,
            directory: named.directory,
            protocol: Some(named.protocol),
            port: named.port,
            written: Written { text: named.in_words().into_bytes(), ..written },
            path: named.path.into_bytes(),
        }
    }
}
