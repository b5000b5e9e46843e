//! Existence and identity, beyond the core: SD109, SD110, SD111, SD114, SD116, each on the real thing and on its
//! nearest innocent neighbour.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use serde_json::Value;
use sockdoctor::act::broken;

use crate::binary::{json, run};
use crate::world::{World, isolated, skip};

/// The codes of a document, ranked; without the one that says what a user namespace hides.
fn codes(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().unwrap();
    let codes = findings.iter().map(|finding| finding["code"].as_str().unwrap());
    codes.filter(|code| *code != "SD708").collect()
}

/// What `inspect` says of a path.
fn inspect(path: &Path) -> Value {
    json(["inspect".as_ref(), path.as_os_str()])
}

/// What `inspect` says of a target that is no plain path.
fn inspect_as(target: &[u8]) -> Value {
    json([std::ffi::OsStr::new("inspect"), std::ffi::OsStr::from_bytes(target)])
}

#[test]
fn sd109_a_carriage_return_in_the_servers_name_is_the_cause() {
    isolated("rules_1xx::sd109_a_carriage_return_in_the_servers_name_is_the_cause", |world| {
        let broken = broken::carriage_return(&world.dir).unwrap();
        let document = inspect(&broken.path);
        assert_eq!((codes(&document), &document["exit_code"]), (vec!["SD109"], &1.into()), "{document:#}");
        let fixes = document["findings"][0]["fix"].to_string();
        assert!(fixes.contains(r"app.sock\\x0d"), "the live socket is named, escaped: {fixes}");
        let listed = json(["list", "--match", &format!("{}/*", world.dir.display())]);
        assert_eq!(codes(&listed), ["SD109"]);
    });
}

#[test]
fn sd109_every_stray_byte_is_found_and_no_other() {
    isolated("rules_1xx::sd109_every_stray_byte_is_found_and_no_other", |world| {
        for (name, strange) in [
            ("x.sock ", true),
            (" x.sock", true),
            ("x.sock\n", true),
            ("\"x.sock\"", true),
            ("${NAME}.sock", true),
            ("my app.sock", false),
            ("it's.sock", false),
        ] {
            let path = world.path(name);
            let _listener = UnixListener::bind(&path).unwrap();
            assert_eq!(codes(&inspect(&path)).contains(&"SD109"), strange, "{name:?}");
        }
        let path = world.dir.join(std::ffi::OsStr::from_bytes(b"\xff\xfe.sock"));
        let _listener = UnixListener::bind(&path).unwrap();
        assert!(codes(&inspect(&path)).is_empty(), "not UTF-8, and healthy");
    });
}

#[test]
fn sd110_a_relative_name_is_told_where_it_matters_alone() {
    isolated("rules_1xx::sd110_a_relative_name_is_told_where_it_matters_alone", |world| {
        let broken = broken::relative(&world.dir).unwrap();
        let document = inspect_as(&broken.target);
        assert_eq!((codes(&document), &document["exit_code"]), (vec!["SD110"], &0.into()), "{document:#}");
        assert_eq!(codes(&json(["list", "--match", "app.sock"])), ["SD110"]);
        let healthy = inspect(&broken.path);
        assert!(codes(&healthy).is_empty(), "an absolute path that leads to it: {healthy:#}");
        // The server moves on: its name means nothing any more, its clients never notice.
        std::env::set_current_dir("/").unwrap();
        let document = inspect_as(&broken.target);
        assert!(codes(&document).contains(&"SD110"), "{document:#}");
        let findings = document["findings"].as_array().unwrap();
        let certain = |code: &str| findings.iter().any(|f| f["code"] == code && f["certainty"] == "certain");
        assert!(!certain("SD102"), "where it was bound is not known: {document:#}");
        assert!(codes(&inspect(&broken.path)).is_empty());
    });
}

#[test]
fn sd111_links_to_nothing_and_in_circles_are_the_cause() {
    isolated("rules_1xx::sd111_links_to_nothing_and_in_circles_are_the_cause", |world| {
        let dangling = broken::dangling_link(&world.dir).unwrap();
        let document = inspect(&dangling.path);
        assert_eq!((codes(&document), &document["exit_code"]), (vec!["SD111"], &1.into()), "{document:#}");
        let evidence = &document["findings"][0]["evidence"];
        let link = format!("{0}/app.sock -> {0}/data/app.sock", world.dir.display());
        assert!(evidence.to_string().contains(&link), "{evidence}");
        std::fs::create_dir(world.path("data")).unwrap();
        let listener = UnixListener::bind(world.path("data/app.sock")).unwrap();
        assert!(codes(&inspect(&dangling.path)).is_empty(), "the chain ends at a socket");
        std::fs::remove_file(world.path("data/app.sock")).unwrap();
        assert_eq!(codes(&inspect(&dangling.path)), ["SD102"], "the link is right, the file is gone");
        drop(listener);
        let loops = world.path("loop");
        std::fs::create_dir(&loops).unwrap();
        let broken = broken::link_loop(&loops).unwrap();
        assert_eq!(codes(&inspect(&broken.path)), ["SD111"]);
        // A good link to a directory without the socket is not to blame.
        symlink(world.path("data"), world.path("good")).unwrap();
        assert!(!codes(&inspect(&world.path("good/none.sock"))).contains(&"SD111"));
    });
}

