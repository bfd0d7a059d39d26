"""Programs that want more than to compute, in every sandbox that works here, as root and as another user.

As a user without rights: test_without_root.py.
"""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gdpo.tasks.code.sandbox.choice import why_not
from gdpo.tasks.code.sandbox.jails import KINDS
from gdpo.tasks.code.sandbox.local import Server
from gdpo.tasks.code.sandbox.outcome import Job, Limits
from gdpo.tasks.code.unit_tests import UnitTests

pytestmark = pytest.mark.slow

SECRET = "the-key-of-this-process"
LIMITS = Limits(seconds=0.5, megabytes=256, idle=0.5, give_up=1)
GOOD = Job("print(sum(map(int, input().split())))", [{"stdin": "1 2"}])

# What each does, and how it may end; none may print what a test wants.
PROGRAMS = {
    "fork bomb": ("import os\nwhile True:\n    os.fork()", {"error"}),
    "fork, and go on": ("import os\ntry:\n    os.fork()\nexcept OSError:\n    print('none')", {"ok"}),
    "endless loop": ("while True:\n    pass", {"time"}),
    "endless sleep": ("import time\ntime.sleep(10**6)", {"time"}),
    "sleep in pieces": ("import time\nwhile True:\n    time.sleep(0.2)", {"time"}),
    "memory": ("x = bytearray(100 << 30)", {"error"}),
    "memory, bit by bit": ("x = []\nwhile True:\n    x.append(bytearray(1 << 20))", {"error"}),
    "output": ("while True:\n    print('x' * 10**6)", {"error", "time"}),
    "errors": ("import sys\nwhile True:\n    print('x' * 10**6, file=sys.stderr)", {"error", "time"}),
    "a large file": ("f = open('a', 'wb')\nwhile True:\n    f.write(bytes(1 << 20))", {"error"}),
    "many files": ("i = 0\nwhile True:\n    open(str(i), 'w').close()\n    i += 1", {"error"}),
    "deep folders": ("import os\nwhile True:\n    os.mkdir('a')\n    os.chdir('a')", {"error", "time"}),
    "kill all": ("import os\nos.kill(-1, 9)", {"error"}),
    "kill the parent": ("import os\nos.kill(os.getppid(), 9)", {"error"}),
    "kill the group": ("import os\nos.killpg(0, 9)", {"error"}),
    "signal by a file's owner": (
        "import fcntl, os\nr, w = os.pipe()\nfcntl.fcntl(r, fcntl.F_SETOWN, os.getppid())",
        {"error"},
    ),
    "users": ("print(open('/etc/passwd').read())", {"error"}),
    "processes": ("import os\nprint(os.listdir('/proc'))", {"error"}),
    "environment of the parent": (
        "print(open(f'/proc/{__import__(\"os\").getppid()}/environ').read())",
        {"error"},
    ),
    "write outside": ("open('/OUTSIDE', 'w').write('x')", {"error"}),
    "write above": ("open('../outside', 'w').write('x')", {"error"}),
    "change rights": ("import os\nos.chmod('/lib', 0o777)", {"error"}),
    "socket to this machine": (
        "import socket\ns = socket.socket()\ns.connect(('127.0.0.1', PORT))\ns.send(b'x')",
        {"error"},
    ),
    "socket to another": ("import socket\nsocket.create_connection(('192.0.2.1', 80), 1)", {"error"}),
    "ptrace": (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nassert libc.ptrace(16, PARENT, 0, 0) == 0",
        {"error"},
    ),
    "other's memory": (
        "import ctypes, os\nlibc = ctypes.CDLL(None)\n"
        "assert libc.process_vm_readv(os.getppid(), None, 0, None, 0, 0) == 0",
        {"error"},
    ),
    "namespaces": ("import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0", {"error"}),
    "a program": ("import subprocess\nprint(subprocess.check_output(['/bin/ls']))", {"error"}),
    "exec": ("import os, sys\nos.execv(sys.executable or '/usr/bin/python3', ['python3'])", {"error"}),
    "ignored signals": (
        "import signal\nfor n in {*range(1, 32)} - {9, 19}:\n    signal.signal(n, signal.SIG_IGN)\n"
        "while True:\n    pass",
        {"time"},
    ),
    "deep recursion": ("def f(n):\n    return f(n + 1)\nf(0)", {"error"}),
    "recursion without limit": (
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(n):\n    return [f(n + 1)]\nf(0)",
        {"error", "time"},
    ),
    "recursion in C": ("x = []\nfor _ in range(10**6):\n    x = [x]\nprint(x)", {"error"}),
    "deep source": ("(" * 5000 + "1" + ")" * 5000, {"error"}),
    "exit": ("import sys\nsys.exit(0)", {"ok"}),
    "exit at once": ("import os\nos._exit(0)", {"ok"}),
    "exit functions": ("import atexit, time\natexit.register(time.sleep, 10**6)", {"time"}),
    "daemon": ("import os\nif os.fork() == 0:\n    os.setsid()\n    while True:\n        pass", {"error"}),
    "threads without end": (
        "import threading, time\n"
        "for _ in range(3):\n    threading.Thread(target=time.sleep, args=(10**6,)).start()",
        {"time"},
    ),
    "threads without number": (
        "import threading, time\nthreading.stack_size(32768)\n"
        "while True:\n    threading.Thread(target=time.sleep, args=(10**6,), daemon=True).start()",
        {"error", "time"},
    ),
    "huge integers": ("print(10 ** 10 ** 9)", {"time", "error"}),
    "huge integers as text": ("x = int('9' * 10**7)", {"error", "time"}),
    "regular expression": ("import re\nre.match('(a+)+$', 'a' * 40 + 'b')", {"time"}),
    "the harness": (
        "import sys\nfor m in list(sys.modules.values()):\n    for n in list(vars(m)):\n"
        "        if n in ('encode', 'written', '_say', 'same_output', 'exit'):\n"
        "            setattr(m, n, lambda *a, **k: None)\nraise SystemExit(0)",
        {"ok"},
    ),
    "the harness's files": (
        "import os\nfor fd in range(3, 64):\n    try:\n        os.write(fd, b'passed')\n"
        "    except OSError:\n        pass",
        {"ok"},
    ),
    "the sample": ("print(3)", {"ok"}),
}
WANTED = ["3\n", "a-wanted-output-7351\n"]
# Looks for what the tests want in all that the interpreter holds, in its stack and in the files it has.
SEARCH = """
import gc, os, sys
seen = []
frame = sys._getframe()
while frame:
    seen += [repr(frame.f_locals), repr(frame.f_globals)]
    frame = frame.f_back
seen += [repr(x)[:10000] for x in gc.get_objects()[:20000] if type(x) in (dict, list, tuple, str, bytes)]
for fd in range(64):
    try:
        seen.append(str(os.pread(fd, 10**6, 0)))
    except OSError:
        pass
"""


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    if why := why_not(request.param):
        pytest.skip(f"{request.param} does not work here: {why}")
    return request.param


