//! The asker's side: the process of a trial is started, listened to, and told to stop when time is up or a signal
//! comes.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Line, Request, SUBCOMMAND};
use crate::act::signals;
use crate::model::{Gap, SocketTrial, TrialAct};

const SOURCE: &str = "trial";

/// Whoever makes trials one after the other, and does not die in the middle of one.
#[derive(Debug)]
pub struct Trials {
    /// The end of this tells the one that runs to stop.
    leash: Arc<Mutex<Option<ChildStdin>>>,
    /// Held while one runs.
    at_work: Arc<Mutex<()>>,
    /// How long one that was told to stop may take to remove what it made. After that it is killed.
    to_clean_up: Duration,
}

impl Trials {
    /// To be made while the process has one thread, for the signals' sake.
    pub fn new(to_clean_up: Duration) -> io::Result<Self> {
        let trials = Self { leash: Arc::default(), at_work: Arc::default(), to_clean_up };
        let (leash, at_work) = (Arc::clone(&trials.leash), Arc::clone(&trials.at_work));
        signals::clean_up_on_death(move |die| {
            drop(locked(&leash).take());
            // Kept until death: no other begins.
            let _over = locked(&at_work);
            die();
        })?;
        Ok(trials)
    }

    /// Makes one. `Err`: it could not be made, or did not come to its end before the deadline.
    pub fn run(&self, request: &Request, deadline: Instant) -> Result<SocketTrial, Gap> {
        let at_work = locked(&self.at_work);
        let failed = |why: String| Gap::new(SOURCE, why);
        let mut line = serde_json::to_vec(request).map_err(|error| failed(error.to_string()))?;
        line.push(b'\n');
        let mut child = Command::new("/proc/self/exe")
            .arg(SUBCOMMAND)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(format!("no process could be started: {error}")))?;
        let mut leash = locked(&self.leash);
        *leash = child.stdin.take();
        if let Some(Err(error)) = leash.as_mut().map(|stdin| stdin.write_all(&line)) {
            return Err(failed(error.to_string()));
        }
        drop(leash);
        let heard = self.listen(&mut child, deadline);
        let _ = child.kill();
        let until = Instant::now() + Duration::from_millis(50);
        while matches!(child.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
        if heard.is_ok() && locked(&self.leash).take().is_none() {
            // Told to stop by a signal: it is over, death comes from the thread that waits for this.
            drop(at_work);
            std::thread::sleep(self.to_clean_up);
            return Err(failed("interrupted".into()));
        }
        heard
    }

    fn listen(&self, child: &mut Child, deadline: Instant) -> Result<SocketTrial, Gap> {
        let mut last = None;
        let lines = lines(child);
        let mut until = deadline;
        loop {
            let wait = until.saturating_duration_since(Instant::now());
            match lines.recv_timeout(wait) {
                Ok(Line::Begins(act)) => last = Some(act),
                Ok(Line::Impossible(gap)) => return Err(gap),
                Ok(Line::Over(trial)) if until == deadline => return Ok(trial),
                Ok(Line::Over(trial)) => return Err(late(last, trial.left.is_empty())),
                Err(_) if until == deadline && locked(&self.leash).take().is_some() => {
                    until = deadline + self.to_clean_up;
                }
                Err(_) => return Err(late(last, false)),
            }
        }
    }
}

fn late(last: Option<TrialAct>, clean: bool) -> Gap {
    let step = last.map_or("start", TrialAct::word);
    let left = if clean { "" } else { "; what it made may be left, and the next trial there removes it" };
    Gap::new(SOURCE, format!("`{step}` did not come back in time{left}"))
        .helped_by("look at the server of the filesystem, or give it longer with --timeout")
}

/// Read on a thread of its own, which ends with the pipe.
fn lines(child: &mut Child) -> Receiver<Line> {
    let (sender, receiver) = channel();
    if let Some(stdout) = child.stdout.take() {
        let _ = std::thread::Builder::new().spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let Ok(line) = serde_json::from_str(&line) else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
