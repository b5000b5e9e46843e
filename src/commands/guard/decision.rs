//! Whether a server has certainly failed, so that a repair is right; pure, by this table.
//!
//! | all tries ended | and | decision |
//! |---|---|---|
//! | one with the answer that was expected | | healthy |
//! | connect: ENOENT or ECONNREFUSED | a certain error that nobody listens: SD101 SD102 SD104 SD105 SD117 SD305 SD311 SD606 | certain |
//! | connect: ECONNREFUSED | the target is a TCP port of this host | certain |
//! | no reply, or the queue full, or closed, or a reply without end | every process that could accept is stopped (state `T`), whoever called listen(2) is seen | certain |
//! | as above | SD305, or SD306 as an error: it takes no connection any more | certain |
//! | closed before a byte came, each of them | SD402 as a certain error | certain: a slow server does not close |
//! | as above | anything else: slow, busy, or hung | undecided |
//! | a status of 500 to 599 but 503 | | certain: the server itself says so |
//! | 503, 429, 4xx, another status | overloaded, or the question is wrong: a restart cures neither | undecided |
//! | connect: EACCES, another type, not HTTP | it cannot be told from here | undecided |
//! | in different ways | it changed meanwhile; the next pass sees what it became | undecided |
//! | any | systemd starts or stops the unit at this moment, or it was stopped in order | undecided |
//!
//! A full queue by itself is no failure, and neither is silence: a healthy server under load has both.

use std::net::SocketAddr;

use crate::model::{Case, Certainty, Fact, Finding, GuardCause, Holder, Outcome, Probed, Severity, Target};

/// Nobody listens, and nobody will by itself.
const NOBODY_LISTENS: [&str; 8] = ["SD101", "SD102", "SD104", "SD105", "SD117", "SD305", "SD311", "SD606"];
/// Somebody listens, and takes no connection any more.
const TAKES_NONE: [&str; 2] = ["SD305", "SD306"];
/// It closes what it accepts.
const CLOSES: &str = "SD402";

/// Overloaded, or in maintenance: what comes back asks for patience.
const UNAVAILABLE: u16 = 503;

/// What is to be done about tries that all failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// Repair it.
    Certain(GuardCause),
    /// Leave it alone, and why.
    Undecided(String),
}

/// In which way a try failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Refused,
    NoAnswer,
    ServerError(u16),
    OtherStatus(u16),
    Other,
}

/// Decides. `tries` all failed; `case` is what was seen of the target after the last, `findings` what the rules say.
pub(super) fn decide(
    target: &Target,
    tries: &[Probed],
    case: Option<&Case>,
    findings: &[Finding],
) -> Decision {
    let mut ways = tries.iter().map(way);
    let Some(first) = ways.next() else { return undecided("nothing was tried") };
    let alike = |other: Failure| match (first, other) {
        (Failure::ServerError(_), Failure::ServerError(_))
        | (Failure::OtherStatus(_), Failure::OtherStatus(_)) => true,
        _ => first == other,
    };
    if !ways.all(alike) {
        return undecided("the tries failed in different ways: it changes while it is looked at");
    }
    match first {
        Failure::Refused => match by_rule(findings, &NOBODY_LISTENS) {
            Some(by) => Decision::Certain(by),
            None if is_own_port(target) => {
                certain(None, "Nobody listens at the port: every connect is refused.")
            }
            None => undecided(&likeliest(findings, "it takes no connection, and why is not certain")),
        },
        Failure::NoAnswer => {
            let closed = tries.iter().all(|probed| probed.outcome == Outcome::Closed);
            let closing = by_rule(findings, &[CLOSES]).filter(|_| closed);
            if let Some(by) = by_rule(findings, &TAKES_NONE).or(closing) {
                return Decision::Certain(by);
            }
            match case.and_then(|case| stopped(case, tries)) {
                Some(pids) => {
                    certain(None, &format!("Every process that could accept is stopped (state T): {pids}."))
                }
                None => undecided(&likeliest(
                    findings,
                    "it takes connections and does not answer: slow, busy or hung",
                )),
            }
        }
        Failure::ServerError(status) => {
            let code =
                findings.iter().find(|finding| finding.code == "SD408").map(|found| (found.code, found.name));
            certain(code, &format!("The server answers every try with an error of its own: status {status}."))
        }
        Failure::OtherStatus(status) => {
            undecided(&format!("it answers with status {status}, which a repair would not change"))
        }
        Failure::Other => undecided(&likeliest(findings, "whether it has failed cannot be told from here")),
    }
}