@pytest.fixture(scope="module")
def server(kind):
    os.environ["A_KEY"] = SECRET
    made = Server(kind)
    yield made
    made.close()
    del os.environ["A_KEY"]


@pytest.fixture(scope="module")
def listener():
    """A server on this machine that counts who comes."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        made.listen()
        made.setblocking(False)
        yield made


@pytest.fixture(scope="module")
def bystander():
    """Another process of this user."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as made:
        yield made
        made.kill()


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_neither_hangs_nor_escapes_nor_slows_the_next_nor_earns(name, server, listener, bystander):
    program, ends = PROGRAMS[name]
    program = program.replace("PORT", str(listener.getsockname()[1])).replace("PARENT", str(os.getpid()))
    tests = UnitTests(stdin=[["1 2", WANTED[0]], ["3 4", WANTED[1]]])
    began, process = time.monotonic(), server._process.pid
    runs = server.run(tests.job(program)._replace(limits=LIMITS))
    assert time.monotonic() - began < 30
    assert {run.status for run in runs} <= ends | {"skipped"}, runs
    assert [bool(passed) for passed in tests.passed(runs)] == [name == "the sample", False]
    assert SECRET not in repr(runs)
    began = time.monotonic()
    assert server.run(GOOD)[0].output == "3\n"
    assert time.monotonic() - began < 2
    assert server._process.pid == process and server._process.poll() is None
    assert bystander.poll() is None
    assert not Path("/OUTSIDE").exists() and not Path("/outside").exists()
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_what_the_tests_want_is_not_to_be_found(server):
    tests = UnitTests(stdin=[["1 2", WANTED[1]]])
    run = server.run(
        tests.job(SEARCH + "print(str(int('7350') + 1) in str(seen))")._replace(limits=Limits(10.0))
    )[0]
    assert run.output == "False\n", run
    asserts = "def check(candidate):\n    assert candidate(1) == 'a-wanted-value-7351'\n"
    search = f"def f(x):\n{''.join(f'    {line}' + chr(10) for line in SEARCH.splitlines())}"
    tests = UnitTests(check=asserts, function="f")
    found = search + "    return 'a-wanted-value-7351' if str(int('7350') + 1) in str(seen) else None\n"
    found = found.replace("7351'", "' + str(int('7350') + 1)")  # so that only the test's text holds it whole
    assert server.run(tests.job(found)._replace(limits=Limits(10.0)))[0].status == "failed"
    tests = UnitTests(calls=[[[1], "a-wanted-value-7351"]], function="f")
    runs = server.run(tests.job(found)._replace(limits=Limits(10.0)))
    assert tests.passed(runs) == [False], runs


