"""The ``gdpo`` command. Each subcommand is what a rule of the DAG runs; heavy imports are inside them."""

import json
import logging
import os
import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from dotenv import load_dotenv
from rich.console import Console
from rich.markup import escape

from gdpo.whole_file import write_text

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

WandbChoice = Literal["auto", "online", "offline", "disabled"]
ExistingFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]
Metrics = Annotated[list[str] | None, typer.Option(help="registered metric beside those of every table")]
ExistingFolder = Annotated[Path, typer.Argument(exists=True, file_okay=False)]


def main() -> None:
    """Run the command line; errors that a user can mend are one line, without a traceback."""
    # Here, not in a job's submission: what SLURM is told and Snakemake writes down holds no secret.
    load_dotenv(Path(".env"))
    level = os.environ.get("GDPO_LOG_LEVEL", "INFO")
    logging.basicConfig(level=level, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        app()
    except (ValueError, OSError, RuntimeError) as error:
        if os.environ.get("GDPO_TRACEBACK"):
            raise
        message = f"[bold red]gdpo:[/] {type(error).__name__}: {escape(str(error))}"
        Console(stderr=True).print(message, highlight=False, soft_wrap=True)
        raise SystemExit(1) from error


@app.command()
def dataset(config: ExistingFile, out: Path, report: Path, name: str) -> None:
    """Read and clean a dataset of the catalogue: CONFIG is its entry (JSON), OUT parquet, REPORT JSON."""
    from gdpo.config.datasets import Dataset
    from gdpo.data.datasets import clean_dataset
    from gdpo.parquet import write_table
    from gdpo.plugins.loading import load_from_environment

    load_from_environment()
    table, found = clean_dataset(name, Dataset.model_validate(_read_json(config)))
    write_table(table, out)
    write_text(report, found.model_dump_json(indent=2) + "\n")


@app.command("arithmetic-problems")
def arithmetic_problems(config: ExistingFile, out: Path, name: str) -> None:
    """Make a set of arithmetic problems: CONFIG is its section (JSON), OUT parquet in veRL's schema."""
    from gdpo.config.problems import ArithmeticProblems
    from gdpo.data.arithmetic import make_problems, problem_frame
    from gdpo.data.problem_files import write_problems

    section = ArithmeticProblems.model_validate(_read_json(config))
    write_problems(problem_frame(name, make_problems(section), section.split), out)


@app.command("dataset-problems")
def dataset_problems(
    config: ExistingFile, folder: ExistingFolder, out: Path, report: Path, matches: Path, name: str
) -> None:
    """Make a set of cleaned datasets' problems: CONFIG is its section, FOLDER holds the datasets.

    OUT is parquet in veRL's schema, REPORT says what was left out, MATCHES lists problems of a benchmark.
    """
    from gdpo.config.datasets import DatasetProblems
    from gdpo.data.datasets import read_dataset
    from gdpo.data.problem_files import write_problems
    from gdpo.data.problem_sets import make_problem_set

    section = DatasetProblems.model_validate(_read_json(config))
    datasets, benchmarks = (
        {entry: read_dataset(folder / f"{entry}.parquet") for entry in names}
        for names in (section.datasets, section.against())
    )
    made = make_problem_set(name, section, "train" if name == "train" else "benchmark", datasets, benchmarks)
    write_problems(made.frame, out)
    write_text(report, made.report.model_dump_json(indent=2) + "\n")
    write_text(matches, made.matches.to_csv(index=False))


@app.command()
def disjoint(train: ExistingFile, benchmark: ExistingFile, out: Path) -> None:
    """Check that a benchmark shares no problem with the training set; OUT records the numbers checked."""
    from gdpo.data.problem_files import check_disjoint, read_problems

    training, other = read_problems(train), read_problems(benchmark)
    check_disjoint(training, {benchmark.stem: other})
    _write_json(out, {"training_problems": len(training), "benchmark_problems": len(other), "shared": 0})


@app.command("starting-model")
def starting_model(config: ExistingFile, out: Path) -> None:
    """Make or fetch the model that training starts from: CONFIG is its resolved section, OUT a folder."""
    from pydantic import TypeAdapter

    from gdpo.config.models import Weights
    from gdpo.config.starting_model import Pretraining

    section = TypeAdapter(Weights).validate_python(_read_json(config))
    if isinstance(section, Pretraining):
        from gdpo.starting_model.pretrain import make_starting_model as make
    elif section.source == "python-package":
        from gdpo.starting_model.packaged import convert_packaged_model as make
    elif section.source == "folder":
        from gdpo.starting_model.existing import take_folder as make
    else:
        from gdpo.starting_model.existing import fetch_model as make
    make(section, out)


@app.command("stand-in")
def stand_in(config: ExistingFile, problems: ExistingFolder, out: Path) -> None:
    """Make a rehearsal's model: CONFIG is its resolved section, PROBLEMS holds its sets, OUT a folder."""
    from gdpo.config.rehearsal import StandIn
    from gdpo.rehearsal.stand_in import make_stand_in

    make_stand_in(StandIn.model_validate(_read_json(config)), problems, out)


@app.command()
def train(
    config: ExistingFile,
    train_problems: ExistingFile,
    validation_problems: ExistingFile,
    model: ExistingFolder,
    checkpoints: Path,
    metrics: Path,
    summary: Path,
    log: Annotated[Path, typer.Option(help="file for the trainer's output")],
    label: Annotated[str, typer.Option(help="name in progress lines")] = "train",
    threads: Annotated[int, typer.Option(min=1, help="computing threads")] = 1,
    group: Annotated[str, typer.Option(help="group in W&B: the experiment")] = "",
    wandb: Annotated[WandbChoice, typer.Option(help="auto: online with an API key, else offline")] = "auto",
    reserve: Annotated[float, typer.Option(help="seconds of a SLURM job kept for the last checkpoint")] = 600,
) -> None:
    """Train one run with veRL, going on from its newest checkpoint; CONFIG is the resolved run config."""
    from gdpo.verl_plugin.launch import train as run_training

    data = (train_problems, validation_problems)
    outputs = (metrics, summary, log)
    run_training(config, *data, model, checkpoints, *outputs, label, threads, group, wandb, reserve)


@app.command()
def export(summary: ExistingFile, checkpoints: Path, out: Path) -> None:
    """Write a finished run's weights as a Hugging Face folder: SUMMARY is what train wrote."""
    from gdpo.verl_plugin.export import export_checkpoint

    export_checkpoint(checkpoints / _read_json(summary)["checkpoint"], out)


@app.command()
def sample(
    model: ExistingFolder,
    problem_set: ExistingFile,
    config: ExistingFile,
    out: Path,
    store: Annotated[Path, typer.Option(help="folder of all samples drawn so far")] = Path("results/samples"),
) -> None:
    """Sample a model on a problem set: CONFIG is the resolved sampling section, OUT a parquet of samples.

    Only samples that the store does not have are drawn.
    """
    from gdpo.config.sampling import Sampling
    from gdpo.sampling.generate import generate_samples

    generate_samples(model, problem_set, Sampling.model_validate(_read_json(config)), out, store)


@app.command()
def score(samples: ExistingFile, problem_set: ExistingFile, out: Path, metric: Metrics = None) -> None:
    """Judge stored samples by their problems' graders; OUT has one row a sample."""
    from gdpo.plugins.loading import load_from_environment
    from gdpo.sampling.score import score_samples

    load_from_environment()
    score_samples(samples, problem_set, out, metric or [])


@app.command()
def evaluate(
    generations: ExistingFile,
    problem_set: ExistingFile,
    out: Path,
    tokenizer: Annotated[Path | None, typer.Option(help="folder; counts tokens where none are given")] = None,
    metric: Metrics = None,
) -> None:
    """Grade another tool's outputs: GENERATIONS is JSON lines or parquet, OUT has the columns of score.

    Each line has response (or text) and problem_id, id or problem; all problems need as many samples.
    """
    from gdpo.plugins.loading import load_from_environment
    from gdpo.sampling.foreign import score_generations

    load_from_environment()
    score_generations(generations, problem_set, out, tokenizer, metric or [])


@app.command()
def grade(
    responses: Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="IN.jsonl")],
    out: Annotated[Path, typer.Argument(metavar="OUT.jsonl")],
    boxed_only: Annotated[bool, typer.Option("--boxed-only", help="no box is wrong, as in training")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="processes; by default one a CPU")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="time limit of one case")] = 5.0,
    memory_mb: Annotated[int, typer.Option(min=200, help="memory limit of one process")] = 1024,
) -> None:
    """Judge responses: lines of {id, response, gold} in, the same with verdict and extracted out.

    GOLD is a text or a list of texts of which one is enough; `unit`, `tolerance` and `several` (any, all) may
    stand beside it. A line that cannot be read is reported with its number, and the others are graded.
    """
    from gdpo.tasks.math import Grader
    from gdpo.tasks.math.lines import grade_file

    counts = grade_file(responses, out, Grader(workers, seconds, memory_mb), unboxed=not boxed_only)
    logging.info("%s", ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    if counts["bad lines"]:
        raise SystemExit(2)


@app.command("check-plugin")
def check_plugin(
    file: ExistingFile,
    samples: Annotated[
        Path | None, typer.Option(help="stored samples; by default the newest study's")
    ] = None,
    problems: Annotated[Path | None, typer.Option(help="their problem set; by default the study's")] = None,
    options: Annotated[
        list[str] | None, typer.Option(help="of a reward or source: 'name={limit: 20}'")
    ] = None,
    reward: Annotated[list[str] | None, typer.Option(help="one that others read: NAME=FUNCTION")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="response-length limit of metrics, tokens")] = None,
    most: Annotated[int, typer.Option(min=1, help="responses to look at")] = 512,
    results: Annotated[Path, typer.Option(help="folder of all results")] = Path("results"),
) -> None:
    """Try a plug-in on stored samples: what it registers, values, times, and errors (then exit code 1)."""
    from gdpo.plugin_check import check_file

    raise SystemExit(check_file(file, samples, problems, options or [], reward or [], limit, most, results))


