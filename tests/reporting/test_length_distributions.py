"""Distributions of response lengths, from few samples with known lengths."""

import numpy as np
import pandas as pd
import pytest
from reading import legend, lines

from gdpo.reporting.figures_evaluation import length_distributions, share_longer


def scored(lengths, arm="gdpo", cut=(), run="", start="toy", benchmark="b"):
    return pd.DataFrame(
        {
            "benchmark": benchmark,
            "run": run or arm,
            "arm": arm,
            "method": "start" if arm == "toy" else arm,
            "start": start,
            "problem_id": [f"p{i // 2}" for i in range(len(lengths))],
            "n_tokens": lengths,
            "stop_reason": ["length" if i in cut else "eos" for i in range(len(lengths))],
        }
    )


def test_share_longer_counts_cut_off_responses_as_longer():
    scores = scored([10, 20, 20, 40], cut=[3])
    assert share_longer(scores, np.array([9, 10, 19, 20, 40])).tolist() == [1, 0.75, 0.75, 0.25, 0.25]


def test_the_marker_on_the_limit_shows_the_share_over_it():
    figure = length_distributions(
        pd.concat([scored([10, 30, 24, 25], "toy"), scored([8, 9, 9, 25])]), limit=24
    )
    (axis,) = figure.axes
    assert axis.get_title() == "b\n2 problems × 2 samples"
    for label, share in {"starting model": 0.5, "GDPO": 0.25}.items():
        (line,) = lines(axis, label)
        (marked,) = line.get_markevery()
        assert (line.get_xdata()[marked], line.get_ydata()[marked]) == (24, share)
    assert list(lines(axis, "limit: 24 tokens")[0].get_xdata()) == [24, 24]
    assert axis.get_xscale() == "linear" and axis.get_xlabel().endswith("(tokens)")


def test_cut_off_responses_are_crossed_at_their_share():
    scores = pd.concat([scored([10, 64, 12, 13], "toy", cut=[1]), scored([8, 9, 9, 25])])
    axis = length_distributions(scores, limit=24).axes[0]
    crosses = [line for line in axis.lines if line.get_marker() == "x" and len(line.get_xdata())]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in crosses] == [(64, 0.25)]
    assert "responses cut off" in legend(axis.figure)


def test_seeds_make_a_band_and_starting_models_and_benchmarks_a_panel_each():
    scores = pd.concat(
        [
            scored([10, 30, 30, 30], run="gdpo-seed1"),
            scored([10, 10, 10, 30], run="gdpo-seed2"),
            scored([10, 10], start="other"),
            scored([10, 10], benchmark="c"),
            scored([10, 10], start="other", benchmark="c"),
        ]
    )
    figure = length_distributions(scores, limit=24)
    toy, _, *below = figure.axes
    assert [axis.get_title() for axis in figure.axes] == ["toy", "other", "", ""]
    assert toy.get_ylabel().startswith("b\n") and below[0].get_ylabel().startswith("c\n")
    (band,) = toy.collections
    heights = band.get_paths()[0].vertices
    assert {round(y, 6) for x, y in heights if x == 24} == {0.25, 0.75}
    (line,) = lines(toy, "GDPO")
    assert line.get_ydata()[line.get_markevery()[0]] == 0.5


def test_long_tails_are_drawn_on_a_log_axis_with_few_points():
    scores = scored(np.arange(20, 32_020, 4))
    axis = length_distributions(scores, limit=4000).axes[0]
    (line,) = lines(axis, "GDPO")
    assert axis.get_xscale() == "log" and 100 < len(line.get_xdata()) < 600
    assert [axis.xaxis.get_major_formatter()(tokens) for tokens in (500, 10_000)] == ["500", "10k"]
    exact = [(scores["n_tokens"] > x).mean() for x in line.get_xdata()]
    assert line.get_ydata() == pytest.approx(exact)
