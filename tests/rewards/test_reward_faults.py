"""Reward functions that raise, hang, or give no number: one error that names reward and response."""

import contextlib
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch

from gdpo.plugins import REWARDS
from gdpo.plugins.calling import SECONDS, SECONDS_VARIABLE
from gdpo.plugins.kinds import Reward
from gdpo.rewards import RewardError, Scorer
from gdpo.rewards.scorer import RewardSpec
from gdpo.tasks import Gold, Problem

TWO = Problem("two", [{"role": "user", "content": "1+1"}], Gold(("2",)), {"id": "two"})
HERE = "tests/rewards/test_reward_faults.py"
TEXTS = ["one\ntwo", r"\boxed{2}" + "x" * 500]


@pytest.fixture
def scorer(monkeypatch):
    """Makes a scorer of a good reward and one whose function fails on the second response."""

    def make(fails, **options) -> Scorer:
        def broken(response):
            return 0.5 if response.text == TEXTS[0] else fails()

        monkeypatch.setitem(REWARDS, "broken", Reward(broken))
        specs = {"right": RewardSpec("correctness", 1.0, {}), "mine": RewardSpec("broken", 1.0, {})}
        return Scorer(specs, **options)

    return make


def score(scorer: Scorer) -> list[dict[str, float]]:
    return scorer(TEXTS, [[0] * 3, [0] * 40], [TWO] * 2)


def nothing(*_):
    raise ZeroDivisionError("of\nno use")


@pytest.mark.parametrize(
    ("fails", "words"),
    [
        (nothing, r"raised ZeroDivisionError \(of no use\)"),
        (lambda: sys.exit(0), r"raised SystemExit \(0\)"),
        (lambda: float("nan"), "gave nan, not a finite float32 number"),
        (lambda: float("-inf"), "gave -inf, not a finite"),
        (lambda: 1e39, r"gave 1e\+39, not a finite"),
        (lambda: 10**400, "gave inf, not a finite"),
        (lambda: np.float32("nan"), "gave nan, not a finite"),
        (lambda: "1.0", r"gave '1.0' \(a str\), not a number"),
        (lambda: None, r"gave None \(a NoneType\), not a number"),
        (lambda: [1.0], r"gave \[1.0\] \(a list\), not a number"),
        (lambda: [0.0] * 10_000, r"gave \[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, ...\] \(a list\)"),
        (lambda: torch.ones(1), r"gave tensor\(\[1.\]\) \(a Tensor\)"),
        (lambda: np.ones(2), r"gave array\(\[1., 1.\]\) \(a ndarray\)"),
        (lambda: 1j, r"gave 1j \(a complex\)"),
    ],
)
def test_a_fault_is_one_sentence_with_reward_function_and_response(scorer, fails, words):
    with pytest.raises(RewardError) as error:
        score(scorer(fails))
    message = str(error.value)
    assert re.match(rf"reward mine {words}.* on response 2 of 2; mend {HERE}, line \d+, or take", message)
    assert "\n" not in message and len(message) < 500
    assert message.endswith(r"The response (40 tokens): '\\boxed{2}" + "x" * 91 + "...'")


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (True, 1.0),
        (0, 0.0),
        (np.float32(0.5), 0.5),
        (np.bool_(True), 1.0),
        (torch.tensor(2), 2.0),
        (-3e38, -3e38),
    ],
)
def test_every_kind_of_number_is_a_float(scorer, value, number):
    found = score(scorer(lambda: value))
    assert found == [{"right": 0.0, "mine": 0.5}, {"right": 1.0, "mine": number}]
    assert all(type(reward) is float for rewards in found for reward in rewards.values())


def test_text_that_is_no_unicode_is_shown_too(scorer):
    with pytest.raises(RewardError) as error:
        scorer(nothing)(["\ud800\ufffd"], [[0]], [TWO])
    assert str(error.value).encode().endswith(rb"'\ud800\ufffd'")


def swallowing():
    while True:
        with contextlib.suppress(Exception):
            time.sleep(3600)


def stubborn():
    for _ in range(3):
        with contextlib.suppress(BaseException):
            time.sleep(3600)
    time.sleep(3600)


@pytest.mark.parametrize(
    "hangs", [lambda: time.sleep(3600), lambda: re.fullmatch(r"(a+)+b", "a" * 60), swallowing, stubborn]
)
def test_a_hanging_reward_is_stopped_and_leaves_nothing_behind(scorer, hangs, capfd):
    before, threads = signal.getsignal(signal.SIGALRM), threading.active_count()
    start = time.monotonic()
    with pytest.raises(RewardError, match=r"reward mine took longer than 0.3 s \(GDPO_REWARD_SECONDS"):
        score(scorer(hangs, seconds=0.3))
    assert 0.3 <= time.monotonic() - start < 5
    assert capfd.readouterr().err.count(f'File "{__file__}"') >= 1  # the stack
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0) and threading.active_count() == threads
    time.sleep(1)  # past the last resort, which must be off
    assert score(scorer(lambda: 1.0, seconds=0.3))[1]["mine"] == 1.0


def test_the_limit_is_for_one_response_not_for_all(scorer):
    slow = scorer(lambda: time.sleep(0.1) or 1.0, seconds=0.3)
    assert len(slow([TEXTS[1]] * 12, [[0]] * 12, [TWO] * 12)) == 12


PROGRAM = """
import re, sys, threading, time
from gdpo.tasks import Gold, Problem
from gdpo.plugins import REWARDS
from gdpo.plugins.kinds import Reward
from gdpo.rewards import Scorer
from gdpo.rewards.scorer import RewardSpec

def hangs(response):
    {hangs}

REWARDS["hangs"] = Reward(hangs)
scorer = Scorer({{"mine": RewardSpec("hangs", 1.0, {{}})}})
run = lambda: scorer(["text"], [[0]], [Problem("two", [], Gold(("2",)), {{}})])
{run}
"""
THREAD = "thread = threading.Thread(target=run); thread.start(); thread.join()"


@pytest.mark.parametrize(
    ("hangs", "run", "words"),
    [
        ("time.sleep(3600)", THREAD, "RewardError: reward mine took longer than 0.5 s"),
        ("re.fullmatch('(a+)+b', 'a' * 60)", THREAD, "in fullmatch"),  # holds the interpreter
        ("sum(range(10**13))", "run()", "in hangs"),  # sees no signal
    ],
)
def test_where_no_error_can_be_raised_the_process_ends_with_the_stack(hangs, run, words, monkeypatch):
    monkeypatch.setenv(SECONDS_VARIABLE, "0.5")
    code = PROGRAM.format(hangs=hangs, run=run)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1 and words in ended.stderr and "in hangs" in ended.stderr


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "a minute"])
def test_a_limit_that_is_none_is_refused(value, monkeypatch):
    monkeypatch.setenv(SECONDS_VARIABLE, value)
    with pytest.raises(ValueError, match=f"{SECONDS_VARIABLE} is '{value}'; it must be"):
        Scorer({})


def test_the_limit_has_one_default_and_is_no_part_of_a_run(monkeypatch):
    monkeypatch.delenv(SECONDS_VARIABLE, raising=False)
    assert Scorer({}).seconds == SECONDS
    monkeypatch.setenv(SECONDS_VARIABLE, "7.5")
    assert Scorer({}).seconds == 7.5
