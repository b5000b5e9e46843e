//! The situation of the shared directory, scanned: HAProxy and two instances, each named with the line of HAProxy when
//! it breaks; and HAProxy's own verdict beside `probe --like`.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::binary::{json, run};
use crate::permit::{changes, paste};
use crate::process::{Process, finish, until};
use crate::seen::inspect;
use crate::servers::http_status;
use crate::world::{World, isolated, isolated_root, need, skip};

const SOON: Duration = Duration::from_secs(30);

/// The application of the seed: its socket, or TCP where the switch is off; its health is what a file says.
const APP: &str = r#"
import os, socket, sys, threading, time
if os.environ.get("USE_UNIX_SOCKET") == "true":
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.environ["SOCKET_PATH"])
    os.chmod(os.environ["SOCKET_PATH"], int(os.environ.get("MODE", "666"), 8))
else:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", int(os.environ["APP_PORT"])))
server.listen(64)
def serve(client):
    request = client.recv(65536)
    said = sys.argv[1]
    if said == "silent":
        time.sleep(600)
    if said == "garbage":
        client.sendall(b"\x15\x03no http\r\n\r\n")
    else:
        client.sendall(f"HTTP/1.0 {said} X\r\nContent-Length: 2\r\n\r\nok".encode())
    client.close()
while True:
    client, _ = server.accept()
    threading.Thread(target=serve, args=(client,), daemon=True).start()
"#;

/// The line of `server one` in the configuration below.
const LINE: u32 = 17;

struct Site<'w> {
    world: &'w World,
    proxy: Option<Process>,
}

impl<'w> Site<'w> {
    /// HAProxy and two instances that are well. `None`: no haproxy here.
    fn up(world: &'w World) -> Option<(Self, [Process; 2])> {
        let instances =
            ["one", "two"].map(|name| instance(world, name, "200", &[("USE_UNIX_SOCKET", "true")]));
        let mut site = Self { world, proxy: None };
        site.start("", "one.sock")?;
        site.agrees("L7OK");
        Some((site, instances))
    }

    fn config(&self) -> PathBuf {
        self.world.path("haproxy.cfg")
    }

    /// HAProxy with more in its global section, and another name of the first instance's socket.
    fn start(&mut self, global: &str, one: &str) -> Option<()> {
        let dir = self.world.dir.display();
        let text = format!(
            "global\n stats socket {dir}/stats.sock\n {global}\n\ndefaults\n mode http\n timeout connect 1s\n \
             timeout client 5s\n timeout server 5s\n retries 0\n\nfrontend main\n bind unix@{dir}/front.sock mode 666\n \
             default_backend app\n\nbackend app\n server one {dir}/{one} check inter 200ms fall 1 rise 1\n \
             server two {dir}/two.sock check inter 200ms fall 1 rise 1\n option httpchk GET /health\n \
             http-check expect status 200\n",
        );
        self.world.write("haproxy.cfg", &text);
        self.restart()
    }

    fn restart(&mut self) -> Option<()> {
        self.proxy = None;
        let mut haproxy = need("haproxy")?;
        haproxy.arg("-db").arg("-f").arg(self.config()).stdout(Stdio::null()).stderr(Stdio::null());
        self.proxy = Some(Process::start(&mut haproxy));
        let front = self.world.path("front.sock");
        assert!(until(SOON, || http_status(&front).is_some() || stat(self.world, "app", "one").is_some()));
        Some(())
    }

    /// What `scan` finds of this world, remarks left out: other tests run on the same machine.
    fn found(&self) -> Value {
        let mut document = json(["scan"]);
        let own = |finding: &Value| {
            let name = finding["subject"]["name"].as_str().unwrap();
            name.starts_with(self.world.dir.to_str().unwrap()) && finding["severity"] != "info"
        };
        document["findings"].as_array_mut().unwrap().retain(own);
        document
    }

    #[track_caller]
    fn is_healthy(&self) {
        self.agrees("L7OK");
        assert_eq!(self.found()["findings"], serde_json::json!([]));
    }

    /// A socket of HAProxy's own has another name in the kernel: `scan` and `list` say so once, of its path.
    #[track_caller]
    fn has_one_remark(&self, name: &str) {
        for command in ["scan", "list"] {
            let document = json([command]);
            let own = |finding: &&Value| {
                finding["code"] == "SD113"
                    && finding["subject"]["name"]
                        .as_str()
                        .unwrap()
                        .starts_with(self.world.path(name).to_str().unwrap())
            };
            let found: Vec<&Value> = document["findings"].as_array().unwrap().iter().filter(own).collect();
            let [found] = found.as_slice() else { panic!("{command}: {found:#?}") };
            assert_eq!(
                found["subject"]["name"].as_str(),
                self.world.path(name).to_str(),
                "{command}: {found:#}"
            );
            assert_eq!(found["severity"], "info");
            assert!(!found.to_string().contains("Nothing is at the path"), "{command}: {found:#}");
        }
    }

