//! SD707: a sandbox stands between the two ends.

use super::evidence;
use crate::model::{Case, Certainty, Evidence, Finding, Fix, NoVerdict, Process, Verdict};

rule! {
    /// One end runs in a sandbox with a kernel of its own (gVisor, Kata): a Unix socket does not cross it by itself.
    ///
    /// # What it means
    /// Inside the sandbox the file may be seen, but the kernel in there has no socket bound to it: connect(2) answers
    /// ECONNREFUSED (111) or ENOENT (2), whatever the permissions are.
    ///
    /// # How it is known
    /// A process that holds the socket, or that was named as its consumer, is the sandbox of gVisor (`runsc`) or the
    /// virtual machine of a Kata container. Likely: whether the runtime passes this socket through was not tried.
    ///
    /// # Not to be confused with
    /// runc and crun containers, which share the host's kernel.
    ///
    /// # Fix
    /// gVisor: `--host-uds=open` (or `create`, `all`). Kata: vsock or TCP. Or run this container with runc.
    SANDBOXED_RUNTIME = "SD707", "sandboxed-runtime", Warning
}

/// gVisor's sentry and gofer (runsc/sandbox, runsc/cmd/gofer.go), as their `comm` reads.
const GVISOR: [&[u8]; 3] = [b"runsc-sandbox", b"runsc-gofer", b"runsc"];
/// What runs the virtual machine of a Kata container, as its `comm` reads.
const KATA: [&[u8]; 5] =
    [b"qemu-system-x86", b"qemu-system-aar", b"cloud-hypervis", b"firecracker", b"virtiofsd"];

fn check(case: &Case) -> Verdict {
    if !case.asked_for {
        return Err(NoVerdict::NotApplicable);
    }
    case.seen()?;
    let holders = case.sockets.items.iter().filter_map(|sighting| sighting.holders.known()).flatten();
    let held = holders.map(|holder| ("the server", holder.process.as_ref()));
    let named = case.accesses.iter().filter_map(|access| access.consumer.process.as_deref());
    let mut ends = held.chain(named.map(|process| ("the client", process)));
    let found = ends.find_map(|(end, process)| Some((end, process, runtime(process)?)));
    Ok(found.map(|(end, process, runtime)| finding(case, end, process, runtime)).into_iter().collect())
}

fn runtime(process: &Process) -> Option<&'static str> {
    let is = |names: &[&[u8]]| names.contains(&process.command.as_slice());
    let kata = is(&KATA) && process.container.is_some();
    if is(&GVISOR) { Some("gVisor") } else { kata.then_some("Kata") }
}

fn finding(case: &Case, end: &str, process: &Process, runtime: &str) -> Finding {
    let who = [process.command.as_slice(), format!(" pid {}", process.pid).as_bytes()].concat();
    let fix = match runtime {
        "gVisor" => "let gVisor pass sockets through: `--host-uds=open` in the runtime's arguments",
        _ => "use vsock or TCP between the two, or run this container with runc",
    };
    SANDBOXED_RUNTIME
        .finding(
            case,
            Certainty::Likely,
            format!("On one side is a {runtime} sandbox, which sockets do not cross by themselves ({end})."),
        )
        .proven_by([Evidence::new(format!("/proc/{}/comm", process.pid), who)])
        .proven_by(case.server().map(evidence::socket))
        .fixed_by([Fix::advice(fix)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, Holder};
    use std::sync::Arc;

    fn held_by(command: &[u8], container: Option<&str>) -> Case {
        let mut case = Case::sample();
        let mut holder = Holder::sample(7);
        let process = Arc::make_mut(&mut holder.process);
        (process.command, process.container) = (command.to_vec(), container.map(str::to_owned));
        case.sockets.items[0].holders = Fact::Known(vec![holder]);
        case
    }

    #[test]
    fn fires_for_a_sandbox_and_for_a_machine_of_a_container() {
        assert_eq!(check(&held_by(b"runsc-sandbox", None)).unwrap()[0].certainty, Certainty::Likely);
        assert_eq!(check(&held_by(b"qemu-system-x86", Some("0123456789ab"))).unwrap().len(), 1);
    }

    #[test]
    fn silent_for_runc_and_for_a_machine_of_nobody() {
        assert_eq!(check(&held_by(b"nginx", Some("0123456789ab"))), Ok(vec![]));
        assert_eq!(check(&held_by(b"qemu-system-x86", None)), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let walk = Fact::Unknown(Gap::new("nfs mount /srv", "it did not answer in time"));
        assert!(matches!(check(&Case { walk, ..Case::sample() }), Err(NoVerdict::Unknown(_))));
    }
}
