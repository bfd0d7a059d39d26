"""The laptop's tool-calling study, small, through the whole DAG; its figures from the samples once more."""

import json

import pandas as pd
import pytest
import second_tool_rewards as second
from study import Study, changed

pytestmark = pytest.mark.slow

RUNS = {
    "gdpo": {"method": "gdpo"},
    "grpo-no-std": {"method": "grpo", "algorithm": {"normalize_by_std": False}},
}
SMALL = {
    "inherits": ["tools-laptop"],
    "models": {"toy-tools": {"weights": {"steps": 250, "held_out_problems": 8}}},
    "training": {"steps": 3, "train_batch_size": 8, "ppo_mini_batch_size": 8},
    "seeds": [1],
    "datasets": {
        "toy-tools-train": {"made": {"options": {"size": 64}}},
        "toy-tools-test": {"made": {"options": {"size": 24}}},
    },
    "runs": {"grpo": None, "dgdo": None},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = Study(tmp_path_factory.mktemp("tools"), SMALL)
    code, output = made.run()
    assert code == 0, output[-5000:]
    return made.folder / "results" / "demo"


def test_tables_say_what_a_second_implementation_finds_in_the_samples(study):
    main = pd.read_csv(study / "tables" / "main.csv").set_index("run")
    golds = {
        row["extra_info"]["id"]: row["reward_model"]["ground_truth"][0]
        for row in pd.read_parquet(study / "problems" / "requests.parquet").to_dict("records")
    }
    assert len(golds) == 24 and len(main) == 3
    for run, row in main.iterrows():
        folder = study / "evaluation" / (run if row["method"] == "start" else f"{run}-{row['config']}")
        samples = pd.read_parquet(folder / "requests" / "samples.parquet")
        formats, right = [], []
        for sample in samples.itertuples():
            gold = golds[sample.problem_id]
            formats.append(second.format_reward(sample.text, gold))
            if "<tool_call>" in gold:
                right.append(second.correctness_reward(sample.text, gold) == 3)
            else:
                right.append("<tool_call>" not in sample.text and "<response>" in sample.text)
        assert row["format"] == pytest.approx(sum(formats) / len(formats), abs=1e-3)
        assert row["accuracy"] == pytest.approx(sum(right) / len(right), abs=1e-3)
    assert main["format"].max() > 0 and main["accuracy"].max() > 0


def test_training_saw_both_rewards_on_their_own_scales(study):
    for path in (study / "runs").glob("*/metrics.parquet"):
        metrics = pd.read_parquet(path).dropna(subset=["train/reward"])
        assert len(metrics) == 3
        form, correctness = metrics["reward/tool_format/mean"], metrics["reward/tool_correctness/mean"]
        assert form.between(0, 1).all() and correctness.between(-3, 3).all()
        assert (metrics["reward/tool_correctness/zero_std_share"] < 1).all()


def test_arms_are_told_apart_and_the_page_says_what_is_shown(study):
    paper = (study / "tables" / "paper.md").read_text()
    assert "GDPO accuracy" in paper and "grpo-no-std format" in paper and "exceed" not in paper
    assert "in the form that their task asks for" in paper
    config = json.loads(next((study / "runs").glob("grpo-no-std-*/config.json")).read_text())
    assert config["algorithm"]["normalize_by_std"] is False


def test_a_grader_s_code_judges_again_what_its_task_has(study):
    made = Study.__new__(Study)
    made.folder, made.environment = study.parents[1], {}
    room = made.folder / "src/gdpo/tasks"
    for name, judged in (("tool_calling/calls.py", True), ("code/grader.py", False)):
        path = room / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        text = path.read_text()
        with changed(path, text + "\n# Another line.\n"):
            planned = made.planned()
        assert any(job.startswith("Grading") for job in planned) == judged, name
        assert not any(job.startswith(("Training", "Sampling")) for job in planned)
