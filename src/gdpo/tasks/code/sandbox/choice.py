"""Which sandbox programs run in: what the environment names, else the first that works on this machine."""

import functools
import os
import platform
import shutil
import sys
import threading
from collections.abc import Sequence

from gdpo.tasks.code.sandbox.jails import KINDS, UNCONFINED
from gdpo.tasks.code.sandbox.local import Local, Server, ServerGone
from gdpo.tasks.code.sandbox.outcome import Job, Run, Sandbox
from gdpo.tasks.verdict import JudgeError

NAMED = "GDPO_SANDBOX"
"""Environment variable: one of :data:`KINDS`, ``unconfined``, or the address of a Sandbox Fusion service."""
MOST_SERVERS = 8
"""Of one process; a training has several that judge."""

_TRIAL = Job("print(6 * 7)", [{"stdin": ""}])

_LOCK = threading.Lock()
_OF_PROCESS: dict[int, Sandbox] = {}  # a fork of this process must not talk to the same servers


def sandbox() -> Sandbox:
    """The sandbox of this process.

    Raises:
        JudgeError: none works here, or what is named does not.
    """
    with _LOCK:
        if os.getpid() not in _OF_PROCESS:
            _OF_PROCESS[os.getpid()] = _made(os.environ.get(NAMED) or _first_that_works())
        return _OF_PROCESS[os.getpid()]


def _made(name: str) -> Sandbox:
    if name.startswith(("http://", "https://")):
        # Its client takes longer to import than all the rest.
        from gdpo.tasks.code.sandbox.remote import Remote

        made = Remote(name)
        if why := _wrong_in(made.run(_TRIAL)):
            raise JudgeError(f"{NAMED}={name}: {why}")
        return made
    if name not in (*KINDS, UNCONFINED):
        raise JudgeError(
            f"{NAMED}={name}: no such sandbox; allowed: {', '.join(KINDS)}, {UNCONFINED} (programs that a "
            "model wrote then run with your rights), or the http address of a Sandbox Fusion service"
        )
    if why := why_not(name):
        raise JudgeError(f"{NAMED}={name}: it does not work here: {why}")
    return Local(name, min(MOST_SERVERS, len(os.sched_getaffinity(0))))


def _first_that_works() -> str:
    reasons = []
    for kind in KINDS:
        if not (why := why_not(kind)):
            return kind
        reasons.append(f"{kind}: {why}")
    raise JudgeError(
        f"no sandbox works here for programs that a model wrote ({'; '.join(reasons)}). Install bubblewrap, "
        f"allow user namespaces, or name a Sandbox Fusion service by {NAMED}=http://...; "
        f"{NAMED}={UNCONFINED} runs such programs with your rights"
    )


@functools.cache
def why_not(kind: str) -> str | None:
    """Why a kind of sandbox does not work here, in a few words, or None: a program was run in it."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return (
            f"programs are confined on Linux on x86-64 alone; this is {sys.platform} on {platform.machine()}"
        )
    if kind == "bubblewrap" and not shutil.which("bwrap"):
        return "bwrap is not installed"
    try:
        server = Server(kind)
        try:
            return _wrong_in(server.run(_TRIAL))
        finally:
            server.close()
    except (JudgeError, ServerGone) as error:
        return str(error)


def _wrong_in(trial: Sequence[Run]) -> str | None:
    (said,) = trial
    return None if said.output == "42\n" else f"a program ended in {said.status}: {said.error}"
