//! The situation of the shared volume: a proxy and two instances in containers, and what goes wrong there.
//!
//! The engine is real. sockdoctor looks from the host, as its user does, who has no shell in any container.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::binary::{json, run};
use crate::engine::{Engine, pid_of};
use crate::process::{Process, until};
use crate::seen::{file_ino, inspect};
use crate::servers::{answers_http, http_status};
use crate::world::{World, isolated_root, need, skip};

const SOON: Duration = Duration::from_secs(30);

/// Where every container has the volume.
const INSIDE: &str = "/var/run/app";

/// How a container is named in every format: the first digits of its ID.
fn short(id: &str) -> &str {
    &id[..12]
}

/// Two instances, each with a socket of its own on one volume.
struct Site {
    engine: Engine,
    volume: PathBuf,
    ids: [String; 2],
}

impl Site {
    fn up(world: &World) -> Result<Self, String> {
        let engine = Engine::start(world)?;
        let volume = engine.volume("socks");
        let ids = ["one", "two"].map(|name| serve(&engine, "socks", &volume, name, name));
        Ok(Self { engine, volume, ids })
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.volume.join(format!("{name}.sock"))
    }

    /// haproxy in a container that may not write to the volume; its own socket is on another one.
    fn proxy(&self, world: &World) -> Option<(String, PathBuf)> {
        let mut haproxy = need("haproxy")?;
        let config = world.write(
            "haproxy.cfg",
            &format!(
                "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n retries 0\n\
                 frontend main\n bind unix@/front/front.sock mode 666\n\
                 use_backend two if {{ path /two }}\n default_backend one\n\
                 backend one\n server one {INSIDE}/one.sock\nbackend two\n server two {INSIDE}/two.sock\n"
            ),
        );
        let front = self.engine.volume("front").join("front.sock");
        let read_only = format!("socks:{INSIDE}:ro");
        let config = format!("{}:/haproxy.cfg:ro", config.display());
        haproxy.args(["-db", "-f", "/haproxy.cfg"]);
        let id = self.engine.run("proxy", &[&read_only, "front:/front", &config], &haproxy);
        assert!(until(SOON, || answers_http(&front)), "{}", self.engine.docker(["logs", "proxy"]).stderr);
        Some((id, front))
    }
}

fn serve(engine: &Engine, volume: &str, files: &Path, container: &str, socket: &str) -> String {
    let inside = format!("{INSIDE}/{socket}.sock");
    engine.serve(container, &format!("{volume}:{INSIDE}"), &inside, &files.join(format!("{socket}.sock")))
}

/// A container with the file of a socket mounted into it at `/api.sock`, whose server was started anew since: it
/// has the file of the old one. Its ID, the server, and the path on the host.
fn bind_mount_of_a_dead_socket(world: &World, engine: &Engine) -> (String, Process, PathBuf) {
    let path = world.path("api.sock");
    let server = || {
        let before = path.exists().then(|| file_ino(&path));
        let mut command = Command::new("/usr/bin/python3");
        command.arg(engine.server_script()).arg(&path).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::start(&mut command);
        let bound = || path.exists() && Some(file_ino(&path)) != before && answers_http(&path);
        assert!(until(SOON, bound), "the server does not serve");
        process
    };
    let old = server();
    let id = idle(engine, "client", &format!("{}:/api.sock", path.display()));
    drop(old);
    (id, server(), path)
}

/// A server and a client whose volumes have the same name in their compose files, but belong to two projects: the
/// client's ID and the server's.
fn volumes_of_two_projects(engine: &Engine) -> (String, String) {
    let [files, _] = ["p1_socks", "p2_socks"].map(|volume| engine.volume(volume));
    let server = serve(engine, "p1_socks", &files, "p1_app", "app");
    (idle(engine, "p2_proxy", &format!("p2_socks:{INSIDE}")), server)
}

/// A container that only has a volume.
fn idle(engine: &Engine, name: &str, volume: &str) -> String {
    engine.run(name, &[volume], Command::new("/usr/bin/sleep").arg("600"))
}

