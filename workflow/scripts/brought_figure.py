"""Draw a figure of a plug-in: <name>.png, <name>.pdf."""

from typing import Any

import pandas as pd

from gdpo.plugins import FIGURES
from gdpo.plugins.calling import call, seconds_allowed
from gdpo.plugins.loading import load_from_environment
from gdpo.plugins.registry import Place
from gdpo.plugins.time_limit import TimeLimit
from gdpo.reporting.figures_training import read_runs
from gdpo.reporting.study import Study
from gdpo.reporting.style import save, use_style


class FigureError(RuntimeError):
    """A figure of a plug-in that cannot be drawn; the message names it, with file and line."""


def draw(name: str, inputs: Any, params: Any) -> Any:
    """The figure as Matplotlib has it.

    Raises:
        FigureError: the function raises, hangs, or gives no figure.
    """
    tables = (pd.read_csv(path) for path in (inputs.arms, inputs.models, inputs.paired))
    training = read_runs(inputs.metrics, params.runs)
    study = Study(params.name, *tables, training, list(params.rewards), params.limit)
    function, limit = FIGURES[name].function, TimeLimit(10 * seconds_allowed())

    def error(what: str, place: Place) -> FigureError:
        return FigureError(f"figure {name} {what}; mend {place}")

    with limit.calls():
        figure = call(limit, error, function, study)
    if not hasattr(figure, "savefig"):
        raise error(f"gave a {type(figure).__name__}, not a Matplotlib figure", Place.of(function))
    return figure


if __name__ == "__main__":
    load_from_environment()
    use_style()
    figure = draw(snakemake.wildcards.figure, snakemake.input, snakemake.params)
    save(figure, snakemake.output.png, snakemake.output.pdf)