@app.command()
def new(
    kind: Annotated[
        str, typer.Argument(help="reward, method, task, grader, source, metric, figure or dataset")
    ],
    name: Annotated[str, typer.Argument(help="of the file and of what it registers: short_proof")],
    folder: Annotated[Path, typer.Option(help="made if need be")] = Path("plugins"),
) -> None:
    """Write a starting file of a plug-in with a test beside it, and print what the experiment needs."""
    from gdpo.new_plugin import show_new, write_new

    show_new(*write_new(kind, name, folder))


@app.command()
def plan(
    experiment: Annotated[str, typer.Argument(help="name of a file in config/")] = "demo",
    changes: Annotated[list[str] | None, typer.Argument(help="dotted keys, as training.steps=20")] = None,
    profile: Annotated[str, typer.Option(help="Snakemake profile")] = "laptop",
) -> None:
    """Show what Snakemake would run, the changed key behind each training, and device hours; run nothing."""
    from gdpo.config.experiment import load_experiment
    from gdpo.config.recipe import parse_changes, set_argument
    from gdpo.planning import make_plan, show_plan

    settings = [f"experiment={experiment}"] + ([set_argument(changes)] if changes else [])
    loaded = load_experiment(Path("config", f"{experiment}.yaml"), parse_changes(changes or []))
    command = ["snakemake", "--profile", profile, "--config", *settings]
    # The plan shows trainings after a new version of the estimators; Snakemake waits for retrain=true.
    found = make_plan(loaded, Path("results"), _checkpoints(), [*command, "retrain=true"])
    show_plan(found, shlex.join(command))


