"""Keywords of vLLM's engine for an evaluation: checked by name, and what samples are named by."""

import hashlib
import json

import pytest
from pydantic import ValidationError

from gdpo.config import vllm_keys
from gdpo.config.sampling import Sampling
from gdpo.sampling.store import SampleStore, engine_version

SOURCE = """
from dataclasses import dataclass

@dataclass
class EngineArgs:
    '''Arguments.'''
    model: str = "x"
    gpu_memory_utilization: float = 0.9
    enforce_eager: bool = False

    def create(self):
        inside: int = 3

@dataclass
class AsyncEngineArgs(EngineArgs):
    enable_log_requests: bool = False
"""


@pytest.fixture(autouse=True)
def nothing_cached():
    vllm_keys._engine_arguments.cache_clear()
    yield
    vllm_keys._engine_arguments.cache_clear()


@pytest.fixture
def gpu_environment(tmp_path, monkeypatch):
    """A ``.venv-gpu`` with the source of an engine of three arguments; no vLLM in this Python."""
    folder = tmp_path / ".venv-gpu" / "lib" / "python3.11" / "site-packages" / "vllm" / "engine"
    folder.mkdir(parents=True)
    (folder / "arg_utils.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vllm_keys, "find_spec", lambda name: None)


@pytest.mark.parametrize(
    ("vllm", "message"),
    [
        ({"gpu_memory_utilisation": 0.5}, "not a keyword of vLLM's engine; did you mean gpu_memory_utilizat"),
        ({"enable_log_requests": True}, "enable_log_requests: not a keyword"),
        ({"inside": 1}, "inside: not a keyword"),
        ({"seed": 3}, "seed: is given by this project: evaluation.sampling.seed"),
        ({"max_num_seqs": 3}, "max_num_seqs: is given by this project: evaluation.sampling.batch_size"),
        ({"tensor_parallel_size": "2"}, "must be a whole number above 0; given: '2'"),
    ],
)
def test_a_wrong_keyword_is_named(gpu_environment, vllm, message):
    with pytest.raises(ValidationError, match=message):
        Sampling(backend="vllm", vllm=vllm)


def test_it_is_for_vllm_alone(gpu_environment):
    assert Sampling(backend="vllm", vllm={"enforce_eager": True}).vllm == {"enforce_eager": True}
    with pytest.raises(ValidationError, match="without effect with backend transformers"):
        Sampling(vllm={"enforce_eager": True})


def test_without_a_vllm_to_look_into_any_name_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vllm_keys, "find_spec", lambda name: None)
    assert Sampling(backend="vllm", vllm={"whatever": 1}).vllm == {"whatever": 1}
    with pytest.raises(ValidationError, match="dtype: is given by this project"):
        Sampling(backend="vllm", vllm={"dtype": "float32"})


def test_gpus_of_an_engine():
    assert Sampling().gpus() == 1
    assert Sampling(backend="vllm", vllm={"tensor_parallel_size": 2, "pipeline_parallel_size": 3}).gpus() == 6


def test_samples_drawn_before_the_key_came_keep_their_names(tmp_path, monkeypatch):
    """The name as it was made before: six keys of the section, the model and the engine."""
    before = {"temperature": 0.6, "top_p": 0.95, "max_tokens": 32768, "seed": 0, "backend": "transformers"}
    before |= {"model": "abc", "engine": engine_version("transformers")}
    key = hashlib.sha256(json.dumps(before, sort_keys=True).encode()).hexdigest()[:16]
    assert SampleStore(tmp_path, "abc", Sampling(n=2), "set").folder == tmp_path / key / "set"
    monkeypatch.setattr("gdpo.sampling.store.version", lambda package: "1")
    with_vllm = Sampling(backend="vllm")
    other = Sampling(backend="vllm", vllm={"max_num_batched_tokens": 4096})
    folders = {SampleStore(tmp_path, "abc", section, "set").folder for section in (with_vllm, other)}
    assert len(folders) == 2
