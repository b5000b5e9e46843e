//! `list`: which sockets are rows, in which order, with which verdict.

use std::collections::BTreeSet;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sockdoctor::act::broken;

use crate::binary::{document, json, run, sockdoctor};
use crate::process::{Process, finish, until};
use crate::world::{World, isolated, isolated_root, need, skip};

const SOON: Duration = Duration::from_secs(10);

/// The rows that `list ARGS` has of the world's own network namespace: other tests run beside it.
fn rows(args: &[&str]) -> Vec<Value> {
    let document = json([&["list"], args].concat());
    let rows = document["data"]["sockets"].as_array().unwrap().iter();
    let ours = |row: &&Value| row["netns"].is_null() || row["netns"] == document["host"]["netns"];
    rows.filter(ours).cloned().collect()
}

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["name"].as_str().unwrap_or("-")).collect()
}

/// A glob for all that is in the world.
fn inside(world: &World) -> String {
    format!("{}/*", world.dir.display())
}

/// The row of one path.
fn row<'r>(rows: &'r [Value], path: &std::path::Path) -> &'r Value {
    let mut found = rows.iter().filter(|row| row["name"] == path.to_str().unwrap());
    let row = found.next().unwrap_or_else(|| panic!("{} is not among {rows:#?}", path.display()));
    assert!(found.next().is_none(), "{} is there twice", path.display());
    row
}

#[test]
fn a_bound_socket_is_a_row_and_what_is_accepted_or_unnamed_only_with_all() {
    isolated("list::a_bound_socket_is_a_row_and_what_is_accepted_or_unnamed_only_with_all", |world| {
        let server = UnixListener::bind(world.path("served.sock")).unwrap();
        let client = UnixStream::connect(world.path("served.sock")).unwrap();
        let accepted = server.accept().unwrap();
        drop(server);
        std::fs::remove_file(world.path("served.sock")).unwrap();
        let healthy = broken::listening(&world.dir).unwrap();
        let receiver = broken::datagram(&world.dir).unwrap();
        let sequence = broken::seqpacket(&world.dir).unwrap();
        let waiting = UnixStream::connect(&healthy.path).unwrap();
        let (_one, _other) = UnixStream::pair().unwrap();
        let few = rows(&[]);
        assert_eq!(
            names(&few).into_iter().collect::<BTreeSet<_>>(),
            [&healthy, &receiver, &sequence].map(|built| built.path.to_str().unwrap()).into()
        );
        for (path, kind, state) in [
            (&healthy.path, "stream", "listening"),
            (&receiver.path, "dgram", "bound"),
            (&sequence.path, "seqpacket", "listening"),
        ] {
            let row = row(&few, path);
            assert_eq!([&row["type"], &row["state"], &row["verdict"]], [kind, state, "ok"], "{row:#}");
            assert_eq!([&row["file"]["state"], &row["role"]], ["socket", "serves_path"], "{row:#}");
            assert_eq!(row["holders"][0]["pid"], std::process::id(), "{row:#}");
        }
        assert_eq!(row(&few, &healthy.path)["queue"]["waiting"], 1);

        let all = rows(&["--all"]);
        let connected =
            all.iter().filter(|row| row["type"] == "stream" && row["state"] == "connected").count();
        assert_eq!(connected, 5, "two clients, one accepted, and the pair: {all:#?}");
        // The listener it came from is gone with its file: no fault of a connection.
        assert!(all.iter().all(|row| row["verdict"] == "ok"), "{all:#?}");
        assert!(all.iter().any(|row| row["name"].is_null() || row["name"] == ""), "{all:#?}");
        drop((client, accepted, waiting));
    });
}

