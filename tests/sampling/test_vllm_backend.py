"""The vLLM backend's translation, against a stand-in for the `vllm` package (it is not installed for CPU)."""

import gc
import os
import sys
import uuid
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from gdpo.config.sampling import Sampling
from gdpo.config.vllm_keys import OURS
from gdpo.sampling.backend import Completion, Decoding
from gdpo.sampling.generate import open_backend
from gdpo.sampling.vllm_backend import VllmBackend


class FakeEngine:
    finish_reason = "stop"

    def __init__(self, model, **options):
        self.model, self.options = model, options

    def generate(self, requests, params, use_tqdm):
        self.requests, self.params = requests, params
        output = SimpleNamespace(token_ids=(7, 1), logprobs=None, finish_reason=self.finish_reason)
        return [SimpleNamespace(outputs=[output]) for _ in requests]


@pytest.fixture
def fake_vllm(monkeypatch):
    monkeypatch.setenv("VLLM_RPC_BASE_PATH", "")  # put back afterwards
    module = ModuleType("vllm")
    module.__spec__ = ModuleSpec("vllm", None)
    module.LLM = FakeEngine
    module.SamplingParams = lambda **values: SimpleNamespace(**values)
    monkeypatch.setitem(sys.modules, "vllm", module)


def test_requests_and_answers_are_translated(fake_vllm):
    backend = VllmBackend("folder", max_batch=3, dtype="float32")
    assert backend.engine.options["max_num_seqs"] == 3 and backend.engine.options["dtype"] == "float32"
    got = backend.generate([[5, 6], [5]], [11, 12], Decoding(9, 0.6, 0.9))
    assert got == [Completion([7, 1], "eos")] * 2
    assert backend.engine.requests == [{"prompt_token_ids": [5, 6]}, {"prompt_token_ids": [5]}]
    params = backend.engine.params
    assert [p.seed for p in params] == [11, 12]
    assert (params[0].max_tokens, params[0].temperature, params[0].top_p) == (9, 0.6, 0.9)
    # Nothing that an evaluation throws away: vLLM keeps 400 bytes a token for log-probabilities.
    assert not hasattr(params[0], "logprobs") and params[0].detokenize is False


@pytest.mark.parametrize("gpu", [True, False])
def test_what_it_gives_is_what_a_config_may_not(fake_vllm, monkeypatch, gpu):
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpu)
    section = Sampling(backend="vllm", batch_size=3, vllm={"enforce_eager": gpu})
    options = open_backend(section, "folder", 40).engine.options
    given = {"model", *options} - {
        "enforce_eager",
        "kv_cache_memory_bytes",
    }  # of a CPU, where they may be set
    assert given | {"tokenizer", "seed"} == set(OURS)
    assert options["max_model_len"] == 40 and options["enforce_eager"] is gpu


def test_its_sockets_lie_in_a_folder_that_ends_with_it(fake_vllm):
    backend = VllmBackend("folder")
    folder = Path(os.environ["VLLM_RPC_BASE_PATH"])
    assert folder.is_dir() and len(f"{folder}/{uuid.uuid4()}") < 100, "a socket's path is short"
    del backend
    gc.collect()
    assert not folder.exists()


def test_lengths_and_aborts_are_told_apart(fake_vllm, monkeypatch):
    backend = VllmBackend("folder")
    monkeypatch.setattr(FakeEngine, "finish_reason", "length")
    assert backend.generate([[5]], [1], Decoding(2))[0].stop_reason == "length"
    monkeypatch.setattr(FakeEngine, "finish_reason", "abort")
    with pytest.raises(RuntimeError, match="'abort'"):
        backend.generate([[5]], [1], Decoding(2))


def test_a_missing_vllm_is_said_in_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(RuntimeError, match="sampling.backend to transformers"):
        VllmBackend("folder")
