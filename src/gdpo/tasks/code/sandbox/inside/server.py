"""The server within the sandbox: a warm interpreter that forks a process for each run of a program.

It reads jobs from standard input and answers each on standard output, in JSON behind its length. Each job is
a process's of its own, so that no program finds in memory what another was asked or has answered. That forks
one for each run, confined before the program's first line, with memory files for input, output and errors:
no pipe can fill, and an output is limited by the kernel as a file is.
"""

import fcntl
import gc
import json
import mmap
import os
import select
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import confinement
import program
import values

BUSY = 100
"""A process that computes less than one in so many seconds waits for something else than its turn."""
LONGEST = 20
"""Wall-clock limit, in multiples of the CPU time allowed; the last resort."""
CONFINED_WITHIN = 60.0
"""Seconds that a process may take until its work begins, of a machine under load."""
_TICK = 0.05
_ERROR_SHOWN = 400


class Files(NamedTuple):
    """Memory files of one process after the other, by number."""

    stdin: int
    stdout: int
    stderr: int
    result: int

    @classmethod
    def made(cls) -> "Files":
        """Empty ones."""
        return cls(*map(os.memfd_create, cls._fields))

    def refill(self, stdin: str) -> None:
        """Empty them but for what the next process reads; those before it have ended."""
        for fd in self:
            fcntl.fcntl(fd, fcntl.F_SETFL, 0)  # flags would tell of the process before it
            os.ftruncate(fd, 0)
            os.lseek(fd, 0, os.SEEK_SET)
        data = memoryview(stdin.encode("utf-8", "surrogatepass"))
        while data:
            data = data[os.write(self.stdin, data) :]
        os.lseek(self.stdin, 0, os.SEEK_SET)

    def text(self, fd: int) -> str:
        """What was written to one of them."""
        return os.pread(fd, os.fstat(fd).st_size, 0).decode("utf-8", "replace")


