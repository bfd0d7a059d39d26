"""What a sandbox says of programs that mean no harm."""

import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gdpo.tasks.code.sandbox import choice
from gdpo.tasks.code.sandbox.choice import sandbox
from gdpo.tasks.code.sandbox.inside.values import decode, encode, read, written
from gdpo.tasks.code.sandbox.local import Local, Server
from gdpo.tasks.code.sandbox.outcome import Job, Limits
from gdpo.tasks.verdict import JudgeError

pytestmark = pytest.mark.slow

SHORT = Limits(seconds=0.5, idle=0.3)


def script(program: str, stdin: str = "", limits: Limits = SHORT, **given):
    return sandbox().run(Job(program, [{"stdin": stdin, **given}], limits))[0]


@pytest.mark.parametrize(
    ("program", "stdin", "output"),
    [
        ("print(input()[::-1])", "abc\n", "cba\n"),
        ("import sys\nprint(sum(map(int, sys.stdin)))", "1\n2\n3", "6\n"),
        ("import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())", "ünïcödé", "ünïcödé"),
        ("print(open(0).read())", "x", "x\n"),
        ("if __name__ == '__main__':\n    print(1)\n    exit()", "", "1\n"),
        ("import sys\nsys.setrecursionlimit(10**6)\n"
         "def f(n):\n    return 0 if n == 0 else 1 + f(n - 1)\nprint(f(50000))", "", "50000\n"),
        ("import threading\nthreading.stack_size(2**26)\n"
         "t = threading.Thread(target=lambda: print(7))\nt.start()\nt.join()", "", "7\n"),
        ("import threading, time\n"
         "def late():\n    time.sleep(0.1)\n    print('late')\nthreading.Thread(target=late).start()",
         "", "late\n"),
        ("import atexit\natexit.register(print, 'end')\nprint('first')", "", "first\nend\n"),
        ("from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\nprint(A(3))", "", "A(x=3)\n"),
        ("open('a', 'w').write('mine') if WRITES else None\nprint('written')", "", "written\n"),
        ("import decimal, fractions, hashlib, json\nprint(hashlib.md5(b'').hexdigest()[:4])", "", "d41d\n"),
        ("from __future__ import annotations\nprint(1)", "", "1\n"),
        ("import resource\nresource.setrlimit(resource.RLIMIT_STACK, (2**26, 2**26))\nprint(1)", "", "1\n"),
    ],
)  # fmt: skip
def test_programs_run_as_scripts(program, stdin, output):
    program = program.replace("WRITES", str(sandbox().kind != "landlock"))
    run = script(program, stdin, Limits())
    assert (run.status, run.output) == ("ok", output), run


@pytest.mark.parametrize(
    ("program", "status", "error"),
    [
        ("print(1", "error", "SyntaxError"),
        ("1 / 0", "error", "ZeroDivisionError"),
        ("import sys\nsys.exit('wrong')", "error", "wrong"),
        ("import sys\nsys.exit(3)", "error", "ended with 3"),
        ("import os\nos.abort()", "error", "signal"),
        ("x = input()", "error", "EOFError"),
        ("while True: pass", "time", ""),
    ],
)
def test_what_goes_wrong_is_said(program, status, error):
    run = script(program)
    assert run.status == status and error in run.error and run.output == ""


def test_runs_do_not_see_each_other():
    program = (
        "import os, random\nprint(os.listdir('.'), random.random(), {'b', 'a', 'c'})\n"
        "try:\n    open('a', 'w').close()\nexcept OSError:\n    pass"
    )
    runs = sandbox().run(Job(program, [{"stdin": ""}] * 3))
    assert len({run.output for run in runs}) == 1, (
        "files, random numbers and the order of sets are as at first"
    )


