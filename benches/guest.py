"""A machine with a real systemd as PID 1: systemd-nspawn(1) over an overlay of `/`, as tests/it/nspawn.rs boots one.

Needs root, a mount namespace of one's own, and what `tests/run --install` unpacks. Nothing of the host's
configuration of systemd is seen; what is written in it is gone when it ends.
"""
import contextlib, os, shutil, subprocess, tempfile, time

ENTER = 'for dir in $CGROUPS; do echo $$ >"$dir/cgroup.procs" || exit; done; exec "$@"'
TARGET = "[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\n"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@contextlib.contextmanager
def booted(target, binds):
    """Boots one with these files bound as {inside: outside}; gives what runs a command in it."""
    unpacked = os.path.join(target, "test-root")
    # Others may list sockets here: /run is where nspawn leaves traces.
    subprocess.check_call(["mount", "-t", "tmpfs", "tmpfs", "/run"])
    place = tempfile.mkdtemp(prefix="sdguest-", dir="/tmp")
    cgroups, nspawn, leader = [], None, None
    try:
        subprocess.check_call(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", place])
        cgroups = made_cgroups(os.path.basename(place))
        command = ["setpriv", "--pdeathsig", "KILL", "sh", "-c", ENTER, "sh", found("systemd-nspawn", unpacked)]
        command += ["--quiet", "--register=no", "--keep-unit", "--boot", "--console=read-only", "--link-journal=no"]
        command += ["--resolv-conf=off", "--timezone=off", f"--machine={os.path.basename(place)}"]
        command += ["--directory", root(place, unpacked)]
        command += [f"--bind-ro={outside}:{inside}" for inside, outside in binds.items()]
        library = os.path.join(unpacked, "usr/lib", f"{os.uname().machine}-linux-gnu")
        environment = {**os.environ, "CGROUPS": " ".join(cgroups), "LD_LIBRARY_PATH": f"{library}:{library}/systemd"}
        with open(os.path.join(place, "console"), "w") as console:
            nspawn = subprocess.Popen([*command, "systemd.unit=lab.target"], stdin=subprocess.DEVNULL,
                                      stdout=console, stderr=console, env=environment)
        leader = up(nspawn.pid, place)
        yield lambda *words: subprocess.run([*entering(leader), *words], check=True)
    finally:
        if leader:
            os.kill(leader, 9)
        if nspawn:
            nspawn.kill()
            nspawn.wait()
        for cgroup in cgroups:
            remove(cgroup)
        subprocess.call(["umount", "--lazy", os.path.join(place, "root")])
        subprocess.call(["umount", "--lazy", place])
        os.rmdir(place)


def entering(leader):
    return ["nsenter", "-t", str(leader), "-m", "-p", "-u", "-i", "-C", "--", "env", "-i", f"PATH={PATH}"]


def found(program, unpacked):
    return shutil.which(program) or os.path.join(unpacked, "usr/bin", program)


def root(place, unpacked):
    upper, work, whole = (os.path.join(place, name) for name in ["upper", "work", "root"])
    for directory in [upper, work, whole]:
        os.mkdir(directory)
    if os.path.exists(unpacked):
        subprocess.check_call(["cp", "-aT", unpacked, upper])
    options = f"lowerdir=/,upperdir={upper},workdir={work}"
    subprocess.check_call(["mount", "-t", "overlay", "-o", options, "overlay", whole])
    shutil.rmtree(os.path.join(whole, "etc/systemd"), ignore_errors=True)
    os.makedirs(os.path.join(whole, "etc/systemd/system"))
    with open(os.path.join(whole, "etc/systemd/system/lab.target"), "w") as file:
        file.write(TARGET)
    for table in ["etc/fstab", "etc/crypttab"]:
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(whole, table))
    return whole


def made_cgroups(name):
    """One in each hierarchy that systemd names its units in."""
    own = dict(line.rstrip("\n").split(":", 1)[1].split(":", 1) for line in open("/proc/self/cgroup"))
    mounts, made = open("/proc/self/mountinfo").read().splitlines(), []
    for hierarchy, kind in [("name=systemd", ",name=systemd"), ("", " - cgroup2 ")]:
        points = [line.split(" ")[4] for line in mounts if kind in line]
        if hierarchy in own and points:
            made.append(os.path.join(points[0], own[hierarchy].lstrip("/"), f"machine-{name}.scope"))
            os.mkdir(made[-1])
    return made


def remove(cgroup):
    """rmdir(2) from below: the files of a cgroup cannot be removed, and need not be."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            for directory, _, _ in os.walk(cgroup, topdown=False):
                os.rmdir(directory)
            return
        time.sleep(0.05)


def up(nspawn, place):
    """Its PID 1, when that has started all."""
    for _ in range(600):
        time.sleep(0.1)
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                status = dict(line.rstrip("\n").split(":\t", 1) for line in open(f"/proc/{pid}/status") if ":\t" in line)
                if status["PPid"] == str(nspawn) and status["NSpid"].split("\t")[-1] == "1":
                    state = subprocess.run([*entering(int(pid)), "systemctl", "is-system-running"],
                                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
                    if state.strip() in [b"running", b"degraded"]:
                        return int(pid)
    raise SystemExit("the guest does not boot: " + open(os.path.join(place, "console")).read())
