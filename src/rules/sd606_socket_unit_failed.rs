//! SD606: the .socket unit failed, so nobody listens.

use super::{configured, quote};
use crate::model::{Case, Certainty, Fix, NoVerdict, Sighting, Verdict};

rule! {
    /// The .socket unit of the path has failed: systemd no longer listens.
    ///
    /// # What it means
    /// A service that cannot start fails its .socket unit too, when it was started too often (service-start-limit-hit,
    /// trigger-limit-hit). The file stays and connect(2) answers ECONNREFUSED: it looks stale, and is not the cause.
    ///
    /// # How it is known
    /// systemd says so of the unit whose file names the path, and nobody serves the path.
    ///
    /// # Not to be confused with
    /// A file that a dead server left (SD104); a .socket unit that was stopped.
    ///
    /// # Fix
    /// Repair the service, then `systemctl reset-failed` both and restart the .socket unit.
    SOCKET_UNIT_FAILED = "SD606", "socket-unit-failed", Error
}

fn check(case: &Case) -> Verdict {
    let unit = case.configured.socket_unit().ok_or(NoVerdict::NotApplicable)?;
    case.configured.states.get()?;
    let Some(state) = case.configured.state(&unit.name) else { return Err(NoVerdict::NotApplicable) };
    if state.active != "failed" || case.server().is_some_and(Sighting::is_alive) {
        return Ok(vec![]);
    }
    let service = unit.service.as_deref();
    let because = service.map(|name| format!(": {name} could not be started")).unwrap_or_default();
    let because = if state.result.contains("limit-hit") { because } else { String::new() };
    let summary = format!("{} has failed ({}){because}; nobody listens.", unit.name, state.result);
    let mut finding = SOCKET_UNIT_FAILED.finding(case, Certainty::Certain, summary);
    finding = finding.proven_by([configured::state(state)]);
    finding = finding.proven_by(service.and_then(|name| case.configured.state(name)).map(configured::state));
    let units = service.into_iter().chain([unit.name.as_str()]);
    let reset = units.fold(b"systemctl reset-failed".to_vec(), |line, unit| {
        [line, b" ".to_vec(), quote::word(unit.as_bytes())].concat()
    });
    let restart = configured::systemctl("restart", &unit.name);
    let again = [reset, b" && ".to_vec(), restart].concat();
    let look = configured::log(service.unwrap_or(&unit.name));
    let text = "when its service is repaired, have systemd listen again";
    Ok(vec![finding.fixed_by([look, Fix::change(again, text)])])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, Unit, UnitState};

    fn with(active: &str) -> Case {
        let mut case = Case::sample_stale();
        let unit = Unit::sample();
        case.configured.mentions.clone_from(&unit.sockets);
        let state = UnitState { name: unit.name.clone(), active: active.into(), ..UnitState::default() };
        case.configured.states = Fact::Known(vec![state]);
        case.configured.units = vec![unit.into()];
        case
    }

    #[test]
    fn fires_on_a_failed_unit() {
        assert_eq!(check(&with("failed")).unwrap()[0].code, "SD606");
    }

    #[test]
    fn silent_on_an_active_unit() {
        assert_eq!(check(&with("active")), Ok(vec![]));
        assert_eq!(check(&Case::sample()), Err(NoVerdict::NotApplicable));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = with("failed");
        case.configured.states = Fact::Unknown(Gap::new("systemctl show", "it does not answer"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
