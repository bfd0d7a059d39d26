"""Ways to start the server within (:mod:`gdpo.tasks.code.sandbox.inside.server`), in order of preference."""

import json
import os
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

UNCONFINED = "unconfined"
INSIDE = Path(__file__).parent / "inside"
BOX = "/box"
_BEGIN = "import sys; sys.path.insert(0, sys.argv.pop(1)); import server; server.main()"
_SYSTEM_ADMIN = 21  # CAP_SYS_ADMIN


class Jail(NamedTuple):
    """How a server is started."""

    command: Callable[[dict], list[str]]
    """Of the server's configuration: what to start."""
    box: Callable[[], str]
    """Makes a program's folder, or names the one that the sandbox has."""
    other_user: Callable[[], bool]
    """Whether programs of root can be another user's, to whom the interpreter must be readable."""


def readable() -> list[str]:
    """What a program may read: interpreter, standard library, shared libraries, the server's code."""
    base = Path(sys.base_prefix).resolve()
    given = [
        Path(sys._base_executable).resolve(),  # noqa: SLF001 - the interpreter beneath a venv's
        Path(sysconfig.get_path("stdlib")).resolve(),
        *(base / "lib").glob("lib*.so*"),
        *map(Path, ("/lib", "/lib64", "/usr/lib", "/usr/lib64")),
        INSIDE.resolve(),
    ]
    return [str(path) for path in dict.fromkeys(given) if path.exists()]


def server_command(config: dict) -> list[str]:
    """The server itself; without options from the environment, users' folders and ``site``'s packages."""
    python = str(Path(sys._base_executable).resolve())  # noqa: SLF001 - see above
    return [python, "-s", "-S", "-P", "-c", _BEGIN, str(INSIDE.resolve()), json.dumps(config)]


def environment() -> dict[str, str]:
    """All that a program sees of the environment; sets iterate in one order in every process."""
    return {
        "LD_LIBRARY_PATH": str(Path(sys.base_prefix).resolve() / "lib"),
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
    }


def _bubblewrap(config: dict) -> list[str]:
    privileges = ["SYS_ADMIN", *(["KILL", "SETUID", "SETGID"] if config["as_root"] else [])]
    # Folders above what is shown would else be its maker's alone.
    above = dict.fromkeys(str(parent) for path in config["paths"] for parent in [*Path(path).parents][-2::-1])
    folders = [part for folder in sorted(above) for part in ("--perms", "0755", "--dir", folder)]
    shown = [part for path in config["paths"] for part in ("--ro-bind", path, path)]
    return [
        "bwrap",
        *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
        *([] if config["as_root"] else ["--unshare-user", "--uid", "65534", "--gid", "65534"]),
        *("--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *(part for name in privileges for part in ("--cap-add", f"CAP_{name}")),
        *folders,
        *shown,
        *("--dir", BOX, "--remount-ro", "/", "--chdir", "/"),
        "--",
        *server_command(config),
    ]


def _folder() -> str:
    folder = tempfile.mkdtemp(prefix="gdpo-box-")
    Path(folder).chmod(0o755)
    return folder


def _anyone_may_read() -> bool:
    above = {parent for path in readable() for parent in Path(path).parents}
    return all(parent.stat().st_mode & 0o001 for parent in above)


JAILS: dict[str, Jail] = {
    "bubblewrap": Jail(_bubblewrap, lambda: BOX, lambda: True),
    "namespaces": Jail(server_command, lambda: BOX, lambda: True),
    "landlock": Jail(server_command, _folder, _anyone_may_read),
    UNCONFINED: Jail(server_command, _folder, lambda: False),
}
KINDS = tuple(name for name in JAILS if name != UNCONFINED)
"""What confines programs, in order of preference."""


def is_root() -> bool:
    """Whether namespaces can be made, and users changed, without a user namespace."""
    try:
        held = next(
            line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff")
        )
    except (OSError, StopIteration):
        return False
    return os.geteuid() == 0 and bool(int(held.split()[1], 16) >> _SYSTEM_ADMIN & 1)
