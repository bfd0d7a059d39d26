"""A figure of your own, drawn beside the usual ones when the study is evaluated.

In the experiment:

    plugins: [FILE]
    figures: [NAME]
"""

from typing import TYPE_CHECKING

from gdpo.plugins import figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


# Its parameters say by name what it draws from (gdpo.plugins.DRAWN_FROM); it is drawn again where that
# changes. Its docstring is the caption.
@figure(title="accuracy of each arm")
def NAME(arms: "pd.DataFrame") -> "Figure":
    """Accuracy of each arm on each benchmark, with intervals over its problems."""
    # Here and not above: every call of Snakemake reads this file.
    from matplotlib.figure import Figure

    from gdpo.reporting.style import WIDTH, model_styles

    benchmarks = list(dict.fromkeys(arms["benchmark"]))
    styles = model_styles(dict(zip(arms["arm"], arms["method"], strict=True)))  # as in the other figures
    drawn = Figure(figsize=(WIDTH, 2.5), layout="constrained")
    axes = drawn.add_subplot()
    for place, (arm, style) in enumerate(styles.items()):
        rows = arms[arms["arm"] == arm].set_index("benchmark")
        # Side by side: a benchmark takes 0.8 of the axis, shared by its arms.
        x = [benchmarks.index(b) + 0.8 * ((place + 0.5) / len(styles) - 0.5) for b in rows.index]
        errors = [rows["accuracy"] - rows["accuracy_low"], rows["accuracy_high"] - rows["accuracy"]]
        cues = {"color": style["color"], "label": style["label"]}
        axes.bar(x, rows["accuracy"], width=0.8 / len(styles), yerr=errors, **cues)
    axes.set_xticks(range(len(benchmarks)), benchmarks)
    axes.set_ylabel("accuracy")
    axes.legend()
    return drawn