    /// HAProxy comes to this verdict of the first server, and so does `probe --like`.
    #[track_caller]
    fn agrees(&self, word: &str) {
        agrees(self.world, "app", "one", word);
    }

    /// Asserts what comes first and that it names the server's line, and gives the commands that would change
    /// something.
    #[track_caller]
    fn is_named(&self, code: &str, line: u32) -> Value {
        let document = self.found();
        let cause = &document["findings"][0];
        assert_eq!(cause["code"], code, "{document:#}");
        let config = self.config();
        let named = cause["locations"].as_array().unwrap().iter();
        let mut named = named.filter(|at| at["file"].as_str() == config.to_str());
        assert!(named.any(|at| at["line"] == line), "{cause:#}");
        document
    }
}

pub(crate) fn instance(world: &World, name: &str, says: &str, variables: &[(&str, &str)]) -> Process {
    let script = world.write("app.py", APP);
    let socket = world.path(&format!("{name}.sock"));
    let mut command = Command::new("/usr/bin/python3");
    command.arg(script).arg(says).env("SOCKET_PATH", &socket).envs(variables.iter().copied());
    let process = Process::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
    let unix = variables.contains(&("USE_UNIX_SOCKET", "true"));
    assert!(!unix || until(SOON, || UnixStream::connect(&socket).is_ok()), "{name} does not serve");
    process
}

/// `check_status` of a server, as HAProxy's stats have it.
fn stat(world: &World, backend: &str, server: &str) -> Option<String> {
    let mut stream = UnixStream::connect(world.path("stats.sock")).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(b"show stat\n").ok()?;
    let mut table = String::new();
    stream.read_to_string(&mut table).ok()?;
    let row = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let row = row.into_iter().find(|row| row.first() == Some(&backend) && row.get(1) == Some(&server))?;
    // A star stands before it while the next check is under way.
    Some(row.get(36)?.trim_start_matches("* ").to_owned()).filter(|word| word != "INI")
}

#[track_caller]
fn agrees(world: &World, backend: &str, server: &str, verdict: &str) {
    let said = || stat(world, backend, server);
    assert!(until(SOON, || said().as_deref() == Some(verdict)), "haproxy: {:?}, not {verdict}", said());
    let like = format!("{}:{backend}/{server}", world.path("haproxy.cfg").display());
    let document = json(["probe", "--like", &like]);
    let probe = &document["data"]["probes"][0];
    assert_eq!(probe["check"]["verdict"], verdict, "{document:#}");
    assert_eq!(probe["check"]["up"], verdict.ends_with("OK"));
    assert_eq!(document["exit_code"], i32::from(!verdict.ends_with("OK")), "{document:#}");
}

#[test]
fn an_instance_that_is_gone_or_elsewhere_is_named_with_the_line_of_haproxy_and_healed() {
    let name =
        "seed_s2_scan::an_instance_that_is_gone_or_elsewhere_is_named_with_the_line_of_haproxy_and_healed";
    isolated_root(name, |world| {
        let Some((mut site, [mut one, _two])) = Site::up(world) else { return skip(name, "no haproxy") };
        if need("ip").is_none() {
            return skip(name, "no ip");
        }
        site.is_healthy();
        site.has_one_remark("stats.sock");

        // Killed: the file stays.
        one.signal(nix::sys::signal::Signal::SIGKILL);
        assert!(one.ended(SOON).is_some());
        site.agrees("SOCKERR");
        let seen = site.is_named("SD104", LINE);
        for command in changes(&seen) {
            paste(&command);
        }
        let one = instance(world, "one", "200", &[("USE_UNIX_SOCKET", "true")]);
        site.is_healthy();

        // HAProxy sends one letter past it.
        site.start("", "ones.sock");
        site.agrees("SOCKERR");
        let seen = site.is_named("SD601", LINE);
        let commands = changes(&seen);
        assert!(commands[0].starts_with(&format!("sed -i '{LINE}s|")), "{seen:#}");
        paste(&commands[0]);
        site.restart();
        site.is_healthy();

        // Its switch is off: it listens on TCP.
        drop(one);
        std::fs::remove_file(world.path("one.sock")).unwrap();
        finish(need("ip").unwrap().args(["link", "set", "lo", "up"]), SOON);
        let _one = instance(world, "one", "200", &[("USE_UNIX_SOCKET", "false"), ("APP_PORT", "5001")]);
        assert!(until(SOON, || std::net::TcpStream::connect("127.0.0.1:5001").is_ok()));
        site.agrees("SOCKERR");
        let seen = site.is_named("SD601", LINE);
        let summary = seen["findings"][0]["summary"].as_str().unwrap();
        assert!(
            summary.ends_with("which is told that path, listens on TCP 127.0.0.1:5001 instead."),
            "{summary}"
        );
        assert!(seen["findings"][0]["evidence"].to_string().contains("SOCKET_PATH="), "{seen:#}");
        let missing = inspect(world.path("one.sock"));
        assert_eq!(missing.codes()[0], "SD101");
        assert!(missing.proof().contains("listens on TCP 127.0.0.1:5001 instead"), "{}", missing.0);
        paste(&changes(&seen)[0]);
        site.restart();
        site.agrees("L7OK");
        assert_eq!(site.found()["findings"], serde_json::json!([]));
    });
}

