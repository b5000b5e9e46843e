//! `preflight` on real filesystems, and a real PostgreSQL that agrees with it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

use crate::fuse::{Fault, Fuse};
use crate::make::{btrfs, disk, overlay_view, tmpfs};
use crate::postgres::Postgres;
use crate::preflight::{names, preflight};
use crate::process::{Process, finish, until};
use crate::seen::text;
use crate::world::{World, isolated_root, need, skip};

fn made(world: &World, name: &str) -> PathBuf {
    let path = world.path(name);
    std::fs::create_dir(&path).unwrap();
    path
}

fn done(command: &mut Command) {
    let output = finish(command, Duration::from_secs(30));
    assert_eq!(output.status, 0, "{command:?}: {}{}", output.stdout, output.stderr);
}

#[test]
fn what_holds_sockets_is_fine() {
    let name = "preflight_disks::what_holds_sockets_is_fine";
    isolated_root(name, |world| {
        let ram = made(world, "ram");
        tmpfs(&ram);
        let mut all = vec![ram, world.dir.clone()];
        for made in [
            disk(world, "ext4", &["mkfs.ext4", "-q", "-F"], 16 << 20),
            disk(world, "xfs", &["mkfs.xfs", "-q"], 300 << 20),
        ] {
            match made {
                Ok(dir) => all.push(dir),
                Err(reason) => return skip(name, &reason),
            }
        }
        all.extend(overlay_view(world, true).map(|overlay| overlay.merged));
        for dir in all {
            let before = names(&dir);
            preflight(&dir, &[]).is_fine();
            assert_eq!(names(&dir), before, "{}", dir.display());
        }
    });
}

#[test]
fn a_subvolume_of_btrfs_is_fine() {
    let name = "preflight_disks::a_subvolume_of_btrfs_is_fine";
    isolated_root(name, |world| {
        let dir = match btrfs(world) {
            Ok(dir) => dir,
            Err(reason) => return skip(name, &reason),
        };
        let Some(mut tool) = need("btrfs") else { return skip(name, "no btrfs") };
        done(tool.args(["subvolume", "create"]).arg(dir.join("sub")));
        let seen = preflight(&dir.join("sub"), &[]);
        seen.is_fine();
        assert_eq!(seen.0["data"]["mount"]["fstype"], "btrfs");
    });
}

#[test]
fn sd501_what_is_read_only() {
    let name = "preflight_disks::sd501_what_is_read_only";
    isolated_root(name, |world| {
        let (ram, squash, source) = (made(world, "ram"), made(world, "squash"), made(world, "source"));
        mount(Some("tmpfs"), &ram, Some("tmpfs"), MsFlags::MS_RDONLY, None::<&str>).unwrap();
        let Some(mut mksquashfs) = need("mksquashfs") else { return skip(name, "no mksquashfs") };
        done(mksquashfs.arg(&source).arg(world.path("image")).arg("-quiet"));
        done(need("mount").unwrap().args(["-o", "loop"]).arg(world.path("image")).arg(&squash));
        for dir in [ram, squash] {
            preflight(&dir, &[]).is_stopped_by("SD501", "bind", "EROFS");
        }
    });
}

#[test]
fn sd501_a_directory_with_attributes() {
    let name = "preflight_disks::sd501_a_directory_with_attributes";
    isolated_root(name, |world| {
        let dir = match disk(world, "ext4", &["mkfs.ext4", "-q", "-F"], 16 << 20) {
            Ok(dir) => dir,
            Err(reason) => return skip(name, &reason),
        };
        let attribute = |flag: &str| done(need("chattr").unwrap().arg(flag).arg(&dir));
        if need("chattr").is_none() {
            return skip(name, "no chattr");
        }
        attribute("+i");
        let seen = preflight(&dir, &[]);
        seen.is_stopped_by("SD501", "bind", "EPERM");
        assert!(seen.0["findings"][0]["fix"].to_string().contains("chattr -i"), "{:#}", seen.0);
        attribute("-i");
        attribute("+a");
        let seen = preflight(&dir, &[]);
        assert_eq!((&seen.0["exit_code"], &seen.0["data"]["trial"]), (&3.into(), &().into()), "{:#}", seen.0);
        attribute("-a");
        assert_eq!(names(&dir), ["lost+found"]);
    });
}

