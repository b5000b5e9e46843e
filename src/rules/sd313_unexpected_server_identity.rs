//! SD313: the socket is served by another user than its unit says.

use super::{configured, evidence, owner};
use crate::model::{Case, Certainty, Gap, Holder, IdName, NoVerdict, Verdict};

rule! {
    /// The socket is served by another user than the service that is to serve it.
    ///
    /// # What it means
    /// The unit of the server has User=, and the processes that hold the listener run as somebody else: a server
    /// started by hand, or one that took the path. Clients hand their requests to it.
    ///
    /// # How it is known
    /// Who holds the listener is read from /proc/PID/status, and the unit's User= from its file.
    ///
    /// # Not to be confused with
    /// Socket activation, where PID 1 listens as root; a server whose master keeps root and whose workers are that
    /// user.
    ///
    /// # Fix
    /// Stop the other server and start the unit. Let only the right user write to the directory.
    UNEXPECTED_SERVER_IDENTITY = "SD313", "unexpected-server-identity", Warning
}

fn check(case: &Case) -> Verdict {
    let declared =
        case.configured.units.iter().filter(|unit| !unit.is_socket() && case.configured.binds(unit));
    let users: Vec<_> = declared.filter_map(|unit| Some((unit, unit.user.as_ref()?))).collect();
    let [(unit, user), ..] = users[..] else { return Err(NoVerdict::NotApplicable) };
    let Some(server) = case.server() else { return Ok(vec![]) };
    let holders = server.holders.get()?;
    if holders.is_empty() {
        return case.hidden_holders.first().map_or(Ok(vec![]), |gap| Err(NoVerdict::Unknown(gap.clone())));
    }
    let expected = |holder: &Holder| {
        let each = |(_, user): &(_, &crate::model::Setting<String>)| is(&holder.process.user, &user.value);
        holder.process.is_manager() || users.iter().any(each)
    };
    if holders.iter().any(expected) {
        return Ok(vec![]);
    }
    // A number that has no name may be that user's.
    if let Some(nameless) = holders.iter().find(|holder| holder.process.user.name.is_none())
        && user.value.parse::<u32>().is_err()
    {
        let why = format!("no name is known for uid {}", nameless.process.user.id);
        return Err(NoVerdict::Unknown(Gap::new("/etc/passwd", why)));
    }
    let who = owner::of(server).map_or_else(String::new, |holder| holder.process.user.label().into_owned());
    let summary = format!("The socket is served by user {who}; {} has User={}.", unit.name, user.value);
    Ok(vec![
        UNEXPECTED_SERVER_IDENTITY
            .finding(case, Certainty::Certain, &summary)
            .proven_by([evidence::holders(server), evidence::socket(server)])
            .proven_by(case.configured.state(&unit.name).map(configured::state))
            .written_at(&user.written)
            .fixed_by([owner::restart(server)]),
    ])
}

fn is(user: &IdName, written: &str) -> bool {
    written.parse() == Ok(user.id) || user.name.as_ref().is_some_and(|(name, _)| name == written)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Setting, Unit, Written};

    fn with(user: &str) -> Case {
        let mut case = Case::sample();
        let mut service = Unit { sockets: Unit::sample().sockets, ..Unit::sample_service() };
        service.user = Some(Setting { value: user.into(), written: Written::sample() });
        case.configured.mentions.clone_from(&service.sockets);
        case.configured.units.push(Arc::new(service));
        case
    }

    #[test]
    fn fires_on_another_user() {
        assert_eq!(check(&with("1001")).unwrap()[0].code, "SD313");
    }

    #[test]
    fn silent_on_its_own_user_and_where_systemd_listens() {
        assert_eq!(check(&with("1000")), Ok(vec![]));
        let mut activated = with("1001");
        let mut manager = Holder::sample(1);
        Arc::make_mut(&mut manager.process).command = b"systemd".to_vec();
        activated.sockets.items[0].holders = crate::model::Fact::Known(vec![manager]);
        assert_eq!(check(&activated), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        assert!(matches!(check(&with("www-data")), Err(NoVerdict::Unknown(_))), "uid 1000 has no name here");
    }
}
