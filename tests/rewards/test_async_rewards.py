"""Asynchronous rewards: all responses at once, each within its time, in a loop of their own."""

import asyncio
import threading
import time

import pytest

from gdpo.rewards import RewardError, Scorer
from gdpo.rewards.scorer import RewardSpec
from gdpo.tasks import Gold, Problem

TWO = Problem("two", [{"role": "user", "content": "1+1"}], Gold(("2",)), {"id": "two"})


def score(specs, texts, seconds=5.0):
    scorer = Scorer({name: RewardSpec(*spec) for name, spec in specs.items()}, seconds)
    return scorer(texts, [[0]] * len(texts), [TWO] * len(texts))


def values(name, found):
    return [each[name] for each in found]


def test_an_async_reward_is_asked_about_all_responses_at_once(brought):
    running, most = 0, 0

    @brought
    async def slow(response):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.1)
        running -= 1
        return float(response.text)

    start = time.monotonic()
    found = score({"slow": ("slow", 1.0, {})}, list(map(str, range(64))))
    assert time.monotonic() - start < 2, "one after the other takes 6.4 s"
    assert values("slow", found) == list(range(64)) and most == 64


def test_an_async_reward_is_asked_at_most_64_times_at_once(brought):
    running, most = 0, 0

    @brought
    async def counted(response):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return 1.0

    score({"counted": ("counted", 1.0, {})}, ["x"] * 200)
    assert most == 64


def test_waiting_for_its_turn_is_not_in_a_responses_time_limit(brought):
    @brought
    async def slow(response):
        await asyncio.sleep(0.2)
        return 1.0

    assert len(score({"slow": ("slow", 1.0, {})}, ["x"] * 200, seconds=0.5)) == 200  # four turns: 0.8 s


def test_an_async_reward_that_raises_is_named_with_its_line(brought):
    @brought
    async def broken(response):
        await asyncio.sleep(0)
        if response.text == "bad":
            raise KeyError("no score")
        return 1.0

    with pytest.raises(RewardError, match="reward mine raised KeyError .*on response 2 of 3; mend") as error:
        score({"mine": ("broken", 1.0, {})}, ["good", "bad", "good"])
    line = broken.__code__.co_firstlineno + 4
    assert f"test_async_rewards.py, line {line}," in str(error.value)


def test_one_async_call_that_hangs_ends_the_batch(brought):
    @brought
    async def hangs(response):
        await asyncio.sleep(3600 if response.text == "slow" else 0)
        return 1.0

    start = time.monotonic()
    with pytest.raises(RewardError, match="reward mine took longer than 0.3 s .*on response 2 of 3"):
        score({"mine": ("hangs", 1.0, {})}, ["fast", "slow", "fast"], seconds=0.3)
    assert time.monotonic() - start < 3


def test_an_async_function_that_blocks_its_loop_is_an_error_too(brought):
    release = threading.Event()

    @brought
    async def blocks(response):
        release.wait(30)
        return 1.0

    start = time.monotonic()
    with pytest.raises(RewardError, match=r"reward mine took longer than 0.2 s .*without awaiting"):
        score({"mine": ("blocks", 1.0, {})}, ["x"] * 3, seconds=0.2)
    assert time.monotonic() - start < 5
    release.set()


def test_an_async_reward_works_where_an_event_loop_runs_already(brought):
    @brought
    async def waits(response):
        await asyncio.sleep(0.01)
        return 2.0

    async def trainer():
        return score({"waits": ("waits", 1.0, {})}, ["x", "y"])

    assert values("waits", asyncio.run(trainer())) == [2.0, 2.0]


def test_scoring_from_a_thread_that_runs_a_loop_keeps_that_loop(brought):
    @brought
    async def waits(response):
        await asyncio.sleep(0.01)
        return 2.0

    found = []

    async def trainer():
        found.extend(await asyncio.to_thread(score, {"waits": ("waits", 1.0, {})}, ["x"]))
        found.extend(score({"waits": ("waits", 1.0, {})}, ["y"]))
        await asyncio.sleep(0)

    thread = threading.Thread(target=lambda: asyncio.run(trainer()))
    thread.start()
    thread.join(10)
    assert not thread.is_alive() and values("waits", found) == [2.0, 2.0]


def test_an_async_reward_gets_its_options_and_keeps_its_range(brought):
    @brought(range=(0, 1))
    async def high(response, *, by: float):
        return by

    assert values("high", score({"high": ("high", 1.0, {"by": 0.75})}, ["x"])) == [0.75]
    with pytest.raises(RewardError, match="gave 1.5, outside of its range 0 to 1,"):
        score({"high": ("high", 1.0, {"by": 1.5})}, ["x"])
