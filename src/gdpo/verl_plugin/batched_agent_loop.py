"""Single-turn agent loop that handles a whole batch in one call.

veRL's ``actor_rollout_ref.rollout.agent.agent_loop_manager_class``. The stock loop spends about half of the
generation time of a small model on one RPC a sample; this one does one call a server, scores in this process
and writes one TransferQueue batch.
"""

from typing import Any

import ray
import torch
import transfer_queue as tq
from omegaconf import DictConfig
from tensordict import TensorDict
from tensordict.tensorclass import NonTensorData, NonTensorStack
from verl.utils import hf_tokenizer

from gdpo.rewards import Scorer
from gdpo.sampling.backend import Decoding
from gdpo.tasks import Problem, from_opening_tag
from gdpo.verl_plugin.rendered_prompt import opens_reasoning
from gdpo.verl_plugin.rollout.server import server_name, shares
from gdpo.verl_plugin.run_of import run_of
from gdpo.verl_plugin.sampling_keys import sampling_keys


class BatchedAgentLoopManager:
    """Generates, scores and stores a batch of prompts. Same contract as veRL's AgentLoopManagerTQ."""

    def __init__(
        self, config: DictConfig, llm_client=None, teacher_client=None, reward_loop_worker_handles=None
    ):
        self._rollout = config.actor_rollout_ref.rollout
        self._tokenizer = hf_tokenizer(config.actor_rollout_ref.model.path, trust_remote_code=False)
        self._seed = int(self._rollout.seed)
        self._scorer = Scorer(run_of(config).specs())
        replicas = config.trainer.nnodes * config.trainer.n_gpus_per_node
        self._servers = [ray.get_actor(server_name(rank)) for rank in range(replicas)]

    @classmethod
    def create(cls, *args: Any, **kwargs: Any) -> "BatchedAgentLoopManager":
        """Same as the constructor; veRL calls this."""
        return cls(*args, **kwargs)

    def generate_sequences(self, batch: TensorDict) -> None:
        """Sample ``n`` responses for each prompt of ``batch`` and put them, scored, into TransferQueue."""
        rows = _rows(batch)
        validate = bool(rows[0].pop("validate", False))
        for row in rows[1:]:
            row.pop("validate", None)
        settings = self._rollout.val_kwargs if validate else self._rollout
        prompts = [self._prompt_ids(row) for row in rows]
        version, completions = self._generate(prompts, settings, rows[0]["global_steps"], validate)

        problems = [problem for row in rows for problem in [Problem.of(row)] * settings.n]
        groups = [index for index in range(len(rows)) for _ in range(settings.n)]
        texts = self._tokenizer.batch_decode([ids for ids, _ in completions], skip_special_tokens=True)
        opened = [opens_reasoning(self._tokenizer, prompt) for prompt in prompts for _ in range(settings.n)]
        texts = [from_opening_tag(*each) for each in zip(texts, opened, strict=True)]
        rewards = self._scorer(texts, [ids for ids, _ in completions], problems, groups)

        keys, fields, tags = [], [], []
        for i, row in enumerate(rows):
            for session in range(settings.n):
                index = i * settings.n + session
                token_ids, log_probs = completions[index]
                keys.append(f"{row['uid']}_{session}_0")
                score, named = self._scorer.total(rewards[index]), rewards[index]
                fields.append(_fields(row, prompts[i], token_ids, log_probs, score, named))
                tags.append(_tag(len(prompts[i]), len(token_ids), row["global_steps"], version))
        partition = "val" if validate else "train"
        tq.kv_batch_put(keys=keys, fields=_columns(fields), tags=tags, partition_id=partition)
        uids = [row["uid"] for row in rows]
        tq.kv_batch_put(keys=uids, partition_id=partition, tags=[{"status": "finished"} for _ in uids])

    def _prompt_ids(self, row: dict[str, Any]) -> list[int]:
        return self._tokenizer.apply_chat_template(
            list(row["raw_prompt"]), add_generation_prompt=True, tokenize=True, return_dict=False
        )

    def _generate(self, prompts, settings, step: int, validate: bool):
        """One response for each prompt and session, in that order, from all servers at once."""
        repeated = [prompt for prompt in prompts for _ in range(settings.n)]
        keys = sampling_keys(repeated, self._seed, step, validate)
        temperature = settings.temperature if settings.do_sample else 0.0
        decoding = Decoding(self._rollout.response_length, temperature, settings.top_p)
        parts = shares(len(repeated), len(self._servers))
        calls = [
            server.generate_batch.remote(repeated[part], keys[part], decoding)
            for server, part in zip(self._servers, parts, strict=True)
            if repeated[part]
        ]
        results = ray.get(calls)
        found = [completion for _, completions in results for completion in completions]
        for index, (token_ids, _) in enumerate(found, 1):
            if not token_ids:
                raise ValueError(f"response {index} of {len(found)} has no token; even the end token is one")
        return results[0][0], found


def _fields(
    row: dict[str, Any],
    prompt_ids: list[int],
    token_ids: list[int],
    log_probs: list[float],
    score: float,
    named_rewards: dict[str, Any],
) -> dict[str, Any]:
    """What TransferQueue keeps of one response: the columns that the trainer reads, and no others.

    veRL's own loop keeps the dataset's row with each response as well, and sends all of it to the training
    worker. Of a column that is no tensor each value becomes an object there, some ms for 128 responses.
    """
    prompts, responses = torch.tensor(prompt_ids), torch.tensor(token_ids)
    response_mask = torch.ones_like(responses)
    rm_scores = torch.zeros(len(token_ids))
    rm_scores[-1] = score
    return {
        "uid": row["uid"],
        "data_source": row["data_source"],
        "reward_model": row["reward_model"],
        "extra_fields": {"reward_extra_info": named_rewards},
        "num_turns": 2,
        "prompts": prompts,
        "responses": responses,
        "response_mask": response_mask,
        "loss_mask": response_mask,
        "input_ids": torch.cat([prompts, responses]),
        "position_ids": torch.arange(len(prompt_ids) + len(token_ids)),
        "rollout_log_probs": torch.tensor(log_probs),
        "rm_scores": rm_scores,
    }


def _columns(rows: list[dict[str, Any]]) -> TensorDict:
    """The rows as one batch, for TransferQueue, which takes it apart again.

    Its strided nested tensors come apart faster than the jagged ones that veRL's own function makes.
    """
    columns = {}
    for name, first in rows[0].items():
        values = [row[name] for row in rows]
        tensors = isinstance(first, torch.Tensor)
        columns[name] = torch.nested.nested_tensor(values) if tensors else NonTensorStack(*values)
    return TensorDict(columns, batch_size=[len(rows)])


def _rows(batch: TensorDict) -> list[dict[str, Any]]:
    """One plain dict a prompt of a TensorDict that mixes tensors, stacks and shared values."""
    rows: list[dict[str, Any]] = [{} for _ in range(len(batch))]
    for name, column in batch.items():
        for i, row in enumerate(rows):
            if isinstance(column, torch.Tensor):
                row[name] = column[i]
            elif isinstance(column, NonTensorStack):
                row[name] = column[i].data
            elif isinstance(column, NonTensorData):
                row[name] = column.data
            else:  # tensordict unwraps shared non-tensor values
                row[name] = column
    return rows


def _tag(prompt_length: int, response_length: int, step: int, version: int | None) -> dict[str, Any]:
    return {
        "status": "success",
        "prompt_len": prompt_length,
        "response_len": response_length,
        "seq_len": prompt_length + response_length,
        "global_steps": step,
        "min_global_steps": version,
        "max_global_steps": version,
    }