fn way(probed: &Probed) -> Failure {
    match (&probed.outcome, probed.errno()) {
        (Outcome::NotConnected, Some(nix::libc::ENOENT | nix::libc::ECONNREFUSED)) => Failure::Refused,
        (Outcome::NotConnected, Some(nix::libc::EAGAIN | nix::libc::ETIMEDOUT))
        | (Outcome::NoReply | Outcome::Closed | Outcome::Unfinished(_), _) => Failure::NoAnswer,
        (Outcome::Answered, _) => match probed.reply.as_ref().and_then(|reply| reply.status) {
            Some(status) if (500..600).contains(&status) && status != UNAVAILABLE => {
                Failure::ServerError(status)
            }
            Some(status) => Failure::OtherStatus(status),
            None => Failure::Other,
        },
        _ => Failure::Other,
    }
}

fn by_rule(findings: &[Finding], codes: &[&str]) -> Option<GuardCause> {
    let found = findings.iter().find(|finding| {
        codes.contains(&finding.code)
            && finding.certainty == Certainty::Certain
            && finding.severity == Severity::Error
    })?;
    Some(GuardCause {
        code: Some(found.code),
        name: Some(found.name),
        certainty: found.certainty,
        summary: found.summary.clone(),
    })
}

/// The pids of all that could accept, where all are stopped. The parent of the others is a master, which accepts
/// nothing; PID 1 is its socket unit's. Where processes of others are hidden, whoever called listen(2) has to be among
/// those that are seen: else the server may be somebody else's.
fn stopped(case: &Case, tries: &[Probed]) -> Option<String> {
    let sighting = case.server()?;
    let Fact::Known(holders) = &sighting.holders else { return None };
    let listener = tries.iter().find_map(|probed| probed.peer_pid);
    let is_seen = || holders.iter().any(|holder| Some(holder.process.pid) == listener);
    if !case.hidden_holders.is_empty() && !is_seen() {
        return None;
    }
    let holders: Vec<&Holder> = holders.iter().filter(|holder| !holder.process.is_manager()).collect();
    let is_parent = |one: &&&Holder| holders.iter().any(|other| other.process.parent == one.process.pid);
    let workers: Vec<&Holder> = holders.iter().filter(|one| !is_parent(one)).copied().collect();
    let all = !workers.is_empty() && workers.iter().all(|worker| worker.process.state == 'T');
    all.then(|| workers.iter().map(|worker| worker.process.pid.to_string()).collect::<Vec<_>>().join(", "))
}

/// A port of a loopback address: nothing but this host's own kernel refuses there.
fn is_own_port(target: &Target) -> bool {
    let Target::Tcp(address) = target else { return false };
    let loopback = address.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
    loopback || address.strip_prefix("localhost:").is_some_and(|port| port.parse::<u16>().is_ok())
}

fn likeliest(findings: &[Finding], otherwise: &str) -> String {
    let error = findings.iter().find(|finding| finding.severity == Severity::Error);
    error.map_or_else(|| otherwise.to_owned(), |found| format!("{otherwise} ({} {})", found.code, found.name))
}

fn certain(rule: Option<(&'static str, &'static str)>, summary: &str) -> Decision {
    let (code, name) = rule.map_or((None, None), |(code, name)| (Some(code), Some(name)));
    Decision::Certain(GuardCause { code, name, certainty: Certainty::Certain, summary: summary.into() })
}

