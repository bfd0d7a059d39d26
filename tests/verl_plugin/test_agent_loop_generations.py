"""Generations at the edge through the batched agent loop: empty, endless, broken bytes."""

import math
from types import SimpleNamespace

import pytest

from gdpo.rewards import Scorer
from gdpo.rewards.scorer import RewardSpec

pytestmark = pytest.mark.slow  # imports veRL

LIMIT = 12


@pytest.fixture(scope="module")
def tokenizer():
    """Every byte is a token; the end token is one more, and special."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_only = Tokenizer(models.BPE({char: i for i, char in enumerate(alphabet)}, []))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=bytes_only, eos_token="<end>")
    made.chat_template = "{{ messages[0]['content'] }}:"
    return made


def generate(tokenizer, monkeypatch, responses: list[list[int]]) -> list[dict]:
    """What TransferQueue gets for each response; two prompts share them."""
    import ray
    import transfer_queue as tq
    from omegaconf import OmegaConf
    from verl.utils import tensordict_utils as tu

    from gdpo.verl_plugin.batched_agent_loop import BatchedAgentLoopManager

    specs = {"right": RewardSpec("correctness", 1.0, {}), "short": RewardSpec("length", 0.5, {"limit": 3})}
    settings = {"n": len(responses) // 2, "do_sample": True, "temperature": 1.0, "top_p": 1.0}
    manager = object.__new__(BatchedAgentLoopManager)
    manager._rollout = OmegaConf.create(settings | {"response_length": LIMIT})
    manager._tokenizer, manager._seed, manager._scorer = tokenizer, 1, Scorer(specs)

    def answer(prompts, keys, decoding):
        assert len(prompts) == len(keys) == len(responses) and decoding.max_tokens == LIMIT
        return 7, [(ids, [-0.5] * len(ids)) for ids in responses]

    manager._servers = [SimpleNamespace(generate_batch=SimpleNamespace(remote=answer))]
    puts = []
    monkeypatch.setattr(ray, "get", lambda calls: calls)
    monkeypatch.setattr(tq, "kv_batch_put", lambda **given: puts.append(given))
    batch = tu.get_tensordict(
        {
            "uid": ["a", "b"],
            "data_source": ["sums"] * 2,
            "raw_prompt": [[{"role": "user", "content": "1+1"}]] * 2,
            "reward_model": [{"ground_truth": ["2"], "several": "any"}] * 2,
            "extra_info": [{"id": "one"}, {"id": "two"}],
        }
    )
    tu.assign_non_tensor_data(batch, "global_steps", 3)
    manager.generate_sequences(batch)
    stored, finished = puts
    assert finished["keys"] == ["a", "b"] and len(stored["keys"]) == len(responses)
    return [
        {"key": key, "tag": tag, "row": stored["fields"][i]}
        for i, (key, tag) in enumerate(zip(stored["keys"], stored["tags"], strict=True))
    ]


def test_each_generation_is_counted_and_scored(tokenizer, monkeypatch):
    end = tokenizer.eos_token_id
    bytes_of = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]  # noqa: E731
    half = bytes_of("é")[:1]  # the first of two bytes
    endless = bytes_of("and so on, and so on")[:LIMIT]
    responses = [[end], endless, [*half, end], [*bytes_of(r"\boxed{2}"), *half, end], half * LIMIT, [end]]
    assert tokenizer.decode(half) == "\ufffd" and tokenizer.decode([end], skip_special_tokens=True) == ""
    stored = generate(tokenizer, monkeypatch, responses)
    assert [each["key"] for each in stored] == [f"{uid}_{i}_0" for uid in "ab" for i in range(3)]
    for each, ids in zip(stored, responses, strict=True):
        row, tag = each["row"], each["tag"]
        assert row["responses"].tolist() == ids and tag["response_len"] == len(ids)
        assert row["response_mask"].tolist() == [1] * len(ids) == row["loss_mask"].tolist()
        assert row["input_ids"].tolist() == bytes_of("1+1:") + ids and tag["seq_len"] == 4 + len(ids)
        assert row["rollout_log_probs"].tolist() == [-0.5] * len(ids)
    rewards = [each["row"]["extra_fields"]["reward_extra_info"] for each in stored]
    assert [r["right"] for r in rewards] == [0, 0, 0, 1, 0, 0]
    assert [r["short"] for r in rewards] == [1, 0, 1, 0, 0, 1]
    for each, reward in zip(stored, rewards, strict=True):
        assert all(map(math.isfinite, reward.values()))
        scores = each["row"]["rm_scores"].tolist()
        assert scores[-1] == reward["right"] + 0.5 * reward["short"] and not any(scores[:-1])


def test_a_response_without_a_token_is_refused(tokenizer, monkeypatch):
    """No engine of ours gives one: the end token is a token. There is nothing in it to train on."""
    with pytest.raises(ValueError, match="response 2 of 2 has no token"):
        generate(tokenizer, monkeypatch, [[tokenizer.eos_token_id], []])
