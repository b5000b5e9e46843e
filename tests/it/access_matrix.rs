//! What `access` says against what connect(2) says, for every pair of an identity and a place.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::binary::json;
use crate::identity::Client;
use crate::permit::{changes, paste, permit, setfacl};
use crate::world::{World, isolated_root, need, skip};

const EACCES: i32 = 13;

/// Mode, uid, gid, and what setfacl(1) is given.
type File = (u32, u32, u32, &'static str);

/// A directory, and the socket in it. A directory with a default ACL has it before the bind, and all else is left
/// as the bind makes it.
const PLACES: [(File, File); 27] = [
    ((0o755, 0, 0, ""), (0o660, 0, 0, "")),
    ((0o755, 0, 0, ""), (0o666, 0, 0, "")),
    ((0o755, 0, 0, ""), (0o664, 0, 0, "")),
    ((0o755, 0, 0, ""), (0o222, 0, 0, "")),
    ((0o755, 0, 0, ""), (0o002, 0, 0, "")),
    ((0o755, 0, 0, ""), (0o620, 0, 1200, "")),
    ((0o755, 0, 0, ""), (0o640, 0, 1200, "")),
    ((0o755, 0, 0, ""), (0o606, 0, 1200, "")),
    ((0o755, 0, 0, ""), (0o066, 1100, 0, "")),
    ((0o755, 0, 0, ""), (0o600, 1100, 1100, "")),
    ((0o755, 0, 0, ""), (0o600, 1900, 1900, "")),
    ((0o755, 0, 0, ""), (0o600, 0, 1900, "")),
    ((0o755, 0, 0, ""), (0o600, 0, 0, "u:1100:rw")),
    ((0o755, 0, 0, ""), (0o600, 0, 0, "u:1100:rw,m::r")),
    ((0o755, 0, 0, ""), (0o600, 0, 0, "u:1100:rw,m::-")),
    ((0o755, 0, 0, ""), (0o606, 0, 0, "u:1100:rw,m::-")),
    ((0o755, 0, 0, ""), (0o606, 0, 0, "u:1100:r,g:1200:rw")),
    ((0o755, 0, 0, ""), (0o640, 0, 1100, "g:1200:rw")),
    ((0o755, 0, 0, ""), (0o640, 0, 1100, "g:1200:rw,m::r")),
    ((0o755, 0, 0, "d:u:1100:rw"), (0, 0, 0, "")),
    ((0o711, 0, 0, ""), (0o666, 0, 0, "")),
    ((0o744, 0, 0, ""), (0o666, 0, 0, "")),
    ((0o700, 1100, 0, ""), (0o666, 0, 0, "")),
    ((0o750, 0, 1200, ""), (0o666, 0, 0, "")),
    ((0o700, 0, 0, "u:1100:x"), (0o666, 0, 0, "")),
    ((0o700, 0, 0, "u:1100:rx,g:1200:x,m::r"), (0o666, 0, 0, "")),
    ((0o700, 1900, 1900, ""), (0o666, 1900, 1900, "")),
];

/// What gives a process its identity, and how else it is named.
const IDENTITIES: [(&[&str], &[&str]); 13] = [
    (&[], &["--uid", "0"]),
    (&["setpriv", "--reuid=1100", "--regid=1100", "--clear-groups"], &["--uid", "1100"]),
    (&["setpriv", "--reuid=1100", "--regid=1100", "--groups=1200"], &["--uid", "1100", "--gid", "1100,1200"]),
    (&["setpriv", "--reuid=1300", "--regid=1200", "--clear-groups"], &["--uid", "1300", "--gid", "1200"]),
    (&["setpriv", "--reuid=1300", "--regid=1300", "--groups=1100,1200"], &["--as", "1300:1300,1100,1200"]),
    (&["setpriv", "--reuid=1300", "--regid=0", "--clear-groups"], &["--uid", "1300", "--gid", "0"]),
    (&["setpriv", "--bounding-set=-all", "--inh-caps=-all"], &[]),
    (&["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"], &[]),
    (&["setpriv", "--bounding-set=-dac_override", "--inh-caps=-all"], &[]),
    (
        &[
            "setpriv",
            "--reuid=1300",
            "--regid=1300",
            "--clear-groups",
            "--inh-caps=-all,+dac_override",
            "--ambient-caps=-all,+dac_override",
        ],
        &[],
    ),
    (
        &[
            "setpriv",
            "--reuid=1300",
            "--regid=1300",
            "--clear-groups",
            "--inh-caps=-all,+dac_read_search",
            "--ambient-caps=-all,+dac_read_search",
        ],
        &[],
    ),
    (&["unshare", "--user", "--map-root-user"], &[]),
    (
        &["setpriv", "--reuid=1100", "--regid=1100", "--groups=1200", "unshare", "--user", "--map-root-user"],
        &[],
    ),
];

fn build(world: &World, number: usize, (dir, socket): (File, File)) -> (PathBuf, OwnedFd) {
    let directory = world.path(&number.to_string());
    std::fs::create_dir(&directory).unwrap();
    let inherited = dir.3.starts_with("d:");
    if inherited {
        setfacl(dir.3, &directory);
    }
    let path = directory.join("s");
    let listener = UnixListener::bind(&path).unwrap();
    if !inherited {
        for (file, (mode, uid, gid, acl)) in [(&path, socket), (&directory, dir)] {
            permit(file, mode, uid, gid);
            if !acl.is_empty() {
                setfacl(acl, file);
            }
        }
    }
    (path, listener.into())
}

/// The only consumer that a document speaks of.
fn access(path: &Path, how: &[&str]) -> Value {
    let path = path.to_str().unwrap();
    json([&["access", path, "--ignore", "SD708"], how].concat())
}

#[test]
fn every_identity_is_told_what_the_kernel_tells_it() {
    let name = "access_matrix::every_identity_is_told_what_the_kernel_tells_it";
    isolated_root(name, |world| {
        if need("setfacl").is_none() || need("setpriv").is_none() {
            return skip(name, "no setfacl or setpriv");
        }
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
        let places: Vec<_> =
            PLACES.into_iter().enumerate().map(|(number, place)| build(world, number, place)).collect();
        let mut disagreements = Vec::new();
        let mut seen = [0, 0];
        for (wrapper, named) in IDENTITIES {
            let mut client = Client::start(wrapper).unwrap();
            let pid = client.pid();
            for ((path, _listener), place) in places.iter().zip(PLACES) {
                let errno = client.connect(path);
                assert!([0, EACCES].contains(&errno), "{errno}");
                let really = errno == 0;
                for how in [&["--pid", &pid][..], named].into_iter().filter(|how| !how.is_empty()) {
                    seen[usize::from(errno == 0)] += 1;
                    let document = access(path, how);
                    let data = &document["data"];
                    let kernel = if really { "allowed" } else { "denied" };
                    let said = (&data["allowed"], &data["kernel_verdict"]);
                    if said != (&really.into(), &kernel.into()) || document["exit_code"] != i32::from(!really)
                    {
                        disagreements.push(format!(
                            "{wrapper:?} {how:?} {place:?}: errno {errno}, said {said:?}\n{document:#}"
                        ));
                    }
                }
            }
        }
        assert!(seen.iter().all(|count| *count >= 60), "{seen:?}");
        assert!(
            disagreements.is_empty(),
            "{} of {seen:?}:\n{}",
            disagreements.len(),
            disagreements.join("\n")
        );
    });
}

#[test]
fn the_printed_fixes_let_every_identity_in() {
    let name = "access_matrix::the_printed_fixes_let_every_identity_in";
    isolated_root(name, |world| {
        if need("setfacl").is_none() || need("setpriv").is_none() {
            return skip(name, "no setfacl or setpriv");
        }
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
        let (mut healed, mut number, mut left) = (0, 0, Vec::new());
        for (wrapper, _) in IDENTITIES {
            let mut client = Client::start(wrapper).unwrap();
            for place in PLACES {
                number += 1;
                let (path, _listener) = build(world, number, place);
                if client.connect(&path) == 0 {
                    continue;
                }
                // Of a directory and of the socket behind it, all at once.
                let pasted = changes(&access(&path, &["--pid", &client.pid()]));
                for command in &pasted {
                    assert!(!command.contains("666") && !command.contains("777"), "{command}");
                    paste(command);
                }
                if client.connect(&path) == 0 {
                    healed += 1;
                } else {
                    left.push(format!("{wrapper:?} {place:?}: {pasted:?}"));
                }
            }
        }
        assert!(left.is_empty(), "{} healed, not so:\n{}", healed, left.join("\n"));
        assert!(healed >= 60, "{healed}");
    });
}
