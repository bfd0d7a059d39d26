"""The tests of a problem: the gold of the task ``code``."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from gdpo.tasks.code.compare import same_output, same_value
from gdpo.tasks.code.sandbox.inside.values import encode, read
from gdpo.tasks.code.sandbox.outcome import Job, Limits, Run

CHECKER = Limits(seconds=10.0)
"""Limits of a checker, which is trusted to end but not to be quick."""
_PRINTED = 1 << 21
_ROOM = 1 << 16  # bytes of output beyond twice what is wanted


class UnitTests(NamedTuple):
    """Tests of one kind: standard input and output, calls of a function, or a test program."""

    stdin: Sequence[Sequence[str]] = ()
    """Input and wanted output of each."""
    calls: Sequence[Sequence[Any]] = ()
    """Arguments and wanted value of each, JSON's values."""
    check: str = ""
    """Python: asserts about the function, or a function ``check`` that is given it."""
    function: str | None = None
    """Function that is called or checked."""
    setup: str = ""
    """Python that stands before the program and before the check."""
    checker: str = ""
    """Python that says whether an output is right, where several are: run with the names of three files,
    input, wanted output and output, it prints first a number above 0."""
    tolerance: float | None = None
    """Largest absolute or relative difference of numbers; None: they are compared as they are."""
    seconds: float = 4.0
    """CPU time of each."""
    megabytes: int = 512
    """Memory."""

    @classmethod
    def of(cls, gold: str) -> "UnitTests":
        """Of a gold answer, JSON of these fields.

        Raises:
            ValueError: it is not.
        """
        try:
            tests = cls(**json.loads(gold))
        except (TypeError, RecursionError) as error:
            raise ValueError(f"no tests: {error}") from error
        given = [name for name in ("stdin", "calls", "check") if getattr(tests, name)]
        if len(given) != 1:
            raise ValueError(f"one of stdin, calls and check is needed; given: {', '.join(given) or 'none'}")
        if tests.function is None and not tests.stdin:
            raise ValueError(f"{given[0]} needs the name of a function")
        return tests

    def __len__(self) -> int:
        return len(self.stdin) or len(self.calls) or 1

    def job(self, program: str) -> Job:
        """What is to be run of a program."""
        runs: list[Mapping[str, Any]] = [{}]
        wanted = 0
        if self.stdin:
            runs = [{"stdin": given} for given, _ in self.stdin]
            wanted = max(_bytes(output) for _, output in self.stdin)
        elif self.calls:
            runs = [{"call": [encode(argument) for argument in given]} for given, _ in self.calls]
            # What a function prints, nobody reads.
            wanted = max(_PRINTED, *(len(json.dumps(value)) for _, value in self.calls))
        limits = Limits(self.seconds, self.megabytes, 2 * wanted + _ROOM)
        return Job(program, runs, limits, self.function, self.setup, self.check or None)

    def passed(self, runs: Sequence[Run]) -> list[bool | None]:
        """Whether each test is passed; None where a checker must say."""
        if self.check:
            return [run.status == "ok" for run in runs]
        if self.calls:
            pairs = zip(runs, self.calls, strict=True)
            return [run.status == "ok" and self._same_value(run.output, value) for run, (_, value) in pairs]
        return [
            run.status == "ok"
            and (same_output(run.output, wanted, self.tolerance) or (None if self.checker else False))
            for run, (_, wanted) in zip(runs, self.stdin, strict=True)
        ]

    def checker_job(self, runs: Sequence[Run], places: Sequence[int]) -> Job:
        """What a checker is to be run on: the tests at these places."""
        names = ["input", "wanted", "output"]
        files = [dict(zip(names, [*self.stdin[place], runs[place].output], strict=True)) for place in places]
        given = [{"stdin": "", "argv": names, "files": each} for each in files]
        room = max(1 << 20, *(2 * max(map(_bytes, each.values())) for each in files))
        return Job(self.checker, given, CHECKER._replace(output=room))

    def _same_value(self, line: str, wanted: Any) -> bool:
        try:
            kind, content = read(line)
        except ValueError:
            return False
        return kind == "value" and same_value(content, encode(wanted), self.tolerance)


def says_right(run: Run) -> bool:
    """Whether a checker's run says that the output is right."""
    words = run.output.split(maxsplit=1) if run.status == "ok" else []
    try:
        return bool(words) and float(words[0]) > 0
    except ValueError:
        return False


@lru_cache(1024)
def unit_tests_of(gold: str) -> UnitTests:
    """:meth:`UnitTests.of`, once for each gold."""
    return UnitTests.of(gold)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
