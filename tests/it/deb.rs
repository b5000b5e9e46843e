//! The Debian package, as cargo-deb makes it: built, installed into a root of its own, used, upgraded, removed.
//!
//! `tests/run --vm`, which links statically and builds cargo-deb, selects this test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::image::of_vm;
use crate::process::{Output, finish};
use crate::world::{World, isolated_root, need, skip};

const SOON: Duration = Duration::from_secs(60);

/// Runs a program to a good end. dpkg insists on programs that an ordinary user's PATH has not.
#[track_caller]
fn ran(command: &mut Command) -> Output {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = finish(command.env("PATH", format!("{path}:/usr/sbin:/usr/bin:/sbin:/bin")), SOON);
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
    std::fs::remove_file(tree.join("usr/share/doc/sockdoctor/CHANGELOG.md")).unwrap();
    ran(Command::new("dpkg-deb").args(["-Znone", "--root-owner-group", "-b"]).args([&tree, &file]));
    file
}

#[test]
#[ignore = "tests/run --vm"]
fn a_package_is_built_installed_used_upgraded_and_removed() {
    let name = "deb::a_package_is_built_installed_used_upgraded_and_removed";
    isolated_root(name, |world| {
        if need("dpkg-deb").is_none() {
            return skip(name, "no dpkg-deb");
        }
        let (Some(cargo_deb), Some(binary)) = (of_vm("bin/cargo-deb"), of_vm("sockdoctor")) else {
            return skip(name, "no cargo-deb, or no static binary");
        };
        let (target, package) = (world.path("target"), world.path("sockdoctor.deb"));
        std::fs::create_dir_all(target.join("release")).unwrap();
        std::fs::copy(binary, target.join("release/sockdoctor")).unwrap();
        let mut packing = Command::new(cargo_deb);
        packing.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", target);
        packing
            .args([
                "--no-build",
                "--no-strip",
                "--offline",
                "--fast",
                "-Zgz",
                "--compress-system",
                "--output",
            ])
            .arg(&package);
        ran(&mut packing);
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
            "./usr/share/doc/sockdoctor/CHANGELOG.md",
            "./usr/share/doc/sockdoctor/LICENSE-APACHE",
            "./usr/share/doc/sockdoctor/LICENSE-MIT",
            "./usr/share/doc/sockdoctor/NOTICE",
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
        let left: Vec<&str> = expected.into_iter().filter(|file| !file.ends_with("CHANGELOG.md")).collect();
        assert_eq!(files(&root), left);
        ran(dpkg().args(["--purge", "sockdoctor"]));
        assert_eq!(files(&root), Vec::<String>::new());
        assert!(!root.join("usr/share/man/man7").exists());
    });
}
