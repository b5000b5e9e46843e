//! `access` and the rules of the 2xx family, each on the real thing and on its nearest innocent neighbour.

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use sockdoctor::act::broken;

use crate::binary::{document, everybodys, json, run};
use crate::identity::{Client, python};
use crate::permit::{changes, permit};
use crate::process::{Process, finish, until};
use crate::seen::{inspect, text};
use crate::world::{World, isolated, isolated_root, need, skip};

const SOON: Duration = Duration::from_secs(30);

/// A user without a name and without groups.
const STRANGER: [&str; 4] = ["setpriv", "--reuid=1300", "--regid=1300", "--clear-groups"];

fn access(path: impl AsRef<Path>, how: &[&str]) -> Value {
    json([&["access", text(path.as_ref())], how].concat())
}

/// A live socket of root in a directory of its own.
fn live(world: &World, name: &str, mode: u32) -> (PathBuf, UnixListener) {
    let directory = world.path(name);
    std::fs::create_dir(&directory).unwrap();
    let path = directory.join("app.sock");
    let listener = UnixListener::bind(&path).unwrap();
    permit(&path, mode, 0, 0);
    (path, listener)
}

fn codes(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["code"].as_str().unwrap()).filter(|code| *code != "SD708").collect()
}

/// Allowed, what the kernel said, and the exit status.
#[track_caller]
fn says(document: &Value, allowed: Option<bool>, kernel: Option<&str>, status: i32) {
    let data = &document["data"];
    let said = (data["allowed"].as_bool(), data["kernel_verdict"].as_str(), &document["exit_code"]);
    assert_eq!(said, (allowed, kernel, &status.into()), "{document:#}");
}

/// The program as an ordinary user.
fn stranger(program: &Path) -> Command {
    let mut command = need("setpriv").unwrap();
    command.args(&STRANGER[1..]).arg(program);
    command
}

#[test]
fn whoever_cannot_be_found_is_one_line_and_one_document() {
    let live = |arguments: &[&str], status: i32, said: &str| {
        let arguments = [&["access", "/nowhere/app.sock"], arguments].concat();
        let output = run(&arguments);
        assert_eq!((output.status, output.stdout.as_str()), (status, ""), "{arguments:?}");
        assert!(output.stderr.contains(said) && output.stderr.lines().count() == 1, "{}", output.stderr);
        let document = json(&arguments);
        assert_eq!(document["exit_code"], status);
        assert!(document["error"]["message"].as_str().unwrap().contains(said), "{document:#}");
        assert!(document["error"]["hint"].is_string(), "{document:#}");
    };
    live(&["--as", "no-such-user"], 2, "there is no user no-such-user");
    live(&["--as", "root:no-such-group"], 2, "there is no group no-such-group");
    live(&["--container", "no-such-container"], 2, "no-such-container");
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    live(&["--pid", &gone.id().to_string()], 3, "there is no process");
    live(&["--connected"], 3, "no process");
    for expected in [["--expect-owner", "no-such-user"], ["--expect-group", "no-such-group"]] {
        assert_eq!(json([&["inspect", "/nowhere/app.sock"], &expected[..]].concat())["exit_code"], 2);
    }
}

