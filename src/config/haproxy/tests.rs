use proptest::prelude::*;

use super::*;
use crate::model::{Asks, Expected, Form, Target};

fn alone(text: &str) -> Haproxy {
    read(&[(b"haproxy.cfg".to_vec(), text.into())])
}

fn check(text: &str) -> HealthCheck {
    let mut found = alone(text);
    assert_eq!(found.checks.len(), 1, "{text}");
    found.checks.remove(0)
}

#[test]
fn every_way_to_name_a_socket_is_found_with_its_line() {
    let found = alone(
        "global\n user haproxy\n chroot /var/lib/haproxy # jail\n stats socket /run/admin.sock mode 660\n setenv D /run/app\n\
         defaults\n mode http\nfrontend f\n bind /run/f.sock,unix@/run/g.sock user x\n bind :80\n\
         backend b\n server a /run/a.sock check\n server b \"unix@${D}/b.sock\"\n server c abns@c check\n server d 1.2.3.4:80\n\
         listen l\n mode tcp\n bind abns@l\n server e /run/e.sock\n server f \"${NONE}/x\"\n\
         peers p\n server no /run/no.sock\n",
    );
    let shown: Vec<(String, u32, Usage)> = found
        .sockets
        .iter()
        .map(|one| (String::from_utf8_lossy(&one.path).into_owned(), one.written.location.line, one.usage))
        .collect();
    let connects = |path: &str, line| (path.to_owned(), line, Usage::Connects);
    let binds = |path: &str, line| (path.to_owned(), line, Usage::Binds);
    assert_eq!(
        shown,
        [
            binds("/run/admin.sock", 4),
            binds("/run/f.sock", 9),
            binds("/run/g.sock", 9),
            connects("/run/a.sock", 12),
            connects("/run/app/b.sock", 13),
            connects("@c", 14),
            binds("@l", 18),
            connects("/run/e.sock", 19),
        ]
    );
    assert_eq!(
        (found.user.unwrap().value, found.chroot.unwrap().value),
        (b"haproxy".to_vec(), b"/var/lib/haproxy".to_vec())
    );
    assert_eq!(
        (found.variable.len(), found.sockets[3].protocol, found.sockets[7].protocol),
        (1, Some(Protocol::Http), None)
    );
    assert_eq!(found.checks.len(), 5);
}

#[test]
fn defaults_are_inherited_by_name_or_by_place() {
    let text = "defaults one\n mode http\n option httpchk GET /one\n timeout check 700\ndefaults two from one\n http-check expect status 204\n\
                defaults three\n default-server check inter 1s\n\
                backend a from two\n server s /run/s.sock check\nbackend b\n server s /run/s.sock\nbackend c from one\n server s /run/s.sock\n";
    let found = alone(text);
    let asks: Vec<&Asks> = found.checks.iter().map(|check| &check.asks).collect();
    assert!(
        matches!(asks[0], Asks::Http(request, expects) if request.path == "/one" && expects.len() == 1),
        "{asks:?}"
    );
    assert_eq!((asks[1], asks[2]), (&Asks::Connect, &Asks::Nothing));
    let timeouts: Vec<u128> = found.checks.iter().map(|check| check.timeout.as_millis()).collect();
    assert_eq!(timeouts, [700, 1000, 700]);
}

#[test]
fn what_a_check_asks_is_what_haproxy_sends() {
    let request =
        |lines: &str| match check(&format!("backend b\n{lines}\n server s /run/s.sock check\n")).asks {
            Asks::Http(request, _) => request,
            other => panic!("{lines}: {other:?}"),
        };
    let plain = request(" option httpchk");
    assert_eq!((plain.method.as_str(), plain.path.as_str(), plain.form), ("OPTIONS", "/", Form::Bare10));
    assert!(plain.headers.is_empty() && plain.host.is_empty());
    assert_eq!(request(" option httpchk /h").method, "OPTIONS");
    let hidden = request(" option httpchk GET /h HTTP/1.1\\r\\nHost:\\ www");
    assert_eq!((hidden.host.as_str(), hidden.form), ("www", Form::Bare));
    assert_eq!(hidden.headers, [("connection".to_owned(), "close".to_owned())]);
    let sent = request(
        " http-check send meth POST uri /h ver HTTP/1.1 hdr Host app hdr X \"a b\" body {}\n option httpchk GET /x",
    );
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("GET", "/x"), "the option stands behind it");
    let sent =
        request(" option httpchk GET /x\n http-check connect\n http-check send uri /h hdr X \"a b\" body {}");
    assert_eq!((sent.method.as_str(), sent.path.as_str(), sent.body.as_slice()), ("GET", "/h", &b"{}"[..]));
    assert_eq!(sent.headers, [("X".to_owned(), "a b".to_owned())]);
}

#[test]
fn what_is_expected_is_read_and_what_cannot_be_replayed_is_said() {
    let asks = |lines: &str| {
        check(&format!("backend b\n option httpchk\n{lines}\n server s /run/s.sock check\n")).asks
    };
    let Asks::Http(_, expects) =
        asks(" http-check expect ! status 500,502-504\n http-check expect rstring ^ok")
    else {
        panic!()
    };
    assert!(expects[0].negated && matches!(&expects[0].what, Expected::Status(those) if those.len() == 2));
    assert_eq!(
        (&expects[1].what, expects[1].written.location.line),
        (&Expected::BodyPattern("^ok".into()), 4)
    );
    for lines in [
        " http-check expect hdr name x",
        " http-check send\n http-check send uri /b",
        " option pgsql-check user x",
        " http-check connect ssl",
        " http-check expect string",
    ] {
        assert!(matches!(asks(lines), Asks::Other(_)), "{lines}");
    }
    let plain = |options: &str| check(&format!("backend b\n server s 10.0.0.1:80 {options}\n"));
    assert_eq!((plain("weight 1").asks, plain("cookie check").asks), (Asks::Nothing, Asks::Nothing));
    assert!(matches!(plain("check ssl").asks, Asks::Other(_)));
    assert_eq!(plain("check port 8080").target, Some(Target::Tcp("10.0.0.1:8080".into())));
    assert_eq!(plain("check addr /run/x.sock").target, Some(Target::Path(b"/run/x.sock".to_vec())));
    assert_eq!(plain("check inter 300ms").timeout, Duration::from_millis(300));
}

