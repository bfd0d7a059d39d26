"""The kinds of rewards a scorer knows: of groups, reading others, conditioned, optional."""

import math
import pickle
import time

import pytest

from gdpo.plugins import PluginError
from gdpo.rewards import RewardError, Scorer
from gdpo.rewards.scorer import Condition, RewardSpec, order_of
from gdpo.tasks import Gold, Problem


def problem(id: str) -> Problem:
    return Problem(id, [{"role": "user", "content": "1+1"}], Gold(("2",)), {"id": id})


A, B = problem("a"), problem("b")
RIGHT, WRONG = r"\boxed{2}", r"\boxed{3}"


def score(specs, texts, problems=None, groups=None, seconds=5.0, lengths=None):
    tokens = [[0] * n for n in (lengths or [1] * len(texts))]
    scorer = Scorer({name: RewardSpec(*spec) for name, spec in specs.items()}, seconds)
    return scorer(texts, tokens, problems or [A] * len(texts), groups)


def values(name, found):
    return [each[name] for each in found]


# Rewards of groups


def test_a_group_reward_gets_each_group_whole_and_in_order(brought):
    seen = []

    @brought(group=True)
    def rank(responses):
        seen.append([response.text for response in responses])
        return list(range(len(responses)))

    found = score({"rank": ("rank", 1.0, {})}, ["a1", "b1", "a2", "b2", "a3"], [A, B, A, B, A])
    assert seen == [["a1", "a2", "a3"], ["b1", "b2"]]
    assert values("rank", found) == [0, 0, 1, 1, 2]


def test_groups_may_be_told_apart_otherwise_than_by_problem(brought):
    @brought(group=True)
    def size(responses):
        return [len(responses)] * len(responses)

    # Two prompts of one problem, as in a batch that holds it twice.
    found = score({"size": ("size", 1.0, {})}, ["1", "2", "3"], [A] * 3, groups=["x", "y", "x"])
    assert values("size", found) == [2, 1, 2]


@pytest.mark.parametrize(
    ("gives", "words"),
    [
        (lambda responses: [0.0] * 3, "gave 3 values for 2 responses"),
        (lambda responses: [], "gave 0 values for 2 responses"),
        (lambda responses: 0.5, "gave 0.5 for 2 responses"),
        (lambda responses: None, "gave None for 2 responses"),
        (lambda responses: 1 / 0, r"raised ZeroDivisionError \(division by zero\)"),
        (lambda responses: time.sleep(60), "took longer than 0.3 s"),
        (lambda responses: [0.0, "1"], r"gave '1' \(a str\), not a number"),
        (lambda responses: [0.0, math.nan], "gave nan, not a finite"),
    ],
)
def test_a_group_reward_that_fails_is_named(brought, gives, words):
    @brought(group=True)
    def broken(responses):
        return gives(responses)

    with pytest.raises(RewardError, match=rf"reward mine {words}.*test_scorer_kinds.py, line \d+"):
        score({"mine": ("broken", 1.0, {})}, ["1", "2"], seconds=0.3)


def test_only_a_scorer_with_a_group_reward_needs_groups_whole():
    assert Scorer({"a": RewardSpec("relative_length", 1.0, {})}).of_groups
    assert not Scorer({"a": RewardSpec("correctness", 1.0, {})}).of_groups


# What may be declared


def test_a_reward_cannot_be_async_and_of_a_group(brought):
    with pytest.raises(PluginError, match="is async and of a group"):

        @brought(group=True)
        async def both(responses):
            return []


def test_a_value_outside_of_its_range_is_an_error_and_rounding_is_none(brought):
    @brought(range=(0, 1))
    def share(response):
        return float(response.text)

    found = score({"share": ("share", 1.0, {})}, ["0", "1", "1.0000000000000002", "-1e-17"])
    assert values("share", found) == [0, 1, 1, 0]
    for outside in ("1.001", "-0.1"):
        with pytest.raises(RewardError, match="outside of its range 0 to 1, on response 1 of 1; mend"):
            score({"share": ("share", 1.0, {})}, [outside])


def test_a_range_may_be_open_on_one_side(brought):
    @brought(range=(0, math.inf))
    def positive(response):
        return float(response.text)

    assert values("positive", score({"positive": ("positive", 1.0, {})}, ["1e30"])) == [1e30]
    with pytest.raises(RewardError, match="gave -5.0, outside of its range 0 to inf"):
        score({"positive": ("positive", 1.0, {})}, ["-5"])


# Rewards that need others


def test_a_reward_reads_others_of_the_same_response(brought):
    @brought(reads=("right", "short"))
    def both(response):
        return response.rewards["right"] * 10 + response.rewards["short"]

    specs = {
        "both": ("both", 1.0, {}),  # named first, computed last
        "right": ("correctness", 1.0, {}),
        "short": ("length", 1.0, {"limit": 4}),
    }
    found = score(specs, [RIGHT, RIGHT, WRONG, WRONG], lengths=[4, 5, 4, 5])
    assert values("both", found) == [11, 10, 1, 0]
    assert list(found[0]) == ["both", "right", "short"], "named in the run's order"


def test_only_what_a_reward_reads_is_there(brought):
    @brought(reads=("right",))
    def looks(response):
        return len(response.rewards)

    specs = {"right": ("correctness", 1.0, {}), "short": ("length", 1.0, {"limit": 4}), "n": ("looks", 1, {})}
    assert values("n", score(specs, [RIGHT])) == [1]


CONDITION = Condition("right", 1.0)


