//! Acting on the plan: each file is held, proven once more while it is held, and removed.

use super::Planned;
use crate::act::clean::{Removal, remove};
use crate::act::signals::Held;
use crate::facts::examine::Examiner;
use crate::facts::held_file::{self, HeldFile, NotHeld};
use crate::model::{CleanState, Evidence, Liveness};
use crate::rules::shell_word;

/// How many files are held at once, by two descriptors each. They share the 300 ms of their proof.
const AT_ONCE: usize = 256;

const GONE: &str = "its name was given up, or passed to another file, meanwhile";

/// Removes what the plan has proven stale. The result is the signal that cut it short.
pub(super) fn apply(examiner: &mut Examiner<'_>, plan: &mut [Planned], signals: &Held) -> Option<i32> {
    let mut proven: Vec<&mut Planned> =
        plan.iter_mut().filter(|planned| planned.candidate.state == CleanState::Stale).collect();
    for several in proven.chunks_mut(AT_ONCE) {
        if let Some(signal) = signals.came() {
            return Some(signal);
        }
        let mut held: Vec<(usize, HeldFile)> = Vec::new();
        for (number, planned) in several.iter_mut().enumerate() {
            match examiner.hold(&planned.case) {
                Ok(file) => held.push((number, file)),
                Err(why) => not_held(planned, why),
            }
        }
        let (numbers, files): (Vec<usize>, Vec<HeldFile>) = held.into_iter().unzip();
        let answers = held_file::settle(&files);
        for ((number, file), liveness) in numbers.into_iter().zip(files).zip(answers) {
            if let Some(signal) = signals.came() {
                return Some(signal);
            }
            act(several[number], &file, liveness);
        }
    }
    None
}

/// What becomes of a candidate that cannot be held.
pub(super) fn not_held(planned: &mut Planned, why: NotHeld) {
    let candidate = &mut planned.candidate;
    match why {
        NotHeld::Replaced => {
            candidate.state = CleanState::Replaced;
            candidate.why = Some(GONE.into());
        }
        NotHeld::Refused(why) => {
            candidate.state = CleanState::Unproven;
            candidate.why = Some(why.into());
        }
    }
}

fn act(planned: &mut Planned, file: &HeldFile, liveness: Liveness) {
    let candidate = &mut planned.candidate;
    if !matches!(liveness, Liveness::Refused { tries } if tries >= 3) {
        candidate.state = CleanState::Alive;
        candidate.why = Some("by now a socket is bound to it".into());
        return;
    }
    let moved = |name: &[u8]| {
        let slash = candidate.path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        [&candidate.path[..slash], name].concat()
    };
    match remove(&file.directory, &file.name, &file.file, &held_file::refuses) {
        Removal::Removed => candidate.state = CleanState::Removed,
        Removal::NotThere => {
            candidate.state = CleanState::Replaced;
            candidate.why = Some(GONE.into());
        }
        Removal::Alive => {
            candidate.state = CleanState::Alive;
            candidate.why = Some("by now a socket is bound to it".into());
        }
        Removal::Failed(errno) => {
            let words = nix::errno::Errno::from_raw(errno).desc();
            candidate.state = CleanState::Failed(errno);
            candidate.proof.push(Evidence::new("renameat2", words));
            candidate.why = Some(words.into());
            candidate.command = Some(otherwise(&candidate.path, errno));
        }
        Removal::Aside(name) => {
            let aside = moved(&name);
            let back = [b"mv -nT ", &shell_word(&aside)[..], b" ", &shell_word(&candidate.path)];
            candidate.command = Some(back.concat());
            candidate.why =
                Some("a successor's file was moved, and its name taken before it was back".into());
            candidate.state = CleanState::Aside(aside);
        }
    }
}

/// What may be tried by hand: as root where that was missing, else to move it aside, which can be taken back.
fn otherwise(path: &[u8], errno: i32) -> Vec<u8> {
    let word = shell_word(path);
    match errno {
        nix::libc::EACCES | nix::libc::EPERM if !nix::unistd::geteuid().is_root() => {
            [b"sudo sockdoctor clean --apply ", &word[..]].concat()
        }
        _ => [b"mv -nT ", &word[..], b" ", &shell_word(&[path, b".aside"].concat())].concat(),
    }
}
