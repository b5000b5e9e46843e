//! SD117: nobody listens on a TCP address.

use super::{evidence, quote};
use crate::model::{Case, Certainty, Evidence, Fix, NoVerdict, Target, Verdict};

rule! {
    /// Nobody listens on the TCP address.
    ///
    /// # What it means
    /// connect(2) answers ECONNREFUSED (111). The server does not run, listens on another port or address, or on a
    /// Unix socket instead.
    ///
    /// # How it is known
    /// The kernel's list of TCP sockets (inet_diag) has no listener for the address in the client's network
    /// namespace, neither of IPv4 nor of IPv6. Nothing is connected to.
    ///
    /// # Not to be confused with
    /// A wildcard listener (0.0.0.0, ::), which serves every address; one in another network namespace; a firewall.
    ///
    /// # Fix
    /// Start the server, or correct the address: the listeners that are nearly it are shown.
    TCP_NOT_LISTENING = "SD117", "tcp-not-listening", Error
}

fn check(case: &Case) -> Verdict {
    let Target::Tcp(address) = &case.target else { return Err(NoVerdict::NotApplicable) };
    // Who only talked to it has looked at no list.
    if !case.asked_for {
        return Err(NoVerdict::NotApplicable);
    }
    if case.server().is_some() {
        return Ok(vec![]);
    }
    case.sockets.complete()?;
    let none = format!("no listener for it in net:[{}]", case.netns.0);
    let summary = format!("Nobody listens on {address}: a connect is refused.");
    let mut finding = TCP_NOT_LISTENING
        .finding(case, Certainty::Certain, &summary)
        .proven_by([Evidence::new("inet_diag", none)]);
    for elsewhere in case.orphans() {
        finding.evidence.extend([evidence::socket(elsewhere), evidence::holders(elsewhere)]);
        let netns = elsewhere.netns_label.as_deref().unwrap_or("another");
        finding.cause = Some(format!("it listens in network namespace {netns}, which is not the client's"));
    }
    for name in &case.nearest {
        let command = quote::command("sockdoctor inspect", &[b"tcp:", name.as_slice()].concat());
        finding.fixes.push(Fix::look(command, "this one listens: correct the address if it is meant"));
    }
    finding.fixes.push(Fix::advice("start its server, or correct the address in the client"));
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Gap, Seen, Sighting};

    fn case(items: Vec<Sighting>) -> Case {
        let target = Target::Tcp("127.0.0.1:5001".into());
        Case { asked_for: true, sockets: Seen { items, gaps: vec![] }, ..Case::new(target, vec![]) }
    }

    fn listener(serves: bool) -> Sighting {
        let mut sighting = Sighting::sample();
        sighting.socket.address = Address::Tcp(b"*:5001"[..].into());
        sighting.relation.serves = serves;
        sighting
    }

    #[test]
    fn fires_where_nobody_listens_and_names_who_does_elsewhere() {
        let finding =
            check(&Case { nearest: vec![b"127.0.0.1:5000".to_vec()], ..case(vec![]) }).unwrap().remove(0);
        assert_eq!(finding.fixes[0].command.as_deref(), Some(&b"sockdoctor inspect tcp:127.0.0.1:5000"[..]));
        assert!(check(&case(vec![listener(false)])).unwrap()[0].cause.is_some());
    }

    #[test]
    fn silent_on_a_wildcard_listener() {
        assert_eq!(check(&case(vec![listener(true)])), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut hidden = case(vec![]);
        hidden.sockets.gaps.push(Gap::new("inet_diag", "Operation not permitted"));
        assert!(matches!(check(&hidden), Err(NoVerdict::Unknown(_))));
        assert_eq!(check(&Case { asked_for: false, ..case(vec![]) }), Err(NoVerdict::NotApplicable));
    }
}
