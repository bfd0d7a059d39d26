"""Programs on this machine: confined servers, each with a job at a time."""

import atexit
import contextlib
import itertools
import json
import logging
import os
import shutil
import struct
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from queue import LifoQueue
from typing import Any

from gdpo.tasks.code.sandbox.jails import BOX, JAILS, environment, is_root, readable
from gdpo.tasks.code.sandbox.outcome import Job, Run
from gdpo.tasks.verdict import JudgeError

log = logging.getLogger(__name__)

_READY_WITHIN = 20.0  # seconds, of a machine under load
# The first of a machine's memory to be given up, should it run out.
_FIRST_TO_GO = 'echo 1000 > /proc/self/oom_score_adj; exec "$0" "$@"'
_NUMBERS = itertools.count()
_LOCK = threading.Lock()
_STARTERS: dict[int, ThreadPoolExecutor] = {}  # of each process: a fork has none of its parent's threads


class ServerGone(RuntimeError):
    """A server ended, or was never there; the message says what it wrote."""


class Server:
    """A process that runs jobs, confined.

    Args:
        kind: one of :data:`JAILS`.

    Raises:
        JudgeError: it does not start.
    """

    def __init__(self, kind: str):
        jail = JAILS[kind]
        self._box = jail.box()
        number = os.getpid() * 64 + next(_NUMBERS) % 64  # another user for each server of a machine
        config = {
            "view": kind,
            "box": self._box,
            "paths": readable(),
            "as_root": is_root() and jail.other_user(),
            "number": number & 0xFFFFFF,
        }
        self._process = _starter().submit(_start, jail.command(config)).result()
        late = threading.Timer(_READY_WITHIN, self._process.kill)
        late.start()
        try:
            self._read()
        except ServerGone as error:
            self.close()
            raise JudgeError(f"the server does not start: {error}") from None
        finally:
            late.cancel()

    def run(self, job: Job) -> list[Run]:
        """What became of the runs of a job.

        Raises:
            ServerGone: the server ended.
            JudgeError: it could not confine a program.
        """
        data, check = json.dumps(job.as_json()).encode(), (job.check or "").encode("utf-8", "surrogatepass")
        try:
            self._process.stdin.write(struct.pack("II", len(data), len(check)) + data + check)
            self._process.stdin.flush()
        except OSError as error:
            raise ServerGone(str(error)) from None
        answer = self._read()
        if "refused" in answer:
            raise JudgeError(f"the sandbox could not run a program: {answer['refused']}")
        return [Run(**run) for run in answer["runs"]]

    def close(self) -> None:
        """End it, and all that it has started."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):
                pipe.close()
        if self._box != BOX:
            shutil.rmtree(self._box, ignore_errors=True)

    def _read(self) -> dict[str, Any]:
        header = self._process.stdout.read(4)
        if len(header) == 4:
            length = struct.unpack("I", header)[0]
            if len(data := self._process.stdout.read(length)) == length:
                return json.loads(data)
        self._process.kill()
        said = self._process.stderr.read().decode(errors="replace").strip()
        raise ServerGone(said.splitlines()[-1] if said else "it ended without a word")


class Local:
    """Servers of one kind, started as they are needed.

    Args:
        kind: one of :data:`JAILS`.
        at_once: most servers.
    """

    def __init__(self, kind: str, at_once: int):
        self.kind, self.at_once = kind, at_once
        self._free: LifoQueue[Server | None] = LifoQueue()  # the last one used is the warmest
        for _ in range(at_once):
            self._free.put(None)
        self._process = os.getpid()
        atexit.register(self.close)

    def run(self, job: Job) -> list[Run]:
        """As :meth:`gdpo.tasks.code.sandbox.outcome.Sandbox.run`."""
        server = self._free.get()
        try:
            for _ in range(2):
                server = server or Server(self.kind)
                try:
                    return server.run(job)
                except ServerGone as gone:
                    log.warning("sandbox: a server ended while it ran a program (%s)", gone)
                    server.close()
                    server = None
            return [Run("error", "", "the sandbox's server ended twice", 0.0) for _ in job.runs]
        except BaseException:  # it may still have an answer to give, which the next job would get
            if server:
                server.close()
                server = None
            raise
        finally:
            self._free.put(server)

    def close(self) -> None:
        """End all servers that are not at work; a fork of this process leaves them alone."""
        atexit.unregister(self.close)
        if os.getpid() != self._process:
            return
        for _ in range(self._free.qsize()):
            if server := self._free.get():
                server.close()


def _starter() -> ThreadPoolExecutor:
    """A thread that stays: the kernel ends a server with the thread that started it."""
    with _LOCK:
        if os.getpid() not in _STARTERS:
            _STARTERS[os.getpid()] = ThreadPoolExecutor(1, thread_name_prefix="sandbox")
        return _STARTERS[os.getpid()]


def _start(command: list[str]) -> subprocess.Popen:
    return subprocess.Popen(
        ["/bin/sh", "-c", _FIRST_TO_GO, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        cwd="/",
        start_new_session=True,
    )
