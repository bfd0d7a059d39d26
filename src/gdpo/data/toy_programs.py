"""Small programming problems in words, each with tests of the function that solves it.

A row has a request for a function ``f`` in words (`problem`), the gold of the task ``code``, eight calls with
what they return (`answer`), and the kind of problem (`category`). What is returned is worked out here from
the parts of the request; no program is run.
"""

import itertools
import json
import operator
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import NonNegativeInt, PositiveInt

from gdpo.config.problems import Split
from gdpo.config.toy_programs import ProgrammingProblems
from gdpo.data.shares import share_out
from gdpo.data.splits import SpentError, add_distinct, split_by_hash
from gdpo.data.spoken_numbers import ways_to_say
from gdpo.plugins import source

DEFAULTS = ProgrammingProblems()
_SALT = "gdpo toy programs split 1"
_TESTS = 8
_ITEMS = range(-9, 10)
_SECONDS = 1  # CPU time of a test; a right program takes none


@dataclass(frozen=True)
class Operation:
    """What a step does: how it is asked for, Python's sign, and its smallest constant."""

    phrases: tuple[str, str]
    sign: str
    value: Callable[[int, int], int]
    smallest: int

    @property
    def is_additive(self) -> bool:
        """Whether Python needs brackets around it before it multiplies."""
        return self.sign in ("+", "-")


OPERATIONS: dict[str, Operation] = {
    "add": Operation(("add {}", "plus {}"), "+", operator.add, 1),
    "subtract": Operation(("subtract {}", "take away {}"), "-", operator.sub, 1),
    "multiply": Operation(("times {}", "multiply by {}"), "*", operator.mul, 2),
    "remainder": Operation(("modulo {}", "the rest by {}"), "%", operator.mod, 2),
}
SELECTIONS: dict[str, tuple[str, str, Callable[[int], bool]]] = {
    "all": ("items", "", lambda v: True),
    "positive": ("positive items", "v > 0", lambda v: v > 0),
    "negative": ("negative items", "v < 0", lambda v: v < 0),
    "even": ("even items", "v % 2 == 0", lambda v: v % 2 == 0),
    "odd": ("odd items", "v % 2 == 1", lambda v: v % 2 == 1),
}
"""Which items of a list -> how they are called, the condition on ``v``, and whether an item is one."""
STARTS: dict[str, dict[str, tuple[str, str, Callable[..., int]]]] = {
    "number": {"number": ("take x", "x", int)},
    "pair": {
        "sum": ("the sum of x and y", "x + y", operator.add),
        "difference": ("the difference of x and y", "x - y", operator.sub),
        "product": ("the product of x and y", "x * y", operator.mul),
        "larger": ("the larger of x and y", "max(x, y)", max),
        "smaller": ("the smaller of x and y", "min(x, y)", min),
    },
    "total": {
        "sum": ("the sum of the {}", "sum({})", sum),
        "count": ("the number of the {}", "len({})", len),
    },
    "pick": {
        "largest": ("the largest of the {}", "max({})", max),
        "smallest": ("the smallest of the {}", "min({})", min),
        "first": ("the first of the {}", "{}[0]", operator.itemgetter(0)),
        "last": ("the last of the {}", "{}[-1]", operator.itemgetter(-1)),
    },
    "each": {"each": ("each of the {}", "v", int)},
}
"""Kind of problem -> what is worked on -> how it is asked for, in Python, and its value."""
ARGUMENTS = {"number": ("x",), "pair": ("x", "y"), "total": ("a",), "pick": ("a",), "each": ("a",)}
"""Kind of problem -> the function's arguments: numbers, or ``a``, a list."""


@dataclass(frozen=True)
class Step:
    """A step of the work: a name of :data:`OPERATIONS`, its constant, and how the request says both."""

    name: str
    constant: int
    phrase: str
    said: str


@dataclass(frozen=True)
class Function:
    """A function, as it is asked for or as a lesson has it."""

    kind: str
    start: str
    """A name of :data:`STARTS` of the kind."""
    selection: str
    """A name of :data:`SELECTIONS`; ``all`` where there is no list."""
    steps: tuple[Step, ...]
    default: int | None = None
    """What is returned where nothing can be picked; None: an error is raised."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of its arguments."""
        return ARGUMENTS[self.kind]

    def request(self) -> str:
        """How it is asked for."""
        start = STARTS[self.kind][self.start][0].format(SELECTIONS[self.selection][0])
        parts = [start, *(step.phrase.format(step.said) for step in self.steps)]
        if self.default is not None:
            parts.append(f"or {self.default} if there is none")
        return f"f({', '.join(self.arguments)}): {', '.join(parts)}"

    def expressions(self) -> list[str]:
        """Python for the value before the first step and after each."""
        among = "a" if self.selection == "all" else "b"
        found = [STARTS[self.kind][self.start][1].format(among)]
        additive = self.kind == "pair" and self.start in ("sum", "difference")
        for step in self.steps:
            made = OPERATIONS[step.name]
            inner = f"({found[-1]})" if additive and not made.is_additive else found[-1]
            found.append(f"{inner} {made.sign} {step.constant}")
            additive = made.is_additive
        return found

    def python(self) -> str:
        """Its source, from `def` on."""
        lines = [f"def f({', '.join(self.arguments)}):"]
        condition = SELECTIONS[self.selection][1]
        among = "a"
        if condition and self.kind != "each":
            among = "b"
            lines.append(f"    b = [v for v in a if {condition}]")
        result = self.expressions()[-1]
        if self.kind == "each":
            result = f"[{result} for v in a{f' if {condition}' if condition else ''}]"
        if self.default is not None:
            result += f" if {among} else {self.default}"
        return "\n".join([*lines, f"    return {result}"])

    def value(self, *given: Any) -> Any:
        """What it returns; of a pick without a default, nothing is an error."""
        start = STARTS[self.kind][self.start][2]
        if self.kind in ("number", "pair"):
            return self._worked(start(*given))
        items = [item for item in given[0] if SELECTIONS[self.selection][2](item)]
        if self.kind == "each":
            return [self._worked(item) for item in items]
        return self.default if self.default is not None and not items else self._worked(start(items))

    def _worked(self, value: int) -> int:
        for step in self.steps:
            value = OPERATIONS[step.name].value(value, step.constant)
        return value


