//! Set-ups as people write them, sound and broken, scanned by their files alone: each cause is found, and no other.

use std::fs;

use serde_json::Value;

use crate::binary::{json, run};
use crate::world::{World, isolated};

/// Where the files stand, and what is found in them: `CODE severity file:line`, and of what was not checked `? CODE`.
struct Setup {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    found: &'static [&'static str],
}

const NGINX: &str = "etc/nginx/nginx.conf";
const TO_APP: &str =
    "user www-data;\nhttp { server { location / {\n proxy_pass http://unix:/run/app/app.sock;\n} } }\n";

const SETUPS: &[Setup] = &[
    Setup {
        name: "a relative bind in the working directory, as many tutorials have it",
        files: &[
            (
                "etc/nginx/sites-enabled/app",
                "server { listen 80;\n location / { include proxy_params;\n proxy_pass http://unix:/srv/app/app.sock; } }\n",
            ),
            ("etc/nginx/proxy_params", "proxy_set_header Host $http_host;\n"),
            (NGINX, "user www-data;\nevents { }\nhttp { include /etc/nginx/sites-enabled/*; }\n"),
            (
                "etc/systemd/system/app.service",
                "[Service]\nUser=www-data\nGroup=www-data\nWorkingDirectory=/srv/app\n\
                 ExecStart=/srv/app/venv/bin/gunicorn --workers 3 --bind unix:app.sock -m 007 wsgi:app\n",
            ),
        ],
        found: &[],
    },
    Setup {
        name: "templates whose instances the lines of nginx name",
        files: &[
            (
                NGINX,
                "http { upstream one { server unix:/run/app/one.sock; } upstream two { server unix:/run/app-two/two-2.sock; }\n\
                 server { location / { proxy_pass http://one; } location /2 { proxy_pass http://two; } } }\n",
            ),
            ("etc/systemd/system/app@.socket", "[Socket]\nListenStream=/run/app/%i.sock\n"),
            ("etc/systemd/system/app@.service", "[Service]\nExecStart=/usr/bin/gunicorn %i:app\n"),
            (
                "etc/systemd/system/two@.service",
                "[Service]\nExecStart=/usr/bin/gunicorn -b unix:%t/app-two/%i.sock x\n",
            ),
        ],
        found: &[],
    },
    Setup {
        name: "a template that has its sockets elsewhere",
        files: &[
            (NGINX, TO_APP),
            ("etc/systemd/system/app@.socket", "[Socket]\nListenStream=/run/apps/%i.sock\n"),
            ("etc/systemd/system/app@.service", "[Service]\nExecStart=/usr/bin/gunicorn app\n"),
        ],
        found: &["SD601 error etc/nginx/nginx.conf:3"],
    },
    Setup {
        name: "a .socket unit that starts an instance",
        files: &[
            (NGINX, TO_APP),
            (
                "etc/systemd/system/app.socket",
                "[Socket]\nListenStream=/run/app/app.sock\nService=app@one.service\n",
            ),
            (
                "etc/systemd/system/app@.service",
                "[Unit]\nRequires=app.socket\n[Service]\nRuntimeDirectory=app\nExecStart=/usr/bin/gunicorn %i:app\n",
            ),
        ],
        found: &["SD605 error etc/systemd/system/app@.service:4"],
    },
    Setup {
        name: "a drop-in of an instance tells its path",
        files: &[
            (NGINX, TO_APP),
            (
                "etc/systemd/system/web@.service",
                "[Service]\nExecStart=/usr/bin/gunicorn --bind ${BIND} app\n",
            ),
            (
                "etc/systemd/system/web@app.service.d/bind.conf",
                "[Service]\nEnvironment=BIND=unix:/run/app/app.sock\n",
            ),
        ],
        found: &[],
    },
    Setup {
        name: "the path comes from a file of variables",
        files: &[
            (NGINX, TO_APP),
            ("etc/default/app", "# where\nSOCKET=\"/run/app/app.sock\"\n"),
            (
                "etc/systemd/system/app.service",
                "[Service]\nEnvironmentFile=-/etc/default/app\nExecStart=/usr/bin/uvicorn --uds ${SOCKET} app:app\n",
            ),
        ],
        found: &[],
    },
    Setup {
        name: "the file of variables names another path",
        files: &[
            (NGINX, TO_APP),
            ("etc/default/app", "SOCKET=/run/app/apps.sock\n"),
            (
                "etc/systemd/system/app.service",
                "[Service]\nEnvironmentFile=-/etc/default/app\nExecStart=/usr/bin/uvicorn --uds ${SOCKET} app:app\n",
            ),
        ],
        found: &["SD601 error etc/nginx/nginx.conf:3"],
    },
    Setup {
        name: "the file of variables is not there",
        files: &[
            (NGINX, TO_APP),
            (
                "etc/systemd/system/app.service",
                "[Service]\nEnvironmentFile=/etc/app.env\nExecStart=/usr/bin/gunicorn --bind $BIND app:app\n",
            ),
        ],
        found: &["? SD601"],
    },
    Setup {
        name: "gunicorn has its bind in its own file, relative to where it is started",
        files: &[
            (NGINX, TO_APP),
            (
                "run/app/gunicorn.conf.py",
                "import multiprocessing\nbind = \"unix:app.sock\"\nworkers = multiprocessing.cpu_count()\n",
            ),
            (
                "etc/systemd/system/app.service",
                "[Service]\nWorkingDirectory=/run/app\nExecStart=/usr/bin/gunicorn -c gunicorn.conf.py app:app\n",
            ),
        ],
        found: &[],
    },
    Setup {
        name: "gunicorn's file and its unit name one path, and that is one owner",
        files: &[
            (NGINX, TO_APP),
            ("etc/app/gunicorn.conf.py", "bind = 'unix:/run/app/app.sock'\n"),
            (
                "etc/systemd/system/app.service",
                "[Service]\nRuntimeDirectory=app\nExecStart=/usr/bin/gunicorn -c /etc/app/gunicorn.conf.py app:app\n",
            ),
        ],
        found: &[],
    },
    Setup {
        name: "gunicorn computes its bind",
        files: &[
            (NGINX, TO_APP),
            ("etc/app/gunicorn.conf.py", "import os\nbind = os.environ.get('BIND', 'unix:/run/x.sock')\n"),
            (
                "etc/systemd/system/app.service",
                "[Service]\nExecStart=/usr/bin/gunicorn -c /etc/app/gunicorn.conf.py app\n",
            ),
        ],
        found: &["? SD601"],
    },
    Setup {
        name: "a launcher in a shell",
        files: &[
            (NGINX, TO_APP),
            (
                "srv/app/start.sh",
                "#!/bin/bash\nSOCKFILE=/run/app/app.sock\nRUNDIR=$(dirname $SOCKFILE)\ntest -d $RUNDIR || mkdir -p $RUNDIR\n\
                 exec gunicorn app:app \\\n  --bind=unix:$SOCKFILE\n",
            ),
            ("etc/systemd/system/app.service", "[Service]\nExecStart=/srv/app/start.sh\n"),
        ],
        found: &[],
    },
    Setup {
        name: "a server that is not known names the path",
        files: &[
            (NGINX, TO_APP),
            (
                "etc/systemd/system/app.service",
                "[Service]\nExecStart=/usr/bin/puma -b unix:///run/app/app.sock\n",
            ),
        ],
        found: &["? SD601"],
    },
    Setup {
        name: "a file that is not read names the path",
        files: &[
            (NGINX, TO_APP),
            (
                "etc/supervisor/conf.d/app.conf",
                "[program:app]\ncommand=/srv/bin/gunicorn --bind unix:/run/app/app.sock app\n",
            ),
        ],
        found: &["? SD601"],
    },
    Setup {
        name: "uwsgi is started beside its socket, and its own file tells",
        files: &[
            (NGINX, "http { server { location / {\n uwsgi_pass unix:/home/sammy/project/app.sock;\n} } }\n"),
            (
                "etc/systemd/system/app.service",
                "[Service]\nWorkingDirectory=/home/sammy/project\nExecStart=/home/sammy/project/env/bin/uwsgi --ini app.ini\n",
            ),
        ],
        found: &["? SD601"],
    },
    Setup {
        name: "blocks of another program, and a template",
        files: &[
            (NGINX, TO_APP),
            ("etc/systemd/system/app.socket", "[Socket]\nListenStream=/run/app/app.sock\n"),
            (
                "etc/bind/named.conf.local",
                "server 10.0.0.1 { keys { k; }; };\nserver { unix:/run/no.sock }\n",
            ),
            (
                "roles/web/templates/site.conf.j2",
                "server {\n{% if tls %} listen 443; {% endif %}\n server_name {{ name }};\n}\n",
            ),
        ],
        found: &["? ", "? "],
    },
    Setup {
        name: "a program that is not known has the directory",
        files: &[
            (NGINX, TO_APP),
            (
                "etc/systemd/system/app.service",
                "[Service]\nRuntimeDirectory=app\nExecStart=/usr/local/bin/app\n",
            ),
        ],
        found: &["? SD601"],
    },
    Setup {
        name: "two .socket units on one path",
        files: &[
            (NGINX, TO_APP),
            ("etc/systemd/system/one.socket", "[Socket]\nListenStream=/run/app/app.sock\n"),
            ("etc/systemd/system/two.socket", "[Socket]\n#\nListenStream=%t/app/app.sock\n"),
            ("etc/systemd/system/one.service", "[Service]\nExecStart=/usr/bin/gunicorn one\n"),
            ("etc/systemd/system/two.service", "[Service]\nExecStart=/usr/bin/gunicorn two\n"),
        ],
        found: &["SD604 warning etc/systemd/system/one.socket:2"],
    },
    Setup {
        name: "two services on one path, by an option and by a variable",
        files: &[
            (
                "etc/systemd/system/one.service",
                "[Service]\nExecStart=/usr/bin/gunicorn -b unix:/var/run/app.sock one\n",
            ),
            (
                "etc/systemd/system/two.service",
                "[Service]\nEnvironment=S=/run/app.sock\nExecStart=/usr/bin/uvicorn --uds=${S} two\n",
            ),
        ],
        found: &["SD604 warning etc/systemd/system/one.service:2"],
    },
    Setup {
        name: "three lines speak another protocol to one socket",
        files: &[
            (
                NGINX,
                "http { server {\n location /a { fastcgi_pass unix:/run/a.sock; }\n location /b { fastcgi_pass unix:/run/a.sock; }\n\
                 location /c { fastcgi_pass unix:/run/a.sock; }\n} }\n",
            ),
            (
                "etc/systemd/system/a.service",
                "[Service]\nExecStart=/usr/bin/gunicorn -b unix:/run/a.sock a\n",
            ),
        ],
        found: &["SD404 error etc/nginx/nginx.conf:2"],
    },
    Setup {
        name: "pieces of nginx, each in its own file, and one fault",
        files: &[
            (
                "deploy/a.conf",
                "server { listen 80; location / { proxy_pass http://unix:/run/gone.sock; } }\n",
            ),
            (
                "deploy/b.conf",
                "server { listen 81; location / { proxy_pass http://unix:/run/gone.sock; } }\n",
            ),
        ],
        found: &["SD601 error deploy/a.conf:1"],
    },
    Setup {
        name: "several lines miss one path by one letter",
        files: &[
            (
                NGINX,
                "http { server {\n location /a { proxy_pass http://unix:/run/ap.sock; }\n\
                 location /b { proxy_pass http://unix:/run/ap.sock:/b/; }\n} }\n",
            ),
            ("etc/systemd/system/app.socket", "[Socket]\nListenStream=/run/app.sock\n"),
        ],
        found: &["SD601 error etc/nginx/nginx.conf:2"],
    },
    Setup {
        name: "an upstream that nothing uses, and a site that is not enabled",
        files: &[
            (
                NGINX,
                "http { upstream old { server unix:/run/old.sock; }\n include /etc/nginx/sites-enabled/*; }\n",
            ),
            ("etc/nginx/sites-enabled/default", "server { listen 80 default_server; root /var/www/html; }\n"),
            (
                "etc/nginx/sites-available/off",
                "server { location / { proxy_pass http://unix:/run/off.sock; } }\n",
            ),
        ],
        found: &[],
    },
    Setup {
        name: "upstreams and their users in files of their own",
        files: &[
            (NGINX, "http {\n include conf.d/*.conf;\n}\n"),
            ("etc/nginx/conf.d/up.conf", "upstream app { server unix:/run/app/app.sock fail_timeout=0; }\n"),
            ("etc/nginx/conf.d/site.conf", "server { listen 80; location / { proxy_pass http://app; } }\n"),
            ("etc/systemd/system/app.socket", "[Socket]\nListenStream=/run/app/app.sock\n"),
        ],
        found: &[],
    },
    Setup {
        name: "a .socket unit that only root may connect to",
        files: &[
            (NGINX, TO_APP),
            ("etc/systemd/system/app.socket", "[Socket]\nListenStream=/run/app/app.sock\nSocketMode=0600\n"),
            ("etc/systemd/system/app.service", "[Service]\nUser=app\nExecStart=/usr/bin/gunicorn app:app\n"),
        ],
        found: &["SD201 error etc/systemd/system/app.socket:3"],
    },
    Setup {
        name: "a .socket unit with nginx's group",
        files: &[
            (NGINX, TO_APP),
            (
                "etc/systemd/system/app.socket",
                "[Socket]\nListenStream=/run/app/app.sock\nSocketMode=0660\nSocketUser=app\nSocketGroup=www-data\n",
            ),
            ("etc/systemd/system/app.service", "[Service]\nUser=app\nExecStart=/usr/bin/gunicorn app:app\n"),
        ],
        found: &[],
    },
    Setup {
        name: "gunicorn closes its socket to others with its umask",
        files: &[
            (NGINX, TO_APP),
            (
                "etc/systemd/system/app.service",
                "[Service]\nUser=app\nRuntimeDirectory=app\nExecStart=/usr/bin/gunicorn -m 007 -b unix:/run/app/app.sock app\n",
            ),
        ],
        found: &["SD201 error etc/systemd/system/app.service:3"],
    },
    Setup {
        name: "a runtime directory that nginx may not search",
        files: &[
            (NGINX, TO_APP),
            (
                "etc/systemd/system/app.service",
                "[Service]\nUser=app\nRuntimeDirectory=app\nRuntimeDirectoryMode=0750\n\
                 ExecStart=/usr/bin/gunicorn -b unix:/run/app/app.sock app\n",
            ),
        ],
        found: &["SD202 error etc/systemd/system/app.service:4"],
    },
    Setup {
        name: "that directory belongs to nginx's group",
        files: &[
            (NGINX, TO_APP),
            (
                "etc/systemd/system/app.service",
                "[Service]\nUser=app\nGroup=www-data\nRuntimeDirectory=app\nRuntimeDirectoryMode=0750\n\
                 ExecStart=/usr/bin/gunicorn -m 007 -b unix:/run/app/app.sock app\n",
            ),
        ],
        found: &[],
    },
    Setup {
        name: "a server with a /tmp of its own",
        files: &[
            (NGINX, "http { server { location / {\n proxy_pass http://unix:/tmp/app.sock;\n} } }\n"),
            (
                "etc/systemd/system/app.service",
                "[Service]\nPrivateTmp=yes\nExecStart=/usr/bin/gunicorn -b unix:/tmp/app.sock app\n",
            ),
        ],
        found: &["SD701 error etc/systemd/system/app.service:2"],
    },
    Setup {
        name: "nginx has a /tmp of its own",
        files: &[
            (NGINX, "http { server { location / {\n proxy_pass http://unix:/tmp/app.sock;\n} } }\n"),
            (
                "etc/systemd/system/app.service",
                "[Service]\nExecStart=/usr/bin/gunicorn -b unix:/tmp/app.sock app\n",
            ),
            (
                "usr/lib/systemd/system/nginx.service",
                "[Service]\nExecStart=/usr/sbin/nginx\nPrivateTmp=true\n",
            ),
        ],
        found: &["SD701 error usr/lib/systemd/system/nginx.service:3"],
    },
    Setup {
        name: "a .socket unit listens in /tmp for a service that has its own",
        files: &[
            (NGINX, "http { server { location / {\n proxy_pass http://unix:/tmp/app.sock;\n} } }\n"),
            ("etc/systemd/system/app.socket", "[Socket]\nListenStream=/tmp/app.sock\n"),
            (
                "etc/systemd/system/app.service",
                "[Service]\nPrivateTmp=yes\nExecStart=/usr/bin/gunicorn app\n",
            ),
        ],
        found: &[],
    },
    Setup {
        name: "the system is read-only for a server that binds there",
        files: &[
            (NGINX, TO_APP),
            (
                "etc/systemd/system/app.service",
                "[Service]\nProtectSystem=strict\nExecStart=/usr/bin/gunicorn -b unix:/run/app/app.sock app\n",
            ),
        ],
        found: &["SD506 error etc/systemd/system/app.service:2"],
    },
    Setup {
        name: "it is read-only, and the directory is made for it",
        files: &[
            (NGINX, TO_APP),
            (
                "etc/systemd/system/app.service",
                "[Service]\nProtectSystem=strict\nPrivateTmp=yes\nNoNewPrivileges=yes\nRuntimeDirectory=app\n\
                 RestrictAddressFamilies=AF_UNIX AF_INET\nExecStart=/usr/bin/gunicorn -b unix:/run/app/app.sock app\n",
            ),
        ],
        found: &[],
    },
    Setup {
        name: "another filesystem covers the directory",
        files: &[
            (NGINX, TO_APP),
            (
                "etc/systemd/system/app.service",
                "[Service]\nTemporaryFileSystem=/run\nExecStart=/usr/bin/gunicorn -b unix:/run/app/app.sock app\n",
            ),
        ],
        found: &["SD701 error etc/systemd/system/app.service:2"],
    },
    Setup {
        name: "a service for each connection, and only one for all",
        files: &[
            (NGINX, TO_APP),
            ("etc/systemd/system/app.socket", "[Socket]\nListenStream=/run/app/app.sock\nAccept=yes\n"),
            ("etc/systemd/system/app.service", "[Service]\nExecStart=/usr/bin/gunicorn app\n"),
        ],
        found: &["SD608 error etc/systemd/system/app.socket:3"],
    },
    Setup {
        name: "a service that is not started may not make Unix sockets",
        files: &[
            (NGINX, TO_APP),
            (
                "etc/systemd/system/app.service",
                "[Service]\nRestrictAddressFamilies=AF_INET AF_INET6\nRuntimeDirectory=app\n\
                 ExecStart=/usr/bin/gunicorn -b unix:/run/app/app.sock app\n",
            ),
        ],
        found: &["SD610 error etc/systemd/system/app.service:2"],
    },
];

