//! Processes a test starts: each is ended by its own id, and none outlives its test.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// A process and what it starts, one process group. Dropped, all of it is killed and the process reaped.
pub(crate) struct Process(std::process::Child);

impl Process {
    /// Starts it as the leader of a group of its own.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.process_group(0).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// The pipes to its stdin and from its stdout, once.
    pub(crate) fn pipes(&mut self) -> (ChildStdin, ChildStdout) {
        (self.0.stdin.take().unwrap(), self.0.stdout.take().unwrap())
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.0.id().try_into().unwrap())
    }

    /// Signals the process alone, not its group.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Its status, if it ends within `limit`.
    pub(crate) fn ended(&mut self, limit: Duration) -> Option<ExitStatus> {
        let mut status = None;
        until(limit, || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        status
    }

    /// What still runs in its group, the process itself included: pids of all but zombies.
    pub(crate) fn group(&self) -> Vec<i32> {
        let stats = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("stat"));
        let rows = stats.filter_map(|stat| std::fs::read_to_string(stat).ok());
        let group = self.pid().to_string();
        // `PID (COMMAND) STATE PARENT GROUP …`, and the command may hold anything.
        rows.filter_map(|row| {
            let (before, after) = row.rsplit_once(") ")?;
            let mut fields = after.split(' ');
            let lives = fields.next() != Some("Z") && fields.nth(1) == Some(&group);
            before.split(' ').next().filter(|_| lives)?.parse().ok()
        })
        .collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Also when the leader has ended: a group keeps its number while it has members.
        let _ = killpg(self.pid(), Signal::SIGKILL);
        // Bounded: one that hangs in a FUSE request ends no sooner than the server, which may be dropped later.
        let _ = self.ended(Duration::from_secs(5));
    }
}

/// Whether `condition` came true within `limit`.
pub(crate) fn until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a process that ran to its end left.
pub(crate) struct Output {
    /// Its exit status, or 128 + the signal that ended it.
    pub(crate) status: i32,
    /// All it wrote to stdout, bytes that are not UTF-8 replaced.
    pub(crate) stdout: String,
    /// All it wrote to stderr, likewise.
    pub(crate) stderr: String,
}

/// Runs a command to its end with nothing on stdin; kills it and panics when that takes longer than `limit`, or
/// when it leaves something behind that holds its stdout or stderr.
pub(crate) fn finish(command: &mut Command, limit: Duration) -> Output {
    finish_in_group(command, limit).0
}

/// [`finish`], with the group that it ran in: whatever it left running is still there.
pub(crate) fn finish_in_group(command: &mut Command, limit: Duration) -> (Output, Process) {
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process::start(started);
    let stdout = collect(process.0.stdout.take().unwrap());
    let stderr = collect(process.0.stderr.take().unwrap());
    let Some(status) = process.ended(limit) else {
        drop(process);
        let said =
            [stdout, stderr].map(|stream| stream.recv_timeout(Duration::from_secs(1)).unwrap_or_default());
        panic!("{command:?} did not end within {limit:?} and said {said:?}");
    };
    let [stdout, stderr] = [stdout, stderr].map(|stream| {
        let rest = stream.recv_timeout(Duration::from_secs(5));
        rest.unwrap_or_else(|_| panic!("{command:?} ended, but something still holds its output"))
    });
    let status = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
    (Output { status, stdout, stderr }, process)
}

fn collect(mut stream: impl Read + Send + 'static) -> Receiver<String> {
    let (done, result) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error still tells something.
        let _ = stream.read_to_end(&mut bytes);
        let _ = done.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    result
}

#[test]
fn a_process_takes_what_it_started_with_it() {
    let mut shell = Command::new("sh");
    let started = shell.args(["-c", "sleep 60 & echo $!; wait"]).stdout(Stdio::piped());
    let mut process = Process::start(started);
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(process.0.stdout.take().unwrap()), &mut line)
        .unwrap();
    let grandchild = Pid::from_raw(line.trim().parse().unwrap());
    assert!(kill(grandchild, None).is_ok());
    drop(process);
    // It is init that reaps it, or whoever adopted it: until then it is a zombie.
    let state = || std::fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
    assert!(until(Duration::from_secs(5), || state().is_empty() || state().contains(") Z ")));
}

#[test]
fn what_a_command_leaves_running_is_seen() {
    let mut shell = Command::new("sh");
    let (output, group) =
        finish_in_group(shell.args(["-c", "sleep 60 >/dev/null 2>&1 & echo $!"]), Duration::from_secs(10));
    assert_eq!(group.group(), [output.stdout.trim().parse::<i32>().unwrap()]);
}

#[test]
#[should_panic(expected = "did not end within")]
fn what_hangs_is_ended() {
    finish(Command::new("sleep").arg("60"), Duration::from_millis(100));
}