#[test]
fn a_process_is_asked_in_its_own_view() {
    let name = "access::a_process_is_asked_in_its_own_view";
    isolated_root(name, |world| {
        if need("setpriv").is_none() {
            return skip(name, "no setpriv");
        }
        let (path, _listener) = live(world, "hidden", 0o666);
        let directory = path.parent().unwrap();
        let mount = format!("mount -t tmpfs tmpfs {}; exec \"$@\"", directory.display());
        let apart = ["unshare", "--mount", "--propagation", "private", "sh", "-c", &mount, "sh"];
        let mut elsewhere = Client::start(&apart).unwrap();
        assert_eq!(elsewhere.connect(&path), nix::errno::Errno::ENOENT as i32);
        let document = access(&path, &["--pid", &elsewhere.pid()]);
        says(&document, Some(false), None, 1);
        assert_eq!(document["data"]["consumer"]["same_view"], false);
        says(&access(&path, &[]), Some(true), Some("allowed"), 0);
        // A socket that only it sees, and may not use.
        let other = format!(
            "mount -t tmpfs tmpfs {0}; chmod 755 {0}; exec setpriv --reuid=1300 --regid=1300 --clear-groups \"$@\"",
            directory.display()
        );
        let mut elsewhere =
            Client::start(&["unshare", "--mount", "--propagation", "private", "sh", "-c", &other, "sh"])
                .unwrap();
        let outside = PathBuf::from(format!("/proc/{}/root{}", elsewhere.pid(), path.display()));
        let _inner = UnixListener::bind(&outside).unwrap();
        permit(&outside, 0o600, 0, 0);
        assert_eq!(elsewhere.connect(&path), 13);
        let document = access(&path, &["--pid", &elsewhere.pid()]);
        says(&document, Some(false), Some("denied"), 1);
        assert_eq!(codes(&document)[0], "SD201", "{document:#}");
        // Through /proc/PID/root the same file is named from outside.
        says(&access(&outside, &["--uid", "1300"]), Some(false), Some("denied"), 1);
    });
}

#[test]
fn a_process_in_a_chroot_is_asked_there() {
    let name = "access::a_process_in_a_chroot_is_asked_there";
    isolated_root(name, |world| {
        let root = world.path("root");
        std::fs::create_dir(&root).unwrap();
        let listener = UnixListener::bind(root.join("app.sock")).unwrap();
        permit(&root.join("app.sock"), 0o660, 0, 0);
        let Some(mut python) = need("python3") else { return skip(name, "no python3") };
        let code = "import os,sys,time\nos.chroot(sys.argv[1]);os.chdir('/')\nos.setgroups([]);os.setgid(1300);\
                    os.setuid(1300)\ntime.sleep(60)";
        let chrooted = Process::start(python.args(["-c", code]).arg(&root));
        let there = || {
            let link = std::fs::read_link(format!("/proc/{}/root", chrooted.pid()));
            link.is_ok_and(|link| link == root)
        };
        assert!(until(SOON, there));
        let status = || std::fs::read_to_string(format!("/proc/{}/status", chrooted.pid())).unwrap();
        assert!(until(SOON, || status().contains("Uid:\t1300")));
        let pid = chrooted.pid().to_string();
        let document = access("/app.sock", &["--pid", &pid]);
        says(&document, Some(false), Some("denied"), 1);
        let walk = document["data"]["walk"].as_array().unwrap();
        assert_eq!(walk.len(), 2, "/ and the socket: {document:#}");
        says(&access(root.join("app.sock"), &["--pid", &pid]), Some(false), None, 1);
        drop(listener);
    });
}

#[test]
fn an_ordinary_user_is_told_about_itself_and_what_it_may_not_see() {
    let name = "access::an_ordinary_user_is_told_about_itself_and_what_it_may_not_see";
    isolated_root(name, |world| {
        if need("setpriv").is_none() {
            return skip(name, "no setpriv");
        }
        let (open, _open) = live(world, "open", 0o666);
        let (closed, _closed) = live(world, "closed", 0o660);
        let program = everybodys(world);
        let ask = |path: &Path, how: &[&str]| {
            document(&finish(stranger(&program).args(["--json", "access"]).arg(path).args(how), SOON))
        };
        says(&ask(&open, &[]), Some(true), Some("allowed"), 0);
        says(&ask(&closed, &[]), Some(false), Some("denied"), 1);
        // Of somebody else only the kernel's own word is missing.
        says(&ask(&closed, &["--uid", "0"]), Some(true), None, 0);
        let own = Client::start(&["unshare", "--mount"]).unwrap();
        let unseen = ask(&open, &["--pid", &own.pid()]);
        says(&unseen, None, None, 3);
        let gaps = unseen["not_checked"].to_string();
        assert!(gaps.contains("SD201") && gaps.contains("sudo sockdoctor"), "{gaps}");
        let text =
            finish(stranger(&program).arg("access").arg(&open).args(["--pid", &own.pid()]), SOON).stdout;
        assert_eq!(text.matches("is not visible; sudo sockdoctor").count(), 1, "one reason, once: {text}");
        // What it may not come to itself, it cannot tell about others.
        permit(closed.parent().unwrap(), 0o700, 0, 0);
        says(&ask(&closed, &[]), Some(false), Some("denied"), 1);
        says(&ask(&closed, &["--uid", "0"]), None, None, 3);
    });
}

