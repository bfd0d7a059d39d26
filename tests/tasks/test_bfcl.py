"""The leaderboard's grader: against its own checker on all problems, and on calls written by hand."""

import json
import random

import pytest
from bfcl_calls import CHANGES, mutated, possible_calls
from bfcl_package import lines, needs_package, says

from gdpo.data.bfcl import CATEGORIES
from gdpo.data.bfcl import bfcl as rows_of
from gdpo.tasks import Gold, Problem, Verdict
from gdpo.tasks.tool_calling.bfcl import bfcl, calls_of

ASKED = [category for category in CATEGORIES if "relevance" not in category]
# Problems whose own possible answer their checker takes for wrong, whichever values are picked: a list of
# mixed types, a parameter that has no possible value, one that is required and without any, or misnamed.
NEVER_RIGHT = {
    "simple_java": ["simple_java_36", "simple_java_65"],
    "live_simple": ["live_simple_106-63-0", "live_simple_112-68-0"],
    "live_multiple": ["live_multiple_507-149-4", "live_multiple_862-181-3", "live_multiple_964-207-0"],
}


def response(calls: list[dict]) -> str:
    written = "\n".join(json.dumps(call) for call in calls)
    return f"<think> So. </think>\n<tool_call>\n{written}\n</tool_call>"


def judged(text: str, answer: str) -> Verdict:
    return bfcl(text, Problem("p", [], Gold((answer,)), {}, "bfcl"))


def gold(category: str, functions: list[dict], *possible: dict) -> str:
    return json.dumps({"category": category, "functions": functions, "possible": possible})


def function(name: str, required: list[str] | None = None, **types: str | dict) -> dict:
    properties = {p: t if isinstance(t, dict) else {"type": t} for p, t in types.items()}
    return {
        "name": name,
        "parameters": {"type": "dict", "properties": properties, "required": required or []},
    }


def decoded(calls: list[dict]) -> list[dict]:
    """Calls as the handler gives them to the checker, from the JSON text of each line."""
    read = [json.loads(json.dumps(call)) for call in calls]
    return [{call["name"]: call["parameters"]} for call in read if call["name"].strip().lower() != "none"]


def category_of(name: str) -> list[tuple[dict, dict, str]]:
    """Problem, its possible answers, and what our grader reads of it."""
    entries = lines(f"BFCL_v4_{name}")
    answers = (
        lines(f"possible_answer/BFCL_v4_{name}") if name in ASKED else [{"ground_truth": []}] * len(entries)
    )
    return list(zip(entries, answers, [row["answer"] for row in rows_of(category=name)], strict=True))


@needs_package
@pytest.mark.parametrize("category", ASKED)
def test_possible_answers_are_judged_as_their_checker_judges_them(category):
    never = []
    for entry, answer, read in category_of(category):
        found = []
        for pick in ("first", "last", "few"):
            calls = possible_calls(entry, answer, pick)
            theirs = says(category, entry["function"], answer["ground_truth"], decoded(calls))
            assert (judged(response(calls), read).verdict == "correct") is theirs, (entry["id"], pick)
            found.append(theirs)
        if not any(found):
            never.append(entry["id"])
    assert never == NEVER_RIGHT.get(category, [])


