"""The reward manager of vLLM rollouts, as veRL calls it: in an event loop, off the main thread."""

import asyncio
import json
import math
import threading

import numpy as np
import pytest

from gdpo.config.run import RunConfig
from gdpo.plugins import REWARDS
from gdpo.plugins.kinds import Reward
from gdpo.rewards import RewardError
from gdpo.verl_plugin.reward_columns import reward_columns

pytestmark = pytest.mark.slow

CASES = [
    (r"<think>a</think>\boxed{\frac{2}{4}}", "0.5", 1.0),
    (r"\boxed{1+x}", "x+1", 1.0),
    (r"\boxed{2+x}", "x+1", 0.0),
    (r"\boxed{9^{9^{9^{9}}}}", r"\sqrt{3}", 0.0),
    (r"\boxed{7}", "7", 1.0),
]


@pytest.fixture(scope="module")
def tokenizer():
    """Every byte is a token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_only = Tokenizer(models.BPE({char: i for i, char in enumerate(alphabet)}, []))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=bytes_only, pad_token=alphabet[0])


def item(tokenizer, text: str, gold: str, prompt: str = "What?"):
    """One response as veRL hands it over, padded; its prompt from the left."""
    import torch
    from verl import DataProto

    ids = tokenizer(text)["input_ids"]
    responses = torch.tensor([ids + [0] * 5])
    asked = tokenizer(prompt)["input_ids"]
    mask = torch.tensor([[0] * 4 + [1] * (len(asked) + len(ids)) + [0] * 5])
    prompts = torch.tensor([[0] * 4 + asked])
    reward_model = {"style": "rule", "ground_truth": [gold], "several": "any"}
    return DataProto.from_dict(
        {"prompts": prompts, "responses": responses, "attention_mask": mask},
        non_tensors={
            "reward_model": np.array([reward_model], dtype=object),
            "extra_info": np.array([{"id": "one"}], dtype=object),
            "raw_prompt": np.array([[{"role": "user", "content": prompt}]]),
        },
    )


def score_all(tokenizer, folder, cases) -> list[dict]:
    """What the manager gives for each (text, gold) or (text, gold, prompt), asked for from a thread."""
    from omegaconf import OmegaConf

    from gdpo.verl_plugin.reward_manager import NamedRewardManager

    rewards = {"correctness": {}, "length": {"weight": 0.5, "options": {"limit": 20}}}
    run = RunConfig.model_validate({"method": "gdpo", "rewards": rewards, "training": {"steps": 1}})
    (folder / "run.json").write_text(json.dumps(run.resolved()))
    config = OmegaConf.create({"gdpo": {"run_config": str(folder / "run.json")}})
    found = []

    async def all_at_once():
        manager = NamedRewardManager(config, tokenizer)
        manager.loop = asyncio.get_running_loop()
        return await asyncio.gather(*(manager.run_single(item(tokenizer, *case)) for case in cases))

    thread = threading.Thread(target=lambda: found.extend(asyncio.run(all_at_once())))
    thread.start()
    thread.join(60)
    assert len(found) == len(cases)
    return found


def test_a_box_in_reasoning_that_the_prompt_opened_is_no_answer(tokenizer, tmp_path):
    cut_off, whole = r"so \boxed{7}, but wait", r"so \boxed{6}</think>\boxed{7}"
    opened = "What?<assistant><think>\n"
    cases = [
        (cut_off, "7", opened),
        (whole, "7", opened),
        (cut_off, "7"),
        (cut_off, "7", "Use <think>. What?"),
    ]
    found = [made["reward_extra_info"]["correctness"] for made in score_all(tokenizer, tmp_path, cases)]
    assert found == [0.0, 1.0, 1.0, 1.0]


def test_rewards_off_the_main_thread(tokenizer, tmp_path):
    found = score_all(tokenizer, tmp_path, [(text, gold) for text, gold, _ in CASES])
    for (text, _, correct), result in zip(CASES, found, strict=True):
        short = float(len(text) <= 20)
        info = result["reward_extra_info"]
        assert (info["correctness"], info["length"]) == (correct, short)
        assert result["reward_score"] == correct + 0.5 * short


def test_a_failing_reward_reaches_the_trainer(tokenizer, tmp_path, monkeypatch):
    def short(response, *, limit: int):
        return float("nan") if response.verdict.extracted == "7" else 1.0

    monkeypatch.setitem(REWARDS, "length", Reward(short))
    found = score_all(tokenizer, tmp_path, [(text, gold) for text, gold, _ in CASES])
    scores = [result["reward_score"] for result in found]
    assert [math.isnan(score) for score in scores] == [False] * 4 + [True]
    with pytest.raises(RewardError, match="reward length gave nan, .* on response 1 of 1"):
        reward_columns(found, ["correctness", "length"])
    assert set(reward_columns(found[:4], ["correctness", "length"])["length"].tolist()) == {1.0}


def test_a_response_of_the_end_token_alone_and_one_of_broken_bytes(tokenizer, tmp_path):
    """Bytes that are no UTF-8 count as tokens, and are judged as what they decode to."""
    broken = tokenizer.convert_tokens_to_ids([tokenizer.tokenize("é")[0]])
    assert tokenizer.decode(broken) == "\ufffd"
    empty, cut = score_all(tokenizer, tmp_path, [("", "7"), (r"\boxed{7}é", "7")])
    assert empty["reward_extra_info"] == {"correctness": 0.0, "length": 1.0}
    assert cut["reward_extra_info"]["correctness"] == 1.0