#[test]
fn sd507_no_inode_or_no_block_is_left_and_a_full_tmpfs_still_works() {
    let name = "preflight_disks::sd507_no_inode_or_no_block_is_left_and_a_full_tmpfs_still_works";
    isolated_root(name, |world| {
        let (inodes, full) = (made(world, "inodes"), made(world, "full"));
        let sized = |dir: &Path, options: &str| {
            mount(Some("tmpfs"), dir, Some("tmpfs"), MsFlags::empty(), Some(options)).unwrap();
        };
        sized(&inodes, "nr_inodes=2");
        std::fs::write(inodes.join("one"), "").unwrap();
        let seen = preflight(&inodes, &[]);
        seen.is_stopped_by("SD507", "bind", "ENOSPC");
        assert!(seen.0["findings"][0]["fix"].to_string().contains("df -i"), "{:#}", seen.0);
        sized(&full, "size=64k");
        assert!(std::fs::write(full.join("all"), vec![0; 1 << 17]).is_err());
        preflight(&full, &[]).is_fine();
        let ext4 = disk(world, "ext4", &["mkfs.ext4", "-q", "-F", "-N", "16"], 1 << 20);
        let xfs = disk(world, "xfs", &["mkfs.xfs", "-q"], 300 << 20);
        let (Ok(ext4), Ok(xfs)) = (ext4, xfs) else { return skip(name, "no mkfs") };
        let last = (0..1000).find(|number| std::fs::write(ext4.join(number.to_string()), "").is_err());
        assert!(last.is_some());
        preflight(&ext4, &[]).is_stopped_by("SD507", "bind", "ENOSPC");
        fill(&xfs);
        preflight(&xfs, &[]).is_stopped_by("SD507", "bind", "ENOSPC");
    });
}

/// Writes until nothing more fits, in ever smaller pieces.
fn fill(dir: &Path) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::create(dir.join("fill")).unwrap();
    let mut offset = 0;
    for piece in [1 << 20, 1 << 12] {
        while file.write_all_at(&vec![0; piece], offset).is_ok() {
            offset += piece as u64;
        }
    }
    let _ = file.sync_all();
    // Inodes that are there already hold more sockets: until there is none.
    for number in 0..10_000 {
        if std::fs::File::create(dir.join(format!("f{number}"))).is_err() {
            return;
        }
    }
}

/// A bindfs of a directory of its own, with these flags.
fn bindfs(world: &World, name: &str, flags: &[&str]) -> Option<(Process, PathBuf)> {
    let (source, point) = (made(world, &format!("{name}-source")), made(world, name));
    let mut command = need("bindfs")?;
    let server = Process::start(command.arg("-f").args(flags).arg(&source).arg(&point));
    let mounts = || std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(until(Duration::from_secs(10), || mounts().contains(text(&point))), "bindfs does not mount");
    Some((server, point))
}

#[test]
fn sd501_bindfs_keeps_no_identity_and_denies_or_ignores_as_told() {
    let name = "preflight_disks::sd501_bindfs_keeps_no_identity_and_denies_or_ignores_as_told";
    isolated_root(name, |world| {
        if need("bindfs").is_none() || !Path::new("/dev/fuse").exists() {
            return skip(name, "no bindfs");
        }
        let tried = |name: &str, flags: &[&str]| {
            let (server, point) = bindfs(world, name, flags).unwrap();
            let seen = preflight(&point, &[]);
            assert_eq!(names(&point), [""; 0]);
            nix::mount::umount2(&point, nix::mount::MntFlags::MNT_DETACH).unwrap();
            drop(server);
            seen
        };
        let plain = tried("plain", &[]);
        assert_eq!(plain.found(), [("SD501", "info")], "{:#}", plain.0);
        assert_eq!([plain.step("link"), plain.step("connect_link")], ["ok", "ECONNREFUSED"]);
        let denied = tried("denied", &["--chmod-deny", "--chown-deny"]);
        assert_eq!([denied.step("chmod"), denied.step("chown")], ["EPERM"; 2], "{:#}", denied.0);
        assert_eq!(denied.found(), [("SD501", "error")]);
        let ignored = tried("ignored", &["--chmod-ignore", "--chown-ignore"]);
        assert_eq!([ignored.step("chmod"), ignored.step("chown")], ["ignored"; 2], "{:#}", ignored.0);
        let owners = tried("owners", &["--chown-deny"]);
        assert_eq!(owners.found(), [("SD501", "warning")], "{:#}", owners.0);
    });
}

