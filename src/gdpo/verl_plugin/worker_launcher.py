"""What Ray runs in the place of Python to start a worker: asks the fork server for it.

    python -IS worker_launcher.py SOCKET COMMAND...    (Ray's command, without the interpreter)

Ray's other Python processes start as always. Imports next to nothing: this runs once a worker.
"""

import json
import os
import socket
import sys

WORKERS = ("/default_worker.py", "/setup_worker.py")
"""The scripts with which Ray starts workers; the second sets a runtime environment up for the first."""


def main(address: str, command: list[str]) -> None:
    """Ask for a worker, which says by itself to Ray that it is there."""
    if not command[0].endswith(WORKERS):
        os.execv(sys.executable, [sys.executable, *command])
    request = {"command": command, "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [b"w"], [0, 1, 2])
        server.sendall(json.dumps(request).encode())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
