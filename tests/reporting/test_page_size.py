"""Every figure of an experiment fits a paper's page, and its texts neither overlap nor are cut."""

from itertools import combinations

import pytest
from experiments import SIZES, made, sweep_of, training
from matplotlib.text import Text

from gdpo.reporting.figures_evaluation import accuracy_length, length_distributions
from gdpo.reporting.figures_training import dgdo_weights, training_curves
from gdpo.reporting.forest import paired_forest
from gdpo.reporting.reward_weights import reward_weights
from gdpo.reporting.style import HEIGHT, WIDTH, use_style

REWARDS = ["correctness", "length"]
SLACK = 2  # pixels by which boxes of texts may touch: they hold room above and below the letters
GAP = 3  # pixels between texts side by side


def evaluated(draw):
    return lambda size: draw(made(size), SIZES[size].limit)


def dgdo(size):
    runs = training(size)
    # An ablation of GDPO has no DGDO run: as many rows as it has arms of GDPO.
    return dgdo_weights(
        runs[runs["method"] == ("dgdo" if "dgdo" in set(runs["method"]) else "gdpo")], REWARDS
    )


FIGURES = {
    "training_curves": lambda size: training_curves(
        training(size), REWARDS, ["length"], SIZES[size].limit, "512 problems × 16 responses"
    ),
    "dgdo_weights": dgdo,
    "accuracy_length": evaluated(lambda m, limit: accuracy_length(m.arms, m.main, limit)),
    "length_distributions": evaluated(lambda m, limit: length_distributions(m.scores, limit)),
    "paired_forest": evaluated(lambda m, _: paired_forest(m.paired, 4, 0.95)),
    "reward_weights": lambda size: reward_weights(made(size).arms, sweep_of(size)),
}


def boxes(figure):
    """Text -> the pixels that it takes, for all that is drawn: a tick outside its panel is not."""
    ticks = {}
    for axes in figure.axes:
        panel = axes.get_window_extent().padded(1)
        for tick in [*axes.xaxis.get_major_ticks(), *axes.xaxis.get_minor_ticks()]:
            x, _ = axes.transData.transform((tick.get_loc(), 1))
            ticks[tick.label1] = panel.x0 <= x <= panel.x1
        for tick in [*axes.yaxis.get_major_ticks(), *axes.yaxis.get_minor_ticks()]:
            _, y = axes.transData.transform((1, tick.get_loc()))
            ticks[tick.label1] = panel.y0 <= y <= panel.y1
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return {text: text.get_window_extent() for text in texts if ticks.get(text, True)}


def inside(box, whole):
    return whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1


CASES = [(name, size) for name in FIGURES for size in SIZES if name != "reward_weights" or sweep_of(size)]


@pytest.mark.parametrize(("name", "size"), CASES)
def test_a_figure_fits_a_page_and_its_texts_their_places(name, size):
    use_style()
    figure = FIGURES[name](size)
    assert figure.get_figheight() <= HEIGHT and figure.get_figwidth() <= WIDTH
    figure.draw_without_rendering()
    found = boxes(figure)
    whole = figure.bbox.padded(SLACK)
    assert not [text.get_text() for text, box in found.items() if not inside(box, whole)]
    inner = {text: box.padded(GAP / 2, -SLACK) for text, box in found.items()}
    meeting = [(a.get_text(), b.get_text()) for a, b in combinations(inner, 2) if inner[a].overlaps(inner[b])]
    assert not meeting


def test_overlapping_texts_are_found():
    """The check itself: two texts at one place, and one outside the figure."""
    use_style()
    figure = FIGURES["dgdo_weights"]("demo")
    before = len(boxes(figure))
    for place in (0.5, 0.5, 1.5):
        figure.text(place, 0.5, "a text")
    found = list(boxes(figure).values())
    assert len(found) == before + 3
    one, other, outside = (box for text, box in boxes(figure).items() if text.get_text() == "a text")
    assert one.overlaps(other) and outside.x1 > figure.bbox.x1
