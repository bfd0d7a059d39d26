"""The rollout server as its own Ray actor, against the sampler in this process."""

from pathlib import Path

import psutil
import pytest
import ray
from transformers import AutoTokenizer

from gdpo.sampling.backend import Decoding
from gdpo.sampling.transformers_backend import TransformersBackend
from gdpo.verl_plugin.rollout.server import start_server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(toy):
    """A server whose processes get two threads, with the toy's weights as version 3."""
    weights = TransformersBackend.from_folder(toy / "model").model.state_dict()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "2")
        ray.init(address="local", include_dashboard=False, num_cpus=2, log_to_driver=False)
        server = start_server(0, str(toy / "model"), "float32")
        ray.get(server.load_weights.remote([ray.put(weights)], 3))
        yield server
        ray.shutdown()


@pytest.mark.parametrize("responses", [0, 1, 9])
def test_two_processes_share_a_batch_and_change_nothing(server, toy: Path, responses):
    tokenizer = AutoTokenizer.from_pretrained(toy / "model")
    prompts = [tokenizer(f"{i // 2}+1=")["input_ids"] for i in range(responses)]
    keys, decoding = list(range(responses)), Decoding(24, 1.0, 1.0)
    here = TransformersBackend.from_folder(toy / "model")
    expected = [completion.token_ids for completion in here.generate(prompts, keys, decoding)]

    version, found = ray.get(server.generate_batch.remote(prompts, keys, decoding))
    assert version == 3 and [token_ids for token_ids, _ in found] == expected
    assert all(len(token_ids) == len(log_probs) for token_ids, log_probs in found)


@pytest.mark.usefixtures("server")
def test_there_are_two():
    commands = [" ".join(process.cmdline()) for process in psutil.Process().children(recursive=True)]
    assert sum(command.startswith("ray::RolloutServer") for command in commands) == 2