def test_the_environment_is_not_ours(server):
    run = server.run(Job("import os\nprint(sorted(os.environ))", [{"stdin": ""}]))[0]
    assert "A_KEY" not in run.output and SECRET not in run.output
    assert set(eval(run.output)) <= {  # noqa: S307 - names that Python has written
        "LC_CTYPE",
        "LD_LIBRARY_PATH",
        "PATH",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONHASHSEED",
        "PYTHONUTF8",
    }


@pytest.mark.parametrize(
    "program",
    [
        "class Any:\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return Any()",
        "import builtins\nbuiltins.AssertionError = KeyError\ndef f(x):\n    return 0",
        "import os\ndef f(x):\n    os._exit(0)",
        "import sys\ndef f(x):\n    sys.exit(0)",
        "raise SystemExit",
        "import os\nos._exit(0)",
        "def f(x):\n    raise AssertionError",
        "import os\nfor fd in range(3, 64):\n    try:\n        os.write(fd, b'passed')\n"
        "    except OSError:\n        pass\ndef f(x):\n    return 0",
        "def f(x):\n    global f\n    f = lambda x: x\n    return f",
        "import os\ndef f(x):\n    for fd in range(3, 64):\n        try:\n"
        '            os.write(fd, b\'["value", 0]\\n["raised", "ok"]\\n\')\n        except OSError:\n'
        "            pass\n    return 0",
    ],
)
def test_a_test_program_cannot_be_talked_into_passing(program, server):
    checks = "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(5) == 6\n"
    tests = UnitTests(check=checks, function="f")
    assert tests.passed(server.run(tests.job(program)._replace(limits=LIMITS))) == [False]
    tests = UnitTests(calls=[[[1], 2], [[5], 6]], function="f")
    assert tests.passed(server.run(tests.job(program)._replace(limits=LIMITS))) == [False, False]


def test_a_program_cannot_make_its_reader_slow(server):
    # Names that all fall into one place of a dict whose hashes are known, and deep nesting.
    line = "'[' * 100000"
    collide = "'[\"value\", {' + ','.join(f'\"{i}\": 1' for i in range(50000)) + '}]'"
    for text in (line, collide):
        program = f"import os\ndef f(x):\n    os.write(3, ({text}).encode() + b'\\n')\n    return 1"
        tests = UnitTests(calls=[[[1], 2]], function="f")
        began = time.monotonic()
        for fd in range(3, 12):
            runs = server.run(tests.job(program.replace("write(3", f"write({fd}"))._replace(limits=LIMITS))
            assert tests.passed(runs) == [False]
        assert time.monotonic() - began < 10
        assert server.run(GOOD)[0].output == "3\n"


