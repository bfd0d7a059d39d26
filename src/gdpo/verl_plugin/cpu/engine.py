"""veRL's FSDP2 engine for device "cpu" (veRL registers it for cuda and npu only)."""

import dataclasses

import torch
import verl.workers.engine.fsdp.transformer_impl as fsdp_engine
from verl.workers.engine.base import EngineRegistry


@EngineRegistry.register(model_type="language_model", backend=["fsdp2"], device="cpu")
class CPUFSDPEngineWithLMHead(fsdp_engine.FSDPEngineWithLMHead):
    """The stock engine, less the pinned memory that a reference model's offload needs an accelerator for."""

    def _build_fsdp_module(self, module: torch.nn.Module) -> torch.nn.Module:
        config = self.engine_config
        self.engine_config = dataclasses.replace(config, forward_only=False, offload_policy=False)
        try:
            return super()._build_fsdp_module(module)
        finally:
            self.engine_config = config


def _logprobs_from_logits(
    logits: torch.Tensor, labels: torch.Tensor, inplace_backward: bool = True
) -> torch.Tensor:
    """Log-probabilities of ``labels``: ``[..., V]`` and ``[...]`` to ``[...]``, in one vectorised call.

    Without flash-attn veRL loops over every token row in Python, which costs more than half of an update.
    """
    return torch.log_softmax(logits.float(), -1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)


fsdp_engine.logprobs_from_logits = _logprobs_from_logits
