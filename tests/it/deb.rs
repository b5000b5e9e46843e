//! The Debian package of `contrib/deb/build`: built, installed into a root of its own, used, upgraded, removed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{Output, finish};
use crate::world::{World, isolated, need, skip};

const SOON: Duration = Duration::from_secs(60);

/// Runs a program to a good end.
#[track_caller]
fn ran(command: &mut Command) -> Output {
    let output = finish(command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), SOON);
    assert_eq!(output.status, 0, "{command:?}: {}{}", output.stdout, output.stderr);
    output
}

/// What is installed below a root, but for dpkg's own files.
fn files(root: &Path) -> Vec<String> {
    let output =
        ran(Command::new("find").current_dir(root).args([".", "-type", "f", "-not", "-path", "./var/*"]));
    let mut files: Vec<String> = output.stdout.lines().map(str::to_owned).collect();
    files.sort();
    files
}

/// The same package as a later version.
fn later(world: &World, package: &Path) -> PathBuf {
    let (tree, file) = (world.path("later"), world.path("later.deb"));
    ran(Command::new("dpkg-deb").arg("-R").args([package, &tree]));
    let control = tree.join("DEBIAN/control");
    let text = std::fs::read_to_string(&control).unwrap();
    let version = text.lines().find(|line| line.starts_with("Version: ")).unwrap().to_owned();
    std::fs::write(&control, text.replace(&version, "Version: 99")).unwrap();
    std::fs::remove_file(tree.join("usr/share/doc/sockdoctor/changelog.gz")).unwrap();
    ran(Command::new("dpkg-deb").args(["-Znone", "--root-owner-group", "-b"]).args([&tree, &file]));
    file
}

#[test]
fn a_package_is_built_installed_used_upgraded_and_removed() {
    let name = "deb::a_package_is_built_installed_used_upgraded_and_removed";
    isolated(name, |world| {
        if need("dpkg-deb").is_none() {
            return skip(name, "no dpkg-deb");
        }
        let Some(mut strip) = need("strip") else { return skip(name, "no strip") };
        // A debug build is ten times as large as what is packed.
        let binary = world.path("sockdoctor");
        finish(strip.arg("-o").arg(&binary).arg(env!("CARGO_BIN_EXE_sockdoctor")), SOON);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/deb/build");
        let mut packing = Command::new(script);
        packing.env("SOCKDOCTOR_DEB_COMPRESSION", "none").arg(&binary).arg(&world.dir);
        let built = ran(&mut packing).stdout;
        let package = PathBuf::from(built.trim());
        let root = world.path("root");
        std::fs::create_dir_all(root.join("var/lib/dpkg/info")).unwrap();
        std::fs::create_dir_all(root.join("var/lib/dpkg/updates")).unwrap();
        std::fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
        let dpkg = || {
            let mut dpkg = Command::new("dpkg");
            dpkg.arg(format!("--root={}", root.display())).arg("--log=/dev/null");
            dpkg
        };
        ran(dpkg().arg("--install").arg(&package));
        let expected = [
            "./usr/bin/sockdoctor",
            "./usr/lib/systemd/system/sockdoctor-metrics.service",
            "./usr/lib/systemd/system/sockdoctor-metrics.timer",
            "./usr/share/bash-completion/completions/sockdoctor",
            "./usr/share/doc/sockdoctor/changelog.gz",
            "./usr/share/doc/sockdoctor/copyright",
            "./usr/share/doc/sockdoctor/examples/alerts.yml",
            "./usr/share/fish/vendor_completions.d/sockdoctor.fish",
            "./usr/share/man/man1/sockdoctor.1.gz",
            "./usr/share/man/man7/sockdoctor-rules.7.gz",
            "./usr/share/zsh/vendor-completions/_sockdoctor",
        ];
        assert_eq!(files(&root), expected);
        let used = ran(Command::new(root.join("usr/bin/sockdoctor")).arg("demo"));
        assert!(used.stdout.contains("recognised"), "{}", used.stdout);
        let page =
            ran(Command::new("gzip").arg("-dc").arg(root.join("usr/share/man/man1/sockdoctor.1.gz"))).stdout;
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/sockdoctor.1");
        assert_eq!(page, std::fs::read_to_string(committed).unwrap());
        // An upgrade takes away what the new version has not, a removal everything.
        ran(dpkg().arg("--install").arg(later(world, &package)));
        let left: Vec<&str> = expected.into_iter().filter(|file| !file.ends_with("changelog.gz")).collect();
        assert_eq!(files(&root), left);
        ran(dpkg().args(["--purge", "sockdoctor"]));
        assert_eq!(files(&root), Vec::<String>::new());
        assert!(!root.join("usr/share/man/man7").exists());
    });
}
