//! How systemd has the units that are declared: which of them are not inactive it tells of all at once, and more of
//! those alone that are in question, as each of them costs it a call.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::activation;
use crate::facts::machine::{Machine, Scope};
use crate::facts::{awake_units, process, unit_states};
use crate::model::{Case, Fact, Gap, Unit, UnitState};
use crate::rules;

/// The units that are not inactive, with their `ActiveState`.
pub(super) struct Awake(Fact<HashMap<String, String>>);

impl Awake {
    /// Asked where systemd is the init.
    pub(super) fn of(machine: &Machine, gaps: &mut Vec<Gap>) -> Self {
        if machine.scope != Scope::Running || !is_systemd(machine) {
            return Self(Fact::NotAsked);
        }
        Self(awake_units().map_or_else(
            |gap| {
                gaps.push(gap.clone());
                Fact::Unknown(gap)
            },
            Fact::Known,
        ))
    }

    /// Those of them that are instances of templates.
    pub(super) fn instances(&self) -> impl Iterator<Item = &str> {
        let names = self.0.known().into_iter().flat_map(HashMap::keys);
        names.map(String::as_str).filter(|name| name.contains('@'))
    }

    /// Whether a unit is known not to be inactive.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.known().is_some_and(|awake| awake.contains_key(name))
    }

    /// How systemd has these units, as far as it told of all.
    pub(super) fn of_units(&self, units: &[Arc<Unit>]) -> Fact<Vec<UnitState>> {
        let awake = match &self.0 {
            Fact::Known(awake) => awake,
            Fact::Unknown(gap) => return Fact::Unknown(gap.clone()),
            Fact::NotAsked => return Fact::NotAsked,
        };
        let state = |unit: &Arc<Unit>| UnitState {
            name: unit.name.clone(),
            active: awake.get(&unit.name).map_or("inactive", String::as_str).to_owned(),
            ..UnitState::default()
        };
        Fact::Known(units.iter().map(state).collect())
    }
}

/// Asks for all that is to be told of the units of the cases in which that matters: one call. What systemd does not
/// tell of in time is unknown there; of a unit that is on the move nothing is known.
pub(super) fn complete(cases: &mut [Case], gaps: &mut Vec<Gap>) {
    let mut open: Vec<&mut Case> = cases.iter_mut().filter(|case| is_in_question(case)).collect();
    let all: BTreeSet<String> = open.iter().flat_map(|case| names(case)).collect();
    let told = unit_states(&all.iter().map(String::as_str).collect::<Vec<_>>());
    gaps.extend(told.gaps.iter().cloned());
    let known: HashMap<&str, &UnitState> =
        told.items.iter().map(|state| (state.name.as_str(), state)).collect();
    for case in &mut open {
        let missing = names(case).any(|name| !known.contains_key(name.as_str()));
        if let Some(gap) = told.gaps.first().filter(|_| missing) {
            case.configured.states = Fact::Unknown(gap.clone());
            continue;
        }
        // Who holds what was looked at in between.
        let settled = |now: &&UnitState| {
            case.configured.state(&now.name).is_some_and(|before| before.active == now.active)
        };
        let now = names(case).filter_map(|name| known.get(name.as_str()).copied());
        case.configured.states = Fact::Known(now.filter(settled).cloned().collect());
    }
}

/// What is found would show more of a unit, or rest on it.
fn is_in_question(case: &Case) -> bool {
    case.configured.states.known().is_some_and(|states| !states.is_empty())
        && (activation::is_in_question(case)
            || !rules::judge(case, rules::OF_UNITS, |_| true).findings.is_empty())
}

fn names(case: &Case) -> impl Iterator<Item = String> {
    case.configured.units.iter().map(|unit| unit.name.clone())
}

/// Whether systemd is the init here (sd_booted(3)).
fn is_systemd(machine: &Machine) -> bool {
    process::command(machine, 1).is_some_and(|command| command == b"systemd")
}
