"""The DAG at its smallest: made once, then changed one thing at a time, as a user would."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from study import Study, changed, small_experiment

from gdpo.manifest import MANIFEST

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
BENCHMARKS = ("arithmetic", "arithmetic-hard")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A study that was killed in the middle of training, started again, and is complete."""
    study = Study(tmp_path_factory.mktemp("study"), small_experiment())
    first = study.start(start_new_session=True)
    checkpoints = study.folder / "results" / "checkpoints"
    deadline = time.monotonic() + 900
    while not any(checkpoints.glob(f"*/global_step_*/{MANIFEST}")):  # written last: the checkpoint is whole
        assert time.monotonic() < deadline and first.poll() is None, first.communicate()[0]
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    study.run("--unlock")
    study.plan = gdpo(study, "plan")
    study.code, study.output = study.run()
    return study


def test_a_killed_study_goes_on_from_its_checkpoint(done):
    assert done.code == 0, done.output[-3000:]
    assert "going on from the checkpoint of step" in done.output


def test_the_plan_of_a_killed_study_counts_the_steps_that_are_left(done):
    rows = [line.split("│") for line in done.plan.splitlines() if "interrupted at step" in line]
    assert rows
    for row in rows:
        step = int(re.search(r"interrupted at step (\d) of 6: goes on", row[2])[1])
        assert int(row[3]) == 6 - step


def test_everything_is_made(done):
    results = done.folder / "results"
    for name in (
        "tables/main.md",
        "tables/paired.csv",
        "tables/paper.tex",
        "tables/ablations.tex",
        "tables/numbers/arithmetic-dgdo-accuracy.tex",
        "tables/cost.md",
        "figures/training_curves.png",
        "figures/dgdo_weights.pdf",
        "figures/paired_forest.pdf",
        "figures/length_distributions.png",
        "summary.html",
    ):
        assert (results / "demo" / name).stat().st_size > 0
    report = (results / "report.html").read_text()
    assert "training curves" in report and "accuracy against length" in report
    assert not re.search(r"""(?:src|href)=["']https?://[^"']+\.(?:js|css)""", report)


def test_progress_is_on_the_terminal(done):
    assert re.search(
        r"\[dgdo-seed1-\w{8}\] step 6/6  correctness 0\.\d+ length [01]\.\d+ .* ETA", done.output
    )
    assert re.search(r"\d+ of \d+ steps \(\d+%\) done", done.output)


def test_nothing_is_left_to_do(done):
    code, output = done.run()
    assert code == 0 and "Nothing to be done" in output


# What runs after each change: the table in docs/experiments.md, row by row.

REPORT = {
    "Summary page",
    "Report",
    "Done: tables and figures in results/demo, the report in results/report.html",
}
CURVES, WEIGHTS = "Figure: training curves", "Figure: DGDO weights"
EVALUATION = {
    "Figure: accuracy against length",
    "Figure: differences to the starting model",
    "Figure: response lengths",
}
TABLES = {"Tables", "Cost table"}


def trained(run: str) -> set[str]:
    """The jobs of a run that is trained: itself, its export, and its evaluation."""
    return {f"Resolving runs/{run}/config", f"Training {run}", f"Exporting {run}"} | evaluated(run)


def evaluated(*models: str, benchmarks: tuple[str, ...] = BENCHMARKS) -> set[str]:
    verbs = ("Sampling", "Grading")
    return {f"{verb} {model} on {name}" for verb in verbs for model in models for name in benchmarks}


@pytest.fixture
def with_values(done):
    """Jobs planned with a changed experiment file."""

    def planned(change):
        values = small_experiment()
        change(values)
        with changed(done.experiment, yaml.safe_dump(values, sort_keys=False)):
            return done.planned()

    return planned


def test_a_changed_dgdo_value_reruns_dgdo_only(with_values):
    planned = with_values(lambda values: values["methods"]["dgdo"].update(beta=0.8))
    assert planned == trained("dgdo-seed1") | TABLES | EVALUATION | {CURVES, WEIGHTS} | REPORT


def test_an_added_seed_trains_that_seed_only(with_values):
    planned = with_values(lambda values: values.update(seeds=[1, 2]))
    new = trained("grpo-seed2") | trained("dgdo-seed2")
    assert planned == new | TABLES | EVALUATION | {CURVES, WEIGHTS} | REPORT


def test_an_added_run_trains_that_run_only(with_values):
    planned = with_values(lambda values: values["runs"].update(gdpo={"method": "gdpo"}))
    assert planned == trained("gdpo-seed1") | TABLES | EVALUATION | {CURVES} | REPORT


