//! The check that HAProxy makes of a server, made by us: of the one that `--like FILE:BACKEND/SERVER` names, and by
//! `scan --probe` of each.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Instant;

use super::super::{Context, Refusal, consumers};
use crate::config::haproxy::{self, Haproxy};
use crate::facts::consumers as identities;
use crate::facts::examine::Examiner;
use crate::facts::{host, named_files};
use crate::model::{
    Asks, Case, Checked, Depth, Expected, HealthCheck, HttpRequest, ProbePlan, Probed, Target,
};

/// No longer body is waited for (`tune.bufsize` of HAProxy keeps far less).
const MAX_BODY: u64 = 1 << 20;

/// The longest path of a socket (`sun_path` of unix(7), without the NUL).
const LONGEST: usize = 107;

const USAGE: &str = "write --like haproxy.cfg:BACKEND/SERVER";

/// A check to be replayed, and who HAProxy is when it makes it.
#[derive(Debug)]
pub(in crate::commands) struct Like {
    pub(in crate::commands) check: HealthCheck,
    user: Option<String>,
    chroot: Vec<u8>,
}

impl Like {
    /// That of a HAProxy which becomes this user, in this root.
    pub(in crate::commands) fn new(check: HealthCheck, user: Option<String>, chroot: Option<&[u8]>) -> Self {
        let chroot = chroot.unwrap_or_default();
        Self { check, user, chroot: chroot.strip_suffix(b"/").unwrap_or(chroot).to_vec() }
    }

    /// Finds the server in the file.
    pub(super) fn of(text: &OsStr) -> Result<Self, Refusal> {
        let (file, wanted) = split(text.as_bytes())?;
        let texts = named_files::below(Path::new(OsStr::from_bytes(file)))
            .map_err(|gap| Refusal::usage(format!("{}: {}", gap.source, gap.why), USAGE))?;
        let found = haproxy::read(&texts);
        let user = found.identity();
        let Haproxy { checks, chroot, .. } = found;
        let known: Vec<String> = checks.iter().map(HealthCheck::label).collect();
        let Some(check) = checks.into_iter().find(|check| check.label() == wanted) else {
            let hint = match known.as_slice() {
                [] => "there is no server in it".to_owned(),
                known => format!("it has {}", known[..known.len().min(8)].join(", ")),
            };
            return Err(Refusal::usage(
                format!("no server {wanted} in {}", String::from_utf8_lossy(file)),
                hint,
            ));
        };
        Ok(Self::new(check, user, chroot.as_ref().map(|chroot| chroot.value.as_slice())))
    }

    /// What is to be said to the server.
    pub(in crate::commands) fn plan(&self) -> Result<ProbePlan, Refusal> {
        let (check, line) = (&self.check, self.check.written.location.line);
        let label = check.label();
        let Some(target) = &check.target else {
            let message = format!("{label}: its address (line {line}) is no socket, and none of TCP");
            return Err(Refusal::open(message, "name a server whose address is written out"));
        };
        // It connects from within its own root.
        let target = match target {
            Target::Path(path) if path.starts_with(b"/") => {
                Target::Path([self.chroot.as_slice(), path].concat())
            }
            other => other.clone(),
        };
        if matches!(&target, Target::Path(path) if path.len() > LONGEST) {
            let message =
                format!("{label}: its path below the chroot is too long to be connected to from outside");
            return Err(Refusal::open(message, "see `show stat` of HAProxy"));
        }
        let plain = HttpRequest::get(&target, "/".into());
        let (request, depth) = match &check.asks {
            Asks::Connect => (plain, Depth::Connect),
            Asks::Http(request, expects) => {
                let reads = |what: &Expected| matches!(what, Expected::Body(_) | Expected::BodyPattern(_));
                let whole = expects.iter().any(|expect| reads(&expect.what));
                (request.clone(), if whole { Depth::Whole } else { Depth::Head })
            }
            Asks::Nothing => {
                let message =
                    format!("HAProxy does not check {label}: line {line} has no `check`, or is disabled");
                return Err(Refusal::open(
                    message,
                    "it counts as up, or as the one that it tracks; probe its socket by name",
                ));
            }
            Asks::Other(why) => {
                let message = format!("the check of {label} is not replayed: {why}");
                return Err(Refusal::open(
                    message,
                    "see `show stat` of HAProxy, or probe its socket by name",
                ));
            }
        };
        Ok(ProbePlan { depth, ..ProbePlan::http(target, request, check.timeout, MAX_BODY) })
    }

    /// What happened, with what HAProxy would make of it.
    pub(in crate::commands) fn checked(&self, mut probed: Probed) -> Probed {
        let verdict = self.check.verdict(&probed);
        probed.misses.extend(verdict.miss.iter().map(|(miss, _)| miss.clone()));
        probed.check = Some(verdict);
        probed
    }

    /// The same for the rules.
    pub(in crate::commands) fn told(&self, probed: &Probed) -> Option<Box<Checked>> {
        let verdict = probed.check.clone()?;
        Some(Box::new(Checked { check: self.check.clone(), verdict }))
    }

    /// The case of a socket that HAProxy's user may not connect to, though we may.
    pub(super) fn denied(&self, context: &Context<'_>, target: &Target) -> Option<Case> {
        let user = self.user.as_ref().filter(|_| host::host(context.machine).uid == 0)?;
        let deadline = Instant::now() + context.timeout.mul_f64(0.8);
        let context = Context { deadline, ..*context };
        let mut examiner = Examiner::new(context.machine, deadline, false);
        let who = identities::find(context.machine, &mut examiner, &consumers::user_and_groups(user)).ok()?;
        let found = consumers::examine(&context, &mut examiner, std::slice::from_ref(target), b"/", &who);
        let case = found.into_iter().flatten().flatten().next()?;
        let file = matches!(case.file(), Ok(Some(_)));
        let denied = case.accesses.iter().any(|access| access.allowed() == Some(false));
        (file && denied).then_some(case)
    }
}

/// `FILE:BACKEND/SERVER`; a colon may stand in either, so that the file that is there decides.
fn split(text: &[u8]) -> Result<(&[u8], String), Refusal> {
    let colons = text.iter().enumerate().rev().filter(|(_, byte)| **byte == b':').map(|(at, _)| at);
    let parts = colons.map(|at| (&text[..at], &text[at + 1..]));
    let mut parts = parts.filter(|(_, server)| server.contains(&b'/')).peekable();
    let Some(last) = parts.peek().copied() else {
        let shown = String::from_utf8_lossy(text);
        return Err(Refusal::usage(format!("`{shown}` names no server of a file"), USAGE));
    };
    let there = |(file, _): &(&[u8], &[u8])| named_files::below(Path::new(OsStr::from_bytes(file))).is_ok();
    let (file, server) = parts.find(there).unwrap_or(last);
    Ok((file, String::from_utf8_lossy(server).into_owned()))
}