#[test]
fn rows_are_chosen_by_name_by_process_and_by_user() {
    isolated("list::rows_are_chosen_by_name_by_process_and_by_user", |world| {
        let healthy = broken::listening(&world.dir).unwrap();
        let _receiver = broken::datagram(&world.dir).unwrap();
        let own = std::process::id().to_string();
        let path = healthy.path.to_str().unwrap();
        assert_eq!(names(&rows(&["--match", "*/app.s*"])), [path]);
        assert_eq!(rows(&["--pid", &own]).len(), 2);
        assert_eq!(rows(&["--user", "root", "--match", &inside(world)]).len(), 2);
        let idle = Process::start(Command::new("sleep").arg("60"));
        let other = idle.pid().to_string();
        for (args, status) in [
            (["--match", "*/no-such"], 3),
            (["--pid", &other], 3),
            (["--pid", "4194303"], 3),
            (["--user", "4242"], 3),
            (["--user", "nobody-has-this-name"], 2),
            (["--match", "[broken"], 2),
        ] {
            let document = json(["list", args[0], args[1]]);
            assert_eq!(document["exit_code"], status, "{args:?}: {document:#}");
            assert!(document["error"]["message"].is_string(), "{args:?}");
            let text = run(["list", args[0], args[1]]);
            assert_eq!((text.status, text.stdout.as_str()), (status, ""), "{args:?}");
            assert_eq!(text.stderr.lines().count(), 1, "{args:?}: {}", text.stderr);
        }
    });
}

#[test]
fn holders_are_not_looked_for_when_that_is_said() {
    isolated("list::holders_are_not_looked_for_when_that_is_said", |world| {
        let healthy = broken::listening(&world.dir).unwrap();
        let without = rows(&["--no-holders"]);
        let row = row(&without, &healthy.path);
        assert!(row["holders"].as_array().is_none_or(Vec::is_empty), "{row:#}");
        assert_eq!(row["verdict"], "ok");
        assert!(!run(["list", "--no-holders"]).stdout.contains("HOLDERS"));
        assert_eq!(json(["list", "--no-holders", "--pid", "1"])["exit_code"], 2, "the two contradict");
    });
}

#[test]
fn a_stale_file_is_a_row_only_where_stale_ones_are_asked_for() {
    isolated("list::a_stale_file_is_a_row_only_where_stale_ones_are_asked_for", |world| {
        let live = UnixListener::bind(world.path("live.sock")).unwrap();
        let stale = broken::stale(&world.dir).unwrap();
        let pattern = inside(world);
        assert_eq!(names(&rows(&["--match", &pattern])), [world.path("live.sock").to_str().unwrap()]);
        let both = rows(&["--stale", "--match", &pattern]);
        let row = row(&both, &stale.path);
        assert_eq!(both.len(), 2, "{both:#?}");
        assert_eq!([&row["verdict"], &row["codes"][0]], ["error", "SD104"], "{row:#}");
        assert_eq!([&row["inode"], &row["type"], &row["state"]], [&Value::Null; 3], "{row:#}");
        assert_eq!(row["file"]["state"], "socket");
        assert_eq!(both[0]["name"], stale.path.to_str().unwrap(), "the worst comes first");
        assert!(stale.path.exists(), "nothing is removed");
        drop(live);
    });
}

#[test]
fn findings_fail_only_when_asked_to() {
    isolated("list::findings_fail_only_when_asked_to", |world| {
        let healthy = UnixListener::bind(world.path("a.sock")).unwrap();
        let unlinked = broken::unlinked(&world.dir).unwrap();
        let pattern = inside(world);
        let document = json(["list", "--match", &pattern]);
        assert_eq!([&document["verdict"], &document["findings"][0]["code"]], ["error", "SD102"]);
        assert_eq!(document["exit_code"], 0);
        let all = document["data"]["sockets"].as_array().unwrap();
        let broken_row = row(all, &unlinked.path);
        assert_eq!(broken_row, &all[0], "errors come before the healthy");
        assert_eq!([&broken_row["verdict"], &broken_row["codes"][0]], ["error", "SD102"]);
        assert_eq!([&broken_row["role"], &broken_row["file"]["state"]], ["unlinked", "missing"]);
        for (fail_on, status) in [("error", 1), ("warning", 1), ("info", 1), ("never", 0)] {
            assert_eq!(json(["list", "--fail-on", fail_on, "--match", &pattern])["exit_code"], status);
        }
        drop(unlinked);
        assert_eq!(json(["list", "--fail-on", "error", "--match", &pattern])["exit_code"], 0);
        drop(healthy);
    });
}

