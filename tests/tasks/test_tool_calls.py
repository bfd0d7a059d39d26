"""Tool calls: ToolRL's form and correctness, their grader, and responses of any kind."""

import json
import os
import random
import time
from pathlib import Path

import pytest
import second_tool_rewards as second

from gdpo.rewards import RewardError, Scorer
from gdpo.rewards.scorer import RewardSpec
from gdpo.tasks import Gold, Problem, judge_all, vote_of
from gdpo.tasks.tool_calling.calls import correctness_score, form_score, gold_calls

ROME = '{"name": "weather", "parameters": {"city": "Rome"}}'
TABLE = '{"name": "table", "parameters": {"people": 4, "place": "Luigi", "hour": 19}}'
ONE = f"<tool_call>\n{ROME}\n</tool_call>"
TWO = f"<tool_call>\n{ROME}\n{TABLE}\n</tool_call>"
REPLY = "<response> No tool fits. </response>"
BOTH = f"{ONE}\n{REPLY}"


def said(parts: str, think: str = "so") -> str:
    return f"<think> {think} </think>\n{parts}"


def problem(gold: str) -> Problem:
    return Problem("p", [{"role": "user", "content": "?"}], Gold((gold,)), {}, "tool_calls")


@pytest.mark.parametrize(
    ("response", "gold", "form"),
    [
        (said(ONE), ONE, 1),
        (f"\n {said(ONE)} \n", ONE, 1),
        (said(REPLY), REPLY, 1),
        (said(BOTH), BOTH, 1),
        (said(f"{ONE}\n\n{REPLY}"), BOTH, 0),
        (said(f"{REPLY}\n{ONE}"), BOTH, 0),
        (said(ONE), BOTH, 0),
        (said(BOTH), ONE, 0),
        (said(f"{ONE}\n{ONE}"), ONE, 0),
        (said(ONE.replace("<tool_call>\n", "<tool_call>")), ONE, 0),
        (ONE, ONE, 0),
        (said(ONE).replace("</think>\n", "</think>"), ONE, 0),
        (said(ONE, think="a <think> again"), ONE, 0),
        (said(ONE, think="then <response>"), ONE, 0),
        (said(ONE) + " bye", ONE, 0),
        (said("<tool_call>\nno JSON\n</tool_call>"), ONE, 1),
        ("", ONE, 0),
    ],
)
def test_form_is_think_and_then_exactly_the_parts_of_the_gold(response, gold, form):
    assert form_score(response, gold) == form


@pytest.mark.parametrize(
    ("calls", "gold", "score"),
    [
        # Worked out by hand: 1 + sum(1 + parameters) is 3 for ONE and 7 for TWO.
        ([ROME], ONE, 3),
        ([TABLE, ROME], TWO, 3),
        (['{"name": "weather", "parameters": {"city": "Oslo"}}'], ONE, 6 * 2 / 3 - 3),
        (['{"name": "weather", "parameters": {"town": "Rome"}}'], ONE, 6 * 1 / 3 - 3),
        (['{"name": "weather", "parameters": {"city": "Rome", "day": 1}}'], ONE, 6 * 2.5 / 3 - 3),
        (['{"name": "time", "parameters": {"city": "Rome"}}'], ONE, -3),
        ([ROME, ROME], ONE, 6 * 2.5 / 3 - 3),
        ([ROME], TWO, 6 * 2.5 / 7 - 3),
        ([TABLE.replace("4", '"4"'), ROME], TWO, 6 * 6 / 7 - 3),
        ([TABLE.replace("4", "4.0"), ROME], TWO, 3),
        (["{,}"], ONE, -3),
        ([ROME.replace("}}", "},}")], ONE, -3),
        (["[1]"], ONE, -3),
        (['{"name": "weather"}'], ONE, -3),
        (['{"name": ["weather"], "parameters": {}}'], ONE, -3),
        (['{"name": "weather", "parameters": ["Rome"]}'], ONE, -3),
        (["", ROME, ""], ONE, 3),
        ([ROME, "", ROME], ONE, -3),
    ],
)
def test_correctness_is_the_share_of_names_and_parameters_that_agree(calls, gold, score):
    response = said("\n".join(["<tool_call>", *calls, "</tool_call>"]))
    assert correctness_score(response, gold) == pytest.approx(score, abs=1e-12)


def test_without_a_call_in_the_gold_correctness_is_nothing_and_without_one_in_the_response_the_least():
    assert correctness_score(said(ONE), REPLY) == 0
    assert correctness_score(said(REPLY), ONE) == -3
    assert correctness_score(said(ONE).replace("</tool_call>", ""), ONE) == -3


def mutated(rng: random.Random, response: str) -> str:
    """A response with a few things wrong that models get wrong."""
    tags = ["<think>", "</think>", "<tool_call>", "</tool_call>", "<response>", "</response>"]
    bits = ["\n", " ", "}", "{", '"', ",", "1", "true", "null", "[", ROME, TABLE, ONE, REPLY]
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(response))
        kind = rng.randrange(6)
        if kind == 0:
            response = response[:at] + rng.choice(tags + bits) + response[at:]
        elif kind == 1:
            response = response[:at] + response[at + rng.randint(1, 12) :]
        elif kind == 2:
            response = response.replace(rng.choice(tags), rng.choice(["", rng.choice(tags)]), 1)
        elif kind == 3:
            response = response.replace(
                rng.choice(["city", "Rome", "4", "people", "weather", "19", '"']),
                rng.choice(["town", "Oslo", "5", "4.0", '"4"', "hour", ""]),
                1,
            )
        elif kind == 4:
            lines = response.split("\n")
            rng.shuffle(lines)
            response = "\n".join(lines)
        else:
            response = response.replace("\n", rng.choice(["", "\n\n", "\r\n"]), 1)
    return response


