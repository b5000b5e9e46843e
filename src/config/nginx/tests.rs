use proptest::prelude::*;

use super::*;

fn alone(text: &str) -> Nginx {
    read(&[(b"n.conf".to_vec(), text.into())], &mut |_| Ok(vec![]))
}

fn paths(nginx: &Nginx) -> Vec<(String, u32, Usage)> {
    let shown = |socket: &Declaration| {
        let path = String::from_utf8_lossy(&socket.path).into_owned();
        (path, socket.written.location.line, socket.usage)
    };
    nginx.sockets.iter().map(shown).collect()
}

#[test]
fn every_way_to_name_a_socket_is_found_with_its_line() {
    let nginx = alone(
        "user www-data adm;\nhttp {\n upstream a { server unix:/run/a.sock fail_timeout=0; server 1.2.3.4; }\n \
         server {\n  listen unix:/run/front.sock default_server backlog=9000;\n  location / { proxy_pass http://unix:/run/b.sock:/uri; }\n \
         location /f { fastcgi_pass unix:/run/php.sock; }\n  location /u { uwsgi_pass uwsgi://unix:/run/u.sock; }\n \
         location /g { grpc_pass grpc://unix:/run/g.sock; }\n  location /s { scgi_pass unix:/run/s.sock; }\n \
         location /v { proxy_pass http://unix:/run/$app.sock; }\n  location /t { proxy_pass http://app; }\n }\n}\n\
         stream { server { proxy_pass unix:/run/st.sock; } }\n",
    );
    let connects = |path: &str, line| (path.to_owned(), line, Usage::Connects);
    assert_eq!(
        paths(&nginx),
        [
            connects("/run/a.sock", 3),
            ("/run/front.sock".into(), 5, Usage::Binds),
            connects("/run/b.sock", 6),
            connects("/run/php.sock", 7),
            connects("/run/u.sock", 8),
            connects("/run/g.sock", 9),
            connects("/run/s.sock", 10),
            connects("/run/st.sock", 15),
        ]
    );
    assert_eq!(nginx.user.unwrap().value, b"www-data");
    assert_eq!(nginx.variable.len(), 1);
    let (path, backlog) = &nginx.backlogs[0];
    assert_eq!(
        (path.as_slice(), backlog.value, backlog.written.location.line),
        (&b"/run/front.sock"[..], 9000, 5)
    );
}

#[test]
fn what_is_spoken_to_an_upstream_its_passes_say() {
    let nginx = alone(
        "http { upstream a { server unix:/run/a.sock; } upstream b { server unix:/run/b.sock; }\n\
         upstream c { server unix:/run/c.sock; } upstream d { server unix:/run/d.sock; }\n\
         server { location / { proxy_pass http://a/x; } location /b { fastcgi_pass b; }\n\
         location /c { proxy_pass http://c; fastcgi_pass c; } location /d { proxy_pass https://d; } } }",
    );
    let spoken: Vec<_> = nginx.sockets.iter().map(|socket| socket.protocol).collect();
    assert_eq!(spoken, [Some(Protocol::Http), Some(Protocol::FastCgi), None, None]);
}

#[test]
fn a_uri_without_its_colon_is_part_of_the_path() {
    let nginx = alone("http { server { location / { proxy_pass http://unix:/a.sock/uri; } } }");
    assert_eq!(paths(&nginx)[0].0, "/a.sock/uri");
}

#[test]
fn included_files_are_read_where_they_are_included() {
    let mut load = |pattern: &[u8]| {
        let text = if pattern == b"up.conf" { "server unix:/run/i.sock;" } else { "include loop;" };
        Ok(vec![(pattern.to_vec(), text.into())])
    };
    let main = "http { upstream a { include up.conf; } include loop; }";
    let nginx = read(&[(b"n.conf".to_vec(), main.into())], &mut load);
    assert_eq!(nginx.sockets[0].written.location.file, b"up.conf");
    assert_eq!(nginx.gaps.len(), 1, "a circle ends");
}

