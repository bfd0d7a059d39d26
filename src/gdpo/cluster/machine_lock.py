"""A lock among the processes of one machine that leaves no file behind."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator


@contextlib.contextmanager
def machine_lock(name: str, poll_seconds: float = 0.1) -> Iterator[None]:
    """Hold the lock ``name`` among this user's processes on this machine; wait until it is free.

    It is the name of a socket in Linux' abstract namespace: one process can have it, and it is free again
    when that process ends, however it does.

    Args:
        name: short, without spaces.
        poll_seconds: how often a waiting process looks.
    """
    address = f"\0gdpo-{os.getuid()}-{name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as held:
        while True:
            try:
                held.bind(address)
                break
            except OSError:  # somebody has it
                time.sleep(poll_seconds)
        yield
