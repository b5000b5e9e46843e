//! Files that somebody gave to `scan --config`: whose they are, which belong together, and that nothing to read is said.

use serde_json::Value;

use crate::binary::{json, run};
use crate::world::{World, isolated};

/// HAProxy with one server, and what else its global section has.
fn haproxy(global: &str, server: &str) -> String {
    format!("global\n nbthread 1\n{global}\nbackend app\n server one {server} check\n")
}

fn write(world: &World, name: &str, text: &str) {
    std::fs::create_dir_all(world.path(name).parent().unwrap()).unwrap();
    world.write(name, text);
}

/// Each finding as `code file:line`, and what was found at all.
fn scanned(world: &World, names: &[&str]) -> (Vec<String>, Value) {
    let words = ["scan".to_owned(), "--config".to_owned()].into_iter();
    let document = json(words.chain(names.iter().map(|name| world.path(name).display().to_string())));
    let shown = |finding: &Value| {
        let at = &finding["locations"][0];
        let file = at["file"].as_str().unwrap().trim_start_matches(world.dir.to_str().unwrap()).to_owned();
        format!("{} {}:{}", finding["code"].as_str().unwrap(), file.trim_start_matches('/'), at["line"])
    };
    let mut found: Vec<String> = document["findings"].as_array().unwrap().iter().map(shown).collect();
    found.sort();
    (found, document)
}

#[test]
fn two_configurations_of_haproxy_are_two_and_parts_of_one_are_one() {
    isolated("scan_files::two_configurations_of_haproxy_are_two_and_parts_of_one_are_one", |world| {
        let socket = world.path("app.sock");
        let _server = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let (socket, gone) = (socket.display().to_string(), world.path("gone.sock").display().to_string());
        let jail = world.path("jail");
        std::fs::create_dir(&jail).unwrap();
        let chroot = format!(" chroot {}", jail.display());
        write(world, "two/prod/haproxy.cfg", &haproxy(&chroot, &socket));
        write(world, "two/dev/haproxy.cfg", &haproxy("", &gone));
        let wanted = ["SD601 two/dev/haproxy.cfg:5", "SD603 two/prod/haproxy.cfg:5"];
        assert_eq!(scanned(world, &["two"]).0, wanted);
        assert_eq!(scanned(world, &["two/dev/haproxy.cfg", "two/prod/haproxy.cfg"]).0, wanted);
        // The same socket, to one below its chroot and to one without.
        write(world, "two/dev/haproxy.cfg", &haproxy("", &socket));
        let (found, document) = scanned(world, &["two"]);
        assert_eq!(found, wanted[1..], "{document:#}");
        assert!(!document["findings"].to_string().contains("two/dev"), "{document:#}");
        // Two who look for the same server in vain.
        write(world, "two/dev/haproxy.cfg", &haproxy("", &gone));
        write(world, "two/prod/haproxy.cfg", &haproxy("", &gone));
        assert_eq!(scanned(world, &["two"]).0.len(), 1);

        write(world, "one/haproxy.cfg", &format!("global\n{chroot}\n"));
        write(world, "one/conf.d/app.cfg", &format!("backend app\n server one {socket}\n"));
        let (found, document) = scanned(world, &["one"]);
        assert_eq!(found, ["SD603 one/conf.d/app.cfg:2"], "{document:#}");
    });
}

#[test]
fn a_path_longer_than_haproxy_takes_is_named_with_its_line() {
    isolated("scan_files::a_path_longer_than_haproxy_takes_is_named_with_its_line", |world| {
        let long = format!("/run/{}", "x".repeat(93));
        write(world, "haproxy.cfg", &haproxy("", &long));
        let (found, document) = scanned(world, &["haproxy.cfg"]);
        assert_eq!(found, ["SD108 haproxy.cfg:5"], "{document:#}");
        write(world, "haproxy.cfg", &haproxy("", &long[..97]));
        assert_eq!(scanned(world, &["haproxy.cfg"]).0, ["SD601 haproxy.cfg:5"]);
    });
}

