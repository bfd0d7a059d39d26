"""Differences of configs: each leaf under its dotted key, and none exactly where the content is the same."""

from hypothesis import given
from hypothesis import strategies as st

from gdpo.config.differences import ABSENT, compare_configs
from gdpo.config.run import content_hash

LEAVES = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, 0.5, "a", "1"])
CONFIGS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def test_leaves_are_named_by_dotted_keys():
    a = {"seed": 1, "rewards": {"length": {"options": {"limit": 24}}, "correctness": {}}, "seeds": [1, 2]}
    b = {
        "seed": 1,
        "rewards": {"length": {"options": {"limit": 32}}, "format": {"weight": 1.0}},
        "seeds": [1],
    }
    assert compare_configs(a, b) == [
        ("rewards.length.options.limit", 24, 32),
        ("rewards.correctness", {}, ABSENT),
        ("rewards.format.weight", ABSENT, 1.0),
        ("seeds", [1, 2], [1]),
    ]


def test_items_of_nested_lists_are_numbered():
    a, b = {"stages": [{"lr": 1}, {"lr": 2}]}, {"stages": [{"lr": 1}, {"lr": 3}, {"lr": 4}]}
    assert compare_configs(a, b) == [("stages[1].lr", 2, 3), ("stages[2].lr", ABSENT, 4)]


def test_types_differ_where_hashes_do():
    assert compare_configs({"x": 1}, {"x": True}) == [("x", 1, True)]
    assert compare_configs({"x": 1}, {"x": {"y": 1}}) == [("x", 1, {"y": 1})]


@given(a=CONFIGS, b=CONFIGS)
def test_no_difference_exactly_where_the_content_hash_is_the_same(a, b):
    assert (not compare_configs(a, b)) == (content_hash(a) == content_hash(b))


@given(a=CONFIGS, b=CONFIGS)
def test_the_other_way_round_swaps_the_values(a, b):
    swapped = {key: (y, x) for key, x, y in compare_configs(b, a)}
    assert {key: (x, y) for key, x, y in compare_configs(a, b)} == swapped
