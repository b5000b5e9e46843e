//! What `graph` answers: the sockets as `list` has them, with who is connected.

use serde::Serialize;

use super::Name;
use super::target::{Holder, Socket};
use crate::model;

/// A socket, or a name without one.
#[derive(Serialize)]
#[serde(untagged)]
enum About<'r> {
    Socket(Box<Socket<'r>>),
    /// The same fields, unknown.
    Nothing {
        inode: Option<u32>,
        #[serde(rename = "type")]
        kind: Option<&'static str>,
        state: Option<&'static str>,
        #[serde(flatten)]
        name: Name,
        #[serde(rename = "abstract")]
        is_abstract: bool,
        queue: Option<u32>,
        holders: Vec<Holder<'r>>,
        netns: Option<u64>,
        role: Option<&'static str>,
    },
}

#[derive(Serialize)]
pub(super) struct Entry<'r> {
    #[serde(flatten)]
    about: About<'r>,
    verdict: &'static str,
    codes: &'r [&'static str],
    consumers: Vec<Consumer<'r>>,
    hidden_consumers: usize,
}

/// A process that is connected.
#[derive(Serialize)]
struct Consumer<'r> {
    pid: u32,
    command: String,
    command_b64: Option<String>,
    uid: u32,
    user: Option<&'r str>,
    unit: Option<&'r str>,
    container: Option<&'r str>,
    connections: usize,
    waiting: usize,
}

impl<'r> Entry<'r> {
    pub(super) fn all(graph: &'r model::Graph) -> Vec<Self> {
        graph.sockets.iter().map(Self::of).collect()
    }

    fn of(socket: &'r model::GraphSocket) -> Self {
        let about = match &socket.socket {
            Some(known) => {
                let label = socket.netns_label.as_deref();
                About::Socket(Box::new(Socket::of(known, Some(&socket.holders), label, socket.role)))
            }
            None => About::Nothing {
                inode: None,
                kind: None,
                state: None,
                name: Name::of(socket.name.strip_prefix(b"@").unwrap_or(&socket.name)),
                is_abstract: socket.name.starts_with(b"@"),
                queue: None,
                holders: Vec::new(),
                netns: None,
                role: None,
            },
        };
        let consumers = socket.consumers.iter().map(Consumer::of).collect();
        let (verdict, codes) = (socket.verdict.word(), socket.codes.as_slice());
        Self { about, verdict, codes, consumers, hidden_consumers: socket.hidden }
    }
}

impl<'r> Consumer<'r> {
    fn of(client: &'r model::Client) -> Self {
        let process = &*client.process;
        let Name { name: command, name_b64: command_b64 } = Name::of(&process.command);
        Self {
            pid: process.pid,
            command,
            command_b64,
            uid: process.user.id,
            user: super::target::id_name(&process.user),
            unit: process.unit.as_deref(),
            container: process.container.as_deref(),
            connections: client.connections,
            waiting: client.waiting,
        }
    }
}
