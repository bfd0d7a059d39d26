"""Programs run by a service that answers as Sandbox Fusion does; the real one was tried by hand."""

import base64
import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gdpo.tasks.code.sandbox import choice, remote
from gdpo.tasks.code.sandbox.inside.values import decode, read
from gdpo.tasks.code.sandbox.outcome import Job, Limits
from gdpo.tasks.code.sandbox.remote import Remote
from gdpo.tasks.verdict import JudgeError

pytestmark = pytest.mark.slow

LIMITS = Limits(seconds=5.0)


def run_code(asked: dict, folder) -> dict:
    """What ``/run_code`` answers: status, and what became of the command."""
    for name, data in asked["files"].items():
        (folder / name).write_bytes(base64.b64decode(data))
    (folder / "code.py").write_text(asked["code"])
    began = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "code.py"],
            cwd=folder,
            input=asked["stdin"],
            capture_output=True,
            text=True,
            timeout=asked["run_timeout"],
        )
    except subprocess.TimeoutExpired:
        result = {
            "status": "TimeLimitExceeded",
            "execution_time": time.monotonic() - began,
            "return_code": None,
        }
        return {"status": "Failed", "message": "", "run_result": result | {"stdout": "", "stderr": ""}}
    result = {
        "status": "Finished",
        "execution_time": time.monotonic() - began,
        "return_code": done.returncode,
    }
    result |= {"stdout": done.stdout, "stderr": done.stderr}
    return {"status": "Failed" if done.returncode else "Success", "message": "", "run_result": result}


@pytest.fixture
def service(tmp_path, monkeypatch):
    """A service, and what it is to answer before it works: statuses, or texts."""
    monkeypatch.setattr(remote.time, "sleep", lambda seconds: None)
    trouble: list[int | str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, body = 200, trouble.pop(0) if trouble else None
            if isinstance(body, int):
                status, body = body, "busy"
            if body is None:
                folder = tmp_path / str(time.monotonic_ns())
                folder.mkdir()
                body = json.dumps(run_code(asked, folder)) if self.path == "/run_code" else "{}"
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", trouble
    server.shutdown()
    server.server_close()


def test_scripts_calls_checks_and_checkers(service):
    made = Remote(service[0])
    runs = made.run(Job("print(2 * int(input()))", [{"stdin": "21"}, {"stdin": "x"}], LIMITS))
    assert [(run.status, run.output) for run in runs] == [("ok", "42\n"), ("error", "")]
    assert "ValueError" in runs[1].error
    files = {"stdin": "", "argv": ["a"], "files": {"a": "ü"}}
    assert made.run(Job("import sys\nprint(open(sys.argv[1]).read())", [files], LIMITS))[0].output == "ü\n"
    program = "print('noise')\ndef f(x):\n    return {x: (x, 1 / x)}"
    good, bad = made.run(Job(program, [{"call": [2]}, {"call": [0]}], LIMITS, "f"))
    assert decode(read(good.output)[1]) == {2: (2, 0.5)} and bad.status == "error"
    for body, status in (("x + 1", "ok"), ("x", "failed"), ("1 / 0", "error")):
        job = Job(f"def f(x):\n    return {body}", [{}], LIMITS, "f", check="assert f(1) == 2")
        assert made.run(job)[0].status == status


def test_too_long_is_too_long(service):
    runs = Remote(service[0]).run(Job("while True: pass", [{"stdin": ""}] * 3, Limits(seconds=0.3)))
    assert [run.status for run in runs] == ["time", "time", "skipped"]


def test_a_busy_service_is_asked_again_and_a_broken_one_gives_no_verdict(service):
    address, trouble = service
    job = Job("print(1)", [{"stdin": ""}], LIMITS)
    trouble += [503, 429, '{"status": "SandboxError", "message": "no room"}']
    assert Remote(address).run(job)[0].output == "1\n"
    for answer, words in ((400, "refuses a program: 400"), ("<html>", "no JSON"), ("[]", "no object")):
        trouble.append(answer)
        with pytest.raises(JudgeError, match=words):
            Remote(address).run(job)
    trouble += [500] * remote.TRIES
    with pytest.raises(JudgeError, match="after 5 tries: status 500"):
        Remote(address).run(job)
    with pytest.raises(JudgeError, match="ConnectError"):
        Remote("http://127.0.0.1:9").run(job)


def test_a_service_that_cannot_run_our_driver_gives_no_verdict(service):
    service[1].append(json.dumps(run_code_result(stderr="SyntaxError: invalid syntax", return_code=1)))
    with pytest.raises(JudgeError, match="cannot run our test driver.*SyntaxError"):
        Remote(service[0]).run(Job("def f(x): return x", [{"call": [1]}], LIMITS, "f"))


def run_code_result(**given) -> dict:
    result = {"status": "Finished", "execution_time": 0.1, "return_code": 0, "stdout": "", "stderr": ""}
    return {"status": "Failed", "message": "", "run_result": result | given}


def test_an_address_names_a_service(service, monkeypatch):
    monkeypatch.setattr(choice, "_OF_PROCESS", {})
    monkeypatch.setenv(choice.NAMED, service[0])
    assert isinstance(choice.sandbox(), Remote)
    monkeypatch.setattr(choice, "_OF_PROCESS", {})
    monkeypatch.setenv(choice.NAMED, "http://127.0.0.1:9")
    with pytest.raises(JudgeError, match="runs no program, after 5 tries"):  # before a training begins
        choice.sandbox()


def test_what_utf8_has_not_is_asked_for_with_question_marks(service):
    address, _ = service
    job = Job(
        "import sys\nprint(sys.stdin.read(), '\ud800')", [{"stdin": "\ud800", "files": {"a": "\ud800"}}]
    )
    assert Remote(address).run(job)[0].output == "? ?\n"
