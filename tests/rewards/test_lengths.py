"""Rewards for length and wording against values computed by hand, and always within their ranges."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdpo.plugins import REWARDS
from gdpo.plugins.options import options_model
from gdpo.rewards import Response, Scorer
from gdpo.rewards.scorer import RewardSpec
from gdpo.tasks import Gold, Problem, Verdict

TWO = Problem("two", [{"role": "user", "content": "1+1"}], Gold(("2",)), {"id": "two"})
LENGTHS = st.integers(min_value=1, max_value=10**6)
VALUES = st.floats(min_value=-10, max_value=10)


def response(n_tokens: int = 1, correct: bool = True, text: str = "") -> Response:
    return Response(text, n_tokens, Verdict("correct" if correct else "wrong", None), TWO)


def value(name: str, given: Response, **options) -> float:
    """What a training would see: the scorer also checks the declared range."""
    return Scorer({name: RewardSpec(name, 1.0, options)}).score([given])[0][name]


@pytest.mark.parametrize(
    ("n_tokens", "expected"),
    # DAPO's numbers: limit 20480, buffer 4096, so the penalty begins after 16384 tokens.
    [(1, 0), (16384, 0), (17408, -0.25), (18432, -0.5), (20480, -1), (20481, -1), (10**9, -1)],
)
def test_soft_overlong_is_dapos(n_tokens, expected):
    assert value("soft_overlong", response(n_tokens), limit=20480, buffer=4096) == expected


@pytest.mark.parametrize("correct", [True, False])
def test_soft_overlong_knows_no_right_and_wrong(correct):
    assert value("soft_overlong", response(9, correct), limit=10, buffer=4) == -0.75


@pytest.mark.parametrize(("longest", "constant"), [(6, True), (7, False), (100, False)])
def test_soft_overlong_is_constant_where_no_response_reaches_the_buffer(longest, constant):
    # Limit 10, buffer 4: at 6 tokens the reward is still 0, at 7 it is -1/4.
    found = REWARDS["soft_overlong"].constant(longest, limit=10, buffer=4)
    assert (found is not None) is constant
    assert all((value("soft_overlong", response(n), limit=10, buffer=4) == 0) for n in range(1, 7))
    assert value("soft_overlong", response(7), limit=10, buffer=4) == -0.25
    if constant:
        assert f"the longest has {longest}" in found and "last 4 of 10 tokens" in found


@pytest.mark.parametrize(
    ("n_tokens", "correct", "expected"),
    # cos(pi/3) = 1/2, so a third of the limit is a quarter of the way; half of it is half of the way.
    [
        (40, True, 0.875),
        (60, True, 0.75),
        (80, True, 0.625),
        (120, True, 0.5),
        (40, False, -0.875),
        (60, False, -0.75),
        (120, False, -0.5),
        (121, True, -1.0),
        (121, False, -1.0),
    ],
)
def test_cosine_length_goes_along_half_a_cosine(n_tokens, correct, expected):
    assert value("cosine_length", response(n_tokens, correct), limit=120) == pytest.approx(expected)


def test_a_short_right_answer_is_worth_most_and_a_short_wrong_one_least():
    options = {"limit": 100, "right_short": 2.0, "right_long": 1.0, "wrong_short": -10.0, "wrong_long": 0.0}
    assert value("cosine_length", response(50), **options) == pytest.approx(1.5)
    assert value("cosine_length", response(50, False), **options) == pytest.approx(-5.0)
    assert value("cosine_length", response(101), exceeding=-7.0, **options) == -7.0


@pytest.mark.parametrize(
    ("options", "bounds"),
    [
        ({}, (-1.0, 1.0)),
        ({"right_short": 3.0}, (-1.0, 3.0)),
        ({"exceeding": -10.0}, (-10.0, 1.0)),
        ({"wrong_short": 0.0, "wrong_long": 0.25, "exceeding": 0.1}, (0.0, 1.0)),
    ],
)
def test_the_range_of_cosine_length_follows_its_options(options, bounds):
    assert REWARDS["cosine_length"].bounds({"limit": 9, **options}) == bounds


def test_relative_length_compares_the_right_responses_only():
    # Right ones have 2 and 4 tokens: mean 3, standard deviation 1, so 1 - sigmoid(-1) and 1 - sigmoid(1).
    group = [response(2), response(1000, False), response(4)]
    found = Scorer({"short": RewardSpec("relative_length", 1.0, {})}).score(group)
    shorter = math.e / (1 + math.e)
    expected = [shorter, 0.0, 1 - shorter]
    assert [each["short"] for each in found] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ([(5, True)] * 3, [0.5] * 3),
        ([(5, True), (9, False)], [0.5, 0.0]),
        ([(5, False)] * 2, [0.0, 0.0]),
        ([(1, True), (5, True), (9, True)], [None, 0.5, None]),
    ],
)
def test_relative_length_is_a_half_at_the_mean(group, expected):
    found = REWARDS["relative_length"].function([response(*each) for each in group])
    assert all(want is None or got == want for got, want in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("text", "n", "expected"),
    [
        ("", 3, 0.0),
        ("one two", 3, 0.0),
        ("one two three", 3, 0.0),
        ("a b c a b c", 3, -0.25),  # abc bca cab abc: 3 different of 4
        ("no no no no no", 3, pytest.approx(-2 / 3)),  # 1 of 3
        ("No nO no", 1, pytest.approx(-2 / 3)),  # letters' case and white space do not count
        ("a\nb  a\tb", 2, pytest.approx(-1 / 3)),  # ab ba ab: 2 of 3
    ],
)
def test_repetition_counts_word_ngrams(text, n, expected):
    assert value("repetition", response(text=text), n=n) == expected


@given(LENGTHS, st.booleans(), LENGTHS, LENGTHS)
def test_soft_overlong_keeps_its_range(n_tokens, correct, limit, buffer):
    assert -1 <= value("soft_overlong", response(n_tokens, correct), limit=limit, buffer=buffer) <= 0


@given(LENGTHS, st.booleans(), LENGTHS, st.tuples(*[VALUES] * 5))
def test_cosine_length_keeps_its_range(n_tokens, correct, limit, values):
    names = ("right_short", "right_long", "wrong_short", "wrong_long", "exceeding")
    options = dict(zip(names, values, strict=True))
    # The scorer raises where the value leaves the range, by a rounding error as well.
    assert (
        min(values)
        <= value("cosine_length", response(n_tokens, correct), limit=limit, **options)
        <= max(values)
    )


@given(st.lists(st.tuples(LENGTHS, st.booleans()), min_size=1, max_size=16))
def test_relative_length_keeps_its_range_and_prefers_the_shorter(group):
    found = Scorer({"short": RewardSpec("relative_length", 1.0, {})}).score([response(*g) for g in group])
    values = [each["short"] for each in found]
    assert all(0 <= v <= 1 and (correct or v == 0) for v, (_, correct) in zip(values, group, strict=True))
    right = sorted((n, v) for v, (n, correct) in zip(values, group, strict=True) if correct)
    assert [v for _, v in right] == sorted((v for _, v in right), reverse=True)


@given(st.text(alphabet="ab \n", max_size=40), st.integers(1, 5))
def test_repetition_keeps_its_range(text, n):
    assert -1 <= value("repetition", response(text=text), n=n) <= 0


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("soft_overlong", {"limit": 10}),
        ("soft_overlong", {"limit": 10, "buffer": 0}),
        ("cosine_length", {"limit": "10"}),
        ("cosine_length", {"limit": 10, "right_long": math.nan}),
        ("repetition", {"n": 0}),
        ("relative_length", {"limit": 10}),
    ],
)
def test_options_that_do_not_fit_are_refused(name, options):
    with pytest.raises(ValueError, match="_options"):
        options_model(REWARDS[name].function)(**options)