def test_calls_share_a_process_until_one_ends_it():
    program = (
        "import os\nseen = []\ndef f(x):\n    seen.append(x)\n"
        "    if x == 'raise':\n        raise KeyError(x)\n"
        "    if x == 'end':\n        os._exit(0)\n    while x == 'late':\n        pass\n    return seen"
    )
    calls = [1, "raise", 2, "end", 3, "late", 4, "late", 5]
    runs = sandbox().run(Job(program, [{"call": [x]} for x in calls], SHORT, "f"))
    statuses = ["ok", "error", "ok", "error", "ok", "time", "ok", "time", "skipped"]
    assert [run.status for run in runs] == statuses
    values = [decode(read(run.output)[1]) for run in runs if run.status == "ok"]
    assert values == [[1], [1, "raise", 2], [3], [4]]
    assert "KeyError" in runs[1].error


def test_time_is_counted_anew_for_each_call():
    program = "def f(x):\n    import time\n    began = time.process_time()\n" + (
        "    while time.process_time() - began < 0.3:\n        pass\n    return x"
    )
    runs = sandbox().run(Job(program, [{"call": [x]} for x in range(4)], SHORT, "f"))
    assert [run.status for run in runs] == ["ok"] * 4


def test_a_method_of_solution_is_a_function():
    program = "class Solution:\n    def f(self, xs: List[int]) -> Optional[int]:\n        return xs[0]"
    assert sandbox().run(Job(program, [{"call": [encode([7])]}], SHORT, "f"))[0].output == '["value", 7]'


def test_each_call_has_a_solution_of_its_own():
    program = (
        "class Solution:\n    def __init__(self):\n        self.found = []\n"
        "    def f(self, x):\n        self.found.append(x)\n        return self.found"
    )
    runs = sandbox().run(Job(program, [{"call": [1]}, {"call": [2]}], SHORT, "f"))
    assert [decode(read(run.output)[1]) for run in runs] == [[1], [2]]
    check = "assert f(1) == [1]\nassert f(2) == [2]"
    assert sandbox().run(Job(program, [{}], SHORT, "f", check=check))[0].status == "ok"


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("def f(x, y=1):\n    return helper(x) + y", "ok"),
        ("def f(x, y=1):\n    return 0", "failed"),
        ("def f(x, y=1):\n    return 1 / 0", "error"),
        ("def f(x, y=1):\n    while True:\n        pass", "time"),
        ("def g(x):\n    return x", "error"),
    ],
)
def test_a_test_program_calls_it_from_another_process(program, status):
    check = "def check(candidate):\n    assert candidate(1) == 3\n    assert f(2, y=5) == helper(2) + 5\n"
    job = Job(program, [{}], SHORT, "f", "def helper(x):\n    return 2 * x\n", check)
    assert sandbox().run(job)[0].status == status


def test_a_test_program_may_expect_what_is_raised():
    check = (
        "try:\n    f(0)\nexcept ValueError:\n    pass\nelse:\n    raise AssertionError\n"
        "assert f(1) == {1: (2, {3})}"
    )
    program = "def f(x):\n    if not x:\n        raise ValueError\n    return {1: (2, {3})}"
    assert sandbox().run(Job(program, [{}], SHORT, "f", check=check))[0].status == "ok"


def test_files_and_arguments_are_given():
    program = "import sys\nprint(sys.argv[1:], [open(name).read() for name in sys.argv[1:]])"
    run = script(program, argv=["a", "b"], files={"a": "1", "b": "ü"})
    assert run.output == "['a', 'b'] ['1', 'ü']\n", run
    assert script("import os\nprint(os.listdir('.'))").output in ("[]\n", ""), "gone with the run"


def test_many_threads_share_the_servers():
    def double(n: int) -> str:
        return script("print(2 * int(input()))", str(n)).output

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(double, range(40))) == [f"{2 * n}\n" for n in range(40)]


def test_verdicts_are_the_same_under_load():
    """A program that needs 0.6 of its time, beside eight busy processes on these processors."""
    program = "import time\nwhile time.process_time() < 0.3:\n    pass\nprint('done')"
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(8)]
    try:
        assert script(program, limits=Limits(seconds=0.5)).status == "ok"
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_a_killed_server_is_replaced():
    local = Local(sandbox().kind, 1)
    job = Job("import time\ntime.sleep(0.2)\nprint(1)", [{"stdin": ""}])
    assert local.run(job)[0].output == "1\n"
    (server,) = [server for server in local._free.queue if server]
    killer = threading.Timer(0.1, server._process.kill)
    killer.start()
    assert local.run(job)[0].output == "1\n"
    local.close()