@source
def toy_programs(
    *, split: Split, size: PositiveInt, seed: NonNegativeInt = 0, problems: ProgrammingProblems = DEFAULTS
) -> list[dict[str, Any]]:
    """Rows with `problem`, `answer` (eight tests) and `category`, no problem twice.

    Args:
        split: which problems; the hash of a problem's text decides, so that no problem is in both.
        size: number of rows.
        seed: of the problems and their order.
        problems: mix and difficulty.

    Raises:
        ValueError: fewer different problems exist.
    """
    found: dict[str, Function] = {}
    for kind, count in share_out(size, problems.mix.model_dump()).items():
        rng = random.Random(f"toy programs:{kind}:{split}:{seed}")
        _add(found, kind, count, (_function(problems, kind, rng) for _ in itertools.count()), split)
    rows = list(found.items())
    random.Random(seed).shuffle(rows)
    return [{"problem": text, "answer": gold(asked), "category": asked.kind} for text, asked in rows]


def _add(found: dict[str, Function], kind: str, count: int, draws: Iterator[Function], split: Split) -> None:
    keyed = ((asked.request(), asked) for asked in draws)
    try:
        add_distinct(found, count, keyed, lambda text: split_of(text) == split)
    except SpentError as spent:
        raise ValueError(
            f"size: {count} different problems of the kind {kind} wanted, about {spent.count} exist in the "
            f"{split} split; lower size or the kind's share (problems.mix), or widen problems (most_steps, "
            "largest, worked_out, largest_step)"
        ) from None


def gold(asked: Function) -> str:
    """The gold of the task ``code``: eight calls, the same for the same request."""
    rng = random.Random(f"toy programs:tests:{asked.request()}")
    calls = [[list(given), asked.value(*given)] for given in _inputs(asked, rng)]
    return json.dumps({"function": "f", "calls": calls, "seconds": _SECONDS})


def split_of(problem: str) -> Split:
    """The split that a problem belongs to, from a salted hash of its text, spaces and case aside."""
    return split_by_hash(_SALT, re.sub(r"\s+", " ", problem).strip().lower())


def stream(section: ProgrammingProblems, split: Split, seed: int) -> Iterator[Function]:
    """Functions of one split without end; the same one may come again."""
    rng = random.Random(f"toy programs:{split}:{seed}")
    kinds, weights = zip(*section.mix.model_dump().items(), strict=True)
    while True:
        asked = _function(section, rng.choices(kinds, weights)[0], rng)
        if split_of(asked.request()) == split:
            yield asked


def _function(section: ProgrammingProblems, kind: str, rng: random.Random) -> Function:
    selection = rng.choice(list(SELECTIONS)) if kind in ("total", "pick", "each") else "all"
    steps = [_step(section, rng) for _ in range(rng.randint(1, section.most_steps))]
    default = rng.randint(0, section.largest) if kind == "pick" else None
    return Function(kind, rng.choice(list(STARTS[kind])), selection, tuple(steps), default)


def _step(section: ProgrammingProblems, rng: random.Random) -> Step:
    name = rng.choice(list(OPERATIONS))
    constant = rng.randint(OPERATIONS[name].smallest, section.largest)
    said = str(constant)
    if rng.random() < section.worked_out:
        said = rng.choice(ways_to_say(constant, section.largest_step, rng))
    return Step(name, constant, rng.choice(OPERATIONS[name].phrases), said)


def _inputs(asked: Function, rng: random.Random) -> list[tuple[Any, ...]]:
    """What the tests give: 0, the empty list, a list with nothing to pick where there is one, and others."""
    if asked.kind == "number":
        found: list[tuple[Any, ...]] = [(0,), (1,), (-1,)]
    elif asked.kind == "pair":
        found = [(0, 0), (3, 8), (8, 3), (-5, 2)]
    else:
        is_one = SELECTIONS[asked.selection][2]
        others = [v for v in _ITEMS if not is_one(v)]
        found = [([],), (rng.sample(others, 2) if others else [rng.choice(_ITEMS)],)]
    while len(found) < _TESTS:
        if (drawn := _drawn(asked.kind, rng)) not in found:
            found.append(drawn)
    return found


def _drawn(kind: str, rng: random.Random) -> tuple[Any, ...]:
    if kind == "number":
        return (rng.randint(2, 30),)
    if kind == "pair":
        return rng.randint(-20, 20), rng.randint(-20, 20)
    return (rng.choices(_ITEMS, k=rng.randint(3, 6)),)
