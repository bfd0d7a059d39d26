"""Tables and figures of an experiment, from made-up scores with known means."""

import numpy as np
import pandas as pd
import pytest

from gdpo.reporting.figures import accuracy_length, dgdo_weights, training_curves
from gdpo.reporting.style import LABELS, arm_styles, method_style, save, use_style
from gdpo.reporting.tables import main_page, main_table, paired_page, paired_table

MODELS = {
    "toy": {"run": "toy", "config": "", "arm": "toy", "method": "start", "start": "toy"},
    "gdpo-seed1-0a1b": {
        "run": "gdpo-seed1",
        "config": "0a1b",
        "arm": "gdpo",
        "method": "gdpo",
        "start": "toy",
    },
}


@pytest.fixture
def scores():
    """On benchmark b: the start model is right on 5 of 10 problems, the run on all; two samples each."""

    def frame(right, tokens):
        rows = [
            (f"p{i}", "correct" if i < right else "wrong", tokens, "eos") for i in range(10) for _ in range(2)
        ]
        return pd.DataFrame(rows, columns=["problem_id", "verdict", "n_tokens", "stop_reason"])

    return {("toy", "b"): frame(5, 30), ("gdpo-seed1-0a1b", "b"): frame(10, 10)}


def test_main_table_holds_the_means(scores):
    table = main_table(scores, MODELS, limit=20, confidence=0.95, resamples=200).set_index("run")
    assert table.loc["toy", ["accuracy", "exceed", "within_and_correct"]].tolist() == [0.5, 1, 0]
    assert table.loc["gdpo-seed1", ["accuracy", "exceed", "within_and_correct"]].tolist() == [1, 0, 1]
    assert table.loc["toy", "accuracy_low"] < 0.5 < table.loc["toy", "accuracy_high"]


def test_paired_table_compares_with_the_start(scores):
    paired = paired_table(scores, MODELS, 20, 0.95, 500).set_index("metric")
    assert paired.loc["accuracy", "difference"] == 0.5 and paired.loc["accuracy", "significant"]
    assert paired.loc["response_length", "difference"] == -20
    assert set(paired["run"]) == {"gdpo-seed1"}


def test_markdown_says_limit_level_and_sizes(scores):
    table = main_table(scores, MODELS, 20, 0.9, 200)
    text = main_page(table, 20, 0.9).markdown()
    assert "> 20 tokens" in text and "90% bootstrap" in text and "10 problems x 2 samples" in text
    assert "50.0 [" in text and "0a1b" in text and "starting model" in text
    paired = paired_page(paired_table(scores, MODELS, 20, 0.9, 200), 0.9)
    assert "+0.500 [" in paired.markdown()
    assert "<td>+0.500 [" in paired.html() and "http" not in paired.html()


@pytest.fixture
def runs():
    steps = np.arange(1, 21)
    columns = {"step": steps, "response_length/mean": 30 - steps, "dgdo/effective_beta": 0.9 + 0 * steps}
    for name in ("correctness", "length"):
        columns[f"reward/{name}/mean"] = steps / 20
        columns[f"dgdo/reward_{name}/weight"] = 0.5 + 0 * steps
        columns[f"dgdo/reward_{name}/instability"] = 1.0 / steps
    return pd.DataFrame(columns)


def test_training_curves_draw_every_method_and_reward_with_units(runs):
    both = pd.concat(
        [
            runs.assign(arm="grpo", method="grpo", seed=1),
            *(runs.assign(arm="dgdo", method="dgdo", seed=s) for s in (1, 2)),
        ]
    )
    figure = training_curves(both, ["correctness", "length"], limit=24)
    labels = [axis.get_ylabel() for axis in figure.axes]
    assert labels == ["correctness reward (mean)", "length reward (mean)", "response length (tokens)"]
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {"GRPO", "DGDO"}
    # Two seeds: a band; one seed: its raw values.
    assert len(figure.axes[0].collections) == 1 and len(figure.axes[0].lines) == 3


def test_arms_of_one_method_are_told_apart_and_a_missing_reward_is_left_out(runs):
    both = pd.concat(
        [
            runs.assign(arm="dgdo-a", method="dgdo", seed=1),
            runs.drop(columns="reward/length/mean").assign(arm="dgdo-b", method="dgdo", seed=1),
        ]
    )
    figure = training_curves(both, ["correctness", "length"], limit=24)
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {"dgdo-a", "dgdo-b"}
    assert [len(axis.lines) for axis in figure.axes] == [4, 2, 5]  # smoothed and raw; the limit
    a, b = figure.axes[0].lines[0], figure.axes[0].lines[2]
    assert a.get_color() != b.get_color() and a.get_linestyle() != b.get_linestyle()


def test_too_many_arms_are_drawn_by_method():
    styles = arm_styles({f"gdpo-{i}": "gdpo" for i in range(40)})
    assert {style["label"] for style in styles.values()} == {"GDPO"}


def test_accuracy_length_marks_sizes_and_limit(scores):
    figure = accuracy_length(main_table(scores, MODELS, 20, 0.95, 200), limit=20)
    assert figure.axes[0].get_title() == "b (10 problems x 2 samples)"
    assert "limit 20" in figure.axes[0].get_xlabel()


def test_dgdo_weights_draw_each_reward(runs):
    figure = dgdo_weights({"a": [runs, runs], "b": [runs]}, ["correctness", "length"])
    assert [axis.get_ylabel() for axis in figure.axes] == ["weight", "instability", "effective beta"] * 2
    assert [len(axis.lines) for axis in figure.axes[::3]] == [4, 2]
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {"correctness", "length"}


def test_methods_differ_in_colour_line_and_marker():
    styles = [tuple(map(str, method_style(method).values())) for method in LABELS]
    for cue in range(3):
        values = [style[cue] for style in styles]
        assert len(set(values[1:])) == len(values) - 1


def test_the_same_data_give_the_same_bytes(runs, tmp_path):
    use_style()
    for name in ("a", "b"):
        save(dgdo_weights({"r": [runs]}, ["length"]), tmp_path / f"{name}.png", tmp_path / f"{name}.pdf")
    for suffix in ("png", "pdf"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
