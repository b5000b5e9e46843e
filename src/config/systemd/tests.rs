use proptest::prelude::*;

use super::*;

fn read(name: &str, text: &str) -> Unit {
    unit(name, &[(format!("/etc/systemd/system/{name}").into(), text.into())])
}

fn paths(unit: &Unit) -> Vec<&str> {
    unit.sockets.iter().map(|socket| std::str::from_utf8(&socket.path).unwrap()).collect()
}

fn found(units: &[Arc<Unit>], name: &str) -> Option<String> {
    listening_on(units, name.as_bytes()).map(|unit| unit.name.clone())
}

#[test]
fn the_unit_is_found_by_what_it_listens_on() {
    let units = [
        read(
            "a.socket",
            "[Unit]\nListenStream=/run/x\n[Socket]\n#ListenStream=/run/y\nListenStream = /run/a\n",
        ),
        read("b.socket", "[Socket]\nListenDatagram=%t//b\nListenSequentialPacket=@b\nListenStream=80\n"),
        read("c.socket", "[Socket]\nListenStream=/var/run/c/%H\nListenStream=/var/run/c/50%%\n"),
        read("d@.socket", "[Socket]\nListenStream=/run/d\n"),
        read("e@web.socket", "[Socket]\nListenStream=/run/%p/%i.sock\n"),
    ]
    .map(Arc::new);
    for (name, expected) in [
        ("/run/a", Some("a.socket")),
        ("/run/x", None),
        ("/run/y", None),
        ("/run/b", Some("b.socket")),
        ("@b", Some("b.socket")),
        ("80", None),
        ("/run/c/50%", Some("c.socket")),
        ("/run/d", None),
        ("/run/e/web.sock", Some("e@web.socket")),
    ] {
        assert_eq!(found(&units, name).as_deref(), expected, "{name}");
    }
    let twice = [
        read("a.socket", "[Socket]\nListenStream=/run/a"),
        read("b.socket", "[Socket]\nListenStream=/run/a"),
    ]
    .map(Arc::new);
    assert_eq!(found(&twice, "/run/a"), None, "which of two is meant is not said");
}

#[test]
fn a_drop_in_takes_back_what_the_unit_said() {
    let files = [
        (b"/lib/a.socket".to_vec(), b"[Socket]\nListenStream=/run/a\nSocketMode=0600".to_vec()),
        (
            b"/etc/a.socket.d/o.conf".to_vec(),
            b"[Socket]\nListenStream=\nListenStream=/run/b\nSocketMode=660".to_vec(),
        ),
    ];
    let unit = unit("a.socket", &files);
    assert_eq!(paths(&unit), ["/run/b"]);
    assert_eq!(unit.sockets[0].written.location.file, b"/etc/a.socket.d/o.conf");
    assert_eq!(unit.sockets[0].written.location.line, 3);
    assert_eq!(unit.socket_mode.map(|mode| mode.value), Some(0o660));
    assert_eq!((unit.file.as_slice(), unit.service.as_deref()), (&b"/lib/a.socket"[..], Some("a.service")));
}

#[test]
fn a_service_tells_where_its_server_listens_and_what_it_makes_and_removes() {
    let unit = read(
        "app.service",
        "[Unit]\nRequires=app.socket\n[Service]\nRuntimeDirectory=app %N/x\nRuntimeDirectoryPreserve=restart\n\
         ExecStartPre=-/bin/rm -f /run/app/app.sock\n\
         ExecStart=/opt/venv/bin/gunicorn --bind unix:%t/app/app.sock app:wsgi\n\
         RestrictAddressFamilies=AF_INET AF_INET6\n",
    );
    assert_eq!(paths(&unit), ["/run/app/app.sock"]);
    let directories: Vec<&[u8]> = unit.runtime_directories.iter().map(|made| made.value.as_slice()).collect();
    assert_eq!(directories, [&b"/run/app"[..], b"/run/app/x"]);
    assert_eq!(unit.preserves, Preserve::Restart);
    assert_eq!(
        (unit.deletes[0].value.as_slice(), unit.deletes[0].written.location.line),
        (&b"/run/app/app.sock"[..], 6)
    );
    assert!(unit.without_unix.is_some() && unit.stops_with == ["app.socket"]);
    let taken_back = "[Unit]\nRequires=a.socket\nRequires=\nAfter=a.socket\n[Service]\nRequires=a.socket\n";
    assert!(read("a.service", taken_back).stops_with.is_empty());
}

#[test]
fn families_are_allowed_or_denied() {
    for (lines, without) in [
        ("", false),
        ("RestrictAddressFamilies=AF_UNIX AF_INET", false),
        ("RestrictAddressFamilies=AF_INET\nRestrictAddressFamilies=AF_UNIX", false),
        ("RestrictAddressFamilies=AF_INET\nRestrictAddressFamilies=", false),
        ("RestrictAddressFamilies=~AF_PACKET", false),
        ("RestrictAddressFamilies=~AF_UNIX", true),
        ("RestrictAddressFamilies=AF_INET", true),
        ("RestrictAddressFamilies=none", true),
    ] {
        let unit = read("a.service", &format!("[Service]\n{lines}\n"));
        assert_eq!(unit.without_unix.is_some(), without, "{lines}");
    }
}

#[test]
fn the_place_of_a_path_is_that_of_the_path() {
    let text = "[Service]\nExecStart=/usr/bin/gunicorn --bind unix:/run/a.sock app\n";
    let unit = read("a.service", text);
    let written = &unit.sockets[0].written;
    assert_eq!(&text.as_bytes()[written.bytes.clone().unwrap()], b"/run/a.sock");
    assert_eq!((written.location.line, written.location.column), (2, 41));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let socket = [b"[Socket]\nListenStream=", text.as_slice()].concat();
        let service = [b"[Service]\nExecStart=gunicorn -b unix:", text.as_slice()].concat();
        let _ = unit("a@b.socket", &[(b"a".to_vec(), socket)]);
        let _ = unit("a@b.service", &[(b"a".to_vec(), service)]);
    }
}
