//! The images of `contrib/`, built by a real Docker engine from a static binary, and the DaemonSet's container.
//!
//! `tests/run --vm`, which links statically, selects these tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::engine::Engine;
use crate::process::until;
use crate::seen::text;
use crate::world::{World, isolated_root, skip};

const LIMIT: Duration = Duration::from_secs(60);

fn of_repo(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// What `tests/run --vm` fetched or linked statically.
pub(crate) fn of_vm(file: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("test-vm").join(file);
    file.exists().then_some(file)
}

/// Builds an image from these files and this Dockerfile.
fn build(world: &World, engine: &Engine, tag: &str, files: &[(&Path, &str)], dockerfile: &Path) {
    let context = world.path(&tag.replace(':', "-"));
    std::fs::create_dir(&context).unwrap();
    for (from, to) in files {
        std::fs::copy(from, context.join(to)).unwrap();
    }
    engine.succeed(["build", "--quiet", "--file", text(dockerfile), "--tag", tag, text(&context)]);
}

/// The image of `contrib/docker`, in an engine.
fn scratch(world: &World, engine: &Engine) -> Option<()> {
    build(
        world,
        engine,
        "sockdoctor",
        &[(&of_vm("sockdoctor")?, "sockdoctor")],
        &of_repo("contrib/docker/Dockerfile"),
    );
    Some(())
}

#[test]
#[ignore = "tests/run --vm"]
fn a_container_without_a_shell_checks_its_health() {
    let name = "image::a_container_without_a_shell_checks_its_health";
    isolated_root(name, |world| {
        let engine = match Engine::start(world) {
            Ok(engine) => engine,
            Err(reason) => return skip(name, &reason),
        };
        let Some(server) = of_vm("server") else { return skip(name, "no static server") };
        let Some(()) = scratch(world, &engine) else { return skip(name, "no static binary") };
        let version = engine.succeed(["run", "--rm", "--network=none", "sockdoctor", "--version"]);
        assert_eq!(version, format!("sockdoctor {}", env!("CARGO_PKG_VERSION")));

        // The two lines that the Dockerfile tells its users to write.
        let own = std::fs::read_to_string(of_repo("contrib/docker/Dockerfile")).unwrap();
        let told: Vec<&str> = own.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
        let line = |start| *told.iter().find(|line| line.starts_with(start)).unwrap();
        let check = line("HEALTHCHECK CMD")
            .replace("HEALTHCHECK", "HEALTHCHECK --interval=1s --timeout=20s --retries=1");
        let dockerfile = format!(
            "FROM scratch\n{}\nCOPY server /server\n{check}\nUSER 65534\nCMD [\"/server\", \"/run/app.sock\"]\n",
            line("COPY --from")
        );
        let dockerfile = world.write("Dockerfile.app", &dockerfile);
        build(world, &engine, "app", &[(&server, "server")], &dockerfile);
        engine.succeed(["run", "--detach", "--name=app", "--network=none", "--tmpfs=/run:mode=1777", "app"]);
        let health = || engine.succeed(["inspect", "--format={{json .State.Health}}", "app"]);
        assert!(until(LIMIT, || health().contains("\"healthy\"")), "{}", health());
        assert_ne!(engine.docker(["exec", "app", "/bin/sh"]).status, 0, "there is no shell");
        engine.succeed(["kill", "--signal=STOP", "app"]);
        // The check's own output stands in Docker's log of it.
        let told = || health().contains("\"unhealthy\"") && health().contains("SD304");
        assert!(until(LIMIT, told), "{}", health());
    });
}

/// The flags of `docker run` that are what a container of the DaemonSet has; all but how mounts of the host propagate,
/// since those of a world do not.
fn as_docker(daemonset: &Value, textfile: &Path) -> Vec<String> {
    let pod = &daemonset["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let security = &container["securityContext"];
    let words = |list: &Value| {
        list.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let (drop, add): (Vec<String>, Vec<String>) =
        (words(&security["capabilities"]["drop"]), words(&security["capabilities"]["add"]));
    assert_eq!((&pod["hostPID"], &security["readOnlyRootFilesystem"]), (&true.into(), &true.into()));
    let mut flags =
        vec!["--pid=host".to_owned(), "--read-only".into(), format!("--user={}", security["runAsUser"])];
    flags.extend(drop.iter().map(|name| format!("--cap-drop={name}")));
    flags.extend(add.iter().map(|name| format!("--cap-add={name}")));
    for mount in container["volumeMounts"].as_array().unwrap() {
        let volume =
            pod["volumes"].as_array().unwrap().iter().find(|volume| volume["name"] == mount["name"]).unwrap();
        let from = volume["hostPath"]["path"].as_str().unwrap();
        let from = if from == "/" { from } else { text(textfile) };
        let how = if mount["readOnly"] == true { "ro" } else { "rw" };
        flags.push(format!("--volume={from}:{}:{how}", mount["mountPath"].as_str().unwrap()));
    }
    flags.push(container["image"].as_str().unwrap().into());
    flags.extend::<Vec<String>>(words(&container["command"]));
    flags
}

#[test]
#[ignore = "tests/run --vm"]
fn the_daemonset_sees_its_node_and_writes_gauges() {
    let name = "image::the_daemonset_sees_its_node_and_writes_gauges";
    isolated_root(name, |world| {
        let engine = match Engine::start(world) {
            Ok(engine) => engine,
            Err(reason) => return skip(name, &reason),
        };
        let Some(busybox) = of_vm("bin/busybox") else { return skip(name, "no static busybox") };
        let Some(()) = scratch(world, &engine) else { return skip(name, "no static binary") };
        let base = world.write(
            "Dockerfile.busybox",
            "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nCOPY busybox /bin/sleep\n",
        );
        build(world, &engine, "busybox:stable-musl", &[(&busybox, "busybox")], &base);
        let manifest = std::fs::read_to_string(of_repo("contrib/kubernetes/daemonset.yaml")).unwrap();
        let daemonset: Value = serde_saphyr::from_str(&manifest).unwrap();
        let image = daemonset["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap();
        build(world, &engine, image, &[], &of_repo("contrib/kubernetes/Dockerfile"));

        let (served, textfile) = (world.path("served"), world.path("textfile"));
        for dir in [&served, &textfile] {
            std::fs::create_dir(dir).unwrap();
        }
        let socket = served.join("app.sock");
        engine.serve("server", &format!("{}:/served", served.display()), "/served/app.sock", &socket);
        std::fs::remove_file(&socket).unwrap();
        let flags = as_docker(&daemonset, &textfile);
        let run = ["run", "--detach", "--name=sockdoctor", "--network=none"];
        engine.succeed(run.into_iter().chain(flags.iter().map(String::as_str)));
        let gauges = || std::fs::read_to_string(textfile.join("sockdoctor.prom")).unwrap_or_default();
        let logs = || engine.docker(["logs", "sockdoctor"]).stderr;
        assert!(until(LIMIT, || gauges().ends_with("# EOF\n")), "{}", logs());
        assert!(
            gauges().contains("sockdoctor_findings{code=\"SD102\",severity=\"error\"} 1\n"),
            "{}{}",
            gauges(),
            logs()
        );
        assert_eq!(std::fs::read_dir(&textfile).unwrap().count(), 1, "no draft is left");
        let wrote = Command::new("find").arg(&served).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&wrote.stdout).lines().count(),
            1,
            "nothing of the node was written"
        );
    });
}
