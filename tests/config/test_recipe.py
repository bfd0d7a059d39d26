"""Recipes: inheritance, its errors, and where each value was written."""

import shlex

import pytest

from gdpo.config.errors import ConfigError
from gdpo.config.recipe import merge, nested, parse_changes, read_recipe, set_argument


@pytest.fixture
def write(tmp_path):
    def files(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        return tmp_path / f"{next(iter(texts))}.yaml"

    return files


def test_a_later_parent_wins_and_the_child_over_all(write):
    child = write(
        child="inherits: [a, b]\ns: {z: 9}\n",
        a="s: {x: 1, y: 1, z: 1}\n",
        b="inherits: [base]\ns: {y: 2}\n",
        base="s: {w: 0, y: 0}\n",
    )
    recipe = read_recipe(child)
    assert recipe.values == {"s": {"w": 0, "x": 1, "y": 2, "z": 9}}
    files = {key: recipe.origin(f"s.{key}").rsplit("/", 1)[1] for key in "wxyz"}
    assert files == {"w": "base.yaml", "x": "a.yaml", "y": "b.yaml", "z": "child.yaml"}
    assert recipe.origin("s.z.deeper").endswith("child.yaml")


@pytest.mark.parametrize(
    ("texts", "parts"),
    [
        ({"c": "inherits: [p]\ns: {x: 1}\n", "p": "s: {x: 1}\n"}, ["c.yaml: s.x: 1", "p.yaml says already"]),
        ({"c": "inherits: [modle]\n", "model": "{}"}, ["c.yaml: inherits", "did you mean model?"]),
        ({"c": "inherits: [p]\n", "p": "inherits: [c]\n"}, ["inherits from itself"]),
        ({"c": "inherits: p\n"}, ["must be a list of recipes", "'p'"]),
        ({"c": "x: 1\nx: 2\n"}, ["c.yaml: not valid YAML", "'x' is given twice"]),
        ({"c": "- 1\n"}, ["must hold a mapping", "list"]),
        ({"c": "a: [1\n"}, ["not valid YAML"]),
    ],
)
def test_a_mistake_is_named(write, texts, parts):
    with pytest.raises(ConfigError) as error:
        read_recipe(write(**texts))
    for part in parts:
        assert part in str(error.value)


def test_numbers_are_numbers(write):
    # YAML 1.1 takes 1e-6 for text: the mistake that costs a run.
    assert read_recipe(write(c="a: 1e-6\nb: 5.0e-4\nc: 3\nd: v1\ne: 1e\n")).values == {
        "a": 1e-6,
        "b": 5e-4,
        "c": 3,
        "d": "v1",
        "e": "1e",
    }


def test_the_command_line_wins_and_is_named(write):
    recipe = read_recipe(write(c="s: {x: 1, y: 2}\n"), {"s.x": 5, "t.u": 6})
    assert recipe.values == {"s": {"x": 5, "y": 2}, "t": {"u": 6}}
    assert recipe.origin("s.x") == "command line" and recipe.origin("s.y").endswith("c.yaml")


def test_null_removes_a_section_and_another_kind_replaces_it():
    parent = {"a": {"source": "x", "size": 1}, "b": {"c": 1}, "d": 1}
    assert merge(parent, {"b": None}) == {"a": {"source": "x", "size": 1}, "d": 1}
    assert merge(parent, {"a": {"source": "y"}})["a"] == {"source": "y"}
    assert merge(parent, {"a": {"size": 2}})["a"] == {"source": "x", "size": 2}
    assert merge(parent, {"d": None})["d"] is None


def test_dotted_keys_become_sections():
    assert nested({"a.b": 1, "a.c.d": 2, "e": 3}) == {"a": {"b": 1, "c": {"d": 2}}, "e": 3}


def test_changes_on_the_command_line_are_yaml():
    assert parse_changes(["a.b=1e-6", "c=[1, 2]", "d=x=y", "e=null"]) == {
        "a.b": 1e-6,
        "c": [1, 2],
        "d": "x=y",
        "e": None,
    }
    for wrong in ("a", "=1", "a={"):
        with pytest.raises(ConfigError):
            parse_changes([wrong])


@pytest.mark.parametrize(
    "changes",
    [
        ["training.steps=20"],
        ["training.steps=20", "seeds=[1, 2]"],
        ["models={r1-distill-qwen-1.5b: {weights: {revision: january-2025}}}"],
        ["monitoring.wandb=offline", "rewards={length: {options: {limit: 3}}}", "training.lr=1e-6"],
        ['evaluation.outputs={a: {generations: {b: "it\'s \\\\ there"}}}'],
    ],
)
def test_changes_reach_the_snakefile_through_snakemakes_own_reading(changes):
    from snakemake.cli import parse_config

    config = parse_config([set_argument(changes)])
    assert shlex.split(str(config["set"])) == changes