/// Whether a process of a user would connect: a thread alone can have its filesystem ids (setfsuid(2)), which also
/// takes the capabilities that override permissions.
fn connects_as(id: u32, path: &Path) -> bool {
    let connect = || {
        nix::unistd::setfsgid(id.into());
        nix::unistd::setfsuid(id.into());
        std::os::unix::net::UnixStream::connect(path).is_ok()
    };
    std::thread::scope(|scope| scope.spawn(connect).join().unwrap())
}

/// Whether a PostgreSQL comes up on a directory and somebody else, whom it lets in by mode 0777, connects.
fn serves(postgres: &Postgres, directory: &Path) -> bool {
    let path = directory.join(".s.PGSQL.5432");
    let mut server = Process::start(postgres.server(directory).stderr(std::process::Stdio::null()));
    let mut connected = false;
    let decided = until(Duration::from_secs(20), || {
        let table = std::fs::read_to_string("/proc/self/net/unix").unwrap();
        let listens = table.lines().any(|row| row.contains(" 00010000 ") && row.ends_with(text(&path)));
        connected = listens && connects_as(4711, &path);
        listens || server.ended(Duration::ZERO).is_some()
    });
    assert!(decided, "it neither listens nor ends");
    if server.ended(Duration::ZERO).is_none() {
        server.signal(nix::sys::signal::Signal::SIGINT);
    }
    assert!(server.ended(Duration::from_secs(20)).is_some());
    connected
}

#[test]
fn sd501_postgres_comes_up_where_preflight_says_and_nowhere_else() {
    let name = "preflight_disks::sd501_postgres_comes_up_where_preflight_says_and_nowhere_else";
    isolated_root(name, |world| {
        let Some(postgres) = Postgres::init(world) else { return skip(name, "no postgres") };
        let agree = |dir: &Path, expected: bool| {
            let seen = preflight(dir, &["--server", "65534", "--name", ".s.PGSQL.5432"]);
            assert_eq!(seen.0["exit_code"] == 0, expected, "{:#}", seen.0);
            assert_eq!(serves(&postgres, dir), expected, "{}: {:#}", dir.display(), seen.0);
        };
        let owned = |name: &str, mode: u32| {
            let dir = made(world, name);
            std::fs::set_permissions(&dir, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
            dir
        };
        let given = |dir: &Path| std::os::unix::fs::chown(dir, Some(65534), Some(65534)).unwrap();
        let sized = |dir: &Path, options: &str, flags| {
            mount(Some("tmpfs"), dir, Some("tmpfs"), flags, Some(options)).unwrap();
        };
        let (plain, shared, roots, ram, few, read_only) = (
            owned("plain", 0o755),
            owned("shared", 0o3777),
            owned("roots", 0o755),
            owned("ram", 0o755),
            owned("few", 0o755),
            owned("read-only", 0o755),
        );
        given(&plain);
        sized(&ram, "uid=65534,mode=755", MsFlags::empty());
        sized(&few, "uid=65534,mode=755,nr_inodes=1", MsFlags::empty());
        sized(&read_only, "uid=65534,mode=755", MsFlags::MS_RDONLY);
        for (dir, expected) in [
            (&plain, true),
            (&shared, true),
            (&ram, true),
            (&roots, false),
            (&few, false),
            (&read_only, false),
        ] {
            agree(dir, expected);
        }
        for (number, fault) in [
            Fault::None,
            Fault::Mknod(Errno::EPERM),
            Fault::ChmodOfSocket(Errno::EINVAL),
            Fault::ChmodIgnored,
            Fault::RegularNode,
            Fault::NewNodeEachLookup,
        ]
        .into_iter()
        .enumerate()
        {
            let dir = made(world, &format!("fuse{number}"));
            let Some(_fuse) = Fuse::mount(&dir, "test", fault) else { return skip(name, "no /dev/fuse") };
            agree(&dir, fault == Fault::None);
        }
    });
}
