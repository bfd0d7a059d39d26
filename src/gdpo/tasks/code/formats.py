"""Unit tests in the forms that datasets have them in, as the gold of the grader ``unit_tests``."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gdpo.tasks.code.python_source import (
    called_function,
    has_check,
    helpers,
    packages,
    parsed,
    tests_something,
)
from gdpo.tasks.row import RowError, is_empty, nested_value

MOST = 50
"""Tests of a problem: a training step runs each of them on hundreds of programs."""
LARGEST = 50_000
"""Characters of a problem's inputs and outputs: of PRIME's 27,000 problems a file's texts are below 2 GB."""
LARGEST_CHECK = 1_000_000
"""Characters of a test program, of which benchmarks have few."""
_LIMITS = ("checker", "tolerance", "seconds", "megabytes")
_KINDS = {"stdin": (), "calls": ("function",), "check": ("function", "setup")}
_SPLITS = ("public_tests", "private_tests", "generated_tests")
_MOST_LIMIT = 1e6
_ODD = "tests in none of the known forms"


class Found(NamedTuple):
    """A problem's tests."""

    kind: str
    """stdin, calls or check."""
    gold: dict[str, Any]
    """What :class:`gdpo.tasks.code.unit_tests.UnitTests` is made of."""
    changes: list[str]
    """What was changed of them."""
    shown: Sequence[str] = ()
    """Assertions that name the function, for prompts that do not."""


def unit_tests_in(answer: Any) -> Found:
    """The tests of a cell, or of a whole row (``columns.answer: ["*"]``): docs/code.md has the forms.

    Raises:
        RowError: there are none, or none that can be run.
    """
    value = nested_value(answer)
    if is_empty(value) or value in ([], {}):
        raise RowError("no tests")
    if isinstance(value, str):
        return _program(value, None, "")
    if isinstance(value, list):
        return _listed(value)
    if not isinstance(value, Mapping):
        raise RowError(f"tests are of type {type(value).__name__}")
    return _mapped({key: inner for key, inner in value.items() if not is_empty(inner)})


def _mapped(value: Mapping[str, Any]) -> Found:
    """Tests of an object, by the keys that it has filled."""
    if any(kind in value for kind in _KINDS):
        return _own(value)
    if "inputs" in value and "outputs" in value:
        return _pairs(_zipped(value["inputs"], value["outputs"]), value.get("fn_name"))
    if splits := [value[name] for name in _SPLITS if name in value]:
        return _pairs([pair for split in splits for pair in _split(split)], None)
    return _checked(value)


def _own(value: Mapping[str, Any]) -> Found:
    """The gold as it is read, each of its values looked at."""
    kind = next(kind for kind in _KINDS if kind in value)
    if set(value) - {kind, *_KINDS[kind], *_LIMITS}:
        raise RowError(f"tests of the form {kind} with a key that it has not")
    function = _function(value["function"]) if "function" in value else None
    if kind == "check":
        found = _program(_text(value["check"]), function, _text(value.get("setup", "")))
    else:
        pairs = value[kind]
        if not isinstance(pairs, list) or not all(isinstance(p, list) and len(p) == 2 for p in pairs):
            raise RowError(f"tests of the form {kind} that are no list of pairs")
        if kind == "calls" and (function is None or not all(isinstance(given, list) for given, _ in pairs)):
            raise RowError("calls without a function, or without a list of arguments")
        found = _few(kind, pairs if kind == "calls" else [[_text(a), _text(b)] for a, b in pairs])
        found = found._replace(gold=found.gold | ({"function": function} if kind == "calls" else {}))
    return found._replace(gold=found.gold | _limits(value))


def _listed(values: Sequence[Any]) -> Found:
    """A list of assertions (MBPP), or of objects with input and output."""
    if all(isinstance(value, str) for value in values):
        return _asserted(values, "")
    if not all(isinstance(value, Mapping) and {"input", "output"} <= set(value) for value in values):
        raise RowError(_ODD)
    names = {value.get(key) for value in values for key in ("fn_name", "func_name") if value.get(key)}
    if len(names) > 1:
        raise RowError("tests of several functions")
    return _pairs([(value["input"], value["output"]) for value in values], next(iter(names), None))


def _checked(value: Mapping[str, Any]) -> Found:
    """A row of HumanEval(+) or MBPP(+), of which the whole row is the answer."""
    asserts = nested_value(value.get("test_list", []))
    if asserts and not (isinstance(asserts, list) and all(isinstance(text, str) for text in asserts)):
        raise RowError("assertions that are no list of texts")
    imports = nested_value(value.get("test_imports", []))
    setup = "\n".join([*map(_text, imports if isinstance(imports, list) else [imports])])
    setup = "\n".join(filter(None, [setup, _text(value.get("test_setup_code", ""))]))
    if "test" not in value:
        if not asserts:
            raise RowError(_ODD)
        return _asserted(asserts, setup)
    if "entry_point" in value:
        setup = "\n".join(filter(None, [setup, helpers(_text(value.get("prompt", "")))]))
    function = value.get("entry_point") or (called_function(asserts, setup) if asserts else None)
    return _program(_text(value["test"]), function and _function(function), setup)._replace(shown=asserts)


def _asserted(asserts: Sequence[str], setup: str) -> Found:
    kept = list(dict.fromkeys(text.strip() for text in asserts if text.strip()))
    found = _program("\n".join(kept), called_function(kept, setup) if kept else None, setup)
    changes = ["doubled tests removed"] if len(kept) < len(asserts) else []
    return found._replace(changes=changes, shown=kept)