@needs_package
@pytest.mark.parametrize("category", CATEGORIES)
def test_changed_calls_are_judged_as_their_checker_judges_them(category):
    rng = random.Random(f"{category} 0")
    problems = category_of(category)
    changes, counts = set(), {True: 0, False: 0, "raises": 0}
    for entry, answer, read in problems * (1 + 400 // len(problems)):
        if category in ASKED:
            calls = possible_calls(entry, answer, rng.choice(["first", "last", "few"]))
        else:
            calls = [{"name": "f", "parameters": {"city": "Rome"}}]
        change, calls = mutated(calls, rng)
        theirs = says(category, entry["function"], answer["ground_truth"], decoded(calls))
        ours = judged(response(calls), read)
        # Where their checker raises, ours says wrong.
        assert (ours.verdict == "correct") is (theirs is True), (entry["id"], change, calls)
        changes.add(change)
        counts[theirs] += 1
    assert changes == set(CHANGES)
    assert sum(counts.values()) >= 400 and min(counts[True], counts[False]) >= 15, counts


FIND = function(
    "find",
    ["city"],
    city="string",
    days="integer",
    share="float",
    tags={"type": "array", "items": {"type": "string"}},
)  # noqa: E501 fmt: skip
POSSIBLE = {"find": {"city": ["Rome", "Roma"], "days": [3, ""], "share": [0.5, 1, ""], "tags": [["a b"], ""]}}


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ({"city": "Rome"}, True),
        ({"city": "ROME, "}, True),
        ({"city": "Milan"}, False),
        ({"city": ["Rome"]}, False),
        ({}, False),
        ({"city": "Rome", "days": 3}, True),
        ({"city": "Rome", "days": 3.0}, False),
        ({"city": "Rome", "days": "3"}, False),
        ({"city": "Rome", "days": True}, False),
        ({"city": "Rome", "share": 1}, True),
        ({"city": "Rome", "share": float("nan")}, False),
        ({"city": "Rome", "share": 10**400}, False),
        ({"city": "Rome", "tags": ["A-b"]}, True),
        ({"city": "Rome", "tags": ["a", "b"]}, False),
        ({"city": "Rome", "tags": "a b"}, False),
        ({"city": "Rome", "where": "x"}, False),
        ([], False),
        (None, False),
    ],
)
def test_one_call_is_right_by_its_values(given, right):
    call = {"name": "find", "parameters": given}
    assert (judged(response([call]), gold("simple_python", [FIND], POSSIBLE)).verdict == "correct") is right


def test_parallel_calls_are_right_in_any_order_and_each_once():
    one, two = ({"name": "find", "parameters": {"city": city}} for city in ("Rome", "Oslo"))
    answer = gold("parallel", [FIND], {"find": {"city": ["Rome"]}}, {"find": {"city": ["Oslo"]}})
    verdicts = [judged(response(calls), answer) for calls in ([one, two], [two, one], [one, one], [one])]
    assert [v.verdict for v in verdicts] == ["correct", "correct", "wrong", "wrong"]
    assert verdicts[0].vote == verdicts[1].vote != verdicts[2].vote
    assert verdicts[0].extracted != verdicts[1].extracted


@pytest.mark.parametrize(("category", "right"), [("irrelevance", "no call"), ("live_relevance", "a call")])
def test_relevance_is_whether_there_is_a_call(category, right):
    answer = gold(category, [])
    replies = {
        "a call": [response([{"name": "f", "parameters": {}}])],
        "no call": [
            "<think> a </think>\n<response> None fits. </response>",
            response([{"name": "None", "parameters": {}}]),
            response([{"name": "f"}]),
            response([{"name": "f", "parameters": 3}]),
            "",
        ],
    }
    for kind, texts in replies.items():
        for text in texts:
            assert (judged(text, answer).verdict == "correct") is (kind == right), text


def test_the_last_block_is_read_line_by_line():
    text = (
        '<think> <tool_call> {"name": "a", "parameters": {}} </tool_call> </think>\n<tool_call>\n'
        '{"name": "b", "parameters": {"x": 1}}\nnot JSON\n{"name": "c", "parameters": {},}\n[1]\n'
        '{"name": 3, "parameters": {}}\n{"name": " NONE ", "parameters": {}}\n\n'
        '{"name": "d", "parameters": {}, "more": 1}\n</tool_call> after'
    )
    assert calls_of(text) == [("b", {"x": 1}), ("d", {})]
    assert calls_of("no block") == calls_of("<tool_call>") == []
    assert calls_of('<tool_call>{"name": "e", "parameters": {}}') == [("e", {})]  # cut off by the limit


