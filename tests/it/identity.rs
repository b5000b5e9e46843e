//! Processes with an identity of their own that tell what connect(2) says to them.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use crate::process::Process;
use crate::world::need;

/// Connects to each path that a line of stdin names and answers with errno, 0 when it got in. A leading `d` is a
/// datagram socket.
const CLIENT: &str = r#"
import os, socket, sys
print("ready", flush=True)
for line in sys.stdin.buffer:
    kind, path = line[:1], line[1:].rstrip(b"\n")
    client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if kind == b"d" else socket.SOCK_STREAM)
    try:
        if len(path) > 107:
            os.chdir(os.path.dirname(path))
            path = os.path.basename(path)
        client.connect(path)
        print(0, flush=True)
    except OSError as error:
        print(error.errno, flush=True)
    client.close()
"#;

/// A python that every user may run, before those of the tests' own directories.
pub(crate) fn python() -> Option<Command> {
    let system = Path::new("/usr/bin/python3");
    if system.exists() { Some(Command::new(system)) } else { need("python3") }
}

/// A consumer that really runs.
pub(crate) struct Client {
    pub(crate) process: Process,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Client {
    /// Starts one below a command that gives it its identity, such as `setpriv --reuid=33`. `None`: a program is
    /// missing.
    pub(crate) fn start(wrapper: &[&str]) -> Option<Self> {
        let python = python()?;
        let mut command = match wrapper.split_first() {
            Some((program, args)) => {
                let mut command = need(program)?;
                command.args(args).arg(python.get_program());
                command
            }
            None => python,
        };
        command.args(["-c", CLIENT]).stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir("/");
        let mut process = Process::start(&mut command);
        let (asks, answers) = process.pipes();
        let mut client = Self { process, asks, answers: BufReader::new(answers) };
        assert_eq!(client.line(), "ready", "{wrapper:?}");
        Some(client)
    }

    pub(crate) fn pid(&self) -> String {
        self.process.pid().to_string()
    }

    /// What connect(2) says: 0, or errno.
    pub(crate) fn connect(&mut self, path: &Path) -> i32 {
        self.ask(b's', path)
    }

    /// The same of a datagram socket.
    pub(crate) fn connect_datagram(&mut self, path: &Path) -> i32 {
        self.ask(b'd', path)
    }

    fn ask(&mut self, kind: u8, path: &Path) -> i32 {
        self.asks.write_all(&[&[kind], path.as_os_str().as_bytes(), b"\n"].concat()).unwrap();
        self.line().parse().unwrap()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}