def _program(check: str, function: str | None, setup: str) -> Found:
    """A test program; without a function's name, the one that its assertions call."""
    if len(check) + len(setup) > LARGEST_CHECK:
        raise RowError(f"a test program longer than {LARGEST_CHECK:,} characters")
    module = parsed(check)
    if module is None or parsed(setup) is None:
        raise RowError("tests that are neither JSON nor Python")
    if missing := packages(module) | packages(parsed(setup)):
        raise RowError(f"a test program that imports a package, {min(missing)}")
    if not tests_something(module):
        raise RowError("a test program without an assertion")
    function = function or (None if has_check(module) else called_function([check], setup))
    if function is None:
        raise RowError("a test program that does not tell the function it tests")
    gold = {"function": function, "check": check} | ({"setup": setup} if setup else {})
    return Found("check", gold, [])


def _zipped(inputs: Any, outputs: Any) -> list[tuple[Any, Any]]:
    inputs, outputs = nested_value(inputs), nested_value(outputs)
    if not isinstance(inputs, list) or not isinstance(outputs, list):
        raise RowError("inputs or outputs that are no list")
    if len(inputs) != len(outputs):
        raise RowError("another number of inputs than of outputs")
    return list(zip(inputs, outputs, strict=True))


def _split(split: Any) -> list[tuple[Any, Any]]:
    """CodeContests' tests of one column."""
    split = nested_value(split)
    if not isinstance(split, Mapping) or not {"input", "output"} <= set(split):
        raise RowError(_ODD)
    return _zipped(split["input"], split["output"])


def _pairs(pairs: Sequence[tuple[Any, Any]], name: Any) -> Found:
    """Tests of standard input and output, or of a function."""
    if is_empty(name):
        return _few("stdin", [[_text(given), _text(wanted)] for given, wanted in pairs])
    calls, changes = [], []
    for given, wanted in pairs:
        if isinstance(given, str):  # a line an argument, as PRIME and LiveCodeBench write them
            given = [_json(line) for line in given.split("\n") if line.strip()]
            wanted = _json(wanted) if isinstance(wanted, str) else wanted
        calls.append([given if isinstance(given, list) else [given], wanted])
    if any(map(_has_number_keys, calls)):
        raise RowError("an object with numbers as keys, which JSON has as texts")
    if calls and all(isinstance(wanted, list) and len(wanted) == 1 for _, wanted in calls):
        calls = [[given, wanted[0]] for given, wanted in calls]
        changes = ["returned values taken out of lists of one"]
    found = _few("calls", calls)
    return Found("calls", found.gold | {"function": _function(name)}, changes + found.changes)


def _few(kind: str, tests: Sequence[list[Any]]) -> Found:
    """The tests without doubles, not too many and not too long, in their order."""
    changes: dict[str, None] = {}
    kept: dict[str, list[Any]] = {}
    size = 0
    for test in tests:
        key = _written(test)
        if key in kept:
            changes["doubled tests removed"] = None
        elif len(kept) == MOST:
            changes[f"tests beyond {MOST} left out"] = None
        elif size + len(key) > LARGEST:
            changes[f"tests left out that make more than {LARGEST:,} characters"] = None
        else:
            kept[key], size = test, size + len(key)
    if not kept:
        raise RowError(f"tests longer than {LARGEST:,} characters" if tests else "no tests")
    return Found(kind, {kind: list(kept.values())}, list(changes))


def _written(test: list[Any]) -> str:
    try:
        return json.dumps(test)
    except (TypeError, ValueError) as error:  # ValueError: a number of over 4,300 digits
        raise RowError("a test that JSON cannot hold") from error


def _text(value: Any) -> str:
    """A text, a number, or lines of them (APPS)."""
    if isinstance(value, list):
        return "\n".join(map(_text, value))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RowError(f"an input, an output or code of type {type(value).__name__}")
    return value if isinstance(value, str) else str(value)


def _json(text: str) -> Any:
    try:
        return nested_value(json.loads(text))
    except RecursionError as error:
        raise RowError("nested too deep") from error
    except ValueError as error:
        if isinstance(error, RowError):
            raise
        raise RowError("an argument or a returned value that is no JSON") from error


def _function(name: Any) -> str:
    if not isinstance(name, str) or not name.isidentifier():
        raise RowError("a function whose name is none")
    return name


def _has_number_keys(value: Any) -> bool:
    if isinstance(value, Mapping):
        keys = all(re.fullmatch(r"-?\d+", key) for key in value) and len(value) > 0
        return keys or any(map(_has_number_keys, value.values()))
    return isinstance(value, list) and any(map(_has_number_keys, value))


def _limits(value: Mapping[str, Any]) -> dict[str, Any]:
    """What a gold says of comparing, time and memory."""
    found: dict[str, Any] = {}
    if "checker" in value:
        found["checker"] = _text(value["checker"])
        if parsed(found["checker"]) is None:
            raise RowError("a checker that is no Python")
    for name in ("tolerance", "seconds", "megabytes"):
        if name in value:
            number = value[name]
            if (
                isinstance(number, bool)
                or not isinstance(number, int | float)
                or not 0 < number < _MOST_LIMIT
            ):
                raise RowError(f"{name} of tests that is no number above 0")
            found[name] = int(number) if name == "megabytes" else number
    return found
