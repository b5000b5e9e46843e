//! The situation that started it, scanned: uvicorn or gunicorn with several workers, and nginx in front.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::access_nginx::Proxy;
use crate::binary::json;
use crate::process::{finish, until};
use crate::servers::{gunicorn, uvicorn, uvicorn_command};
use crate::world::{World, isolated_root, skip};

const SOON: Duration = Duration::from_secs(30);

/// What `scan` finds of this world, remarks left out: other tests run on the same machine.
fn found(world: &World) -> Vec<Value> {
    let document = json(["scan"]);
    let own = |finding: &&Value| {
        let name = finding["subject"]["name"].as_str().unwrap();
        name.starts_with(world.dir.to_str().unwrap()) && finding["severity"] != "info"
    };
    document["findings"].as_array().unwrap().iter().filter(own).cloned().collect()
}

#[test]
fn a_second_start_of_uvicorn_is_named_with_the_line_of_nginx() {
    let name = "seed_s0_scan::a_second_start_of_uvicorn_is_named_with_the_line_of_nginx";
    isolated_root(name, |world| {
        let socket = world.path("app.sock");
        let Some(mut server) = uvicorn(world, &socket, 2) else { return skip(name, "no uvicorn") };
        let Some(proxy) = Proxy::start_as(world, "root", 0, &socket) else { return skip(name, "no nginx") };
        assert_eq!((proxy.answers(), found(world)), (Some(200), vec![]));

        let mut second = uvicorn_command(world, &socket, 2).unwrap();
        let second = finish(second.stdin(Stdio::null()), SOON);
        assert!(second.stderr.contains("Address already in use"), "{}", second.stderr);
        assert_eq!(proxy.answers(), Some(502));
        let findings = found(world);
        assert_eq!(findings[0]["code"], "SD102", "{findings:#?}");
        let file = findings[0]["locations"][0]["file"].as_str().unwrap();
        assert!(file.ends_with("/nginx.conf") && findings[0]["locations"][0]["line"] == 3, "{findings:#?}");

        // The printed fix: the owner is stopped, and started again as before.
        let fix = findings[0]["fix"].as_array().unwrap().iter().find(|fix| fix["changes_state"] == true);
        let command = fix.unwrap()["command"].as_str().unwrap();
        assert_eq!(finish(Command::new("sh").args(["-c", command]), SOON).status, 0, "{command}");
        assert!(server.ended(SOON).is_some(), "{command}");
        let again = uvicorn(world, &socket, 2).unwrap();
        assert_eq!((proxy.answers(), found(world)), (Some(200), vec![]));
        drop(again);
        let _ = std::fs::remove_file(&socket);
        assert_eq!(found(world)[0]["code"], "SD601", "{:#?}", found(world));
        let _gunicorn = gunicorn(world, &socket).unwrap();
        assert!(until(SOON, || proxy.answers() == Some(200)));
        assert_eq!(found(world), Vec::<Value>::new());
    });
}