def test_a_verdict_says_what_was_called():
    text = response(
        [{"parameters": {"b": "é", "a": [1, None]}, "name": "g"}, {"name": "f", "parameters": {}}]
    )
    verdict = judged(text, gold("irrelevance", []))
    assert verdict.extracted == (
        '[{"name":"g","parameters":{"b":"\\u00e9","a":[1,null]}},{"name":"f","parameters":{}}]'
    )
    assert verdict.vote == (
        '[{"name":"f","parameters":{}},{"name":"g","parameters":{"a":[1,null],"b":"\\u00e9"}}]'
    )
    none = judged("<think> a </think>\n<response> b </response>", gold("irrelevance", []))
    assert (none.verdict, none.extracted, none.vote, none.well_formed) == ("correct", None, "[]", True)


CALL = "<tool_call>\n{}\n</tool_call>"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (f"<think>a</think>\n{CALL}", True),
        (f" <think> a\nb </think>\n{CALL}\n<response>c</response>\n", True),
        ("<think>a</think>\n<response>b</response>", True),
        ("<think>a</think>", False),
        (CALL, False),
        (f"<think>a</think> {CALL}", False),
        (f"<think>a</think>\n\n{CALL}", False),
        ("<think>a</think>\n<tool_call>{}</tool_call>", False),
        (f"<think>a</think>\n<response>b</response>\n{CALL}", False),
        (f"<think>a</think>\n{CALL}\n{CALL}", False),
        (f"<think>a</think>\n{CALL} b", False),
        (f"<think>a <response> b</think>\n{CALL}", False),
        (f"<think>a</think></think>\n{CALL}", False),
        (f"<think>a</think>\n{CALL}\n<response>", False),
    ],
)
def test_the_form_is_reasoning_then_calls_or_a_reply(text, good):
    assert judged(text, gold("irrelevance", [])).well_formed is good


DEEP = "[" * 10_000 + "]" * 10_000
ODD = {
    "1 MB of text": "a" * 1_000_000,
    "1 MB of tags": "<tool_call>" * 90_000,
    "1 MB of a value": response([{"name": "find", "parameters": {"city": "x" * 1_000_000}}]),
    "a thousand calls": response([{"name": "find", "parameters": {"city": "Rome"}}] * 1000),
    "nesting": f'<tool_call>\n{{"name": "find", "parameters": {{"city": {DEEP}}}}}\n</tool_call>',
    "nesting that can be read": f'<tool_call>{{"name": "f", "parameters": {DEEP[9_100:10_900]}}}</tool_call>',
    "digits": f'<tool_call>\n{{"name": "find", "parameters": {{"days": {"9" * 10_000}}}}}\n</tool_call>',
    "digits that can be read": response(
        [{"name": "find", "parameters": {"city": "Rome", "share": 10**4200}}]
    ),
    "NaN": response([{"name": "find", "parameters": {"city": float("nan")}}]),
    "surrogate": response([{"name": "\ud800", "parameters": {"\udfff": "\ud800"}}]) + "\ud800",
}


@pytest.mark.parametrize("name", ODD)
def test_odd_responses_are_judged(name):
    for answer in (gold("simple_python", [FIND], POSSIBLE), gold("parallel", [FIND], POSSIBLE, POSSIBLE)):
        verdict = judged(ODD[name], answer)
        assert verdict.verdict == "wrong"
        assert verdict.vote.isascii()  # a file can hold it
    assert judged(ODD[name], gold("live_irrelevance", [])).verdict in ("correct", "wrong")


@pytest.mark.parametrize("category", ["simple_java", "simple_javascript"])
def test_long_collections_are_judged_at_once(category):
    kinds = {"simple_java": ("HashMap", "Array"), "simple_javascript": ("dict", "array")}[category]
    texts = ["[[" + "],[" * 300_000, "{" + "a:," * 300_000, "new HashMap<>(){" + 'put("",' * 100_000 + "}"]
    texts += ["new " + " " * 1_000_000, "9" * 10_000]
    for kind in kinds:
        tool = function("f", x={"type": kind, "items": {"type": "integer"}})
        for text in texts:
            call = {"name": "f", "parameters": {"x": text}}
            assert judged(response([call]), gold(category, [tool], {"f": {"x": [[1]]}})).verdict == "wrong"