/// Writes the files, and scans all of them.
fn scan(world: &World, setup: &Setup) -> Value {
    let root = world.path(&setup.name.replace(' ', "-"));
    for (file, text) in setup.files {
        let file = root.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/passwd"), "root:x:0:0::/:\nwww-data:x:33:33::/:\napp:x:900:900::/:\n").unwrap();
    fs::write(root.join("etc/group"), "root:x:0:\nwww-data:x:33:\napp:x:900:\n").unwrap();
    json(["--root".as_ref(), root.as_os_str(), "scan".as_ref(), "--config".as_ref(), root.as_os_str()])
}

fn shown(world: &World, setup: &Setup, document: &Value) -> Vec<String> {
    let root = format!("{}/", world.path(&setup.name.replace(' ', "-")).display());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let finding = |finding: &Value| {
        let at = &finding["locations"][0];
        let file = text(&at["file"]).replace(&root, "");
        format!("{} {} {file}:{}", text(&finding["code"]), text(&finding["severity"]), at["line"])
    };
    let gap = |gap: &Value| format!("? {}", text(&gap["code"]));
    let findings = document["findings"].as_array().unwrap().iter().map(finding);
    findings.chain(document["not_checked"].as_array().unwrap().iter().map(gap)).collect()
}

#[test]
fn each_set_up_shows_its_causes_and_nothing_else() {
    isolated("scan_setups::each_set_up_shows_its_causes_and_nothing_else", |world| {
        let mut wrong = Vec::new();
        for setup in SETUPS {
            let document = scan(world, setup);
            let found = shown(world, setup, &document);
            if setup.name.starts_with("several lines") {
                let command = document["findings"][0]["fix"][0]["command"].as_str().unwrap();
                let edits = "'2s|/run/ap\\.sock|/run/app.sock|;3s|/run/ap\\.sock|/run/app.sock|'";
                assert!(command.contains(edits), "{command}");
            }
            if found != setup.found {
                wrong.push(format!("{}: {found:?}, not {:?}: {document:#}", setup.name, setup.found));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn what_nginx_refuses_is_a_usage_error_with_its_line_and_no_finding() {
    isolated("scan_setups::what_nginx_refuses_is_a_usage_error_with_its_line_and_no_finding", |world| {
        let file = world.path("nginx.conf");
        for (text, line) in [
            (TO_APP.trim_end().trim_end_matches('}').to_owned(), 4),
            (TO_APP.replace("app.sock;", "app.sock"), 3),
            (format!("{TO_APP}}}\n"), 5),
        ] {
            fs::write(&file, text).unwrap();
            let output = run(["scan", "--json", "--config", file.to_str().unwrap()]);
            let document: Value = serde_json::from_str(&output.stdout).unwrap();
            let message = document["error"]["message"].as_str().unwrap();
            let place = format!("{}:{line}:", file.display());
            assert!(output.status == 2 && message.starts_with(&place), "{message}");
            assert_eq!(document["findings"].as_array().map(Vec::len), Some(0));
        }
    });
}