class Server:
    """Runs jobs one after the other.

    Args:
        config: how it was started: ``view`` of files, ``box`` (a program's folder), ``paths`` that may be
            read, ``as_root``, and the server's ``number``.
    """

    def __init__(self, config: dict[str, Any]):
        self.paths: list[str] = config["paths"]
        self.view: str = config["view"]
        self.box: str = config["box"]
        self.namespaces = self.view in ("bubblewrap", "namespaces")
        self.user: int | None = confinement.NOBODY + config["number"] if config["as_root"] else None
        self.files = (Files.made(), Files.made())
        self.begun = mmap.mmap(-1, mmap.PAGESIZE)  # shared with processes until they begin to work

    def answer(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        """What became of each run; those after too many that ran out of time are not begun."""
        found: list[dict[str, Any]] = []
        while len(found) < len(job["runs"]):
            if sum(run["status"] == "time" for run in found) >= job["give_up"]:
                found.append({"status": "skipped", "output": "", "error": "", "seconds": 0.0})
            elif "call" in job["runs"][0]:
                found += self._calls(job, [run["call"] for run in job["runs"][len(found) :]])
            else:
                found.append(self._run(job, job["runs"][len(found)]))
        return found

    def _run(self, job: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
        files = self.files[0]
        files.refill(run.get("stdin", ""))
        pid = self._start(job, files, lambda: program.run(job, run), run.get("files", {}))
        status, seconds, late = self._watch([pid], job)[pid]
        self._check_begun(1)
        if not self.namespaces:  # else it was in a folder that is gone
            for name in run.get("files", {}):
                os.unlink(os.path.join(self.box, name))
        return _outcome(status, late or seconds > job["seconds"], seconds, files)

    def _calls(self, job: dict[str, Any], calls: list[Any]) -> list[dict[str, Any]]:
        """Calls in one process, up to the first that it does not survive."""
        files = self.files[0]
        files.refill("")
        pid = self._start(job, files, lambda: program.call(job, calls), count=len(calls))

        def answered() -> list[str]:
            return files.text(files.result).split("\n")[:-1][: len(calls)]

        # Time is allowed anew for each call: what it wrote down says how far it is.
        status, seconds, late = self._watch([pid], job, lambda: len(answered()))[pid]
        self._check_begun(1)
        lines = answered()
        found = [
            {"status": "ok", "output": line, "error": "", "seconds": seconds / len(lines)} for line in lines
        ]
        for run in found:
            if why := _raised(run["output"]):
                run |= {"status": "error", "output": "", "error": why}
        if len(found) < len(calls):
            ended = _outcome(status, late, seconds, files)
            if ended["status"] == "ok":  # it went before it had answered
                ended |= {"status": "error", "error": ended["error"] or "ended during a call", "output": ""}
            found.append(ended)
        return found

    def check(self, job: dict[str, Any], source: int, length: int) -> dict[str, Any]:
        """A test program and the program under test in two processes, which talk through pipes.

        The text of the test goes from pipe to file within the kernel: in this process's memory, which the
        program under test has a copy of, it never was.

        Args:
            job: the program.
            source: pipe that the test's text is to be read from.
            length: of it in bytes.
        """
        ask, answer = os.pipe(), os.pipe()
        theirs, ours = self.files
        for files in self.files:
            files.refill("")
        while length:
            if not (moved := os.splice(source, ours.stdin, length)):
                raise EOFError("who asked has ended")
            length -= moved
        os.lseek(ours.stdin, 0, os.SEEK_SET)
        asked, asking = (ask[0], answer[1]), (answer[0], ask[1])
        tested = self._start(job, theirs, lambda: program.serve(job, *asked), keep=asked)
        tester = self._start(job, ours, lambda: program.test(job, *asking), keep=asking, place=1)
        for fd in (*ask, *answer):
            os.close(fd)
        found = self._watch([tester, tested], job)
        self._check_begun(2)
        (status, _, late), (_, seconds, _) = found[tester], found[tested]
        outcome = _outcome(status, late or seconds > job["seconds"], seconds, ours)
        said = ours.text(ours.result)
        raised = said == program.RAISED or outcome["status"] == "error"
        if outcome["status"] == "ok" and said != program.PASSED:
            outcome["status"] = "error" if raised else "failed"
        # What the program itself wrote tells more than what the test made of it.
        if raised and (error := theirs.text(theirs.stderr).strip()):
            outcome["error"] = error[-_ERROR_SHOWN:]
        return outcome

    def _start(
        self,
        job: dict[str, Any],
        files: Files,
        work: Callable[[], None],
        given: dict[str, str] | None = None,
        keep: tuple[int, ...] = (),
        place: int = 0,
        count: int = 1,
    ) -> int:
        """Fork a process that is confined and then works; its number."""
        self.begun[place] = 0
        if pid := os.fork():
            return pid
        try:
            os.setsid()
            for number, fd in enumerate(files[:3]):
                os.dup2(fd, number)
            _close_all_but((0, 1, 2, files.result, *keep))
            self._confine(job, given or {}, count)
            program.RESULT = files.result
            self.begun[place] = 1
            self.begun.close()
            work()
        except BaseException as error:
            program.fail(error)
        os._exit(0)

    def _confine(self, job: dict[str, Any], given: dict[str, str], count: int) -> None:
        if self.namespaces:
            confinement.own_folder(self.box)
        os.chdir(self.box)
        for name, text in given.items():
            with open(name, "w", encoding="utf-8", errors="surrogatepass") as file:
                file.write(text)
        counted = self.namespaces or self.user is not None
        if self.view == "landlock":
            confinement.enter_landlock([*self.paths, self.box])
        confinement.set_limits(
            job["seconds"] * count, job["megabytes"], job["output"] * min(count, 16), self.user, counted
        )
        if not self.namespaces:  # which end with their first process
            confinement.die_with_parent()
        if self.view != "unconfined":
            confinement.only_computing()

    def _check_begun(self, count: int) -> None:
        """Refuse to say what became of a program that could not be confined, and so was not run.

        Raises:
            RuntimeError: one of the last processes ended before its work began.
        """
        for place, files in enumerate(self.files[:count]):
            if not self.begun[place]:
                raise RuntimeError(files.text(files.stderr).strip() or "killed before it began")

    def _watch(
        self, pids: list[int], job: dict[str, Any], progress: Callable[[], int] = lambda: 0
    ) -> dict[int, tuple[int, float, bool]]:
        """Wait for processes, the last ones no longer than the first: status, CPU time, whether too long.

        Args:
            pids: of processes.
            job: says how much CPU time each has, anew where ``progress`` gives another number.
            progress: of the first process.
        """
        fds = {os.pidfd_open(pid): pid for pid in pids}
        first, poll = next(iter(fds)), select.poll()
        poll.register(first, select.POLLIN)
        forked = started = time.monotonic()
        used, idle, late = 0.0, 0.0, False
        done, used_then, seconds = 0, 0.0, job["seconds"]
        before = started
        while not poll.poll(_TICK * 1000):
            now, spent = time.monotonic(), sum(map(_cpu_seconds, pids))
            # Time counts by computing, so that a machine under load changes no verdict.
            idle = max(0.0, idle + min(now - before, 2 * _TICK) - BUSY * max(0.0, spent - used))
            before, used = now, max(used, spent)
            if not all(self.begun[: len(pids)]) and now - forked < CONFINED_WITHIN:
                idle, started, used_then = 0.0, now, used
                continue
            if (reached := progress()) != done:
                done, used_then, started = reached, used, now
            too_much = used - used_then > seconds * len(pids)
            if too_much or idle > job["idle"] or now - started > LONGEST * seconds + job["idle"]:
                late = True
                break
        found = {}
        for fd, pid in fds.items():
            if late or fd != first:
                os.kill(pid, signal.SIGKILL)
            _, status, usage = os.wait4(pid, 0)
            found[pid] = (status, usage.ru_utime + usage.ru_stime, late)
            os.close(fd)
        return found


def _close_all_but(keep: tuple[int, ...]) -> None:
    first = 0
    for fd in [*sorted(keep), 1 << 20]:
        if first < fd:  # Python 3.11 takes an empty range for all
            os.closerange(first, fd)
        first = fd + 1


def _cpu_seconds(pid: int) -> float:
    clock = (~pid << 3) | 2  # as clock_getcpuclockid(3) numbers a process's
    try:
        return time.clock_gettime(clock)
    except OSError:
        return 0.0  # ended


def _raised(line: str) -> str | None:
    """What a call raised, where it did."""
    try:
        kind, content = values.read(line)
    except ValueError as error:
        return str(error)[-_ERROR_SHOWN:]
    return str(content)[-_ERROR_SHOWN:] if kind == "raised" else None


def _outcome(status: int, late: bool, seconds: float, files: Files) -> dict[str, Any]:
    code = os.waitstatus_to_exitcode(status)
    error = files.text(files.stderr).strip()[-_ERROR_SHOWN:]
    if late or code == -signal.SIGXCPU:
        kind = "time"
    elif code:
        kind = "error"
        error = error or (f"ended by signal {-code}" if code < 0 else f"ended with {code}")
    else:
        kind = "ok"
    output = files.text(files.stdout) if kind == "ok" else ""
    return {"status": kind, "output": output, "error": error, "seconds": seconds}


def main() -> None:
    """Confine itself as configured, say that it is ready, and answer jobs until the input ends."""
    config = json.loads(sys.argv[1])
    os.nice(5)  # programs wait for a training that needs the processors
    if config["view"] == "namespaces":
        confinement.enter_namespaces(config["paths"], config["box"], config["as_root"])
    else:
        confinement.die_with_parent()
    program.warm_up()
    server = Server(config)
    jobs, answers = os.dup(0), os.fdopen(os.dup(1), "wb")
    for fd in (0, 1):
        os.dup2(os.memfd_create("none"), fd)
    gc.collect()
    gc.freeze()  # what is there is not looked at again, so that children share its memory
    _write(answers, {"ready": os.getpid()})
    while header := _read(jobs, 8):
        length, check = struct.unpack("II", header)
        _in_a_process(_answer, server, jobs, answers, length, check)


def _in_a_process(work: Callable[..., None], *arguments: Any) -> None:
    """Work in a fork of this process, whose memory so holds nothing of a job that a later one could find.

    Raises:
        SystemExit: it did not work to the end.
    """
    if pid := os.fork():
        if os.waitpid(pid, 0)[1]:
            sys.exit(1)
        return
    try:
        confinement.die_with_parent()
        work(*arguments)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _answer(server: Server, jobs: int, answers: Any, length: int, check: int) -> None:
    job = json.loads(_read(jobs, length))
    try:
        _write(answers, {"runs": server.answer(job) if not check else [server.check(job, jobs, check)]})
    except (RuntimeError, OSError) as error:
        _write(answers, {"refused": f"{type(error).__name__}: {error}"})


def _read(fd: int, length: int) -> bytes:
    """So many bytes and no more; none at the end."""
    found = bytearray()
    while len(found) < length and (piece := os.read(fd, length - len(found))):
        found += piece
    return bytes(found) if len(found) == length else b""


def _write(file: Any, value: Any) -> None:
    data = json.dumps(value).encode()
    file.write(struct.pack("I", len(data)) + data)
    file.flush()


if __name__ == "__main__":
    main()
