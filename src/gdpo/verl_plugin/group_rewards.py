"""Rewards of whole groups with vLLM rollouts: a response is scored when all to its prompt are there.

veRL's agent loop scores each response as it ends. Here the sessions of one prompt, which run in one worker,
wait for each other, and the last one asks a reward worker about all of them
(``actor_rollout_ref.rollout.agent.agent_loop_manager_class``, for runs with such a reward).
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import ray
from verl.trainer.ppo.v1.agent_loop_tq import AgentLoopManagerTQ, AgentLoopWorkerTQ


@dataclass
class _Group:
    """The responses to one prompt, until all are there."""

    size: int
    outputs: dict[int, Any] = field(default_factory=dict)
    """Session -> what its agent loop gave."""
    scored: asyncio.Event = field(default_factory=asyncio.Event)
    failed: bool = False


class _GroupedWorker(AgentLoopWorkerTQ.__ray_metadata__.modified_class):
    """veRL's worker; see the module."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._groups: dict[str, _Group] = {}

    async def _run_prompt(
        self, prompt: dict, sampling_params: dict, trajectory: dict, trace: bool = False
    ) -> None:
        rollout, uid = self.config.actor_rollout_ref.rollout, prompt["uid"]
        self._groups[uid] = _Group(rollout.val_kwargs.n if trajectory["validate"] else rollout.n)
        try:
            await super()._run_prompt(prompt, sampling_params, trajectory, trace)
        finally:
            del self._groups[uid]

    async def _run_agent_loop(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super()._run_agent_loop(*args, **kwargs)
        except BaseException:
            self._end(self._groups[kwargs["uid"]], failed=True)
            raise

    async def _compute_score(self, outputs: list, kwargs: dict) -> None:
        group = self._groups[kwargs["uid"]]
        group.outputs[kwargs["session_id"]] = outputs[-1]
        if len(group.outputs) < group.size:
            await group.scored.wait()
            if group.failed:
                raise RuntimeError(
                    f"another response to prompt {kwargs['uid']} failed; its error is further up"
                )
            return
        together = [group.outputs[session] for session in sorted(group.outputs)]
        # veRL's own way to a reward worker, which gives a list for all; see NamedRewardManager.
        await super()._compute_score(together, kwargs)
        scores, infos = together[-1].reward_score, together[-1].extra_fields["reward_extra_info"]
        for output, score, info in zip(together, scores, infos, strict=True):
            output.reward_score = score
            output.extra_fields["reward_extra_info"] = info
        self._end(group)

    def _end(self, group: _Group, failed: bool = False) -> None:
        group.failed |= failed
        group.scored.set()


class GroupedAgentLoopManager(AgentLoopManagerTQ):
    """veRL's manager, with workers that score groups."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.agent_loop_workers_class = ray.remote(_GroupedWorker)
