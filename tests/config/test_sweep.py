"""Sweeps: which points, called what."""

import pytest
from pydantic import ValidationError

from gdpo.config.sweep import Sweep


def points(**values):
    return {point.label: point.changes for point in Sweep(**values).combinations()}


def test_a_grid_is_every_combination_in_the_order_written():
    found = points(grid={"algorithm.beta": [0.5, 0.99], "training.lr": [1e-6, 1e-5]})
    assert list(found) == ["beta0.5-lr1e-06", "beta0.5-lr1e-05", "beta0.99-lr1e-06", "beta0.99-lr1e-05"]
    assert found["beta0.99-lr1e-06"] == {"algorithm.beta": 0.99, "training.lr": 1e-6}


def test_zipped_lists_go_together_and_multiply_with_a_grid():
    zipped = {"algorithm.beta_start": [0.1, 0.2], "algorithm.beta": [0.8, 0.9]}
    assert list(points(zip=zipped)) == ["beta_start0.1-beta0.8", "beta_start0.2-beta0.9"]
    assert len(points(zip=zipped, grid={"training.steps": [5, 6, 7]})) == 6


def test_points_have_their_own_names():
    found = points(points={"default": {}, "published": {"algorithm.variant": "published"}})
    assert found == {"default": {}, "published": {"algorithm.variant": "published"}}
    assert list(points(points=[{}, {"algorithm.invert": True}])) == ["unchanged", "invert-true"]


def test_names_tell_keys_with_the_same_last_part_apart():
    found = points(grid={"rewards.length.weight": [0.5], "rewards.format.weight": [2]})
    assert list(found) == ["length-weight0.5-format-weight2"]


def test_close_numbers_have_different_names():
    assert len(points(grid={"training.lr": [1e-6, 1.0000001e-6]})) == 2


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"zip": {"algorithm.beta": [1], "algorithm.min_weight": [0.1, 0.2]}}, "must have one length"),
        ({"grid": {"algorithm.beta": [1]}, "zip": {"algorithm.beta": [1]}}, "given more than once"),
        ({"grid": {"algorithm.beta": []}}, "at least 1 item"),
        ({"grid": {"problems.train.size": [1]}}, "not a key of a run; allowed: method"),
        ({"grid": {"seeds": [1]}}, "not a key of a run"),
        ({"points": {"a/b": {}}}, "pattern"),
    ],
)
def test_a_mistake_is_named(values, part):
    with pytest.raises(ValidationError, match=part):
        Sweep(**values)
