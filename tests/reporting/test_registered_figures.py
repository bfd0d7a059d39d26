"""Figures by name: the package's own, and what a plug-in's function can do wrong."""

import importlib.util
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.figure import Figure

from gdpo.plugins import DRAWN_FROM, FIGURES, figure
from gdpo.plugins.loading import load

ROOT = Path(__file__).parents[2]
OURS = {
    "training_curves",
    "accuracy_length",
    "paired_forest",
    "length_distributions",
    "reward_weights",
    "dgdo_weights",
    "advantage_groups",
    "dgdo_saturation",
}


@pytest.fixture(scope="module")
def script():
    """workflow/scripts/figure.py as a module."""
    spec = importlib.util.spec_from_file_location("figure_script", ROOT / "workflow/scripts/figure.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_packages_own_have_a_caption_and_a_title_each():
    load([])
    assert set(FIGURES) == OURS
    assert all((ROOT / "workflow/report" / f"{name}.rst").is_file() for name in OURS)
    assert len({entry.title for entry in FIGURES.values()}) == len(OURS)
    assert all(set(entry.takes) <= set(DRAWN_FROM) for entry in FIGURES.values())


class Inputs(dict):
    """Named files, as Snakemake gives them."""

    __getattr__ = dict.__getitem__


@pytest.fixture
def drawn(script, monkeypatch, tmp_path):
    """Draws with a function registered as ``mine``; it takes the table ``arms`` and the ``limit``."""
    pd.DataFrame({"arm": ["a", "b"], "accuracy": [0.1, 0.2]}).to_csv(tmp_path / "arms.csv", index=False)

    def draw(function, **options):
        monkeypatch.delitem(FIGURES, "mine", raising=False)
        function.__name__ = "mine"
        figure(**options)(function) if options else figure(function)
        made = script.draw("mine", Inputs(arms=tmp_path / "arms.csv"), Inputs(limit=24))
        del FIGURES["mine"]
        return made

    yield draw
    if "mine" in FIGURES:
        del FIGURES["mine"]
    plt.close("all")


def test_it_gets_what_it_names(drawn):
    def function(arms: pd.DataFrame, limit: int) -> Figure:
        assert arms["arm"].tolist() == ["a", "b"] and limit == 24
        return Figure()

    made, data = drawn(function)
    assert isinstance(made, Figure) and data is None


def test_the_numbers_that_it_shows_come_with_it(drawn):
    _, data = drawn(lambda arms: (Figure(), arms), data=True)
    assert data["accuracy"].tolist() == [0.1, 0.2]


def raises(arms):
    return arms["no such column"]


@pytest.mark.parametrize(
    ("function", "options", "words"),
    [
        (raises, {}, r"figure mine raised KeyError \('no such column'\); mend .*figures.py, line \d+"),
        (lambda arms: None, {}, "figure mine gave None, not a Matplotlib figure, mend|gave None"),
        (lambda arms: plt.subplots()[1], {}, "not a Matplotlib figure"),
        (lambda arms: Figure(), {"data": True}, "not a Matplotlib figure and a data frame"),
    ],
)
def test_what_goes_wrong_is_one_sentence(drawn, script, function, options, words):
    with pytest.raises(script.FigureError, match=words) as error:
        drawn(function, **options)
    assert "\n" not in str(error.value)