#[test]
fn who_haproxy_becomes_and_its_chroot_are_named_with_their_lines_and_healed() {
    let name = "seed_s2_scan::who_haproxy_becomes_and_its_chroot_are_named_with_their_lines_and_healed";
    isolated_root(name, |world| {
        if need("setfacl").is_none() {
            return skip(name, "no setfacl");
        }
        let Some((mut site, [one, _two])) = Site::up(world) else { return skip(name, "no haproxy") };
        drop(one);
        std::fs::remove_file(world.path("one.sock")).unwrap();
        let _one = instance(world, "one", "200", &[("USE_UNIX_SOCKET", "true"), ("MODE", "600")]);
        site.start("user nobody", "one.sock");
        site.agrees("SOCKERR");
        let seen = site.is_named("SD201", LINE);
        paste(&changes(&seen)[0]);
        site.is_healthy();

        let jail = world.path("jail");
        std::fs::create_dir(&jail).unwrap();
        site.start(&format!("chroot {}", jail.display()), "one.sock");
        site.agrees("SOCKERR");
        let seen = site.is_named("SD603", LINE);
        assert!(
            seen["findings"][0]["locations"].as_array().unwrap().iter().any(|at| at["line"] == 3),
            "{seen:#}"
        );
        assert_eq!(seen["findings"][0]["certainty"], "certain");
        assert!(
            seen["findings"].as_array().unwrap().iter().all(|finding| finding["code"] == "SD603"),
            "{seen:#}"
        );
        paste(&changes(&seen)[0]);
        site.is_healthy();
    });
}