#[test]
fn what_is_no_plain_live_socket_is_answered_too() {
    let name = "access::what_is_no_plain_live_socket_is_answered_too";
    isolated_root(name, |world| {
        let stranger = ["--uid", "1300"];
        let Some(mut client) = Client::start(&STRANGER) else { return skip(name, "no setpriv") };
        let datagram = broken::datagram(&world.dir).unwrap();
        permit(&datagram.path, 0o622, 0, 0);
        assert_eq!(client.connect_datagram(&datagram.path), 0);
        says(&access(&datagram.path, &stranger), Some(true), Some("allowed"), 0);
        permit(&datagram.path, 0o660, 0, 0);
        assert_eq!(client.connect_datagram(&datagram.path), 13);
        says(&access(&datagram.path, &stranger), Some(false), Some("denied"), 1);

        let (path, _listener) = live(world, "linked", 0o660);
        let link = world.path("link.sock");
        symlink(&path, &link).unwrap();
        let document = access(&link, &stranger);
        says(&document, Some(false), Some("denied"), 1);
        assert!(changes(&document)[0].ends_with(text(&path)), "the link is not touched: {document:#}");
        let walk = run(["access", text(&link), "--uid", "1300"]).stdout;
        let rows: Vec<&str> = walk.lines().skip_while(|line| !line.contains(" link.sock  l")).collect();
        // The link's target is absolute: a way of its own.
        assert!(rows[1].contains(" /tmp ") && rows[4].contains(" app.sock "), "{walk}");

        let long = world.path(&"d".repeat(60)).join("e".repeat(60));
        std::fs::create_dir_all(&long).unwrap();
        std::env::set_current_dir(&long).unwrap();
        let _far = UnixListener::bind("l.sock").unwrap();
        std::env::set_current_dir("/").unwrap();
        permit(&long.join("l.sock"), 0o666, 0, 0);
        assert_eq!(client.connect(&long.join("l.sock")), 0);
        let document = access(long.join("l.sock"), &["--pid", &client.pid()]);
        says(&document, Some(true), Some("allowed"), 1);
        assert_eq!(codes(&document)[0], "SD108", "{document:#}");

        let held = UnixListener::bind_addr(
            &<std::os::unix::net::SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(
                b"sd-access",
            )
            .unwrap(),
        )
        .unwrap();
        says(&json(["access", "@sd-access", "--uid", "1300"]), Some(true), None, 0);
        drop(held);
        says(&json(["access", "@sd-access", "--uid", "1300"]), Some(false), None, 1);

        // Nobody is to be let into what is no socket.
        let file = world.write("file", "");
        permit(&file, 0o644, 0, 0);
        let document = access(&file, &stranger);
        assert_eq!((codes(&document), changes(&document)), (vec!["SD106"], vec![]), "{document:#}");
        says(&document, Some(false), Some("denied"), 1);
        let directory = world.path("directory");
        std::fs::create_dir(&directory).unwrap();
        let document = access(&directory, &stranger);
        assert_eq!((codes(&document), &document["exit_code"]), (vec!["SD106"], &1.into()), "{document:#}");
        let document = access(world.path("nothing"), &stranger);
        assert_eq!(codes(&document), ["SD101"]);
        says(&document, Some(false), None, 1);
        let dead = world.path("dead");
        std::fs::create_dir(&dead).unwrap();
        let stale = broken::stale(&dead).unwrap();
        permit(&stale.path, 0o600, 0, 0);
        let document = access(&stale.path, &stranger);
        assert_eq!(codes(&document), ["SD104", "SD201"], "{document:#}");
        let fixes = document["findings"][1]["fix"].as_array().unwrap();
        assert!(fixes.iter().all(|fix| fix["changes_state"] == false), "a dead file: {document:#}");
        permit(&stale.path, 0o666, 0, 0);
        let document = access(&stale.path, &stranger);
        assert_eq!(codes(&document), ["SD104"], "{document:#}");
        says(&document, Some(true), Some("allowed"), 1);
    });
}

