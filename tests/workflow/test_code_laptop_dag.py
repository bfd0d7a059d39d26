"""The laptop's coding study, small, through the whole DAG; its figures from the samples, run once more."""

import json
import re

import pandas as pd
import pytest
from study import Study

pytestmark = pytest.mark.slow

SMALL = {
    "inherits": ["code-laptop"],
    "models": {"toy-programs": {"weights": {"steps": 300, "held_out_problems": 8}}},
    "training": {"steps": 3, "train_batch_size": 4, "ppo_mini_batch_size": 4},
    "seeds": [1],
    "datasets": {
        "toy-programs-train": {"made": {"options": {"size": 64}}},
        "toy-programs-test": {"made": {"options": {"size": 24}}},
    },
    "runs": {"grpo-2": None, "gdpo-3": None},
}
CODE = re.compile(r"```python\n(.*?)\n```", re.DOTALL)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = Study(tmp_path_factory.mktemp("programs"), SMALL)
    code, output = made.run()
    assert code == 0, output[-5000:]
    return made.folder / "results" / "demo"


def run(text, gold):
    """Share of tests passed, and whether none ended in an error: in this process, as they end soon."""
    blocks = CODE.findall(text.partition("</think>")[2])
    made = {}
    try:
        exec(blocks[-1], made)  # noqa: S102 - a toy model's
        function = made["f"]
    except (IndexError, KeyError, SyntaxError, NameError, TypeError):
        return 0.0, False
    passed, runs = [], True
    for given, returned in gold["calls"]:
        try:
            passed.append(function(*given) == returned)
        except Exception:  # noqa: BLE001 - whatever it is
            passed.append(False)
            runs = False
    return sum(passed) / len(passed), runs


def test_tables_say_what_plain_python_finds_in_the_samples(study):
    main = pd.read_csv(study / "tables" / "main.csv").set_index("run")
    golds = {
        row["extra_info"]["id"]: json.loads(row["reward_model"]["ground_truth"][0])
        for row in pd.read_parquet(study / "problems" / "programs.parquet").to_dict("records")
    }
    assert len(golds) == 24 and len(main) == 4
    for name, row in main.iterrows():
        folder = study / "evaluation" / (name if row["method"] == "start" else f"{name}-{row['config']}")
        samples = pd.read_parquet(folder / "programs" / "samples.parquet")
        found = [run(sample.text, golds[sample.problem_id]) for sample in samples.itertuples()]
        rates = [rate for rate, _ in found]
        assert row["pass_rate"] == pytest.approx(sum(rates) / len(rates), abs=1e-3)
        assert row["accuracy"] == pytest.approx(sum(rate == 1 for rate in rates) / len(rates), abs=1e-3)
        assert row["bug"] == pytest.approx(sum(not runs for _, runs in found) / len(found), abs=1e-3)
    assert main["pass_rate"].max() > 0 and main["bug"].min() < 1


def test_training_saw_two_rewards_or_three(study):
    for path in (study / "runs").glob("*/metrics.parquet"):
        metrics = pd.read_parquet(path).dropna(subset=["train/reward"])
        assert len(metrics) == 3
        assert metrics["reward/pass_rate/mean"].between(0, 1).all()
        assert (metrics["reward/length/mean"] <= metrics["reward/pass_rate/mean"]).all()
        assert ("reward/bug/mean" in metrics) == ("-3-" in path.parent.name)


def test_the_page_says_what_is_shown(study):
    paper = (study / "tables" / "paper.md").read_text()
    for shown in ("gdpo-2", "grpo-3", "dgdo-3", "pass rate", "bug", "exceed"):
        assert shown in paper, shown
