"""Benchmarks made of several datasets: weighed means, and the table by dataset."""

import numpy as np
import pandas as pd
import pytest

from gdpo.reporting.paper_table import category_page
from gdpo.reporting.tables import Evaluated, Settings, arms_table, by_dataset, sizes_note
from gdpo.statistics.intervals import mean_interval
from gdpo.statistics.metrics import weighed

FACTS = {"run": "m", "config": "", "arm": "m", "method": "start", "start": "m", "length": ""}
# Problems and right ones of each dataset; its name has a dash, as a problem's id has.
PARTS = {"a-small": (2, 2), "b-large": (8, 2)}


def scores() -> pd.DataFrame:
    rows = [
        (f"{name}-{i:016x}", "correct" if i < right else "wrong", "1", 10 + i, "eos", i % 2 == 0)
        for name, (count, right) in PARTS.items()
        for i in range(count)
        for _ in range(2)
    ]
    return pd.DataFrame(
        rows, columns=["problem_id", "verdict", "answer", "n_tokens", "stop_reason", "format"]
    )


def accuracy(**weights: float) -> float:
    names = {"small": "a-small", "large": "b-large"}
    settings = Settings(
        20, 0.9, 100, weights={"bench": {names[key]: value for key, value in weights.items()}}
    )
    evaluated = Evaluated({("m", "bench"): scores()}, {"m": FACTS}, settings)
    return arms_table(evaluated)["accuracy"].item()


def test_a_benchmarks_mean_is_the_weighted_mean_of_its_datasets_means():
    assert accuracy() == pytest.approx(4 / 10), "every problem counts the same"
    assert accuracy(small=1, large=1) == pytest.approx((1 + 0.25) / 2)
    assert accuracy(small=1, large=3) == pytest.approx((1 + 3 * 0.25) / 4)


def test_weights_change_no_number_of_problems():
    values = pd.DataFrame({"x": np.ones(10)}, index=scores()["problem_id"].unique())
    assert weighed(values, {"a-small": 5.0, "b-large": 1.0})["x"].sum() == pytest.approx(10)
    assert weighed(values, {}) is values


def test_the_table_by_dataset_has_each_ones_own_figures():
    parts = by_dataset({("m", "bench"): scores(), ("m", "other"): scores()}, {"bench": [*PARTS, "c-absent"]})
    assert list(parts) == [("m", "a-small"), ("m", "b-large")]
    settings = Settings(20, 0.9, 100, shown=("accuracy", "format"))
    means = arms_table(Evaluated(parts, {"m": FACTS}, settings))
    assert means.set_index("benchmark")["accuracy"].to_dict() == {"a-small": 1.0, "b-large": 0.25}
    page = category_page(means, settings)
    assert list(page.shown["", "benchmark"]) == ["m", "a-small", "b-large"]
    assert page.shown["no RL", "accuracy"].iloc[1].startswith("100.0")
    assert page.shown["no RL", "format"].iloc[2].startswith("50.0")
    assert "published" not in page.note.lower() and "a-small: 2 problems x 2 samples" in page.note


def test_an_interval_of_weighed_datasets_stays_within_what_is_possible():
    settings = Settings(20, 0.95, 400, weights={"bench": {"a-small": 1.0, "b-large": 1.0}})
    perfect = scores().assign(verdict="correct")
    row = arms_table(Evaluated({("m", "bench"): perfect}, {"m": FACTS}, settings)).iloc[0]
    assert [row["accuracy"], row["accuracy_low"], row["accuracy_high"]] == pytest.approx([1, 1, 1])
    some = arms_table(Evaluated({("m", "bench"): scores()}, {"m": FACTS}, settings)).iloc[0]
    # All of a-small is right in every resample, so only b-large moves: between a half and one.
    assert 0.5 <= some["accuracy_low"] < some["accuracy"] < some["accuracy_high"] <= 1


def test_the_interval_is_that_of_a_stratified_bootstrap():
    """Against a plain loop over resamples of each dataset by itself."""
    rng = np.random.default_rng(3)
    values, strata = rng.random(60), np.repeat(["a", "b"], [10, 50])
    weights = np.where(strata == "a", 60 / 20, 60 / 100)
    found = mean_interval(values * weights, 0.9, 4000, strata)
    means = [
        np.mean([rng.choice(values[strata == part], (strata == part).sum()).mean() for part in "ab"])
        for _ in range(4000)
    ]
    low, high = np.quantile(means, [0.05, 0.95])
    assert found.estimate == pytest.approx(np.mean([values[:10].mean(), values[10:].mean()]))
    assert [found.low, found.high] == pytest.approx([low, high], abs=0.01)


def test_what_could_not_be_judged_is_counted_not_weighed():
    failed = scores()
    failed.loc[failed["problem_id"].str.startswith("a-small"), "verdict"] = "error"
    settings = Settings(20, 0.9, 100, weights={"bench": {"a-small": 3.0, "b-large": 1.0}})
    table = arms_table(Evaluated({("m", "bench"): failed}, {"m": FACTS}, settings))
    assert sizes_note(table).endswith("could not judge: 4.")


def test_a_weighed_dataset_without_a_problem_is_an_error():
    with pytest.raises(ValueError, match="dataset c-absent has no problem in its benchmark"):
        settings = Settings(20, 0.9, 100, weights={"bench": dict.fromkeys([*PARTS, "c-absent"], 1.0)})
        Evaluated({("m", "bench"): scores()}, {"m": FACTS}, settings)


def test_a_dataset_of_two_benchmarks_has_a_row_of_each():
    found = by_dataset({("m", "one"): scores(), ("m", "two"): scores()}, {"one": [*PARTS], "two": [*PARTS]})
    assert ("m", "a-small") in found and ("m", "a-small (two)") in found