#[test]
fn whoever_is_connected_is_a_consumer() {
    let name = "access::whoever_is_connected_is_a_consumer";
    isolated_root(name, |world| {
        let (path, listener) = live(world, "busy", 0o666);
        let code =
            "import socket,sys,time\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\ntime.sleep(60)";
        let (Some(mut setpriv), Some(python)) = (need("setpriv"), python()) else {
            return skip(name, "no setpriv or python3");
        };
        setpriv.args(&STRANGER[1..]).arg(python.get_program()).args(["-c", code]).arg(&path);
        let client = Process::start(&mut setpriv);
        let (_accepted, _) = listener.accept().unwrap();
        permit(&path, 0o660, 0, 0);
        let document = access(&path, &["--connected"]);
        let consumer = &document["data"]["consumer"];
        assert_eq!((&consumer["pid"], &consumer["uid"]), (&client.pid().as_raw().into(), &1300.into()));
        says(&document, Some(false), Some("denied"), 1);
        assert_eq!(document["data"]["consumers"].as_array().unwrap().len(), 1, "{document:#}");
    });
}

#[test]
fn sd203_who_joined_the_group_has_to_start_anew() {
    let name = "access::sd203_who_joined_the_group_has_to_start_anew";
    isolated_root(name, |world| {
        if need("setpriv").is_none() {
            return skip(name, "no setpriv");
        }
        for (table, line) in [("passwd", "sduser:x:1300:1300::/:/bin/false\n"), ("group", "sduser:x:1300:\n")]
        {
            let table = format!("/etc/{table}");
            let copy =
                world.write(&table.replace('/', "_"), &(std::fs::read_to_string(&table).unwrap() + line));
            let flags = nix::mount::MsFlags::MS_BIND;
            nix::mount::mount(Some(&copy), table.as_str(), None::<&str>, flags, None::<&str>).unwrap();
        }
        let (path, _listener) = live(world, "grouped", 0o660);
        chown(&path, None, Some(4242)).unwrap();
        let mut running = Client::start(&STRANGER).unwrap();
        let document = access(&path, &["--pid", &running.pid()]);
        assert_eq!(codes(&document), ["SD201"], "{document:#}");
        let group = std::fs::read_to_string("/etc/group").unwrap() + "labg:x:4242:sduser\n";
        std::fs::write("/etc/group", group).unwrap();

        assert_eq!(running.connect(&path), 13);
        let document = access(&path, &["--pid", &running.pid()]);
        assert_eq!(codes(&document), ["SD203"], "{document:#}");
        says(&document, Some(false), Some("denied"), 1);
        let fix = document["findings"][0]["fix"][0]["text"].as_str().unwrap();
        assert!(fix.contains(&format!("stop pid {}", running.pid())), "{fix}");
        says(&access(&path, &["--as", "sduser"]), Some(true), Some("allowed"), 0);
        let mut fresh = Client::start(&["setpriv", "--reuid=1300", "--regid=1300", "--groups=4242"]).unwrap();
        assert_eq!(fresh.connect(&path), 0);
        says(&access(&path, &["--pid", &fresh.pid()]), Some(true), Some("allowed"), 0);
        // Taken out again it keeps what it has.
        let group = std::fs::read_to_string("/etc/group").unwrap().replace("4242:sduser", "4242:");
        std::fs::write("/etc/group", group).unwrap();
        assert_eq!(fresh.connect(&path), 0);
        says(&access(&path, &["--pid", &fresh.pid()]), Some(true), Some("allowed"), 0);
        let document = access(&path, &["--as", "sduser"]);
        assert_eq!(changes(&document)[0], "usermod -aG labg sduser", "{document:#}");
    });
}

