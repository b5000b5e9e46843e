//! `clean --apply` against servers that start and stop on the very names it removes, for as long as
//! `SOCKDOCTOR_CAMPAIGN` says, in seconds; a few where it says nothing. The figures are in `tmp/campaign` of the
//! target directory.

use std::io::ErrorKind;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use nix::sched::CloneFlags;

use crate::binary::json;
use crate::clean::{names, stale};
use crate::make::apart;
use crate::process::until;
use crate::world::isolated;

/// Servers at a time.
const SERVERS: usize = 6;
/// How long a file that was moved by mistake may be away: it is moved back at once, however busy the machine is.
const GRACE: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Figures {
    starts: AtomicUsize,
    lost: AtomicUsize,
    away: AtomicUsize,
    removed: AtomicUsize,
    runs: AtomicUsize,
    faults: Mutex<Vec<String>>,
}

/// Whether a connect to the path comes to this listener.
fn serves(listener: &UnixListener, path: &Path) -> bool {
    let Ok(_client) = UnixStream::connect(path) else { return false };
    listener.set_nonblocking(true).unwrap();
    listener.accept().is_ok()
}

/// As most servers start: what is stale at the name is taken away, whatever it is.
fn unlink_and_bind(path: &Path) -> UnixListener {
    loop {
        match UnixListener::bind(path) {
            Ok(listener) => return listener,
            Err(error) if error.kind() == ErrorKind::AddrInUse => drop(std::fs::remove_file(path)),
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
}

/// As HAProxy starts.
fn bind_and_rename(path: &Path) -> UnixListener {
    let draft = path.with_extension("tmp");
    let listener = UnixListener::bind(&draft).unwrap();
    std::fs::rename(&draft, path).unwrap();
    listener
}

/// A server's life: it binds, lives a while, and ends, tidily or not.
fn live(path: &Path, number: usize, figures: &Figures) {
    // One in five binds another name and renames it over the old file.
    let listener = if number.is_multiple_of(5) { bind_and_rename(path) } else { unlink_and_bind(path) };
    figures.starts.fetch_add(1, Relaxed);
    std::thread::sleep(Duration::from_micros(u64::try_from(number * 7919 % 20_000).unwrap()));
    if !serves(&listener, path) {
        figures.away.fetch_add(1, Relaxed);
        if !until(GRACE, || serves(&listener, path)) {
            figures.lost.fetch_add(1, Relaxed);
        }
    }
    drop(listener);
    // One in three is killed.
    if !number.is_multiple_of(3) {
        let _ = std::fs::remove_file(path);
    }
}

#[test]
fn no_server_loses_its_file_and_no_stale_one_stays() {
    isolated("clean_campaign::no_server_loses_its_file_and_no_stale_one_stays", |world| {
        let asked = std::env::var("SOCKDOCTOR_CAMPAIGN").ok().and_then(|text| text.parse().ok());
        let (length, files) = asked.map_or((3, 200), |seconds: u64| (seconds, 1000));
        let dir = world.path("d");
        std::fs::create_dir(&dir).unwrap();
        let path = |number: usize| dir.join(format!("{number}.sock"));
        (0..files).for_each(|number| stale(&path(number)));
        let survivors = survivors(&dir);
        // A name has one server at a time: two would take each other's file away by themselves.
        let taken: Vec<Mutex<()>> = (0..files).map(|_| Mutex::new(())).collect();
        let (figures, over) = (Figures::default(), AtomicBool::new(false));
        let end = Instant::now() + Duration::from_secs(length);
        std::thread::scope(|scope| {
            for server in 0..SERVERS {
                let (taken, figures, path, over) = (&taken, &figures, &path, &over);
                scope.spawn(move || {
                    let mut number = server * 31 + 1;
                    while !over.load(Relaxed) {
                        number = (number * 1_103_515_245 + 12_345) % (1 << 31);
                        let chosen = number / 97 % files;
                        if let Ok(_alone) = taken[chosen].try_lock() {
                            live(&path(chosen), number, figures);
                        }
                    }
                });
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    while Instant::now() < end {
                        clean(&dir, &figures);
                    }
                    over.store(true, Relaxed);
                });
            }
        });
        clean(&dir, &figures);
        let [starts, lost, away, removed, runs] =
            [&figures.starts, &figures.lost, &figures.away, &figures.removed, &figures.runs]
                .map(|of| of.load(Relaxed));
        let said = format!(
            "{length} s, {files} stale files: {starts} starts, {lost} lost, {away} away for a moment, {removed} \
             removed in {runs} runs\n"
        );
        std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("campaign"), said).unwrap();
        assert_eq!(lost, 0);
        assert_eq!(*figures.faults.lock().unwrap(), Vec::<String>::new());
        assert!(starts > 0 && removed > 0, "nothing was tried");
        let mut left: Vec<PathBuf> = names(&dir).iter().map(|name| dir.join(name)).collect();
        left.retain(|path| !survivors.paths.contains(path));
        assert!(left.is_empty(), "{left:?}");
        let missing: Vec<&PathBuf> = survivors.paths.iter().filter(|path| !path.exists()).collect();
        assert!(missing.is_empty(), "{missing:?}");
    });
}

/// Removes what is stale, which never leaves anything aside and never fails. The servers run on meanwhile: a fault is
/// told at the end.
fn clean(dir: &Path, figures: &Figures) {
    let document = json(["clean", "--apply", dir.to_str().unwrap()]);
    let candidates = document["data"]["candidates"].as_array().unwrap();
    figures.removed.fetch_add(candidates.iter().filter(|one| one["state"] == "removed").count(), Relaxed);
    figures.runs.fetch_add(1, Relaxed);
    let odd = candidates.iter().filter(|one| one["state"] == "failed" || one["state"] == "left_aside");
    let odd: Vec<String> = odd.map(ToString::to_string).collect();
    if document["exit_code"] != 0 || !odd.is_empty() {
        figures
            .faults
            .lock()
            .unwrap()
            .push(format!("{} {odd:?} {}", document["exit_code"], document["findings"]));
    }
}

struct Survivors {
    paths: Vec<PathBuf>,
    _kept: Box<dyn std::any::Any>,
}

/// Live sockets that a tool which trusts names or its own network namespace takes for stale ones.
fn survivors(dir: &Path) -> Survivors {
    let [elsewhere, renamed, before, relative, dgram] =
        ["elsewhere", "renamed", "before", "relative", "dgram"].map(|name| dir.join(name));
    // In this process: one of its own might end before the campaign does.
    let server = apart(CloneFlags::CLONE_NEWNET, || UnixListener::bind(&elsewhere).unwrap());
    let listener = UnixListener::bind(&before).unwrap();
    std::fs::rename(&before, &renamed).unwrap();
    let by_relative_name = std::env::current_dir().unwrap();
    std::env::set_current_dir(dir).unwrap();
    let bound = UnixListener::bind("relative").unwrap();
    std::env::set_current_dir(by_relative_name).unwrap();
    let receiver = UnixDatagram::bind(&dgram).unwrap();
    Survivors {
        paths: vec![elsewhere, renamed, relative, dgram],
        _kept: Box::new((server, listener, bound, receiver)),
    }
}
