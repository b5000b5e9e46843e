//! A database behind an application, and PHP behind nginx, scanned: who looks in the wrong place, who may not come in,
//! who speaks the wrong protocol; and what Debian ships is read without a finding.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::binary::json;
use crate::make::tmpfs;
use crate::permit::{changes, paste};
use crate::postgres::Postgres;
use crate::process::{Process, finish, until};
use crate::servers::http_status;
use crate::world::{World, isolated, isolated_root, need, skip};

const SOON: Duration = Duration::from_secs(30);

/// What `scan` finds of this world, remarks left out: other tests run on the same machine.
fn found(world: &World) -> Value {
    let mut document = json(["scan"]);
    let own = |finding: &Value| {
        let name = finding["subject"]["name"].as_str().unwrap();
        name.starts_with(world.dir.to_str().unwrap()) && finding["severity"] != "info"
    };
    document["findings"].as_array_mut().unwrap().retain(own);
    document
}

/// The words of the fixes of the cause.
fn fixes(document: &Value) -> Vec<&str> {
    let fixes = document["findings"][0]["fix"].as_array().unwrap();
    fixes.iter().map(|fix| fix["text"].as_str().unwrap()).collect()
}

/// Names and values.
type Variables<'v> = &'v [(&'v str, &'v str)];

/// An application that does nothing with what it is told.
fn client(variables: Variables<'_>) -> Process {
    let mut command = Command::new("sleep");
    Process::start(command.arg("60").envs(variables.iter().copied()).stdout(Stdio::null()))
}

#[test]
fn a_client_of_postgresql_that_looks_elsewhere_is_named_and_psql_succeeds_after_the_fix() {
    let name =
        "seed_s4_scan::a_client_of_postgresql_that_looks_elsewhere_is_named_and_psql_succeeds_after_the_fix";
    isolated_root(name, |world| {
        let Some(postgres) = Postgres::init(world) else { return skip(name, "no postgres") };
        let right = world.path("run");
        std::fs::create_dir(&right).unwrap();
        chown(&right, Some(65534), Some(65534)).unwrap();
        let _server = Process::start(postgres.server(&right).stdout(Stdio::null()).stderr(Stdio::null()));
        let [wrong, file] =
            [world.path("wrong"), right.join(".s.PGSQL.5432")].map(|path| path.display().to_string());
        let right = right.display().to_string();
        assert!(until(SOON, || postgres.answers(&right, "5432")));
        {
            let _client = client(&[("PGHOST", &right)]);
            assert_eq!(
                found(world)["findings"],
                serde_json::json!([]),
                "who looks in the right place is well"
            );
        }
        let url = format!("postgresql://app:hunter2@localhost/db?host={wrong}");
        let cases: [(Variables<'_>, &str, &str); 4] = [
            (&[("PGHOST", &wrong)], &wrong, "5432"),
            (&[("PGHOST", &right), ("PGPORT", "5433")], &right, "5433"),
            (&[("PGHOST", &file)], &file, "5432"),
            (&[("DATABASE_URL", &url)], &wrong, "5432"),
        ];
        for (variables, host, port) in cases {
            assert!(!postgres.answers(host, port), "{variables:?}");
            let client = client(variables);
            let document = found(world);
            let cause = &document["findings"][0];
            assert_eq!(cause["code"], "SD609", "{variables:?} {document:#}");
            assert_eq!(document["findings"].as_array().unwrap().len(), 1, "{document:#}");
            assert!(!document.to_string().contains("hunter2"), "a secret is shown");
            let place = format!("/proc/{}/environ", client.pid());
            assert!(
                cause["locations"].as_array().unwrap().iter().any(|at| at["file"] == *place),
                "{cause:#}"
            );
            let told = |name: &str| fixes(&document).into_iter().find_map(|fix| fix.strip_prefix(name));
            let (host, port) = (told("host=").unwrap_or(host), told("port=").unwrap_or(port));
            assert!(postgres.answers(host, port), "{host} {port} {document:#}");
        }

        // The same in a unit, whose line the fix changes.
        let units = Path::new("/etc/systemd/system");
        if !units.is_dir() {
            return skip(name, "no /etc/systemd/system");
        }
        tmpfs(units);
        let unit = units.join("shop.service");
        std::fs::write(
            &unit,
            format!("[Service]\nEnvironment=A=1 \"PGHOST={wrong}\"\nExecStart=/bin/true\n"),
        )
        .unwrap();
        let document = found(world);
        assert_eq!(document["findings"][0]["code"], "SD609", "{document:#}");
        assert_eq!(document["findings"][0]["locations"][0]["line"], 2);
        let commands = changes(&document);
        let sed = commands[0]
            .strip_suffix(" && systemctl daemon-reload && systemctl restart shop.service")
            .unwrap();
        finish(Command::new("sh").args(["-c", sed]), SOON);
        assert!(std::fs::read_to_string(&unit).unwrap().contains(&format!("PGHOST={right}\"")));
        assert_eq!(found(world)["findings"], serde_json::json!([]));
    });
}

/// nginx in front of PHP, and PHP.
struct Php<'w> {
    world: &'w World,
    nginx: Option<Process>,
}