def test_a_conditioned_reward_counts_only_where_the_other_is_high_enough():
    # GDPO paper, eq. 8: r_k where r_l >= t, else 0; the truth table of right and short.
    specs = {"short": ("length", 1.0, {"limit": 4}, CONDITION), "right": ("correctness", 1.0, {})}
    found = score(specs, [RIGHT, RIGHT, WRONG, WRONG], lengths=[4, 5, 4, 5])
    assert values("short", found) == [1, 0, 0, 0]
    assert values("right", found) == [1, 1, 0, 0]


def test_reaching_the_threshold_is_enough(brought):
    @brought
    def given(response):
        return float(response.text)

    specs = {"given": ("given", 1.0, {}), "one": ("length", 1.0, {"limit": 9}, Condition("given", 0.5))}
    assert values("one", score(specs, ["0.49", "0.5", "0.51", "-1"])) == [0, 1, 1, 0]


def test_a_negative_reward_is_0_where_its_condition_fails():
    specs = {
        "right": ("correctness", 1.0, {}),
        "long": ("soft_overlong", 1.0, {"limit": 4, "buffer": 2}, CONDITION),
    }
    assert values("long", score(specs, [RIGHT, WRONG], lengths=[4, 4])) == [-1, 0]


def test_conditions_go_along_a_chain(brought):
    @brought
    def given(response):
        return float(response.text)

    specs = {
        "c": ("length", 1.0, {"limit": 9}, Condition("b", 1.0)),
        "b": ("length", 1.0, {"limit": 9}, Condition("a", 2.0)),
        "a": ("given", 1.0, {}),
    }
    # b is 1 where a is 2; c is 1 where b, after its own condition, is.
    found = score(specs, ["1", "2"])
    assert values("b", found) == [0, 1] and values("c", found) == [0, 1]


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"a": "a"}, "needs itself: a -> a"),
        ({"a": "b", "b": "a"}, r"needs itself: (a -> b -> a|b -> a -> b)"),
        ({"a": "nothing"}, r"rewards.a.conditioned_on.reward: needs the reward 'nothing'.*it has a, b"),
    ],
)
def test_a_circle_and_a_missing_reward_are_named(conditions, message):
    specs = {
        name: RewardSpec(
            "correctness", 1.0, {}, Condition(conditions[name], 1.0) if name in conditions else None
        )
        for name in ("a", "b")
    }
    with pytest.raises(ValueError, match=message):
        Scorer(specs)


def test_a_reward_that_reads_a_missing_one_is_named(brought):
    @brought(reads=("absent",))
    def reader(response):
        return 0.0

    with pytest.raises(ValueError, match="rewards.mine: needs the reward 'absent', which the run does not"):
        order_of({"mine": RewardSpec("reader", 1.0, {})})


def test_what_is_read_is_the_conditioned_value(brought):
    @brought(reads=("short",))
    def copy(response):
        return response.rewards["short"]

    specs = {
        "copy": ("copy", 1.0, {}),
        "short": ("length", 1.0, {"limit": 4}, CONDITION),
        "right": ("correctness", 1.0, {}),
    }
    assert values("copy", score(specs, [RIGHT, WRONG])) == [1, 0]


# Rewards that may have no value


def test_an_optional_rewards_none_is_no_value_and_left_out_of_the_total(brought):
    @brought(optional=True)
    def maybe(response):
        return None if response.text == "down" else 0.5

    specs = {"maybe": ("maybe", 2.0, {}), "short": ("length", 3.0, {"limit": 9})}
    found = score(specs, ["up", "down"])
    assert found[0] == {"maybe": 0.5, "short": 1.0}
    assert math.isnan(found[1]["maybe"]) and found[1]["short"] == 1.0
    scorer = Scorer({name: RewardSpec(*spec) for name, spec in specs.items()})
    assert [scorer.total(each) for each in found] == [2 * 0.5 + 3 * 1.0, 3 * 1.0]


def test_not_a_number_itself_is_an_error_of_an_optional_reward_too(brought):
    @brought(optional=True)
    def maybe(response):
        return math.nan

    with pytest.raises(RewardError, match="gave nan, not a finite"):
        score({"maybe": ("maybe", 1.0, {})}, ["x"])


def test_none_may_be_of_a_group_and_of_an_async_reward(brought):
    @brought(optional=True, group=True, range=(0, 1))
    def whole(responses):
        return [None, *[1.0] * (len(responses) - 1)]

    @brought(optional=True)
    async def asked(response):
        return None

    found = score({"whole": ("whole", 1.0, {}), "asked": ("asked", 1.0, {})}, ["x", "y"])
    assert math.isnan(found[0]["whole"]) and found[1]["whole"] == 1.0
    assert all(math.isnan(value) for value in values("asked", found))


def test_a_condition_on_a_reward_without_a_value_gives_none_either(brought):
    @brought(optional=True)
    def maybe(response):
        return None

    specs = {"maybe": ("maybe", 1.0, {}), "one": ("length", 1.0, {"limit": 9}, Condition("maybe", -5.0))}
    assert math.isnan(values("one", score(specs, ["x"]))[0])


def test_a_scorer_with_every_kind_is_picklable():
    specs = {
        "right": RewardSpec("correctness", 1.0, {}),
        "short": RewardSpec("relative_length", 1.0, {}, CONDITION),
    }
    scorer = pickle.loads(pickle.dumps(Scorer(specs)))
    assert scorer([RIGHT, WRONG], [[0], [0]], [A, A])[0] == {"right": 1.0, "short": 0.5}