#[test]
fn a_main_file_is_known_by_its_name_and_where_there_is_none_that_is_said() {
    isolated("scan_files::a_main_file_is_known_by_its_name_and_where_there_is_none_that_is_said", |world| {
        for (name, text) in [
            ("postgresql.conf", "unix_socket_directories = '/run/none'\n"),
            ("redis.conf", "unixsocket /run/none/redis.sock\n"),
            (
                "50-client.cnf",
                "[client]\nsocket = /run/none/mysqld.sock\n[mysqld]\nsocket = /run/none/mysqld.sock\n",
            ),
        ] {
            write(world, name, text);
            let (found, document) = scanned(world, &[name]);
            assert_eq!(found, [""; 0], "{name}");
            assert!(!document["data"]["declarations"].as_array().unwrap().is_empty(), "{name}: {document:#}");
        }
        std::fs::create_dir(world.path("empty")).unwrap();
        write(world, "other/notes.txt", "nothing\n");
        for name in ["empty", "other"] {
            let output = run(["scan".into(), "--config".into(), world.path(name).into_os_string()]);
            assert_eq!(output.status, 2, "{name}: {}", output.stdout);
            assert!(output.stderr.contains("no configuration that scan reads"), "{name}: {}", output.stderr);
        }
    });
}

/// nginx with one location, and a service of gunicorn.
fn pair(world: &World, dir: &str, pass: &str, units: &[(&str, &str)]) -> (Vec<String>, Value) {
    let site = format!("events {{}}\nhttp {{ server {{ location / {{\n{pass};\n}} }} }}\n");
    write(world, &format!("{dir}/nginx.conf"), &site);
    for (name, text) in units {
        write(world, &format!("{dir}/{name}"), text);
    }
    scanned(world, &[dir])
}

#[test]
fn a_path_is_the_same_however_it_is_spelt() {
    isolated("scan_files::a_path_is_the_same_however_it_is_spelt", |world| {
        let service = |bind: &str| {
            format!("[Service]\nWorkingDirectory=/srv/x\nExecStart=/usr/bin/gunicorn -b {bind} a:a\n")
        };
        for (number, pass, bind, found) in [
            (1, "uwsgi_pass unix:///run/none/u.sock", "unix:/run/other.sock", true),
            (2, "grpc_pass unix:///run/none/g.sock", "unix:/run/other.sock", true),
            (3, "proxy_pass http://unix:/srv/x/f.sock", "unix:./f.sock", false),
            (4, "proxy_pass http://unix:/srv/y/../x/f.sock", "unix:/srv//x/./f.sock", false),
        ] {
            let unit = service(bind);
            let (seen, document) = pair(world, &format!("{number}"), pass, &[("app.service", &unit)]);
            let expected = if found { vec![format!("SD601 {number}/nginx.conf:3")] } else { vec![] };
            assert_eq!(seen, expected, "{pass} {bind}: {document:#}");
        }
    });
}

#[test]
fn a_line_is_rewritten_only_for_the_one_server_that_can_be_meant() {
    isolated("scan_files::a_line_is_rewritten_only_for_the_one_server_that_can_be_meant", |world| {
        let service = |bind: &str| format!("[Service]\nExecStart=/usr/bin/gunicorn -b unix:{bind} a:a\n");
        for (dir, wanted, served, rewritten) in [
            ("misspelt", "/run/app/appp.sock", &["/run/app/app.sock"][..], true),
            ("numbered", "/run/app/app2.sock", &["/run/app/app1.sock"], false),
            ("several", "/run/app/x.sock", &["/run/app/a.sock", "/run/app/b.sock"], false),
        ] {
            let units: Vec<(String, String)> = served
                .iter()
                .enumerate()
                .map(|(number, bind)| (format!("s{number}.service"), service(bind)))
                .collect();
            let units: Vec<(&str, &str)> = units.iter().map(|(name, text)| (&**name, &**text)).collect();
            let (_, document) = pair(world, dir, &format!("proxy_pass http://unix:{wanted}"), &units);
            let missed = document["findings"].as_array().unwrap().iter().find(|one| one["code"] == "SD601");
            let fixes = missed.unwrap()["fix"].as_array().unwrap();
            let changes = fixes.iter().any(|fix| fix["changes_state"] == true);
            assert_eq!(changes, rewritten, "{dir}: {fixes:#?}");
        }
    });
}

#[test]
fn a_masked_unit_listens_nowhere() {
    isolated("scan_files::a_masked_unit_listens_nowhere", |world| {
        write(world, "m/usr/lib/systemd/system/a.socket", "[Socket]\nListenStream=/run/masked.sock\n");
        let pass = "proxy_pass http://unix:/run/masked.sock";
        assert_eq!(pair(world, "m", pass, &[]).0, [""; 0]);
        write(world, "m/etc/systemd/system/README", "");
        std::os::unix::fs::symlink("/dev/null", world.path("m/etc/systemd/system/a.socket")).unwrap();
        assert_eq!(pair(world, "m", pass, &[]).0, ["SD601 m/nginx.conf:3"]);
    });
}
