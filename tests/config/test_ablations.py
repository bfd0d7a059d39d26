"""What an arm changes, said for the studies that the repository has."""

from pathlib import Path

from gdpo.config.ablations import ablations
from gdpo.config.experiment import load_experiment

CONFIG = Path(__file__).parents[2] / "config"


def test_each_arm_of_the_dgdo_study_changes_what_its_name_says():
    found = ablations(load_experiment(CONFIG / "ablation-dgdo.yaml").runs.values())
    assert found["gdpo"] == ("", "")
    assert found["dgdo-default"] == ("gdpo", "method: gdpo -> dgdo")
    assert found["dgdo-beta-0.5"] == ("dgdo-default", "algorithm.beta: 0.9 -> 0.5")
    assert all(found[arm].reference == "dgdo-default" for arm in found if arm not in ("gdpo", "dgdo-default"))


def test_seeds_are_one_arm():
    runs = load_experiment(CONFIG / "demo.yaml").runs.values()
    assert list(ablations([*runs, *runs])) == list(dict.fromkeys(run.arm for run in runs))