#[test]
fn haproxy_and_its_replay_agree_in_every_set_up() {
    let name = "seed_s2_scan::haproxy_and_its_replay_agree_in_every_set_up";
    isolated_root(name, |world| {
        let (Some(mut haproxy), Some(mut ip)) = (need("haproxy"), need("ip")) else {
            return skip(name, "no haproxy or ip");
        };
        finish(ip.args(["link", "set", "lo", "up"]), SOON);
        let unix = [("USE_UNIX_SOCKET", "true")];
        let says =
            [("ok", "200"), ("sick", "503"), ("silent", "silent"), ("garbage", "garbage"), ("gone", "200")];
        let mut servers = says.map(|(name, says)| instance(world, name, says, &unix));
        servers[4].signal(nix::sys::signal::Signal::SIGKILL);
        assert!(servers[4].ended(SOON).is_some());
        let dir = world.dir.display();
        let config = format!(
            "global\n stats socket {dir}/stats.sock\ndefaults\n mode http\n timeout connect 1s\n timeout client 1s\n \
             timeout server 1s\n default-server check inter 300ms\nbackend http\n option httpchk GET /health\n \
             server ok {dir}/ok.sock\n server sick {dir}/sick.sock\n server silent {dir}/silent.sock\n \
             server garbage {dir}/garbage.sock\n server gone {dir}/gone.sock\n server missing {dir}/none.sock\n \
             server tcp 127.0.0.1:9\nbackend body\n option httpchk\n http-check send meth GET uri / ver HTTP/1.1 hdr Host x\n \
             http-check expect string fine\n server ok {dir}/ok.sock\nbackend not\n option httpchk /\n \
             http-check expect ! status 503\n server ok {dir}/ok.sock\n server sick {dir}/sick.sock\nbackend plain\n \
             server silent {dir}/silent.sock\n server none {dir}/ok.sock no-check\n",
        );
        let config = world.write("haproxy.cfg", &config);
        let _proxy = Process::start(
            haproxy.arg("-db").arg("-f").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()),
        );
        let verdicts = [
            ("http", "ok", "L7OK"),
            ("http", "sick", "L7STS"),
            ("http", "silent", "L7TOUT"),
            ("http", "garbage", "L7RSP"),
            ("http", "gone", "SOCKERR"),
            ("http", "missing", "SOCKERR"),
            ("http", "tcp", "L4CON"),
            ("body", "ok", "L7RSP"),
            ("not", "ok", "L7OK"),
            ("not", "sick", "L7STS"),
            ("plain", "silent", "L4OK"),
        ];
        for (backend, server, word) in verdicts {
            agrees(world, backend, server, word);
        }
        // What `scan` has named already is not asked again, nor is a server that stalls.
        let document = json(["scan", "--probe", "--timeout", "60s"]);
        let own = |at: &&Value| at["file"].as_str() == config.to_str();
        let made = document["data"]["checks"].as_array().unwrap().iter().filter(own);
        let words = |check: &Value| {
            ["backend", "server", "verdict"].map(|key| check[key].as_str().unwrap().to_owned())
        };
        let made: Vec<[String; 3]> = made.map(words).collect();
        let wanted = verdicts.iter().filter(|(backend, server, word)| {
            *word != "SOCKERR" && (*backend, *server) != ("plain", "silent")
        });
        for (backend, server, word) in wanted.clone() {
            assert!(
                made.contains(&[backend, server, word].map(|part| (*part).to_owned())),
                "{backend}/{server}: {made:?}"
            );
        }
        assert_eq!(made.len(), wanted.count(), "{made:?}");
        let named = |code: &str, end: &str| {
            let findings = document["findings"].as_array().unwrap().iter();
            findings
                .filter(|finding| {
                    finding["code"] == code && finding["subject"]["name"].as_str().unwrap().ends_with(end)
                })
                .count()
        };
        let silent = world.path("silent.sock");
        assert_eq!(named("SD401", silent.to_str().unwrap()), 1, "{document:#}");
        assert_eq!(named("SD117", "127.0.0.1:9"), 1);
        assert_eq!(named("SD406", world.path("sick.sock").to_str().unwrap()), 2, "by two backends");
        assert!(document["not_checked"].to_string().contains("is not asked another"), "{document:#}");
        let sick = json(["probe", "--like", &format!("{}:http/sick", config.display())]);
        assert_eq!(sick["findings"][0]["code"], "SD406", "{sick:#}");
        assert_eq!((&sick["findings"][0]["severity"], &sick["verdict"]), (&"error".into(), &"error".into()));
        let text = run(["probe", "--like", &format!("{}:http/sick", config.display())]).stdout;
        assert!(text.contains("L7STS: it takes http/sick for down"), "{text}");
        let unchecked = run(["probe", "--like", &format!("{}:plain/none", config.display())]);
        assert!(unchecked.status == 3 && unchecked.stderr.contains("no `check`"), "{}", unchecked.stderr);
    });
}

#[test]
fn a_server_that_is_not_there_is_a_usage_error() {
    isolated("seed_s2_scan::a_server_that_is_not_there_is_a_usage_error", |world| {
        let config = world.write("haproxy.cfg", "backend app\n server one /run/one.sock check\n");
        for (text, wanted) in [
            (format!("{}:app/two", config.display()), "it has app/one"),
            ("/none.cfg:app/one".to_owned(), "/none.cfg"),
            ("haproxy.cfg".to_owned(), "names no server of a file"),
        ] {
            let output = run(["probe", "--like", &text]);
            assert!(output.status == 2 && output.stderr.contains(wanted), "{text}: {}", output.stderr);
        }
    });
}

#[test]
fn a_socket_below_the_chroot_is_where_haproxy_looks_for_it() {
    isolated("seed_s2_scan::a_socket_below_the_chroot_is_where_haproxy_looks_for_it", |world| {
        std::fs::create_dir_all(world.path("jail/run")).unwrap();
        let jail = world.path("jail").display().to_string();
        let scanned = |server: &str| {
            let text = format!("global\n chroot {jail}\nbackend app\n server one {server} check\n");
            let config = world.write("haproxy.cfg", &text);
            json(["scan".as_ref(), "--config".as_ref(), config.as_os_str()])
        };
        let absent = scanned("/run/app.sock");
        assert_eq!(absent["findings"][0]["code"], "SD601", "its directory is there: {absent:#}");
        let _server = std::os::unix::net::UnixListener::bind(world.path("jail/run/app.sock")).unwrap();
        assert_eq!(scanned("/run/app.sock")["findings"], serde_json::json!([]));
        let twice = scanned(&format!("{jail}/run/app.sock"));
        assert_eq!(twice["findings"][0]["code"], "SD603", "{twice:#}");
        let fix = twice["findings"][0]["fix"][0]["text"].as_str().unwrap();
        assert!(fix.starts_with("write /run/app.sock in the server's line"), "{fix}");
    });
}
