//! Clients of databases among the processes that run, by their environment and command line.

use super::{Front, Site};
use crate::commands::Context;
use crate::config::clients::{self, Named};
use crate::facts::environments;
use crate::facts::users::Users;
use crate::model::{Declaration, Location, Usage, Written};

impl Site {
    /// What running processes are told, each socket once for a unit: children have the environment of their parents.
    pub(super) fn add_clients(&mut self, context: &Context<'_>) {
        if !context.machine.has_kernel() {
            return;
        }
        let mut users = Users::new(context.machine);
        let found = environments::each(context.machine, &mut users, |variables, words| {
            let by_environment =
                clients::of_environment(variables).into_iter().map(|named| (named, "environ"));
            let by_command = clients::of_command(words).into_iter().map(|named| (named, "cmdline"));
            by_command.chain(by_environment).collect::<Vec<_>>()
        });
        self.gaps.extend(found.gaps);
        for (process, named) in found.items {
            let name = String::from_utf8_lossy(&process.command).into_owned();
            let owner = process.unit.clone().unwrap_or_else(|| format!("{name} pid {}", process.pid));
            for (named, source) in named {
                let file = format!("/proc/{}/{source}", process.pid).into_bytes();
                let location = Location { file, line: 1, column: 1 };
                let written = Written { location, text: named.in_words().into_bytes(), bytes: None };
                let client = declared(named, &owner, written);
                let same = |known: &Declaration| {
                    let name =
                        known.owner.rsplit_once(" pid ").map_or(known.owner.as_str(), |(name, _)| name);
                    let own = owner.rsplit_once(" pid ").map_or(owner.as_str(), |(name, _)| name);
                    known.usage == Usage::Connects && name == own && known.socket() == client.socket()
                };
                if self.mentions.iter().any(same) {
                    continue;
                }
                let paths = client.socket().into_iter().collect();
                self.fronts.push(Front { paths, workers: vec![process.pid], ..Front::default() });
                self.mentions.push(client);
            }
        }
    }
}

fn declared(named: Named, owner: &str, written: Written) -> Declaration {
    Declaration {
        owner: owner.to_owned(),
        usage: Usage::Connects,
        path: named.path.into_bytes(),
        directory: named.directory,
        protocol: Some(named.protocol),
        port: named.port,
        written,
    }
}
