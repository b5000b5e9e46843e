//! What a machine has: its units, its servers that run, and the files of those that do not.

use super::{Site, databases, haproxy, nginx, php_fpm, postgres, python};
use crate::commands::Context;
use crate::facts::servers::{self, Server};
use crate::facts::users::Users;
use crate::facts::{tmpfiles, units};
use crate::model::Gap;

/// A family of servers: how its processes are found, and what is read of it.
pub(super) struct Family {
    /// What the `comm` of its processes begins with.
    pub(super) names: &'static [&'static [u8]],
    /// Whether a command line is one of it.
    pub(super) is_it: fn(&[Vec<u8>]) -> bool,
    /// Adds a server that runs.
    pub(super) running: fn(&mut Site, &Context<'_>, &Server),
    /// Adds what is configured where no process has told of it; called when all that run were added.
    pub(super) idle: fn(&mut Site, &Context<'_>),
}

/// In the order in which they are read: who connects before who serves.
const FAMILIES: &[Family] = &[
    nginx::FAMILY,
    haproxy::FAMILY,
    python::FAMILY,
    php_fpm::FAMILY,
    postgres::FAMILY,
    databases::FAMILY_OF_MYSQL,
    databases::FAMILY_OF_REDIS,
];

impl Site {
    /// That of the machine: its units, its servers that run, and their files.
    pub(in crate::commands) fn of_machine(context: &Context<'_>) -> Self {
        let machine = context.machine;
        let mut site = Self::default();
        let found = units::all(machine);
        site.gaps.extend(found.gaps);
        site.add_units(&machine.root, found.items);
        let found = tmpfiles::in_force(machine);
        site.tmpfiles.gap = found.gaps.into_iter().next();
        for (file, text) in found.items {
            site.add_tmpfiles(file, text);
        }
        let running = if machine.has_kernel() { site.running(context) } else { vec![] };
        for unit in running.iter().filter_map(|server| server.master.unit.as_ref()) {
            site.add_instance(&machine.root, unit);
        }
        for family in FAMILIES {
            for server in running.iter().filter(|server| (family.is_it)(&server.words)) {
                (family.running)(&mut site, context, server);
            }
            (family.idle)(&mut site, context);
        }
        let malformed = site.malformed.drain(..);
        let malformed = malformed.map(|(at, why)| Gap::new(at.to_string(), format!("not read: {why}")));
        site.gaps.extend(malformed);
        site.add_clients(context);
        site.add_fitting_instances(&machine.root);
        site
    }

    fn running(&mut self, context: &Context<'_>) -> Vec<Server> {
        let mut users = Users::new(context.machine);
        let names: Vec<&[u8]> = FAMILIES.iter().flat_map(|family| family.names).copied().collect();
        let is_it = |words: &[Vec<u8>]| FAMILIES.iter().any(|family| (family.is_it)(words));
        servers::running(context.machine, &mut users, &names, is_it).unwrap_or_else(|gap| {
            self.gaps.push(gap);
            vec![]
        })
    }
}