def test_both_rewards_equal_a_second_implementation_on_mutated_responses():
    rng, seen = random.Random(1), set()
    for _ in range(4000):
        gold = rng.choice([ONE, TWO, REPLY, BOTH])
        response = mutated(rng, said(rng.choice([ONE, TWO, REPLY, BOTH])))
        found = form_score(response, gold), correctness_score(response, gold)
        wanted = second.format_reward(response, gold), second.correctness_reward(response, gold)
        assert found == pytest.approx(wanted, abs=1e-9), (response, gold)
        seen.add((found[0], round(found[1], 3)))
    assert len(seen) > 20


MIRROR = Path(os.environ.get("GDPO_DATA_MIRROR", ""))
# The mirror is the folder of all, or that of DeepScaleR beside it.
FILES = [folder / "toolrl" / "rlla_sft.json" for folder in (MIRROR, MIRROR.parent)]
REAL = next(filter(Path.is_file, FILES), FILES[0])


@pytest.mark.skipif(not REAL.is_file(), reason="GDPO_DATA_MIRROR has no toolrl/rlla_sft.json")
def test_both_rewards_equal_a_second_implementation_on_mutations_of_real_responses():
    rng, rows = random.Random(2), json.loads(REAL.read_text())
    for row in rows:
        gold = row["output"].partition("</think>")[2].strip()
        assert form_score(said(gold), gold) == 1
        assert correctness_score(said(gold), gold) == (3 if "<tool_call>" in gold else 0)
        for _ in range(5):
            response = mutated(rng, said(gold))
            found = form_score(response, gold), correctness_score(response, gold)
            wanted = second.format_reward(response, gold), second.correctness_reward(response, gold)
            assert found == pytest.approx(wanted, abs=1e-9), (response, gold)


DEEP = "[" * 10_000 + "]" * 10_000


@pytest.mark.parametrize(
    ("body", "score"),
    [
        ("\n".join([ROME] * 1000), 6 * (0.001 + 2) / 3 - 3),
        ("\n".join(f'{{"name": "t{i}", "parameters": {{}}}}' for i in range(20_000)), -3),
        ("x" * 1_000_000, -3),
        (ROME.replace('"Rome"', DEEP), -3),
        (ROME.replace('"Rome"', '{"a":' * 900 + "1" + "}" * 900), None),
        (ROME.replace('"Rome"', "9" * 10_000), -3),
        (ROME.replace('"Rome"', "NaN"), 6 * 2 / 3 - 3),
        (ROME.replace('"Rome"', '"\\ud800"'), 6 * 2 / 3 - 3),
        ("</think><think>" * 50_000, -3),
        ("<tool_call>" * 50_000, -3),
    ],
)
def test_no_response_stops_the_judge(body, score):
    response, started = said(f"<tool_call>\n{body}\n</tool_call>"), time.monotonic()
    (verdict,) = judge_all([response], [problem(ONE)])
    assert time.monotonic() - started < 2
    assert verdict.verdict == "wrong"
    if score is not None:
        assert verdict.measured["correctness"] == pytest.approx(score)
    json.dumps(vote_of(verdict))


def test_a_verdict_says_what_rewards_and_votes_are():
    swapped = said(f"<tool_call>\n{TABLE}\n{ROME}\n</tool_call>")
    spaced = said(f"<tool_call>\n{ROME.replace(': ', ':')}\n{TABLE}\n</tool_call>")
    wrong = said(ONE.replace("Rome", "Oslo"))
    verdicts = judge_all([swapped, spaced, wrong, said(REPLY)], [problem(TWO)] * 4)
    assert [v.verdict for v in verdicts] == ["correct", "correct", "wrong", "wrong"]
    assert vote_of(verdicts[0]) == vote_of(verdicts[1]) != vote_of(verdicts[2])
    assert [v.well_formed for v in verdicts] == [True, True, True, False]
    scorer = Scorer({n: RewardSpec(n, 1.0, {}) for n in ("tool_format", "tool_correctness")})
    (rewards,) = scorer([swapped], [[1]], [problem(TWO)])
    assert rewards == {"tool_format": 1.0, "tool_correctness": 3.0}


def test_where_no_tool_fits_an_answer_without_a_call_is_right():
    verdicts = judge_all([said(REPLY), said(ONE), "hm", said("<response></response>")], [problem(REPLY)] * 4)
    assert [v.verdict for v in verdicts] == ["correct", "wrong", "wrong", "wrong"]


def test_the_rewards_say_what_they_need():
    math = Problem("m1", [{"role": "user", "content": "1+1"}], Gold(("2",)), {})
    with pytest.raises(
        RewardError, match="needs problems judged by the grader tool_calls.*m1 is judged by math"
    ):
        Scorer({"tool_format": RewardSpec("tool_format", 1.0, {})})(["\\boxed{2}"], [[1]], [math])


@pytest.mark.parametrize("gold", ["text", "<tool_call>\n</tool_call>", "<tool_call>\n[1]\n</tool_call>"])
def test_a_gold_that_cannot_be_compared_with_is_an_error(gold):
    with pytest.raises(ValueError, match="neither|Expecting|no object"):
        gold_calls(gold)