impl Php<'_> {
    fn front(&self) -> PathBuf {
        self.world.path("front.sock")
    }

    /// nginx that hands requests on by this directive.
    fn nginx(&mut self, pass: &str) -> Option<()> {
        self.nginx = None;
        let dir = self.world.dir.display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {dir}/nginx.tmp;"))
            .join(" ");
        let _ = std::fs::remove_file(self.front());
        let config = self.world.write(
            "nginx.conf",
            &format!(
                "user www-data; worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log;\n\
                 events {{ worker_connections 64; }}\nhttp {{ access_log off; {temporary}\n\
                 upstream php {{ server unix:{dir}/php.sock; }}\nserver {{ listen unix:{dir}/front.sock; location / {{\n\
                 {pass}\n}} }} }}\n"
            ),
        );
        let mut nginx = need("nginx")?;
        nginx.arg("-e").arg(self.world.path("error.log")).arg("-c").arg(config);
        self.nginx =
            Some(Process::start(nginx.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())));
        assert!(until(SOON, || http_status(&self.front()).is_some()), "nginx does not answer");
        Some(())
    }
}

/// php-fpm with a pool whose socket nobody but root may write to.
fn php(world: &World) -> Option<Process> {
    let (dir, mut php) = (world.dir.display(), need("php-fpm8.2")?);
    std::fs::create_dir(world.path("pool.d")).unwrap();
    world.write(
        "pool.d/www.conf",
        &format!(
            "[www]\nuser = www-data\ngroup = www-data\nlisten = {dir}/php.sock\nlisten.owner = root\nlisten.group = root\n\
             listen.mode = 0600\npm = static\npm.max_children = 1\n"
        ),
    );
    let main = world.write(
        "php-fpm.conf",
        &format!("[global]\nerror_log = {dir}/php.log\ninclude={dir}/pool.d/*.conf\n"),
    );
    php.args(["-n", "-F", "-y"]).arg(main).stdout(Stdio::null()).stderr(Stdio::null());
    let process = Process::start(&mut php);
    assert!(until(SOON, || world.path("php.sock").exists()), "php-fpm does not listen");
    Some(process)
}

/// Whether the cause names a line of a file.
fn names(document: &Value, file: &Path, line: u32) -> bool {
    let places = document["findings"][0]["locations"].as_array().unwrap();
    places.iter().any(|at| at["file"].as_str() == file.to_str() && at["line"] == line)
}

#[test]
fn php_behind_nginx_that_may_not_come_in_or_is_asked_in_http_is_named_with_both_lines() {
    let name =
        "seed_s4_scan::php_behind_nginx_that_may_not_come_in_or_is_asked_in_http_is_named_with_both_lines";
    isolated_root(name, |world| {
        if need("setfacl").is_none() || nix::unistd::User::from_name("www-data").unwrap().is_none() {
            return skip(name, "no setfacl or no user www-data");
        }
        let Some(_php) = php(world) else { return skip(name, "no php-fpm8.2") };
        let mut site = Php { world, nginx: None };
        let params =
            "fastcgi_param REQUEST_METHOD GET; fastcgi_param SCRIPT_FILENAME /none.php; fastcgi_pass php;";
        if site.nginx(params).is_none() {
            return skip(name, "no nginx");
        }
        assert_eq!(http_status(&site.front()), Some(502));
        let (config, pool) = (world.path("nginx.conf"), world.path("pool.d/www.conf"));
        let document = found(world);
        assert_eq!(document["findings"][0]["code"], "SD201", "{document:#}");
        assert!(names(&document, &config, 4) && names(&document, &pool, 4), "{document:#}");
        assert!(names(&document, &pool, 7), "the line of the mode: {document:#}");
        assert!(fixes(&document).iter().any(|fix| fix.contains("listen.group")), "{document:#}");
        paste(&changes(&document)[0]);
        assert_eq!(http_status(&site.front()), Some(404), "PHP answers that there is no such script");
        assert_eq!(found(world)["findings"], serde_json::json!([]));

        site.nginx("proxy_pass http://php;");
        assert_eq!(http_status(&site.front()), Some(502));
        let document = found(world);
        assert_eq!(document["findings"][0]["code"], "SD404", "{document:#}");
        assert!(names(&document, &config, 4) && names(&document, &pool, 4), "{document:#}");
        assert!(fixes(&document)[0].contains("fastcgi_pass"));
        site.nginx(params);
        assert_eq!(found(world)["findings"], serde_json::json!([]));
    });
}

/// A file of a package: fetched for the tests, or installed.
fn shipped(path: &str) -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?;
    let places = [target.join("test-root").join(path), Path::new("/").join(path)];
    places.into_iter().find(|place| place.exists())
}

#[test]
fn what_debian_ships_is_read_without_a_finding() {
    let name = "seed_s4_scan::what_debian_ships_is_read_without_a_finding";
    isolated(name, |_| {
        for path in [
            "etc/haproxy/haproxy.cfg",
            "etc/php/8.2/fpm",
            "etc/redis/redis.conf",
            "etc/mysql",
            "usr/share/postgresql/15/postgresql.conf.sample",
        ] {
            let Some(file) = shipped(path) else {
                skip(name, &format!("no {path}"));
                continue;
            };
            let document = json(["scan".as_ref(), "--config".as_ref(), file.as_os_str()]);
            assert_eq!(document["exit_code"], 0, "{path}: {document:#}");
            assert_eq!(document["findings"], serde_json::json!([]), "{path}: {document:#}");
            assert_eq!(document["not_checked"], serde_json::json!([]), "{path}: {document:#}");
            assert!(document["data"]["files"].as_u64() > Some(0), "{path}: {document:#}");
        }
    });
}
