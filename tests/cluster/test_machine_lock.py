"""One at a time on a machine, and nothing left behind."""

import subprocess
import sys
import time
import uuid

from gdpo.cluster.machine_lock import machine_lock

HOLD = """
import sys, time
from gdpo.cluster.machine_lock import machine_lock
with machine_lock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(name: str, seconds: float) -> subprocess.Popen:
    command = [sys.executable, "-c", HOLD, name, str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_second_process_waits_for_the_first():
    name = uuid.uuid4().hex
    first = hold(name, 1.0)
    assert first.stdout.readline() == "held\n"
    start = time.monotonic()
    with machine_lock(name, poll_seconds=0.01):
        assert time.monotonic() - start > 0.5
        assert first.poll() is not None or time.monotonic() - start > 0.9
    first.wait()


def test_a_killed_process_holds_nothing():
    name = uuid.uuid4().hex
    first = hold(name, 60)
    assert first.stdout.readline() == "held\n"
    first.kill()
    first.wait()
    with machine_lock(name, poll_seconds=0.01):
        pass


def test_other_names_are_other_locks():
    with machine_lock(uuid.uuid4().hex), machine_lock(uuid.uuid4().hex):
        pass
