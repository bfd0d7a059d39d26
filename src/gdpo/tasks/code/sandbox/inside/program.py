"""What a confined process does: run a program, call its function, or test it from another process."""

import ast
import atexit
import builtins
import importlib
import io
import os
import random
import sys
import threading
import traceback
import types
from collections.abc import Callable
from typing import Any

import values

PASSED, RAISED = "passed", "raised"
RESULT = -1
"""Where a process says what came out of it, which no program prints to by chance."""
WARM = (
    "bisect",
    "collections",
    "copy",
    "functools",
    "heapq",
    "itertools",
    "math",
    "operator",
    "random",
    "re",
    "string",
    "time",
    "typing",
)
"""Modules that are there before a program asks for them; each makes every process a little slower to fork."""


class TestedError(RuntimeError):
    """The program under test raised something that is no exception of Python's own, or ended."""


def warm_up() -> None:
    """Import what programs use, and set the interpreter as for programs."""
    for name in WARM:
        importlib.import_module(name)
    sys.path.remove(os.path.dirname(__file__))
    builtins.exit = builtins.quit = sys.exit  # as the module site has them, more or less


def run(job: dict[str, Any], run: dict[str, Any]) -> None:
    """Run the program as a script."""
    _standard_files()
    sys.argv = ["program.py", *run.get("argv", [])]
    try:
        _execute(job, "__main__")
    finally:
        _end_as_a_script()


def call(job: dict[str, Any], calls: list[Any]) -> None:
    """Call the program's function and write down, a line each, what it returns or raises."""
    _standard_files()
    function = _function(_execute(job, "program"), job["function"])
    with open(RESULT, "w", encoding="utf-8", closefd=False) as said:
        for arguments in calls:
            try:
                answer = values.written("value", values.encode(function(*map(values.decode, arguments))))
            except BaseException as error:
                answer = values.written("raised", _last_line(error))
            said.write(answer + "\n")
            said.flush()


def serve(job: dict[str, Any], questions: int, answers: int) -> None:
    """Answer calls of the program's function that come through a pipe."""
    _standard_files()
    function = None
    with open(questions, encoding="utf-8") as asked, open(answers, "w", encoding="utf-8") as said:
        for line in asked:
            try:
                function = function or _function(_execute(job, "program"), job["function"])
                _, (arguments, named) = values.read(line)
                returned = function(*map(values.decode, arguments), **values.decode(named))
                answer = values.written("value", values.encode(returned))
            except BaseException as error:
                traceback.print_exception(error, limit=-1)
                answer = values.written("raised", type(error).__name__)
            said.write(answer + "\n")
            said.flush()


def test(job: dict[str, Any], answers: int, questions: int, check: str | None = None) -> None:
    """Run the test program, whose calls of the function go through a pipe to the process that has it.

    Args:
        job: the program.
        answers: pipe in which they come.
        questions: pipe in which calls go.
        check: the test program; None: it stands in standard input.
    """
    _standard_files()
    check = sys.stdin.read() if check is None else check
    with open(answers, encoding="utf-8") as said, open(questions, "w", encoding="utf-8") as asked:
        candidate = _candidate(said, asked)
        space = _module("tests").__dict__
        exec(compile(job["setup"], "setup.py", "exec"), space)
        space |= {job["function"]: candidate, "candidate": candidate}
        try:
            exec(compile(check, "tests.py", "exec"), space)
            if "check" in _defined(check):
                space["check"](candidate)
            _say(PASSED)
        except AssertionError:
            pass  # wrong, and no error
        except BaseException as error:
            # Of the test's own making: the program did not pass, but it ran.
            if candidate.raised:
                _say(RAISED)
            else:
                traceback.print_exception(error, limit=-1)


def fail(error: BaseException) -> None:
    """End as Python does after an exception that nobody caught."""
    code = error.code if isinstance(error, SystemExit) else 1
    if not isinstance(error, SystemExit):
        traceback.print_exception(error, limit=-1)
    elif code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    for file in (sys.stdout, sys.stderr):
        try:
            file.flush()
        except Exception:
            code = code or 1
    os._exit(int(code or 0) & 0xFF)


def _last_line(error: BaseException) -> str:
    return traceback.format_exception_only(error)[-1].strip()


