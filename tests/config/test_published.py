"""Published figures: spot values typed from the paper, and what a file must say."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from gdpo.config.published import read_published

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "config" / "published"
FILES = sorted(FOLDER.glob("*.yaml"))
TABLE = {"source": "S", "length": "plain", "figures": {"toy": {"gdpo": {"b": [75.0, 2.5]}}}}


def value(name, *key):
    (found,) = [figure.value for figure in read_published(FOLDER / name) if figure[:5] == key]
    return found


def test_tables_three_and_four_are_there_whole():
    """Three models x base, GRPO, GDPO x five benchmarks x two metrics; one model x two methods; tools."""
    counts = {path.name: len(read_published(path)) for path in FILES}
    code = {"gdpo-table5.yaml": 30, "gdpo-table5-bug.yaml": 20}
    assert counts == {"gdpo-table1.yaml": 28, "gdpo-table3.yaml": 90, "gdpo-table4.yaml": 20} | code


@pytest.mark.parametrize(
    ("model", "method", "benchmark", "metric", "share"),
    [
        ("r1-distill-qwen-1.5b", "start", "minerva", "accuracy", 0.3841),
        ("r1-distill-qwen-1.5b", "gdpo", "amc", "accuracy", 0.69),
        ("r1-distill-qwen-7b", "start", "aime24", "exceed", 0.856),
        ("r1-distill-qwen-7b", "grpo", "math500", "accuracy", 0.941),
        ("qwen3-4b-instruct", "grpo", "aime24", "exceed", 0.025),
        ("qwen3-4b-instruct", "gdpo", "olympiadbench", "accuracy", 0.675),
    ],
)
def test_table_three_holds_what_the_paper_prints(model, method, benchmark, metric, share):
    assert value("gdpo-table3.yaml", model, method, "plain", benchmark, metric) == pytest.approx(share)


def test_table_four_is_of_the_conditioned_reward():
    found = value("gdpo-table4.yaml", "r1-distill-qwen-7b", "grpo", "conditioned", "aime24", "exceed")
    assert found == pytest.approx(0.292)


def test_tables_one_and_two_are_of_tool_calls():
    """Two models x base, GRPO, GDPO, and GRPO without the std of the smaller; live, non-live; two metrics."""
    key = ("qwen2.5-1.5b-instruct", "dr_grpo", "", "bfcl-live")
    assert value("gdpo-table1.yaml", *key, "accuracy") == pytest.approx(0.4719)
    assert value("gdpo-table1.yaml", *key, "format") == 0
    # The printed average, with the multi-turn score that is left out here.
    live = value("gdpo-table1.yaml", "qwen2.5-3b-instruct", "gdpo", "", "bfcl-live", "accuracy")
    other = value("gdpo-table1.yaml", "qwen2.5-3b-instruct", "gdpo", "", "bfcl-non-live", "accuracy")
    assert (live + other + 0.0459) / 3 == pytest.approx(0.4087, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "method", "kind", "benchmark", "metric", "share"),
    [
        ("gdpo-table5.yaml", "start", "conditioned", "apps", "bug", 0.329),
        ("gdpo-table5.yaml", "gdpo", "conditioned", "codeforces", "pass_rate", 0.712),
        ("gdpo-table5.yaml", "grpo", "conditioned", "taco", "pass_rate", 0.451),
        ("gdpo-table5-bug.yaml", "grpo", "conditioned + bug", "codecontests", "exceed", 0.193),
        ("gdpo-table5-bug.yaml", "gdpo", "conditioned + bug", "apps", "bug", 0.188),
    ],
)
def test_table_five_tells_two_rewards_from_three(name, method, kind, benchmark, metric, share):
    assert value(name, "r1-distill-qwen-7b", method, kind, benchmark, metric) == pytest.approx(share)


def test_of_taco_only_pass_is_published():
    tables = [read_published(FOLDER / name) for name in ("gdpo-table5.yaml", "gdpo-table5-bug.yaml")]
    assert {f.metric for figures in tables for f in figures if f.benchmark == "taco"} == {"pass_rate"}


# Accuracy and exceed, each summed over the five benchmarks of a column, added up by hand from the paper.
SUMS = {
    ("r1-distill-qwen-1.5b", "gdpo"): (275.2, 11.8),
    ("r1-distill-qwen-7b", "start"): (339.9, 271.2),
    ("qwen3-4b-instruct", "grpo"): (352.9, 5.9),
}


@pytest.mark.parametrize("column", SUMS)
def test_a_column_adds_up(column):
    figures = [f for f in read_published(FOLDER / "gdpo-table3.yaml") if (f.model, f.method) == column]
    sums = [100 * sum(f.value for f in figures if f.metric == metric) for metric in ("accuracy", "exceed")]
    assert sums == pytest.approx(SUMS[column])


def test_figures_name_benchmarks_of_the_catalogue():
    catalogue = yaml.safe_load((ROOT / "config/recipes/data/catalogue.yaml").read_text())["datasets"]
    named = {figure.benchmark for path in FILES for figure in read_published(path)}
    other = [
        yaml.safe_load((ROOT / f"config/recipes/data/{name}.yaml").read_text())["problems"]["benchmarks"]
        for name in ("tools", "code")
    ]
    assert named <= {*catalogue, *other[0], *other[1]}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"source": ""}, "source"),
        ({"length": "short"}, "length"),
        ({"colour": 1}, "colour"),
        ({"figures": {"toy": {"gdpo": {"b": [175.0, 2.5]}}}}, "figures.toy.gdpo.b.0"),
        (
            {"figures": {"toy": {"gdpo": {"b": [75.0]}}}},
            "figures.toy.gdpo.b: 1 figures for the metrics accuracy, exceed",
        ),
        ({"figures": {"toy": {"ppo": {"b": [75.0, 2.5]}}}}, "figures.toy.ppo"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, change, place):
    path = tmp_path / "p.yaml"
    path.write_text(yaml.safe_dump(TABLE))
    assert [figure.value for figure in read_published(path)] == [0.75, 0.025]
    path.write_text(yaml.safe_dump(TABLE | change))
    with pytest.raises(ValidationError, match=place):
        read_published(path)
