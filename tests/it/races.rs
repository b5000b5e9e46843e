//! A directory that becomes a link between look and act: what changes something changes nothing behind the link.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use sockdoctor::act::broken;

use crate::binary::{json, run};
use crate::world::{World, isolated};

/// How long each is tried.
fn length() -> Duration {
    let asked = std::env::var("SOCKDOCTOR_CAMPAIGN").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(asked.map_or(3, |seconds: u64| seconds.max(10)))
}

/// `world/swap` is a directory that `fill` fills, and a link to `world/victim`, and that again, some thousand times a
/// second, while `act` runs. How often it was swapped, and how often `act` ran.
fn swapped(world: &World, fill: impl Fn(&Path) + Sync, act: impl Fn(&Path)) -> (usize, usize) {
    let (place, aside, link) = (world.path("swap"), world.path("aside"), world.path("link"));
    std::fs::create_dir(&place).unwrap();
    symlink(world.path("victim"), &link).unwrap();
    let (over, swaps) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut runs = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Relaxed) {
                fill(&place);
                std::fs::rename(&place, &aside).unwrap();
                std::fs::rename(&link, &place).unwrap();
                std::thread::sleep(Duration::from_micros(200));
                std::fs::rename(&place, &link).unwrap();
                std::fs::rename(&aside, &place).unwrap();
                swaps.fetch_add(1, Relaxed);
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        let end = Instant::now() + length();
        while runs < 3 || Instant::now() < end {
            act(&place);
            runs += 1;
        }
        over.store(true, Relaxed);
    });
    (swaps.into_inner(), runs)
}

/// Live sockets and files that nobody may touch, by the names that the other directory has.
fn victim(world: &World) -> (impl Sized, impl Fn()) {
    let dir = world.path("victim");
    std::fs::create_dir(&dir).unwrap();
    let live = UnixListener::bind(dir.join("app.sock")).unwrap();
    std::fs::write(dir.join("file.sock"), "precious").unwrap();
    let before = state(&dir);
    let untouched = move || {
        assert_eq!(state(&dir), before);
        assert!(std::os::unix::net::UnixStream::connect(dir.join("app.sock")).is_ok());
    };
    (live, untouched)
}

/// Names, inodes and modes.
fn state(dir: &Path) -> Vec<(std::ffi::OsString, u64, u32)> {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    let mut state: Vec<_> = entries
        .map(|entry| (entry.file_name(), entry.metadata().unwrap().ino(), entry.metadata().unwrap().mode()))
        .collect();
    state.sort();
    state
}

#[test]
fn clean_removes_nothing_behind_a_link_that_took_the_directorys_place() {
    isolated("races::clean_removes_nothing_behind_a_link_that_took_the_directorys_place", |world| {
        let (_live, untouched) = victim(world);
        let fill = |place: &Path| {
            let _ = broken::stale(place);
        };
        let (swaps, runs) = swapped(world, fill, |place| {
            let document = json(["clean", "--apply", place.to_str().unwrap()]);
            assert_ne!(document["exit_code"], 2, "{document:#}");
        });
        assert!(swaps > 10 && runs > 0, "{swaps} swaps, {runs} runs");
        untouched();
    });
}

#[test]
fn a_trial_makes_and_removes_nothing_behind_a_link_that_took_the_directorys_place() {
    isolated(
        "races::a_trial_makes_and_removes_nothing_behind_a_link_that_took_the_directorys_place",
        |world| {
            let (_live, untouched) = victim(world);
            let (swaps, runs) = swapped(
                world,
                |_| (),
                |place| {
                    let output = run(["preflight", "--name", "app.sock", place.to_str().unwrap()]);
                    assert!(!output.stderr.contains("panicked") && output.status <= 3, "{}", output.stderr);
                },
            );
            assert!(swaps > 10 && runs > 0, "{swaps} swaps, {runs} runs");
            // A trial that was begun in the victim's directory, which it was then asked for, has left nothing there.
            untouched();
            let left = state(&world.path("swap"));
            assert!(left.is_empty(), "{left:?}");
        },
    );
}

#[test]
fn guard_repairs_nothing_behind_a_link_that_took_the_directorys_place() {
    isolated("races::guard_repairs_nothing_behind_a_link_that_took_the_directorys_place", |world| {
        let (_live, untouched) = victim(world);
        let (kept, done) = (world.path("state"), world.path("done"));
        let fill = |place: &Path| {
            let _ = broken::stale(place);
        };
        let (swaps, runs) = swapped(world, fill, |place| {
            let target = place.join("app.sock");
            let (target, kept) = (target.to_str().unwrap(), kept.to_str().unwrap());
            let words = ["guard", target, "--http", "/", "--timeout", "1s", "--state", kept, "--"];
            let output = run(words.into_iter().chain(["touch", done.to_str().unwrap()]));
            assert!(!output.stderr.contains("panicked") && output.status <= 3, "{}", output.stderr);
        });
        assert!(swaps > 10 && runs > 0, "{swaps} swaps, {runs} runs");
        untouched();
    });
}
