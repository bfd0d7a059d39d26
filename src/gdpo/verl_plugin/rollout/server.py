"""The rollout server actor. Imports nothing of veRL: that would cost its process some eight CPU-seconds."""

# Ray imports an actor's module wherever its handle arrives, in the router too: what is heavy is imported
# where the server is made, and annotations are strings.
from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ray

if TYPE_CHECKING:
    from gdpo.sampling.backend import Decoding

MOST_PROCESSES = 8
"""That share a batch at most: each has a copy of the model, and few rows cost a token as much as some do."""


def server_name(replica_rank: int) -> str:
    """Name of the Ray actor that serves replica ``replica_rank``."""
    return f"gdpo_hf_server_{replica_rank}"


def start_server(
    replica_rank: int, model_dir: str, dtype: str, gpu: str | None = None
) -> ray.actor.ActorHandle:
    """The server actor of a replica, a new one or the one that is there; see :class:`RolloutServer`."""
    options = {"name": server_name(replica_rank), "num_cpus": 0, "get_if_exists": True}
    return ray.remote(RolloutServer).options(**options).remote(model_dir, dtype, gpu)


def shares(count: int, servers: int) -> list[slice]:
    """The part of ``count`` sequences that each of ``servers`` draws, in order; the last may be empty."""
    share = -(-count // servers)
    return [slice(i * share, (i + 1) * share) for i in range(servers)]


class RolloutServer:
    """Holds a copy of the policy and samples from it, one call a batch.

    Where a token's operations are small, two threads of one process are little faster than one; there it
    shares each batch with further servers instead, and every one computes in one thread.

    Args:
        model_dir: Hugging Face folder with the architecture; the weights come from the trainer.
        dtype: type of its weights, as torch names it.
        gpu: what CUDA_VISIBLE_DEVICES calls the GPU that it shares with a training worker; None: on the CPU.
        helps: whether it is such a further server.
    """

    def __init__(self, model_dir: str, dtype: str, gpu: str | None, helps: bool = False):
        # Before torch looks for GPUs: Ray hides them from an actor that reserves none.
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu or ""
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM

        from gdpo.sampling.one_token import OneToken
        from gdpo.sampling.transformers_backend import TransformersBackend, eos_token_ids

        config = AutoConfig.from_pretrained(model_dir, attn_implementation="sdpa", trust_remote_code=False)
        model = AutoModelForCausalLM.from_config(
            config, dtype=getattr(torch, dtype), trust_remote_code=False
        ).to("cuda" if gpu else "cpu")
        self._backend = TransformersBackend(model, eos_token_ids(model, model_dir))
        self._global_steps: int | None = None
        self._helpers: list[ray.actor.ActorHandle] = []
        if OneToken.fits(model):
            processes = 1 if helps else min(torch.get_num_threads(), MOST_PROCESSES)
            helper = ray.remote(RolloutServer).options(num_cpus=0)
            self._helpers = [helper.remote(model_dir, dtype, gpu, helps=True) for _ in range(1, processes)]
            torch.set_num_threads(1)
        gc.freeze()  # what was imported is not looked through again

    def load_weights(self, stored: Sequence[ray.ObjectRef], global_steps: int | None) -> None:
        """Take the trainer's weights.

        Args:
            stored: one reference to the state dict in Ray's memory, from which each server copies it.
            global_steps: its version.
        """
        calls = [helper.load_weights.remote(stored, global_steps) for helper in self._helpers]
        self._backend.load_state_dict(ray.get(stored[0]))
        self._global_steps = global_steps
        ray.get(calls)

    def generate_batch(
        self, prompts: Sequence[Sequence[int]], keys: Sequence[int], decoding: Decoding
    ) -> tuple[int | None, list[tuple[list[int], list[float]]]]:
        """Sample one response a prompt.

        Args:
            prompts: token ids of each prompt.
            keys: one integer a prompt; the same key, prompt and weights give the same response in any batch.
            decoding: length limit, temperature and top-p.

        Returns:
            The version of the weights, and token ids and their log-probabilities for each prompt.
        """
        own, *parts = shares(len(prompts), 1 + len(self._helpers))
        calls = [
            helper.generate_batch.remote(prompts[part], keys[part], decoding)
            for helper, part in zip(self._helpers, parts, strict=True)
        ]
        completions = self._backend.generate(prompts[own], keys[own], decoding)
        found = [(c.token_ids, c.log_probs) for c in completions]
        return self._global_steps, [*found, *(each for _, more in ray.get(calls) for each in more)]

    def control(self, *args: Any, **kwargs: Any) -> None:
        """Memory control calls of veRL: this server keeps its weights and has no cache between calls."""

    sleep = wake_up = clear_kv_cache = release_kv_cache = resume_kv_cache = control
    abort_all_requests = resume_generation = start_profile = stop_profile = control
