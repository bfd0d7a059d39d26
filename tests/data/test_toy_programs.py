"""The small world of programs: what tests want against a reader of requests that knows none of its code."""

import json
import re

import pytest

from gdpo.config.datasets import MadeSource
from gdpo.config.toy_programs import ProgrammingProblems
from gdpo.data.toy_programs import split_of, stream, toy_programs
from gdpo.tasks.code.formats import unit_tests_in

HARD = ProgrammingProblems(most_steps=4, largest=60, worked_out=0.9, largest_step=30)
ARGUMENTS = {"number": "x", "pair": "x, y", "total": "a", "pick": "a", "each": "a"}


def number(words):
    match words.split():
        case ["half", "of", n]:
            assert int(n) % 2 == 0
            return int(n) // 2
        case ["double", n]:
            return 2 * int(n)
        case [step, "more", "than", n]:
            return int(n) + int(step)
        case [step, "less", "than", n]:
            return int(n) - int(step)
        case [n]:
            return int(n)


def done(step, value):
    verb, words = re.fullmatch(
        r"(add|plus|subtract|take away|times|multiply by|modulo|the rest by) (.+)", step
    ).groups()
    n = number(words)
    if verb in ("add", "plus"):
        return value + n
    if verb in ("subtract", "take away"):
        return value - n
    return value * n if verb in ("times", "multiply by") else value - value // n * n


def chosen(sort, items):
    tests = {
        "positive": lambda v: v > 0,
        "negative": lambda v: v < 0,
        "even": lambda v: v & 1 == 0,
        "odd": lambda v: v & 1,
    }
    return [v for v in items if not sort or tests[sort](v)]


def started(start, given):
    """The values that are worked on: one or none, but for `each`."""
    if start == "take x":
        return given
    if found := re.fullmatch(r"the (\w+) of x and y", start):
        x, y = given
        low, high = sorted(given)
        return [dict(sum=x + y, difference=x - y, product=x * y, larger=high, smaller=low)[found[1]]]
    how, sort = re.fullmatch(r"(?:the )?(\w+) of the (?:(\w+) )?items", start).groups()
    items = chosen(sort, given[0])
    if how in ("sum", "number", "each"):
        return {"sum": [sum(items)], "number": [len(items)], "each": items}[how]
    if how in ("largest", "smallest"):
        items = sorted(items)
    return items[-1:] if how in ("largest", "last") else items[:1]


def solved(problem, given):
    arguments, words = re.fullmatch(r"f\(([^)]*)\): (.*)", problem).groups()
    assert len(given) == len(arguments.split(", "))
    words, _, default = words.partition(", or ")
    start, *steps = words.split(", ")
    values = started(start, given)
    for step in steps:
        values = [done(step, value) for value in values]
    if start.startswith("each"):
        return values
    return values[0] if values else int(default.removesuffix(" if there is none"))


@pytest.mark.parametrize("problems", [ProgrammingProblems(), HARD], ids=["default", "hard"])
def test_what_the_tests_want_is_what_an_independent_reader_gives(problems):
    for row in toy_programs(split="train", size=1000, problems=problems):
        gold = json.loads(row["answer"])
        assert gold["function"] == "f" and len(gold["calls"]) == 8
        assert row["problem"].startswith(f"f({ARGUMENTS[row['category']]}): ")
        for given, returned in gold["calls"]:
            assert solved(row["problem"], given) == returned, row
        assert unit_tests_in(row["answer"]).gold == gold


def test_tests_have_the_edges():
    for row in toy_programs(split="train", size=300):
        given = [arguments for arguments, _ in json.loads(row["answer"])["calls"]]
        if row["category"] in ("number", "pair"):
            assert given[0] == [0] * len(given[0])
        else:
            assert given[0] == [[]]
        if row["category"] == "pick" and " items" in row["problem"] and "the items" not in row["problem"]:
            default = int(re.search(r"or (\d+) if", row["problem"])[1])
            assert [returned for _, returned in json.loads(row["answer"])["calls"]][:2] == [default] * 2
            assert given[1] != [[]]


@pytest.mark.parametrize("problems", [ProgrammingProblems(), HARD], ids=["default", "hard"])
def test_a_function_s_python_returns_what_its_tests_want(problems):
    for asked, _ in zip(stream(problems, "train", 1), range(1000), strict=False):
        made = {}
        exec(asked.python(), made)  # noqa: S102 - ours
        for row in (
            [[0, 0], [7, -3]]
            if asked.kind == "pair"
            else [[5]]
            if asked.kind == "number"
            else [[[]], [[4, -3, 7]]]
        ):
            assert made["f"](*row) == solved(asked.request(), row), asked


def test_rows_differ_and_no_problem_is_in_both_splits():
    sets = {split: toy_programs(split=split, size=1500) for split in ("train", "benchmark")}
    asked = {split: {row["problem"] for row in rows} for split, rows in sets.items()}
    assert len(asked["train"]) == len(asked["benchmark"]) == 1500
    assert not asked["train"] & asked["benchmark"]
    assert {split_of(f"  {text.upper()} ") for text in asked["benchmark"]} == {"benchmark"}


def test_the_same_seed_gives_the_same_rows_and_another_others():
    first = toy_programs(split="train", size=50)
    assert toy_programs(split="train", size=50) == first
    assert toy_programs(split="train", size=50, seed=1) != first


def test_options_do_what_they_say():
    rows = toy_programs(split="train", size=1000)
    counts = {kind: sum(row["category"] == kind for row in rows) for kind in ARGUMENTS}
    assert counts == {"number": 200, "pair": 200, "total": 150, "pick": 300, "each": 150}
    plain = toy_programs(
        split="train", size=150, problems=ProgrammingProblems(worked_out=0, most_steps=1, largest=9)
    )
    words = re.compile("half|double|more than|less than")
    assert not [row for row in plain if words.search(row["problem"])]
    assert max(int(n) for row in plain for n in re.findall(r"\d+", row["problem"])) == 9
    assert {
        len(re.findall(", ", row["problem"].partition(":")[2].partition(", or")[0])) for row in plain
    } == {1}
    hard = toy_programs(split="train", size=300, problems=HARD)
    assert sum(bool(words.search(row["problem"])) for row in hard) > 250


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"split": "train", "size": 0}, "size"),
        ({"split": "test", "size": 3}, "split"),
        ({"split": "train", "size": 3, "problems": {"largest": 2}}, "problems.largest: .*3"),
        ({"split": "train", "size": 3, "problems": {"most_step": 2}}, "problems.most_step"),
        (
            {"split": "train", "size": 3, "problems": {"mix": dict.fromkeys(ARGUMENTS, 0)}},
            "every share is 0; give one to at least one of number, pair",
        ),
    ],
)
def test_bad_options_are_named_when_the_config_is_read(options, said):
    with pytest.raises(ValueError, match=f"options.{said}|{said}"):
        MadeSource(source="toy_programs", options=options)


def test_a_world_that_is_too_small_says_so():
    mix = {kind: kind == "number" for kind in ARGUMENTS}
    small = ProgrammingProblems(largest=3, worked_out=0, most_steps=1, mix=mix)
    with pytest.raises(
        ValueError, match=r"size: 900 different problems of the kind number wanted, about \d+"
    ):
        toy_programs(split="benchmark", size=900, problems=small)
