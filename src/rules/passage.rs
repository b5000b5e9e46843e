//! A consumer's way to a socket as lines of proof, the same wording in every rule.

use super::evidence;
use crate::model::{
    Access, Asked, Case, Class, Decision, Evidence, Finding, Gate, KernelVerdict, Obstacle, Sighting, Verdict,
};

/// One finding for each consumer whom this stops.
pub(super) fn findings(
    case: &Case,
    obstacle: Obstacle,
    finding: fn(&Case, &Access, &Gate) -> Finding,
) -> Verdict {
    let stopped = case.stopped_by(obstacle)?;
    Ok(stopped.into_iter().map(|(access, gate)| finding(case, access, gate)).collect())
}

/// The consumer inside a sentence.
pub(super) fn who(access: &Access) -> String {
    String::from_utf8_lossy(&access.consumer.label()).into_owned()
}

/// The walk up to the component that stops it, who the consumer is, what the kernel said, and that the server is
/// not to blame.
pub(super) fn proof(case: &Case, access: &Access, at: &Gate) -> Vec<Evidence> {
    let way = access.gates.iter().take_while(|gate| *gate != at).chain([at]).map(component);
    let mut proof = vec![Evidence::new("walk", way.collect::<Vec<_>>().join(&b"  "[..]))];
    let behind: Vec<_> = behind(access, at).map(component).collect();
    if !behind.is_empty() {
        proof.push(Evidence::new("behind it", [&behind.join(&b"  "[..])[..], b": denies too"].concat()));
    }
    proof.push(Evidence::new(source(access), access.consumer.identity()));
    proof.extend(kernel(access));
    if let Some(server) = case.server().filter(|server| Sighting::is_alive(server)) {
        let mut alive = evidence::socket(server);
        alive.detail.extend_from_slice(b": restarting the server will not help");
        proof.push(alive);
    }
    proof
}

/// What would stop it next, were it let through here.
pub(super) fn behind<'a>(access: &'a Access, at: &'a Gate) -> impl Iterator<Item = &'a Gate> {
    let denies = |gate: &&Gate| gate.answer.as_ref().is_ok_and(|answer| !answer.allowed);
    access.gates.iter().skip_while(move |gate| *gate != at).skip(1).filter(denies)
}

/// What the kernel said to a process of that identity.
pub(super) fn kernel(access: &Access) -> Option<Evidence> {
    let detail = match access.kernel.known()? {
        KernelVerdict::Allowed => "the kernel lets it through",
        KernelVerdict::Denied => "EACCES: the kernel says the same",
        KernelVerdict::NotReached(_) => return None,
    };
    Some(Evidence::new("connect with another socket type, as the consumer", detail))
}

/// Where its identity was read.
fn source(access: &Access) -> String {
    match &access.consumer.process {
        Some(process) => format!("/proc/{}/status", process.pid),
        None => "user database".to_owned(),
    }
}

/// `app.sock rw- for the group 33`
fn component(gate: &Gate) -> Vec<u8> {
    let name = name(&gate.step.path);
    let detail = match gate.answer.as_ref().ok().map(|answer| answer.decision) {
        Some(Some(decision)) => format!(" {}{}", decision.granted, class(&decision, gate)),
        Some(None) => format!(" (a link of {})", gate.owner.label()),
        None => " ?".to_owned(),
    };
    [name, detail.as_bytes()].concat()
}

/// Whose bits decided, where that says more than "everybody".
fn class(decision: &Decision, gate: &Gate) -> String {
    match decision.class {
        Class::Capability => " overridden by a capability".to_owned(),
        _ if decision.allowed && gate.asked == Asked::Search => String::new(),
        Class::Other => format!(" for others than {}:{}", gate.owner.label(), gate.group.label()),
        Class::Owner => format!(" for its owner {}", gate.owner.label()),
        Class::Group => format!(" for its group {}", gate.group.label()),
        Class::AclUser(uid) => format!(" for user {uid} (ACL)"),
        Class::AclGroup(gid) => format!(" for group {gid} (ACL)"),
    }
}

/// The last component; `/` for the root.
pub(super) fn name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().filter(|name| !name.is_empty()).unwrap_or(b"/")
}
