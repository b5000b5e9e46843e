//! Which .socket unit of systemd stands behind a target: what unit files say, joined with who holds what.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::config::systemd;
use crate::facts::machine::Machine;
use crate::facts::units;
use crate::model::{Address, Case, Fact, Gap, Holder, Seen, Sighting, Target, Unit};

/// The .socket units of this machine, read when the first case calls for them: a healthy one seldom does.
pub(super) struct Units<'m> {
    machine: &'m Machine,
    sockets: OnceCell<Seen<Vec<Arc<Unit>>>>,
}

impl<'m> Units<'m> {
    pub(super) fn of(machine: &'m Machine) -> Self {
        Self { machine, sockets: OnceCell::new() }
    }

    /// Units that were read already.
    pub(super) fn known(machine: &'m Machine, units: &[Arc<Unit>], gaps: Vec<Gap>) -> Self {
        let items = units.iter().filter(|unit| unit.is_socket()).cloned().collect();
        Self { machine, sockets: OnceCell::from(Seen { items, gaps }) }
    }

    /// Puts the unit of a case where the rules look for it, and beside PID 1 where that holds the socket.
    pub(super) fn name(&self, case: &mut Case) {
        case.socket_unit = match (&case.target, case.walk.known()) {
            _ if case.server().is_some_and(Sighting::is_alive) => Fact::NotAsked,
            // What our systemd declares is not what a container's has.
            _ if case.accesses.iter().any(|access| access.consumer.is_contained()) => Fact::NotAsked,
            (Target::Path(_), Some(walk)) => self.listening_on(&walk.destination()),
            (Target::Abstract(name), _) => self.listening_on(&[b"@", &name[..]].concat()),
            _ => Fact::NotAsked,
        };
        for sighting in &mut case.sockets.items {
            let Fact::Known(holders) = &mut sighting.holders else { continue };
            let Some(pid_1) = holders.iter().position(is_pid_1) else { continue };
            let unit = match &sighting.socket.address {
                Address::Path(path) => self.listening_on(path),
                Address::Abstract(name) => self.listening_on(&[b"@", &name[..]].concat()),
                Address::Tcp(_) | Address::Unnamed => continue,
            };
            if let Fact::Known(Some(unit)) = unit {
                Arc::make_mut(&mut holders[pid_1].process).unit = Some(unit.name.clone());
                sighting.stop_first = self.stays(&unit, holders);
            }
        }
    }

    /// A service among the holders that goes on while the unit stops: systemd then refuses to start the unit
    /// again (`Socket service already active, refusing`, systemd `socket_start`).
    fn stays(&self, unit: &Unit, holders: &[Holder]) -> Option<String> {
        let services = holders.iter().filter_map(|holder| holder.process.unit.as_ref());
        let mut services = services.filter(|service| service.ends_with(".service"));
        let goes_too = |service: &&String| {
            let files = units::one(self.machine, service);
            files.is_some_and(|found| {
                let service = systemd::unit(&found.name, &found.files);
                service.stops_with.contains(&unit.name)
            })
        };
        services.find(|service| !goes_too(service)).cloned()
    }

    fn listening_on(&self, name: &[u8]) -> Fact<Option<Arc<Unit>>> {
        let sockets = self.sockets.get_or_init(|| {
            let Seen { items, gaps } = units::sockets(self.machine);
            let parsed = |unit: &units::UnitFiles| Arc::new(systemd::unit(&unit.name, &unit.files));
            Seen { items: items.iter().map(parsed).collect(), gaps }
        });
        match (systemd::listening_on(&sockets.items, name), sockets.gaps.first()) {
            (None, Some(gap)) => Fact::Unknown(gap.clone()),
            (unit, _) => Fact::Known(unit.cloned()),
        }
    }
}

fn is_pid_1(holder: &Holder) -> bool {
    holder.process.pid == 1 && holder.process.is_manager()
}
