"""The paper's table: ours beside what is published, at every size."""

import re

import pandas as pd
import pytest
from experiments import SIZES, made

from gdpo.reporting.paper_table import paper_page, paper_table
from gdpo.reporting.tables import Settings

SETTINGS = Settings(limit=20, confidence=0.9, resamples=300)
SHOWN = SETTINGS.shown


def arm(name, accuracy, length="plain", start="toy", benchmark="b"):
    method = "start" if name == start else name.split("-")[0]
    facts = {"arm": name, "method": method, "start": start, "length": "" if method == "start" else length}
    sizes = {"problems": 10, "samples_per_problem": 2, "samples": 20, "timeouts": 0, "errors": 0}
    values = {"accuracy": accuracy, "accuracy_low": accuracy - 0.1, "accuracy_high": accuracy + 0.05}
    exceed = {"exceed": 0.5, "exceed_low": 0.4, "exceed_high": 0.6}
    return {"benchmark": benchmark, "seeds": 2} | facts | sizes | values | exceed


def published(method, value, length="plain", **other):
    entry = {"model": "toy", "method": method, "length": length, "benchmark": "b", "metric": "accuracy"}
    return entry | {"value": value, "source": "S"} | other


def test_the_difference_is_ours_minus_published_with_our_interval():
    table = paper_table(pd.DataFrame([arm("toy", 0.5), arm("gdpo", 0.9)]), [published("gdpo", 0.75)], SHOWN)
    rows = table.set_index(["method", "metric"])
    ends = ["difference", "difference_low", "difference_high"]
    assert rows.loc[("gdpo", "accuracy"), ends].tolist() == pytest.approx([0.15, 0.05, 0.2])
    assert rows.loc[("gdpo", "accuracy"), "source"] == "S"
    assert rows.drop(("gdpo", "accuracy"))[["published", *ends, "source"]].isna().all(axis=None)


@pytest.mark.parametrize("length", ["plain", "conditioned", "plain x 0.5", ""])
def test_a_figure_stands_beside_arms_of_its_own_length_reward_only(length):
    arms = pd.DataFrame([arm("toy", 0.5), arm("gdpo", 0.9, length)])
    known = [published("start", 0.4), published("gdpo", 0.7), published("gdpo", 0.8, "conditioned")]
    found = paper_table(arms, known, SHOWN).query("metric == 'accuracy'").set_index("method")["published"]
    assert found["start"] == 0.4
    expected = {"plain": 0.7, "conditioned": 0.8}.get(length)
    assert found["gdpo"] == expected if expected else pd.isna(found["gdpo"])


def page_of(rows, entries=()):
    arms = pd.DataFrame(rows)
    return paper_page(paper_table(arms, entries, SHOWN), arms, SETTINGS)


def test_methods_stand_side_by_side_with_published_and_difference_below():
    page = page_of([arm("toy", 0.5), arm("gdpo", 0.9)], [published("gdpo", 0.75)])
    shown = page.shown.set_index([("", "benchmark"), ("", "figure")])
    assert list(shown.columns) == [(m, v) for m in ("no RL", "GDPO") for v in ("accuracy", "exceed")]
    assert list(shown.index) == [("toy", ""), ("b", "ours"), ("", "published"), ("", "difference")]
    cells = [text.replace("\N{NO-BREAK SPACE}", " ") for text in shown["GDPO", "accuracy"]]
    assert cells == ["", "90.0 [80.0, 95.0]", "75.0", "+15.0 [+5.0, +20.0]"]
    assert shown["no RL", "accuracy"].iloc[2:].tolist() == ["", ""]
    assert "Published: S." in page.note and "no error bar" in page.note and "problems and seeds" in page.note


def test_the_page_is_the_same_from_the_table_s_file(tmp_path):
    """The summary page reads it back."""
    arms = pd.DataFrame([arm("toy", 0.5), arm("gdpo", 0.9)])
    table = paper_table(arms, [published("gdpo", 0.75)], SHOWN)
    table.to_csv(tmp_path / "paper.csv", index=False, float_format="%.4f")
    read = pd.read_csv(tmp_path / "paper.csv", keep_default_na=False, na_values=[""])
    assert paper_page(read, arms, SETTINGS).markdown() == paper_page(table, arms, SETTINGS).markdown()


def test_without_published_figures_there_is_nothing_but_ours():
    page = page_of([arm("toy", 0.5), arm("gdpo", 0.9)])
    assert ("", "figure") not in page.shown and len(page.shown) == 2
    assert "No figures are published" in page.note


def test_each_starting_model_has_a_block_and_methods_share_columns():
    rows = [arm(name, 0.5, start=s, benchmark=b) for b in "bc" for s in "xy" for name in (s, f"gdpo-{s}")]
    shown = page_of(rows).shown
    assert shown["", "benchmark"].tolist() == ["x", "b", "c", "y", "b", "c"]
    assert set(shown.columns.get_level_values(0)) == {"", "no RL", "GDPO"}


def test_many_arms_have_a_row_each():
    arms = [arm("toy", 0.5), *(arm(f"gdpo-{i}", 0.1 * i) for i in range(8))]
    page = page_of(arms, [published("start", 0.4)])
    shown = page.shown.set_index(("", "method"))
    assert list(shown.index) == ["", "no RL", *(f"gdpo-{i}" for i in range(8))]
    assert shown.loc["gdpo-2", ("accuracy", "ours")].startswith("20.0 [")
    assert shown.loc["no RL", ("accuracy", "difference")].startswith("+10.0 [")
    assert ("exceed", "published") not in shown


def test_latex_compiles_in_form():
    latex = page_of([arm("toy", 0.5), arm("gdpo", 0.9)], [published("gdpo", 0.75)]).latex()
    body = latex.split("\n", 1)[1]
    assert body.count(r"\toprule") == body.count(r"\midrule") == body.count(r"\bottomrule") == 1
    assert not re.search(r"(?<!\\)[%_#]", body)
    columns = len(re.search(r"\{tabular\}\{(l+)\}", body)[1])
    heads, names, *lines = [line for line in body.splitlines() if line.endswith(r"\\")]
    spans = [int(n) for n in re.findall(r"\\multicolumn\{(\d)\}", heads)]
    assert sum(spans) == columns and len(lines) == 4
    assert all(line.count("&") == columns - 1 for line in [names, *lines])


@pytest.mark.parametrize("size", SIZES)
def test_the_table_is_no_wider_than_a_page_at_any_size(size):
    """At most eight columns of figures: one more does not fit a page."""
    page = paper_page(paper_table(made(size).arms, [], SHOWN), made(size).arms, made(size).settings)
    assert len(page.shown.columns) <= 10
    assert len(page.markdown().splitlines()[0]) < 250