def test_arms_of_two_length_weights_have_a_figure_of_their_own(tmp_path):
    values, figure = small_experiment(), "Figure: weight of the length reward"
    study = Study(tmp_path, values)
    assert figure not in study.planned()
    values["runs"]["half"] = {"method": "grpo", "rewards": {"length": {"weight": 0.5}}}
    study.write(values)
    assert figure in study.planned()


def test_what_is_finished_can_be_shown_without_the_rest(done):
    values = small_experiment()
    values["runs"]["gdpo"] = {"method": "gdpo"}
    with changed(done.experiment, yaml.safe_dump(values, sort_keys=False)):
        assert done.planned("--config", "finished=true") == REPORT
    values["seeds"] = [9]
    with changed(done.experiment, yaml.safe_dump(values, sort_keys=False)):
        code, output = done.run("--config", "finished=true")
        assert code != 0 and "finished=true: no run of demo is finished" in output


def test_an_added_benchmark_is_sampled_only(with_values):
    third = {"source": "arithmetic", "split": "benchmark", "size": 8, "seed": 9}
    planned = with_values(lambda values: values["problems"]["benchmarks"].update(third=third))
    made = {
        "Resolving config/problems/third",
        "Making the problem set third",
        "Checking that third and the training set share no problem",
    }
    sampled = evaluated("toy", "grpo-seed1", "dgdo-seed1", benchmarks=("third",))
    assert planned == made | sampled | TABLES | EVALUATION | REPORT


def test_more_samples_train_nothing(with_values):
    planned = with_values(lambda values: values["evaluation"]["sampling"].update(n=4))
    sampled = evaluated("toy", "grpo-seed1", "dgdo-seed1")
    assert planned == {"Resolving config/sampling"} | TABLES | EVALUATION | sampled | REPORT


def test_an_edited_figure_is_drawn_again_alone(done):
    module = done.folder / "src" / "gdpo" / "reporting" / "figures_training.py"
    text = module.read_text()
    assert "MOST_RAW_ARMS = 4" in text
    with changed(module, text.replace('f"{name} reward"', 'f"reward {name}"')):
        assert done.planned() == {CURVES} | REPORT
    with changed(module, text + "\n# edited\n"):
        assert done.planned() == set()


def test_a_changed_style_redraws_every_figure(done):
    style = done.folder / "src" / "gdpo" / "reporting" / "gdpo.mplstyle"
    analytic = {"Figure: distinct advantage groups", "Figure: DGDO's weights, published and corrected"}
    with changed(style, style.read_text() + "\naxes.linewidth: 1.5\n"):
        assert done.planned() == {CURVES, WEIGHTS} | EVALUATION | analytic | REPORT


@pytest.mark.parametrize(
    "path", ["config/demo.yaml", "workflow/rules/train.smk", "workflow/scripts/tables.py"]
)
def test_a_touched_file_reruns_nothing(done, path):
    file = done.folder / path
    with changed(file, file.read_text()):
        os.utime(file)
        assert done.planned() == set()


@pytest.mark.parametrize(
    "path",
    [
        "workflow/rules/train.smk",
        "src/gdpo/sampling/generate.py",
        "src/gdpo/verl_plugin/trainer.py",
        "src/gdpo/config/run.py",
    ],
)
def test_a_comment_in_a_rule_or_module_reruns_nothing(done, path):
    file = done.folder / path
    with changed(file, file.read_text() + "\n# a comment\n"):
        assert done.planned() == set()


@pytest.mark.parametrize(
    "values",
    [
        {"resources": {"training_mem_mb": 3000, "training_threads": 2, "seconds_per_step": 9}},
        {"monitoring": {"wandb": "disabled"}},
    ],
)
def test_changed_resources_and_monitoring_rerun_nothing(with_values, values):
    assert with_values(lambda experiment: experiment.update(values)) == set()


def test_another_profile_reruns_nothing(done):
    profile = done.folder / "cluster" / "config.yaml"
    profile.parent.mkdir(exist_ok=True)
    profile.write_text("cores: 8\ndefault-resources: [slurm_partition=a100, mem_mb=9000, runtime=60]\n")
    assert done.planned(profile="cluster") == set()


