"""The small world of tools: gold answers against a reader of requests that knows none of its code."""

import json
import re

import pytest

from gdpo.config.datasets import MadeSource
from gdpo.config.toy_tools import ToolRequests
from gdpo.data.toy_tools import split_of, toy_tools

DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
# A value said in words; the longer forms first.
NUMBER = r"(?:half of \d+|double \d+|\d+ more than \d+|\d+ less than \d+|\d+)"
DAY = rf"(?:the day (?:after|before) (?:{'|'.join(DAYS)})|{'|'.join(DAYS)})"
ASKED = [  # what asks for which tool, by either of its names; groups are its parameters
    ("timer countdown", rf"set a timer for (?P<minutes>{NUMBER}) minutes"),
    ("timer countdown", rf"tell me when (?P<minutes>{NUMBER}) minutes are over"),
    ("weather forecast", rf"how warm is (?P<city>\w+) on (?P<day>{DAY})"),
    ("weather forecast", rf"will it rain on (?P<day>{DAY}) in (?P<city>\w+)"),
    ("convert exchange", rf"change (?P<amount>{NUMBER}) (?P<from>\w+) to (?P<to>\w+)"),
    ("convert exchange", rf"how many (?P<to>\w+) are (?P<amount>{NUMBER}) (?P<from>\w+)"),
    ("book reserve", rf"a table in (?P<city>\w+) for (?P<people>{NUMBER}) at (?P<hour>{NUMBER})"),
    ("book reserve", rf"at (?P<hour>{NUMBER}) we eat in (?P<city>\w+) with (?P<people>{NUMBER})"),
    ("alarm wake", rf"wake me at (?P<hour>{NUMBER}) on (?P<day>{DAY})"),
    ("alarm wake", rf"i get up on (?P<day>{DAY}) at (?P<hour>{NUMBER})"),
    ("note write", r"do not let me forget the (?P<item>\w+)"),
    ("note write", r"put (?P<item>\w+) on my list"),
    ("play music", rf"play (?P<style>\w+) for (?P<minutes>{NUMBER}) minutes"),
    ("play music", rf"i like to hear (?P<minutes>{NUMBER}) minutes of (?P<style>\w+)"),
    ("pay send", rf"pay (?P<person>\w+) (?P<amount>{NUMBER}) coins"),
    ("pay send", rf"i owe (?P<amount>{NUMBER}) coins to (?P<person>\w+)"),
]
HARD = ToolRequests(most_calls=4, offered=5, largest=300, worked_out=0.9, largest_step=50, renamed=0.5)


def value(words):
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
        case ["the", "day", where, day]:
            return DAYS[(DAYS.index(day) + {"after": 1, "before": -1}[where]) % 7]
        case [word]:
            return int(word) if word.isdigit() else word


def solved(row):
    """The answer that a reader of the offered tools and of the request gives."""
    offered = {line.split()[0]: set(line.split()[1:]) for line in row["context"].split("\n")}
    asked, _, reply = row["problem"].partition(" then say ")
    calls = []
    for clause in asked.split(" and "):
        (names, said), *others = [(n, m) for n, form in ASKED if (m := re.fullmatch(form, clause))]
        assert not others
        arguments = {parameter: value(words) for parameter, words in said.groupdict().items()}
        for tool in set(names.split()) & set(offered):
            assert offered[tool] == set(arguments)
            calls.append({"name": tool, "parameters": arguments})
    return calls, reply or (None if calls else "no tool fits")


def read(answer):
    pattern = r"(?:<tool_call>\n(.*)\n</tool_call>)?\n?(?:<response> (.*) </response>)?"
    calls, reply = re.fullmatch(pattern, answer, re.DOTALL).groups()
    return [json.loads(line) for line in (calls or "").splitlines()], reply


@pytest.mark.parametrize("requests", [ToolRequests(), HARD], ids=["default", "hard"])
def test_gold_answers_are_what_an_independent_reader_gives(requests):
    for row in toy_tools(split="train", size=1500, requests=requests):
        assert read(row["answer"]) == solved(row), row
        calls, reply = read(row["answer"])
        kinds = {(1, False): "single", (0, True): "none", (1, True): "both"}
        assert row["category"] == kinds.get((len(calls), reply is not None), "parallel")


def test_rows_differ_and_no_request_is_in_both_splits():
    sets = {split: toy_tools(split=split, size=2000) for split in ("train", "benchmark")}
    asked = {split: {row["problem"] for row in rows} for split, rows in sets.items()}
    assert len(asked["train"]) == len(asked["benchmark"]) == 2000
    assert not asked["train"] & asked["benchmark"]
    assert {split_of(f"  {text.upper()} ") for text in asked["benchmark"]} == {"benchmark"}


def test_the_same_seed_gives_the_same_rows_and_another_others():
    first = toy_tools(split="train", size=50)
    assert toy_tools(split="train", size=50) == first
    assert toy_tools(split="train", size=50, seed=1) != first


def test_options_do_what_they_say():
    rows = toy_tools(split="train", size=1000)
    counts = {kind: sum(row["category"] == kind for row in rows) for kind in ("single", "parallel", "both")}
    assert counts == {"single": 500, "parallel": 300, "both": 120}
    assert {row["context"].count("\n") for row in rows} == {2}
    assert {len(read(row["answer"])[0]) for row in rows if row["category"] == "parallel"} == {2}
    plain = toy_tools(split="train", size=500, requests=ToolRequests(worked_out=0, renamed=0))
    words = re.compile("half|double|more than|less than|the day")
    assert not [row for row in plain if words.search(row["problem"])]
    assert not [row for row in plain if re.search("countdown|wake|write|send", row["context"])]
    hard = toy_tools(split="train", size=500, requests=HARD)
    assert {len(read(row["answer"])[0]) for row in hard if row["category"] == "parallel"} == {2, 3, 4}
    assert sum(bool(words.search(row["problem"])) for row in hard) > 400
    numbers = [n for row in hard for c in read(row["answer"])[0] for n in c["parameters"].values()]
    assert 200 < max(n for n in numbers if isinstance(n, int)) <= 300


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"split": "train", "size": 0}, "size"),
        ({"split": "test", "size": 3}, "split"),
        ({"split": "train"}, "size"),
        ({"split": "train", "size": 3, "seed": -1}, "seed"),
        ({"split": "train", "size": 3, "requests": {"offered": 8}}, "requests.offered: .*7"),
        ({"split": "train", "size": 3, "requests": {"oferred": 2}}, "requests.oferred"),
        ({"split": "train", "size": 3, "requests": {"mix": {"single": -1}}}, "requests.mix.single"),
        (
            {"split": "train", "size": 3, "requests": {"mix": dict.fromkeys(
                ("single", "parallel", "none", "both"), 0)}},
            "every share is 0; give one to at least one of single, parallel",
        ),
    ],
)  # fmt: skip
def test_bad_options_are_named_when_the_config_is_read(options, said):
    with pytest.raises(ValueError, match=f"options.{said}|{said}"):
        MadeSource(source="toy_tools", options=options)


def test_a_world_that_is_too_small_says_so():
    small = ToolRequests(largest=20, worked_out=0, mix={"single": 1, "parallel": 0, "none": 0, "both": 0})
    with pytest.raises(
        ValueError, match=r"size: 9000 different requests of the kind single wanted, about \d+"
    ):
        toy_tools(split="benchmark", size=9000, requests=small)
