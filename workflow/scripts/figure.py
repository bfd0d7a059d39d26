"""Draw a registered figure: <name>.png, <name>.pdf, and the numbers that it shows, where it gives them."""

from itertools import product
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from gdpo.parquet import read_table
from gdpo.plugins import FIGURES
from gdpo.plugins.calling import call, seconds_allowed
from gdpo.plugins.loading import load_from_environment
from gdpo.plugins.registry import Place
from gdpo.plugins.time_limit import TimeLimit
from gdpo.reporting.figures_training import read_runs
from gdpo.reporting.style import save, use_style
from gdpo.whole_file import write_text


class FigureError(RuntimeError):
    """A figure that cannot be drawn; the message names it, with file and line."""


def read_scores(paths: list[str], models: dict[str, dict[str, Any]], benchmarks: list[str]) -> pd.DataFrame:
    """All models' scored samples in one frame, with benchmark, run, arm, method and start."""
    frames = []
    for path, (model, benchmark) in zip(paths, product(models, benchmarks), strict=True):
        scores = read_table(path, ["problem_id", "n_tokens", "stop_reason"]).to_pandas()
        facts = {key: models[model][key] for key in ("arm", "method", "start")}
        frames.append(scores.assign(benchmark=benchmark, run=model, **facts))
    return pd.concat(frames, ignore_index=True)


def drawn_from(name: str, inputs: Any, params: Any) -> Any:
    """What a figure takes under that name (:data:`gdpo.plugins.DRAWN_FROM`)."""
    if name == "training":
        return read_runs(inputs.training, params.runs)
    if name == "scores":
        return read_scores(inputs.scores, params.models, params.benchmarks)
    return pd.read_csv(inputs[name]) if name in inputs.keys() else params[name]  # noqa: SIM118 - Snakemake's


def draw(name: str, inputs: Any, params: Any) -> tuple[Figure, pd.DataFrame | None]:
    """The figure, and the numbers that it shows, where it gives them.

    Raises:
        FigureError: the function raises, hangs, or gives no figure.
    """
    entry, limit = FIGURES[name], TimeLimit(10 * seconds_allowed())

    def error(what: str, place: Place) -> FigureError:
        return FigureError(f"figure {name} {what}; mend {place}")

    given = {taken: drawn_from(taken, inputs, params) for taken in entry.takes}
    with limit.calls():
        made = call(limit, error, entry.function, **given)
    figure, data = made if entry.data and isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(figure, Figure) or (entry.data and not isinstance(data, pd.DataFrame)):
        wanted = "a Matplotlib figure and a data frame" if entry.data else "a Matplotlib figure"
        raise error(f"gave {made!r:.80}, not {wanted}", Place.of(entry.function))
    return figure, data


if __name__ == "__main__":
    load_from_environment()
    use_style()
    figure, data = draw(snakemake.params.figure, snakemake.input, snakemake.params)
    if data is not None:
        write_text(snakemake.output.data, data.to_csv(index=False))
    save(figure, snakemake.output.png, snakemake.output.pdf)
