//! Making a socket in a directory to see what its filesystem does with it, step by step, and taking all of it back.
//!
//! It runs in a process of its own, which may take on another identity before, hang in a filesystem that does not
//! answer, and outlive whoever asked: it stops and cleans up when its standard input ends, as it does when the asker
//! dies of whatever signal. It works in the directory it has entered, by names that nobody else makes, and changes
//! modes and owners through descriptors alone: in a directory of somebody hostile a name may change hands.

pub mod apart;
mod made;
mod remains;
mod steps;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::{Deserialize, Serialize};

use super::signals;
use crate::model::{Credentials, Gap, SocketTrial, TrialAct};

/// The hidden subcommand that [`serve`] runs under.
pub const SUBCOMMAND: &str = "__trial";

/// Where and as whom.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// An absolute path.
    pub directory: Vec<u8>,
    /// The identity to take on; `None`: it is ours already.
    pub credentials: Option<Credentials>,
    /// Owner and group that the socket is given.
    pub owner: (u32, u32),
}

/// What the process says, a line each.
#[derive(Debug, Serialize, Deserialize)]
enum Line {
    /// What it is about to do.
    Begins(TrialAct),
    /// It could not be made.
    Impossible(Gap),
    /// It is over, and all is taken back.
    Over(SocketTrial),
}

/// The process's side: one request from standard input, its progress to standard output. Taking on an identity is
/// handed in.
pub fn serve(
    input: impl Read + AsFd,
    mut output: impl Write,
    become_somebody: impl FnOnce(&Credentials) -> Result<(), Gap>,
) -> io::Result<()> {
    signals::ignore()?;
    let mut line = String::new();
    let mut input = BufReader::new(input);
    input.read_line(&mut line)?;
    let request: Request = serde_json::from_str(&line)?;
    if let Some(Err(gap)) = request.credentials.as_ref().map(become_somebody) {
        return say(&mut output, &Line::Impossible(gap));
    }
    let mut begins = |act| {
        // Whoever asked may be gone: what was begun is taken back all the same.
        let _ = say(&mut output, &Line::Begins(act));
        !has_ended(input.get_ref())
    };
    let line = match steps::run(&request, &mut begins) {
        Ok(trial) => Line::Over(trial),
        Err(gap) => Line::Impossible(gap),
    };
    say(&mut output, &line)
}

fn say(output: &mut impl Write, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    output.write_all(&text)?;
    output.flush()
}

/// Nothing but its end is ever sent after the request.
fn has_ended(input: &impl AsFd) -> bool {
    let mut events = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
    poll(&mut events, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

/// Whether a process with these credentials may give files away, and to whom it tries to: nobody, where that means
/// something in its user namespace; else one of its own groups, as servers do with a group option.
pub fn new_owner(credentials: &Credentials) -> (u32, u32) {
    /// `CAP_CHOWN`, include/uapi/linux/capability.h
    const CHOWN: u64 = 1;
    /// The kernel's overflow id, which most systems call nobody.
    const NOBODY: u32 = 65534;
    let mapped = credentials.maps.known().is_some_and(|maps| {
        let inside = crate::model::IdMaps::inside;
        inside(&maps.uids, NOBODY).is_some() && inside(&maps.gids, NOBODY).is_some()
    });
    if credentials.capabilities & CHOWN != 0 && mapped {
        return (NOBODY, NOBODY);
    }
    let other = credentials.groups.iter().find(|group| **group != credentials.gid);
    (credentials.uid, *other.unwrap_or(&credentials.gid))
}

#[cfg(test)]
mod tests;
