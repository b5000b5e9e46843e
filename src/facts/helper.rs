//! Touching what may hang, and being somebody else: a process of our own that can be given up on.
//!
//! A dead NFS server or a FUSE daemon that never answers keeps a system call in the kernel for ever, and a
//! thread stuck there keeps its whole process behind at exit. So every touch of such a mount happens in a copy
//! of this program with closed stdio: one question in, one answer out, killed when time is up. A process and
//! not fork(2): nothing of ours has to be safe between fork and exec, and no `unsafe` is needed.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::look::{NoLook, Question, look, viewpoint};
use super::machine::Machine;
use super::place;
use super::verdict::Errand;
use super::walk::Touch;
use crate::model::{Gap, Look, Mount, Place, Reach};

/// The hidden subcommand that [`serve`] runs under.
pub const SUBCOMMAND: &str = "__look";

/// How long a killed helper is waited for: one the kernel will not let go of is left to it.
const LAST_WAIT: Duration = Duration::from_millis(50);

/// What a helper is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// To look where it may hang.
    Look(Machine, Question),
    /// To be somebody else for one connect.
    Errand(Errand),
    /// To connect to an absolute path.
    Connect(Vec<u8>),
    /// To say what the filesystem says about a directory.
    Place(Vec<u8>),
}

/// Has a helper look; gives up at the deadline.
pub fn ask(machine: &Machine, question: &Question, mount: &Mount, deadline: Instant) -> Result<Look, Gap> {
    answer(&Request::Look(machine.clone(), question.clone()), mount, deadline)
}

/// Has a helper connect to an absolute path; gives up at the deadline.
pub fn connect(path: &[u8], mount: &Mount, deadline: Instant) -> Result<Reach, Gap> {
    answer(&Request::Connect(path.to_vec()), mount, deadline)
}

/// Has a helper ask about a directory by its canonical path; gives up at the deadline.
pub(super) fn ask_place(path: &[u8], mount: &Mount, deadline: Instant) -> Result<Place, Gap> {
    answer(&Request::Place(path.to_vec()), mount, deadline)
}

fn answer<T: DeserializeOwned>(request: &Request, mount: &Mount, deadline: Instant) -> Result<T, Gap> {
    let place = String::from_utf8_lossy(&mount.point).into_owned();
    let source = format!("{} mount {place}", mount.fstype);
    let late = Gap::new(source.clone(), "it did not answer in time").helped_by(format!(
        "look at the server of {place} (mounted from {})",
        String::from_utf8_lossy(&mount.source)
    ));
    send(request, &source, late, deadline)
}

/// Sends a request to a helper; `late` is what its silence means.
pub(super) fn send<T: DeserializeOwned>(
    request: &Request,
    source: &str,
    late: Gap,
    deadline: Instant,
) -> Result<T, Gap> {
    let failed = |why: String| Gap::new(source, why);
    let request = serde_json::to_vec(request).map_err(|error| failed(error.to_string()))?;
    let mut child = Command::new("/proc/self/exe")
        .arg(SUBCOMMAND)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(format!("no helper could be started: {error}")))?;
    let answer = converse(&mut child, &request, deadline);
    let _ = child.kill();
    reap(&mut child);
    match answer {
        Some(bytes) => serde_json::from_slice::<Result<T, Gap>>(&bytes)
            .unwrap_or_else(|error| Err(failed(format!("the helper's answer was cut short: {error}")))),
        None => Err(late),
    }
}

/// The helper's side: one question from standard input, one answer to standard output. How to connect is handed in.
pub fn serve(
    mut input: impl Read,
    mut output: impl Write,
    connect: impl FnOnce(&[u8]) -> Reach,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    input.read_to_end(&mut request)?;
    let answer = match serde_json::from_slice(&request)? {
        Request::Look(machine, question) => serde_json::to_vec(&looked(&machine, &question))?,
        Request::Errand(errand) => serde_json::to_vec(&errand.run())?,
        Request::Place(path) => serde_json::to_vec(&place::look(&path))?,
        Request::Connect(path) => serde_json::to_vec(&Ok::<_, Gap>(connect(&path)))?,
    };
    output.write_all(&answer)
}

fn looked(machine: &Machine, question: &Question) -> Result<Look, Gap> {
    let found = viewpoint(machine, question.root).and_then(|view| look(&view, question, Touch::Any));
    found.map_err(|error| match error {
        NoLook::Unseen(gap) => gap,
        NoLook::MayHang(mount) => Gap::new(mount.fstype.clone(), "not touched"),
    })
}

/// Sends the question and collects the answer on a thread of its own, which ends with the pipe.
fn converse(child: &mut Child, request: &[u8], deadline: Instant) -> Option<Vec<u8>> {
    child.stdin.take()?.write_all(request).ok()?;
    let mut stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    // Where no thread can be had, there is no answer.
    let _ = std::thread::Builder::new().spawn(move || {
        let mut answer = Vec::new();
        if stdout.read_to_end(&mut answer).is_ok() {
            let _ = sender.send(answer);
        }
    });
    receiver
        .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        .ok()
        .filter(|answer| !answer.is_empty())
}

fn reap(child: &mut Child) {
    let until = Instant::now() + LAST_WAIT;
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(2));
    }
}