def test_what_a_program_sets_on_its_files_the_next_does_not_see(server):
    program = (
        "import fcntl\nfor fd in range(16):\n    try:\n        flags = fcntl.fcntl(fd, fcntl.F_GETFL)\n"
        "        print(flags)\n        fcntl.fcntl(fd, fcntl.F_SETFL, flags | 0o6000)\n"
        "    except OSError:\n        pass"
    )
    runs = server.run(Job(program, [{"stdin": ""}] * 2))
    assert runs[0].output and runs[0].output == runs[1].output


def test_no_path_is_truncated(server):
    program = "import os\ntry:\n    os.truncate('missing', 0)\nexcept PermissionError:\n    print('refused')"
    assert server.run(Job(program, [{"stdin": ""}]))[0].output == "refused\n"


def test_time_is_not_won_by_writing_where_answers_go(server):
    program = (
        "import os, time\ndef f(x):\n    while True:\n        for fd in range(3, 16):\n            try:\n"
        "                os.write(fd, END)\n            except OSError:\n                pass\n"
        "        until = time.process_time() + 0.05\n        while time.process_time() < until:\n"
        "            pass"
    )
    tests = UnitTests(calls=[[[x], x] for x in range(8)], function="f")
    for end, seconds in (("b'x'", 2 * 0.2), ("b'x\\n'", 8 * 0.2)):
        job = tests.job(program.replace("END", end))._replace(limits=LIMITS._replace(seconds=0.2, give_up=2))
        runs = server.run(job)
        assert not any(tests.passed(runs))
        assert sum({run.seconds for run in runs}) < 2 * seconds + 0.5, runs


# Looks through the memory around all objects, freed or not, without reading what is not there.
READ_MEMORY = r"""
import ctypes, gc, os, re
libc = ctypes.CDLL(None)
libc.sbrk.restype = ctypes.c_void_p
source, sink = os.pipe()
places = {(id(x) >> 20) + n for x in gc.get_objects() for n in (-1, 0, 1)}
places |= {(libc.sbrk(0) >> 20) - n for n in range(64)}
found = set()
for page in (place * 256 + n for place in places for n in range(256)):
    if libc.write(sink, ctypes.c_void_p(page * 4096), 4096) == 4096:
        found |= set(re.findall(rb"of-another-\d+!", os.read(source, 4096)))
print(sorted(found))
"""


def test_a_program_finds_nothing_of_other_jobs(server):
    search = Job(READ_MEMORY, [{"stdin": "of-another-1234!"}], Limits(10.0))
    assert server.run(search)[0].output == "[b'of-another-1234!']\n", "its own input is there to be found"
    right = "def f(x):\n    return 'of-another-%d!' % (x + 1)"
    for x in range(20):
        server.run(UnitTests(calls=[[[x], ""]], function="f").job(right))
        server.run(
            Job("print('of-another-%d!' % (100 + int(input())))  # of-another-999!", [{"stdin": str(x)}])
        )
    assert server.run(search)[0].output == "[b'of-another-1234!']\n"


def test_a_server_at_work_ends_with_the_process_that_asked(kind):
    code = (
        "import sys\nfrom gdpo.tasks.code.sandbox.local import Server\n"
        "from gdpo.tasks.code.sandbox.outcome import Job, Limits\n"
        "made = Server(sys.argv[1])\nprint(made._process.pid, flush=True)\n"
        "made.run(Job('while True: pass', [{'stdin': ''}], Limits(60.0)))"
    )
    with subprocess.Popen([sys.executable, "-c", code, kind], stdout=subprocess.PIPE, text=True) as process:
        server = int(process.stdout.readline())
        time.sleep(0.5)
        process.kill()
    until = time.monotonic() + 5
    while time.monotonic() < until and Path(f"/proc/{server}").exists():
        time.sleep(0.05)
    assert not Path(f"/proc/{server}").exists()
