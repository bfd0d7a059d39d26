"""Colours, lines and markers, and panels within a paper's width."""

import pytest

from gdpo.reporting.panels import on_two_lines, panel_grid
from gdpo.reporting.style import HEIGHT, WIDTH, arm_styles, method_style, model_styles


def test_too_many_arms_are_drawn_by_method():
    styles = arm_styles({f"gdpo-{i}": "gdpo" for i in range(40)})
    assert {style["label"] for style in styles.values()} == {"GDPO"}


def test_a_starting_model_is_grey_and_its_arms_keep_their_styles():
    arms = {"a": "gdpo", "b": "gdpo"}
    styles = model_styles({"small": "start"} | arms)
    assert styles == arm_styles(arms) | {"small": method_style("start") | {"label": "starting model"}}


def test_methods_differ_in_colour_line_and_marker():
    styles = [method_style(method) for method in ("grpo", "gdpo", "dgdo", "other")]
    for cue in ("color", "linestyle", "marker"):
        assert len({str(style[cue]) for style in styles}) == len(styles)


def test_a_plug_ins_method_has_a_style_and_its_own_name():
    styles = arm_styles({"a": "gdpo", "b": "mine"})
    assert styles["b"]["label"] == "mine"
    assert styles["a"]["color"] != styles["b"]["color"] and styles["a"]["marker"] != styles["b"]["marker"]


def test_solid_lines_are_under_broken_ones():
    assert method_style("gdpo")["zorder"] < method_style("grpo")["zorder"]


@pytest.mark.parametrize(("count", "across"), [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (12, 3)])
def test_panels_wrap_within_two_columns_of_a_paper(count, across):
    figure, axes = panel_grid(count, height=2)
    assert len(axes) == len(figure.axes) == count
    assert figure.get_figwidth() <= WIDTH and axes[0].get_gridspec().ncols == across


def test_many_panels_fit_a_page():
    assert panel_grid(24, height=2)[0].get_figheight() < HEIGHT


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("dgdo", "dgdo"),
        ("dgdo-r1-distill-qwen-1.5b", "dgdo-r1-\ndistill-qwen-1.5b"),
        ("gdpo-conditioned-length", "gdpo-conditioned-\nlength"),
        ("withoutanyhyphens", "withoutanyhyphens"),
    ],
)
def test_long_names_are_broken_at_a_hyphen(name, shown):
    assert on_two_lines(name).replace("\n", "") == name
    assert on_two_lines(name).count("\n") == shown.count("\n")
