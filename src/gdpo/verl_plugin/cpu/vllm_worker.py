"""vLLM's worker on a CPU, as veRL's weight sync needs it; imports vLLM."""

import torch
from verl.workers.rollout.vllm_rollout.utils import vLLMColocateWorkerExtension
from vllm.model_executor.layers import utils


def keep_weight(layer: torch.nn.Module, remove_weight: bool) -> None:
    """In place of vLLM's choice of a kernel, which packs a linear layer's weight and drops the weight itself.

    The weights that veRL sends after each step would have nowhere to go. (GPU builds pack nothing.)
    """
    layer.cpu_linear = torch.nn.functional.linear


class CPUWorkerExtension(vLLMColocateWorkerExtension):
    """veRL's extension of a vLLM worker, whose weights can be loaded again."""

    def __new__(cls, **kwargs):
        utils.dispatch_cpu_unquantized_gemm = keep_weight
        return super().__new__(cls, **kwargs)
