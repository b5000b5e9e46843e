//! Sockets and processes that come and go by the thousand while the program looks: of those that stay it says what is
//! true, every time.
//!
//! `SOCKDOCTOR_CAMPAIGN=1` looks 200 times; else a few. How many came and went is in `tmp/crowd` of the target directory.

use std::fs::File;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use sockdoctor::act::broken;

use crate::binary::json;
use crate::process::{Process, until};
use crate::world::{World, isolated_host, need, skip};

const SOON: Duration = Duration::from_secs(30);

/// Binds, listens, connects and closes, some hundreds open at a time; counts in its file.
const SOCKETS: &str = r#"
import collections, itertools, os, socket, sys
count = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
held = collections.deque()
for n in itertools.count():
    s = socket.socket(socket.AF_UNIX)
    s.bind(f"\0crowd-{os.getpid()}-{n}" if n % 8 else f"{sys.argv[2]}/{n}.sock")
    s.listen(1)
    held.append((n, s))
    if len(held) > 400:
        old, s = held.popleft()
        s.close()
        if not old % 8: os.unlink(f"{sys.argv[2]}/{old}.sock")
    if not n % 100: os.pwrite(count, b"%d" % n, 0)
"#;

/// Forks children that end at once; each holds what this one holds, for that moment.
const PROCESSES: &str = r#"
import itertools, os, sys
count = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
for n in itertools.count():
    if not os.fork(): os._exit(0)
    if n > 8: os.wait()
    if not n % 20: os.pwrite(count, b"%d" % n, 0)
"#;

/// What a helper has counted so far.
fn count(file: &Path) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

/// `(code, certain)` of the errors about a path.
fn errors(document: &Value, path: &Path) -> Vec<(String, bool)> {
    let findings = document["findings"].as_array().unwrap().iter();
    let about = |finding: &&Value| {
        finding["severity"] == "error" && finding["subject"]["name"] == path.to_str().unwrap()
    };
    let word = |finding: &Value| finding["code"].as_str().unwrap().to_owned();
    findings.filter(about).map(|one| (word(one), one["certainty"] == "certain")).collect()
}

/// What stays as it is.
struct Stable {
    live: Vec<std::path::PathBuf>,
    unlinked: std::path::PathBuf,
    stale: std::path::PathBuf,
    _held: Box<dyn std::any::Any>,
}

fn stable(world: &World) -> Stable {
    let listeners: Vec<_> = (0..6).map(|n| world.path(&format!("live{n}.sock"))).collect();
    let held: Vec<_> = listeners.iter().map(|path| UnixListener::bind(path).unwrap()).collect();
    let (receiver, unlinked) = (world.path("dgram.sock"), world.path("gone.sock"));
    let bound = UnixDatagram::bind(&receiver).unwrap();
    let gone = UnixListener::bind(&unlinked).unwrap();
    std::fs::remove_file(&unlinked).unwrap();
    let name = UnixListener::bind_addr(&SocketAddr::from_abstract_name("stays").unwrap()).unwrap();
    let live = listeners.into_iter().chain([receiver]).collect();
    let stale = broken::stale(&world.dir).unwrap().path;
    Stable { live, unlinked, stale, _held: Box::new((held, bound, gone, name)) }
}

impl Stable {
    /// A document about all of them says what is true, or that it could not tell.
    fn is_told_truly(&self, document: &Value, with_stale: bool) {
        for path in &self.live {
            assert_eq!(errors(document, path), [], "{}: {document:#}", path.display());
        }
        let of = |path: &Path, code: &str| {
            let errors = errors(document, path);
            assert!(errors.iter().all(|(own, _)| own == code), "{}: {document:#}", path.display());
            let told =
                !errors.is_empty() || document["not_checked"].as_array().is_some_and(|gaps| !gaps.is_empty());
            assert!(told, "{} is not told: {document:#}", path.display());
        };
        of(&self.unlinked, "SD102");
        if with_stale {
            of(&self.stale, "SD104");
        }
    }
}

#[test]
fn what_stays_is_told_truly_whatever_comes_and_goes() {
    let name = "crowd::what_stays_is_told_truly_whatever_comes_and_goes";
    isolated_host(name, |world| {
        let stable = stable(world);
        let crowd = world.path("crowd");
        std::fs::create_dir(&crowd).unwrap();
        let files = ["sockets", "processes"].map(|name| world.path(name));
        let mut helpers = Vec::new();
        for (script, file) in [SOCKETS, PROCESSES].into_iter().zip(&files) {
            let Some(mut python) = need("python3") else { return skip(name, "no python3") };
            let command = python.args(["-SEc", script]).arg(file).arg(&crowd);
            let log = File::create(world.path("helpers")).unwrap();
            helpers.push(Process::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log)));
        }
        assert!(until(SOON, || files.iter().all(|file| count(file) > 1000)), "nothing comes and goes");
        let looks = if std::env::var_os("SOCKDOCTOR_CAMPAIGN").is_some() { 200 } else { 3 };
        let (began, before) = (Instant::now(), files.each_ref().map(|file| count(file)));
        let pattern = format!("{}/*.sock", world.dir.display());
        for _ in 0..looks {
            let listed = json(["list", "--match", &pattern]);
            stable.is_told_truly(&listed, false);
            let rows = listed["data"]["sockets"].as_array().unwrap();
            for path in &stable.live {
                let mut own = rows.iter().filter(|row| row["name"] == path.to_str().unwrap());
                let row = own.next().unwrap_or_else(|| panic!("{} is not listed", path.display()));
                assert!(row["verdict"] == "ok" && own.next().is_none(), "{row:#}");
            }
            let all = stable.live.iter().chain([&stable.unlinked, &stable.stale]);
            let words = all.map(|path| path.to_str().unwrap());
            let inspected = json(std::iter::once("inspect").chain(words));
            stable.is_told_truly(&inspected, true);
            assert_eq!(inspected["exit_code"], 1, "{inspected:#}");
            stable.is_told_truly(&json(["scan"]), false);
        }
        let took = began.elapsed().as_secs().max(1);
        for helper in &mut helpers {
            assert!(helper.ended(Duration::ZERO).is_none(), "it came and went to the end");
        }
        let rate = |which: usize| (count(&files[which]) - before[which]) / took;
        let said =
            format!("{looks} looks in {took} s: {} sockets, {} processes a second\n", rate(0), rate(1));
        std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("crowd"), said).unwrap();
    });
}
