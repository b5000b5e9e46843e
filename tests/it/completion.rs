//! The completions of the shells: scripts they can read, and what they make of a word and a Tab.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::binary::{run, sockdoctor};
use crate::process::finish;
use crate::world::{World, isolated, need, skip};

const SOON: Duration = Duration::from_secs(60);

/// Types a line with a Tab into an interactive shell, and then, before the line, a command that prints its words.
/// Arguments: what the shell is to read first, the line, the shell.
const TYPING: &str = r#"
import os, pty, sys
setup, line, shell = sys.argv[1], sys.argv[2], sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(shell[0], shell)
seen = b""
def until(mark):
    global seen
    while mark not in seen:
        seen += os.read(terminal, 65536)
    seen = seen.split(mark, 1)[1]
# The quotes keep the echo of the command apart from what it prints.
os.write(terminal, setup.encode() + b"; echo REA''DY\n")
until(b"READY")
os.write(terminal, line.encode() + b"\t\x01printf '<%s>\\n' \x05; echo EN''D\n")
until(b"END")
"#;

/// The script of a shell in a file.
fn script(world: &World, shell: &str, name: &str) -> PathBuf {
    let output = run(["completions", shell]);
    assert_eq!((output.status, output.stderr.as_str()), (0, ""));
    assert!(output.stdout.contains("inspect") && !output.stdout.contains("__look"), "{shell}");
    world.write(name, &output.stdout)
}

/// The words of a line after a Tab at its end, as an interactive shell has them.
fn typed(shell: &Command, setup: &str, line: &str) -> Vec<String> {
    let mut python = need("python3").unwrap();
    let typing =
        TYPING.replace("until(b\"END\")", "while b\"END\" not in seen: seen += os.read(terminal, 65536)");
    python.args(["-c", &format!("{typing}\nprint(seen.decode())"), setup, line]);
    python.arg(shell.get_program()).args(shell.get_args());
    let own = sockdoctor().get_program().to_owned();
    let ours = Path::new(&own).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(ours.to_owned()).chain(std::env::split_paths(&path)));
    python.env("PATH", path.unwrap()).env("TERM", "dumb").env("PS1", "$ ");
    for (name, value) in shell.get_envs() {
        python.env(name, value.unwrap());
    }
    let output = finish(&mut python, SOON);
    assert_eq!(output.status, 0, "{}", output.stderr);
    let words =
        output.stdout.lines().map(str::trim).filter_map(|line| line.strip_prefix('<')?.strip_suffix('>'));
    words.map(str::to_owned).collect()
}

#[test]
fn completions_are_scripts_their_shells_can_read() {
    let name = "completion::completions_are_scripts_their_shells_can_read";
    isolated(name, |world| {
        for shell in ["bash", "zsh", "fish"] {
            let Some(mut program) = need(shell) else { return skip(name, &format!("no {shell}")) };
            let output = finish(program.arg("-n").arg(script(world, shell, shell)), SOON);
            assert_eq!((output.status, output.stderr.as_str()), (0, ""), "{shell}");
        }
    });
    assert_eq!(run(["completions", "tcsh"]).status, 2);
}

/// Listeners whose names are a prefix of nothing, of two, and one with a space; and one without a file.
fn listeners(world: &World) -> Vec<UnixListener> {
    use std::os::linux::net::SocketAddrExt;
    let paths = ["one app.sock", "other.sock"].map(|name| UnixListener::bind(world.path(name)).unwrap());
    let address = std::os::unix::net::SocketAddr::from_abstract_name("sockdoctor-tab").unwrap();
    paths.into_iter().chain([UnixListener::bind_addr(&address).unwrap()]).collect()
}

