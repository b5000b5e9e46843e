//! Servers that are stopped, slow or orphaned: what `inspect`, `list` and `probe` say of one must be the same.

use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::binary::{document, json, sockdoctor};
use crate::health::{LIMIT, gunicorn, inspected, request, workers};
use crate::process::{finish, until};
use crate::seen::{inspect, text};
use crate::servers::answers_http;
use crate::world::{isolated, skip};

/// What `list` says of a socket: its codes, and all of it.
fn listed(path: &Path) -> (Vec<String>, Value) {
    let document = json(["list", "--match", text(path)]);
    let codes = document["findings"].as_array().unwrap().iter();
    (codes.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect(), document)
}

#[test]
fn an_idle_server_that_is_stopped_is_found_before_a_client_meets_it() {
    let name = "stalled::an_idle_server_that_is_stopped_is_found_before_a_client_meets_it";
    isolated(name, |world| {
        let path = world.path("app.sock");
        let Some(server) = gunicorn(world, &path, &[]) else { return skip(name, "no gunicorn") };
        let [worker] = workers(&server)[..] else { panic!("one worker") };
        assert!(listed(&path).0.is_empty());
        kill(Pid::from_raw(worker), Signal::SIGSTOP).unwrap();
        let go_on = format!("kill -CONT {worker}");
        let is_it = |document: &Value| {
            let first = &document["findings"][0];
            assert_eq!(
                (&first["code"], &first["severity"]),
                (&"SD304".into(), &"error".into()),
                "{document:#}"
            );
            assert_eq!(first["fix"][0]["command"], go_on, "{document:#}");
        };
        is_it(&inspect(&path).0);
        is_it(&listed(&path).1);
        // What else is wrong with it hides nothing.
        let both = ["list", "--probe", "--timeout", "2s", "--match", text(&path)];
        assert!(json(both)["findings"].as_array().unwrap().len() > 1);
        let probe = ["probe", text(&path), "--http", "/", "--timeout", "2s", "--json"];
        is_it(&document(&finish(sockdoctor().args(probe), LIMIT)));
        kill(Pid::from_raw(worker), Signal::SIGCONT).unwrap();
        assert!(until(LIMIT, || answers_http(&path)));
        assert!(listed(&path).0.is_empty());
    });
}

#[test]
fn one_stopped_process_of_several_is_a_warning() {
    let name = "stalled::one_stopped_process_of_several_is_a_warning";
    isolated(name, |world| {
        let path = world.path("app.sock");
        let Some(server) = gunicorn(world, &path, &["--workers", "3"]) else {
            return skip(name, "no gunicorn");
        };
        assert!(until(LIMIT, || workers(&server).len() == 3));
        for pid in [workers(&server)[1], server.pid().as_raw()] {
            kill(Pid::from_raw(pid), Signal::SIGSTOP).unwrap();
            let seen = inspect(&path);
            let found = seen.findings().next().unwrap();
            assert_eq!(
                (&found["code"], &found["severity"]),
                (&"SD304".into(), &"warning".into()),
                "{:#}",
                seen.0
            );
            assert_eq!(found["fix"][0]["command"], format!("kill -CONT {pid}"));
            kill(Pid::from_raw(pid), Signal::SIGCONT).unwrap();
        }
    });
}

#[test]
fn workers_of_gunicorn_that_lost_their_master_are_named() {
    let name = "stalled::workers_of_gunicorn_that_lost_their_master_are_named";
    isolated(name, |world| {
        for count in ["1", "3"] {
            let path = world.path(&format!("{count}.sock"));
            let Some(mut server) = gunicorn(world, &path, &["--workers", count]) else {
                return skip(name, "no gunicorn");
            };
            assert!(until(LIMIT, || workers(&server).len().to_string() == count));
            let mut pids = workers(&server);
            assert!(!inspect(&path).codes().contains(&"SD308") && listed(&path).0.is_empty());
            // Busy workers do not notice that their master is gone.
            let _busy: Vec<_> = pids.iter().map(|_| request(&path, "/slow60")).collect();
            server.signal(Signal::SIGKILL);
            assert!(server.ended(LIMIT).is_some());
            let seen = inspect(&path);
            let found = seen.findings().find(|finding| finding["code"] == "SD308");
            let command = found.unwrap_or_else(|| panic!("{:#}", seen.0))["fix"][0]["command"].clone();
            let mut named: Vec<i32> =
                command.as_str().unwrap().split(' ').skip(1).map(|pid| pid.parse().unwrap()).collect();
            named.sort_unstable();
            pids.sort_unstable();
            assert_eq!(named, pids);
            assert!(listed(&path).0.contains(&"SD308".into()), "list says the same");
        }
    });
}

#[test]
fn a_slow_handler_is_no_error_and_an_overview_says_that_it_cannot_tell() {
    let name = "stalled::a_slow_handler_is_no_error_and_an_overview_says_that_it_cannot_tell";
    isolated(name, |world| {
        let path = world.path("app.sock");
        let Some(_server) = gunicorn(world, &path, &[]) else { return skip(name, "no gunicorn") };
        let _served = request(&path, "/slow20");
        let _waits = [request(&path, "/"), request(&path, "/")];
        let waiting = || inspect(&path).target()["queue"]["waiting"] == 2;
        assert!(until(LIMIT, waiting));
        let seen = inspected(&path, &["--sample", "1s"]);
        assert_eq!(seen.0["summary"]["error"], 0, "{:#}", seen.0);
        let (codes, document) = listed(&path);
        assert!(codes.is_empty(), "{codes:?}");
        let not_checked = document["not_checked"].as_array().unwrap();
        assert!(not_checked.iter().any(|gap| gap["code"] == "SD304"), "{not_checked:#?}");
    });
}
