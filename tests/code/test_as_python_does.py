"""Programs as people write them for contests: the sandbox's output is that of Python itself."""

import subprocess
import sys

import pytest

from gdpo.tasks.code.sandbox.choice import sandbox
from gdpo.tasks.code.sandbox.outcome import Job, Limits

pytestmark = pytest.mark.slow

# In the manner of fast readers and writers that many solutions of contests begin with.
FAST = """
import os, sys
from io import BytesIO, IOBase
class Fast(IOBase):
    def __init__(self, file):
        self.fd, self.held = file.fileno(), BytesIO()
        self.write = self.held.write if 'x' in file.mode or 'r' not in file.mode else None
    def readline(self):
        if not self.held.tell():
            self.held = BytesIO(os.read(self.fd, max(os.fstat(self.fd).st_size, 8192)))
        return self.held.readline()
    def flush(self):
        if self.write:
            os.write(self.fd, self.held.getvalue())
            self.held.seek(0), self.held.truncate(0)
class Text(IOBase):
    def __init__(self, file):
        self.fast = Fast(file)
        self.flush = self.fast.flush
        self.write = lambda text: self.fast.write(text.encode())
        self.readline = lambda: self.fast.readline().decode()
sys.stdin, sys.stdout = Text(sys.stdin), Text(sys.stdout)
print(int(sys.stdin.readline()) + 1)
"""


@pytest.mark.parametrize(
    "program",
    [
        FAST,
        "import sys\nprint(sys.stdin.mode, sys.stdout.mode, sys.stdin.encoding)",
        "import sys\nprint(1)\nsys.stdout.close()",
        "out = open(1, 'w')\nout.write('written')",
        "import os, sys\nout = os.fdopen(1, 'w')\nprint(input(), file=out)\nsys.exit()",
        "import io, sys\nsys.stdout = io.StringIO()\nprint(1)\n"
        "sys.__stdout__.write(sys.stdout.getvalue() * 2)",
        "import atexit, sys\natexit.register(print, 'end')\nsys.exit()",
        "import sys, threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()\nsys.exit(0)",
        "import sys\nsys.stdout = None\nprint(1)",
        "class A:\n    def __del__(self):\n        print('deleted')\na = A()\nexit()",
        "import sys\ndef main():\n    print(input())\nsys.exit(main())",
        "import mmap\nprint(mmap.mmap(0, 0, prot=mmap.PROT_READ).readline())",
        "import fileinput\nprint([line for line in fileinput.input()])",
    ],
)
def test_it_prints_what_python_prints(program, tmp_path):
    given = tmp_path / "input"
    given.write_text("41\n2\n")
    run = sandbox().run(Job(program, [{"stdin": given.read_text()}], Limits()))[0]
    with given.open() as file:
        itself = subprocess.run(
            [sys.executable, "-c", program], stdin=file, capture_output=True, text=True, check=True
        )
    assert (run.status, run.output) == ("ok", itself.stdout), run
