"""What the parts of benches/run share: commands that are run by turns, a host to run them on, and the table."""
import contextlib
import json
import os
import statistics
import subprocess
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def target():
    """Where cargo(1) builds."""
    asked = ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"]
    return json.loads(subprocess.check_output(asked, cwd=TOP))["target_directory"]


def binary(triple=None):
    """The release build in use, or the one for a target, where there is one."""
    return os.path.join(target(), *([triple] if triple else []), "release", "sockdoctor")


def wall(command):
    """How many seconds a command took; what it says and how it ends is not looked at."""
    null = [(os.POSIX_SPAWN_OPEN, out, "/dev/null", os.O_WRONLY, 0) for out in (1, 2)]
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=null)
    os.waitpid(pid, 0)
    return time.perf_counter() - start


def others():
    """Seconds of processor time that all but this process and its children have taken so far."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq = (int(ticks) for ticks in file.readline().split()[1:8])
    own = os.times()
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK") - sum(own[:4])


def medians(commands, runs):
    """The median of each, run by turns so that what disturbs one disturbs all; the first turn warms up.

    Turns in which somebody else took more than an eighth of a core do not count, where there are enough others.
    """
    turns, calm = [], []
    while len(calm) <= runs and len(turns) <= 3 * runs:
        before, start = others(), time.perf_counter()
        turns.append([wall(command) for command in commands])
        if others() - before < 0.02 + (time.perf_counter() - start) / 8:
            calm.append(turns[-1])
    chosen = (calm if len(calm) > runs / 2 else turns)[1:]
    return [statistics.median(times) for times in zip(*chosen)]


def peak(command):
    """The most memory a command had, in KiB, by time(1): it is small itself, which Python is not."""
    with tempfile.NamedTemporaryFile("r") as said:
        subprocess.run(["/usr/bin/time", "-f", "%M", "-o", said.name, *command], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
        return int(said.read().split()[-1])


def machine():
    """Kernel, cores, model of the processor, and how busy it is."""
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), os.uname().machine)
    return f"Linux {os.uname().release}, {os.cpu_count()} cores of {model}, load {os.getloadavg()[0]:.1f}"


def table(columns, rows):
    """Prints a table, as Markdown."""
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def ratio(ours, theirs):
    """As the tables have it."""
    return f"{ours / theirs:.2f}"


def alone():
    """This program once more, in network and mount namespaces of its own: all it makes there is gone when it ends."""
    if "SDBENCH_INSIDE" not in os.environ:
        os.environ["SDBENCH_INSIDE"] = "1"
        with open("/proc/self/cmdline", "rb") as file:
            own = [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
        os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", *own])


@contextlib.contextmanager
def floor():
    """The C program that does what nobody can avoid."""
    with tempfile.TemporaryDirectory(prefix="sdbench-", dir="/tmp") as directory:
        program = os.path.join(directory, "floor")
        subprocess.check_call(["gcc", "-O2", "-o", program, os.path.join(TOP, "benches", "floor.c")])
        yield program


@contextlib.contextmanager
def host(listeners, processes=0, descriptors=0):
    """Listeners in a directory, whose name it gives, and processes that hold descriptors; gone with the block."""
    with tempfile.TemporaryDirectory(prefix="sdbench-", dir="/tmp") as directory:
        counts = [str(count) for count in (listeners, processes, descriptors)]
        populate = ["python3", os.path.join(TOP, "benches", "populate.py"), directory, *counts]
        with subprocess.Popen(populate, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as lives:
            if "ready" not in lives.stdout.readline():
                raise SystemExit("the host could not be made")
            yield directory
            lives.stdin.close()