/// The row of `list` that a container's first process holds.
fn row(list: &Value, pid: u32) -> &Value {
    let rows = list["data"]["sockets"].as_array().unwrap();
    let held = |row: &&Value| row["holders"].as_array().unwrap().iter().any(|holder| holder["pid"] == pid);
    rows.iter().find(held).unwrap_or_else(|| panic!("nothing of {pid}: {list:#}"))
}

/// All findings' codes, the cause first.
fn codes(seen: &Value) -> Vec<&str> {
    seen["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

/// The commands that would change something.
fn changes(seen: &Value) -> impl Iterator<Item = &str> {
    let fixes =
        seen["findings"].as_array().unwrap().iter().flat_map(|finding| finding["fix"].as_array().unwrap());
    fixes.filter(|fix| fix["changes_state"] == true).filter_map(|fix| fix["command"].as_str())
}

/// Whether a process of a container would get in.
fn access(container: &str, path: impl AsRef<Path>) -> Value {
    json(["access".as_ref(), path.as_ref().as_os_str(), "--container".as_ref(), short(container).as_ref()])
}

#[test]
fn instances_on_a_shared_volume_are_healthy_also_behind_a_read_only_mount() {
    let name = "seed_s2::instances_on_a_shared_volume_are_healthy_also_behind_a_read_only_mount";
    isolated_root(name, |world| {
        let site = match Site::up(world) {
            Ok(site) => site,
            Err(reason) => return skip(name, &reason),
        };
        let Some((proxy, front)) = site.proxy(world) else { return skip(name, "no haproxy") };
        let list = json(["list"]);
        for (id, socket) in site.ids.iter().zip(["one", "two"]) {
            let pid = pid_of(id);
            let row = row(&list, pid);
            assert_eq!(row["name"], format!("{INSIDE}/{socket}.sock"), "{row:#}");
            assert_eq!(row["queue"], serde_json::json!({"waiting": 0, "backlog": 16}), "{row:#}");
            assert_eq!(row["holders"][0]["container"], short(id), "{row:#}");

            let seen = inspect(site.socket(socket));
            seen.is_healthy();
            assert_eq!(seen.holders(row["inode"].as_u64().unwrap()), [i64::from(pid)]);
            let text = run([site.socket(socket).as_os_str(), "-v".as_ref()]).stdout;
            assert!(text.contains(&format!("python3 pid {pid} in container {}", short(id))), "{text}");

            // The proxy writes to the socket, not to the volume.
            let seen = access(&proxy, format!("{INSIDE}/{socket}.sock"));
            assert_eq!((&seen["data"]["allowed"], &seen["exit_code"]), (&true.into(), &0.into()), "{seen:#}");
            assert_eq!(codes(&seen), ["SD206", "SD702"], "{seen:#}");
        }
        assert_eq!(http_status(&front), Some(200));
        // Its name in the kernel is the one it was bound by.
        let seen = inspect(&front);
        seen.is_healthy();
        assert!(seen.codes().contains(&"SD113"), "{:#}", seen.0);
    });
}

#[test]
fn a_killed_instance_leaves_a_stale_file_and_its_next_start_replaces_it() {
    let name = "seed_s2::a_killed_instance_leaves_a_stale_file_and_its_next_start_replaces_it";
    isolated_root(name, |world| {
        let site = match Site::up(world) {
            Ok(site) => site,
            Err(reason) => return skip(name, &reason),
        };
        let Some((proxy, front)) = site.proxy(world) else { return skip(name, "no haproxy") };
        site.engine.succeed(["kill", "one"]);
        assert_eq!(http_status(&front), Some(503));
        inspect(site.socket("one")).is_broken_by("SD104", "certain");
        inspect(site.socket("two")).is_healthy();
        // What the proxy sees is the same, but its paths are not the host's.
        let seen = access(&proxy, format!("{INSIDE}/one.sock"));
        assert_eq!((codes(&seen)[0], &seen["exit_code"]), ("SD104", &1.into()), "{seen:#}");
        let root = format!("/proc/{}/root/run/app/one.sock", pid_of(&proxy));
        let change = changes(&seen).next().unwrap();
        assert_eq!(change, format!("mv -nT {root} {root}.aside"));

        site.engine.succeed(["start", "one"]);
        assert!(until(SOON, || answers_http(&front)));
        inspect(site.socket("one")).is_healthy();
    });
}

#[test]
fn a_second_instance_on_the_same_path_takes_it_from_the_first() {
    let name = "seed_s2::a_second_instance_on_the_same_path_takes_it_from_the_first";
    isolated_root(name, |world| {
        let site = match Site::up(world) {
            Ok(site) => site,
            Err(reason) => return skip(name, &reason),
        };
        let second = serve(&site.engine, "socks", &site.volume, "three", "one");
        let [first, second] = [&site.ids[0], &second].map(|id| pid_of(id));
        let list = json(["list"]);
        let [first, second] = [first, second].map(|pid| row(&list, pid)["inode"].as_u64().unwrap());
        assert_ne!(first, second);
        let seen = inspect(site.socket("one"));
        seen.is_healthy();
        assert_eq!(seen.target()["socket"]["inode"], second, "{:#}", seen.0);
        // The first one listens on under a name that leads to the second.
        assert_ne!(row(&list, pid_of(&site.ids[0]))["role"], "serves_path");
    });
}

#[test]
fn a_missing_socket_that_is_mounted_becomes_a_directory() {
    let name = "seed_s2::a_missing_socket_that_is_mounted_becomes_a_directory";
    isolated_root(name, |world| {
        let engine = match Engine::start(world) {
            Ok(engine) => engine,
            Err(reason) => return skip(name, &reason),
        };
        let missing = world.path("missing.sock");
        let refused = format!("type=bind,source={},target=/x.sock", missing.display());
        let output = engine.docker(["run", "--network=none", "--mount", &refused, "lab", "/usr/bin/true"]);
        assert_eq!(output.status, 125, "{}", output.stderr);
        assert!(!missing.exists());
        idle(&engine, "early", &format!("{}:/x.sock", missing.display()));
        let seen = inspect(&missing);
        seen.is_broken_by("SD107", "likely");
        engine.succeed(["rm", "--force", "early"]);
        seen.paste_fix("sh");
        assert!(!missing.exists());
    });
}

#[test]
fn a_mounted_socket_file_is_not_taken_for_the_one_that_replaced_it() {
    let name = "seed_s2::a_mounted_socket_file_is_not_taken_for_the_one_that_replaced_it";
    isolated_root(name, |world| {
        let engine = match Engine::start(world) {
            Ok(engine) => engine,
            Err(reason) => return skip(name, &reason),
        };
        let (client, _server, path) = bind_mount_of_a_dead_socket(world, &engine);
        inspect(&path).is_healthy();
        let seen = access(&client, "/api.sock");
        assert_eq!((codes(&seen)[0], &seen["exit_code"]), ("SD505", &1.into()), "{seen:#}");
        let own = path.to_str().unwrap();
        assert!(!changes(&seen).any(|change| change.contains(own)), "{seen:#}");
        assert!(!changes(&seen).any(|change| change.contains(" /api.sock")), "{seen:#}");
    });
}

#[test]
fn a_socket_on_a_volume_of_another_project_is_not_reached() {
    let name = "seed_s2::a_socket_on_a_volume_of_another_project_is_not_reached";
    isolated_root(name, |world| {
        let engine = match Engine::start(world) {
            Ok(engine) => engine,
            Err(reason) => return skip(name, &reason),
        };
        let (client, server) = volumes_of_two_projects(&engine);
        let inside = format!("{INSIDE}/app.sock");
        let seen = access(&client, &inside);
        assert_eq!((&seen["data"]["allowed"], codes(&seen)[0]), (&false.into(), "SD703"), "{seen:#}");
        assert_eq!(access(&server, &inside)["data"]["allowed"], true);
    });
}
