//! What systemd holds for services that do not take it: looked at more closely, as one look could be too early.

use crate::facts::examine::Examiner;
use crate::facts::machine::Machine;
use crate::facts::{passed, unit_states};
use crate::model::{Case, Fact, Holder, Sighting, Target, UnitState};

/// Looks again at connections that wait for services which are not started, and at what running services were passed.
pub(super) fn look_closer(machine: &Machine, examiner: &mut Examiner<'_>, cases: &mut [Case]) {
    for case in cases.iter_mut() {
        look_at_environment(machine, case);
    }
    let mut waiting: Vec<&mut Case> = cases.iter_mut().filter(|case| waits(case)).collect();
    if waiting.is_empty() {
        return;
    }
    let targets: Vec<Target> = waiting.iter().map(|case| case.target.clone()).collect();
    let later = examiner.later(&targets);
    let names: Vec<String> = waiting.iter().filter_map(|case| service(case).map(str::to_owned)).collect();
    let states = unit_states(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for (case, later) in waiting.iter_mut().zip(later) {
        let told = states.items.iter().find(|state| Some(state.name.as_str()) == service(case));
        case.configured.unanswered = match (told, states.gaps.first()) {
            (None, Some(gap)) => Fact::Unknown(gap.clone()),
            (told, _) => {
                let started = told.is_some_and(|state| state.active != "inactive");
                let same = |server: &Sighting| {
                    case.server().is_some_and(|then| then.socket.ino == server.socket.ino)
                };
                let still = later
                    .as_ref()
                    .and_then(Case::server)
                    .is_some_and(|now| same(now) && is_left_to_systemd(now) && queued(now));
                Fact::Known(still && !started)
            }
        };
    }
}

/// Systemd alone holds the listener, and either its service runs all the same or somebody waits for it.
pub(super) fn is_in_question(case: &Case) -> bool {
    let runs = state(case).is_some_and(|state| state.active == "active");
    case.server().is_some_and(|server| is_left_to_systemd(server) && (runs || queued(server)))
}

/// Connections wait in the queue of a listener that systemd alone holds, for a service that does not run.
fn waits(case: &Case) -> bool {
    let idle = state(case).is_some_and(|state| state.active == "inactive");
    idle && case.server().is_some_and(|server| is_left_to_systemd(server) && queued(server))
}

/// What systemd said to the main process of a service that runs without its listener.
fn look_at_environment(machine: &Machine, case: &mut Case) {
    let left = case.server().is_some_and(is_left_to_systemd);
    let Some(pid) = state(case).and_then(|state| state.main_pid).filter(|_| left) else { return };
    let Some(name) = service(case).map(str::to_owned) else { return };
    let passed = passed::to(machine, pid).map_or_else(Fact::Unknown, Fact::Known);
    if let Fact::Known(states) = &mut case.configured.states
        && let Some(state) = states.iter_mut().find(|state| state.name == name)
    {
        state.passed = passed;
    }
}

fn service(case: &Case) -> Option<&str> {
    case.configured.socket_unit()?.service.as_deref()
}

fn state(case: &Case) -> Option<&UnitState> {
    case.configured.state(service(case)?)
}

fn is_left_to_systemd(server: &Sighting) -> bool {
    let manager = |holder: &Holder| holder.process.is_manager();
    server.holders.known().is_some_and(|holders| !holders.is_empty() && holders.iter().all(manager))
}

fn queued(server: &Sighting) -> bool {
    server.is_alive() && server.socket.queue().is_some_and(|queue| queue.waiting > 0)
}