fn undecided(why: &str) -> Decision {
    Decision::Undecided(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Reply, StepName};
    use crate::rules;

    fn path() -> Target {
        Target::Path(b"/run/app.sock".to_vec())
    }

    fn failed(outcome: Outcome, errno: Option<i32>) -> Probed {
        let at = if outcome == Outcome::NotConnected { StepName::Connect } else { StepName::FirstByte };
        let mut probed = Probed::sample_failed(at, outcome);
        probed.steps.last_mut().unwrap().errno = errno;
        probed
    }

    fn refused() -> Probed {
        failed(Outcome::NotConnected, Some(nix::libc::ECONNREFUSED))
    }

    fn answered(status: u16) -> Probed {
        Probed { reply: Some(Reply { status: Some(status), ..Reply::default() }), ..Probed::sample() }
    }

    fn finding(code: &str, certainty: Certainty) -> Finding {
        let rule = rules::find(code).unwrap();
        Finding { certainty, ..rule.finding(&Case::sample(), certainty, "So it is.") }
    }

    fn is_certain(tries: &[Probed], case: Option<&Case>, findings: &[Finding]) -> bool {
        matches!(decide(&path(), tries, case, findings), Decision::Certain(_))
    }

    #[test]
    fn nobody_listens_only_when_a_rule_is_certain_of_it() {
        let tries = [refused(), refused()];
        assert!(is_certain(&tries, None, &[finding("SD104", Certainty::Certain)]));
        assert!(!is_certain(&tries, None, &[finding("SD104", Certainty::Likely)]));
        assert!(
            !is_certain(&tries, None, &[finding("SD106", Certainty::Certain)]),
            "a restart does not cure it"
        );
        assert!(!is_certain(&tries, None, &[]));
        let port = |address: &str| decide(&Target::Tcp(address.into()), &tries, None, &[]);
        assert!(matches!(port("127.0.0.1:5001"), Decision::Certain(_)));
        assert!(matches!(port("192.0.2.1:5001"), Decision::Undecided(_)), "a firewall may refuse");
    }

    #[test]
    fn silence_and_a_full_queue_are_certain_only_where_all_who_could_accept_are_stopped() {
        let silent = [failed(Outcome::NoReply, None), failed(Outcome::NotConnected, Some(nix::libc::EAGAIN))];
        assert!(!is_certain(&silent, Some(&Case::sample()), &[finding("SD301", Certainty::Certain)]));
        let mut case = Case::sample();
        let workers = |states: [char; 2]| {
            let holder = |pid, state| {
                let mut holder = Holder::sample(pid);
                std::sync::Arc::make_mut(&mut holder.process).state = state;
                holder
            };
            Fact::Known(vec![holder(70, states[0]), holder(71, states[1])])
        };
        case.sockets.items[0].holders = workers(['T', 'S']);
        assert!(!is_certain(&silent, Some(&case), &[]));
        case.sockets.items[0].holders = workers(['T', 'T']);
        assert!(is_certain(&silent, Some(&case), &[]));
        case.hidden_holders.push(crate::model::Gap::new("/proc", "Permission denied"));
        assert!(!is_certain(&silent, Some(&case), &[]), "another one may accept");
        let own = silent.map(|probed| Probed { peer_pid: Some(70), ..probed });
        assert!(is_certain(&own, Some(&case), &[]));
    }

    #[test]
    fn a_server_that_closes_every_connection_has_failed_and_one_that_closes_some_may_be_busy() {
        let (closed, silent) = (failed(Outcome::Closed, None), failed(Outcome::NoReply, None));
        let findings = [finding("SD402", Certainty::Certain)];
        assert!(is_certain(&[closed.clone(), closed.clone()], None, &findings));
        assert!(
            !is_certain(&[closed.clone(), closed.clone()], None, &[]),
            "what it speaks may be another protocol"
        );
        assert!(!is_certain(&[closed, silent], None, &findings));
    }

    #[test]
    fn an_error_of_the_server_itself_is_certain_and_a_plea_for_patience_is_not() {
        assert!(is_certain(&[answered(500), answered(502)], None, &[]));
        for status in [503, 429, 404, 302] {
            assert!(!is_certain(&[answered(status), answered(status)], None, &[]), "{status}");
        }
        assert!(!is_certain(&[answered(500), refused()], None, &[finding("SD104", Certainty::Certain)]));
        assert!(!is_certain(&[failed(Outcome::NotConnected, Some(nix::libc::EACCES))], None, &[]));
        assert!(!is_certain(&[], None, &[]));
    }
}
