//! A real PostgreSQL, run by nobody: it refuses to be root's.

use std::ffi::OsString;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::finish;
use crate::world::{World, need};

/// Its programs and a cluster in the world.
pub(crate) struct Postgres {
    programs: PathBuf,
    libraries: Option<OsString>,
    pub(crate) data: PathBuf,
}

impl Postgres {
    /// Makes a cluster that trusts everybody. `None`: no PostgreSQL here.
    pub(crate) fn init(world: &World) -> Option<Self> {
        let programs = programs(world)?;
        let initdb = need("initdb")?;
        let mut set = initdb.get_envs();
        let libraries = set
            .find_map(|(name, value)| (name == "LD_LIBRARY_PATH").then(|| value.map(ToOwned::to_owned))?);
        let data = world.path("data");
        std::fs::create_dir(&data).unwrap();
        chown(&data, Some(65534), Some(65534)).unwrap();
        let postgres = Self { programs, libraries, data };
        let mut initdb = postgres.nobody("initdb");
        initdb.args(["--auth=trust", "--no-sync", "--username=postgres", "-D"]).arg(&postgres.data);
        let made = finish(&mut initdb, Duration::from_secs(60));
        assert_eq!(made.status, 0, "{}{}", made.stdout, made.stderr);
        Some(postgres)
    }

    /// The server with its socket in a directory.
    pub(crate) fn server(&self, directory: &Path) -> Command {
        let mut postgres = self.nobody("postgres");
        postgres.arg("-D").arg(&self.data).args(["-c", "listen_addresses=", "-c"]);
        postgres.arg(format!("unix_socket_directories={}", directory.display()));
        postgres
    }

    /// Whether psql, with these variables, gets an answer.
    pub(crate) fn answers(&self, host: &str, port: &str) -> bool {
        let mut psql = self.nobody("psql");
        psql.args(["-U", "postgres", "-c", "select 1", "postgres"]).env("PGHOST", host).env("PGPORT", port);
        finish(&mut psql, Duration::from_secs(30)).status == 0
    }

    fn nobody(&self, program: &str) -> Command {
        let mut command = need("setpriv").unwrap();
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        command.arg(self.programs.join(program)).current_dir(self.data.parent().unwrap());
        command.envs(self.libraries.iter().map(|path| ("LD_LIBRARY_PATH", path)));
        command
    }
}

/// The programs of PostgreSQL where every user may run them: what is unpacked may lie in a closed directory.
fn programs(world: &World) -> Option<PathBuf> {
    let initdb = need("initdb")?;
    let real = std::fs::canonicalize(initdb.get_program()).unwrap();
    let usr = real.ancestors().nth(5)?;
    if usr == Path::new("/usr") {
        return Some(real.parent()?.to_owned());
    }
    let open = world.path("usr");
    std::fs::create_dir(&open).unwrap();
    let flags = nix::mount::MsFlags::MS_BIND;
    nix::mount::mount(Some(usr), &open, None::<&str>, flags, None::<&str>).unwrap();
    Some(open.join(real.parent()?.strip_prefix(usr).unwrap()))
}
