"""Which groups of responses a step keeps, by hand-written groups of two rewards."""

import pytest

from gdpo.verl_plugin.group_filter import keeps, too_few

WEIGHTS = {"correctness": 1.0, "length": 1.0}
NOTHING = [(0, 1), (0, 1), (0, 1)]
ONE = [(0, 1), (0, 0), (0, 1)]
BOTH = [(1, 0), (0, 0), (0, 1)]
CANCEL = [(1, 0), (0, 1), (1, 0)]


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        (True, {"ONE", "BOTH", "CANCEL"}),
        ("all", {"BOTH", "CANCEL"}),
        ("sum", {"ONE", "BOTH"}),
        ("correctness", {"BOTH", "CANCEL"}),
        ("length", {"ONE", "BOTH", "CANCEL"}),
    ],
)
def test_each_rule(rule, kept):
    groups = {"NOTHING": NOTHING, "ONE": ONE, "BOTH": BOTH, "CANCEL": CANCEL}
    named = {
        name: [dict(zip(WEIGHTS, map(float, rewards), strict=True)) for rewards in group]
        for name, group in groups.items()
    }
    assert {name for name, group in named.items() if keeps(rule, group, WEIGHTS)} == kept


def test_the_sum_is_weighted():
    group = [{"correctness": 1.0, "length": 0.0}, {"correctness": 0.0, "length": 0.5}]
    assert keeps("sum", group, {"correctness": 1.0, "length": 1.0})
    assert not keeps("sum", group, {"correctness": 1.0, "length": 2.0})
    assert not keeps("sum", group, {"correctness": 0.0, "length": 0.0})


def test_sums_that_differ_by_rounding_alone_are_the_same():
    """0.1 + 0.2 is 0.30000000000000004 in floating point."""
    weights = {"a": 0.1, "b": 0.2, "c": 0.3}
    group = [{"a": 1.0, "b": 1.0, "c": 0.0}, {"a": 0.0, "b": 0.0, "c": 1.0}]
    assert not keeps("sum", group, weights) and keeps(True, group, weights)


def test_what_is_said_names_the_rule():
    assert too_few(True) == "no reward varies in enough groups"
    assert "constant" in too_few("all") and "sum" in too_few("sum") and "length" in too_few("length")


def test_no_value_is_no_variation():
    """An optional reward's None is not a number for the trainer, and two of those are not equal."""
    group = [{"a": 1.0, "b": float("nan")}, {"a": 1.0, "b": float("nan")}]
    weights = {"a": 1.0, "b": 1.0}
    assert not any(keeps(rule, group, weights) for rule in (True, "all", "sum", "b"))
    varied = [*group, {"a": 0.0, "b": 1.0}]
    assert keeps(True, varied, weights) and keeps("a", varied, weights) and not keeps("b", varied, weights)