@app.command()
def rehearse(
    experiment: Annotated[str, typer.Argument(help="name of a file in config/")] = "demo",
    changes: Annotated[list[str] | None, typer.Argument(help="dotted keys, as training.steps=20")] = None,
    profile: Annotated[str, typer.Option(help="Snakemake profile")] = "laptop",
) -> None:
    """Run the whole study at toy size, and say what would stop the real run."""
    from gdpo.rehearsal.command import rehearse_study

    raise SystemExit(rehearse_study(experiment, changes or [], profile))


@app.command()
def status(
    experiment: Annotated[str, typer.Argument(help="name of a file in config/")] = "demo",
    changes: Annotated[list[str] | None, typer.Argument(help="dotted keys, as training.steps=20")] = None,
) -> None:
    """Show how far every training run of an experiment is; Snakemake need not run."""
    from datetime import UTC, datetime

    from gdpo.config.experiment import load_experiment
    from gdpo.config.recipe import parse_changes
    from gdpo.run_state import run_states, show_states

    loaded = load_experiment(Path("config", f"{experiment}.yaml"), parse_changes(changes or []))
    expected = {id: run.resolved for id, run in loaded.runs.items()}
    show_states(run_states(Path("results", loaded.name), expected, _checkpoints()), datetime.now(UTC))


