//! A world per test: namespaces and a directory of its own, gone when the test ends.
//!
//! unshare(2) refuses a new user namespace to a threaded process, and the test harness is one. So the test runs
//! itself again, alone, below unshare(1), and that inner run does the work.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{self, Output};

/// Set in the inner run, to the world's directory.
const MARK: &str = "SOCKDOCTOR_TEST_WORLD";

/// How long a world may take. Far more than any needs: it ends what would hang for ever.
const LIMIT: Duration = Duration::from_secs(120);

/// Where a test builds what it needs.
pub(crate) struct World {
    /// Its own directory, with a name short enough for the sockets in it. The outer run removes it: there, no
    /// mount of the inner run stands in the way of the removal, or leads it elsewhere.
    pub(crate) dir: PathBuf,
}

impl World {
    /// The path of something in the world.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes a file into the world.
    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

/// Runs a test as the root of its own user, mount and network namespaces. `name` is the test's, as the harness
/// has it: `module::function`.
pub(crate) fn isolated(name: &str, body: impl FnOnce(&World)) {
    enter(name, &["--user", "--map-root-user", "--mount", "--net"], body);
}

/// Runs a test as real root in its own mount and network namespaces, for what a user namespace may not do: mount
/// a disk, become other users. Skips for anybody else.
pub(crate) fn isolated_root(name: &str, body: impl FnOnce(&World)) {
    if nix::unistd::geteuid().is_root() {
        enter(name, &["--mount", "--net", "--propagation", "private"], body);
    } else {
        skip(name, "needs root");
    }
}

/// The same with a pid namespace too, whose first process the test is: a whole host, as far as its containers see.
pub(crate) fn isolated_host(name: &str, body: impl FnOnce(&World)) {
    if nix::unistd::geteuid().is_root() {
        let own = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
        enter(name, &[&own[..], &["--propagation", "private"]].concat(), body);
    } else {
        skip(name, "needs root");
    }
}

fn enter(name: &str, namespaces: &[&str], body: impl FnOnce(&World)) {
    if let Some(dir) = std::env::var_os(MARK) {
        return body(&World { dir: dir.into() });
    }
    let dir = tempfile::Builder::new().prefix("sd").rand_bytes(4).tempdir_in("/tmp").unwrap();
    // An ordinary user of the world has to get in.
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let Some(mut inner) = need("unshare") else { return skip(name, "no unshare") };
    // A shell starts what runs in its background with SIGINT ignored.
    inner.args(namespaces).args(["--", "env", "--default-signal"]).arg(std::env::current_exe().unwrap());
    let one = ["--exact", name, "--include-ignored", "--nocapture", "--test-threads=1"];
    inner.args(one).env(MARK, dir.path());
    let campaign = std::env::var_os("SOCKDOCTOR_CAMPAIGN").is_some();
    let output = process::finish(&mut inner, if campaign { 30 * LIMIT } else { LIMIT });
    if output.status != 0 && output.stderr.starts_with("unshare: ") {
        return skip(name, output.stderr.trim());
    }
    for line in output.stderr.lines().filter(|line| line.starts_with("SKIP ")) {
        announce(line);
    }
    assert_passed(name, &output);
}

/// The inner run ran its test: a name that is not the test's would succeed by running nothing.
fn assert_passed(name: &str, Output { status, stdout, stderr }: &Output) {
    let passed = *status == 0 && stdout.contains("1 passed");
    assert!(passed, "{name} failed in its world, status {status}\n{stdout}\n{stderr}");
}

/// Says that a test could not run here, and why. `SOCKDOCTOR_NO_SKIP=1` makes that a failure.
pub(crate) fn skip(name: &str, reason: &str) {
    assert!(
        std::env::var_os("SOCKDOCTOR_NO_SKIP").is_none_or(|value| value != "1"),
        "{name} may not skip: {reason}"
    );
    announce(&format!("SKIP {name}: {reason}"));
}

/// Past the harness, which would swallow what a passing test prints.
fn announce(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// A command that runs `program`: of the pinned Python packages, from the PATH, or from the Debian packages that
/// `tests/run --install` fetched. `None`: not here.
pub(crate) fn need(program: &str) -> Option<Command> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?;
    let unpacked = target.join("test-root/usr");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let file = std::iter::once(target.join("test-venv/bin"))
        .chain(std::env::split_paths(&path))
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .chain(["bin", "sbin", "lib/postgresql/15/bin"].map(|dir| unpacked.join(dir)))
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())?;
    let mut command = Command::new(&file);
    if file.starts_with(target) {
        let libraries = unpacked.join("lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
        // systemd's programs share a library of their own, one directory below.
        let both = std::env::join_paths([libraries.clone(), libraries.join("systemd")]);
        command.env("LD_LIBRARY_PATH", both.unwrap());
    }
    Some(command)
}

#[test]
fn a_world_has_its_own_root_network_and_directory() {
    isolated("world::a_world_has_its_own_root_network_and_directory", |world| {
        assert!(nix::unistd::geteuid().is_root());
        let links = std::fs::read_to_string("/proc/net/dev").unwrap();
        assert_eq!(links.lines().skip(2).count(), 1, "only lo: {links}");
        assert_eq!(std::fs::read_dir(&world.dir).unwrap().count(), 0);
    });
}

#[test]
fn a_mount_made_in_a_world_does_not_lead_its_removal_elsewhere() {
    let name = "world::a_mount_made_in_a_world_does_not_lead_its_removal_elsewhere";
    // In a place that outer and inner run agree on.
    let elsewhere = Path::new(env!("CARGO_TARGET_TMPDIR")).join("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    std::fs::write(elsewhere.join("precious"), "").unwrap();
    isolated_root(name, |world| {
        let point = world.path("point");
        std::fs::create_dir(&point).unwrap();
        let flags = nix::mount::MsFlags::MS_BIND;
        nix::mount::mount(Some(&elsewhere), &point, None::<&str>, flags, None::<&str>).unwrap();
        assert!(point.join("precious").exists());
    });
    assert!(elsewhere.join("precious").exists());
}

#[test]
#[should_panic(expected = "failed in its world")]
fn a_misspelt_name_is_no_success() {
    let mut nothing = Command::new(std::env::current_exe().unwrap());
    assert_passed("misspelt", &process::finish(nothing.args(["--exact", "world::misspelt"]), LIMIT));
}
