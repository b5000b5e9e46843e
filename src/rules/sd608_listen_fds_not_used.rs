//! SD608: the service runs and does not use the listener that systemd has for it.

use super::{accepts, configured, evidence};
use crate::model::{Case, Certainty, Fix, Holder, NoVerdict, Verdict};

rule! {
    /// The service runs without the listener that its .socket unit holds: nobody accepts.
    ///
    /// # What it means
    /// systemd passes the listener as a descriptor (LISTEN_FDS, with LISTEN_PID naming the process it is for). A service
    /// that was started before its socket, or through a wrapper that does not `exec`, has none: connections wait in
    /// the queue of a listener that only PID 1 holds.
    ///
    /// # How it is known
    /// The service is active, and none of its processes holds the listener. Or Accept= asks for the other kind of it.
    ///
    /// # Not to be confused with
    /// A service that is not running: the next connection starts it. Accept=yes, where each connection is passed.
    ///
    /// # Fix
    /// Stop the service, restart the .socket unit, and let that start the service; `exec` in the wrapper.
    LISTEN_FDS_NOT_USED = "SD608", "listen-fds-not-used", Error
}

fn check(case: &Case) -> Verdict {
    let misfit = accepts::mismatch(case, &LISTEN_FDS_NOT_USED);
    let unit = case.configured.socket_unit().ok_or(NoVerdict::NotApplicable)?;
    let Some(name) = unit.service.as_ref().filter(|_| misfit.is_none()) else {
        return misfit.map(|found| vec![found]).ok_or(NoVerdict::NotApplicable);
    };
    case.configured.states.get()?;
    let state = case.configured.state(name).ok_or(NoVerdict::NotApplicable)?;
    let Some(server) = case.server().filter(|server| server.is_alive()) else { return Ok(vec![]) };
    let Some(pid) = state.main_pid.filter(|_| state.active == "active") else { return Ok(vec![]) };
    let holders = server.holders.get()?;
    if let Some(gap) = case.hidden_holders.first() {
        return Err(NoVerdict::Unknown(gap.clone()));
    }
    if !only_pid_1(holders) {
        return Ok(vec![]);
    }
    let summary = format!("{name} runs (pid {pid}) without the listener that {} has for it.", unit.name);
    let finding = LISTEN_FDS_NOT_USED.finding(case, Certainty::Certain, summary);
    let proof = [evidence::socket(server), evidence::holders(server), configured::state(state)];
    let passed = state.passed.known().map(|passed| configured::passed(pid, passed));
    let wrapper = state.passed.known().is_some_and(|passed| passed.pid.is_some_and(|to| to != passed.own));
    let exec =
        Fix::advice("start the server with `exec` in the wrapper: what is passed is for its pid alone");
    let [stop, socket] = [configured::systemctl("stop", name), configured::systemctl("restart", &unit.name)];
    let text = "start it through its socket: the next connection does";
    let again = Fix::change([stop, b" && ".to_vec(), socket].concat(), text);
    let finding = finding.proven_by(proof).proven_by(passed);
    Ok(vec![finding.fixed_by(Some(exec).filter(|_| wrapper).into_iter().chain([again]))])
}

fn only_pid_1(holders: &[Holder]) -> bool {
    !holders.is_empty() && holders.iter().all(|holder| holder.process.is_manager())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Fact, Gap, Unit, UnitState};

    fn with(main_pid: Option<u32>) -> Case {
        let mut case = Case::sample();
        let mut pid_1 = Holder::sample(1);
        Arc::make_mut(&mut pid_1.process).command = b"systemd".to_vec();
        case.sockets.items[0].holders = Fact::Known(vec![pid_1]);
        let unit = Unit::sample();
        let (name, active) = ("app.service".into(), "active".into());
        case.configured.mentions.clone_from(&unit.sockets);
        case.configured.states =
            Fact::Known(vec![UnitState { name, active, main_pid, ..UnitState::default() }]);
        case.configured.units = vec![unit.into()];
        case
    }

    #[test]
    fn fires_where_the_service_runs_without_it() {
        assert_eq!(check(&with(Some(7))).unwrap()[0].code, "SD608");
    }

    #[test]
    fn silent_where_the_service_holds_it_or_has_no_process() {
        assert_eq!(check(&with(None)), Ok(vec![]));
        let mut used = with(Some(7));
        used.sockets.items[0].holders = Fact::Known(vec![Holder::sample(7)]);
        assert_eq!(check(&used), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = with(Some(7));
        case.hidden_holders.push(Gap::new("/proc/7/fd", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
