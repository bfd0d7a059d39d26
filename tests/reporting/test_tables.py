"""Tables of an experiment, from made-up scores with known means."""

import re

import pandas as pd
import pytest

from gdpo.reporting.ablation_table import ablation_page, ablation_table
from gdpo.reporting.cost import cost_page, cost_table
from gdpo.reporting.paper_table import numbers
from gdpo.reporting.tables import (
    Evaluated,
    Settings,
    arms_table,
    main_page,
    main_table,
    paired_page,
    paired_table,
)

SETTINGS = Settings(limit=20, confidence=0.9, resamples=300)
START = {"run": "toy", "config": "", "arm": "toy", "method": "start", "start": "toy", "length": ""}


def facts(arm: str, seed: int, method: str = "") -> dict[str, str]:
    known = {"run": f"{arm}-seed{seed}", "config": "0a1b", "arm": arm, "method": method or arm}
    return known | {"start": "toy", "length": "plain"}


MODELS = {
    "toy": START,
    "gdpo-seed1-0a1b": facts("gdpo", 1),
    "gdpo-seed2-0a1b": facts("gdpo", 2),
    "grpo-seed1-0a1b": facts("grpo", 1),
}


def frame(right: int, tokens: int, problems: int = 10, unjudged: int = 0) -> pd.DataFrame:
    """Two samples a problem; the first ``right`` problems are solved."""
    rows = [
        (f"p{i}", "correct" if i < right else "wrong", "1", tokens, "eos", True)
        for i in range(problems)
        for _ in range(2)
    ]
    table = pd.DataFrame(
        rows, columns=["problem_id", "verdict", "answer", "n_tokens", "stop_reason", "format"]
    )
    table.loc[table.index[len(table) - unjudged :], "verdict"] = "timeout"
    return table


@pytest.fixture
def evaluated():
    """On benchmark b: the start model solves 5 of 10 problems, gdpo 10 and 8 (two seeds), grpo 5."""
    right = {"toy": 5, "gdpo-seed1-0a1b": 10, "gdpo-seed2-0a1b": 8, "grpo-seed1-0a1b": 5}
    scores = {(m, "b"): frame(n, 30 if m == "toy" else 10, unjudged=m == "toy") for m, n in right.items()}
    return Evaluated(scores, MODELS, SETTINGS)


def test_main_table_holds_the_means_and_intervals(evaluated):
    table = main_table(evaluated).set_index("run")
    assert table.loc["toy", ["accuracy", "exceed", "within_and_correct"]].tolist() == [0.5, 1, 0]
    assert table.loc["gdpo-seed2", ["accuracy", "exceed", "pass@2", "maj"]].tolist() == [0.8, 0, 0.8, 0.8]
    assert table.loc["toy", "accuracy_low"] < 0.5 < table.loc["toy", "accuracy_high"]
    text = main_page(main_table(evaluated), SETTINGS).markdown()
    assert "> 20 tokens" in text and "90% bootstrap" in text and "10 problems x 2 samples" in text
    assert "could not judge: 1." in text and "0a1b" in text and "starting model" in text


def test_seeds_are_pooled_by_arm(evaluated):
    arms = arms_table(evaluated).set_index("arm")
    assert arms.loc["gdpo", ["accuracy", "seeds", "samples"]].tolist() == [0.9, 2, 40]
    assert arms.loc["toy", "seeds"] == 1


def test_comparisons_with_the_start_and_between_arms(evaluated):
    paired = paired_table(evaluated)
    accuracy = paired[paired["metric"] == "accuracy"].set_index(["comparison", "run", "reference"])[
        "difference"
    ]
    assert accuracy.to_dict() == pytest.approx(
        {
            ("start", "gdpo-seed1", "toy"): 0.5,
            ("start", "gdpo-seed2", "toy"): 0.3,
            ("start, seeds pooled", "gdpo", "toy"): 0.4,
            ("start", "grpo-seed1", "toy"): 0.0,
            ("arms", "grpo", "gdpo"): -0.4,
        }
    )
    first = paired[(paired["run"] == "gdpo-seed1") & (paired["metric"] == "accuracy")].iloc[0]
    assert first["significant"] and first["p_value"] <= first["p_adjusted"] < 0.2
    assert "+0.500 [" in paired_page(paired, SETTINGS).markdown()


def test_many_arms_are_compared_with_the_first_only():
    models = {"toy": START} | {f"a{i}-seed1-0a1b": facts(f"a{i}", 1, "dgdo") for i in range(6)}
    table = paired_table(Evaluated({(m, "b"): frame(5, 10) for m in models}, models, SETTINGS))
    arms = table[table["comparison"] == "arms"]
    assert set(arms["reference"]) == {"a0"} and arms["run"].nunique() == 5


def test_models_of_other_problems_are_refused():
    scores = {("toy", "b"): frame(5, 10), ("gdpo-seed1-0a1b", "b"): frame(5, 10, problems=9)}
    models = {name: MODELS[name] for name in ("toy", "gdpo-seed1-0a1b")}
    with pytest.raises(ValueError, match="b: gdpo-seed1-0a1b and toy were not sampled on the same .*; 1"):
        Evaluated(scores, models, SETTINGS)


def test_each_number_is_a_file_for_input(evaluated):
    found = numbers(arms_table(evaluated), SETTINGS.shown)
    assert found["b-gdpo-accuracy"] == "90.0%\n" and found["b-toy-response-length"] == "30.0%\n"
    assert all(re.fullmatch(r"[A-Za-z0-9.-]+", name) for name in found)


def test_cost_adds_up():
    steps = pd.DataFrame({"timing_s/step": [1800.0, 1800.0], "perf/total_num_tokens": [100, 200]})
    table = cost_table({"run": steps}, {"run": 4}, {"toy": 50, "run": 70}).set_index("model")
    assert table.loc["run", ["training steps", "device hours", "tokens trained on"]].tolist() == [2, 4.0, 300]
    assert table.loc["toy", ["training steps", "tokens sampled in evaluation"]].tolist() == [0, 50]
    assert "4.000 device hours" in cost_page(table.reset_index()).note


def test_an_ablation_is_measured_against_its_reference(evaluated):
    """grpo solves 5 of 10 problems, gdpo 9 on the mean of two seeds."""
    changes = {"grpo": ("", ""), "gdpo": ("grpo", "method: grpo -> gdpo")}
    table = ablation_table(evaluated, changes)
    cells = table[table["metric"] == "accuracy"].set_index("arm")
    assert cells["value"].to_dict() == pytest.approx({"grpo": 0.5, "gdpo": 0.9})
    assert cells.loc["gdpo", "difference"] == pytest.approx(0.4) and pd.isna(cells.loc["grpo", "difference"])
    assert 0 < cells.loc["gdpo", "low"] < 0.4 < cells.loc["gdpo", "high"] < 1
    shown = ablation_page(table, arms_table(evaluated), SETTINGS).shown
    assert shown["b accuracy %"][0] == "50.0" and re.match(r"90.0 \(\+40.0 \[", shown["b accuracy %"][1])
    assert shown["changed"].tolist() == ["", "method: grpo -> gdpo"]
