"""Reward manager for veRL's own agent loops (vLLM rollouts): judges responses in a reward worker."""

import math

from verl import DataProto
from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

from gdpo.rewards import Scorer
from gdpo.tasks import Problem, from_opening_tag
from gdpo.verl_plugin.rendered_prompt import opens_reasoning
from gdpo.verl_plugin.reward_columns import failed_rewards
from gdpo.verl_plugin.run_of import run_of


class NamedRewardManager(RewardManagerBase):
    """The run's named rewards (``reward.reward_manager.source=importlib``)."""

    def __init__(self, config, tokenizer, compute_score=None, **kwargs):
        super().__init__(config, tokenizer, compute_score)
        self._scorer = Scorer(run_of(config).specs())

    async def run_single(self, data: DataProto) -> dict:
        """``{"reward_score": weighted sum, "reward_extra_info": named rewards}`` of the last sequence.

        Where a reward is of whole groups, ``data`` is one, and there is a list of each
        (:mod:`gdpo.verl_plugin.group_rewards`). A failure is handed to the trainer, which raises it: veRL
        leaves out a response whose scoring raises and trains on the others of its group.
        """
        items = [data[i] for i in range(len(data))] if self._scorer.of_groups else [data[-1:][0]]
        try:
            found = await self.loop.run_in_executor(None, self._score, items)
            scores, infos = [self._scorer.total(rewards) for rewards in found], found
        except Exception as error:
            scores = [math.nan] * len(items)
            infos = [failed_rewards(self._scorer.specs, error)] * len(items)
        if not self._scorer.of_groups:
            return {"reward_score": scores[0], "reward_extra_info": infos[0]}
        return {"reward_score": scores, "reward_extra_info": infos}

    def _score(self, items: list) -> list[dict[str, float]]:
        texts, token_ids, problems = [], [], []
        for item in items:
            responses = item.batch["responses"]
            n_tokens = int(item.batch["attention_mask"][-responses.shape[-1] :].sum())
            token_ids.append(responses[:n_tokens].tolist())
            problems.append(Problem.of(item.non_tensor_batch))
            text = self.tokenizer.decode(token_ids[-1], skip_special_tokens=True)
            texts.append(from_opening_tag(text, opens_reasoning(self.tokenizer, item.batch["prompts"])))
        return self._scorer(texts, token_ids, problems, groups=[0] * len(items))
