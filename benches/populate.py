"""A busy host: listeners in a directory, and processes with open files. Lives until its standard input closes.

populate.py DIRECTORY LISTENERS PROCESSES FDS
"""
import os
import resource
import socket
import sys

directory, listeners, processes, fds = sys.argv[1], *map(int, sys.argv[2:5])
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
done = os.pipe()  # closes everywhere when this process ends


def child(work):
    if os.fork() == 0:
        os.close(done[1])
        keep = work()
        os.write(ready[1], b".")
        os.read(done[0], 1)
        os._exit(0 * len(keep))


def listen(numbers):
    sockets = []
    for number in numbers:
        sockets.append(socket.socket(socket.AF_UNIX))
        sockets[-1].bind(f"{directory}/app{number}.sock")
        sockets[-1].listen(5)
    return sockets


ready = os.pipe()
chunk = min(most - 64, 5000)
parts = [range(start, min(start + chunk, listeners)) for start in range(0, listeners, chunk)]
for numbers in parts:
    child(lambda: listen(numbers))
for _ in range(processes):
    child(lambda: [open("/dev/null") for _ in range(fds)])
for _ in range(len(parts) + processes):
    os.read(ready[0], 1)
print("ready", flush=True)
sys.stdin.read()
