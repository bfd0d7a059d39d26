"""One import for every process of a run: the trainer and Ray's workers are forks of this one.

    python -m gdpo.verl_plugin.fork_server KEY=VALUE ...    (veRL's hydra overrides)

Each of these processes needs torch and much of veRL, which take seconds to import. Here that is done once,
while Ray's daemons start, and its memory is shared. Ray starts workers with a command, which here is
``worker_launcher.py``: it asks this process for a fork, which goes on as Ray's worker would. This process
computes nothing and has no thread of Python's or OpenMP's, so that its forks are whole; it ends as the
trainer ends, with its exit status.
"""

import argparse
import gc
import json
import os
import runpy
import shlex
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from gdpo.verl_plugin import worker_launcher

SOCKET = "workers.sock"
LAUNCHER = "python"
NO_JOB = "ffffffff"
PRELOADED = (
    "verl.trainer.main_ppo",
    "verl.trainer.ppo.v1",
    "verl.workers.engine_workers",
    "transfer_queue",
    "gdpo.sampling.transformers_backend",
)
"""What the processes of a run import."""
PATIENCE = 0.1
"""Seconds after which the end of a fork is seen at the latest."""


def main(overrides: list[str]) -> None:
    """Start Ray, import what its processes need beside it, and fork them until the trainer ends."""
    # Ray would start two workers at once, and wait for them without end where one is late: it gives each a
    # minute, and on a busy machine the imports take longer.
    os.environ |= {"RAY_prestart_worker_first_driver": "0"}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(SOCKET)
        listener.listen(64)
        work = _forks(listener, overrides)
    work()


def _forks(listener: socket.socket, overrides: list[str]) -> Callable[[], None]:
    """Serve until the trainer ends, and return that end; in each fork, return what it does."""
    read, write = os.pipe()
    if not (holder := os.fork()):
        return partial(_hold_ray, write)
    os.close(write)
    # Ray reads these once, on being imported: no job yet, and the process without which there is no Ray.
    os.environ |= {"RAY_JOB_ID": NO_JOB, "RAY_RAYLET_PID": str(holder)}
    for module in PRELOADED:
        import_module(module)
    gc.collect()
    gc.freeze()  # forks do not look through what was imported, and so do not copy its pages
    if not (process := os.fork()):
        return partial(_train, overrides, read)
    os.close(read)
    listener.settimeout(PATIENCE)
    while (code := _end_of(process)) is None:
        with suppress(OSError, ValueError):  # nobody asked in that time, or not to the end
            request, streams = _receive(listener)
            if not os.fork():
                return partial(_work, request, streams)
            for stream in streams:
                os.close(stream)
    return partial(sys.exit, code)


def _hold_ray(address: int) -> None:
    """Start Ray's daemons, write where they are, and stay: they end with the process that started them."""
    import ray

    from gdpo.verl_plugin.main import start_ray

    ray._raylet.setproctitle("gdpo::ray")
    with open(address, "w") as pipe:
        sys.executable = str(_launcher_script())  # Ray notes it as what starts its workers
        start_ray()
        pipe.write(ray.get_runtime_context().gcs_address)
    while True:
        signal.pause()


def _launcher_script() -> Path:
    """What Ray takes for Python."""
    script = Path(LAUNCHER).resolve()
    command = [sys.executable, "-IS", worker_launcher.__file__, Path(SOCKET).resolve()]
    script.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, command))} "$@"\n')
    script.chmod(0o700)
    return script


def _train(overrides: list[str], address: int) -> None:
    import ray

    from gdpo.verl_plugin.main import main as train

    ray._raylet.setproctitle("gdpo::trainer")
    with open(address) as pipe:
        found = pipe.read()
    if not found:
        sys.exit(1)  # why is in the log, from the process that starts Ray
    train(overrides, partial(ray.init, address=found))


def _end_of(process: int) -> int | None:
    """Its exit status, as a shell gives it, or None while it runs; other forks that ended are forgotten."""
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == process:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if not ended:
            return None


def _receive(listener: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """What a launcher asks for, and its standard streams.

    Raises:
        OSError: nobody asks, or not to the end.
        ValueError: likewise.
    """
    launcher, _ = listener.accept()
    with launcher:
        launcher.settimeout(10)
        _, streams, _, _ = socket.recv_fds(launcher, 1, 3)
        with launcher.makefile() as request:
            return json.load(request), streams


def _work(request: dict[str, Any], streams: list[int]) -> None:
    """Be the worker that Ray's command would have started."""
    from ray._private.runtime_env.context import RuntimeEnvContext
    from ray._private.utils import update_envs

    for standard, stream in enumerate(streams):
        os.dup2(stream, standard)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["environment"])
    arguments = argparse.ArgumentParser(add_help=False, allow_abbrev=False)  # those of setup_worker.py
    arguments.add_argument("--serialized-runtime-env-context", dest="runtime_env", default="{}")
    arguments.add_argument("--language")
    known, command = arguments.parse_known_args(request["command"])
    update_envs(RuntimeEnvContext.deserialize(known.runtime_env).env_vars)
    if command[0].endswith("/setup_worker.py"):
        del command[0]
    sys.argv = command
    runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