/// What every shell makes of the words.
fn completes(world: &World, shell: &Command, setup: &str) {
    let _listeners = listeners(world);
    world.write("plain.txt", "");
    let at = |name: &str| world.path(name).to_str().unwrap().to_owned();
    for (line, last) in [
        (format!("sockdoctor inspect {}", at("one")), at("one app.sock")),
        (format!("sockdoctor probe {}", at("ot")), at("other.sock")),
        (format!("sockdoctor inspect {}", at("pla")), at("plain.txt")),
        ("sockdoctor inspect @sockdoctor-t".into(), "@sockdoctor-tab".into()),
    ] {
        let words = typed(shell, setup, &line);
        assert_eq!(words.last(), Some(&last), "{line}: {words:?}");
    }
}

#[test]
fn bash_completes_commands_flags_values_and_sockets() {
    let name = "completion::bash_completes_commands_flags_values_and_sockets";
    isolated(name, |world| {
        let Some(mut bash) = need("bash") else { return skip(name, "no bash") };
        bash.args(["--norc", "--noprofile", "-i"]);
        let setup = format!("source {}", script(world, "bash", "script").display());
        completes(world, &bash, &setup);
        for (line, last) in [
            ("sockdoctor ins", "inspect"),
            ("sockdoctor list --no-h", "--no-holders"),
            ("sockdoctor list --sort que", "queue"),
            ("sockdoctor __", "__"),
        ] {
            assert_eq!(typed(&bash, &setup, line).last().unwrap(), last, "{line}");
        }
    });
}

#[test]
fn zsh_completes_sockets() {
    let name = "completion::zsh_completes_sockets";
    isolated(name, |world| {
        let Some(mut zsh) = need("zsh") else { return skip(name, "no zsh") };
        script(world, "zsh", "_sockdoctor");
        // Where the package has its modules and functions, installed or unpacked.
        let program = std::fs::canonicalize(zsh.get_program()).unwrap();
        let usr = program.parent().unwrap().parent().unwrap();
        let directories = |below: &str| {
            let mut find = Command::new("find");
            finish(find.arg(usr.join(below)).args(["-type", "d"]), SOON).stdout.replace('\n', " ")
        };
        let modules = directories(&format!("lib/{}-linux-gnu/zsh", std::env::consts::ARCH));
        let functions = directories("share/zsh/functions");
        let setup = format!(
            "module_path=({modules}); fpath=({} {functions}); autoload -U compinit; compinit -u -D",
            world.dir.display()
        );
        zsh.args(["-f", "-i"]);
        completes(world, &zsh, &setup);
    });
}

#[test]
fn fish_completes_sockets() {
    let name = "completion::fish_completes_sockets";
    isolated(name, |world| {
        let Some(fish) = need("fish") else { return skip(name, "no fish") };
        let _listeners = listeners(world);
        let script = script(world, "fish", "script");
        let own = sockdoctor().get_program().to_owned();
        let completed = |line: &str| {
            let mut command = Command::new(fish.get_program());
            command.envs(fish.get_envs().filter_map(|(name, value)| Some((name, value?))));
            let path = Path::new(&own).parent().unwrap().display();
            command.env("HOME", &world.dir).env("TERM", "xterm");
            let ask = format!("set PATH {path} $PATH; source {}; complete -C '{line}'", script.display());
            let output = finish(command.args(["--no-config", "-c", &ask]), SOON);
            output.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let dir = world.dir.display();
        assert_eq!(
            completed(&format!("sockdoctor inspect {dir}/o")),
            [format!("{dir}/one app.sock"), format!("{dir}/other.sock")]
        );
        assert_eq!(completed("sockdoctor inspect @sockdoctor-t"), ["@sockdoctor-tab"]);
    });
}

#[test]
fn names_that_would_not_stay_on_their_line_are_left_out() {
    let name = "completion::names_that_would_not_stay_on_their_line_are_left_out";
    isolated(name, |world| {
        let _hostile = ["a\nb", "a\x1b[31mc", "ad"].map(|name| UnixListener::bind(world.path(name)).unwrap());
        let output = run(["__complete", world.path("a").to_str().unwrap()]);
        assert_eq!(output.stdout, format!("{}/ad\n", world.dir.display()));
    });
}