@app.command()
def overrides(
    experiment: Annotated[str, typer.Argument(help="name of a file in config/")],
    run: Annotated[str, typer.Argument(help="a run of it, with or without its seed and hash")],
    changes: Annotated[list[str] | None, typer.Argument(help="dotted keys, as training.steps=20")] = None,
) -> None:
    """Print every veRL setting that a run changes, one ``key=value`` a line, as its training gets them."""
    from gdpo.config.experiment import load_experiment
    from gdpo.config.recipe import parse_changes
    from gdpo.plugins.loading import located
    from gdpo.verl_plugin.overrides import RunPaths, verl_overrides
    from gdpo.verl_plugin.wandb_run import Tracking

    loaded = load_experiment(Path("config", f"{experiment}.yaml"), parse_changes(changes or []))
    found, results = loaded.run(run), Path("results", loaded.name)
    validates = found.config.training.validate_every
    validation = next(iter(loaded.config.problems.benchmarks)) if validates else "train"
    paths = RunPaths(
        results / "runs" / found.id / "config.json",
        results / "models" / found.model,
        results / "problems" / "train.parquet",
        results / "problems" / f"{validation}.parquet",
        _checkpoints() / "<content>",
        located(loaded.config.plugins),
        tuple(loaded.config.same_code),
    )
    tracking = Tracking.of(loaded.config.monitoring.wandb, found.id, loaded.name, os.environ)
    print("\n".join(verl_overrides(found.config, paths, 0, tracking)))


@app.command()
def compare(a: ExistingFolder, b: ExistingFolder) -> None:
    """Compare run folders A and B: configs, provenance, the end of training, and evaluation by problem."""
    from gdpo.comparison import compare_runs, show_comparison

    show_comparison(compare_runs(a, b))


@app.command()
def reference() -> None:
    """Print the config reference page (config/README.md)."""
    from gdpo.config.reference import reference as page

    print(page(), end="")


@app.command()
def defaults() -> None:
    """Print every config key with its default as commented YAML (docs/defaults.yaml)."""
    from gdpo.config.reference import defaults as page

    print(page(), end="")


@app.command()
def schema() -> None:
    """Print the JSON schema of an experiment file (workflow/schemas/experiment.schema.json)."""
    from gdpo.config.reference import schema as experiment_schema

    print(json.dumps(experiment_schema(), indent=2))


def _checkpoints() -> Path:
    from gdpo.config.site import places

    return Path(places("")["checkpoints"])


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def _write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2) + "\n")


if __name__ == "__main__":
    main()
