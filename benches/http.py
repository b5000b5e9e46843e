"""A server for benches/run that answers every request of HTTP at once: PATH."""

import socket
import sys

REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"

with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    listener.listen(128)
    while True:
        client, _ = listener.accept()
        with client:
            try:
                if client.recv(65536):
                    client.sendall(REPLY)
            except OSError:
                pass
