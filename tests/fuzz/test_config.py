"""The config loader: whatever the files and the command line say, an experiment or a ConfigError."""

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdpo.config.errors import ConfigError
from gdpo.config.experiment import Experiment, load_experiment
from gdpo.config.recipe import leaves, parse_changes, read_recipe
from gdpo.config.run import content_hash, load_run_config

from .conftest import budget, in_time
from .mutations import ANY_CHARACTER, NUMBERS, TEXTS, VALUES, damaged, mutated

CONFIG = Path(__file__).parents[2] / "config"
NAMES = ("demo", "ablation-dgdo", "demo-math")
RECIPES = [read_recipe(CONFIG / f"{name}.yaml").values for name in NAMES]


class Raw(str):
    """YAML that stands in the file as it is, where another text is quoted."""


SNIPPETS = [
    "!!bool maybe", "!!int one", "!!int '1'", "!!float x", "!!map x", "!!seq {}", "!!str [a]", "!!null x",
    "!!timestamp x", "!!binary x", "!!binary aGk=", "!!set {a}", "!!omap [a: 1]", "!!pairs [a: 1]",
    "!!python/none", "!local {}", "2020-02-30", "2020-02-03", "2020-02-03T25:00:00Z", "0b_", "0x_", "0o8", "08",
    "-0b_", "1:30", "1_000", "1:99:99", "._", "1._", ".5", "1e999", "9" * 5000, f"0x{'f' * 5000}", "=", "<<",
    "{<<: {a: 1}}", "{? [1]: 2}", "{? {a: 1}: 2}", "{1: 2, a: 3}", "{null: 1}", "{true: 1, 1: 2}", "{.nan: 1}",
    "{2020-02-03: 1}", "{=: 1}", "{inherits: [demo]}", "{a: 1, a: 1}", "&a [*a]", "&a {b: *a}", "*nowhere",
    "[&a [x, x], &b [*a, *a], &c [*b, *b], &d [*c, *c]]", "[" * 400 + "]" * 400, "{a: " * 120 + "1" + "}" * 120,
    "'\ud83d'", "|", ">", "%", "@", "`", "a: b: c", "- a", "'", '"', '"\\x"', "---", "...", "? a", "*", "&",
    "{grid: {method: [[grpo], gdpo]}}", "{grid: {model: [[toy], 3, null]}}", "{grid: {algorithm.beta: [{1: 2, a: 3}]}}",
    "{points: [{algorithm: 1}, {algorithm.beta: 2020-02-03}]}", "{zip: {training.lr: [.nan, .inf]}}",
    "{grid: {training.seed: [1], training.lr: [" + ", ".join(["1"] * 3000) + "], seed.x: [1]}}",
]  # fmt: skip
SPOILT = VALUES | st.sampled_from(SNIPPETS).map(Raw)
KEYS = sorted({key for recipe in RECIPES for key, _ in leaves(recipe)})
CHANGED_VALUES = st.sampled_from(SNIPPETS) | TEXTS | NUMBERS.map(str) | st.sampled_from(["null", "{}", "[]"])
CHANGES = st.builds(
    "{}={}".format,
    st.sampled_from(KEYS).flatmap(lambda key: st.sampled_from([key, key.rpartition(".")[0], f"{key}.x"]))
    | TEXTS
    | st.sampled_from(["a." * 3000 + "b", "..", "inherits", "datasets.math.file.keep.x", "runs.grpo.sweep"]),
    CHANGED_VALUES,
)


def flow(value) -> str:
    """A value in YAML's flow style, with nothing quoted that is :class:`Raw`."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, float):
        return re.sub("(inf|nan)", r".\1", str(value))
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=any("\ud800" <= char <= "\udfff" for char in value))
    return json.dumps(value)


@pytest.fixture
def load(tmp_path):
    """Load an experiment from what its file holds; None where that is a ConfigError that says something."""

    def run(content: str | bytes, changes=()) -> Experiment | None:
        path = tmp_path / "study.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(errors="surrogatepass"))
        with in_time():
            try:
                experiment = load_experiment(path, parse_changes(changes))
            except ConfigError as error:
                assert len(str(error)) > 10
                return None
            check(experiment, tmp_path / "config.json")
        return experiment

    return run


def check(experiment: Experiment, file: Path) -> None:
    """What was accepted is usable: it survives the file in which a job gets it, and names become paths."""
    assert experiment.runs and type(experiment.length_limit()) is int and experiment.length_limit() > 0
    for id, run in list(experiment.runs.items())[:5]:
        assert (
            re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", id)
            and id == f"{run.name}-{content_hash(run.resolved)}"
        )
        file.write_text(json.dumps(run.resolved, allow_nan=False))
        assert load_run_config(file).resolved() == run.resolved
        assert experiment.resources(run).training_mem_mb > 0


@pytest.mark.parametrize(
    "recipe",
    [
        *RECIPES[:2],
        pytest.param(
            RECIPES[2],
            marks=pytest.mark.skipif("GDPO_DATA_MIRROR" not in os.environ, reason="no GDPO_DATA_MIRROR"),
        ),
    ],
    ids=NAMES,
)
def test_an_unspoilt_recipe_loads(load, recipe):
    assert load(flow(recipe)), "else every test here is about one early error"


@budget(250)
@given(st.data())
def test_changed_values_are_an_experiment_or_an_error(load, data):
    recipe = data.draw(st.sampled_from(RECIPES))
    load(flow(data.draw(mutated(recipe, SPOILT))))


@budget(150)
@given(
    content=st.sampled_from(RECIPES[:2]).map(flow).map(str.encode).flatmap(damaged) | st.binary(max_size=40)
)
def test_damaged_files_are_an_experiment_or_an_error(load, content):
    load(content)


@budget(150)
@given(changes=st.lists(CHANGES | st.text(ANY_CHARACTER), min_size=1, max_size=3))
def test_changes_on_the_command_line_are_an_experiment_or_an_error(load, changes):
    try:
        parse_changes(changes)
    except ConfigError:
        return
    load(flow(RECIPES[1]), changes)


NAMES = ["a", "b", "c", "d/e"]
PARENTS = st.sampled_from(
    [*NAMES, "./a", "d/../b", "../a", "nobody", "", "a\0", "\ud800", "x" * 300, "a/" * 3000]
)


@budget(120)
@given(
    inherits=st.fixed_dictionaries({name: st.lists(PARENTS, max_size=3) for name in NAMES}),
    values=st.fixed_dictionaries({name: st.dictionaries(st.sampled_from("xyz"), SPOILT) for name in NAMES}),
)
def test_any_inheritance_is_a_recipe_or_an_error(tmp_path, inherits, values):
    (tmp_path / "d").mkdir(exist_ok=True)
    for name in NAMES:
        text = flow({"inherits": inherits[name], **values[name]})
        (tmp_path / f"{name}.yaml").write_bytes(text.encode(errors="surrogatepass"))
    with in_time():
        try:
            recipe = read_recipe(tmp_path / "a.yaml")
        except ConfigError as error:
            assert ".yaml: " in str(error)
        else:
            assert set(recipe.values) <= set("xyz")