/// A directory of tmpfiles.d configuration that is the world's own; `None`: this machine has no place for one.
pub(crate) fn own_tmpfiles(world: &World) -> Option<std::path::PathBuf> {
    let places = ["/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d"];
    let place = places.into_iter().find(|place| Path::new(place).is_dir())?;
    let own = world.path("tmpfiles.d");
    std::fs::create_dir(&own).unwrap();
    let flags = nix::mount::MsFlags::MS_BIND;
    nix::mount::mount(Some(&own), place, None::<&str>, flags, None::<&str>).unwrap();
    Some(own)
}

#[test]
fn sd114_a_line_with_an_age_covers_the_path_until_one_excludes_it() {
    let name = "rules_1xx::sd114_a_line_with_an_age_covers_the_path_until_one_excludes_it";
    isolated(name, |world| {
        let Some(tmpfiles) = own_tmpfiles(world) else { return skip(name, "no directory of tmpfiles.d") };
        let broken = broken::listening(&world.dir).unwrap();
        let write = |file: &str, line: &str| std::fs::write(tmpfiles.join(file), line).unwrap();
        let directory = world.dir.display();
        write("50-sd.conf", &format!("d {directory} 0755 root root -\n"));
        assert!(codes(&inspect(&broken.path)).is_empty(), "a line without an age");
        write("50-sd.conf", &format!("# cleaned\nq {directory} 0755 root root 10d\n"));
        let document = inspect(&broken.path);
        assert_eq!((codes(&document), &document["exit_code"]), (vec!["SD114"], &0.into()), "{document:#}");
        let finding = &document["findings"][0];
        assert_eq!((&finding["severity"], &finding["certainty"]), (&"warning".into(), &"likely".into()));
        assert_eq!(finding["locations"][0]["line"], 2);
        assert_eq!(run(["--fail-on", "warning", "inspect", broken.path.to_str().unwrap()]).status, 1);
        assert!(codes(&json(["list", "--match", broken.path.to_str().unwrap()])).is_empty(), "not asked");
        // The fix as it is printed.
        let fix = finding["fix"].as_array().unwrap().iter().find_map(|fix| fix["command"].as_str()).unwrap();
        write("60-sd.conf", &format!("x {}\n", broken.path.display()));
        assert!(fix.contains(&format!("'x {}'", broken.path.display())), "{fix}");
        assert!(codes(&inspect(&broken.path)).is_empty(), "excluded");
        // Clean again with the exclusion masked.
        std::fs::remove_file(tmpfiles.join("60-sd.conf")).unwrap();
        symlink("/dev/null", tmpfiles.join("60-sd.conf")).unwrap();
        assert_eq!(codes(&inspect(&broken.path)), ["SD114"]);
    });
}

#[test]
fn sd116_http_to_a_datagram_socket_is_the_wrong_type() {
    isolated("rules_1xx::sd116_http_to_a_datagram_socket_is_the_wrong_type", |world| {
        let broken = broken::datagram_for_http(&world.dir).unwrap();
        let document = inspect_as(&broken.target);
        assert_eq!((codes(&document), &document["exit_code"]), (vec!["SD116"], &1.into()), "{document:#}");
        assert!(codes(&inspect(&broken.path)).is_empty(), "a bare path expects no type");
        let healthy = broken::listening(&world.dir).unwrap();
        let target = format!("http+unix://{}/", healthy.path.to_str().unwrap().replace('/', "%2F"));
        assert!(codes(&inspect_as(target.as_bytes())).is_empty());
    });
}

#[test]
fn sd101_needs_only_names_which_other_network_namespaces_show_to_everybody() {
    isolated("rules_1xx::sd101_needs_only_names_which_other_network_namespaces_show_to_everybody", |world| {
        // A namespace that ends while it is looked at leaves a gap: other tests' worlds come and go.
        let looks = (0..5).map(|_| inspect(&world.path("none.sock")));
        let certain = |document: &Value| {
            codes(document) == ["SD101"] && document["findings"][0]["certainty"] == "certain"
        };
        assert!({ looks }.any(|document| certain(&document)));
    });
}