#[test]
fn sd205_root_without_its_power_is_told_so() {
    let name = "access::sd205_root_without_its_power_is_told_so";
    isolated_root(name, |world| {
        let (path, _listener) = live(world, "owned", 0o600);
        chown(&path, Some(1300), Some(1300)).unwrap();
        let dropped = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"];
        let foreign = ["unshare", "--user", "--map-root-user"];
        for (wrapper, code, proof) in
            [(&dropped[..], "SD205", "CAP_DAC_OVERRIDE"), (&foreign[..], "SD704", "not mapped")]
        {
            let Some(mut client) = Client::start(wrapper) else { return skip(name, "no setpriv") };
            assert_eq!(client.connect(&path), 13);
            let document = access(&path, &["--pid", &client.pid()]);
            assert_eq!(codes(&document), [code], "{document:#}");
            assert!(document["findings"][0]["evidence"].to_string().contains(proof), "{document:#}");
            says(&document, Some(false), Some("denied"), 1);
        }
        says(&access(&path, &["--uid", "0"]), Some(true), Some("allowed"), 0);
    });
}

#[test]
fn sd206_is_a_word_of_information_until_somebody_is_named() {
    isolated("access::sd206_is_a_word_of_information_until_somebody_is_named", |world| {
        let (path, _listener) = live(world, "world", 0o666);
        let of = |arguments: &[&str]| {
            let document = json([&["inspect", text(&path)], arguments].concat());
            document["findings"][0]["severity"].as_str().map(|severity| {
                assert_eq!((codes(&document), &document["exit_code"]), (vec!["SD206"], &0.into()));
                severity.to_owned()
            })
        };
        assert_eq!(of(&[]).as_deref(), Some("info"));
        for named in [["--uid", "1300"], ["--expect-mode", "666"]] {
            assert_eq!(of(&named).as_deref(), Some("warning"), "{named:?}");
        }
        permit(path.parent().unwrap(), 0o750, 0, 0);
        assert_eq!(of(&[]), None);
        permit(path.parent().unwrap(), 0o711, 0, 0);
        assert_eq!(of(&[]).as_deref(), Some("info"), "x is enough");
        permit(&path, 0o660, 0, 0);
        assert_eq!(of(&[]), None);
    });
}

#[test]
fn sd207_a_directory_that_all_may_write_to_is_warned_of_and_tmp_is_not() {
    isolated("access::sd207_a_directory_that_all_may_write_to_is_warned_of_and_tmp_is_not", |world| {
        let (path, _listener) = live(world, "shared", 0o660);
        let directory = path.parent().unwrap();
        for (mode, expected) in [(0o777, vec!["SD207"]), (0o1777, vec![]), (0o775, vec![])] {
            std::fs::set_permissions(directory, PermissionsExt::from_mode(mode)).unwrap();
            let seen = inspect(&path);
            assert_eq!(codes(&seen.0), expected, "{mode:o}");
            if mode == 0o777 {
                seen.ends_with(0, "warning");
                seen.paste_fix("sh");
                assert!(inspect(&path).codes().is_empty());
            }
        }
    });
}