#[test]
fn an_abstract_name_is_a_healthy_row_without_a_file() {
    isolated("list::an_abstract_name_is_a_healthy_row_without_a_file", |_| {
        use std::os::linux::net::SocketAddrExt;
        let address = std::os::unix::net::SocketAddr::from_abstract_name("sdtest").unwrap();
        let _listener = UnixListener::bind_addr(&address).unwrap();
        let rows = rows(&["--match", "@sdtest"]);
        let [row] = &rows[..] else { panic!("{rows:#?}") };
        assert_eq!(
            [&row["verdict"], &row["name"], &row["file"]],
            [&"ok".into(), &"sdtest".into(), &Value::Null]
        );
        assert_eq!(row["abstract"], true);
        assert!(run(["list", "--match", "@sdtest"]).stdout.lines().any(|line| line.ends_with("  @sdtest")));
    });
}

#[test]
fn a_relative_name_is_judged_where_its_holder_looks() {
    isolated("list::a_relative_name_is_judged_where_its_holder_looks", |world| {
        std::env::set_current_dir(&world.dir).unwrap();
        let _healthy = UnixListener::bind("sd-fine").unwrap();
        let _unlinked = UnixListener::bind("sd-gone").unwrap();
        std::fs::remove_file("sd-gone").unwrap();
        let rows = rows(&["--match", "sd-*"]);
        let of = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
        let fine = of("sd-fine");
        assert_eq!([&fine["verdict"], &fine["codes"][0]], ["warning", "SD110"], "{fine:#}");
        let gone = of("sd-gone");
        assert_eq!([&gone["verdict"], &gone["codes"][0]], ["error", "SD102"], "{gone:#}");
        let by_inode = json(["inspect", &format!("inode:{}", gone["inode"])]);
        assert_eq!(by_inode["findings"][0]["code"], "SD102", "{by_inode:#}");
        let by_directory = json(["inspect", world.dir.to_str().unwrap()]);
        assert_eq!(by_directory["findings"][0]["code"], "SD102", "{by_directory:#}");
    });
}