def _candidate(said: Any, asked: Any) -> Callable[..., Any]:
    def candidate(*arguments: Any, **named: Any) -> Any:
        given = [[values.encode(value) for value in arguments], values.encode(named)]
        asked.write(values.written("call", given) + "\n")
        asked.flush()
        line = said.readline()
        what, content = values.read(line) if line.endswith("\n") else ("raised", "ended")
        if what == "value":
            return values.decode(content)
        candidate.raised = True
        kind = getattr(builtins, str(content), None)
        known = isinstance(kind, type) and issubclass(kind, Exception) and kind is not AssertionError
        raise (kind if known else TestedError)("raised by the program under test")

    candidate.raised = False
    return candidate


def _defined(code: str) -> set[str]:
    return {node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)}


def _execute(job: dict[str, Any], name: str) -> dict[str, Any]:
    """The names that a program leaves; before it runs what it may take as given."""
    space = _module(name).__dict__
    if "random" in job["program"]:
        random.seed(0)  # a fork of Python draws other numbers each time
    if name != "__main__":
        typing = sys.modules["typing"]
        space |= {each: getattr(typing, each) for each in typing.__all__}
        exec(compile(job.get("setup") or "", "setup.py", "exec"), space)
    exec(compile(job["program"], "program.py", "exec", dont_inherit=True), space)
    return space


def _module(name: str) -> types.ModuleType:
    module = sys.modules[name] = types.ModuleType(name)
    module.__dict__["__builtins__"] = builtins
    return module


def _function(space: dict[str, Any], name: str) -> Callable[..., Any]:
    if callable(function := space.get(name)):
        return function
    if isinstance(solution := space.get("Solution"), type) and hasattr(solution, name):
        # As LeetCode calls it: what one call leaves in its object, the next does not see.
        return lambda *arguments, **named: getattr(solution(), name)(*arguments, **named)
    raise NameError(f"the program defines no function {name}")


def _say(text: str) -> None:
    with open(RESULT, "w", encoding="utf-8", closefd=False) as file:
        file.write(text)


def _standard_files() -> None:
    sys.stdin = _standard_file(0, "r", "replace")
    sys.stdout = _standard_file(1, "w", "backslashreplace")
    sys.stderr = _standard_file(2, "w", "backslashreplace")
    sys.stderr.reconfigure(line_buffering=True)
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    sys.setrecursionlimit(1000)


def _standard_file(fd: int, mode: str, errors: str) -> io.TextIOWrapper:
    return open(fd, mode, encoding="utf-8", errors=errors, closefd=False)


def _end_as_a_script() -> None:
    """What Python does at the end of a script: wait for threads, call exit functions, empty buffers."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for file in (sys.stdout, sys.__stdout__):
        if file is not None and not getattr(file, "closed", False):
            file.flush()
    sys.modules["__main__"].__dict__.clear()  # which closes the files that the program has opened


def remote(job: dict[str, Any], check: str, mark: str) -> None:
    """Do the one run of a job where a service confines this process; say what came of it behind the mark.

    Before the program's first line the mark is said alone: without it, nothing is known of the program.
    """
    global RESULT
    _standard_files()
    (run_,) = job["runs"]
    if run_.get("argv"):
        run(job, run_)
        return
    RESULT = os.memfd_create("result")
    os.write(1, f"{mark}\n".encode())
    status, text = "ok", ""
    if check:
        ask, answer = os.pipe(), os.pipe()
        if not (child := os.fork()):
            os.close(ask[1])
            serve(job, ask[0], answer[1])
            os._exit(0)
        os.close(answer[1])
        test(job, answer[0], ask[1], check)
        os.kill(child, 9)
        status = {PASSED: "ok", RAISED: "error"}.get(_said(), "failed")
    else:
        call(job, [run_["call"]])
        kind, content = values.read(_said())
        status, text = ("error", str(content)) if kind == "raised" else ("ok", _said().rstrip("\n"))
    sys.stdout.flush()
    os.write(1, f"{mark}{status}\n{text}".encode())
    os._exit(0)


def _said() -> str:
    return os.pread(RESULT, os.fstat(RESULT).st_size, 0).decode()
