"""What a training run was made of and by: ``provenance.json`` in its run folder.

It is no output of the DAG, so Snakemake does not delete it when a job fails. The same file lies in the
checkpoint folder, because sessions belong to the weights: a run folder that was deleted gets it back.
"""

import contextlib
import hashlib
import json
import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from gdpo.whole_file import write_text

PROVENANCE = "provenance.json"
TRAINING_CODE = ("advantage", "config", "grading", "plugins", "rewards", "sampling", "verl_plugin")
"""Folders of the package that decide what training does."""
PACKAGES = (
    "gdpo",
    "verl",
    "torch",
    "transformers",
    "ray",
    "vllm",
    "tensordict",
    "transferqueue",
    "wandb",
)
ERROR_LENGTH = 300
"""Most characters of a session's error."""

_ERROR_LINE = re.compile(r"^[\w.]*(Error|Exception|Interrupt)\b")
_WORKER_PREFIX = re.compile(r"^(\x1b\[[0-9;]*m)*\([^()]* pid=\d+[^()]*\)(\x1b\[[0-9;]*m)*\s?")
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_URL_LOGIN = re.compile(r"(?<=://)[^/\s@]+@")


class Stopped(Exception):
    """Raised in a session that ends before its last step as planned: it was interrupted, and did not fail."""


def facts() -> dict[str, Any]:
    """Code, packages, git state and machine of this process; nothing of its environment variables."""
    return {
        "code": code_hash(),
        "packages": package_versions(),
        "git": git_state(Path.cwd()),
        "machine": machine(),
    }


def code_hash() -> str:
    """SHA-256 of the package's Python files that training uses, with their names."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for folder in TRAINING_CODE for path in (package / folder).rglob("*.py")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(package)} {content}\n".encode())
    return digest.hexdigest()


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that training stands on, as far as they are installed."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit of the repository around ``folder``, and whether tracked files differ; none without git."""
    commit = _output("git", "-C", str(folder), "rev-parse", "HEAD")
    changes = _output("git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": bool(changes)} if commit and changes is not None else None


def machine() -> dict[str, Any]:
    """Names of host, CPU and GPUs."""
    gpus = _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader") or ""
    return {"host": platform.node(), "cpu": _cpu_name(), "gpus": gpus.splitlines()}


def _cpu_name() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _output(*command: str) -> str | None:
    """Standard output of a command; none if it fails, is missing or takes too long."""
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        result = subprocess.run(command, capture_output=True, text=True, timeout=20, env=environment)
        if result.returncode == 0:
            return result.stdout.strip()
    return None


@contextlib.contextmanager
def session(
    run: Mapping[str, Any], folders: Sequence[Path], log: Path, from_step: int, step: Callable[[], int]
) -> Iterator[None]:
    """Record one training session in ``folders``, at its start and at its end.

    Args:
        run: what is known of the run itself (config, data, model, checkpoint, W&B).
        folders: where ``provenance.json`` goes; earlier sessions are read from the first.
        log: the trainer's log, for the error of a session that fails.
        from_step: the step that it goes on from.
        step: gives the newest step of the run.
    """
    record = {**run, **facts()}
    earlier = (read_provenance(folders[0]) or {}).get("sessions", [])
    # Only one process trains a run: a session that still says so was killed.
    earlier = [s | {"outcome": "interrupted"} if s["outcome"] == "running" else s for s in earlier]
    now = {"start": _now(), "end": None, "from_step": from_step, "to_step": None, "outcome": "running"}
    now |= {"host": record["machine"]["host"], "pid": os.getpid(), "code": record["code"], "error": None}
    log_start = log.stat().st_size if log.exists() else 0

    def write(**changes: Any) -> None:
        now.update(changes)
        text = json.dumps({**record, "sessions": [*earlier, now]}, indent=2) + "\n"
        for folder in folders:
            write_text(folder / PROVENANCE, text)

    def end(outcome: str, error: str | None = None) -> None:
        write(end=_now(), to_step=step(), outcome=outcome, error=error)

    write()
    try:
        yield
    except (SystemExit, KeyboardInterrupt, Stopped):
        end("interrupted")
        raise
    except Exception as error:
        end("failed", one_line(error_in_log(log, log_start) or f"{type(error).__name__}: {error}"))
        raise
    end("done")


def restore_provenance(checkpoint_folder: Path, run_folder: Path) -> None:
    """Give a run folder the provenance of the weights that were trained before."""
    if (checkpoint_folder / PROVENANCE).exists():
        write_text(run_folder / PROVENANCE, (checkpoint_folder / PROVENANCE).read_text())


def read_provenance(folder: Path) -> dict[str, Any] | None:
    """The provenance of a run folder or checkpoint folder; none where it has none."""
    path = folder / PROVENANCE
    return json.loads(path.read_text()) if path.exists() else None


def error_in_log(log: Path, start: int) -> str | None:
    """The last line of a log from byte ``start`` on that names an exception, without Ray's worker prefix."""
    if not log.exists():
        return None
    lines = log.read_bytes()[start:].decode(errors="replace").splitlines()
    plain = (_WORKER_PREFIX.sub("", line).strip() for line in reversed(lines))
    return next((line for line in plain if _ERROR_LINE.match(line)), None)


def one_line(error: str) -> str:
    """First line of an error, cut short, without logins in URLs and without values of secret variables."""
    line = _URL_LOGIN.sub("", error.strip().splitlines()[0])
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and len(value) >= 8:
            line = line.replace(value, "***")
    return line if len(line) <= ERROR_LENGTH else line[: ERROR_LENGTH - 3] + "..."


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
