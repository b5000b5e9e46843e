//! The way of a server to the place of its socket: what it takes to make it, and to make it anew.

use crate::model::{Bits, Case, Credentials, FileKind, NoVerdict, Step};

/// `CAP_FOWNER`, include/uapi/linux/capability.h
const FOWNER: u64 = 1 << 3;
const STICKY: u32 = 0o1000;

/// What stops a server: the directory, why, and what it may not do there.
pub(super) struct Bar<'c> {
    pub(super) directory: &'c Step,
    pub(super) detail: String,
    pub(super) what: &'static str,
}

/// The first directory that stops a server of this identity. One that runs is past those on the way.
pub(super) fn bar<'c>(case: &'c Case, server: &Credentials) -> Result<Option<Bar<'c>>, NoVerdict> {
    let steps = &case.walk.get()?.steps;
    let mut directories: Vec<&Step> = steps.iter().filter(|step| step.kind == FileKind::Directory).collect();
    let directory = directories.pop().ok_or(NoVerdict::NotApplicable)?;
    let preflight = case.preflight.known();
    let way = directories.into_iter().filter(|_| preflight.is_some()).map(|step| (step, Bits::SEARCH));
    for (step, wanted) in way.chain([(directory, Bits::CHANGE)]) {
        let decision = server.decide(&step.permissions, wanted, true)?;
        if !decision.allowed {
            let detail = format!("{} for uid {}", decision.granted, server.uid);
            let what = if wanted == Bits::SEARCH { "may not pass" } else { "may not make a socket in" };
            return Ok(Some(Bar { directory: step, detail, what }));
        }
    }
    let file = match preflight {
        Some(preflight) => preflight.existing.as_ref(),
        None => case.file()?,
    };
    Ok(file.filter(|file| keeps(directory, file.uid, server)).map(|file| Bar {
        directory,
        detail: format!("sticky, and the file belongs to uid {}", file.uid),
        what: "may not replace the file in",
    }))
}

/// `__check_sticky` (fs/namei.c)
fn keeps(directory: &Step, owner: u32, server: &Credentials) -> bool {
    let sticky = directory.permissions.mode & STICKY != 0;
    let is_owner = [owner, directory.permissions.uid].contains(&server.uid);
    sticky && !is_owner && server.capabilities & FOWNER == 0
}
