"""The agent loop of vLLM rollouts: veRL's for a single turn, for any tokenizer.

veRL 0.9.1 chooses how turns are joined by the model's type. For ``qwen2`` it asks the tokenizer for
``<|im_end|>``, which R1-Distill's has not, and fails at the first rollout (veRL issue #7637). With one turn
nothing is joined, and veRL's base class does the same.
"""

from typing import Any

from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop


class AnyTokenizerLoop(SingleTurnAgentLoop):
    """One response to one prompt; named in ``single_turn.yaml``."""

    def __init__(self, *args: Any, hf_model_type: str | None = None, **kwargs: Any):
        super().__init__(*args, hf_model_type=None, **kwargs)
