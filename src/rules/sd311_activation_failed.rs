//! SD311: systemd listens, and the service it would start has failed.

use super::{configured, evidence};
use crate::model::{Case, Certainty, Fact, Fix, Holder, NoVerdict, Verdict};

rule! {
    /// systemd listens for a service that has failed: clients connect and nobody answers.
    ///
    /// # What it means
    /// The .socket unit keeps its listener while its service cannot start. Connections wait in the queue, or start the
    /// service anew, which fails again until systemd gives up.
    ///
    /// # How it is known
    /// PID 1 is the only holder of the listener, and systemd says that the service has failed; or that it is inactive,
    /// while on two looks connections wait.
    ///
    /// # Not to be confused with
    /// A service that nobody has asked for yet: PID 1 alone and an empty queue are healthy.
    ///
    /// # Fix
    /// Read the log of the service, repair it, and `systemctl reset-failed` it.
    ACTIVATION_FAILED = "SD311", "activation-failed", Error
}

fn check(case: &Case) -> Verdict {
    let name = case.configured.socket_unit().and_then(|unit| unit.service.as_ref());
    let name = name.ok_or(NoVerdict::NotApplicable)?;
    case.configured.states.get()?;
    let state = case.configured.state(name).ok_or(NoVerdict::NotApplicable)?;
    let waits = match &case.configured.unanswered {
        Fact::Unknown(gap) => return Err(NoVerdict::Unknown(gap.clone())),
        unanswered => unanswered.known() == Some(&true),
    };
    let Some(server) =
        case.server().filter(|server| server.is_alive() && (waits || state.active == "failed"))
    else {
        return Ok(vec![]);
    };
    let manager = |holder: &Holder| holder.process.is_manager();
    if !server.holders.get()?.iter().all(manager) {
        return Ok(vec![]);
    }
    let (what, fix) = if waits {
        let jobs = Fix::look("systemctl list-jobs --no-pager", "see what its start waits for");
        ("is not started, and connections wait".to_owned(), jobs)
    } else {
        let [reset, start] = ["reset-failed", "start"].map(|verb| configured::systemctl(verb, name));
        let start = Fix::change([reset, start].join(&b" && "[..]), "when it is repaired, have it start");
        (format!("has failed ({})", state.result), start)
    };
    let summary = format!("systemd listens, but {name}, which it would start, {what}.");
    let finding = ACTIVATION_FAILED.finding(case, Certainty::Certain, summary);
    let proof = [evidence::socket(server), evidence::holders(server), configured::state(state)];
    Ok(vec![finding.proven_by(proof).fixed_by([configured::log(name), fix])])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Gap, Unit, UnitState};

    fn with(active: &str) -> Case {
        let mut case = Case::sample();
        let mut pid_1 = Holder::sample(1);
        Arc::make_mut(&mut pid_1.process).command = b"systemd".to_vec();
        case.sockets.items[0].holders = Fact::Known(vec![pid_1]);
        let unit = Unit::sample();
        let state = UnitState { name: "app.service".into(), active: active.into(), ..UnitState::default() };
        case.configured.mentions.clone_from(&unit.sockets);
        case.configured.states = Fact::Known(vec![state]);
        case.configured.units = vec![unit.into()];
        case
    }

    #[test]
    fn fires_where_pid_1_is_alone_with_a_failed_service() {
        assert_eq!(check(&with("failed")).unwrap()[0].code, "SD311");
        let mut waits = with("inactive");
        waits.configured.unanswered = Fact::Known(true);
        assert_eq!(check(&waits).unwrap().len(), 1);
    }

    #[test]
    fn silent_while_nobody_asked_for_it() {
        assert_eq!(check(&with("inactive")), Ok(vec![]));
        let mut served = with("failed");
        served.sockets.items[0].holders = Fact::Known(vec![Holder::sample(7)]);
        assert_eq!(check(&served), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = with("failed");
        case.sockets.items[0].holders = Fact::Unknown(Gap::new("/proc/1/fd", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
        assert_eq!(check(&Case::sample()), Err(NoVerdict::NotApplicable));
    }
}
