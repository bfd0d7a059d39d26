"""Reward manager for veRL's own agent loops (vLLM rollouts): grades one response in a reward worker."""

import math

from verl import DataProto
from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

from gdpo.config.run import load_run_config
from gdpo.grading import Gold, from_opening_tag
from gdpo.rewards import Scorer
from gdpo.verl_plugin.rendered_prompt import opens_reasoning
from gdpo.verl_plugin.reward_columns import failed_rewards


class NamedRewardManager(RewardManagerBase):
    """The run's named rewards (``reward.reward_manager.source=importlib``)."""

    def __init__(self, config, tokenizer, compute_score=None, **kwargs):
        super().__init__(config, tokenizer, compute_score)
        self._scorer = Scorer(load_run_config(config.gdpo.run_config).specs())

    async def run_single(self, data: DataProto) -> dict:
        """``{"reward_score": weighted sum, "reward_extra_info": named rewards}`` of the last sequence.

        A failure is handed to the trainer, which raises it: veRL leaves out a response whose scoring raises
        and trains on the others of its group.
        """
        item = data[-1:][0]
        response_ids = item.batch["responses"]
        n_tokens = int(item.batch["attention_mask"][-response_ids.shape[-1] :].sum())
        gold = Gold.of(item.non_tensor_batch["reward_model"])
        opened = opens_reasoning(self.tokenizer, item.batch["prompts"])
        try:
            rewards = await self.loop.run_in_executor(
                None, self._score, response_ids[:n_tokens], gold, opened
            )
        except Exception as error:
            return {"reward_score": math.nan, "reward_extra_info": failed_rewards(self._scorer.specs, error)}
        return {"reward_score": self._scorer.total(rewards), "reward_extra_info": rewards}

    def _score(self, token_ids, gold: Gold, reasoning_open: bool) -> dict[str, float]:
        text = self.tokenizer.decode(token_ids, skip_special_tokens=True)
        text = from_opening_tag(text, reasoning_open)
        return self._scorer([text], [len(token_ids)], [gold])[0]