#[test]
fn columns_and_their_order_are_the_users() {
    isolated("list::columns_and_their_order_are_the_users", |world| {
        let one = UnixListener::bind(world.path("b.sock")).unwrap();
        let two = UnixListener::bind(world.path("a.sock")).unwrap();
        let _waiting = UnixStream::connect(world.path("b.sock")).unwrap();
        let pattern = inside(world);
        let text = run(["list", "--fields", "name,peer,memory,inode", "--match", &pattern]).stdout;
        let head: Vec<&str> = text.lines().next().unwrap().split_whitespace().collect();
        assert_eq!(head, ["NAME", "PEER", "MEMORY", "INODE"]);
        let with = rows(&["--fields", "name,peer,memory,inode", "--match", &pattern]);
        assert!(with.iter().all(|row| row["memory"].is_object()), "{with:#?}");
        let without = rows(&["--match", &pattern]);
        assert!(without.iter().all(|row| row["memory"].is_null()), "asked for only with its column");
        let plain = run(["list", "--format", "plain", "--fields", "name,inode", "--match", &pattern]).stdout;
        assert!(plain.lines().all(|line| line.split('\t').count() == 2), "{plain}");

        let order = |field: &str| {
            let sorted = rows(&["--sort", field, "--match", &pattern]);
            names(&sorted)
                .into_iter()
                .map(|name| name.rsplit_once('/').unwrap().1.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(order("name"), ["a.sock", "b.sock"]);
        assert_eq!(order("inode"), ["b.sock", "a.sock"]);
        assert_eq!(order("queue"), ["b.sock", "a.sock"], "the fullest first");
        assert_eq!(json(["list", "--fields", "colour"])["exit_code"], 2);
        drop((one, two));
    });
}

#[test]
fn the_rows_are_those_of_ss() {
    let name = "list::the_rows_are_those_of_ss";
    isolated(name, |world| {
        let Some(mut ss) = need("ss") else { return skip(name, "no ss") };
        let _kept = [
            broken::listening(&world.dir).unwrap(),
            broken::datagram(&world.dir).unwrap(),
            broken::seqpacket(&world.dir).unwrap(),
        ];
        for number in 0..20 {
            let listener = UnixListener::bind(world.path(&format!("{number}.sock"))).unwrap();
            std::mem::forget(listener);
        }
        let _unnamed = UnixDatagram::unbound().unwrap();
        let _gone = UnixListener::bind(world.path("gone.sock")).unwrap();
        std::fs::remove_file(world.path("gone.sock")).unwrap();
        let theirs = finish(ss.args(["-xlH"]), SOON).stdout;
        let inode = |line: &str| line.split_whitespace().nth(5).unwrap().parse::<u64>().unwrap();
        let theirs: BTreeSet<u64> = theirs.lines().map(inode).collect();
        let ours: BTreeSet<u64> = rows(&[]).iter().map(|row| row["inode"].as_u64().unwrap()).collect();
        // The unnamed one is "listening" to ss, which takes every unconnected datagram socket for one.
        assert_eq!(theirs.len(), 25, "{theirs:?}");
        assert!(ours.is_subset(&theirs) && ours.len() == 24, "{ours:?} {theirs:?}");
    });
}

#[test]
fn a_socket_of_another_network_namespace_is_a_row_with_its_number_and_name() {
    let name = "list::a_socket_of_another_network_namespace_is_a_row_with_its_number_and_name";
    isolated_root(name, |world| {
        let (Some(mut unshare), Some(_)) = (need("unshare"), need("python3")) else {
            return skip(name, "no unshare or python3");
        };
        let path = world.path("far.sock");
        let server = "import socket,sys,time\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\n\
                      s.listen(5)\ntime.sleep(60)";
        let far = unshare.args(["--net", "python3", "-c", server]).arg(&path).stderr(Stdio::null());
        let far = Process::start(far);
        let listed = || json(["list", "--match", path.to_str().unwrap()]);
        assert!(until(SOON, || listed()["exit_code"] == 0), "{:#}", listed());
        let document = listed();
        let there = std::fs::read_link(format!("/proc/{}/ns/net", far.pid())).unwrap();
        let row = &document["data"]["sockets"][0];
        assert_eq!(there.to_str().unwrap(), format!("net:[{}]", row["netns"]), "{row:#}");
        assert_ne!(row["netns"], document["host"]["netns"]);
        assert_eq!([&row["verdict"], &row["role"]], ["ok", "serves_path"], "{row:#}");
        assert_eq!(row["holders"][0]["pid"], far.pid().as_raw());
        let column = run(["list", "--fields", "netns,name", "--match", path.to_str().unwrap()]).stdout;
        assert!(column.contains(row["netns_name"].as_str().unwrap()), "{column}");
    });
}

#[test]
fn many_stale_files_are_waited_for_together() {
    let name = "list::many_stale_files_are_waited_for_together";
    isolated(name, |world| {
        let Some(mut strace) = need("strace") else { return skip(name, "no strace") };
        std::fs::create_dir(world.path("s")).unwrap();
        for number in 0..12 {
            drop(UnixListener::bind(world.path(&format!("s/{number}.sock"))).unwrap());
        }
        let trace = world.path("trace");
        strace.args(["-f", "-e", "trace=clock_nanosleep", "-o"]).arg(&trace).arg(sockdoctor().get_program());
        let output =
            finish(strace.arg("inspect").arg(world.path("s")).arg("--json"), Duration::from_secs(60));
        assert_eq!(document(&output)["summary"]["error"], 12, "{}", output.stdout);
        let pauses = std::fs::read_to_string(trace).unwrap().matches("tv_nsec=150000000").count();
        assert!((2..=4).contains(&pauses), "{pauses} pauses: one after the other");
    });
}

#[test]
fn holders_are_known_of_sockets_that_the_pattern_leaves_out_but_a_finding_names() {
    let name = "list::holders_are_known_of_sockets_that_the_pattern_leaves_out_but_a_finding_names";
    isolated(name, |world| {
        std::fs::create_dir(world.path("real")).unwrap();
        std::os::unix::fs::symlink("real", world.path("link")).unwrap();
        let _orphan = UnixListener::bind(world.path("link/app.sock")).unwrap();
        std::fs::remove_file(world.path("real/app.sock")).unwrap();
        let _server = UnixListener::bind(world.path("real/app.sock")).unwrap();
        let document = json(["list", "--match", world.path("link/app.sock").to_str().unwrap()]);
        let finding = &document["findings"][0];
        assert_eq!(finding["code"], "SD103", "{document:#}");
        assert!(!finding["evidence"].to_string().contains("none visible"), "{finding:#}");
    });
}

#[test]
fn a_long_list_has_every_socket_once_the_broken_first_and_all_by_name() {
    let name = "list::a_long_list_has_every_socket_once_the_broken_first_and_all_by_name";
    isolated(name, |world| {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let most = rustix::process::Rlimit { current: limit.maximum, ..limit };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, most).unwrap();
        let mut expected: Vec<(&str, String)> = Vec::new();
        let mut listeners = Vec::new();
        for directory in ["a", "a/deeper", "b"] {
            std::fs::create_dir(world.path(directory)).unwrap();
            for number in 0..700 {
                let path = world.path(&format!("{directory}/{number}.sock"));
                listeners.push(UnixListener::bind(&path).unwrap());
                let lost = number % 100 == 7;
                if lost {
                    std::fs::remove_file(&path).unwrap();
                }
                expected.push((if lost { "error" } else { "ok" }, path.to_str().unwrap().to_owned()));
            }
        }
        let broken_first = |(verdict, name): &(&str, String)| (*verdict == "ok", name.clone());
        expected.sort_by_key(broken_first);
        let all = rows(&[]);
        let seen = |row: &Value| (row["verdict"].as_str().unwrap() == "error", row["name"].clone());
        let wanted = |(verdict, name): &(&str, String)| (*verdict == "error", Value::from(name.as_str()));
        assert!(all.iter().map(seen).eq(expected.iter().map(wanted)), "{} rows", all.len());
        let lines = run(["list", "--no-holders", "--format", "plain", "--fields", "name", "--sort", "name"]);
        let mut names: Vec<&str> = expected.iter().map(|(_, name)| name.as_str()).collect();
        names.sort_unstable();
        let text = lines.stdout;
        let inside: Vec<&str> = text.lines().filter(|line| names.binary_search(line).is_ok()).collect();
        assert_eq!(inside, names);
    });
}

#[test]
fn what_is_wrong_with_a_socket_is_said_with_its_holder() {
    isolated("list::what_is_wrong_with_a_socket_is_said_with_its_holder", |world| {
        let bound = broken::bound_only(&world.dir).unwrap();
        let path = bound.path.to_str().unwrap();
        let pid = format!("pid {}", std::process::id());
        for words in [&["list", "--match", path][..], &["list", "--no-holders", "--match", path], &["scan"]] {
            let document = json(words);
            let findings = document["findings"].as_array().unwrap();
            let finding =
                findings.iter().find(|one| one["code"] == "SD105" && one["subject"]["name"] == path);
            let holders = finding.unwrap()["evidence"].as_array().unwrap().iter();
            let holders: Vec<&str> = holders
                .filter(|one| one["source"] == "holders")
                .map(|one| one["detail"].as_str().unwrap())
                .collect();
            let expected = if words.contains(&"--no-holders") { "not looked for" } else { &pid };
            assert!(holders.len() == 1 && holders[0].contains(expected), "{words:?}: {finding:#?}");
        }
    });
}