def test_another_branch_and_back_reruns_nothing(done):
    (done.folder / ".gitignore").write_text("results\n.snakemake\n")
    done.git("init", "--initial-branch", "main")
    done.git("add", ".")
    done.git("commit", "--message", "as it is")
    done.git("checkout", "-b", "other")
    values = small_experiment()
    values["methods"]["dgdo"]["beta"] = 0.8
    done.write(values)
    rule = done.folder / "workflow" / "rules" / "train.smk"
    rule.write_text(rule.read_text() + "\n# other\n")
    done.git("commit", "--all", "--message", "other")
    assert "Training dgdo-seed1" in done.planned()
    done.git("checkout", "main")
    assert done.planned() == set()


def test_a_moved_repository_reruns_nothing(done):
    home = done.folder
    done.folder = home.rename(home.with_name("elsewhere"))
    try:
        assert done.planned() == set()
    finally:
        done.folder = done.folder.rename(home)


def test_a_new_version_of_the_estimators_trains_again_when_asked_only(done):
    module = done.folder / "src" / "gdpo" / "config" / "run.py"
    newer = module.read_text().replace("ALGORITHM_VERSION = 1", "ALGORITHM_VERSION = 2")
    with changed(module, newer):
        code, output = done.run("--dry-run")
        assert code != 0 and "add retrain=true to --config" in output
        assert "dgdo-seed1" in output and "grpo-seed1" in output
        planned = done.planned("--config", "retrain=true")
    drawn = TABLES | EVALUATION | {CURVES, WEIGHTS}
    assert planned == trained("dgdo-seed1") | trained("grpo-seed1") | drawn | REPORT


def test_a_rehearsal_takes_nothing_of_the_study_and_leaves_it_alone(done):
    planned = done.planned("--config", "rehearse=true")
    assert trained("dgdo-seed1") | trained("grpo-seed1") <= planned
    assert {"Making a stand-in for toy", "Rehearsal page"} <= planned
    assert not any(job.startswith("Making the starting model") for job in planned)
    assert done.planned() == set()


@pytest.mark.parametrize(
    ("study", "trainings", "models"),
    [("ablation-dgdo", 11, 1), ("ablation-gdpo", 9, 1), ("paper-laptop", 27, 3)],
)
def test_a_shipped_study_is_planned_whole(done, study, trainings, models):
    planned = done.planned("--config", f"experiment={study}")
    runs = {job.removeprefix("Training ") for job in planned if job.startswith("Training ")}
    assert len(runs) == trainings
    assert sum(job.startswith("Making the starting model") for job in planned) == models
    assert len([job for job in planned if job.startswith("Sampling ")]) == 2 * (trainings + models)
    assert evaluated(*runs) <= planned


def gdpo(study, *arguments):
    environment = os.environ | {"PYTHONPATH": str(study.folder / "src"), "COLUMNS": "300"}
    command = ["gdpo", *arguments]
    done = subprocess.run(command, cwd=study.folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_plan_names_the_changed_key_and_hours(done):
    assert "Nothing to do" in gdpo(done, "plan")
    plan = gdpo(done, "plan", "demo", "methods.dgdo.beta=0.8")
    line = next(line for line in plan.splitlines() if "dgdo-seed1" in line)
    assert "algorithm.beta: 0.9 -> 0.8" in line
    assert re.search(r"\b0\.\d\d\b", line.split("->")[1].split("│")[-2])
    assert "1 training\n" in re.sub(r" +\n", "\n", plan) and "1 train," in plan


def test_status_and_compare_read_the_study_s_files(done):
    status = gdpo(done, "status", "demo", "seeds=[1,2]")
    states = {line.split("│")[1].strip()[:-9]: line for line in status.splitlines() if "-seed" in line}
    assert "done" in states["dgdo-seed1"] and "not started" in states["dgdo-seed2"]
    runs = sorted((done.folder / "results" / "demo" / "runs").iterdir())
    compared = gdpo(done, "compare", *map(str, runs))
    assert re.search(r"method\W+dgdo\W+grpo", compared) and "arithmetic-hard" in compared


def test_a_run_that_another_experiment_trained_is_not_trained_twice(done):
    twin = done.folder / "config" / "twin.yaml"
    twin.write_text(done.experiment.read_text())
    try:
        assert "the same as demo's dgdo-seed1" in gdpo(done, "plan", "twin")
    finally:
        twin.unlink()


def test_a_config_error_is_one_message_before_any_job(done):
    values = small_experiment()
    values["runs"]["dgdo"]["method"] = "dgpo"
    with changed(done.experiment, yaml.safe_dump(values, sort_keys=False)):
        code, output = done.run()
    assert code != 0
    assert "config/demo.yaml: runs.dgdo.method" in output and "'dgpo'" in output
    assert "Traceback" not in output