#[test]
fn sd208_a_server_that_could_not_start_again_is_warned_of() {
    let name = "access::sd208_a_server_that_could_not_start_again_is_warned_of";
    isolated_root(name, |world| {
        let Some(mut command) = need("setpriv") else { return skip(name, "no setpriv") };
        let directory = world.path("run");
        std::fs::create_dir(&directory).unwrap();
        permit(&directory, 0o755, 1300, 1300);
        let path = directory.join("app.sock");
        // Bound by that user: what the kernel remembers of a listener is who made it listen.
        let Some(python) = python() else { return skip(name, "no python3") };
        let code = "import os,socket,sys,time\nos.umask(7)\ns=socket.socket(socket.AF_UNIX)\n\
                    s.bind(sys.argv[1])\ns.listen()\ntime.sleep(60)";
        command.args(&STRANGER[1..]).arg(python.get_program()).args(["-c", code]).arg(&path);
        let _server = Process::start(&mut command);
        assert!(until(SOON, || path.exists() && std::os::unix::net::UnixStream::connect(&path).is_ok()));
        assert!(inspect(&path).codes().is_empty(), "it may: {:#}", inspect(&path).0);
        permit(&directory, 0o755, 0, 0);
        let seen = inspect(&path);
        assert_eq!(seen.codes(), ["SD208"], "{:#}", seen.0);
        seen.ends_with(0, "warning");
        let proof = seen.proof();
        assert!(proof.contains("1300"), "{proof}");
        // A sticky directory, and a file of somebody else.
        permit(&directory, 0o1777, 0, 0);
        assert!(inspect(&path).codes().is_empty(), "its own file it may replace");
        chown(&path, Some(0), None).unwrap();
        let seen = inspect(&path);
        assert_eq!(seen.codes(), ["SD208"], "{:#}", seen.0);
    });
}

#[test]
fn sd211_links_are_asked_as_the_sysctl_stands() {
    let name = "access::sd211_links_are_asked_as_the_sysctl_stands";
    isolated_root(name, |world| {
        let (path, _listener) = live(world, "far", 0o666);
        let sticky = world.path("sticky");
        std::fs::create_dir(&sticky).unwrap();
        permit(&sticky, 0o1777, 0, 0);
        let link = sticky.join("link");
        symlink(&path, &link).unwrap();
        std::os::unix::fs::lchown(&link, Some(1400), Some(1400)).unwrap();
        let Some(mut client) = Client::start(&STRANGER) else { return skip(name, "no setpriv") };
        let errno = client.connect(&link);
        let document = access(&link, &["--pid", &client.pid()]);
        let protected = std::fs::read_to_string("/proc/sys/fs/protected_symlinks").unwrap().trim() != "0";
        assert_eq!(errno, if protected { 13 } else { 0 });
        assert_eq!(codes(&document).contains(&"SD211"), protected, "{document:#}");
        assert_eq!(document["data"]["allowed"], !protected);
        // Its owner is never stopped.
        says(&access(&link, &["--uid", "1400"]), Some(true), Some("allowed"), 0);
    });
}

#[test]
fn sd213_every_way_to_write_a_mode_or_an_owner_is_the_same() {
    isolated("access::sd213_every_way_to_write_a_mode_or_an_owner_is_the_same", |world| {
        let (path, _listener) = live(world, "as", 0o660);
        let expect = |arguments: &[&str]| json([&["inspect", text(&path)], arguments].concat());
        for mode in ["660", "0660", "0o660"] {
            assert_eq!(expect(&["--expect-mode", mode])["exit_code"], 0, "{mode}");
            let other = mode.replace("660", "666");
            let document = expect(&["--expect-mode", &other]);
            assert_eq!((codes(&document), &document["exit_code"]), (vec!["SD213"], &1.into()), "{other}");
        }
        for root in ["root", "0"] {
            let document = expect(&["--expect-owner", root, "--expect-group", root]);
            assert_eq!(codes(&document), Vec::<&str>::new());
        }
        let document = expect(&["--expect-mode", "0640", "--expect-owner", "1300", "--expect-group", "1300"]);
        let lines = document["findings"][0]["evidence"].as_array().unwrap();
        assert_eq!(lines.len(), 3, "{document:#}");
        for wrong in ["999", "rw", "0o", "77777", ""] {
            assert_eq!(expect(&["--expect-mode", wrong])["exit_code"], 2, "{wrong:?}");
        }
    });
}
