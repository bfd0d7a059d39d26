"""Programs on another machine, by HTTP: a Sandbox Fusion service (github.com/bytedance/SandboxFusion)."""

import base64
import json
import random
import secrets
import time
from pathlib import Path
from typing import Any

import httpx

from gdpo.tasks.code.sandbox.outcome import Job, Run
from gdpo.tasks.verdict import JudgeError

AT_ONCE = 16
"""Programs that one process has the service run at the same time."""
TRIES = 5
"""Of a request that the service had no room for, or that did not reach it."""
PATIENCE = 60.0
"""Seconds beyond a program's own that a request may wait in the service's queue."""
_INSIDE = Path(__file__).parent / "inside"
# The same code as within the local sandbox, in the service's process.
_DRIVER = """
import json, sys, types
for name, source in {modules!r}.items():
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
sys.modules["program"].remote(json.loads({job!r}), {check!r}, {mark!r})
"""


class Remote:
    """A service that runs a program a request.

    A test program (``check``) runs beside the program that it tests, as the same user: see SECURITY.md.

    Args:
        address: as http://host:8080.
    """

    def __init__(self, address: str):
        self.at_once = AT_ONCE
        self._address = address.rstrip("/") + "/run_code"
        self._client = httpx.Client(limits=httpx.Limits(max_connections=AT_ONCE))

    def run(self, job: Job) -> list[Run]:
        """As :meth:`gdpo.tasks.code.sandbox.outcome.Sandbox.run`."""
        found: list[Run] = []
        for run in job.runs:
            if sum(done.status == "time" for done in found) >= job.limits.give_up:
                found.append(Run("skipped", "", "", 0.0))
            else:
                found.append(self._run(job, dict(run)))
        return found

    def _run(self, job: Job, run: dict[str, Any]) -> Run:
        mark = secrets.token_hex(16)
        plain = job.check is None and "call" not in run and not run.get("argv")
        code = job.program if plain else _driver(job, run, mark)
        files = {
            name: base64.b64encode(text.encode("utf-8", "replace")).decode()
            for name, text in run.get("files", {}).items()
        }
        answer = self._asked(
            {
                "code": _writable(code),
                "language": "python",
                "stdin": _writable(run.get("stdin", "")),
                "files": files,
                "run_timeout": job.limits.seconds,
                "memory_limit_MB": job.limits.megabytes,
            },
            job.limits.seconds,
        )
        return _outcome(answer, None if plain or run.get("argv") else mark)

    def _asked(self, body: dict[str, Any], seconds: float) -> dict[str, Any]:
        why = ""
        for attempt in range(TRIES):
            if attempt:
                time.sleep(2**attempt * (0.5 + random.random() / 2))
            try:
                answer = self._client.post(self._address, json=body, timeout=seconds + PATIENCE)
            except httpx.HTTPError as error:
                why = f"{type(error).__name__}: {error}"
                continue
            if answer.status_code == 200:
                found = _object(answer)
                if found.get("status") != "SandboxError":
                    return found
                why = str(found.get("message"))[:200]
            elif answer.status_code == 429 or answer.status_code >= 500:
                why = f"status {answer.status_code}"
            else:
                raise JudgeError(
                    f"{self._address} refuses a program: {answer.status_code} {answer.text[:200]}"
                )
        raise JudgeError(f"{self._address} runs no program, after {TRIES} tries: {why}")


def _writable(text: str) -> str:
    """The text with question marks for lone surrogates, which UTF-8 has not."""
    return text.encode("utf-8", "replace").decode()


def _driver(job: Job, run: dict[str, Any], mark: str) -> str:
    modules = {name: (_INSIDE / f"{name}.py").read_text() for name in ("values", "program")}
    asked = json.dumps({**job.as_json(), "runs": [run]})
    return _DRIVER.format(modules=modules, job=asked, check=job.check or "", mark=mark)


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError as error:
        raise JudgeError(f"{answer.url} answers no JSON: {answer.text[:200]}") from error
    if not isinstance(found, dict):
        raise JudgeError(f"{answer.url} answers no object: {answer.text[:200]}")
    return found


def _outcome(answer: dict[str, Any], mark: str | None) -> Run:
    """What the service's answer says.

    Args:
        answer: of ``run_code``.
        mark: after the last one in its output stands what the driver says; None: the output is the program's.
    """
    result = answer.get("run_result") or {}
    output, error = str(result.get("stdout") or ""), str(result.get("stderr") or "").strip()[-400:]
    seconds = float(result.get("execution_time") or 0.0)
    if result.get("status") == "TimeLimitExceeded":
        return Run("time", "", error, seconds)
    if mark is not None and mark not in output:
        why = error or answer.get("message")
        raise JudgeError(f"the service's Python cannot run our test driver (3.10 or newer is needed): {why}")
    if result.get("status") != "Finished" or result.get("return_code") != 0:
        return Run("error", "", error or str(answer.get("message")), seconds)
    if mark is None:
        return Run("ok", output, error, seconds)
    status, _, rest = output.rpartition(mark)[2].partition("\n")
    if status not in ("ok", "failed", "error"):
        return Run("error", "", error or "ended before it answered", seconds)
    return Run(status, rest, error, seconds) if status == "ok" else Run(status, "", error or rest, seconds)
