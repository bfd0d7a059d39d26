"""Prompts that are too long are left out as veRL's own dataset leaves them out, and named."""

import json

import pytest

pytestmark = pytest.mark.slow  # imports veRL

LIMIT = 12


@pytest.fixture
def problems(tmp_path):
    """A problem set with prompts on both sides of the limit."""
    from gdpo.config.problems import ArithmeticProblems
    from gdpo.data.arithmetic import make_problems, problem_frame
    from gdpo.data.problem_files import write_problems

    path = tmp_path / "train.parquet"
    write_problems(problem_frame("train", make_problems(ArithmeticProblems(size=60)), "train"), path)
    return path


def read_with(dataset_class, problems, limit: int):
    """The ids that a dataset class keeps, in order."""
    from omegaconf import OmegaConf

    from gdpo.starting_model.tokenizer import make_tokenizer

    settings = {
        "cache_dir": str(problems.parent),
        "max_prompt_length": limit,
        "filter_overlong_prompts": True,
        "overlong_prompts": str(problems.parent),
    }
    dataset = dataset_class(str(problems), make_tokenizer(1024), OmegaConf.create(settings))
    return [info["id"] for info in dataset.dataframe["extra_info"]]


def test_the_same_prompts_stay_as_with_verl_and_the_others_are_named(problems):
    from verl.utils.dataset.rl_dataset import RLHFDataset

    from gdpo.data.problem_files import read_problems
    from gdpo.verl_plugin.dataset import CountedPrompts

    kept = read_with(CountedPrompts, problems, LIMIT)
    assert kept == read_with(RLHFDataset, problems, LIMIT)
    everything = [info["id"] for info in read_problems(problems)["extra_info"]]
    written = json.loads((problems.parent / "overlong_train.json").read_text())
    assert 0 < len(kept) < len(everything)
    assert written == {"limit": LIMIT, "prompts": 60, "left_out": [id for id in everything if id not in kept]}


def test_no_prompt_short_enough_is_an_error_with_the_key(problems):
    from gdpo.verl_plugin.dataset import CountedPrompts

    with pytest.raises(ValueError, match=r"all 60 prompts exceed 2 tokens \(training.max_prompt_length\)"):
        read_with(CountedPrompts, problems, 2)
