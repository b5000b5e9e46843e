//! `wait --for http`: ready is who answers as expected, and not who only takes connections.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::binary::json;
use crate::seen::text;
use crate::servers::gunicorn;
use crate::world::{isolated, need, skip};

/// Answers every request with the status it is given, 0 with nothing at all.
fn answers(path: &Path, status: &Arc<AtomicU16>) {
    let listener = UnixListener::bind(path).unwrap();
    let status = Arc::clone(status);
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            let status = status.load(Ordering::SeqCst);
            if status == 0 {
                silent.push(connection);
                continue;
            }
            let _ = connection.read(&mut [0; 4096]);
            let _ =
                write!(connection, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
}

#[test]
fn a_server_that_answers_later_is_waited_for() {
    isolated("wait_http::a_server_that_answers_later_is_waited_for", |world| {
        let (path, status) = (world.path("app.sock"), Arc::new(AtomicU16::new(503)));
        answers(&path, &status);
        let early = json(["wait", "--once", "--http", "/health", text(&path)]);
        assert_eq!(
            (&early["exit_code"], &early["data"]["waited"][0]["state"]),
            (&1.into(), &"unexpected_status".into())
        );
        assert_eq!(early["findings"][0]["code"], "SD408", "{early:#}");
        let connects = json(["wait", "--once", text(&path)]);
        assert_eq!(connects["exit_code"], 0, "it does take connections");
        let later = Arc::clone(&status);
        let healed = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(300));
            later.store(204, Ordering::SeqCst);
        });
        let ready = json(["wait", "--timeout", "10m", "--for", "http", text(&path)]);
        assert_eq!(
            (&ready["exit_code"], &ready["data"]["waited"][0]["goal"]),
            (&0.into(), &"http".into()),
            "{ready:#}"
        );
        healed.join().unwrap();
        let picky = json(["wait", "--once", "--http", "/", "--expect", "200", text(&path)]);
        assert_eq!(picky["exit_code"], 1, "{picky:#}");
    });
}

#[test]
fn a_server_that_never_answers_is_given_up_on_with_what_it_did() {
    isolated("wait_http::a_server_that_never_answers_is_given_up_on_with_what_it_did", |world| {
        let path = world.path("app.sock");
        answers(&path, &Arc::new(AtomicU16::new(0)));
        let late = json(["wait", "--timeout", "600ms", "--http", "/", text(&path)]);
        assert_eq!(
            (&late["exit_code"], &late["data"]["waited"][0]["state"]),
            (&124.into(), &"no_reply".into()),
            "{late:#}"
        );
        assert_eq!(late["findings"][0]["code"], "SD401", "{late:#}");
        let nobody = json(["wait", "--timeout", "300ms", "--http", "/", text(&world.path("none.sock"))]);
        assert_eq!((&nobody["exit_code"], &nobody["findings"][0]["code"]), (&124.into(), &"SD101".into()));
    });
}

#[test]
fn a_real_server_is_ready_when_it_answers() {
    let name = "wait_http::a_real_server_is_ready_when_it_answers";
    isolated(name, |world| {
        let path = world.path("app.sock");
        let target = format!("http+unix://{}/", text(&path).replace('/', "%2F"));
        let waiter = std::thread::spawn(move || json(["wait", "--timeout", "10m", "--for", "http", &target]));
        if need("gunicorn").is_none() {
            return skip(name, "no gunicorn");
        }
        let _server = gunicorn(world, &path);
        let ready = waiter.join().unwrap();
        assert_eq!(ready["data"]["waited"][0]["ready"], true, "{ready:#}");
    });
}