#[test]
fn what_is_spoken_to_an_upstream_is_known_where_all_agree() {
    let nginx = alone(
        "http { upstream a { server unix:/a; server unix:/b; server 1.2.3.4; } upstream c { server unix:/c; } server {\n\
         location / { proxy_pass http://a/x; } location /c { proxy_pass http://c; } location /d { fastcgi_pass c; } } }",
    );
    let spoken: Vec<Option<Protocol>> = nginx.sockets.iter().map(|socket| socket.protocol).collect();
    assert_eq!(spoken, [Some(Protocol::Http), Some(Protocol::Http), None]);
}

#[test]
fn programs_in_lua_do_not_confuse_it() {
    let nginx = alone(
        "http { server { content_by_lua_block { local x = { a = \"}\", '{\\\'{' } --}}\n --[[ } ]] server unix:/no; } } }\n\
         http { upstream a { server unix:/run/a.sock; } server { location / { proxy_pass http://A; } } }",
    );
    assert_eq!((paths(&nginx)[0].0.as_str(), &nginx.malformed), ("/run/a.sock", &None));
}

#[test]
fn what_nginx_refuses_is_said_with_its_place_and_counts_for_nothing() {
    for (text, place) in [
        ("http { upstream a { server unix:/run/a.sock; }\n", "n.conf:2:1"),
        ("http {\n upstream a { server unix:/run/a.sock }\n}", "n.conf:2:15"),
        ("http {\n upstream a { server unix:/run/a.sock\n server unix:/run/b.sock; } }", "n.conf:3:2"),
        (
            "http { server { location / {\n proxy_pass http://unix:/a.sock\n proxy_redirect off; } } }",
            "n.conf:2:2",
        ),
        ("http { server { listen 80\n server_name x; } }", "n.conf:2:2"),
        ("http { server { listen 80; } } }", "n.conf:1:32"),
        ("http { server { ; } }", "n.conf:1:17"),
        ("http { { } }", "n.conf:1:8"),
        ("http { server { root \"/srv; } }", "n.conf:1:22"),
        ("http { server\n listen 80; } }", "n.conf:2:15"),
        ("http { include a.conf\n server { listen 80; } }", "n.conf:1:8"),
        ("user www-data\nhttp { }", "n.conf:1:1"),
        ("http { server { location / {\n proxy_pass unix:/a.sock; } } }", "n.conf:2:2"),
        ("http { } worker_processes 1", "n.conf:1:10"),
    ] {
        let nginx = alone(text);
        let found = nginx.malformed.map(|(location, _)| location.to_string());
        assert_eq!((found.as_deref(), nginx.sockets.len()), (Some(place), 0), "{text}");
    }
}

#[test]
fn an_upstream_that_nothing_is_passed_to_is_no_client() {
    let upstreams = "upstream a { server unix:/a; } upstream b { server unix:/b; }";
    let used = |pass: &str| alone(&format!("http {{ {upstreams} server {{ location / {{ {pass} }} }} }}"));
    let first = |nginx: &Nginx| paths(nginx).into_iter().map(|(path, ..)| path).collect::<Vec<_>>();
    assert_eq!(first(&used("uwsgi_pass a;")), ["/a"]);
    assert_eq!(first(&used("proxy_pass http://B:80/x;")), ["/b"]);
    assert_eq!(first(&used("proxy_pass http://$name;")), ["/a", "/b"], "which, only nginx knows");
    assert_eq!(first(&alone(upstreams)), ["/a", "/b"], "who is passed to them may stand elsewhere");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&[(b"n.conf".to_vec(), text)], &mut |_| Ok(vec![]));
    }

    #[test]
    fn no_words_make_it_panic(text in "(server|http|upstream|include|unix:/a|proxy_pass|http://|[ ;{}:$'\"])*") {
        let nginx = alone(&text);
        for socket in nginx.sockets {
            let bytes = socket.written.bytes.unwrap();
            prop_assert!(text.get(bytes).is_some());
        }
    }
}

#[test]
fn a_server_that_is_down_is_sent_nothing() {
    let nginx = alone("upstream a { server unix:/run/a.sock down; server unix:/run/b.sock; }");
    assert_eq!(paths(&nginx), [("/run/b.sock".to_owned(), 1, Usage::Connects)]);
}