def test_a_fork_of_this_process_has_servers_of_its_own():
    mine = sandbox()
    read_end, write_end = os.pipe()
    if not (pid := os.fork()):
        try:
            other = (
                sandbox() is not mine and sandbox().run(Job("print(5)", [{"stdin": ""}]))[0].output == "5\n"
            )
            os.write(write_end, b"yes" if other else b"no")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(read_end, 3) == b"yes"
    assert script("print(6)").output == "6\n"


def test_servers_end_with_the_process_that_started_them():
    code = (
        "import sys, time\nfrom gdpo.tasks.code.sandbox.choice import sandbox\n"
        "from gdpo.tasks.code.sandbox.outcome import Job\n"
        "made = sandbox(); made.run(Job('print(1)', [{'stdin': ''}]))\n"
        "print([s._process.pid for s in made._free.queue if s][0], flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        server = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            os.kill(server, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("a server outlived its process by 5 seconds")


def test_values_come_back_as_they_went():
    values = [
        None,
        True,
        0,
        -(10**30),
        0.1,
        float("inf"),
        "ü{\n",
        b"x",
        [1, [2]],
        (1,),
        {3: {4}},
        {"a": [1.0]},
        1j,
    ]
    for value in values:
        line = written("value", encode(value))
        assert "{" not in line and decode(read(line)[1]) == value
        assert type(decode(read(line)[1])) is type(value)
    with pytest.raises(TypeError, match="function"):
        encode(print)
    for line in ("", "x", '{"value": 1}', "[1]", "[" * 100_000):
        with pytest.raises(ValueError):
            read(line)


def test_without_a_sandbox_nothing_is_run(monkeypatch):
    monkeypatch.setattr(choice, "_OF_PROCESS", {})
    monkeypatch.setattr(choice, "why_not", lambda kind: "not here")
    monkeypatch.delenv(choice.NAMED, raising=False)
    with pytest.raises(
        JudgeError, match="bubblewrap: not here; namespaces: .*GDPO_SANDBOX=unconfined runs such"
    ):
        sandbox()
    monkeypatch.setenv(choice.NAMED, "jail")
    with pytest.raises(
        JudgeError, match="GDPO_SANDBOX=jail: no such sandbox; allowed: bubblewrap, namespaces"
    ):
        sandbox()


def test_unconfined_must_be_said(monkeypatch):
    monkeypatch.setattr(choice, "_OF_PROCESS", {})
    monkeypatch.setenv(choice.NAMED, "unconfined")
    assert script("import os\nprint(os.path.exists('/proc/self'))").output == "True\n"
    sandbox().close()


def test_a_program_that_cannot_be_confined_is_not_judged():
    server = Server(sandbox().kind)
    with pytest.raises(JudgeError, match="could not run a program"):
        server.run(Job("print(1)", [{"stdin": ""}], Limits(megabytes=10**15)))
    server.close()


def test_a_job_that_is_broken_off_takes_its_server_with_it():
    local = Local(sandbox().kind, 1)
    long, short = (Job(f"import time\ntime.sleep({s})\nprint({s})", [{"stdin": ""}]) for s in (0.5, 0))
    local.run(short)
    (server,) = [server for server in local._free.queue if server]
    read, server._read = server._read, lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        local.run(long)
    server._read = read
    assert local.run(short)[0].output == "0\n"
    local.close()


@pytest.mark.parametrize("bytes_of_check", [0, 10])
def test_a_server_ends_where_a_job_never_comes_whole(bytes_of_check):
    server = Server(sandbox().kind)
    job = json.dumps(Job("def f(): pass", [{}], SHORT, "f").as_json()).encode()
    server._process.stdin.write(struct.pack("II", len(job), 100) + job + b"#" * bytes_of_check)
    server._process.stdin.close()
    try:
        server._process.wait(5)
    finally:
        server.close()