#[test]
fn a_rule_of_its_own_replaces_those_that_are_inherited() {
    let text = "defaults\n mode http\n option httpchk GET /a\n http-check expect status 201\nbackend b\n \
                http-check disable-on-404\n http-check expect rstatus ^2 comment x\n server s /run/s.sock check\n";
    let Asks::Http(request, expects) = check(text).asks else { panic!("{:?}", check(text).asks) };
    assert_eq!((request.path.as_str(), expects.len()), ("/a", 1));
    assert_eq!(expects[0].what, Expected::StatusPattern("^2".into()));
}

#[test]
fn no_check_has_rules_without_end() {
    let expect = " http-check expect status 200\n";
    let text =
        |count: usize| [" option httpchk\n", &expect.repeat(count), " server s /run/s.sock check\n"].concat();
    let asks = |count| check(&["backend b\n mode http\n", &text(count)].concat()).asks;
    assert!(matches!(asks(100), Asks::Http(_, expects) if expects.len() == 100));
    let Asks::Other(why) = asks(10_000) else { panic!("too many are not replayed") };
    assert!(why.contains("more than 100 rules"), "{why}");
}

#[test]
fn a_log_format_is_known_to_haproxy_alone() {
    for rule in ["http-check send uri-lf /%[hostname]", "http-check send body-lf %b"] {
        let text = format!("backend b\n mode http\n option httpchk\n {rule}\n server s /run/s.sock check\n");
        assert!(matches!(check(&text).asks, Asks::Other(_)), "{rule}");
    }
}

#[test]
fn a_prefix_stands_before_every_name_that_is_bound() {
    let found = alone("global\n unix-bind mode 660 prefix /jail\nfrontend f\n bind /run/f.sock\n");
    assert_eq!(found.sockets[0].path, b"/jail/run/f.sock");
    let found = alone(
        "global\n presetenv D /a\n presetenv D /b\n setenv E /c\n setenv E /d\nlisten l\n bind \"unix@${D}/x\"\n bind \"unix@${E}/y\"\n",
    );
    let paths: Vec<&[u8]> = found.sockets.iter().map(|socket| socket.path.as_slice()).collect();
    assert_eq!(paths, [&b"/a/x"[..], b"/d/y"], "only the first of presetenv counts");
}

#[test]
fn what_a_proxy_is_told_later_counts() {
    let text = "backend b\n mode http\n disabled\n enabled\n option httpchk GET /x\n no option httpchk\n server s /run/s.sock check\n";
    assert_eq!(check(text).asks, Asks::Connect);
}

#[test]
fn what_is_wrapped_in_something_else_is_not_http() {
    for (options, wanted) in [
        ("check", Some(Protocol::Http)),
        ("ssl verify none", None),
        ("send-proxy-v2", None),
        ("proto h2", None),
        ("proto fcgi", Some(Protocol::FastCgi)),
    ] {
        let found = alone(&format!("backend b\n mode http\n server s /run/s.sock {options}\n"));
        assert_eq!(found.sockets[0].protocol, wanted, "{options}");
    }
}

#[test]
fn who_is_disabled_is_not_sent_to_and_a_condition_only_haproxy_knows() {
    let found = alone(
        "backend a\n server x /run/x.sock check disabled\n server y /run/y.sock\nbackend b\n disabled\n server z /run/z.sock check\n\
         .if defined(A)\nbackend c\n server w /run/w.sock check\n.endif\nbackend d\n server v /run/v.sock check\n",
    );
    let shown: Vec<&[u8]> = found.sockets.iter().map(|one| one.path.as_slice()).collect();
    assert_eq!(
        (shown, found.checks.len(), found.variable.len()),
        (vec![&b"/run/y.sock"[..], b"/run/v.sock"], 4, 1)
    );
}

#[test]
fn it_is_told_from_others() {
    assert!(is_it(b"# x\nglobal\n\tlog /dev/log local0\n") && is_it(b"backend a\n server b /c\n"));
    for other in [
        "http {\n listen 80;\n}\n",
        "[global]\npid = x\n",
        "server {\nlisten unix:/a;\n}\n",
        "global = 1\n",
        "",
    ] {
        assert!(!is_it(other.as_bytes()), "{other}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = (is_it(&text), read(&[(b"h".to_vec(), text)]));
    }

    #[test]
    fn no_words_make_it_panic(text in "(global|defaults|backend a|server|http-check|expect|option httpchk|send|stats socket|/a|unix@|:| |\\n|\"|[$]|from|status)*") {
        for socket in alone(&text).sockets {
            prop_assert!(text.get(socket.written.bytes.unwrap()).is_some());
        }
    }
}

#[test]
fn neither_nginx_nor_a_pool_of_php_fpm_is_taken_for_it() {
    assert!(is_it(b"global\n user haproxy\nlisten web\n bind :80\n"));
    assert!(!is_it(b"[www]\npm = dynamic\nlisten = /run/php/php8.2-fpm.sock\n"));
    assert!(!is_it(b"http {\n server {\n listen 80;\n }\n}\n"));
}
