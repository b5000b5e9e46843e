//! Names that strangers choose, and names that are too long.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::binary::run;
use crate::seen::{inspect, text};
use crate::world::{World, isolated, isolated_root, need, skip};

/// Each byte that a terminal, a table or a shell would stumble over.
const HOSTILE: &[u8] = b"a\n\x1b[31m\xff 'q\" $(touch x) `b`\\.sock";

fn hostile(world: &World) -> PathBuf {
    world.path("").join(OsStr::from_bytes(HOSTILE))
}

#[test]
fn a_hostile_name_comes_back_byte_for_byte() {
    isolated("names::a_hostile_name_comes_back_byte_for_byte", |world| {
        let path = hostile(world);
        let _listener = UnixListener::bind(&path).unwrap();
        let seen = inspect(&path);
        assert_eq!(seen.codes(), ["SD109"], "it works, and its name holds a line feed");
        for (value, key) in [(seen.target(), "target_b64"), (&seen.target()["socket"], "name_b64")] {
            let bytes = STANDARD.decode(value[key].as_str().unwrap()).unwrap();
            assert_eq!(bytes, path.as_os_str().as_bytes(), "{key}");
        }
        for arguments in [[path.as_os_str(), OsStr::new("-v")], [world.dir.as_os_str(), OsStr::new("-v")]] {
            shows_no_raw_byte(&arguments);
        }
        // Nothing is below it.
        shows_no_raw_byte(&[path.join("s").as_os_str()]);
    });
}

/// The text and the plain form are lines of printable characters.
#[track_caller]
fn shows_no_raw_byte(arguments: &[&OsStr]) {
    for format in ["text", "plain"] {
        let flags = ["inspect", "--color", "never", "--format", format].map(OsStr::new);
        let output = run(flags.iter().chain(arguments));
        let raw = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || c == char::REPLACEMENT_CHARACTER;
        assert!(!output.stdout.contains(raw), "{format}: {:?}", output.stdout);
        assert!(!output.stdout.lines().any(|line| line.starts_with("[31m")), "{}", output.stdout);
    }
}

#[test]
fn sd104_a_stale_file_with_a_hostile_name_is_healed_by_its_own_fix() {
    let name = "names::sd104_a_stale_file_with_a_hostile_name_is_healed_by_its_own_fix";
    isolated(name, |world| {
        if need("bash").is_none() {
            return skip(name, "no bash");
        }
        let path = hostile(world);
        drop(UnixListener::bind(&path).unwrap());
        let seen = inspect(&path);
        seen.is_broken_by("SD104", "certain");
        shows_no_raw_byte(&[path.as_os_str()]);
        seen.paste_fix("bash");
        let _server = UnixListener::bind(&path).unwrap();
        assert_eq!(inspect(&path).codes(), ["SD109"]);
    });
}

#[test]
fn sd108_begins_at_108_bytes() {
    isolated_root("names::sd108_begins_at_108_bytes", |world| {
        let of_length = |length: usize| {
            let name = "x".repeat(length - text(&world.dir).len() - 1);
            world.path(&name)
        };
        let _listener = UnixListener::bind(of_length(107)).unwrap();
        inspect(of_length(107)).is_healthy();
        let seen = inspect(of_length(108));
        seen.is_broken_by("SD108", "certain");
        assert_eq!(seen.codes(), ["SD108"]);
    });
}

#[test]
fn sd108_a_path_longer_than_any_path_is_a_finding() {
    isolated_root("names::sd108_a_path_longer_than_any_path_is_a_finding", |_| {
        for length in [4095, 4096, 5000, 100_000] {
            let path = format!("/{}", "x/".repeat(length / 2));
            let seen = inspect(path);
            seen.is_broken_by("SD108", "certain");
            assert_eq!(seen.codes(), ["SD108"], "{length}");
        }
    });
}

#[test]
fn sd108_is_silent_for_a_long_path_behind_a_short_link() {
    isolated("names::sd108_is_silent_for_a_long_path_behind_a_short_link", |world| {
        let long = world.path(&"d".repeat(150));
        std::fs::create_dir(&long).unwrap();
        std::os::unix::fs::symlink(&long, world.path("short")).unwrap();
        let _listener = UnixListener::bind(world.path("short/app.sock")).unwrap();
        inspect(world.path("short/app.sock")).is_healthy();
        // The long name of the same socket cannot be given to connect(2).
        inspect(long.join("app.sock")).is_broken_by("SD108", "certain");
    });
}
